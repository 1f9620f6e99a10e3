"""What a field's own rules say of a value."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from importlib import import_module

from formreader.rules.dates import DateRule
from formreader.rules.form_rules import FieldRules

_MODULE_NAME = re.compile(r"[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)*")

_CHECKS = "stdnum"
"""The package of python-stdnum, which is only imported where a rule asks for it: 60 ms."""

MAX_DIGITS = 15
"""Longer numbers are names of things: nobody adds them up."""


def broken_by(rules: FieldRules, value: str) -> Iterator[str]:
    """Yield the names of the rules that a value breaks: the keys of the template.

    `value` is what the table says, with digits and what stands between them; "" for a blank. One
    with a `?` breaks none: it may be anything.
    """
    digits = digits_of(value)
    if "?" in value:
        return
    if not digits:
        if rules.optional is False or (_asks(rules) and not rules.optional and not _is_zero(rules)):
            yield "optional"
        return
    if rules.digits is not None and not rules.digits[0] <= len(digits) <= rules.digits[1]:
        yield "digits"
    if rules.least is not None or rules.most is not None:
        number = number_of(value, rules)
        if rules.least is not None and number is not None and number < rules.least:
            yield "min"
        if rules.most is not None and number is not None and number > rules.most:
            yield "max"
    if rules.pattern and not pattern_check(rules.pattern)(value):
        yield "pattern"
    if rules.date and not _date(rules.date).fits(digits):
        yield "date"
    if rules.one_of and value not in rules.known and digits not in rules.known:
        yield "one_of"
    if rules.check and not check_digits(rules.check)(digits):
        yield "check"


def number_of(value: str, rules: FieldRules) -> int | None:
    """The number that a value stands for in rules; None for a blank, or where it cannot be told.

    What stands between digits is left out: 1.250 counts as 1250, and so does 12,50.
    """
    if not value:
        return rules.blank_is
    digits = digits_of(value)
    if not digits or len(digits) > MAX_DIGITS or "?" in value:
        return None
    return -int(digits) if value.startswith("-") else int(digits)


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


@lru_cache(maxsize=256)
def _date(text: str) -> DateRule:
    return DateRule.parse(text)


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
