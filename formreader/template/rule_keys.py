"""The keys of a template.toml that state rules: read, checked, written."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_args

from formreader.core.user_files import open_regular_text
from formreader.rules.dates import DateRule
from formreader.rules.expressions import parse_relations
from formreader.rules.field_checks import check_digits, digits_of, pattern_check
from formreader.rules.form_rules import (
    DEFAULT_RULES_BROKEN,
    FieldRules,
    Relation,
    RelationKey,
)
from formreader.template.usable_values import found

RELATION_KEYS: tuple[RelationKey, ...] = get_args(RelationKey)
"""Keys of a form that hold rules between its fields, as lists of texts."""

BROKEN_KEY = "rules_broken"
"""Key of a form: how often people break a rule."""

FORM_RULE_KEYS = frozenset((*RELATION_KEYS, BROKEN_KEY))
"""All keys of a form about rules."""

_MARKS = "blank"
"""The one value of `leading_marks`."""

_DIGITS = re.compile(r"\s*(\d{1,3})\s*(?:\.\.\s*(\d{1,3})\s*)?")
"""Numbers of digits, up to 999."""

_MAX_RELATIONS = 2000
"""Rules between fields of a form, for each key: one for each row of a large table is 100."""

_MAX_RULE = 50_000
"""Characters of a rule between fields: the sum of 5,000 of them."""

_MAX_MESSAGE = 300
"""Characters of what is said of a rule between fields, which may be long itself."""

_MAX_FLAWS = 100
"""Rules between fields that are told to be wrong: the first ones are enough to mend them."""

_MIN_BROKEN, _MAX_BROKEN = 1e-6, 0.5
"""A rule that is never broken has no probability to weigh; one broken as often as not is none."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with the value of a key; `text` is the entry of a list that is meant."""

    key: str
    message: str
    text: str = ""


def field_rules(entry: Mapping[str, Any], folder: Path | None) -> tuple[FieldRules, list[Flaw]]:
    """The rules of one field, and what is wrong with them.

    Args:
        entry: the field's keys, of which those without a rule are left alone.
        folder: the template's folder, where `one_of` files are looked for. None leaves them
            unread.
    """
    rules, flaws = FieldRules(), list[Flaw]()
    for key in FIELD_RULE_KEYS:
        if key in entry:
            try:
                rules = replace(rules, **_FIELD_READERS[key](entry[key], folder))
            except ValueError as error:
                flaws.append(Flaw(key, str(error)))
    if rules.least is not None and rules.most is not None and rules.least > rules.most:
        flaws.append(Flaw("max", f"it is below min, which is {rules.least}"))
    boxes = entry.get("boxes")
    if isinstance(boxes, list) and boxes:
        flaws += _too_long(rules, len(boxes))
    return rules, flaws


def _too_long(rules: FieldRules, boxes: int) -> Iterator[Flaw]:
    """The rules that no value of a field with so many boxes can keep: it would never be right."""
    held = "one digit" if boxes == 1 else f"{boxes} digits"
    room = f"the field has boxes for {held} only"
    if rules.digits is not None and rules.digits[0] > boxes:
        yield Flaw("digits", room)
    if rules.least is not None and rules.least >= 10**boxes:
        yield Flaw("min", room)
    if rules.date and DateRule.parse(rules.date).length > boxes:
        yield Flaw("date", f"{room}. A date in several fields is a rule between fields, `dates`")
    if rules.known and min(map(len, rules.known)) > boxes:
        yield Flaw("one_of", f"{room}, and all numbers in the file are longer")


def form_relations(
    content: Mapping[str, Any], names: Collection[str]
) -> tuple[tuple[Relation, ...], list[Flaw]]:
    """The rules between the fields `names` of a form, and what is wrong with them."""
    relations, flaws, known = list[Relation](), list[Flaw](), frozenset(names)
    for key in RELATION_KEYS:
        texts = content.get(key, [])
        if not isinstance(texts, list) or not all(isinstance(one, str) for one in texts):
            flaws.append(Flaw(key, f"must be a list of texts. {found(texts)}"))
            continue
        if len(texts) > _MAX_RELATIONS or any(len(text) > _MAX_RULE for text in texts):
            most = f"{_MAX_RELATIONS:,} texts of {_MAX_RULE:,} characters"
            flaws.append(Flaw(key, f"must have at most {most} each"))
            continue
        for text in texts:
            if len(flaws) >= _MAX_FLAWS:
                break
            try:
                relations += parse_relations(key, text, known)
            except ValueError as error:
                flaws.append(Flaw(key, str(error)[:_MAX_MESSAGE], text))
    return tuple(relations), flaws


def rules_broken(content: Mapping[str, Any]) -> tuple[float, list[Flaw]]:
    """How often people break a rule, as a form says, and what is wrong with that."""
    share = content.get(BROKEN_KEY, DEFAULT_RULES_BROKEN)
    if type(share) is not float or not _MIN_BROKEN <= share <= _MAX_BROKEN:
        wanted = f"must be a share from {_MIN_BROKEN:f} to {_MAX_BROKEN}, such as 0.02"
        return DEFAULT_RULES_BROKEN, [Flaw(BROKEN_KEY, f"{wanted}. {found(share)}")]
    return share, []


