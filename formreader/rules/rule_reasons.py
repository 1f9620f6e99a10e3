"""Why a rule between fields is broken: which value was read, and which fits."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from formreader.core.doubts import Doubt, reason
from formreader.core.field_kinds import MAX_DECIMALS
from formreader.rules.expressions import decimals_of
from formreader.rules.field_checks import number_text
from formreader.rules.form_rules import FormRules, Relation

_MAX_SHOWN_RULE = 160
"""Characters of a rule in a sentence that people read at each field of it. By eye: two lines."""


def relation_broken(
    relation: Relation,
    values: Mapping[str, str],
    numbers: Mapping[str, int | Decimal],
    rules: FormRules,
) -> str:
    """The reason of a rule that values break.

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
            wanted = number_text(fitting, rules.of(name))
            told = values[name], name, wanted, shortened(relation.text)
            return reason(Doubt.SHOULD_BE_BY_RULE, *told)
    read = ", ".join(f"{name} = {values[name]}" for name, _ in relation.terms if values[name])
    return reason(Doubt.RULE_BROKEN, shortened(relation.text), shortened(read))


def shortened(text: str) -> str:
    """A text without its middle, if it is long: a sum of a table may have a hundred names."""
    half = _MAX_SHOWN_RULE // 2
    return text if len(text) <= _MAX_SHOWN_RULE else f"{text[:half]} ... {text[-half:]}"


def _result(relation: Relation) -> tuple[str, int] | None:
    """The field that stands alone on one side of a rule, such as a total, and its weight."""
    sides = [side.strip() for side in relation.text.split("=")]
    weights = dict(relation.terms)
    return next(((side, weights[side]) for side in sides if side in weights), None)
