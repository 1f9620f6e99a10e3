"""`formreader train`: from MNIST to a model folder."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from formreader.digits.card import Card, TestFigures, read_card
from formreader.digits.network import NOT_A_DIGIT, NetworkConfig, build_network
from formreader.digits.recogniser import softmax
from formreader.digits.runtimes import load_network
from formreader.errors import ModelError, OutputError
from formreader.model_files import CARD_FILE, KERAS_FILE, ONNX_FILE, file_hashes, model_folder
from formreader.options import TrainOptions
from formreader.results.files import check_writable
from formreader.training.calibrate import calibration_table, fit_temperature
from formreader.training.data import Examples
from formreader.training.mixture import TrainingData, prepare_data

if TYPE_CHECKING:
    import keras

    from formreader.training.fit import EpochFigures, TrainProgress

VERSION = "1.0"
RUN_FOLDER = "run"
"""Folder inside the model folder with the checkpoints of the run that made it."""


def train(options: TrainOptions, progress: TrainProgress) -> Path:
    """Train a model on MNIST and write its folder, `options.out`; returns that folder.

    The same options give the same weights on the same machine.

    Raises:
        NoInputError: MNIST, the writers or the non-digits cannot be read.
        OutputError: the folder cannot be written; found before any work.
        ModelError: the model to begin with cannot be used.
    """
    _prepare_folder(options.out)
    progress.message("Drawing other hands and marks that are no digits")
    return train_on(prepare_data(options), options, NetworkConfig(), progress)


def train_on(
    data: TrainingData, options: TrainOptions, config: NetworkConfig, progress: TrainProgress
) -> Path:
    """Train a network of `config` on `data` and write the model folder `options.out`.

    Raises:
        OutputError: the folder cannot be written.
    """
    run = _prepare_folder(options.out)
    import keras

    from formreader.training.fit import fit

    keras.utils.set_random_seed(options.seed)
    network = build_network(config, options.seed)
    if options.base:
        _start_from(options.base, network)
    history = fit(network, data.training, data.validation, options, run, progress)
    progress.message("Calibrating and writing the model")
    try:
        write_model(network, config, data, history, options)
    except OSError as error:
        raise _output_error(options.out, error) from error
    return options.out


def _start_from(base: str, network: keras.Model) -> None:
    """Give a network the weights of a trained model.

    Raises:
        ModelError: there is no such model, it is damaged, or it is of another network.
    """
    folder = model_folder(base)
    weights = load_network(folder, read_card(folder)).get_weights()
    shapes = [weight.shape for weight in network.get_weights()]
    if [weight.shape for weight in weights] != shapes:
        raise ModelError(
            f"{folder}: its network has another shape than the one to be trained. "
            "Give --from a model that this version of `formreader train` wrote."
        )
    network.set_weights(weights)


def write_model(
    network: keras.Model,
    config: NetworkConfig,
    data: TrainingData,
    history: list[EpochFigures],
    options: TrainOptions,
) -> Card:
    """Calibrate and test a trained network and write all files of its folder.

    The card comes last, so a folder with a card is whole.

    Raises:
        OSError: a file cannot be written.
    """
    from formreader.training.curves import draw_curves
    from formreader.training.export import export_onnx
    from formreader.training.fit import write_history

    out = options.out
    (out / CARD_FILE).unlink(missing_ok=True)
    plain = build_network(config, options.seed)  # without the optimiser's state
    plain.set_weights(network.get_weights())
    plain.save(out / KERAS_FILE)
    export_onnx(plain, out / ONNX_FILE)
    write_history(history, out / "history.csv")
    draw_curves(history, out)
    card = _make_card(plain, config, data, history, options)
    (out / CARD_FILE).write_text(card.to_json(), encoding="utf-8")
    return card


def _make_card(
    network: keras.Model,
    config: NetworkConfig,
    data: TrainingData,
    history: list[EpochFigures],
    options: TrainOptions,
) -> Card:
    logits = _logits(network, data.validation)
    temperature = fit_temperature(logits, data.validation.labels)
    validation = softmax(logits, temperature)
    test = softmax(_logits(network, data.test), temperature)
    digits = data.validation.labels != NOT_A_DIGIT
    return Card(
        name=options.out.name,
        version=VERSION,
        created=datetime.date.today().isoformat(),
        parameters=network.count_params(),
        temperature=temperature,
        training=data.facts,
        recipe=_recipe(config, history, options),
        tests=(
            _test_figures("validation digits", validation[digits], data.validation[digits]),
            _test_figures("validation non-digits", validation[~digits], data.validation[~digits]),
            _test_figures("MNIST test set", test, data.test),
        ),
        calibration=calibration_table(validation, data.validation.labels),
        files=file_hashes(options.out),
    )


def _test_figures(
    name: str, probabilities: npt.NDArray[np.float32], examples: Examples
) -> TestFigures:
    ten = probabilities[:, :NOT_A_DIGIT].argmax(axis=1) == examples.labels
    everything = probabilities.argmax(axis=1) == examples.labels
    return TestFigures(name, len(examples), int(ten.sum()), int(everything.sum()))


def _recipe(
    config: NetworkConfig, history: list[EpochFigures], options: TrainOptions
) -> dict[str, str | int | float | bool]:
    best = min(history, key=lambda figures: figures.validation_loss)
    return {
        "stages": " ".join("-".join(map(str, stage)) for stage in config.stages),
        "dropout": config.dropout,
        "augment": options.augment,
        "epochs": len(history),
        "best_epoch": best.epoch,
        "batch": options.batch,
        "learning_rate": options.learning_rate,
        "seed": options.seed,
        "base": options.base or "",
    }


def _logits(network: keras.Model, examples: Examples) -> npt.NDArray[np.float32]:
    logits = network.predict(examples.crops[..., None], batch_size=512, verbose=0)
    return np.asarray(logits, np.float32)


def _prepare_folder(out: Path) -> Path:
    """Make the model folder, sure that it can be written; returns the run's folder in it."""
    run = out / RUN_FOLDER
    try:
        run.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _output_error(out, error) from error
    check_writable(out / CARD_FILE)
    return run


def _output_error(out: Path, error: OSError) -> OutputError:
    return OutputError(
        f"{out}: the model folder cannot be written ({error.strerror or error}). "
        "Choose another with --out."
    )
