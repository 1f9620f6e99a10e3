"""What the page network alone sees joins the fields of a page, if it is written in."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from drawn_maps import BOX, CELL, draw_place
from true_looks import blank_maps, look_of

from formreader.core.doubts import Doubt
from formreader.core.geometry import Box
from formreader.core.records import DigitBox
from formreader.detect.field_finder import FoundFields
from formreader.look.missed_places import with_missed
from formreader.look.places import find_places
from formreader.preprocess.straighten import StraightPage

HEIGHT, WIDTH = 256, 384
STRAIGHT = StraightPage(np.full((HEIGHT, WIDTH), 255, np.uint8), np.eye(3), 0.0)
FRAME = Box(60.0, 80.0, 120.0, 50.0)
NOTHING = FoundFields(notice=Doubt.NO_BOXES)


def at(box: Box) -> DigitBox:
    left, top, right, bottom = box.left, box.top, box.right, box.bottom
    return DigitBox(((left, top), (right, top), (right, bottom), (left, bottom)))


def added(
    found: FoundFields, *places: tuple[Box, int], written: bool = True, right: float = 0.0
) -> FoundFields:
    """What is found where the page network sees these places, written in `right` of the middle."""
    maps, pen = blank_maps(HEIGHT, WIDTH), np.zeros((HEIGHT, WIDTH), np.bool_)
    for place, kind in places:
        draw_place(maps, place, kind)
        x, y = (round(side) for side in place.centre)
        x += round(right)
        pen[y - 6 : y + 6, x - 3 : x + 3] = written
    look = look_of(pen, np.zeros_like(pen), maps)
    return with_missed(found, find_places(maps), look, STRAIGHT)


def test_a_written_cell_joins() -> None:
    (cell,) = added(NOTHING, (FRAME, CELL)).cells
    assert cell.box.centre == pytest.approx(FRAME.centre, abs=2)
    assert not cell.loose_ink


@pytest.mark.parametrize(("right", "joins"), [(47, True), (60, False)])
def test_writing_near_the_end_of_a_cell_counts_unless_it_may_be_a_neighbours(
    right: float, joins: bool
) -> None:
    found = added(NOTHING, (FRAME, CELL), right=right)
    assert len(found.cells) == joins


def test_a_row_of_boxes_joins_and_is_for_review() -> None:
    boxes = [(Box(60.0 + 30 * i, 80.0, 30.0, 36.0), BOX) for i in range(4)]
    found = added(NOTHING, *boxes)
    (row,) = found.rows
    assert len(row) == 4
    assert all(box.loose_ink for box in row)
    assert found.notice == ""


@pytest.mark.parametrize("kind", [BOX, CELL])
def test_a_blank_place_does_not_join(kind: int) -> None:
    assert added(NOTHING, (FRAME, kind), written=False) == NOTHING


def test_what_is_found_already_stays_as_it_is() -> None:
    found = FoundFields(cells=(at(FRAME),), notice=Doubt.NO_BOXES)
    assert added(found, (FRAME, CELL)) == found
    assert added(found, (FRAME, BOX)) == found


FOUR = [Box(60.0 + 30 * i, 80.0, 30.0, 36.0) for i in range(4)]


def test_a_row_with_a_written_box_that_was_missed_replaces_what_was_found_there() -> None:
    doubtful = tuple(replace(at(box), score=0.4) for box in FOUR[:2])
    apart = (at(Box(60.0, 180.0, 30.0, 36.0)),)
    cell = at(Box(120.0, 75.0, 30.0, 46.0))
    found = FoundFields(rows=(doubtful, apart), cells=(cell,))
    other, row = added(found, *((box, BOX) for box in FOUR)).rows
    assert other == apart
    assert [box.box.centre[0] for box in row] == pytest.approx([75, 105, 135, 165], abs=2)
    assert all(box.loose_ink for box in row)
    assert not added(found, *((box, BOX) for box in FOUR)).cells


def test_a_row_without_a_written_box_that_was_missed_replaces_nothing() -> None:
    doubtful = tuple(replace(at(box), score=0.4) for box in FOUR)
    found = FoundFields(rows=(doubtful,))
    assert added(found, *((box, BOX) for box in FOUR)) == found
    few = FoundFields(rows=(doubtful[:2],))
    assert added(few, *((box, BOX) for box in FOUR), written=False) == few


def test_a_likelier_cell_replaces_the_parts_that_were_found_of_it() -> None:
    whole = Box(60.0, 80.0, 200.0, 50.0)
    parts = (at(Box(60.0, 80.0, 60.0, 50.0)), at(Box(210.0, 80.0, 50.0, 50.0)))
    other = at(Box(60.0, 180.0, 60.0, 50.0))
    doubtful = (parts[0], replace(parts[1], score=0.4))
    for written in (False, True):
        found = FoundFields(cells=(*doubtful, other))
        kept, cell = added(found, (whole, CELL), written=written).cells
        assert kept == other
        assert cell.box.width == pytest.approx(200, abs=4)
    sure = FoundFields(cells=(*parts, other))
    assert added(sure, (whole, CELL), written=False) == sure
    beside = (replace(parts[0], loose_ink=True), parts[1], other)  # the writing is in no place
    assert added(sure, (whole, CELL)) == replace(sure, cells=beside)


@pytest.mark.parametrize(("away", "cut"), [(20, True), (50, False)])
def test_a_number_is_for_review_if_there_is_writing_beside_its_cell(away: int, cut: bool) -> None:
    maps, pen = blank_maps(HEIGHT, WIDTH), np.zeros((HEIGHT, WIDTH), np.bool_)
    end = round(FRAME.right)
    pen[100:112, end + away : end + away + 8] = True
    look = look_of(pen, np.zeros_like(pen), maps)
    beside, apart = at(FRAME), at(Box(60.0, 180.0, 120.0, 50.0))
    found = with_missed(FoundFields(cells=(beside, apart)), find_places(maps), look, STRAIGHT)
    assert [cell.loose_ink for cell in found.cells] == [cut, False]
    neighbour = at(Box(FRAME.right, 80.0, 90.0, 50.0))
    found = with_missed(FoundFields(cells=(beside, neighbour)), find_places(maps), look, STRAIGHT)
    assert not any(cell.loose_ink for cell in found.cells)


@pytest.mark.parametrize(("score", "stays"), [(0.4, False), (1.0, True)])
def test_a_likelier_cell_replaces_a_row(score: float, stays: bool) -> None:
    row = tuple(replace(at(box), score=score) for box in FOUR)
    found = added(FoundFields(rows=(row,)), (Box(60.0, 80.0, 120.0, 36.0), CELL))
    assert found.rows == ((row,) if stays else ())
    assert len(found.cells) == (not stays)


def test_boxes_that_are_cells_become_cells() -> None:
    frames = [Box(40.0 + 90 * i, 80.0, 70.0, 50.0) for i in range(3)]
    found = FoundFields(rows=(tuple(map(at, frames)),))
    assert added(found, *((frame, CELL) for frame in frames)).cells == found.rows[0]
    assert added(found, (frames[0], CELL)) == found  # the others are boxes


def test_a_box_that_is_a_cell_joins_no_second_time() -> None:
    both = FoundFields(rows=((at(FRAME),),), cells=(at(FRAME),))
    assert added(both, (FRAME, CELL)) == FoundFields(cells=(at(FRAME),))
