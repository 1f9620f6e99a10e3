"""Make a template of a fillable PDF: its fields, with their names, places and kinds."""

from __future__ import annotations

import re
from collections import Counter

from formreader.core.form_fields import FormField
from formreader.rules.form_rules import NO_RULES, FieldRules
from formreader.template.field_labels import free_name, usable_name
from formreader.template.form_template import FieldPlace, FormTemplate
from formreader.template.pile_page import PilePage
from formreader.template.pile_sorting import LearnedForm
from formreader.template.usable_values import MAX_FIELDS, MAX_PLACES

_INDEX = re.compile(r"\[\d+\]")
"""The index that programs write behind each part of a name."""

_TIME_DIGITS = 4
"""Number of digits of a time in boxes: HHMM."""


def fillable_form(page: PilePage, name: str) -> LearnedForm:
    """The form of a page with `form_fields`: its template has them, in their order in the PDF."""
    places, taken, parts = list[FieldPlace](), set[str](), 0
    fields = page.form_fields[:MAX_FIELDS]
    ends = Counter(_name(full) for full in {field.name for field in fields})
    for number, field in enumerate(fields, 1):
        parts += len(field.boxes)
        if parts > MAX_PLACES:
            break
        proposed = _name(field.name)
        if ends[proposed] > 1:
            proposed = _name(field.name, 2)
        named = free_name(proposed or f"F{number:02d}", taken)
        taken.add(named.casefold())
        boxes, cell = (field.boxes, None) if field.is_row else ((), field.box)
        places.append(FieldPlace(named, boxes, cell, _rules(field)))
    image = page.even
    template = FormTemplate(name, (image.shape[1], image.shape[0]), tuple(places))
    return LearnedForm(template, image, (page.label,))


def _name(full: str, parts: int = 1) -> str:
    """The name of a field: the last `parts` parts of its full name."""
    return usable_name("_".join(_INDEX.sub("", full).split(".")[-parts:]))


def _rules(field: FormField) -> FieldRules:
    """The rules of a field that a PDF states and a template can express."""
    kind = field.kind
    if field.is_row:
        boxes = len(field.boxes)
        if kind.is_a == "decimal":  # the PDF does not say where a point is printed
            return NO_RULES
        if kind.is_a == "date" and len(kind.date) != boxes:
            return NO_RULES
        if kind.is_a == "time" and boxes != _TIME_DIGITS:
            return NO_RULES
    return FieldRules(kind=kind.kind, decimals=kind.decimals, date=kind.date)
