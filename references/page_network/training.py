"""Train the page network: draw pages, fit, measure, write the model folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import cv2
import keras

from formreader.core.model_folder import KERAS_FILE, ONNX_FILE, file_hashes
from formreader.look.page_network import PAGE_CARD_SCHEMA
from formreader.training.fit.run_folder import prepare_folder
from page_network.hands import HandBook
from page_network.measures import measure
from page_network.network import build_page_network, page_loss
from page_network.page_options import PageTrainOptions
from page_network.pieces import sample_piece
from page_network.printed_forms import HELD_OUT_ISSUERS, PrintedPage
from page_network.training_pages import TrainingPage, draw_page
from shared.fitting import Optimisation, fit, piece_batches
from shared.fused_normalization import with_fused_normalization
from shared.map_graph import export_maps
from shared.network_writing import card_head, output_errors, write_network, write_network_card

VERSION = "1.2"

_FIRST_HELD_OUT_SEED = 10_000_000
_HOW = Optimisation(warm_up=300, weight_decay=1e-4, averaging=0.998)
"""The average of the weights is over some 500 steps."""


_of_process: dict[str, object] = {}


def _prepare(data: Path, held_out: bool) -> None:
    cv2.setNumThreads(1)
    pages = [PrintedPage.load(f) for f in sorted((data / "printed" / "train").glob("*.pdf"))]
    own = [p for p in pages if (p.facts["issuer_id"] in HELD_OUT_ISSUERS) == held_out]
    _of_process.update(pages=own, book=HandBook.load(data / "digits"))


def _draw(seed: int, folder: Path) -> Path:
    file = folder / f"{seed}.npz"
    if not file.exists():
        draw_page(seed, _of_process["pages"], _of_process["book"]).save(file)  # type: ignore[arg-type]
    return file


def drawn_pages(options: PageTrainOptions, *, held_out: bool) -> list[TrainingPage]:
    """Draw the pages that are not yet in the work folder, and load all."""
    folder = options.work / ("held_out" if held_out else "pages")
    folder.mkdir(parents=True, exist_ok=True)
    first = _FIRST_HELD_OUT_SEED if held_out else options.seed * 100_000
    count = options.test_pages if held_out else options.pages
    with ProcessPoolExecutor(
        os.cpu_count(), initializer=_prepare, initargs=(options.data, held_out)
    ) as pool:
        files = list(
            pool.map(partial(_draw, folder=folder), range(first, first + count), chunksize=8)
        )
    return [TrainingPage.load(file) for file in files]


def _start_from(network: keras.Model, folder: Path) -> None:
    """Take the weights of the layers that are alike in the network of a model folder."""
    base = keras.models.load_model(folder / KERAS_FILE, compile=False)
    for layer in network.layers:
        weights = base.get_layer(layer.name).get_weights()
        if [w.shape for w in weights] == [w.shape for w in layer.get_weights()]:
            layer.set_weights(weights)


def train(options: PageTrainOptions, tell: Callable[[str], None]) -> dict[str, float]:
    """Train on drawn pages and write the model folder `options.out`; returns its figures.

    Started again with the same options, it goes on from the last checkpoint. `tell` is called with
    a message as the work goes on.

    Raises:
        OutputError: the folder cannot be written; found before any work.
    """
    prepare_folder(options.out)
    keras.utils.set_random_seed(options.seed)
    tell(f"drawing {options.pages} pages to train on and {options.test_pages} to measure on")
    pages = drawn_pages(options, held_out=False)
    held_out = drawn_pages(options, held_out=True)
    network = build_page_network()
    if options.base is not None:
        _start_from(network, options.base)
    fused = with_fused_normalization(network)
    make = piece_batches(pages, sample_piece, options)
    fit(fused, page_loss, make, options, _HOW, tell)
    network.set_weights(fused.get_weights())
    with output_errors(options.out):
        return write_model(network, options, held_out)


def write_model(
    network: keras.Model, options: PageTrainOptions, held_out: Sequence[TrainingPage]
) -> dict[str, float]:
    """Write a trained network as the model folder `options.out`, measured on pages held out.

    Raises:
        OSError: a file cannot be written.
    """
    out = options.out
    files = write_network(out, network, export_maps)
    figures = measure(out / ONNX_FILE, held_out)
    card = {
        **card_head(out, PAGE_CARD_SCHEMA, VERSION, network),
        "training": {
            "pages": "forms of data/printed/train, forms of frames, and forms of formreader.synth, "
            "written on by the writers of strokes.npz and of MNIST's training part",
        },
        "recipe": options.recipe(),
        "base": None if options.base is None else file_hashes(options.base)[KERAS_FILE],
        "tests": [
            {
                "name": "pages drawn alike, printed ones of issuers that were not trained on",
                "pages": len(held_out),
                "issuers": list(HELD_OUT_ISSUERS),
                **figures,
            }
        ],
        "files": files,
    }
    write_network_card(out, card)
    return figures
