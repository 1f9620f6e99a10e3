"""Train the networks of digits and of numbers on a GPU with JAX, for a given time.

The machine needs JAX, Keras and what drawing needs, no TensorFlow. The weights that come back are
given to `formreader train --from` and `number_network --base`, which end the training, calibrate
and write the model.

KERAS_BACKEND=jax PYTHONPATH=.:references python -m gpu_training numbers --minutes 10 ...
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import cv2

from gpu_training.fit_digits import fit_digits
from gpu_training.fit_numbers import fit_numbers

_MODES = {"digits": fit_digits, "numbers": fit_numbers}


def main() -> None:
    """Read the options and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("network", choices=tuple(_MODES))
    parser.add_argument("--out", type=Path, required=True, help=".npz of weights to write")
    parser.add_argument("--minutes", type=float, required=True, help="time for all of it")
    parser.add_argument("--seed", type=int, required=True, help="seed of all random choices")
    parser.add_argument("--base", type=Path, required=True, help="model folder to start from")
    parser.add_argument("--writers", type=Path, required=True, help="table of MNIST's writers")
    parser.add_argument("--digits", action="append", default=[], help="set of digits; repeatable")
    parser.add_argument("--nondigits", type=Path, help="marks that are no digits, .npz")
    parser.add_argument("--pages", type=int, default=1500, help="pages to draw digits on")
    parser.add_argument("--strips", type=int, default=160_000, help="strips to compose")
    parser.add_argument("--places", type=Path, help="strips of printed forms, .npz")
    parser.add_argument("--batch", type=int, default=256, help="examples a step")
    parser.add_argument("--rate", type=float, default=1.5e-3, help="highest learning rate")
    parser.add_argument("--processes", type=int, default=8, help="processes that make batches")
    given = parser.parse_args()
    began = time.time()
    given.deadline = began + 60 * given.minutes
    cv2.setNumThreads(1)  # its threads would hang in forked processes
    _MODES[given.network](given, lambda text: print(f"{time.time() - began:6.0f} s  {text}"))


if __name__ == "__main__":
    main()
