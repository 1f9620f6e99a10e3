"""Fields of a fillable PDF that were typed into: what the PDF says, in place of its pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from formreader.core.classes import CLASSES, CROP_SIDE
from formreader.core.doubts import Doubt
from formreader.core.form_fields import FormField
from formreader.core.geometry import Box, quads_of
from formreader.core.records import DigitBox, FieldCrops, NumberStrip
from formreader.crop.number_strips import STRIP_HEIGHT
from formreader.recognise.decisions import ReadField
from formreader.recognise.number_values import NumberValue
from formreader.rules.field_checks import digits_of

_MIN_SAME = 0.1
"""Intersection over union of a form's cell and a field of the PDF, from which that may be it."""


def with_typed(fields: Sequence[FieldCrops], form_fields: Sequence[FormField]) -> list[FieldCrops]:
    """The fields of a known form, those that were typed into without their pixels.

    What was typed but is no number, or has no room in the boxes, is for review.
    """
    typed = [one for one in form_fields if one.value.strip()]
    return [_typed(one, [other for other in typed if _same(one, other)]) for one in fields]


def with_all_typed(
    fields: Sequence[FieldCrops], form_fields: Sequence[FormField]
) -> list[FieldCrops]:
    """The fields of a page of no known form, and the numbers that were typed into its PDF.

    Nothing is looked at where something was typed. Numbers are left out where the PDF asks for
    words.
    """
    typed = [one for one in form_fields if one.value.strip()]
    left = [
        one
        for one in fields
        if not any(one.box.holds(t.box.centre) or t.box.holds(one.box.centre) for t in typed)
    ]
    made = (_field(one) for one in typed if one.kind.kind != "ignore")
    return left + [one for one in made if one is not None]


def _field(one: FormField) -> FieldCrops | None:
    """A field of the PDF with a number in it; None for another."""
    if one.is_row and (cells := one.in_boxes(len(one.boxes))):
        return _unread(tuple(map(_digit_box, one.boxes)), None, cells)
    if not one.number:
        return None
    cell = _digit_box(one.box)
    return _unread((cell,), cell, one.number)


def _typed(field: FieldCrops, typed: Sequence[FormField]) -> FieldCrops:
    """A field of a form and what was typed in its place, from left to right."""
    if not typed:
        return field
    typed = sorted(typed, key=lambda one: one.box.left)
    if field.cell is not None:
        numbers = [one.number for one in typed]
        text = " ".join(numbers) if all(numbers) else ""
    else:
        text = _in_boxes(field, typed)
    boxes = (field.cell,) if field.cell is not None else field.boxes
    made = _unread(boxes, field.cell, text)
    doubt = "" if text else Doubt.TYPED_OTHERWISE
    return replace(made, name=field.name, doubt=doubt)


def _in_boxes(field: FieldCrops, typed: Sequence[FormField]) -> str:
    """What was typed into a row of boxes, one character a box; "" if something does not fit."""
    cells = ["."] * len(field.boxes)
    for one in typed:
        own = [i for i, box in enumerate(field.boxes) if one.box.holds(box.box.centre)]
        text = one.in_boxes(len(own))
        if not text:
            return ""
        for i, character in zip(own, text, strict=True):
            cells[i] = character
    return "".join(cells)


def _same(field: FieldCrops, other: FormField) -> bool:
    """Whether a field of a form is, or has a part that is, one of the PDF."""
    if field.cell is None:
        return any(other.box.holds(box.box.centre) for box in field.boxes)
    return field.box.holds(other.box.centre) and field.box.overlap(other.box) > _MIN_SAME


def _unread(boxes: tuple[DigitBox, ...], cell: DigitBox | None, typed: str) -> FieldCrops:
    """A field that looks blank to the networks."""
    crops, blank = np.zeros((len(boxes), CROP_SIDE, CROP_SIDE), np.uint8), np.ones(len(boxes), bool)
    nothing = np.zeros((STRIP_HEIGHT, STRIP_HEIGHT), np.uint8)
    strip = None if cell is None else NumberStrip(nothing, nothing, np.eye(3))
    boxes = tuple(replace(box, loose_ink=False) for box in boxes)
    return FieldCrops(boxes, crops, blank, cell=cell, strip=strip, typed=typed)


def _digit_box(box: Box) -> DigitBox:
    left, top, right, bottom = box.left, box.top, box.right, box.bottom
    return DigitBox(((left, top), (right, top), (right, bottom), (left, bottom)))


def as_typed(one: ReadField) -> ReadField:
    """A field with what was typed into it, as certain; in a cell each digit has a box.

    Its crops stay black, so that no network learns typed digits as written ones.
    """
    field, cells, number = one.field, one.field.typed, one.number
    boxes = field.boxes
    if field.cell is not None:
        cells = digits_of(field.typed)
        left, right = np.array(field.cell.corners)[[0, 3]], np.array(field.cell.corners)[[1, 2]]
        at = np.linspace(0, 1, len(cells) + 1)[:, None, None]
        ends = left + at * (right - left)  # (n + 1, 2, 2): upper and lower ends of n + 1 lines
        corners = np.stack([ends[:-1, 0], ends[1:, 0], ends[1:, 1], ends[:-1, 1]], axis=1)
        boxes = tuple(replace(field.cell, corners=quad) for quad in quads_of(corners))
        number = NumberValue(field.typed, 1.0)
    probabilities = np.zeros((len(cells), len(CLASSES)), np.float32)
    for row, digit in zip(probabilities, cells, strict=True):
        if digit != ".":
            row[int(digit)] = 1
    crops = np.zeros((len(cells), CROP_SIDE, CROP_SIDE), np.uint8)
    blank = np.array([digit == "." for digit in cells])
    return ReadField(replace(field, boxes=boxes, crops=crops, blank=blank), probabilities, number)
