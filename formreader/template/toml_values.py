"""Values as TOML writes them, and the comments of a TOML text."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date, datetime, time

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_ENTRY = re.compile(r"\s*\[\[\s*fields\s*\]\]")
_COMMENT = re.compile(r"\s*#")


def toml_value(value: object) -> str:
    """A value that `tomllib` read, as TOML in one line.

    Raises:
        TypeError: TOML has no such values.
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    if isinstance(value, list):
        return f"[{', '.join(map(toml_value, value))}]"
    if isinstance(value, Mapping):
        pairs = ", ".join(f"{toml_key(key)} = {toml_value(one)}" for key, one in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    raise TypeError(f"TOML has no {type(value).__name__}")


def toml_key(key: str) -> str:
    """A key as TOML writes it: bare, or in quotes."""
    return key if _BARE_KEY.fullmatch(key) else toml_value(key)


def comment_lines(text: str, fields: int) -> tuple[list[str], list[list[str]]]:
    """The lines of a template.toml that are comments: of its head, and of each of its `fields`.

    Lines right above a `[[fields]]` belong to that field. Comments behind values are left out.
    """
    head, own = list[str](), [list[str]() for _ in range(fields)]
    at, waiting = -1, list[str]()
    for line in text.splitlines():
        if _COMMENT.match(line):
            waiting.append(line.strip())
        elif _ENTRY.match(line):
            at += 1
            if at < fields:
                own[at] += waiting
            waiting = []
        else:
            (head if at < 0 else own[min(at, fields - 1)]).extend(waiting)
            waiting = []
    (head if at < 0 or not fields else own[-1]).extend(waiting)
    return head, own
