"""Digits a second on the CPU: `python tests/benchmarks/recogniser.py [--model M] [--rounds N]`.

The model as scans run it, its exact graph alone, and Keras's `predict` with its own batch size
and with that of scans, in turn for some rounds in one process; the best of each counts. Then how
far the answers are from Keras's. Reads MNIST's test set where Keras keeps it, else drawn digits.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt
from result_file import Figures, add_json_option, write_result

from formreader.core.classes import Crops, Probabilities
from formreader.core.model_folder import load_graph, model_folder
from formreader.core.options import DEFAULT_MODEL, ScanOptions, usable_cores
from formreader.recognise.model_card import read_card
from formreader.recognise.recogniser import softmax
from formreader.recognise.runtimes import DIGIT_TRIAL, OnnxRecogniser, load_network
from formreader.training.data.examples import load_mnist, mnist_path
from formreader.training.data.mixture import draw_digits

BATCH = ScanOptions(paths=()).batch
KERAS_BATCH = 32  # where `predict` is told none
DRAWN = 2000

Reader = Callable[[Crops], Probabilities]


def readers(model: str) -> dict[str, Reader]:
    """What is measured, Keras last."""
    folder = model_folder(model)
    card = read_card(folder)
    network = load_network(folder, card)

    def predict(batch: int, crops: Crops) -> Probabilities:
        logits: npt.NDArray[np.float32] = network.predict(crops[..., None], batch, verbose=0)
        return softmax(logits, card.temperature)

    exact = load_graph(folder, card.files, 1, DIGIT_TRIAL)
    return {
        "as scans run it": OnnxRecogniser.load(folder, card, BATCH, usable_cores()).probabilities,
        "exact graph alone": OnnxRecogniser(
            card, exact, BATCH, threads=usable_cores()
        ).probabilities,
        f"Keras, batches of {KERAS_BATCH}": partial(predict, KERAS_BATCH),
        f"Keras, batches of {BATCH}": partial(predict, BATCH),
    }


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=DEFAULT_MODEL, help="name or folder")
    parser.add_argument("--rounds", type=int, default=5)
    add_json_option(parser)
    arguments = parser.parse_args()
    there = mnist_path().is_file()
    crops = load_mnist()[1].crops if there else draw_digits(DRAWN, np.random.default_rng(1)).crops
    measured = readers(arguments.model)
    answers = {name: read(crops) for name, read in measured.items()}  # and warms up
    seconds = dict.fromkeys(measured, np.inf)
    for _ in range(arguments.rounds):
        for name, read in measured.items():
            began = time.perf_counter()
            read(crops)
            seconds[name] = min(seconds[name], time.perf_counter() - began)
    keras = list(measured)[-1]
    print(f"{len(crops)} {'digits of MNIST' if there else 'drawn digits'}, {usable_cores()} cores")
    figures: dict[str, Figures] = {}
    for name in measured:
        distance = np.abs(answers[name] - answers[keras]).max()
        same = (answers[name].argmax(axis=1) == answers[keras].argmax(axis=1)).sum()
        print(
            f"{name:<24} {len(crops) / seconds[name]:>7.0f} digits/s, "
            f"{seconds[keras] / seconds[name]:.2f} times; same class for {same}, "
            f"probabilities within {distance:.4f}"
        )
        figures[name] = {
            "digits a second": len(crops) / seconds[name],
            "times as quick as Keras": seconds[keras] / seconds[name],
            "same class as Keras": [int(same), len(crops)],
            "probabilities differ by at most": float(distance),
        }
    write_result(arguments.json, figures)


if __name__ == "__main__":
    main()