def field_rule_lines(rules: FieldRules, quoted: Callable[[str], str]) -> Iterator[str]:
    """The lines of a template.toml that state the rules of a field; `quoted` writes a text."""
    if rules.digits is not None:
        low, high = rules.digits
        yield f"digits = {low}" if low == high else f'digits = "{low}..{high}"'
    for key, number in (("min", rules.least), ("max", rules.most), ("blank_is", rules.blank_is)):
        if number is not None:
            yield f"{key} = {number}"
    texts = {
        "pattern": rules.pattern,
        "date": rules.date,
        "one_of": rules.one_of,
        "check": rules.check,
        "leading_marks": _MARKS if rules.leading_marks_blank else "",
    }
    for key, text in texts.items():
        if text:
            yield f"{key} = {quoted(text)}"
    if rules.optional is not None:
        yield f"optional = {str(rules.optional).lower()}"
    if rules.unique:
        yield "unique = true"


def form_rule_lines(
    relations: Iterable[Relation], broken: float, quoted: Callable[[str], str]
) -> Iterator[str]:
    """The lines of a template.toml that state the rules between fields."""
    if broken != DEFAULT_RULES_BROKEN:
        yield f"{BROKEN_KEY} = {broken!r}"
    every = list(relations)
    for key in RELATION_KEYS:
        texts = dict.fromkeys(one.text for one in every if one.key == key)
        if texts:
            yield f"{key} = ["
            yield from (f"  {quoted(text)}," for text in texts)
            yield "]"


def one_of_path(folder: Path, name: str) -> Path:
    """The file that a field's `one_of` names: beside the template unless its path is absolute."""
    return folder / name


def _digits(value: object, _: Path | None) -> dict[str, object]:
    parts = _DIGITS.fullmatch(str(value)) if type(value) in (int, str) else None
    if parts is None:
        raise ValueError(f'must be a number such as 3, or "4..6". {found(value)}')
    low = int(parts[1])
    high = int(parts[2] or low)
    if not 0 < low <= high:
        raise ValueError(f"must be from a number above 0 to one that is not lower. {found(value)}")
    return {"digits": (low, high)}


def _whole(name: str) -> Callable[[object, Path | None], dict[str, object]]:
    def read(value: object, _: Path | None) -> dict[str, object]:
        if type(value) is not int:
            raise ValueError(f"must be a whole number. {found(value)}")
        return {name: value}

    return read


def _flag(name: str) -> Callable[[object, Path | None], dict[str, object]]:
    def read(value: object, _: Path | None) -> dict[str, object]:
        if type(value) is not bool:
            raise ValueError(f"must be true or false. {found(value)}")
        return {name: value}

    return read


def _pattern(value: object, _: Path | None) -> dict[str, object]:
    text = _text(value)
    pattern_check(text)
    return {"pattern": text}


def _date(value: object, _: Path | None) -> dict[str, object]:
    text = _text(value)
    DateRule.parse(text)
    return {"date": text}


def _check(value: object, _: Path | None) -> dict[str, object]:
    text = _text(value)
    check_digits(text)
    return {"check": text}


def _one_of(value: object, folder: Path | None) -> dict[str, object]:
    name = _text(value)
    known = frozenset[str]() if folder is None else _known_values(one_of_path(folder, name))
    return {"one_of": name, "known": known}


def _leading_marks(value: object, _: Path | None) -> dict[str, object]:
    if value != _MARKS:
        raise ValueError(f'must be "{_MARKS}". {found(value)}')
    return {"leading_marks_blank": True}


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"must be a text. {found(value)}")
    return value


def _known_values(path: Path) -> frozenset[str]:
    """The values in the first column of a CSV file, without a heading.

    Raises:
        ValueError: it cannot be read, or has none.
    """
    try:
        with open_regular_text(path, encoding="utf-8-sig") as stream:
            cells = [row[0].strip() for row in csv.reader(stream.read().splitlines()) if row]
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror})") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path}: it is no CSV file in UTF-8 ({error})") from error
    known = frozenset(cell for cell in cells if digits_of(cell))
    if not known:
        raise ValueError(f"{path}: there is no number in its first column")
    return known


_FIELD_READERS: MappingProxyType[str, Callable[[Any, Path | None], dict[str, Any]]] = (
    MappingProxyType(
        {
            "digits": _digits,
            "min": _whole("least"),
            "max": _whole("most"),
            "blank_is": _whole("blank_is"),
            "pattern": _pattern,
            "date": _date,
            "one_of": _one_of,
            "check": _check,
            "leading_marks": _leading_marks,
            "optional": _flag("optional"),
            "unique": _flag("unique"),
        }
    )
)
"""What reads each key of a field, into the values of `FieldRules`."""

FIELD_RULE_KEYS = tuple(_FIELD_READERS)
"""All keys of a field about rules."""
