"""The kinds of fields: what a value stands for, whether it fits, and how tables write it.

Rules, tables, review and the learning of forms all ask here what a value is. What was read stays as
it was written; only a table with a row a page has it in one form: dates as ISO 8601 has them,
numbers with a point before their decimals.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Literal, TypeAlias, get_args

from formreader.core.dates import date_rule
from formreader.core.doubts import Doubt

Kind: TypeAlias = Literal["integer", "decimal", "date", "time", "code", "ignore"]

KINDS: tuple[Kind, ...] = get_args(Kind)

Typed: TypeAlias = int | Decimal | date | timedelta | str
"""What a value stands for. A time is the `timedelta` since midnight, as 24:00 is one, too."""

DEFAULT_ORDER = "DDMMYYYY"
"""Order of a date whose template does not tell it."""

MAX_DECIMALS = 6
"""Digits behind the comma; a value with more is no number that people write into forms."""

_MAX_WHOLE_LENGTH = 20
"""Characters of a whole number; a longer one is a name of a thing."""

_GROUPED = re.compile(r"\d{1,3}(?:([., ])\d{3})(?:\1\d{3})*")
"""A whole number in groups of three digits, all with the same sign between them."""

_PARTS = re.compile(r"[-., ]+")
"""What people write between the parts of a date or of a time; a colon is read as a point."""

_ISO_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)")
_NORMAL = re.compile(r"(-?)(\d+)(?:([.,])(\d+))?")
_CLOCK = re.compile(r"(\d{1,2}):(\d\d)(?::00)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldKind:
    """What a template says of the kind of a field; the defaults say nothing.

    `decimals` are the lowest and the highest number of digits behind the comma. `separator` is the
    sign before them; "" for a point or a comma. `date` is the text of a `DateRule`. `boxes` is the
    number of boxes of a decimal whose sign is printed in its row of boxes; 0 for others. `comma`:
    a table with a row a page has a comma before its decimals.
    """

    kind: Kind | Literal[""] = ""
    decimals: tuple[int, int] | None = None
    separator: str = ""
    date: str = ""
    boxes: int = 0
    comma: bool = False

    @property
    def is_a(self) -> Kind | Literal[""]:
        """The kind, as its name or as what else is said of the field tells it."""
        if self.kind:
            return self.kind
        return "date" if self.date else "decimal" if self.decimals is not None else ""


NO_KIND = FieldKind()


class Misfit(ValueError):  # noqa: N818 - it is no fault of the program
    """A value that is none of the field's kind: its doubt, the value, and what was asked for."""


def value_of(text: str, kind: FieldKind) -> Typed | None:
    """What a value as written stands for; None for a blank, and where a digit is not readable.

    Raises:
        Misfit: it is no value of this kind.
    """
    if not text or "?" in text:
        return None
    match kind.is_a:
        case "integer":
            return _whole(text)
        case "decimal":
            return _decimal(text, kind)
        case "date":
            return _date(text, kind.date or DEFAULT_ORDER)
        case "time":
            return _time(text)
    return text


def written_value(value: str, cells: str, kind: FieldKind) -> str:
    """The value of a field as written, with the sign that is printed in its row of boxes.

    `cells` has one character a box, "." for a blank. A blank between digits stays one.
    """
    if not kind.boxes or kind.decimals is None or len(cells) != kind.boxes:
        return value
    if not cells.strip(".") or any(mark in value for mark in ",. "):
        return value  # a person's answer has its own sign
    behind = kind.decimals[1]
    whole, part = cells[:-behind].lstrip("."), cells[-behind:].rstrip(".")
    return (kind.separator or ".").join(one.replace(".", " ") for one in (whole, part))


