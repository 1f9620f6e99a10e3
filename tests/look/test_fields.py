"""Boxes side by side are one field; cells and free writing are fields by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from drawn_maps import BOX, CELL, draw_place, rule_around
from true_looks import blank_maps

from formreader.core.doubts import Doubt
from formreader.core.geometry import Box, scaling
from formreader.look.fields import FoundFields, find_fields
from formreader.look.page_look import PageLook
from formreader.preprocess.straighten import StraightPage

HEIGHT, WIDTH = 320, 480
PAGE = np.full((HEIGHT, WIDTH), 255, np.uint8)


def look(boxes: Sequence[Box] = (), cells: Sequence[Box] = (), pen: Sequence[Box] = ()) -> PageLook:
    maps = blank_maps(HEIGHT, WIDTH)
    for kind, places in ((BOX, boxes), (CELL, cells)):
        for place in places:
            draw_place(maps, place, kind)
            rule_around(maps, place)
    written = np.zeros((HEIGHT // 2, WIDTH // 2), np.uint8)
    for one in pen:
        rows = slice(round(one.top / 2), round(one.bottom / 2))
        written[rows, round(one.left / 2) : round(one.right / 2)] = 255
    return PageLook(maps, written, np.zeros_like(written), scaling(0.5, 0.5))


def row(left: float, top: float, n: int, step: float = 28) -> list[Box]:
    return [Box(left + i * step, top, 28, 36) for i in range(n)]


def fields(seen: PageLook, to_page: float = 1.0) -> FoundFields:
    return find_fields(StraightPage(PAGE, scaling(to_page, to_page), 0.0), seen)


def lefts(found: FoundFields) -> list[list[int]]:
    return [[round(box.box.left) for box in one] for one in found.rows]


def test_boxes_that_share_sides_are_one_field() -> None:
    found = fields(look(row(40, 40, 5) + row(40, 120, 3)))
    assert lefts(found) == [[40, 68, 96, 124, 152], [40, 68, 96]]
    assert found.notice == ""
    assert all(box.score > 0.9 for one in found.rows for box in one)


def test_boxes_with_small_gaps_are_one_field_and_far_ones_are_not() -> None:
    found = fields(look(row(40, 40, 3, step=36) + row(260, 40, 2, step=36)))
    assert [len(one) for one in found.rows] == [3, 2]


def test_cells_are_fields_by_themselves() -> None:
    cells = [Box(40, 40, 150, 40), Box(190, 40, 150, 40)]
    found = fields(look(cells=cells))
    assert sorted(round(cell.box.left) for cell in found.cells) == [40, 190]
    assert found.rows == ()
    assert found.notice == Doubt.NO_BOXES


def test_places_are_in_pixels_of_the_stored_page() -> None:
    found = fields(look(row(40, 40, 2)), to_page=3)
    first = found.rows[0][0].box
    assert (first.left, first.top) == pytest.approx((121, 121), abs=3)
    assert (first.width, first.height) == pytest.approx((84, 108), abs=4)


def test_writing_outside_of_all_places_is_a_place_of_its_own() -> None:
    strokes = [Box(60, 200, 10, 22), Box(76, 200, 10, 22), Box(320, 200, 10, 22)]
    inside = [Box(52, 48, 8, 20)]
    found = fields(look(row(40, 40, 2), pen=[*strokes, *inside]))
    assert len(found.free) == 2
    number, digit = sorted(found.free, key=lambda one: one.box.left)
    assert number.box.left < 60 < 86 < number.box.right
    assert digit.box.left < 320 < 330 < digit.box.right


@pytest.mark.parametrize(
    ("left", "marked"),
    [(130, [False, False, True]), (24, [True, False, False]), (190, [False] * 3)],
    ids=["in the next box", "in the box before", "far off"],
)
def test_writing_beside_a_row_may_be_its_digit(left: float, marked: list[bool]) -> None:
    """A box that was not seen: its neighbours are marked, and so their row is for review."""
    found = fields(look(row(40, 40, 3), pen=[Box(left, 46, 10, 22)]))
    assert [box.loose_ink for box in found.rows[0]] == marked
    below = fields(look(row(40, 40, 3), pen=[Box(left, 90, 10, 22)]))
    assert not any(box.loose_ink for box in below.rows[0])
    low = fields(look(row(40, 40, 3), pen=[Box(left, 64, 10, 6)]))  # a point or a dash
    assert not any(box.loose_ink for box in low.rows[0])


def test_a_blank_page_has_nothing() -> None:
    assert fields(look()) == FoundFields(notice=Doubt.NO_BOXES)


def test_what_lies_beyond_the_page_is_left_out() -> None:
    found = fields(look(row(40, 40, 4), [Box(300, 40, 120, 40)], [Box(320, 200, 10, 22)]))
    kept = found.within((HEIGHT, 100))
    assert [len(one) for one in kept.rows] == [2]
    assert (kept.cells, kept.free) == ((), ())
    assert found.within((HEIGHT, WIDTH)) == replace(found)
