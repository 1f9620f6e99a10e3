"""Fields of a PDF with typed text: the value is that of the PDF."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from formreader.core.classes import CLASSES, CROP_SIDE
from formreader.core.geometry import quads_of
from formreader.recognise.decisions import ReadField
from formreader.recognise.number_values import NumberValue
from formreader.rules.field_checks import digits_of


def as_typed(one: ReadField) -> ReadField:
    """A field with its typed text as a certain value. In a cell each digit gets a box.

    Its crops stay black, so that no network learns typed digits as handwritten ones.
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
