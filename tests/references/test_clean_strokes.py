"""Strokes that are not what their label says are dropped."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from clean_strokes import clean
from formreader.training.data.digit_sets import PenStrokes

ONE = [np.array([(480.0, 0), (500, 1000)])]
SEVEN = [np.array([(0.0, 0), (700, 0), (250, 1000)])]


def test_a_stroke_that_is_no_zero_is_dropped(tmp_path: Path) -> None:
    labels, writer = np.array([1, 0, 7], np.uint8), np.array([4, 5, 6])
    PenStrokes([ONE, ONE, SEVEN], labels, writer).save(tmp_path / "strokes.npz")
    said = clean(tmp_path / "strokes.npz", tmp_path / "clean.npz", "digits")
    assert said == "2 of 3 digits kept"
    kept = PenStrokes.load(tmp_path / "clean.npz")
    assert kept.labels.tolist() == [1, 7]
    assert kept.writer.tolist() == [4, 6]
    assert [line.tolist() for line in kept.paths[1]] == [line.tolist() for line in SEVEN]
