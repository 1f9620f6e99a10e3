"""Train the ink network: from options to a model folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial

import cv2
import keras
import numpy as np
import numpy.typing as npt

from formreader.core.model_folder import load_graph
from formreader.look.ink_network import INK_CARD_SCHEMA, INK_TRIAL, InkNetwork
from formreader.look.ink_parts import PATCH_SHAPE
from formreader.look.page_look import MIN_LOG_ODDS_OF_PEN
from formreader.training.fit.run_folder import prepare_folder
from ink_network.ink_architecture import build_ink_network, export_ink_network
from ink_network.ink_examples import InkExamples, draw_examples
from ink_network.ink_options import InkTrainOptions
from page_network.printed_forms import HELD_OUT_ISSUERS
from shared.batches import Batch
from shared.fitting import Optimisation, fit
from shared.fused_normalization import with_fused_normalization
from shared.network_writing import card_head, output_errors, write_network, write_network_card
from shared.piece_damage import degrade

INK_VERSION = "1.0"
"""Version in the card of a newly trained ink network."""

_SEEDS_PER_RUN, _FIRST_HELD_OUT_SEED = 100_000, 9_000_000
"""Seeds of pages for each seed of a training, and those of the pages that are held out."""

_LOG_ODDS = range(-8, 3)
"""Log odds for which the card tells how much writing is lost and how much print is told below."""

_HOW = Optimisation(warm_up=200, weight_decay=1e-4, averaging=0.998)


_SIZE_SIGMA, _TURN_SIGMA, _MOST_SHIFT = 0.12, 3.0, 3.0
"""Standard deviations of the logarithm of a patch's enlargement and of its turn in degrees, and the
largest shift in pixels. Set by eye."""

_ALONE_SHARE, _NEAR = 0.2, np.ones((7, 7), np.uint8)
"""Share of the patches in which nothing but the part is left: many boxes hold a lone digit."""

_DAMAGED_SHARE = 0.4
"""Share of the patches that are degraded beyond what their scan has done. Set by eye."""

_UNEVEN_SHARE, _LEAST_INK, _INK_KNOTS = 0.4, 0.45, (4, 9)
"""Share of the patches in uneven ink, the least share of ink that is left, and the knots between
which it changes: pens press, and so do worn stamps and cheap printers. Set by eye."""


@dataclass(frozen=True, slots=True)
class InkFigures:
    """Figures on held-out pages.

    Of the `written` parts `lost` have log odds below `log_odds`; of the `printed` ones `told` have.
    """

    log_odds: float
    written: int
    lost: int
    printed: int
    told: int

    @classmethod
    def of(
        cls, found: npt.NDArray[np.float32], written: npt.NDArray[np.bool_], below: float
    ) -> InkFigures:
        """Those of n parts with the log odds `found`, (n,)."""
        low, n = found < below, int(written.sum())
        lost, told = int((low & written).sum()), int((low & ~written).sum())
        return cls(below, n, lost, len(written) - n, told)


def train_ink(options: InkTrainOptions, tell: Callable[[str], None]) -> InkFigures:
    """Train the network on parts of drawn pages and write its model folder, `options.out`.

    `tell` is called with a message as the work goes on.

    Raises:
        OutputError: the folder cannot be written; found before any work.
    """
    prepare_folder(options.out)
    first = options.seed * _SEEDS_PER_RUN
    training = draw_examples(options.data, first, options.pages, tell, held_out=False)
    test = draw_examples(
        options.data, _FIRST_HELD_OUT_SEED, options.test_pages, tell, held_out=True
    )
    return write_model(fit_ink(training, options, tell), options, test)


def fit_ink(
    examples: InkExamples, options: InkTrainOptions, tell: Callable[[str], None]
) -> keras.Model:
    """Train a network on parts of ink."""
    keras.utils.set_random_seed(options.seed)
    network = build_ink_network()
    fused = with_fused_normalization(network)
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    fit(fused, loss, partial(_batch, examples, options.batch), options, _HOW, tell)
    network.set_weights(fused.get_weights())
    return network


def _batch(examples: InkExamples, size: int, rng: np.random.Generator) -> Batch:
    """Random parts, each varied: written and printed ones as often as pages have them."""
    chosen = rng.integers(len(examples), size=size)
    patches = np.stack([_varied(examples.patches[i], rng) for i in chosen])
    return patches, examples.written[chosen, None].astype(np.float32)


def _varied(patch: npt.NDArray[np.uint8], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """A patch (2, h, w) moved, in other ink and as of another scan, (h, w, 2)."""
    size, turn = float(np.exp(rng.normal(0, _SIZE_SIGMA))), float(rng.normal(0, _TURN_SIGMA))
    high, wide = PATCH_SHAPE
    shift = np.array([[0, 0, 1], [0, 0, 1]]) * rng.uniform(-_MOST_SHIFT, _MOST_SHIFT, (2, 1))
    matrix = cv2.getRotationMatrix2D(((wide - 1) / 2, (high - 1) / 2), turn, size) + shift
    darkness, own = (
        np.asarray(cv2.warpAffine(one, matrix, (wide, high), borderMode=border), np.uint8)
        for one, border in zip(patch, (cv2.BORDER_REPLICATE, cv2.BORDER_CONSTANT), strict=True)
    )
    if rng.random() < _ALONE_SHARE:
        darkness = np.where(cv2.dilate(own, _NEAR) > 0, darkness, np.uint8(0))
    if rng.random() < _UNEVEN_SHARE:
        knots = rng.uniform(_LEAST_INK, 1, _INK_KNOTS)
        ink = cv2.resize(knots, (wide, high), interpolation=cv2.INTER_CUBIC)
        darkness = np.asarray(np.clip(darkness * ink, 0, 255), np.uint8)
    if rng.random() < _DAMAGED_SHARE:
        darkness = degrade(darkness, rng)
    return np.stack([darkness, own], axis=-1)


def write_model(network: keras.Model, options: InkTrainOptions, test: InkExamples) -> InkFigures:
    """Write a trained network as the model folder `options.out`, with its figures on `test`.

    Raises:
        OutputError: a file cannot be written.
    """
    out = options.out
    with output_errors(out):
        files = write_network(out, network, export_ink_network)
        found = InkNetwork(load_graph(out, files, 1, INK_TRIAL)).log_odds(test.patches)
        figures = [InkFigures.of(found, test.written, float(below)) for below in _LOG_ODDS]
        card = {
            **card_head(out, INK_CARD_SCHEMA, INK_VERSION, network),
            "training": {"parts": "of printed forms and frames, filled in and scanned by program"},
            "recipe": options.recipe(),
            "tests": [
                {"name": "parts on forms of held-out issuers, by held-out writers"} | asdict(one)
                for one in figures
            ],
            "issuers": list(HELD_OUT_ISSUERS),
            "files": files,
        }
        write_network_card(out, card)
    return InkFigures.of(found, test.written, MIN_LOG_ODDS_OF_PEN)
