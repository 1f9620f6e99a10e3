"""The keys of a template.toml that state rules: read, checked, written."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_args

from formreader.core.dates import DateRule
from formreader.core.field_kinds import DEFAULT_ORDER, KINDS, MAX_DECIMALS
from formreader.core.user_files import csv_reader, open_regular_text
from formreader.output.table import text_cell
from formreader.rules.earlier_values import key_of_page, key_of_value
from formreader.rules.expressions import parse_relations
from formreader.rules.field_checks import check_digits, digits_of, pattern_check
from formreader.rules.form_rules import (
    DEFAULT_RULES_BROKEN,
    FieldRules,
    Relation,
    RelationKey,
)
from formreader.template.usable_values import found, has_unusable_number

RELATION_KEYS: tuple[RelationKey, ...] = get_args(RelationKey)
"""Keys of a form that hold rules between its fields, as lists of texts."""

BROKEN_KEY = "rules_broken"
"""Key of a form: how often people break a rule."""

COMMA_KEY = "decimal_comma"
"""Key of a form: tables with a row a page write decimals with a comma."""

FORM_RULE_KEYS = frozenset((*RELATION_KEYS, BROKEN_KEY, COMMA_KEY))
"""All keys of a form about rules."""

_MARKS = "blank"
"""The value of `leading_marks`, and of `marks_are`."""

_KEPT_MARKS = "doubtful"
"""The other value of `marks_are`."""

_SEPARATORS = (",", ".")
"""Signs before decimals."""

_NOT_OF_KINDS = (
    ("date", ("date", "code")),
    ("decimals", ("decimal",)),
    ("separator", ("decimal",)),
    ("min", ("integer", "decimal", "code")),
    ("max", ("integer", "decimal", "code")),
)
"""Keys that belong to some kinds only."""

_STEP_KEYS = ("min_step", "max_step")
"""Keys about how far a value is above its earlier one."""

_DIGITS = re.compile(r"\s*(\d{1,3})\s*(?:\.\.\s*(\d{1,3})\s*)?")
"""Numbers of digits, up to 999."""

_MAX_RELATIONS = 2000
"""Largest number of rules between fields, for each key. A large table has 100 rows."""

_MAX_RULE = 50_000
"""Largest length of a rule between fields in characters: a sum of 5,000 of them."""

_MAX_MESSAGE = 300
"""Largest length, in characters, of a message about a rule, which may be long itself."""

_MAX_FLAWS = 100
"""Largest number of wrong rules in a message. The first ones are enough to correct them."""

_MIN_BROKEN, _MAX_BROKEN = 1e-6, 0.5
"""Range of the probability that people break a rule. 0 would allow no error, and a rule that is
broken half of the time is no rule."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """A fault of the value of a key; `text` is the entry of a list that has it."""

    key: str
    message: str
    text: str = ""


def field_rules(entry: Mapping[str, Any], folder: Path | None) -> tuple[FieldRules, list[Flaw]]:
    """The rules of one field, and what is wrong with them.

    Args:
        entry: the field's keys. Those that are about no rule are ignored.
        folder: the template's folder, for the files that rules name; None to leave them unread.
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
    for key, kinds in _NOT_OF_KINDS:
        if key in entry and rules.kind and rules.kind not in kinds:
            wanted = " or ".join(f'"{one}"' for one in kinds)
            flaws.append(Flaw(key, f"it is for a field of the kind {wanted}"))
    flaws += _step_flaws(entry, rules)
    if rules.previous and folder is not None:
        try:
            rules = replace(rules, earlier=_earlier_values(rules, str(entry.get("name")), folder))
        except ValueError as error:
            flaws.append(Flaw("previous", str(error)))
    boxes = entry.get("boxes")
    if isinstance(boxes, list) and rules.marks_blank is not None:
        flaws.append(Flaw("marks_are", "it is for a cell; for boxes write leading_marks"))
    if isinstance(boxes, list) and boxes:
        flaws += _too_long(rules, len(boxes))
        if rules.decimals is not None and rules.decimals[1]:
            flaws += _no_point(rules, len(boxes))
            rules = replace(rules, boxes=len(boxes))
    return rules, flaws


def unknown_keys(
    entries: Sequence[Mapping[str, Any]], names: Collection[object]
) -> Iterator[tuple[int, Flaw]]:
    """Faults of `previous_by`, with their entry: it is none of the fields `names`."""
    for i, entry in enumerate(entries):
        if (key := entry.get("previous_by")) is not None and key not in names:
            yield i, Flaw("previous_by", f"there is no such field. {found(key)}")


