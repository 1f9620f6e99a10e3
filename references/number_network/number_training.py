"""Train the number network: from options to a model folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import keras
import numpy as np

from formreader.core.model_folder import (
    CARD_FILE,
    HAND_FILE,
    KERAS_FILE,
    ONNX_FILE,
    QUICK_FILE,
    file_hashes,
    load_graph,
)
from formreader.recognise.number_confidence import FEATURES
from formreader.recognise.number_reader import (
    NUMBER_CARD_SCHEMA,
    NUMBER_TRIAL,
    OutputsOf,
    hypotheses_of,
    outputs_of_graph,
    read_places,
)
from formreader.recognise.page_hand import Features, PageHand
from formreader.training.fit.calibration import hand_of
from formreader.training.fit.run_folder import prepare_folder
from number_network.confidence_fitting import fit_confidence
from number_network.number_architecture import build_number_network
from number_network.number_fitting import HOW, number_loss
from number_network.number_graph import (
    export_number_network,
    quantise_numbers,
)
from number_network.number_measures import NumberFigures, measure_numbers
from number_network.number_options import NumberTrainOptions
from number_network.strip_batches import strip_batches
from number_network.strip_pool import (
    HandSource,
    LabelledStrip,
    compose_strips,
    strips_of_places,
)
from number_network.widening import widened
from shared.fitting import fit
from shared.fused_normalization import with_fused_normalization
from shared.network_writing import base_errors, card_head, output_errors, write_network_card

NUMBER_VERSION = "1.6"
"""Version in the card of a newly trained number network."""

_FIRST_TEST_SEED, _FIRST_FIT_SEED = 2 * 10**12, 3 * 10**12
_FIRST_RANGE_SEED, _FIRST_HAND_SEED = 4 * 10**12, 5 * 10**12
"""Seeds of the first strips to measure on, to fit the confidence to, to quantise the network with
and to know all hands by, far from those of the training strips and of one another."""
_QUANTISATION_STRIPS = 500
"""Strips that tell the ranges of the network's activations."""
_SEEDS_PER_RUN = 10**6
"""Seeds of strips for each seed of a training: no two trainings share strips."""


def train_numbers(options: NumberTrainOptions, tell: Callable[[str], None]) -> NumberFigures:
    """Train the network on composed strips and write its model folder, `options.out`.

    Returns its figures on strips of hands that it was not trained on. `tell` is called with a
    message as the work goes on.

    Raises:
        OutputError: the folder cannot be written; found before any work.
        ModelError: the model to start from cannot be used; found before any work.
        NoInputError: a set of digits is missing or invalid.
    """
    prepare_folder(options.out)
    keras.utils.set_random_seed(options.seed)
    network = build_number_network()
    if options.base is not None:
        _start_from(options.base, network)
    if options.steps:
        tell(f"composing {options.strips} strips to train on")
        first = options.seed * _SEEDS_PER_RUN
        strips = _strips(options, first, options.strips, tell, held_back=False)
        if options.places is not None:
            strips += strips_of_places(options.places)
        fused = with_fused_normalization(network)
        fit(fused, number_loss, strip_batches(strips, options.batch), options, HOW, tell)
        network.set_weights(fused.get_weights())
    with output_errors(options.out):
        return write_model(network, options, tell)


def write_model(
    network: keras.Model, options: NumberTrainOptions, tell: Callable[[str], None]
) -> NumberFigures:
    """Write a trained network as the model folder `options.out`, measured and with its confidence.

    The card is written last, so a folder with a card is complete.

    Raises:
        OSError: a file cannot be written.
    """
    out = options.out
    (out / CARD_FILE).unlink(missing_ok=True)
    plain = build_number_network()  # without the optimiser's state
    plain.set_weights(network.get_weights())
    plain.save(out / KERAS_FILE)
    tell(f"composing {_QUANTISATION_STRIPS} strips to quantise the network with")
    ranging = _strips(options, _FIRST_RANGE_SEED, _QUANTISATION_STRIPS, tell, held_back=False)
    with TemporaryDirectory(dir=out) as folder:
        exact = Path(folder) / ONNX_FILE
        export_number_network(plain, exact)
        quantise_numbers(exact, out / QUICK_FILE, [one.strip for one in ranging])
    graph = file_hashes(out, (QUICK_FILE,))
    # Measured with the exported graph, as scans run it.
    outputs_of = outputs_of_graph(load_graph(out, graph, 1, NUMBER_TRIAL, QUICK_FILE))
    tell(f"measuring on {options.test_strips} other strips of held-back hands")
    test = _strips(options, _FIRST_TEST_SEED, options.test_strips, tell, held_back=True)
    figures = measure_numbers(test, outputs_of)
    tell(f"reading {options.test_strips} more, for the features of all hands")
    written = _strips(options, _FIRST_HAND_SEED, options.test_strips, tell, held_back=True)
    hand = fit_strip_hand(written, outputs_of)
    (out / HAND_FILE).unlink(missing_ok=True)
    if hand is not None:
        hand.save(out)
    tell("fitting the confidence")
    model, confidence, calibration = fit_confidence(
        _source(options, held_back=True), _FIRST_FIT_SEED, options.fit_cells, outputs_of, tell
    )
    names = (KERAS_FILE, QUICK_FILE) if hand is None else (KERAS_FILE, QUICK_FILE, HAND_FILE)
    card = {
        **card_head(out, NUMBER_CARD_SCHEMA, NUMBER_VERSION, plain),
        "training": {"strips": "composed by references/number_network"},
        "recipe": options.recipe(),
        "tests": [
            {"name": "composed strips of held-back hands"} | asdict(figures),
            {"name": "composed cells of held-back hands, confidence with `digits`"}
            | asdict(confidence),
        ],
        "calibration": [asdict(row) for row in calibration],
        "confidence": {"features": list(FEATURES)} | asdict(model),
        "files": file_hashes(out, names),
    }
    write_network_card(out, card)
    return figures


def _source(options: NumberTrainOptions, *, held_back: bool) -> HandSource:
    # One split of the hands for all seeds: a training that goes on from another one must not see
    # the hands that this one held back.
    return HandSource(options.writers, options.digits, options.split_seed, held_back)


def _strips(
    options: NumberTrainOptions,
    first_seed: int,
    count: int,
    tell: Callable[[str], None],
    *,
    held_back: bool,
) -> list[LabelledStrip]:
    return compose_strips(_source(options, held_back=held_back), first_seed, count, tell)


def _start_from(folder: Path, network: keras.Model) -> None:
    """Give a network the weights of a model folder, whose network may be narrower.

    Raises:
        ModelError: the model is missing or damaged, or its network has another shape.
    """
    with base_errors(folder, "number_network"):
        base = keras.saving.load_model(folder / KERAS_FILE, compile=False)
        network.set_weights(widened(base.get_weights(), [w.shape for w in network.weights]))


def fit_strip_hand(strips: Sequence[LabelledStrip], outputs_of: OutputsOf) -> PageHand | None:
    """All hands, of the strips that are read rightly; None where a digit is missing on them."""
    features, labels = list[Features](), list[int]()
    for chosen, places, columns in read_places([one.strip for one in strips], outputs_of):
        for i, heard in zip(chosen, hypotheses_of(places, columns), strict=True):
            if heard.digits and heard.alignment.text == strips[i].target:
                features.append(heard.features)
                labels += [int(strips[i].target[j]) for j in heard.digits]
    return hand_of(np.concatenate(features), np.array(labels)) if features else None
