"""Dates as forms have them: `DDMMYYYY`, in one field or in one field for each part."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

_PARTS = re.compile(r"DD|MM|YYYY|YY")
_RANGE = re.compile(r"(\d{4}-\d\d-\d\d)\.\.(\d{4}-\d\d-\d\d)")

_CENTURIES = (19, 20)
"""Centuries of a year of two digits."""

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

    def fits(self, digits: str) -> bool:
        """Whether digits are such a date."""
        if len(digits) != sum(map(len, self.parts)) or not digits.isdecimal():
            return False
        found, at = dict[str, int](), 0
        for part in self.parts:
            found[part[0]] = int(digits[at : at + len(part)])
            at += len(part)
        years = [found["Y"]]
        if "YY" in self.parts:
            years = [100 * century + found["Y"] for century in _CENTURIES]
        return any(self._allows(year, found["M"], found["D"]) for year in years)

    def fits_number(self, number: int) -> bool:
        """Whether a number YYYYMMDD, as `weights` make it, is such a date."""
        year, month, day = number // 10_000, number // 100 % 100, number % 100
        years = [year]
        if "YY" in self.parts:
            years = [100 * century + year for century in _CENTURIES] if year < 100 else []
        return any(self._allows(one, month, day) for one in years)

    @property
    def weights(self) -> tuple[int, ...]:
        """What to multiply the numbers of the parts with, so that their sum is YYYYMMDD."""
        weights = {"Y": 10_000, "M": 100, "D": 1}
        return tuple(weights[part[0]] for part in self.parts)

    def _allows(self, year: int, month: int, day: int) -> bool:
        try:
            return self.first <= date(year, month, day) <= self.last
        except ValueError:
            return False


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