def _step_flaws(entry: Mapping[str, Any], rules: FieldRules) -> Iterator[Flaw]:
    """Faults: steps without an earlier value, the other way round, and impossible steps."""
    steps = [key for key in _STEP_KEYS if key in entry]
    if rules.previous and not steps:
        yield Flaw("previous", "it needs min_step or max_step beside it")
    for key in (*steps, *(["previous_by"] if "previous_by" in entry else [])):
        if "previous" not in entry:
            yield Flaw(key, "it needs previous beside it")
    least, most = rules.least_step, rules.most_step
    if least is not None and most is not None and least > most:
        yield Flaw("max_step", f"it is below min_step, which is {least}")


def _no_point(rules: FieldRules, boxes: int) -> Iterator[Flaw]:
    """Fault: decimals in a row of boxes without the position of the printed point."""
    assert rules.decimals is not None
    least, most = rules.decimals
    if least != most:
        yield Flaw("decimals", "a row of boxes has one number of decimals, such as 1")
    elif most >= boxes:
        yield Flaw("decimals", f"the field has {boxes} boxes, and one at least is before the point")


def _too_long(rules: FieldRules, boxes: int) -> Iterator[Flaw]:
    """Faults: rules that no value of a field with this number of boxes can keep."""
    held = "one digit" if boxes == 1 else f"{boxes} digits"
    room = f"the field has boxes for {held} only"
    if rules.digits is not None and rules.digits[0] > boxes:
        yield Flaw("digits", room)
    if rules.least is not None and rules.least >= 10**boxes:
        yield Flaw("min", room)
    order = rules.date or (DEFAULT_ORDER if rules.kind == "date" else "")
    if order and DateRule.parse(order).length > boxes:
        yield Flaw(
            "date" if rules.date else "kind",
            f"{room}. A date in several fields is a rule between fields, `dates`",
        )
    if rules.known and min(map(len, rules.known)) > boxes:
        yield Flaw("one_of", f"{room}, and all numbers in the file are longer")


def form_relations(
    content: Mapping[str, Any], names: Collection[str]
) -> tuple[tuple[Relation, ...], list[Flaw]]:
    """The rules between the fields `names` of a form, and what is wrong with them.

    `names` are those of the fields that are read. Ignored fields cannot have rules.
    """
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
    """The form's share of broken rules, and the faults of that key."""
    share = content.get(BROKEN_KEY, DEFAULT_RULES_BROKEN)
    if type(share) is not float or not _MIN_BROKEN <= share <= _MAX_BROKEN:
        wanted = f"must be a share from {_MIN_BROKEN:f} to {_MAX_BROKEN}, such as 0.02"
        return DEFAULT_RULES_BROKEN, [Flaw(BROKEN_KEY, f"{wanted}. {found(share)}")]
    return share, []


def decimal_comma(content: Mapping[str, Any]) -> tuple[bool, list[Flaw]]:
    """Whether the form's tables write decimals with a comma, and the faults of that key."""
    comma = content.get(COMMA_KEY, False)
    if type(comma) is not bool:
        return False, [Flaw(COMMA_KEY, f"must be true or false. {found(comma)}")]
    return comma, []


def field_rule_lines(rules: FieldRules, quoted: Callable[[str], str]) -> Iterator[str]:
    """The lines of a template.toml that state the rules of a field; `quoted` writes a text."""
    if rules.kind:
        yield f"kind = {quoted(rules.kind)}"
    for key, counts in (("decimals", rules.decimals), ("digits", rules.digits)):
        if counts is not None:
            low, high = counts
            yield f"{key} = {low}" if low == high else f'{key} = "{low}..{high}"'
    numbers = {
        "min": rules.least,
        "max": rules.most,
        "blank_is": rules.blank_is,
        "min_step": rules.least_step,
        "max_step": rules.most_step,
    }
    for key, number in numbers.items():
        if number is not None:
            yield f"{key} = {number:f}" if isinstance(number, Decimal) else f"{key} = {number}"
    texts = {
        "separator": rules.separator,
        "pattern": rules.pattern,
        "date": rules.date,
        "one_of": rules.one_of,
        "previous": rules.previous,
        "previous_by": rules.previous_by,
        "check": rules.check,
        "leading_marks": _MARKS if rules.leading_marks_blank else "",
        "marks_are": {None: "", True: _MARKS, False: _KEPT_MARKS}[rules.marks_blank],
    }
    for key, text in texts.items():
        if text:
            yield f"{key} = {quoted(text)}"
    if rules.optional is not None:
        yield f"optional = {str(rules.optional).lower()}"
    if rules.unique:
        yield "unique = true"


def form_rule_lines(
    relations: Iterable[Relation], broken: float, quoted: Callable[[str], str], *, comma: bool
) -> Iterator[str]:
    """The lines of a template.toml that are about its rules and its numbers."""
    if comma:
        yield f"{COMMA_KEY} = true"
    if broken != DEFAULT_RULES_BROKEN:
        yield f"{BROKEN_KEY} = {broken!r}"
    every = list(relations)
    for key in RELATION_KEYS:
        texts = dict.fromkeys(one.text for one in every if one.key == key)
        if texts:
            yield f"{key} = ["
            yield from (f"  {quoted(text)}," for text in texts)
            yield "]"


