"""Dates as forms have them: `DDMMYYYY`, in one field or in one field for each part."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import accumulate

import numpy as np
import numpy.typing as npt

_PARTS = re.compile(r"DD|MM|YYYY|YY")
_RANGE = re.compile(r"(\d{4}-\d\d-\d\d)\.\.(\d{4}-\d\d-\d\d)")

_LAST_DAYS = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], np.int64)
"""The last day of each month of a common year; the first is for no month."""

_CENTURIES = (19, 20)
"""Centuries of a year of two digits."""

_FIRST_OF_LAST_CENTURY = 69
"""Two digits from which a year is taken to be of the last century, as POSIX has it."""

_HOW = "Write it like DDMMYYYY, or with a range, DDMMYYYY 2019-01-01..2019-12-31"


@dataclass(frozen=True, slots=True)
class DateRule:
    """A date's `parts` in their order, each of "DD", "MM", "YYYY" and "YY", and its range."""

    parts: tuple[str, ...]
    first: date
    last: date

    @classmethod
    def parse(cls, text: str) -> DateRule:
        """The rule in a text: `DDMMYYYY`, with a range behind it or without.

        Raises:
            ValueError: it is none; the message says why.
        """
        form, _, limits = text.strip().partition(" ")
        parts = tuple(_PARTS.findall(form))
        kinds = sorted(part[0] for part in parts)
        if "".join(parts) != form or kinds != ["D", "M", "Y"]:
            raise ValueError(f"{text!r} is no form of a date. {_HOW}")
        first, last = _range(limits.strip()) if limits.strip() else (date.min, date.max)
        return cls(parts, first, last)

    @property
    def length(self) -> int:
        """The number of its digits."""
        return sum(map(len, self.parts))

    def date_of(self, digits: str) -> date | None:
        """The date in digits without signs between its parts; None if it is no such date.

        A year of two digits is the one in the range; if both are, 69 and later are 19xx.
        """
        if len(digits) != self.length or not digits.isdecimal():
            return None
        ends = accumulate(map(len, self.parts))
        pairs = zip(self.parts, ends, strict=True)
        return self.date_of_parts([digits[end - len(part) : end] for part, end in pairs])

    def date_of_parts(self, texts: Sequence[str]) -> date | None:
        """The date that the digits of its parts say, in their order; None for no such date.

        Days and months may lack their zero, and years of four digits their century.
        """
        found = {part[0]: text for part, text in zip(self.parts, texts, strict=True)}
        if not (1 <= len(found["D"]) <= 2 and 1 <= len(found["M"]) <= 2):
            return None
        year, month, day = (int(found[part]) for part in "YMD")
        match len(found["Y"]):
            case 4 if "YYYY" in self.parts:
                years = [year]
            case 2:
                last = year >= _FIRST_OF_LAST_CENTURY
                years = [100 * century + year for century in _CENTURIES[:: 1 if last else -1]]
            case _:
                return None
        for one in years:
            with suppress(ValueError):
                if self.first <= (day_found := date(one, month, day)) <= self.last:
                    return day_found
        return None

    def fitting(self, numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Which numbers YYYYMMDD, as `weights` make them, any shape, are such dates."""
        if "YY" not in self.parts:
            return self._allowed(numbers)
        fits = [self._allowed(numbers + 1_000_000 * century) for century in _CENTURIES]
        return np.asarray(np.any(fits, axis=0) & (numbers < 1_000_000), np.bool_)

    @property
    def weights(self) -> tuple[int, ...]:
        """What to multiply the numbers of the parts with, so that their sum is YYYYMMDD."""
        weights = {"Y": 10_000, "M": 100, "D": 1}
        return tuple(weights[part[0]] for part in self.parts)

    def _allowed(self, numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        year, month, day = numbers // 10_000, numbers // 100 % 100, numbers % 100
        leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
        last = _LAST_DAYS[np.where((month >= 1) & (month <= 12), month, 0)]
        first, until = (int(one.strftime("%Y%m%d")) for one in (self.first, self.last))
        within = (first <= numbers) & (numbers <= until)
        return np.asarray(within & (day >= 1) & (day <= last + (leap & (month == 2))), np.bool_)


def _range(text: str) -> tuple[date, date]:
    found = _RANGE.fullmatch(text)
    try:
        if found is None:
            raise ValueError("not two dates")
        first, last = (date.fromisoformat(one) for one in found.groups())
    except ValueError as error:
        raise ValueError(f"{text!r} is no range of dates ({error}). {_HOW}") from error
    if first > last:
        raise ValueError(f"the range {text} ends before it begins")
    return first, last


date_rule = lru_cache(maxsize=256)(DateRule.parse)
"""`DateRule.parse`, which keeps the rules that were asked for."""
