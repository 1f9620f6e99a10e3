"""A digit beyond the line of a cell is told, print and other fields there are not."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from formreader.core.records import GreyImage
from formreader.template.ink_beside import free_sides, ink_beside, thickened
from formreader.template.page_map import Floats


def corners(*boxes: tuple[float, float, float, float]) -> Floats:
    quads = [((x, y), (x + w, y), (x + w, y + h), (x, y + h)) for x, y, w, h in boxes]
    return np.array(quads, np.float64)


CELLS = corners((60, 20, 80, 30), (60, 70, 80, 30), (140, 70, 40, 30))


def page(*, label: int = 30, ones: tuple[int, ...] = ()) -> GreyImage:
    image = np.full((130, 240), 255, np.uint8)
    cv2.polylines(image, list(CELLS.astype(np.int32)), True, (60,), 1)
    cv2.putText(image, "No", (label, 42), 0, 0.6, (0,), 2)
    for x in ones:
        cv2.line(image, (x, 24), (x - 2, 46), (20,), 2)
    return image


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        (page(), False),
        (page(label=28), False),  # print is never quite where it should be
        (page(ones=(100, 130)), False),
        (page(ones=(100, 148)), True),
        (page(ones=(52,)), True),
        (page(ones=(190,)), False),  # too far away
    ],
)
def test_writing_beyond_the_line_is_told(seen: GreyImage, *, told: bool) -> None:
    free = free_sides(CELLS, CELLS)
    assert free.tolist() == [[True, True], [True, False], [False, True]]
    beside = ink_beside(seen, CELLS, thickened(page()), CELLS, free)
    assert beside.tolist() == [told, False, False]


def test_where_another_field_stands_nothing_is_told() -> None:
    written = page()
    cv2.line(written, (148, 74), (146, 96), (20,), 2)
    beside = ink_beside(written, CELLS, thickened(page()), CELLS, free_sides(CELLS, CELLS))
    assert not beside.any()
    assert not len(ink_beside(written, CELLS[:0], page(), CELLS[:0], free_sides(CELLS[:0], CELLS)))
