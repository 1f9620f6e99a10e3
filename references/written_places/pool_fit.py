"""Fit how far a row's boxes and its strip are to be believed; write it into the numbers' card.

    PYTHONPATH=.:references python -m written_places.pool_fit --data DATA

It draws other pages than those of the trainings, by the same hands. Whoever trains the digit or the
number network anew runs this again.
"""

from __future__ import annotations

import argparse
import json
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from formreader.core.model_folder import CARD_FILE, NUMBER_MODEL, model_folder
from formreader.recognise.load_recogniser import load_recogniser
from formreader.recognise.number_reader import NumberReader
from formreader.recognise.row_strips import log_opinions
from written_places.cut_places import CutRow, cut_rows
from written_places.pages import draw, prepare


def _rows(seed: list[int]) -> list[CutRow]:
    page, rng = draw(seed)
    return cut_rows(page, rng)


def opinions(rows: list[CutRow], numbers: NumberReader) -> tuple[npt.NDArray[np.float64], ...]:
    """Logarithms of both networks' opinions of n written boxes, (2, n, 11), and labels (n,)."""
    recogniser = load_recogniser()
    shown = [row for row in rows if row.field.strip is not None and not row.field.blank.all()]
    said = numbers.read([row.field.strip.darkness for row in shown if row.field.strip is not None])
    logs, labels = [], []
    for row, hypothesis in zip(shown, said, strict=True):
        written = ~row.field.blank
        digits = np.zeros((len(written), 11), np.float32)
        digits[written] = recogniser.probabilities(row.field.written)
        logs.append(np.stack(log_opinions(row.field, digits, hypothesis))[:, written])
        labels.append(row.labels[written])
    return np.concatenate(logs, axis=1, dtype=np.float64), np.concatenate(labels)


def fit(logs: npt.NDArray[np.float64], labels: npt.NDArray[np.uint8]) -> tuple[float, float]:
    """The weights of both opinions with the least cross-entropy."""

    def cross_entropy(weights: npt.NDArray[np.float64]) -> float:
        both = np.tensordot(weights, logs, 1)
        peak = both.max(axis=1, keepdims=True)
        totals = np.log(np.exp(both - peak).sum(axis=1)) + peak[:, 0]
        return float((totals - both[np.arange(len(labels)), labels]).mean())

    found = minimize(cross_entropy, np.array([0.5, 0.5]), method="Nelder-Mead")
    return float(found.x[0]), float(found.x[1])


def main() -> None:
    """Read the options, draw, fit and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="printed forms and sets of digits")
    parser.add_argument("--pages", type=int, default=400, help="pages to draw")
    parser.add_argument("--seed", type=int, default=43, help="seed of all random choices")
    parser.add_argument("--model", type=Path, default=model_folder(NUMBER_MODEL))
    options = parser.parse_args()
    seeds = [[options.seed, i, 35] for i in range(options.pages)]
    with ProcessPoolExecutor(initializer=prepare, initargs=(options.data,)) as pool:
        rows = [row for page in pool.map(_rows, seeds, chunksize=4) for row in page]
    logs, labels = opinions(rows, NumberReader.load(options.model))
    weights = fit(logs, labels)
    counts = [
        int((of.argmax(axis=1) == labels).sum()) for of in (*logs, np.tensordot(weights, logs, 1))
    ]
    file = options.model / CARD_FILE
    card = json.loads(file.read_text("utf-8"))
    card["confidence"]["boxes"] = [round(one, 4) for one in weights]
    file.write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"of {len(labels)} boxes right by digits, strip, both: {counts}; weights {weights}")


if __name__ == "__main__":
    main()
