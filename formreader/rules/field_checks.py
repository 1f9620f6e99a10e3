"""What a field's own rules say of a value."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from importlib import import_module

from formreader.core.doubts import Doubt, reason
from formreader.core.field_kinds import Misfit, Typed, free_number, span, text_of, value_of
from formreader.rules.form_rules import FieldRules

_MODULE_NAME = re.compile(r"[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)*")

_CHECKS = "stdnum"
"""The package of python-stdnum, which is only imported where a rule asks for it: 60 ms."""

MAX_DIGITS = 15
"""Longer numbers are names of things: nobody adds them up."""

_MAX_SHOWN_VALUE = 40
"""Characters of a value in a reason."""

_MAX_DAY = date.max.toordinal()


def broken_by(rules: FieldRules, value: str, name: str = "") -> Iterator[str]:
    """Yield what speaks against a value, a reason for each rule of its field that it breaks.

    `name` is that of the field. `value` is as written, with digits and what stands between them; ""
    for a blank. One with a `?` breaks none: it may be anything.
    """
    digits = digits_of(value)
    if "?" in value:
        return
    said = value if len(value) <= _MAX_SHOWN_VALUE else f"{value[:_MAX_SHOWN_VALUE]}..."
    if not digits:
        if rules.optional is False or (_asks(rules) and not rules.optional and not _is_zero(rules)):
            yield reason(Doubt.IS_BLANK, name)
        return
    try:
        value_of(value, rules)
    except Misfit as misfit:
        yield reason(misfit.args[0], name, *misfit.args[1:])
    if rules.digits is not None and not rules.digits[0] <= len(digits) <= rules.digits[1]:
        yield reason(Doubt.WRONG_LENGTH, name, said, len(digits), span(*rules.digits))
    number: int | Decimal | None = None
    if rules.least is not None or rules.most is not None:
        number = number_of(value, rules)
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
    """The number that a value stands for in rules; None for a blank, or where it cannot be told.

    A date counts in days, a time in minutes. Of a field without a kind 1.250 counts as 1250, and
    12,50 as 12.5.
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
    """What tells whether a value as a whole fits a regular expression.

    It is one of RE2, whose time grows with the length of the value only. With Python's `re` a
    template with (a+)+ would stop the program at the first field of some 30 digits.

    Raises:
        ValueError: it is none.
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

    def fits(value: str) -> bool:
        return expression.fullmatch(value) is not None

    return fits


@lru_cache(maxsize=256)
def check_digits(name: str) -> Callable[[str], bool]:
    """What tells whether the check digits of a number are right, by a module of python-stdnum.

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

    def is_valid(digits: str) -> bool:
        return bool(valid(digits))

    return is_valid


def _asks(rules: FieldRules) -> bool:
    """Whether a field has rules that a blank does not keep."""
    return bool(
        rules.digits not in (None, (0, 0))
        or rules.least is not None
        or rules.most is not None
        or rules.pattern
        or rules.date
        or rules.one_of
        or rules.check
    )


def _is_zero(rules: FieldRules) -> bool:
    return rules.blank_is is not None
