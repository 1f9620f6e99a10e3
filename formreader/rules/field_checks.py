"""What rules say of a value: those of its field, those between fields, an earlier table."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from importlib import import_module

from formreader.core.doubts import Doubt, reason
from formreader.core.field_kinds import (
    MAX_DECIMALS,
    Misfit,
    Typed,
    as_written,
    free_number,
    span,
    text_of,
    value_of,
)
from formreader.rules.expressions import decimals_of
from formreader.rules.form_rules import FieldRules, FormRules, Relation

_MODULE_NAME = re.compile(r"[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)*")

_CHECKS = "stdnum"
"""The package of python-stdnum, which is only imported where a rule asks for it: 60 ms."""

MAX_DIGITS = 15
"""Longer numbers are names of things: nobody adds them up."""

_MAX_SHOWN_VALUE, _MAX_SHOWN_RULE = 40, 160
"""Characters of a value, and of a rule between fields, in a reason. By eye: two lines."""

_MAX_DAY = date.max.toordinal()


def broken_by(rules: FieldRules, value: str, name: str = "") -> Iterator[str]:
    """Yield a reason for each rule of its field that a value breaks.

    `name` is that of the field. `value` is as written, "" for a blank. One with a `?` breaks no
    rule: it may be anything.
    """
    digits = digits_of(value)
    if "?" in value:
        return
    said = value if len(value) <= _MAX_SHOWN_VALUE else f"{value[:_MAX_SHOWN_VALUE]}..."
    if not digits:
        if rules.optional is False or (
            _asks(rules) and not rules.optional and rules.blank_is is None
        ):
            yield reason(Doubt.IS_BLANK, name)
        return
    try:
        value_of(value, rules)
    except Misfit as misfit:
        yield reason(misfit.args[0], name, *misfit.args[1:])
    if rules.digits is not None and not rules.digits[0] <= len(digits) <= rules.digits[1]:
        yield reason(Doubt.WRONG_LENGTH, name, said, len(digits), span(*rules.digits))
    limited = rules.least is not None or rules.most is not None
    number = number_of(value, rules) if limited else None
    if rules.least is not None and number is not None and number < rules.least:
        yield reason(Doubt.BELOW, name, said, number_text(rules.least, rules))
    if rules.most is not None and number is not None and number > rules.most:
        yield reason(Doubt.ABOVE, name, said, number_text(rules.most, rules))
    if rules.pattern and not pattern_check(rules.pattern)(value):
        yield reason(Doubt.OFF_PATTERN, name, said, rules.pattern)
    if rules.one_of and value not in rules.known and digits not in rules.known:
        yield reason(Doubt.NOT_IN_LIST, name, said, rules.one_of)
    if rules.check and not check_digits(rules.check)(digits):
        yield reason(Doubt.WRONG_CHECK_DIGIT, name, said, rules.check)


def number_of(value: str, rules: FieldRules) -> int | Decimal | None:
    """The number that a value stands for in rules; None for a blank, and for what is no number.

    A date counts in days, a time in minutes. In a field without a kind 1.250 is 1250, and 12,50 is
    12.5.
    """
    if not value:
        return rules.blank_is
    if "?" in value or len(digits_of(value)) > MAX_DIGITS:
        return None
    typed: Typed | None
    try:
        is_free = rules.is_a in ("", "code")
        typed = free_number(value) if is_free else value_of(value, rules)
    except Misfit:
        return None
    if isinstance(typed, date):
        return typed.toordinal()
    if isinstance(typed, timedelta):
        return typed // timedelta(minutes=1)
    return typed if isinstance(typed, int | Decimal) else None


def number_text(number: int | Decimal, rules: FieldRules) -> str:
    """A number of `number_of` as people write the values of its field."""
    if rules.is_a == "date":
        return text_of(date.fromordinal(int(number)), "") if 0 < number < _MAX_DAY else str(number)
    if rules.is_a == "time":
        return text_of(timedelta(minutes=int(number)), "")
    return text_of(number, "")


def digits_of(value: str) -> str:
    """The digits of a value, without what stands between them."""
    if value.isascii() and value.isdecimal():  # nearly all are, and this is asked often
        return value
    return "".join(one for one in value if "0" <= one <= "9")


@lru_cache(maxsize=256)
def pattern_check(pattern: str) -> Callable[[str], bool]:
    """A function that tells whether a whole value fits a regular expression.

    RE2 takes time in proportion to the value's length. With Python's `re` a template with (a+)+
    would stop the program at the first field of some 30 digits.

    Raises:
        ValueError: it is no regular expression of RE2.
    """
    import re2  # few templates have patterns

    quiet = re2.Options()
    quiet.log_errors = False
    try:
        expression = re2.compile(pattern, quiet)
    except re2.error as error:
        reason = error.args[0].decode() if isinstance(error.args[0], bytes) else error.args[0]
        raise ValueError(
            f"{pattern!r} is no regular expression ({reason}). RE2 has no references to groups "
            "and does not look ahead or behind"
        ) from error
    return lambda value: expression.fullmatch(value) is not None


@lru_cache(maxsize=256)
def check_digits(name: str) -> Callable[[str], bool]:
    """A function that tells whether the check digits of a number are right.

    `name` is a module of python-stdnum.

    Raises:
        ValueError: there is no such module.
    """
    if not _MODULE_NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a check")
    try:
        valid = import_module(f"{_CHECKS}.{name}").is_valid
    except (ImportError, AttributeError) as error:
        raise ValueError(
            f"there is no check {name!r}. It is a module of python-stdnum, such as luhn, ean, "
            "verhoeff, iso7064.mod_97_10, nl.bsn"
        ) from error
    return lambda digits: bool(valid(digits))


def _asks(rules: FieldRules) -> bool:
    """Whether a field has rules that a blank does not keep."""
    limited = rules.least is not None or rules.most is not None
    told = rules.pattern or rules.date or rules.one_of or rules.check
    return limited or bool(told) or rules.digits not in (None, (0, 0))


def relation_broken(
    relation: Relation,
    values: Mapping[str, str],
    numbers: Mapping[str, int | Decimal],
    rules: FormRules,
) -> str:
    """The reason for review of a rule that is broken.

    `values` of fields are as written; `numbers` are what those of the rule stand for.
    """
    if relation.compare == "=" and (lone := _result(relation)):
        name, weight = lone
        others = relation.constant + sum(
            factor * numbers[one] for one, factor in relation.terms if one != name
        )
        fitting = (Decimal(-others) / weight).normalize()
        if decimals_of(fitting) <= MAX_DECIMALS:
            wanted = number_text(fitting, rules.of(name))
            told = values[name], name, wanted, _shortened(relation.text)
            return reason(Doubt.SHOULD_BE_BY_RULE, *told)
    read = ", ".join(f"{name} = {values[name]}" for name, _ in relation.terms if values[name])
    return reason(Doubt.RULE_BROKEN, _shortened(relation.text), _shortened(read))


def _shortened(text: str) -> str:
    """A text without its middle, if it is long: a sum of a table may have a hundred names."""
    half = _MAX_SHOWN_RULE // 2
    return text if len(text) <= _MAX_SHOWN_RULE else f"{text[:half]} ... {text[-half:]}"


def _result(relation: Relation) -> tuple[str, int] | None:
    """The field that stands alone on one side of a rule, such as a total, and its weight."""
    sides = [side.strip() for side in relation.text.split("=")]
    weights = dict(relation.terms)
    return next(((side, weights[side]) for side in sides if side in weights), None)


def key_of_page(file: str, page: str) -> str:
    """The key of a page in both tables: its file and its number, as cells have them."""
    return f"{file} ({page or 1})"


def key_of_value(value: str) -> str:
    """The key of a thing by its number: the digits, without zeros that spreadsheets drop."""
    digits = digits_of(value)
    return digits.lstrip("0") or digits


def step_broken(value: str, key: str, rules: FieldRules, name: str) -> str:
    """Why a readable value does not fit the earlier one of the same key; "" if it fits."""
    now = number_of(value, rules) if value else None
    if now is None or not key:
        return ""
    before = number_of(as_written(rules.earlier.get(key, ""), rules), rules)
    if before is None or not rules.earlier.get(key):
        return reason(Doubt.NOT_BEFORE, name, rules.previous, key, value)
    step = now - before
    compared = (name, value, number_text(before, rules), rules.previous, text_of(step, ""))
    if rules.most_step is not None and step > rules.most_step:
        return reason(Doubt.STEP_ABOVE, *compared, text_of(rules.most_step, ""))
    if rules.least_step is not None and step < rules.least_step:
        return reason(Doubt.STEP_BELOW, *compared, text_of(rules.least_step, ""))
    return ""
