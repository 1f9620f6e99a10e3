"""The rules of a form as a text, to be kept in a job, and back."""

from __future__ import annotations

import json
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from formreader.rules.form_rules import FieldRules, FormRules, Relation


def rules_text(rules: FormRules) -> str:
    """The rules of a form as JSON."""
    return json.dumps(asdict(rules), default=_plain)


def rules_of_text(text: str) -> FormRules:
    """The inverse of `rules_text`; what jobs of earlier versions do not have is not said."""
    stored = json.loads(text)
    fields = {name: FieldRules(**_values(values)) for name, values in stored["fields"].items()}
    relations = tuple(
        Relation(**{**one, "terms": tuple((name, weight) for name, weight in one["terms"])})
        for one in stored["relations"]
    )
    columns = tuple(map(tuple, stored.get("columns", ())))
    return FormRules(fields, relations, stored["broken"], columns)


def _plain(value: object) -> object:
    """What JSON has for a value that it does not know: numbers with decimals are texts."""
    return str(value) if isinstance(value, Decimal) else sorted(value)  # type: ignore[call-overload]


def _values(stored: dict[str, Any]) -> dict[str, Any]:
    pairs: dict[str, Any] = {
        key: stored[key] and tuple(stored[key]) for key in ("digits", "decimals") if key in stored
    }
    numbers: dict[str, Any] = {
        key: Decimal(stored[key]) if isinstance(stored[key], str) else stored[key]
        for key in ("least", "most", "blank_is", "least_step", "most_step")
        if key in stored
    }
    return {**stored, **pairs, **numbers, "known": frozenset(stored["known"])}
