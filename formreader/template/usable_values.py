"""Limits of the values of a template: names that every part can use, numbers in their ranges.

They are checked only here, for templates that are made, edited, sent or read.
"""

from __future__ import annotations

from typing import Any

from formreader.core.printable import printable
from formreader.rules.field_checks import MAX_DIGITS

MAX_NAME = 200
"""Largest length of the name of a form or a field, in characters: more than a column shows."""

MAX_FIELDS = 5000
"""Largest number of fields of a form. They are columns of a table; spreadsheets have 16,384."""

MAX_PLACES = 10_000
"""Largest number of boxes and cells of a form. A3 has room for 5,000 of 5 mm. A page with 10,000
took 30 s on a busy machine, half of what `--page-timeout` allows."""

MAX_BOXES = 200
"""Largest number of boxes of a field: a line of A3 with a box every 2 mm."""

MAX_SIDE = 100_000
"""Largest side of the reference page, in pixels: 25 m at 100 dpi."""

_MAX_NUMBER = 10**MAX_DIGITS
"""Numbers of a template are below this, as rules compare no longer ones."""

_NO_FORMS = frozenset((".", "..", "*", "auto"))
"""Names with another meaning: in paths the folder or its parent, in calls all forms, in options the
forms that are learned from the pages."""

_MAX_SHOWN = 80
"""Largest number of characters of a wrong value in a message."""


def name_fault(name: object) -> str:
    """What is wrong with the name of a form or a field; "" if nothing."""
    if not isinstance(name, str) or not name or name != " ".join(name.split()):
        return f"must be text in one line, without spaces around it. {found(name)}"
    if len(name) > MAX_NAME:
        return f"must have at most {MAX_NAME} characters. It has {len(name):,}"
    if name != printable(name):
        return f"must be printable. {found(name)}"
    return ""


def form_name_fault(name: object) -> str:
    """What is wrong with the name of a form; "" if nothing.

    It is a part of URLs and the name of a folder.
    """
    if fault := name_fault(name):
        return fault
    if name in _NO_FORMS or "/" in str(name):
        return f"may not be ., .., * or auto, nor have a /: no call could reach it. {found(name)}"
    return ""


def place_fault(place: Any, size: tuple[int, int]) -> str:
    """What is wrong with a place on a page of (width, height) `size` in pixels; "" if nothing."""
    numbers = isinstance(place, list) and all(type(one) in (int, float) for one in place)
    if not numbers or len(place) != 4:
        return f"a place must be [left, top, width, height] in pixels. {found(place)}"
    left, top, width, height = place
    if not (width >= 1 and height >= 1):
        return f"width and height must be 1 or more. {found(place)}"
    if not (width <= size[0] and height <= size[1]):
        return f"{place} is larger than the page, which has {size[0]} x {size[1]} pixels"
    if not (0 <= left + width / 2 < size[0] and 0 <= top + height / 2 < size[1]):
        return f"{place} is off the page, which has {size[0]} x {size[1]} pixels"
    return ""


def has_unusable_number(value: object) -> bool:
    """Whether a TOML value contains a number that is too large, infinite or NaN."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
        elif isinstance(one, int | float) and not -_MAX_NUMBER < one < _MAX_NUMBER:
            return True
    return False


NUMBER_FAULT = f"numbers must be finite and have at most {MAX_DIGITS} digits before the point"
"""The fault of a key that `has_unusable_number`. It does not show the value, which Python may
refuse to write."""


def found(value: object) -> str:
    """The wrong value as text for a message, cut to `_MAX_SHOWN` characters."""
    return "It is missing" if value is None else f"Found: {repr(value)[:_MAX_SHOWN]}"
