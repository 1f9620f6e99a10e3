"""Strokes that are not what their label says are dropped."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from clean_strokes import clean

from formreader.training.data.stroke_digits import PenStrokes

ONE = [[(480, 0), (500, 1000)]]
SEVEN = [[(0, 0), (700, 0), (250, 1000)]]


def test_a_stroke_that_is_no_zero_is_dropped(tmp_path: Path) -> None:
    digits, labels = [ONE, ONE, SEVEN], [1, 0, 7]
    strokes = [stroke for digit in digits for stroke in digit]
    np.savez(
        tmp_path / "strokes.npz",
        points=np.array([point for stroke in strokes for point in stroke], np.int16),
        stroke_starts=np.cumsum([0, *map(len, strokes)]),
        digit_strokes=np.cumsum([0, *map(len, digits)]),
        labels=np.array(labels, np.uint8),
        writer=np.array([4, 5, 6]),
    )
    said = clean(tmp_path / "strokes.npz", tmp_path / "clean.npz", "digits")
    assert said == "2 of 3 digits kept"
    kept = PenStrokes.load(tmp_path / "clean.npz")
    assert kept.labels.tolist() == [1, 7]
    assert kept.writer.tolist() == [4, 6]
    assert [line.tolist() for line in kept.paths[1]] == [[list(point) for point in SEVEN[0]]]
