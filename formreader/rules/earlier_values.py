"""A value beside the one that an earlier table has for the same thing, such as a meter."""

from __future__ import annotations

from formreader.core.doubts import Doubt, reason
from formreader.core.field_kinds import as_written, text_of
from formreader.rules.field_checks import digits_of, number_of, number_text
from formreader.rules.form_rules import FieldRules


def key_of_page(file: str, page: str) -> str:
    """What tells a page, as both tables name it: the cells of its file and of its number."""
    return f"{file} ({page or 1})"


def key_of_value(value: str) -> str:
    """What tells a thing by its number: the digits, without the zeros that spreadsheets drop."""
    digits = digits_of(value)
    return digits.lstrip("0") or digits


def step_broken(value: str, key: str, rules: FieldRules, name: str) -> str:
    """Why a value does not fit the earlier one of the same key; "" where nothing speaks against it.

    A blank, and what is not readable, is not compared.
    """
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
