"""How well single digits are read: `python tests/benchmarks/single_digits.py --data FOLDER`.

Reads the test sets of digits that are in the folder with the network that ships, as
`formreader evaluate` does: `mnist.npz` and `usps.npz` (`x_test`, `y_test`), `optdigits32.npz` and
`cvl.npz` (`images`, `labels`); images are (n, h, w) uint8, ink bright on black. Nothing of them was
trained on.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from result_file import Figures, add_json_option, write_result

from formreader.core.options import DEFAULT_MODEL, EvaluateOptions, ScanOptions
from formreader.training.evaluate.evaluation import Evaluation, evaluate

SETS = {
    "mnist.npz": "MNIST test set",
    "optdigits32.npz": "optdigits, 32 x 32, black and white",
    "usps.npz": "USPS test set, 16 x 16",
    "cvl.npz": "CVL single digits",
}
NAMES = (("x_test", "y_test"), ("images", "labels"))
"""Names of images and labels in the files, first those of a test part."""


def figures_of(evaluation: Evaluation) -> Figures:
    """Right, calibrated and accepted of one set."""
    n, least = evaluation.total.n, ScanOptions(()).review_below
    low, high = evaluation.interval
    (row,) = (row for row in evaluation.coverage if row.threshold == least)
    return {
        "right": [n - evaluation.total.errors, n],
        "95 % interval": f"{100 * low:.2f} to {100 * high:.2f} %",
        "ECE": evaluation.ece,
        f"accepted at {least}": [row.accepted, n],
        "accepted but wrong": [row.errors, row.accepted],
    }


def measure(file: Path, model: str) -> Evaluation:
    """Evaluate the model on the test part of a file."""
    with np.load(file) as arrays, tempfile.TemporaryDirectory() as place:
        images, labels = next(names for names in NAMES if names[0] in arrays)
        data = Path(place, "set.npz")
        np.savez(data, images=arrays[images], labels=arrays[labels])
        return evaluate(EvaluateOptions(model, str(data), Path(place, "out")))


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the sets")
    parser.add_argument("--model", default=DEFAULT_MODEL, help="name or folder")
    add_json_option(parser)
    options = parser.parse_args()
    figures: dict[str, Figures] = {}
    for file, words in SETS.items():
        if (options.data / file).is_file():
            figures[words] = figures_of(measure(options.data / file, options.model))
            print(words, figures[words], flush=True)
    if not figures:
        raise SystemExit(f"{options.data}: none of {', '.join(SETS)} is there")
    write_result(options.json, figures)


if __name__ == "__main__":
    main()
