"""`formreader train`: from labelled digits to a model folder; an interrupted run can be resumed."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from formreader.core.errors import ModelError
from formreader.core.model_folder import model_folder
from formreader.core.options import TrainOptions
from formreader.core.packages import start_keras
from formreader.recognise.architectures import NetworkConfig, build_network
from formreader.recognise.model_card import read_card
from formreader.recognise.runtimes import load_network
from formreader.training.data.examples import Examples
from formreader.training.data.mixture import TrainingData, prepare_data
from formreader.training.fit import run_folder
from formreader.training.fit.run_folder import prepare_folder, unwritable

if TYPE_CHECKING:
    import keras

    from formreader.training.fit.fitting import TrainProgress

RUN_FOLDER = "run"
"""Folder inside the model folder with the records and checkpoints of the run that made it."""

BLENDS = (0.25, 0.5, 0.75, 1.0)
"""Shares of the fine-tuned weights to try. Even steps; not tuned."""


def train(options: TrainOptions, progress: TrainProgress) -> Path:
    """Train a model and write its folder, `options.out`; returns that folder.

    The same options give the same weights on the same machine, also where the training was
    interrupted and resumed.

    Raises:
        NoInputError: the digits, the writers or the non-digits cannot be read.
        OutputError: the folder cannot be written; found before any work.
        ModelError: the model to start from cannot be used.
        UsageError: an interrupted training in the folder had other options, a set has too few
            digits, or the learning rate is too high.
        KeyboardInterrupt: Ctrl-C or SIGTERM; a message says how to resume.
    """
    run = prepare_folder(options.out, RUN_FOLDER)
    if run_folder.is_unfinished(run) and not options.fresh:
        options = run_folder.as_planned(run, options)
        run_folder.check_same(run, run_folder.option_settings(options))
    else:
        options = _planned(options, progress)
    with _interruptible(run, progress):
        progress.message("Drawing other hands, filled forms and non-digits")
        data = prepare_data(options, progress.message)
        return train_on(data, options, NetworkConfig(options.arch), progress)


def _planned(options: TrainOptions, progress: TrainProgress) -> TrainOptions:
    """Tell how long it will take; the options as they fit into `options.minutes`."""
    start_keras()
    from formreader.training.time_plan import planned

    return planned(options, NetworkConfig(options.arch), progress.message)


def train_on(
    data: TrainingData, options: TrainOptions, config: NetworkConfig, progress: TrainProgress
) -> Path:
    """Train a network of `config` on `data` and write the model folder `options.out`.

    Where it starts from a model, its weights are blended with those of that model in the end
    (`blend`), so that little of what the model knew is lost.

    Raises:
        OutputError: the folder cannot be written.
        ModelError: the model to start from cannot be used.
        UsageError: an interrupted training in the folder had other options or data, or the
            learning rate is too high.
    """
    run = prepare_folder(options.out, RUN_FOLDER)
    try:
        _fit_and_write(data, options, config, run, progress)
    except OSError as error:
        raise unwritable(options.out, error) from error
    return options.out


def _fit_and_write(
    data: TrainingData,
    options: TrainOptions,
    config: NetworkConfig,
    run: Path,
    progress: TrainProgress,
) -> None:
    start_keras()
    from formreader.training.fit.fitting import fit
    from formreader.training.write_model import write_model

    settings = run_folder.all_settings(
        options, config, data.facts, data.training, data.scanned, data.validation
    )
    resume = run_folder.begin(run, settings, options.fresh)
    if resume:
        progress.message(f"Resuming the interrupted training in {run}")
    network = _start(config, options)
    before = network.get_weights()
    history = fit(
        network, data.training, data.scanned, data.validation, options, run, progress,
        resume=resume,
    )  # fmt: skip
    share = 1.0
    if options.base:
        share = blend(network, before, data.validation)
        progress.message(f"Weights: {share:.0%} as trained now, {1 - share:.0%} as before")
    progress.message("Calibrating and writing the model")
    card = write_model(network, config, data, history, options, share)
    run_folder.finish(run)
    for test in card.tests:
        progress.message(
            f"{test.data}: {test.right_of_all:,} of {test.n:,} right, "
            f"{test.right_of_ten:,} where the ten digits are the only choice"
        )


def _start(config: NetworkConfig, options: TrainOptions) -> keras.Model:
    """Build the network to train, with random weights or those of `options.base`."""
    import keras

    from formreader.training.fit.optimiser import fast_precision

    keras.utils.set_random_seed(options.seed)
    with fast_precision():
        network = build_network(config, options.seed)
    if options.base:
        _take_weights(options.base, network)
    return network


def _take_weights(base: str, network: keras.Model) -> None:
    """Give a network a model's weights; ModelError if it is damaged or has another shape."""
    folder = model_folder(base)
    weights = load_network(folder, read_card(folder)).get_weights()
    shapes = [weight.shape for weight in network.get_weights()]
    if [weight.shape for weight in weights] != shapes:
        raise ModelError(
            f"{folder}: its network has another shape than the one to be trained. Give --from "
            "a model that this version of `formreader train` wrote with the same --arch."
        )
    network.set_weights(weights)


def blend(network: keras.Model, before: Sequence[npt.NDArray[Any]], validation: Examples) -> float:
    """Give `network` the blend of its weights and those of `before` with the lowest loss.

    Running statistics of batch normalisation are blended as the weights are. The loss is that of
    `validation` at the best temperature. Returns the share of the network's own weights.

    On a straight line between both there are weights that read the new data about as well as the
    fine-tuned ones, and the old data about as well as the model did (Wortsman et al., "Robust
    Fine-Tuning of Zero-Shot Models", 2022).
    """
    from formreader.training.fit.calibration import fit_temperature, negative_log_likelihood
    from formreader.training.fit.fitting import predict_logits

    after = network.get_weights()
    losses = list[float]()
    for share in BLENDS:
        network.set_weights(_between(before, after, share))
        logits = predict_logits(network, validation.crops)
        temperature = fit_temperature(logits, validation.labels)
        losses.append(negative_log_likelihood(logits, validation.labels, temperature))
    best = BLENDS[int(np.argmin(losses))]
    network.set_weights(_between(before, after, best))
    return best


def _between(
    before: Sequence[npt.NDArray[Any]], after: Sequence[npt.NDArray[Any]], share: float
) -> list[npt.NDArray[Any]]:
    """Weights of which `share` is from `after`; states of random generators stay those of it."""
    return [
        (1 - share) * old + share * new if new.dtype.kind == "f" else new
        for old, new in zip(before, after, strict=True)
    ]


@contextmanager
def _interruptible(run: Path, progress: TrainProgress) -> Iterator[None]:
    """Let SIGTERM interrupt the `with` block as Ctrl-C does, and report how to resume."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        if run_folder.is_unfinished(run):
            progress.message(
                f"Stopped. The finished epochs are in {run}: the same command goes on after them, "
                "with --fresh it begins anew"
            )
        raise
    finally:
        signal.signal(signal.SIGTERM, before)
