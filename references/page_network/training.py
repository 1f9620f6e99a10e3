"""Train the page network: draw pages, fit, measure, write the model folder. It can be resumed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import keras
import numpy as np

from formreader.core.model_folder import KERAS_FILE, ONNX_FILE, file_hashes
from formreader.look.page_network import PAGE_CARD_SCHEMA
from formreader.training.fit.fused_normalization import with_fused_normalization
from formreader.training.network_folder import card_head, write_network_card
from page_network.graph import export_page_network
from page_network.hands import HandBook
from page_network.measures import measure
from page_network.network import build_page_network, page_loss
from page_network.pieces import sample_piece
from page_network.printed_forms import PrintedPage
from page_network.training_pages import TrainingPage, draw_page

VERSION = "1.2"

HELD_OUT_ISSUERS = ("us-de", "us-id", "us-nd")
"""Issuers whose forms are never trained on: the network is measured on them."""

_FIRST_HELD_OUT_SEED = 10_000_000
_STEPS_PER_EPOCH = 250
_WARM_UP_STEPS = 300
_WEIGHT_DECAY = 1e-4
_EMA_MOMENTUM = 0.998
"""Of the average of the weights, over some 500 steps (Polyak and Juditsky 1992)."""


@dataclass(frozen=True, slots=True)
class Options:
    """What is trained, on what, for how long.

    `work` keeps drawn pages and the last checkpoint. With `base`, a model folder, training starts
    from its network.
    """

    data: Path
    out: Path
    work: Path
    base: Path | None = None
    pages: int = 6200
    test_pages: int = 80
    steps: int = 14_000
    batch: int = 8
    rate: float = 2e-3
    seed: int = 31


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


def drawn_pages(options: Options, *, held_out: bool) -> list[TrainingPage]:
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


class _Batches(keras.utils.PyDataset):  # type: ignore[misc]  # keras has no types
    """Batches of pieces; what is in one depends on the seed and its step alone."""

    def __init__(self, pages: Sequence[TrainingPage], options: Options) -> None:
        super().__init__(workers=2, use_multiprocessing=False, max_queue_size=8)
        self._pages, self._options, self._epoch = pages, options, 0

    def __len__(self) -> int:
        return _STEPS_PER_EPOCH

    def start_at(self, epoch: int) -> None:
        self._epoch = epoch

    def on_epoch_end(self) -> None:
        self._epoch += 1

    def __getitem__(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng([self._options.seed, self._epoch, step])
        chosen = rng.integers(len(self._pages), size=self._options.batch)
        pieces, targets = zip(*(sample_piece(self._pages[i], rng) for i in chosen), strict=True)
        return np.stack(pieces)[..., None].astype(np.float32) / 255, np.stack(targets)


class _Resume(keras.callbacks.BackupAndRestore):  # type: ignore[misc]
    """Tells the batches at which epoch a training goes on."""

    def __init__(self, folder: Path, batches: _Batches) -> None:
        super().__init__(folder, delete_checkpoint=False)
        self._batches = batches

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        super().on_train_begin(logs)
        self._batches.start_at(int(self.model.optimizer.iterations) // _STEPS_PER_EPOCH)


def _start_from(network: keras.Model, folder: Path) -> None:
    """Take the weights of the layers that are alike in the network of a model folder."""
    base = keras.models.load_model(folder / KERAS_FILE, compile=False)
    for layer in network.layers:
        weights = base.get_layer(layer.name).get_weights()
        if [w.shape for w in weights] == [w.shape for w in layer.get_weights()]:
            layer.set_weights(weights)


def train(options: Options) -> None:
    """Train on drawn pages and write `model.keras` and `model.onnx` into the folder `out`.

    Started again with the same options, it goes on from the last epoch of 250 steps.
    """
    options.out.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(options.seed)
    pages = drawn_pages(options, held_out=False)
    held_out = drawn_pages(options, held_out=True)
    network = build_page_network()
    if options.base is not None:
        _start_from(network, options.base)
    schedule = keras.optimizers.schedules.CosineDecay(
        1e-5, options.steps - _WARM_UP_STEPS, alpha=0.01,
        warmup_target=options.rate, warmup_steps=_WARM_UP_STEPS,
    )  # fmt: skip
    fused = with_fused_normalization(network)
    fused.compile(
        optimizer=keras.optimizers.AdamW(
            schedule, weight_decay=_WEIGHT_DECAY, use_ema=True, ema_momentum=_EMA_MOMENTUM
        ),
        loss=page_loss,
        jit_compile=False,
    )
    batches = _Batches(pages, options)
    fused.fit(
        batches, epochs=options.steps // _STEPS_PER_EPOCH, shuffle=False, verbose=2,
        callbacks=[_Resume(options.work / "checkpoint", batches)],
    )  # fmt: skip
    network.set_weights(fused.get_weights())
    network.save(options.out / KERAS_FILE)
    export_page_network(network, options.out / ONNX_FILE)
    figures = measure(options.out / ONNX_FILE, held_out)
    card = {
        **card_head(options.out, PAGE_CARD_SCHEMA, VERSION, network),
        "training": {
            "pages": "forms of data/printed/train, forms of frames, and forms of formreader.synth, "
            "written on by the writers of strokes.npz and of MNIST's training part",
        },
        "recipe": {
            name: getattr(options, name) for name in ("pages", "steps", "batch", "rate", "seed")
        },
        "base": None if options.base is None else file_hashes(options.base)[KERAS_FILE],
        "tests": [
            {
                "name": "pages drawn alike, printed ones of issuers that were not trained on",
                "pages": len(held_out),
                "issuers": list(HELD_OUT_ISSUERS),
                **figures,
            }
        ],
        "files": file_hashes(options.out),
    }
    write_network_card(options.out, card)
