"""Rules between fields as people write them: `total = a + b + c`, `valid <= total`."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection
from decimal import Decimal
from functools import lru_cache

from formreader.core.dates import DateRule
from formreader.rules.form_rules import Comparison, Relation, RelationKey

_COMPARISON = re.compile(r"<=|>=|=|<|>")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_MAX_FACTOR_DIGITS = 6
"""Longer numbers in a rule could make its sums too large to be counted."""

_UNKNOWN = re.compile(r"[^-+*=<>,\s]*")
"""A name that no field has, for a message."""


def parse_relations(key: RelationKey, text: str, names: Collection[str]) -> tuple[Relation, ...]:
    """The rules in one text of a template's `key`; several of fields that are `equal`.

    `names` are those of the form's fields. They may hold blanks and signs: the longest name that
    fits counts.

    Raises:
        ValueError: it is no such rule, or names no field; the message says why.
    """
    text = " ".join(text.split())
    relations = _READERS[key](key, text, names)
    if any(not one.terms for one in relations):
        raise ValueError(f"{text!r} says nothing about a field")
    return relations


@lru_cache(maxsize=8)
def _any_of(names: frozenset[str]) -> re.Pattern[str]:
    """Finds one of the names, the longest that fits."""
    longest_first = sorted(names, key=len, reverse=True)
    return re.compile(f"(?:{'|'.join(map(re.escape, longest_first))})(?!\\w)")


class _Reader:
    """Reads names, numbers and signs of a text, from its beginning."""

    def __init__(self, text: str, names: Collection[str]) -> None:
        self._text, self._at = text, 0
        self._names = _any_of(frozenset(names))

    def sign(self, *signs: str) -> str:
        """The next of these signs, or "" if something else comes."""
        self._skip()
        found = next((one for one in signs if self._text.startswith(one, self._at)), "")
        self._at += len(found)
        return found

    def number(self) -> Decimal | None:
        """The next number, or None if something else comes."""
        self._skip()
        found = _NUMBER.match(self._text, self._at)
        if found is None or self._name_here():
            return None
        if len(found[0].replace(".", "")) > _MAX_FACTOR_DIGITS:
            raise ValueError(
                f"{self._text!r} has a number of more than {_MAX_FACTOR_DIGITS} digits: {found[0]}"
            )
        self._at = found.end()
        return Decimal(found[0])

    def name(self) -> str:
        """The name of a field, which must come now."""
        self._skip()
        name = self._name_here()
        if not name:
            unknown = _UNKNOWN.match(self._text, self._at)
            if unknown and unknown[0]:
                raise ValueError(f"there is no field named {unknown[0]!r}")
            raise ValueError(f"{self._text!r} lacks the name of a field{self._place()}")
        self._at += len(name)
        return name

    def done(self) -> bool:
        self._skip()
        return self._at == len(self._text)

    def refuse(self) -> None:
        """Say that what comes now is not understood."""
        raise ValueError(f"{self._text!r} is not understood{self._place()}")

    def _skip(self) -> None:
        while self._at < len(self._text) and self._text[self._at].isspace():
            self._at += 1

    def _name_here(self) -> str:
        found = self._names.match(self._text, self._at)
        return found[0] if found else ""

    def _place(self) -> str:
        rest = self._text[self._at :]
        return f" at {rest!r}" if rest else " at its end"


def _sum(key: RelationKey, text: str, names: Collection[str]) -> tuple[Relation, ...]:
    found = _COMPARISON.findall(text)
    if found != ["="]:
        raise ValueError(f"{text!r} is no sum. Write it like total = a + b + c")
    return (_compared(key, text, names),)


def _less(key: RelationKey, text: str, names: Collection[str]) -> tuple[Relation, ...]:
    found = _COMPARISON.findall(text)
    if len(found) != 1 or found[0] == "=":
        raise ValueError(f"{text!r} compares nothing. Write it like a < b, or a <= b")
    return (_compared(key, text, names),)


def _equal(key: RelationKey, text: str, names: Collection[str]) -> tuple[Relation, ...]:
    reader = _Reader(text, names)
    fields = [reader.name()]
    while reader.sign("="):
        fields.append(reader.name())
    if not reader.done():
        reader.refuse()
    if len(fields) < 2 or len(set(fields)) < len(fields):
        raise ValueError(f"{text!r} must name two fields or more, each once, like a = b")
    first, *others = fields
    return tuple(Relation(key, text, ((first, 1), (one, -1)), "=") for one in others)


def _date(key: RelationKey, text: str, names: Collection[str]) -> tuple[Relation, ...]:
    reader, fields = _Reader(text, names), list[str]()
    while not reader.sign("="):
        fields.append(reader.name())
    _, _, form = text.rpartition("=")
    rule = DateRule.parse(form)
    if len(fields) != len(rule.parts) or len(set(fields)) < len(fields):
        raise ValueError(
            f"{text!r} must name one field for each of {', '.join(rule.parts)}, in this order, "
            "like day month year = DDMMYYYY. For a date in one field, use its key date"
        )
    return (Relation(key, text, tuple(zip(fields, rule.weights, strict=True)), "date", 0, form),)


def _compared(key: RelationKey, text: str, names: Collection[str]) -> Relation:
    """The relation of two sums, multiplied by a power of ten where it has decimals."""
    reader, weights = _Reader(text, names), defaultdict[str, Decimal](Decimal)
    constant = _add_side(reader, weights, 1)
    sign = reader.sign("<=", ">=", "=", "<", ">")
    constant += _add_side(reader, weights, -1)
    if not sign or not reader.done():
        reader.refuse()
    numbers = (constant, *weights.values())
    scale = (-1 if sign.startswith(">") else 1) * 10 ** max(map(decimals_of, numbers))
    terms = tuple((name, int(scale * weight)) for name, weight in weights.items() if weight)
    compare: Comparison = "=" if sign == "=" else "<=" if sign.endswith("=") else "<"
    return Relation(key, text, terms, compare, int(scale * constant))


def decimals_of(number: int | Decimal) -> int:
    """How many digits a number has behind the comma."""
    if isinstance(number, int):
        return 0
    exponent = number.as_tuple().exponent
    return max(-exponent, 0) if isinstance(exponent, int) else 0


def _add_side(reader: _Reader, weights: dict[str, Decimal], side: int) -> Decimal:
    """Add the terms of one side to `weights`, and return its constant."""
    constant, sign = Decimal(), reader.sign("-", "+") or "+"
    while sign:
        factor = side if sign == "+" else -side
        number = reader.number()
        if number is not None and not reader.sign("*"):
            constant += factor * number
        else:
            weights[reader.name()] += factor * (1 if number is None else number)
        sign = reader.sign("-", "+")
    return constant


_READERS = {"sums": _sum, "equal": _equal, "less": _less, "dates": _date}
"""What reads the rules of each key."""
