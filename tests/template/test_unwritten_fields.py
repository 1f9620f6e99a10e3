"""Fields that are blank on most pages are found on the reference page, and nothing else is."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from formreader.core.geometry import Box
from formreader.core.records import DigitBox, GreyImage
from formreader.detect.field_finder import FoundFields
from formreader.template import unwritten_fields
from formreader.template.form_template import FieldPlace
from formreader.template.unwritten_fields import with_unwritten

KNOWN, BLANK, PRINTED, TICK = (
    Box(20, 20, 100, 30), Box(140, 20, 60, 30), Box(20, 80, 100, 30), Box(140, 84, 18, 18),
)  # fmt: skip
FRAME, PART = Box(20, 140, 180, 30), Box(90, 140, 110, 30)
"""A frame for words, and the part of it that was found: it has no line on its left."""
SPLIT = Box(20, 200, 180, 30)
ROW = tuple(Box(20 + 30 * i, 260, 20, 25) for i in range(3))


def reference() -> GreyImage:
    page = np.full((310, 240), 255, np.uint8)
    for box in (KNOWN, BLANK, PRINTED, TICK, FRAME, SPLIT, *ROW):
        first, last = (box.left, box.top), (box.right, box.bottom)
        cv2.rectangle(page, np.int32(first).tolist(), np.int32(last).tolist(), (40,), 1)
    cv2.putText(page, "Total", (24, 104), 0, 0.8, (40,), 2)
    return page


def found(box: Box) -> DigitBox:
    left, top, right, bottom = box.left, box.top, box.right, box.bottom
    return DigitBox(((left, top), (right, top), (right, bottom), (left, bottom)), 0.9)


@pytest.fixture(autouse=True)
def _finder(monkeypatch: pytest.MonkeyPatch) -> None:
    """The finder finds everything that is drawn."""
    cells = tuple(found(box) for box in (KNOWN, BLANK, PRINTED, TICK, PART, SPLIT))
    everything = FoundFields((tuple(found(box) for box in ROW),), cells, "")
    monkeypatch.setattr(unwritten_fields, "find_fields", lambda straight: everything)


def test_blank_cells_like_the_known_ones_are_added() -> None:
    fields = with_unwritten(reference(), [FieldPlace("F01", cell=KNOWN)])
    assert [one.cell for one in fields] == [KNOWN, BLANK, SPLIT]


def test_blank_boxes_as_large_as_known_ones_are_added() -> None:
    known = FieldPlace("F01", (Box(220, 20, 20, 25),))
    assert [one.boxes for one in with_unwritten(reference(), [known])] == [known.boxes, ROW]
    other = FieldPlace("F01", (Box(220, 20, 10, 25),))
    assert with_unwritten(reference(), [other]) == (other,)


def test_parts_of_a_cell_become_the_whole_unless_they_lie_side_by_side() -> None:
    overlapping = [FieldPlace("F01", cell=Box(x, 200, 110, 30)) for x in (20, 90)]
    assert SPLIT in [one.cell for one in with_unwritten(reference(), overlapping)]
    beside = tuple(FieldPlace("F01", cell=Box(x, 200, 90, 30)) for x in (20, 110))
    assert with_unwritten(reference(), beside)[:2] == beside


def test_parts_without_a_line_between_them_become_the_cell_that_any_page_shows() -> None:
    parts = [
        FieldPlace("F01", cell=Box(*place)) for place in ((20, 300, 96, 30), (108, 300, 92, 30))
    ]
    page, whole = (
        cv2.copyMakeBorder(reference(), 0, 40, 0, 0, cv2.BORDER_REPLICATE),
        Box(20, 300, 180, 30),
    )
    cv2.rectangle(page, (20, 300), (200, 330), (40,), 1)
    assert with_unwritten(page, parts)[:2] == tuple(parts)
    assert [one.cell for one in with_unwritten(page, parts, [whole])][:1] == [whole]
    assert with_unwritten(page, parts[:1], [whole])[0] == parts[0]
    cv2.line(page, (112, 300), (112, 330), (40,), 1)
    assert with_unwritten(page, parts, [whole])[:2] == tuple(parts)


def test_boxes_without_lines_become_the_cell_that_they_lie_in() -> None:
    beside_strokes = FieldPlace("F01", (*ROW, Box(20, 200, 70, 30), Box(110, 200, 85, 30)))
    fields = with_unwritten(reference(), [beside_strokes])
    assert (fields[0].boxes, fields[1].cell) == (ROW, SPLIT)
    comb = FieldPlace("F01", tuple(Box(20 + 30 * i, 200, 30, 30) for i in range(6)))
    assert SPLIT not in [one.cell for one in with_unwritten(reference(), [comb])]
    true = FieldPlace("F01", (Box(141, 21, 58, 28),))
    assert with_unwritten(reference(), [true])[0] == true
