"""Write a trained model: the network in its three forms, its card, and pictures of the training."""

from __future__ import annotations

import datetime
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import keras
import numpy as np

from formreader.core.classes import CLASSES, NOT_A_DIGIT, Probabilities
from formreader.core.model_folder import (
    CARD_FILE,
    HAND_FILE,
    KERAS_FILE,
    ONNX_FILE,
    QUICK_FILE,
    file_hashes,
)
from formreader.core.options import TrainOptions
from formreader.recognise.architectures import NetworkConfig, build_network
from formreader.recognise.model_card import Card, Facts, TestFigures
from formreader.recognise.page_hand import PageHand
from formreader.recognise.recogniser import softmax
from formreader.training.data.examples import Examples
from formreader.training.data.mixture import TrainingData
from formreader.training.evaluate.figures import draw_confusion, draw_curves, draw_mistakes
from formreader.training.fit.calibration import (
    calibration_table,
    confusion,
    fit_hand,
    fit_temperature,
)
from formreader.training.fit.fitting import EpochFigures, best_epoch, predict_logits, write_history
from formreader.training.fit.run_folder import HISTORY_FILE
from formreader.training.onnx_graph import export_onnx
from formreader.training.quantise import quantise_digits

VERSION = "1.0"
CONFUSION_FILE = "confusion.png"
MISTAKES_FILE = "mistakes.png"
NEW_FOLDER = "new"
"""Folder inside the model folder where files are until all are written."""
_QUANTISATION_CROPS = 1000
"""Training crops from which the quantiser takes the range of activations. No record of a
measurement."""


def write_model(
    network: keras.Model,
    config: NetworkConfig,
    data: TrainingData,
    history: Sequence[EpochFigures],
    options: TrainOptions,
    share: float = 1.0,
) -> Card:
    """Calibrate and test a trained network and write all files of its folder.

    `share` of its weights is as trained, the rest as in the model that it started from. Files
    that are there are replaced when all are written, the card last: a folder with a card is
    complete.

    Raises:
        OSError: a file cannot be written.
        OutputError: a picture cannot be written.
    """
    new = options.out / NEW_FOLDER
    shutil.rmtree(new, ignore_errors=True)  # of a training that was killed
    try:
        new.mkdir()
        card = _write_files(new, network, config, data, history, options, share)
        _move_files(new, options.out)
    finally:
        shutil.rmtree(new, ignore_errors=True)
    return card


def _move_files(new: Path, out: Path) -> None:
    """Put the files of a whole model in the place of others; this takes no space."""
    (out / CARD_FILE).unlink(missing_ok=True)
    for path in sorted(new.iterdir(), key=lambda path: path.name == CARD_FILE):
        path.replace(out / path.name)


def _write_files(
    out: Path,
    network: keras.Model,
    config: NetworkConfig,
    data: TrainingData,
    history: Sequence[EpochFigures],
    options: TrainOptions,
    share: float,
) -> Card:
    plain = build_network(config, options.seed)  # without the optimiser's state
    plain.set_weights(network.get_weights())
    plain.save(out / KERAS_FILE)
    files = write_graphs(plain, out, data.training, fit_hand(plain, data.calibration))
    write_history(history, out / HISTORY_FILE)
    draw_curves(history, out)
    # Fitted on clean and on degraded crops: fitted on poor scans alone it makes the network
    # underconfident on clean ones.
    temperature = fit_temperature(
        predict_logits(plain, data.validation.crops), data.validation.labels
    )
    probabilities = _probabilities(plain, data.validation, temperature)
    guesses, labels = probabilities.argmax(axis=1), data.validation.labels
    counts = confusion(labels, guesses, len(CLASSES))
    draw_confusion(counts, CLASSES, out / CONFUSION_FILE)
    confidence = probabilities.max(axis=1)
    draw_mistakes(data.validation, guesses, confidence, guesses != labels, out / MISTAKES_FILE)
    recipe = _recipe(config, history, options, share)
    hashes = file_hashes(out, (KERAS_FILE, *files))
    card = _make_card(plain, temperature, data, recipe, options.out.name, hashes)
    (out / CARD_FILE).write_text(card.to_json(), encoding="utf-8")
    return card


def write_graphs(
    network: keras.Model, out: Path, typical: Examples, hand: PageHand | None
) -> tuple[str, ...]:
    """Write what scans run into `out`: both graphs, and the hand if there is one.

    `typical` crops tell the ranges of the quick graph. Returns the names of the files.

    Raises:
        OSError: a file cannot be written.
    """
    export_onnx(network, out / ONNX_FILE)
    quantise_digits(out / ONNX_FILE, out / QUICK_FILE, _sample(typical).crops)
    if hand is None:
        return (ONNX_FILE, QUICK_FILE)
    hand.save(out)
    return (ONNX_FILE, QUICK_FILE, HAND_FILE)


def _sample(examples: Examples) -> Examples:
    """Pick evenly spaced examples."""
    return examples[np.linspace(0, len(examples) - 1, _QUANTISATION_CROPS, dtype=np.intp)]


def _make_card(
    network: keras.Model,
    temperature: float,
    data: TrainingData,
    recipe: Facts,
    name: str,
    files: Mapping[str, str],
) -> Card:
    calibration = _probabilities(network, data.calibration, temperature)
    validation = _probabilities(network, data.validation, temperature)
    mnist = []
    if (test := data.test) is not None:
        probabilities = _probabilities(network, test, temperature)
        mnist.append(_test_figures("MNIST test set", probabilities, test))
    return Card(
        name=name,
        version=VERSION,
        created=datetime.date.today().isoformat(),
        parameters=network.count_params(),
        temperature=temperature,
        training=data.facts,
        recipe=recipe,
        tests=(
            *_both_kinds("validation", validation, data.validation),
            *_both_kinds("calibration", calibration, data.calibration),
            *mnist,
        ),
        calibration=calibration_table(calibration, data.calibration.labels),
        files=files,
    )


def _both_kinds(
    name: str, probabilities: Probabilities, examples: Examples
) -> tuple[TestFigures, TestFigures]:
    """The figures of the digits, and those of the non-digits."""
    digits = examples.labels != NOT_A_DIGIT
    return (
        _test_figures(f"{name} digits", probabilities[digits], examples[digits]),
        _test_figures(f"{name} non-digits", probabilities[~digits], examples[~digits]),
    )


def _test_figures(name: str, probabilities: Probabilities, examples: Examples) -> TestFigures:
    ten = probabilities[:, :NOT_A_DIGIT].argmax(axis=1) == examples.labels
    everything = probabilities.argmax(axis=1) == examples.labels
    return TestFigures(name, len(examples), int(ten.sum()), int(everything.sum()))


def _probabilities(network: keras.Model, examples: Examples, temperature: float) -> Probabilities:
    return softmax(predict_logits(network, examples.crops), temperature)


def _recipe(
    config: NetworkConfig, history: Sequence[EpochFigures], options: TrainOptions, share: float
) -> Facts:
    return {
        "arch": config.arch,
        "stages": " ".join("-".join(map(str, stage)) for stage in config.stages),
        "dropout": config.dropout,
        "data": ", ".join(options.data),
        "pages": options.pages,
        "augment": options.augment,
        "epochs": len(history),
        "best_epoch": best_epoch(history).epoch,
        "batch": options.batch,
        "learning_rate": options.learning_rate,
        "averaging": options.averaging,
        "smoothing": options.smoothing,
        "seed": options.seed,
        "base": options.base or "",
        "share": share,
        "seconds": round(sum(figures.seconds for figures in history)),
    }
