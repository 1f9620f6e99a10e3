"""What a broken rule between fields says to people: which value was read, and which fits."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from formreader.core.field_kinds import MAX_DECIMALS
from formreader.rules.expressions import decimals_of
from formreader.rules.field_checks import number_text
from formreader.rules.form_rules import FormRules, Relation

_MAX_SHOWN_RULE = 160
"""Characters of a rule in a sentence that people read at each field of it. By eye: two lines."""


def relation_message(
    relation: Relation,
    values: Mapping[str, str],
    numbers: Mapping[str, int | Decimal],
    rules: FormRules,
) -> str:
    """The sentence about a rule that values break.

    Args:
        relation: the rule.
        values: the values of the fields, as written; "" for a blank.
        numbers: the numbers that those of the rule stand for.
        rules: the rules of the form.
    """
    if relation.compare == "=" and (lone := _result(relation)):
        name, weight = lone
        others = relation.constant + sum(
            factor * numbers[one] for one, factor in relation.terms if one != name
        )
        fitting = (Decimal(-others) / weight).normalize()
        if decimals_of(fitting) <= MAX_DECIMALS:
            told = changed_message(name, values[name], number_text(fitting, rules.of(name)))
            return f"{told} ({shortened(relation.text)})"
    read = ", ".join(f"{name} is {values[name] or 'blank'}" for name, _ in relation.terms)
    return f"{shortened(relation.text)} does not hold: {shortened(read)}: please look"


def shortened(text: str) -> str:
    """A text without its middle, if it is long: a sum of a table may have a hundred names."""
    half = _MAX_SHOWN_RULE // 2
    return text if len(text) <= _MAX_SHOWN_RULE else f"{text[:half]} ... {text[-half:]}"


def changed_message(name: str, read: str, fitting: str) -> str:
    """The sentence about a value that should be another one by the rules."""
    return f"{read or 'blank'} was read, but {name} should be {fitting or 'blank'}: please look"


def _result(relation: Relation) -> tuple[str, int] | None:
    """The field that stands alone on one side of a rule, such as a total, and its weight."""
    sides = [side.strip() for side in relation.text.split("=")]
    weights = dict(relation.terms)
    return next(((side, weights[side]) for side in sides if side in weights), None)
