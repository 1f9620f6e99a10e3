"""Train the line network: from options to a model folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial

import keras
import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from formreader.core.model_folder import CARD_FILE, KERAS_FILE, ONNX_FILE, file_hashes, load_graph
from formreader.preprocess.print_direction import (
    LINE_CARD_SCHEMA,
    LINE_TRIAL,
    MIN_SURE_PROBABILITY,
    LineNetwork,
    page_evidence,
)
from formreader.preprocess.print_lines import Pieces
from formreader.synth.parallel_rendering import map_in_processes
from formreader.training.network_folder import (
    card_head,
    prepare_folder,
    unwritable,
    write_network_card,
)
from line_network.line_architecture import (
    both_ways,
    build_scorer,
    export_scorer,
)
from line_network.line_options import LineTrainOptions
from line_network.line_pieces import page_pieces, sheet_pieces

LINE_VERSION = "1.0"
"""Version in the card of a newly trained line network."""

_FIRST_SHEET_SEED, _FIRST_FIT_SEED, _FIRST_LINE_TEST_SEED = 10**7, 2 * 10**7, 3 * 10**7
"""Seeds of the sheets, of the pages to fit the scale on and of those to measure on, far from those
of the training pages and of one another."""

_FINAL_RATE_SHARE = 0.01
"""Learning rate of the last step, as a share of the first."""

_STEPS_PER_EPOCH = 500
"""Steps between two messages."""

_MAX_PIECE_SHIFT = 3
"""Pixels by which pieces are moved in training."""


@dataclass(frozen=True, slots=True)
class LineFigures:
    """Figures on pages of layouts and scans that were not trained on.

    Of `pages` with print `right` are told for sure to stand as they do, `wrong` the other way.
    """

    pages: int
    right: int
    wrong: int


def train_lines(options: LineTrainOptions, tell: Callable[[str], None]) -> LineFigures:
    """Train the network on pieces of print and write its model folder, `options.out`.

    `tell` is called with a message as the work goes on.

    Raises:
        OutputError: the folder cannot be written; found before any work.
    """
    prepare_folder(options.out)
    tell(f"rendering {options.pages} pages and {options.sheets} sheets")
    pages = range(options.seed, options.seed + options.pages)
    sheets = range(_FIRST_SHEET_SEED, _FIRST_SHEET_SEED + options.sheets)
    parts = map_in_processes(page_pieces, pages, tell)
    parts += map_in_processes(sheet_pieces, sheets, tell)
    tell(f"rendering {2 * options.test_pages} other pages")
    fit_on, test = (
        _held_back(first, options.test_pages, tell)
        for first in (_FIRST_FIT_SEED, _FIRST_LINE_TEST_SEED)
    )
    scorer = fit_lines(np.concatenate(parts), options, tell)
    return write_model(scorer, options, fit_on, test)


def fit_lines(
    pieces: Pieces, options: LineTrainOptions, tell: Callable[[str], None]
) -> keras.Model:
    """Train a network on pieces, all of which are upright; returns its scorer."""
    keras.utils.set_random_seed(options.seed)
    scorer = build_scorer()
    network = both_ways(scorer)
    rate = keras.optimizers.schedules.CosineDecay(
        options.learning_rate, options.steps, alpha=_FINAL_RATE_SHARE
    )
    network.compile(
        optimizer=keras.optimizers.Adam(rate),
        loss=keras.losses.BinaryCrossentropy(from_logits=True),
        jit_compile=False,
    )
    rng = np.random.default_rng(options.seed)
    losses = list[float]()
    for step in range(1, options.steps + 1):
        darkness, upright = _batch(pieces, options.batch, rng)
        losses.append(float(network.train_on_batch(darkness, upright)))
        network.reset_metrics()
        if step % _STEPS_PER_EPOCH == 0:
            tell(f"step {step} of {options.steps}: loss {np.mean(losses):.3f}")
            losses.clear()
    return scorer


def _batch(
    pieces: Pieces, size: int, rng: np.random.Generator
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Random pieces, moved and mirrored in no way but by the turn that is to be told."""
    chosen = pieces[rng.integers(len(pieces), size=size)]
    moved = np.roll(
        chosen, rng.integers(-_MAX_PIECE_SHIFT, _MAX_PIECE_SHIFT + 1, size=2), axis=(1, 2)
    )
    upright = rng.random(size) < 0.5
    turned = np.where(upright[:, None, None], moved, moved[:, ::-1, ::-1])
    darkness = turned[..., None].astype(np.float32) / 255
    contrast = rng.uniform(0.6, 1.2, size=(size, 1, 1, 1)).astype(np.float32)
    return np.clip(darkness * contrast, 0, 1), upright[:, None].astype(np.float32)


def write_model(
    scorer: keras.Model,
    options: LineTrainOptions,
    fit_on: Sequence[Pieces],
    test: Sequence[Pieces],
) -> LineFigures:
    """Write a trained network as the model folder `options.out`, with its scale and its figures.

    `fit_on` and `test` are the pieces of upright pages. The card is written last, so a folder
    with a card is complete.

    Raises:
        OutputError: a file cannot be written.
    """
    out = options.out
    try:
        (out / CARD_FILE).unlink(missing_ok=True)
        scorer.save(out / KERAS_FILE)
        export_scorer(scorer, out / ONNX_FILE)
        files = file_hashes(out)
        network = LineNetwork(load_graph(out, files, 1, LINE_TRIAL), 1.0)
        scale = _fit_scale([page_evidence(network.logits(one)) for one in fit_on if len(one)])
        figures = _measure([page_evidence(network.logits(one)) for one in test if len(one)], scale)
        card = {
            **card_head(out, LINE_CARD_SCHEMA, LINE_VERSION, scorer),
            "training": {"pieces": "of pages and sheets rendered by formreader"},
            "recipe": asdict(options) | {"out": out.name},
            "tests": [{"name": "held-back pages, upright"} | asdict(figures)],
            "scale": scale,
            "files": files,
        }
        write_network_card(out, card)
    except OSError as error:
        raise unwritable(out, error) from error
    return figures


def _fit_scale(evidence: Sequence[float]) -> float:
    """The scale that turns evidence of upright pages into log-odds, by logistic regression."""
    both = np.array([*evidence, *(-one for one in evidence)])[:, None]
    upright = np.repeat([True, False], len(evidence))
    model = LogisticRegression(fit_intercept=False, C=1.0)
    model.fit(both, upright)
    return float(model.coef_[0, 0])


def _measure(evidence: Sequence[float], scale: float) -> LineFigures:
    sure = np.log(MIN_SURE_PROBABILITY / (1 - MIN_SURE_PROBABILITY))
    odds = scale * np.array(evidence)
    return LineFigures(len(odds), int((odds >= sure).sum()), int((odds <= -sure).sum()))


def _held_back(first: int, count: int, tell: Callable[[str], None]) -> list[Pieces]:
    cut = partial(page_pieces, held_back=True)
    return map_in_processes(cut, range(first, first + count), tell)
