"""Train the line network: from options to a model folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial

import keras
import numpy as np
from sklearn.linear_model import LogisticRegression

from formreader.core.model_folder import load_graph
from formreader.preprocess.print_direction import (
    LINE_CARD_SCHEMA,
    LINE_TRIAL,
    MIN_SURE_PROBABILITY,
    LineNetwork,
    page_evidence,
)
from formreader.preprocess.print_lines import Pieces
from formreader.synth.render import map_in_processes
from formreader.training.fit.run_folder import prepare_folder
from line_network.line_architecture import (
    both_ways,
    build_scorer,
    export_scorer,
)
from line_network.line_options import LineTrainOptions
from line_network.line_pieces import page_pieces, sheet_pieces
from shared.batches import Batch
from shared.fitting import Optimisation, fit
from shared.network_writing import card_head, output_errors, write_network, write_network_card

LINE_VERSION = "1.0"
"""Version in the card of a newly trained line network."""

_FIRST_SHEET_SEED, _FIRST_FIT_SEED, _FIRST_LINE_TEST_SEED = 10**7, 2 * 10**7, 3 * 10**7
"""Seeds of the sheets, of the pages to fit the scale on and of those to measure on, far from those
of the training pages and of one another."""

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
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    fit(network, loss, partial(_batch, pieces, options.batch), options, Optimisation(), tell)
    return scorer


def _batch(pieces: Pieces, size: int, rng: np.random.Generator) -> Batch:
    """Random pieces, moved and mirrored in no way but by the turn that is to be told."""
    chosen = pieces[rng.integers(len(pieces), size=size)]
    moved = np.roll(
        chosen, rng.integers(-_MAX_PIECE_SHIFT, _MAX_PIECE_SHIFT + 1, size=2), axis=(1, 2)
    )
    upright = rng.random(size) < 0.5
    turned = np.where(upright[:, None, None], moved, moved[:, ::-1, ::-1])
    contrast = rng.uniform(0.6, 1.2, size=(size, 1, 1)).astype(np.float32)
    darkness = np.clip(turned * contrast, 0, 255).astype(np.uint8)
    return darkness[..., None], upright[:, None].astype(np.float32)


def write_model(
    scorer: keras.Model,
    options: LineTrainOptions,
    fit_on: Sequence[Pieces],
    test: Sequence[Pieces],
) -> LineFigures:
    """Write a trained network as the model folder `options.out`, with its scale and its figures.

    `fit_on` and `test` are the pieces of upright pages.

    Raises:
        OutputError: a file cannot be written.
    """
    out = options.out
    with output_errors(out):
        files = write_network(out, scorer, export_scorer)
        network = LineNetwork(load_graph(out, files, 1, LINE_TRIAL), 1.0)
        scale = _fit_scale([page_evidence(network.logits(one)) for one in fit_on if len(one)])
        figures = _measure([page_evidence(network.logits(one)) for one in test if len(one)], scale)
        card = {
            **card_head(out, LINE_CARD_SCHEMA, LINE_VERSION, scorer),
            "training": {"pieces": "of pages and sheets rendered by formreader"},
            "recipe": options.recipe(),
            "tests": [{"name": "held-back pages, upright"} | asdict(figures)],
            "scale": scale,
            "files": files,
        }
        write_network_card(out, card)
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