def text_of(value: Typed | None, written: str, *, comma: bool = False) -> str:
    """What `value_of` gave, as text; `written` where it gave None."""
    match value:
        case None:
            return written
        case Decimal():
            return f"{value:f}".replace(".", "," if comma else ".")
        case date():
            return value.isoformat()
        case timedelta():
            return "{:02}:{:02}".format(*divmod(value // timedelta(minutes=1), 60))
    return str(value)


def as_written(text: str, kind: FieldKind) -> str:
    """What a person changed in a table of pages as forms have it: the inverse of `text_of`."""
    if kind.is_a == "date" and (found := _ISO_DATE.fullmatch(text)):
        year, month, day = found.groups()
        parts = {"YYYY": year, "YY": year[2:], "MM": month, "DD": day}
        return "".join(parts[part] for part in date_rule(kind.date or DEFAULT_ORDER).parts)
    if kind.is_a == "time" and (found := _CLOCK.fullmatch(text)):
        return f"{int(found[1]):02}{found[2]}"
    if kind.is_a == "decimal" and (found := _NORMAL.fullmatch(text)):
        sign, whole, mark, part = found.groups("")
        if mark == ("," if kind.comma else "."):
            mark = kind.separator or mark
        least, most = kind.decimals or (0, MAX_DECIMALS)
        part = part.ljust(least, "0")  # spreadsheets write 7 for 7.0
        if kind.boxes:
            whole = whole.zfill(kind.boxes - most)
        return f"{sign}{whole}{mark or kind.separator or '.'}{part}" if part else text
    return text


def same_value(one: str, other: str, kind: FieldKind) -> bool:
    """Whether two texts stand for the same: 7.0, 7 and 007 are one number."""
    try:
        value = value_of(as_written(one, kind), kind)
        return value is not None and value == value_of(as_written(other, kind), kind)
    except Misfit:
        return False


def free_number(text: str) -> int | Decimal | None:
    """The number that a value of no kind stands for, or None; 1.250 is 1250, and 12,50 is 12.5."""
    try:
        return _whole(text)
    except Misfit:
        try:
            return _decimal(text, NO_KIND)
        except Misfit:
            return None


def likely_kind(values: Sequence[str]) -> FieldKind:
    """The kind of a field by values that were read in it; `NO_KIND` where they do not tell."""
    told = [value for value in values if value and "?" not in value]
    if len(told) < _MIN_VALUES:
        return NO_KIND
    groups = [len(_PARTS.split(value)) for value in told]
    if set(groups) == {3} or all(len(value) == _DATE_DIGITS for value in told):
        orders = [order for order in _ORDERS if _all_fit(told, FieldKind(date=f"{order} {_AGE}"))]
        if len(orders) == 1:
            return FieldKind(kind="date", date=orders[0])
    if groups.count(2) >= _MIN_VALUES:
        parts = map(_PARTS.split, told)
        behind = [len(one[-1]) if len(one) > 1 else 0 for one in parts]
        kind = FieldKind(kind="decimal", decimals=(min(behind), max(behind)))
        if max(behind) < _THOUSANDS and _all_fit(told, kind):
            return kind
    return NO_KIND


_MIN_VALUES = 3
"""Values that tell of what kind a field is."""

_DATE_DIGITS = 8
"""Digits of a date with its century."""

_AGE = "1900-01-01..2099-12-31"
"""Dates that people write into forms; eight digits that are no date seldom fall among them."""

_THOUSANDS = 3
"""Digits behind a sign that may group thousands."""

_ORDERS = ("DDMMYYYY", "MMDDYYYY", "YYYYMMDD")


def _all_fit(values: Sequence[str], kind: FieldKind) -> bool:
    for value in values:
        try:
            value_of(value, kind)
        except Misfit:
            return False
    return True


def _whole(text: str) -> int:
    if len(text) > _MAX_WHOLE_LENGTH:
        raise Misfit(Doubt.TOO_LONG, f"{text[:_MAX_WHOLE_LENGTH]}...")
    if text.isascii() and text.isdecimal():  # nearly all are, and this is asked often
        return int(text)
    body = text.removeprefix("-")
    if not (body.isascii() and (body.isdecimal() or _GROUPED.fullmatch(body))):
        raise Misfit(Doubt.NOT_WHOLE, text)
    number = int("".join(filter(str.isdecimal, body)))
    return -number if text.startswith("-") else number


def _decimal(text: str, kind: FieldKind) -> Decimal:
    least, most = kind.decimals or (0, MAX_DECIMALS)
    body = text.removeprefix("-")
    at = max(map(body.rfind, kind.separator or ".,"))
    whole, part = (body, "") if at < 0 else (body[:at], body[at + 1 :])
    if at >= 0 and not kind.separator and _GROUPED.fullmatch(body):
        one_sign = whole.isdecimal()
        if one_sign and least != most >= len(part) and whole != "0" and kind != NO_KIND:
            raise Misfit(Doubt.AMBIGUOUS, text, _whole(body), f"{whole}.{part}")
        if not (one_sign and (least == most == len(part) or whole == "0")):
            whole, part, at = body, "", -1
    if at < 0 and least:
        raise Misfit(Doubt.LACKS_DECIMALS, text, span(least, most))
    if at < 0 and most and kind != NO_KIND and body[:1] == "0" and len(body) > 1:
        raise Misfit(Doubt.LACKS_POINT, text)
    printed = kind.boxes > 0  # people may leave the boxes on either side of it blank
    if (at >= 0 and not part and not printed) or not (whole or part):
        raise Misfit(Doubt.NOT_A_NUMBER, text)
    try:
        before = _whole(whole) if whole else 0
    except Misfit:
        raise Misfit(Doubt.NOT_A_NUMBER, text) from None
    if part and not (part.isascii() and part.isdecimal()):
        raise Misfit(Doubt.NOT_A_NUMBER, text)
    if len(part) > most or (len(part) < least and not printed):
        raise Misfit(Doubt.WRONG_DECIMALS, text, span(least, most))
    if least == most:
        part = part.ljust(most, "0")
    number = Decimal(f"{before}.{part}" if part else before)
    return -number if text.startswith("-") else number


def span(least: int, most: int) -> str:
    """A range as templates have it: 2, or 4..6."""
    return str(least) if least == most else f"{least}..{most}"


def _date(text: str, order: str) -> date:
    rule = date_rule(order)
    parts = [part for part in _PARTS.split(text) if part]
    of_parts = len(parts) == len(rule.parts) and all(map(str.isdecimal, parts))
    found = rule.date_of_parts(parts) if of_parts else rule.date_of("".join(parts))
    if found is None:
        raise Misfit(Doubt.NOT_A_DATE, text, order)
    return found


def _time(text: str) -> timedelta:
    parts = [part for part in _PARTS.split(text) if part]
    if len(parts) == 1 and len(text) in (3, 4):
        parts = [text[:-2], text[-2:]]
    if len(parts) == 2 and all(map(str.isdecimal, parts)) and len(parts[1]) == 2:
        time = timedelta(hours=int(parts[0][:4]), minutes=int(parts[1]))
        if int(parts[1]) < 60 and time <= timedelta(days=1):
            return time
    raise Misfit(Doubt.NOT_A_TIME, text)
