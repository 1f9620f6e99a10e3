"""The rules of a form as a text, to be kept in a job, and back."""

from __future__ import annotations

import json
from dataclasses import asdict

from formreader.rules.form_rules import FieldRules, FormRules, Relation


def rules_text(rules: FormRules) -> str:
    """The rules of a form as JSON."""
    return json.dumps(asdict(rules), default=sorted)


def rules_of_text(text: str) -> FormRules:
    """The inverse of `rules_text`."""
    stored = json.loads(text)
    fields = {}
    for name, values in stored["fields"].items():
        digits = values["digits"] and tuple(values["digits"])
        fields[name] = FieldRules(
            **{**values, "digits": digits, "known": frozenset(values["known"])}
        )
    relations = tuple(
        Relation(**{**one, "terms": tuple((name, weight) for name, weight in one["terms"])})
        for one in stored["relations"]
    )
    return FormRules(fields, relations, stored["broken"])
