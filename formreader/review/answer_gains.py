"""What an answer is worth beyond its own field: the sums that it completes check other values.

A rule between fields can only be checked when all of its values are known. The last answer of a
sum therefore also shows whether one of its accepted values is wrong. What stands in a column in
which no number was read on any page, such as initials, is worth least.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TypeAlias

from formreader.core.records import FieldReading, PageReading, Status
from formreader.rules.form_rules import Relation
from formreader.rules.rules_text import rules_of_text
from formreader.store.job_store import JobStore, JobView

_Column: TypeAlias = tuple[str, str]
"""A form and the name of a field."""

_Field: TypeAlias = tuple[str, int, int]
"""File, 0-based page, 0-based number."""

_OF_NO_NUMBER = -1.0
"""What an answer about a column without numbers gains: it outweighs the doubt about the value."""


def answer_gains(store: JobStore, view: JobView) -> dict[tuple[str, int, int], float]:
    """How many wrong accepted values an answered field is expected to show, by its rules.

    By (file, 0-based page, 0-based number of the field). What a rule's accepted values are expected
    to have wrong is shared by the fields that it waits for. Fields without such rules are left
    out, but for those of columns without numbers.
    """
    if view.forms is None:
        return {}
    relations = {form: rules_of_text(text).relations for form, text in view.rules.items()}
    gains: dict[tuple[str, int, int], float] = defaultdict(float)
    unread, read = list[tuple[_Column, _Field]](), set[_Column]()
    for page in store.field_readings(forms=view.forms):
        for relation in relations.get(page.form, ()):
            for number, gain in _gains(page, relation):
                gains[page.file, page.number, number] += gain
        for number, field in enumerate(page.fields):
            if any(map(str.isdecimal, field.value)):
                read.add((page.form, field.name))
            elif field.status is Status.REVIEW:
                unread.append(((page.form, field.name), (page.file, page.number, number)))
    return dict(gains) | {field: _OF_NO_NUMBER for column, field in unread if column not in read}


def _gains(page: PageReading, relation: Relation) -> list[tuple[int, float]]:
    """(number of the field, gain) of each field of a relation that is to be answered."""
    fields: dict[str, tuple[int, FieldReading]] = {
        field.name: (number, field) for number, field in enumerate(page.fields)
    }
    named = [fields[name] for name, _ in relation.terms if name in fields]
    waiting = [number for number, field in named if field.status is Status.REVIEW]
    doubts = sum(1 - field.confidence for _, field in named if field.status is Status.OK)
    return [(number, doubts / len(waiting)) for number in waiting] if doubts > 0 else []
