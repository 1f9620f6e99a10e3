"""Boxes and cells are where the maps have their cores, their sides on the lines beside these."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_maps import BOX, CELL, draw_place, rule
from hypothesis import given
from hypothesis import strategies as st
from true_looks import blank_maps

from formreader.core.classes import Layer
from formreader.core.geometry import Box
from formreader.look.page_maps import PageMaps
from formreader.look.places import Places, find_places

HEIGHT, WIDTH = 256, 384
PLACE = Box(60.0, 80.0, 40.0, 50.0)


def found(maps: PageMaps, kind: int = BOX) -> Places:
    return find_places(maps)[kind]


def corners_of(box: Box) -> np.ndarray:
    left, top, right, bottom = box.left, box.top, box.right, box.bottom
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)])


def maps_with(*places: tuple[Box, int, float]) -> PageMaps:
    maps = blank_maps(HEIGHT, WIDTH)
    for place, kind, logit in places:
        draw_place(maps, place, kind, logit)
    return maps


def test_a_page_without_cores_has_no_places() -> None:
    boxes, cells = find_places(blank_maps(HEIGHT, WIDTH))
    assert len(boxes) == len(cells) == 0
    assert boxes.corners.shape == cells.corners.shape == (0, 4, 2)


@given(
    st.floats(8, 200), st.floats(8, 120), st.floats(16, 150), st.floats(16, 100),
    st.sampled_from([BOX, CELL]),
)  # fmt: skip
def test_a_place_is_found_to_within_a_place_of_the_grid(
    left: float, top: float, width: float, height: float, kind: int
) -> None:
    place = Box(left, top, width, height)
    both = find_places(maps_with((place, kind, 6.0)))
    assert len(both[1 - kind]) == 0
    assert len(both[kind]) == 1
    assert np.abs(both[kind].corners[0] - corners_of(place)).max() < 2.1
    assert both[kind].scores[0] == pytest.approx(1 / (1 + np.exp(-6)), abs=1e-3)


def test_a_tilted_cell_is_found_tilted() -> None:
    maps = blank_maps(HEIGHT, WIDTH)
    draw_place(maps, Box(40, 80, 300, 40), CELL, slope=0.03)
    corners = found(maps, CELL).corners[0]
    wanted = corners_of(Box(40, 80, 300, 40)) + [(0, -4.5), (0, 4.5), (0, 4.5), (0, -4.5)]
    assert np.abs(corners - wanted).max() < 2.1  # a slope is trusted in part


@pytest.mark.parametrize("gap", [0, 3, 10])
@pytest.mark.parametrize("width", [20, 28, 40])
def test_boxes_side_by_side_stay_apart(width: int, gap: int) -> None:
    boxes = [Box(40 + i * (width + gap), 80, width, 34) for i in range(4)]
    places = found(maps_with(*((box, BOX, 6.0) for box in boxes)))
    assert len(places) == 4
    wanted = np.array([corners_of(box) for box in boxes])
    order = np.argsort(places.corners[:, 0, 0])
    assert np.abs(places.corners[order] - wanted).max() < 2.1


@pytest.mark.parametrize("away", [-3.0, 3.0])
def test_a_side_is_moved_onto_the_line_beside_it(away: float) -> None:
    maps = maps_with((PLACE, BOX, 6.0))
    line = PLACE.left + away
    rule(maps, Layer.RULED_DOWN, (line, PLACE.top), (line, PLACE.bottom))
    corners = found(maps).corners[0]
    assert corners[[0, 3], 0] == pytest.approx([line] * 2, abs=1.2)
    others = corners_of(PLACE)
    assert np.abs(corners[[1, 2]] - others[[1, 2]]).max() < 2.1
    assert np.abs(corners[:, 1] - others[:, 1]).max() < 2.1


def test_a_side_is_not_moved_where_no_line_is_near_or_of_its_direction() -> None:
    maps = maps_with((PLACE, BOX, 6.0))
    plain = found(maps).corners
    far = PLACE.left - 14
    rule(maps, Layer.RULED_DOWN, (far, PLACE.top), (far, PLACE.bottom))
    rule(
        maps, Layer.RULED_ACROSS, (PLACE.left - 3, PLACE.top + 8), (PLACE.left - 2, PLACE.top + 40)
    )
    rule(maps, Layer.PRINT, (PLACE.right + 3, PLACE.top), (PLACE.right + 3, PLACE.bottom))
    assert np.abs(found(maps).corners - plain).max() < 0.1


@pytest.mark.parametrize(("box", "cell"), [(6.0, 2.0), (2.0, 6.0)])
def test_of_a_box_and_a_cell_in_one_place_the_likelier_is_kept(box: float, cell: float) -> None:
    maps = blank_maps(HEIGHT, WIDTH)
    draw_place(maps, PLACE, CELL, cell)
    draw_place(maps, PLACE, BOX, box)
    boxes, cells = find_places(maps)
    assert (len(boxes), len(cells)) == ((1, 0) if box > cell else (0, 1))


def test_places_apart_are_both_kept() -> None:
    boxes, cells = find_places(maps_with((PLACE, BOX, 1.5), (Box(160, 80, 120, 50), CELL, 6.0)))
    assert (len(boxes), len(cells)) == (1, 1)


def test_a_speck_is_no_place() -> None:
    maps = blank_maps(HEIGHT, WIDTH)
    maps.cores[BOX, 10, 10] = 6
    assert len(found(maps)) == 0
