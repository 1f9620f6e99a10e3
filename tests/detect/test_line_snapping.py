"""Rows are snapped to their printed lines."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from formreader.core.records import GreyImage
from formreader.detect.line_snapping import snap_rows_to_lines
from formreader.detect.rows import Row

LEFT, TOP, WIDTH, HEIGHT, COUNT = 40, 50, 22, 28, 7


def quads(
    left: float = LEFT, top: float = TOP, width: float = WIDTH, height: float = HEIGHT,
    *, step: float | None = None, slope: float = 0.0,
) -> npt.NDArray[np.float64]:  # fmt: skip
    """Corners of `COUNT` boxes."""
    x = left + np.arange(COUNT) * (step or width)
    a, b = top + slope * (x - left), top + slope * (x + width - left)
    upper = np.stack([np.column_stack([x, a]), np.column_stack([x + width, b])], axis=1)
    lower = upper[:, ::-1] + (0, height)
    return np.concatenate([upper, lower], axis=1)


def drawn(boxes: npt.NDArray[np.float64], ink: int = 60) -> GreyImage:
    image = np.full((140, 260), 255, np.uint8)
    for box in boxes:
        cv2.polylines(image, [np.rint(box * 16).astype(np.int32)], True, (ink,), 1, cv2.LINE_AA, 4)
    return image


def snapped(image: GreyImage, boxes: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    (row,) = snap_rows_to_lines(image, [Row(boxes, np.full(len(boxes), 0.9))])
    return row.corners


@pytest.mark.parametrize("move", [(1.4, 0), (-2.0, 1.2), (0.6, -2.2), (2.2, 2.2)])
@pytest.mark.parametrize("step", [WIDTH, WIDTH + 5])
def test_a_row_is_moved_onto_its_lines(move: tuple[float, float], step: int) -> None:
    truth = quads(step=step)
    assert np.abs(snapped(drawn(truth), truth + move) - truth).max() < 0.5


@pytest.mark.parametrize("ink", [60, 150, 215])
def test_faint_lines_count_as_well(ink: int) -> None:
    truth = quads()
    assert np.abs(snapped(drawn(truth, ink), truth + (1.5, -1.0)) - truth).max() < 0.5


def test_a_row_is_stretched_to_its_lines() -> None:
    truth = quads()
    guess = quads(LEFT + 1.5, TOP - 1, WIDTH - 0.5, HEIGHT + 2)
    assert np.abs(snapped(drawn(truth), guess) - truth).max() < 0.6


def test_a_row_is_turned_onto_its_lines() -> None:
    truth = quads(slope=0.02)
    assert np.abs(snapped(drawn(truth), quads(top=TOP + 1.5)) - truth).max() < 0.8


def test_strokes_along_an_edge_do_no_harm() -> None:
    truth = quads()
    image = drawn(truth)
    for i in (1, 4):  # a 7's bar just inside the upper line, a 1 beside a separator
        x = LEFT + i * WIDTH
        cv2.line(image, (x + 4, TOP + 3), (x + 18, TOP + 3), (0,), 2)
        cv2.line(image, (x + 19, TOP + 3), (x + 19, TOP + 25), (0,), 2)
    assert np.abs(snapped(image, truth + (-1.0, 0.8)) - truth).max() < 0.6


def test_boxes_without_lines_stay_where_they_are() -> None:
    guess = quads(LEFT + 0.3, TOP + 0.4)
    assert snapped(np.full((140, 260), 255, np.uint8), guess) == pytest.approx(guess)


def test_rows_at_the_border_of_a_page() -> None:
    image = np.full((40, 90), 255, np.uint8)
    guess = quads(-3, -2)
    assert np.isfinite(snapped(image, guess)).all()


def test_a_line_at_the_end_of_the_reach_is_found() -> None:
    truth = quads(20, 30, 60, 66)[:3]
    assert np.abs(snapped(drawn(truth), truth + (0, 7.6)) - truth).max() < 0.5


def test_rows_do_not_affect_one_another() -> None:
    comb, boxes, lone = quads(top=20), quads(top=60, step=WIDTH + 5), quads(60, 100, 30, 34)[:1]
    image = drawn(np.concatenate([comb, boxes, lone]))
    guesses = [comb + (1, 1), boxes + (-1.5, 0.5), lone + (2, -1)]
    rows = [Row(guess, np.full(len(guess), 0.9)) for guess in guesses]
    together = snap_rows_to_lines(image, rows)
    for row, moved in zip(rows, together, strict=True):
        (alone,) = snap_rows_to_lines(image, [row])
        assert moved.corners == pytest.approx(alone.corners)
        assert moved.separation == pytest.approx(alone.separation)


def test_the_separation_distinguishes_combs_from_digits_side_by_side() -> None:
    comb = quads()
    (ruled,) = snap_rows_to_lines(drawn(comb), [Row(comb, np.full(COUNT, 0.9))])
    frame = np.array([[comb[0, 0], comb[-1, 1], comb[-1, 2], comb[0, 3]]])
    (cell,) = snap_rows_to_lines(drawn(frame), [Row(comb, np.full(COUNT, 0.9))])
    assert ruled.separation > 0.9
    assert cell.separation < 0.1


def test_no_rows() -> None:
    assert snap_rows_to_lines(np.full((9, 9), 255, np.uint8), []) == []
