"""Drop digits from a file of pen strokes that are hardly what their label says.

    PYTHONPATH=. python references/clean_strokes.py STROKES.npz --out CLEAN.npz [--model digits]

UNIPEN's digits were cut out of longer texts by hand: some zeros are a slash, some fours one stroke.
A digit goes if the model gives its label less than 1 % with each of the pens that draw it (as
Northcutt, Jiang and Chuang, "Confident Learning", 2021, find label errors).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from formreader.recognise.load_recogniser import load_recogniser
from formreader.training.data.digit_sets import PenStrokes, load_set

_MIN_PROBABILITY = 0.01


def clean(file: Path, out: Path, model: str) -> str:
    """Write the digits of `file` that are what their label says to `out`; returns the counts."""
    strokes = PenStrokes.load(file)
    drawn = load_set(str(file)).examples
    read = load_recogniser(model).probabilities(drawn.crops)
    of_label = read[np.arange(len(drawn)), drawn.labels].reshape(-1, len(strokes.labels))
    kept = np.flatnonzero(of_label.max(axis=0) >= _MIN_PROBABILITY)
    paths = [strokes.paths[i] for i in kept]
    PenStrokes(paths, strokes.labels[kept], strokes.writer[kept]).save(out)
    return f"{len(kept):,} of {len(strokes.labels):,} digits kept"


def main() -> None:
    """Read the options and clean."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("strokes", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", default="digits")
    options = parser.parse_args()
    print(clean(options.strokes, options.out, options.model))


if __name__ == "__main__":
    main()
