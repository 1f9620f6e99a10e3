"""Train the box network: from options to a model folder."""

from __future__ import annotations

import datetime
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import keras

from box_network.box_architecture import CELL_BRANCH, build_box_network
from box_network.box_loss import page_loss
from box_network.box_measures import BoxFigures, measure_boxes
from box_network.box_options import DECISIONS, BoxTrainOptions
from box_network.box_pages import render_pages
from box_network.decision_fit import (
    fit_decisions,
    known_fields,
    known_places,
    share_right,
)
from box_network.page_pieces import TrainingPage, sample_piece
from formreader.core.model_folder import (
    KERAS_FILE,
    ONNX_FILE,
    checked,
    load_graph,
    read_card_file,
)
from formreader.detect.box_network import BOX_CARD_SCHEMA, BOX_TRIAL, BoxNetwork, Decisions
from formreader.training.network_folder import (
    card_head,
    prepare_folder,
    write_network_card,
)
from shared.fitting import Optimisation, fit, piece_batches
from shared.map_graph import export_maps
from shared.network_writing import base_errors, output_errors, write_network

VERSION = "2.3"
_HOW = Optimisation(warm_up=200, weight_decay=1e-4, averaging=0.995)
"""The rate rises at first, as the first gradients come from random maps; the average is over some
200 steps. There is no record of a measurement."""
_DECISION_PAGES = 450
"""Pages on which the decisions are fitted: some 10,000 candidates for rows, and 2,800 pairs of
rows and cells."""

FIRST_TEST_SEED = 1_000_000
"""Seed of the first page for measuring, far from those of the training pages."""


def train_boxes(options: BoxTrainOptions, tell: Callable[[str], None]) -> BoxFigures:
    """Train the network on rendered pages and write its model folder, `options.out`.

    Returns its figures on pages with combinations of layout and scan that it was not trained on.
    `tell` is called with a message as the work goes on.

    Raises:
        OutputError: the folder cannot be written; found before any work.
        ModelError: the model to start from cannot be used; found before any work.
    """
    prepare_folder(options.out)
    if options.only_decisions and options.base is not None:
        with output_errors(options.out):
            return fit_anew(options.base, options, tell)
    keras.utils.set_random_seed(options.seed)
    network = build_box_network()
    if options.base is not None:
        start_from(options.base, network)
    if options.only_cells:
        freeze_all_but_cells(network)
    tell(f"rendering {options.pages} pages to train on")
    held_back = None if options.all_combinations else False
    pages = render_pages(options.seed, options.pages, tell, held_back=held_back)
    tell(f"training on them for {options.steps} steps")
    make = piece_batches(pages, sample_piece, options)
    fit(network, page_loss, make, options, _HOW, tell)
    tell(f"rendering {options.test_pages} other pages to measure on")
    test = render_pages(FIRST_TEST_SEED, options.test_pages, tell, held_back=True)
    with output_errors(options.out):
        return write_model(network, options, pages[:_DECISION_PAGES], test)


def write_model(
    network: keras.Model,
    options: BoxTrainOptions,
    pages: Sequence[TrainingPage],
    test: Sequence[TrainingPage],
) -> BoxFigures:
    """Write a trained network as the model folder `options.out`, measured on the pages `test`.

    The decisions on rows and places are fitted on `pages`.

    Raises:
        OSError: a file cannot be written.
    """
    out = options.out
    out.mkdir(parents=True, exist_ok=True)
    plain = build_box_network()  # without the optimiser's state
    plain.set_weights(network.get_weights())
    files = write_network(out, plain, export_maps)
    # Measured with the exported graph, as scans run it.
    exported = BoxNetwork(load_graph(out, files, 1, BOX_TRIAL), Decisions.undecided())
    exported = exported.deciding(fit_decisions(exported, pages, exported.decisions, DECISIONS))
    figures = measure_boxes(exported.maps, exported.decisions.rows, test)
    card = {
        **card_head(out, BOX_CARD_SCHEMA, VERSION, plain),
        "training": {"pages": "drawn by formreader.synth (sample_spec)"},
        "recipe": options.recipe(),
        "decisions": exported.decisions.as_table(),
        "tests": card_tests(exported, figures, test),
        "files": files,
    }
    write_network_card(out, card)
    return figures


def fit_anew(base: Path, options: BoxTrainOptions, tell: Callable[[str], None]) -> BoxFigures:
    """Write the network of the model folder `base` to `options.out`, with decisions fitted anew.

    Those that `options` do not name are kept.

    Raises:
        ModelError: the model cannot be used.
        OSError: a file cannot be written.
    """
    network = BoxNetwork.load(base)
    tell(f"rendering {options.pages} pages to fit to, and {options.test_pages} to measure on")
    pages = render_pages(options.seed, options.pages, tell)
    test = render_pages(FIRST_TEST_SEED, options.test_pages, tell, held_back=True)
    network = network.deciding(
        fit_decisions(network, pages, network.decisions, options.only_decisions)
    )
    figures = measure_boxes(network.maps, network.decisions.rows, test)
    card = read_card_file(base, BOX_CARD_SCHEMA)
    for name in (KERAS_FILE, ONNX_FILE):
        if base.resolve() != options.out.resolve():
            shutil.copyfile(base / name, options.out / name)
    recipe = checked(card["recipe"], dict, "recipe")
    earlier = checked(recipe.get("decisions", {}), dict, "decisions")
    fitted = {"pages": options.pages, "seed": options.seed}
    changed = {
        "created": datetime.date.today().isoformat(),
        "recipe": {**recipe, "decisions": earlier | dict.fromkeys(options.only_decisions, fitted)},
        "decisions": network.decisions.as_table(),
        "tests": card_tests(network, figures, test),
    }
    write_network_card(options.out, {**card, **changed, "version": VERSION})
    return figures


def card_tests(
    network: BoxNetwork, figures: BoxFigures, test: Sequence[TrainingPage]
) -> list[dict[str, object]]:
    """What the card says of pages that nothing was fitted to, and what was found on them."""
    places, fields = known_places(network, test), known_fields(network, test)
    decisions = network.decisions
    return [
        {"name": "pages of held-back combinations"} | asdict(figures),
        {
            "name": "rows against cells in one place, on the same pages",
            "pairs": sum(len(page.true) for page in places),
            "right": share_right(decisions.places, places),
        },
        {
            "name": "rows that were read, against what is none, on the same pages",
            "rows": sum(int(page.counted.sum()) for page in fields),
            "right": share_right(decisions.fields, fields),
        },
    ]


def start_from(folder: Path, network: keras.Model) -> None:
    """Give the layers of a network the weights of the layers of the same name in a model folder.

    Where the folder's network has no layers for cells, they start from those of the boxes.

    Raises:
        ModelError: the model is missing or damaged, or a layer of its network has another shape.
    """
    with base_errors(folder, "box_network"):
        old = keras.saving.load_model(folder / KERAS_FILE, compile=False)
        known = {layer.name: layer.get_weights() for layer in old.layers}
        for layer in network.layers:
            name = layer.name if layer.name in known else layer.name.removeprefix(f"{CELL_BRANCH}.")
            if name in known:
                layer.set_weights(known[name])


def freeze_all_but_cells(network: keras.Model) -> None:
    """Keep the weights and the statistics of all layers but those that serve cells alone."""
    for layer in network.layers:
        layer.trainable = layer.name.startswith(CELL_BRANCH)
