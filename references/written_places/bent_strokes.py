"""Bend the digits of a file of pen strokes as other hands may write them.

PYTHONPATH=.:references python -m written_places.bent_strokes STROKES.npz --out BENT.npz
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from formreader.training.data.digit_sets import STROKE_UNIT, Path2D, PenStrokes
from page_network.hands import bent


def bent_strokes(strokes: PenStrokes, seed: int) -> PenStrokes:
    """Each digit bent once; its longer side is `STROKE_UNIT` again."""
    rng = np.random.default_rng(seed)
    paths = [_framed(bent(digit, rng)) for digit in strokes.paths]
    return PenStrokes(paths, strokes.labels, strokes.writer)


def _framed(paths: list[Path2D]) -> list[Path2D]:
    points = np.concatenate(paths)
    low = points.min(axis=0)
    scale = STROKE_UNIT / max(float((points.max(axis=0) - low).max()), 1.0)
    return [(path - low) * scale for path in paths]


def main() -> None:
    """Read the options, bend and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("strokes", type=Path, help="file of pen strokes")
    parser.add_argument("--out", type=Path, required=True, help=".npz to write")
    parser.add_argument("--seed", type=int, default=35, help="seed of all random choices")
    options = parser.parse_args()
    bent_strokes(PenStrokes.load(options.strokes), options.seed).save(options.out)


if __name__ == "__main__":
    main()
