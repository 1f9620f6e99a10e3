"""Fields are sorted into reading order."""

from __future__ import annotations

import numpy as np

from formreader.core.geometry import Box
from formreader.core.records import DigitBox, FieldCrops
from formreader.detect.field_order import in_reading_order
from formreader.preprocess.straighten import StraightPage

PAGE = np.full((600, 800), 255, np.uint8)


def blank_cell(box: Box) -> FieldCrops:
    left, top, right, bottom = box.left, box.top, box.right, box.bottom
    cell = DigitBox(((left, top), (right, top), (right, bottom), (left, bottom)))
    return FieldCrops((cell,), np.zeros((1, 28, 28), np.uint8), np.ones(1, np.bool_), cell=cell)


def test_the_reading_order_goes_by_levels_on_the_upright_page() -> None:
    boxes = [Box(300, 104, 50, 30), Box(100, 100, 50, 30), Box(100, 50, 50, 30)]
    fields = [blank_cell(box) for box in boxes]
    upright = StraightPage(PAGE, np.eye(3), 0.0)
    assert in_reading_order(upright, fields) == [fields[i] for i in (2, 1, 0)]
    upside_down = StraightPage(PAGE, np.diag([-1.0, -1.0, 1.0]), 0.0)
    assert in_reading_order(upside_down, fields) == fields
    assert in_reading_order(upright, []) == []
