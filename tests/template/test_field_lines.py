"""Fields are moved onto a page's lines as a whole; lines that are elsewhere are told."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from formreader.core.records import GreyImage
from formreader.detect.line_snapping import find_edges
from formreader.template.field_lines import OnLines, on_lines
from formreader.template.page_map import Floats

WIDTH, HEIGHT, COUNT = 24, 30, 6
LEFTS, TOPS = (40.0, 60.0, 40.0), (40.0, 110.0, 180.0)
OWNER = np.repeat(np.arange(3), COUNT)


def combs(move: tuple[float, float] = (0, 0)) -> Floats:
    """Corners of three combs."""
    corners = [
        (x + i * WIDTH + dx, y + dy)
        for x, y in zip(LEFTS, TOPS, strict=True)
        for i in range(COUNT)
        for dx, dy in ((0, 0), (WIDTH, 0), (WIDTH, HEIGHT), (0, HEIGHT))
    ]
    return np.array(corners, np.float64).reshape(-1, 4, 2) + move


def drawn(boxes: Floats) -> GreyImage:
    image = np.full((260, 260), 255, np.uint8)
    for box in boxes:
        cv2.polylines(image, [np.rint(box * 16).astype(np.int32)], True, (60,), 1, cv2.LINE_AA, 4)
    return image


def moved(page: GreyImage, guess: Floats) -> OnLines:
    form = drawn(combs())
    return on_lines(page, guess, combs(), find_edges(form, combs()), OWNER)


@pytest.mark.parametrize("move", [(0.0, 0.0), (1.4, -1.0), (-2.0, 2.0)])
def test_fields_are_moved_onto_their_lines(move: tuple[float, float]) -> None:
    found = moved(drawn(combs(move)), combs())
    assert np.abs(found.corners - combs(move)).max() < 0.6
    assert found.confirmed.min() > 0.8


def test_strokes_beside_the_edges_of_some_boxes_move_no_field() -> None:
    page = drawn(combs())
    for i in (0, 1, 4, 5):  # ones beside the separators of the second comb, darker than these
        x = round(LEFTS[1] + i * WIDTH + 4)
        cv2.line(page, (x, round(TOPS[1]) + 2), (x, round(TOPS[1]) + HEIGHT - 2), (0,), 2)
    found = moved(page, combs())
    assert np.abs(found.corners - combs()).max() < 0.6


def test_a_field_is_doubted_whose_lines_are_elsewhere_in_one_direction() -> None:
    boxes = combs()
    boxes[OWNER == 2] += (WIDTH / 2, 0)
    found = moved(drawn(boxes), combs())
    assert (found.confirmed[:2] > 0.8).all()
    assert found.confirmed[2] < 0.3


def test_a_field_without_lines_on_its_form_is_left_where_the_others_are() -> None:
    form = drawn(combs()[OWNER != 1])
    page = drawn(combs((1.5, -1.0))[OWNER != 1])
    found = on_lines(page, combs(), combs(), find_edges(form, combs()), OWNER)
    assert found.confirmed[1] == 1
    assert np.abs(found.corners - combs((1.5, -1.0))).max() < 0.7