def rule_file_path(folder: Path, name: str) -> Path:
    """A file that a field's rules name: beside the template unless its path is absolute."""
    return folder / name


def _counts(value: object, example: str) -> tuple[int, int]:
    parts = _DIGITS.fullmatch(str(value)) if type(value) in (int, str) else None
    if parts is None:
        raise ValueError(f"must be a number such as {example}. {found(value)}")
    low = int(parts[1])
    return low, int(parts[2] or low)


def _digits(value: object, _: Path | None) -> dict[str, object]:
    low, high = _counts(value, '3, or "4..6"')
    if not 0 < low <= high:
        raise ValueError(f"must be from a number above 0 to one that is not lower. {found(value)}")
    return {"digits": (low, high)}


def _decimals(value: object, _: Path | None) -> dict[str, object]:
    low, high = _counts(value, '1, or "0..2"')
    if not low <= high <= MAX_DECIMALS:
        raise ValueError(
            f"must be from one number to a higher, up to {MAX_DECIMALS}. {found(value)}"
        )
    return {"decimals": (low, high)}


def _number(name: str) -> Callable[[object, Path | None], dict[str, object]]:
    def read(value: object, _: Path | None) -> dict[str, object]:
        if type(value) not in (int, float) or has_unusable_number(value):
            raise ValueError(f"must be a number. {found(value)}")
        return {name: value if isinstance(value, int) else Decimal(repr(value))}

    return read


def _one_of_texts(
    name: str, meanings: Mapping[str, object]
) -> Callable[[object, Path | None], dict[str, object]]:
    """A reader of a key whose value is one of some texts."""
    wanted = ", ".join(f'"{one}"' for one in meanings)

    def read(value: object, _: Path | None) -> dict[str, object]:
        if not isinstance(value, str) or value not in meanings:
            raise ValueError(f"must be {wanted}. {found(value)}")
        return {name: meanings[value]}

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
    known = frozenset[str]() if folder is None else _known_values(rule_file_path(folder, name))
    return {"one_of": name, "known": known}


def _named(key: str) -> Callable[[object, Path | None], dict[str, object]]:
    def read(value: object, _: Path | None) -> dict[str, object]:
        return {key: _text(value)}

    return read


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


def _earlier_values(rules: FieldRules, name: str, folder: Path) -> dict[str, str]:
    """The values of the field `name` in an earlier table, by the key of each line.

    Of several lines with one key the last one counts, so that tables may be concatenated.

    Raises:
        ValueError: it cannot be read, or lacks a column.
    """
    path = rule_file_path(folder, rules.previous)
    column, key = text_cell(name), text_cell(rules.previous_by) or "file"
    earlier = dict[str, str]()
    try:
        with open_regular_text(path, encoding="utf-8-sig", newline="") as stream:
            rows = csv_reader(stream.read())
        for one in (key, column):
            if one not in (rows.fieldnames or ()):
                raise ValueError(f"{path}: it has no column {one}")
        for row in rows:
            told = row[key] or ""
            by_page = key_of_page(told, row.get("page") or "")
            of = key_of_value(told) if rules.previous_by else by_page
            earlier[of] = (row[column] or "").strip().removeprefix("'")
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror})") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path}: it is no CSV file in UTF-8 ({error})") from error
    return earlier


_FIELD_READERS: MappingProxyType[str, Callable[[Any, Path | None], dict[str, Any]]] = (
    MappingProxyType(
        {
            "kind": _one_of_texts("kind", {one: one for one in KINDS}),
            "decimals": _decimals,
            "separator": _one_of_texts("separator", {one: one for one in _SEPARATORS}),
            "digits": _digits,
            "min": _number("least"),
            "max": _number("most"),
            "blank_is": _number("blank_is"),
            "pattern": _pattern,
            "date": _date,
            "one_of": _one_of,
            "check": _check,
            "leading_marks": _one_of_texts("leading_marks_blank", {_MARKS: True}),
            "marks_are": _one_of_texts("marks_blank", {_MARKS: True, _KEPT_MARKS: False}),
            "optional": _flag("optional"),
            "unique": _flag("unique"),
            "previous": _named("previous"),
            "previous_by": _named("previous_by"),
            "min_step": _number("least_step"),
            "max_step": _number("most_step"),
        }
    )
)
"""The reader of each key of a field, which gives values of `FieldRules`."""

FIELD_RULE_KEYS = tuple(_FIELD_READERS)
"""All keys of a field about rules."""
