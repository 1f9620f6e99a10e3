"""Straightened training pages with their layers and places, drawn from a seed and kept on disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.classes import Layer
from formreader.core.geometry import map_points, quarters_to_upright
from formreader.core.image_pyramid import Pyramid
from formreader.core.records import GreyImage
from formreader.preprocess.straighten import straighten
from formreader.synth import (
    KINDS,
    Form,
    Hand,
    RenderedPage,
    finish,
    sample_scan,
    sample_spec,
)
from formreader.synth.scanner import PALE_KINDS
from page_network.frame_forms import frame_form
from page_network.hands import HandBook
from page_network.printed_forms import PrintedPage, printed_form
from shared.number_forms import render_any_form

_PRINTED_SHARE, _FRAMES_SHARE = 0.35, 0.3
"""Shares of the pages that are printed forms, and forms of frames; `synth` draws the others."""

_THRESHOLDS = {Layer.RULED_ACROSS: 60, Layer.RULED_DOWN: 60, Layer.PRINT: 70, Layer.PEN: 80}
"""Cover, 0 to 255, from which a pixel of the straightened page belongs to a layer."""

_KIND_WEIGHTS = {
    "combined": 8,
    "fax": 9,
    "clean": 4,
    "faint": 2,
    "photo": 3,
    "noisy": 2,
    "skew": 2,
    "watermark": 5,
}
"""How often a kind of scan is drawn for printed forms, relative to one not named here."""


@dataclass(frozen=True, slots=True, eq=False)
class TrainingPage:
    """A straightened page.

    `image` is (h, w) uint8 grey; bit k of `layers`, (h, w) uint8, tells of `Layer` k. `boxes`,
    `cells` and `blind` areas are (n, 4, 2) float32 corners, clockwise from the top left.
    """

    image: GreyImage
    layers: npt.NDArray[np.uint8]
    boxes: npt.NDArray[np.float32]
    cells: npt.NDArray[np.float32]
    blind: npt.NDArray[np.float32]

    def save(self, file: Path) -> None:
        """Write the page to disk, whole or not at all."""
        part = file.with_suffix(".part")
        image, layers = (cv2.imencode(".png", one)[1] for one in (self.image, self.layers))
        with part.open("wb") as out:
            np.savez(
                out, boxes=self.boxes, cells=self.cells, blind=self.blind,
                image=image, layers=layers,
            )  # fmt: skip
        part.rename(file)

    @classmethod
    def load(cls, file: Path) -> TrainingPage:
        """Read a page that `save` wrote."""
        with np.load(file) as data:
            image, layers = (
                np.asarray(cv2.imdecode(data[k], cv2.IMREAD_GRAYSCALE), np.uint8)
                for k in ("image", "layers")
            )
            return cls(image, layers, data["boxes"], data["cells"], data["blind"])


def draw_page(seed: int, pages: list[PrintedPage], book: HandBook) -> TrainingPage:
    """Draw the page of a seed: a printed form of `pages`, or a form of `synth`."""
    rng = np.random.default_rng([seed, 30])
    source = rng.random()
    if source < _PRINTED_SHARE + _FRAMES_SHARE:
        return straightened(_written_on(pages if source < _PRINTED_SHARE else [], book, rng))
    spec = sample_spec(rng, held_back=None)
    digits = None
    if rng.random() < 0.7:
        digits, _ = book.source(Hand.sample(rng), spec.dpi, rng)
    return straightened(render_any_form(seed, spec, digits, with_layers=True))


def _written_on(pages: list[PrintedPage], book: HandBook, rng: np.random.Generator) -> RenderedPage:
    dpi = float(rng.choice([rng.uniform(90, 120), rng.uniform(120, 160), rng.uniform(160, 210)],
                           p=(0.2, 0.4, 0.4)))  # fmt: skip
    return filled_page(pages, book, dpi, rng)


def filled_page(
    pages: list[PrintedPage], book: HandBook, dpi: float, rng: np.random.Generator
) -> RenderedPage:
    """A filled printed form of `pages`, or a form of frames where there are none, as scanned."""
    weights = np.array([_KIND_WEIGHTS.get(kind, 1) for kind in KINDS], float)
    kind = KINDS[int(rng.choice(len(KINDS), p=weights / weights.sum()))]
    faint = kind in PALE_KINDS
    if not pages:
        form: Form = frame_form(book, dpi, faint, rng)
        return finish(form, sample_scan(kind, rng), with_layers=True)
    # Half of the time issuers are drawn alike: some have many pages, some one.
    issuers = sorted({page.facts["issuer_id"] for page in pages})
    issuer = issuers[int(rng.integers(len(issuers)))] if rng.random() < 0.5 else None
    own = [page for page in pages if issuer in (None, page.facts["issuer_id"])]
    form = printed_form(own[int(rng.integers(len(own)))], book, dpi, faint, rng)
    return finish(form, sample_scan(kind, rng), with_layers=True)


def straightened(page: RenderedPage) -> TrainingPage:
    """Turn a page upright and straighten it, as scans do, with all that is known of it."""
    assert page.layers is not None
    quads = [*(box.corners for box in page.truth), *page.unclear]
    corners = np.array(quads, np.float64).reshape(-1, 4, 2)
    grey = page.image if page.image.ndim == 2 else cv2.cvtColor(page.image, cv2.COLOR_RGB2GRAY)
    straight = straighten(Pyramid(np.asarray(grey, np.uint8)), quarters_to_upright(corners))
    to_image = np.asarray(np.linalg.inv(straight.to_page), np.float64)
    moved = map_points(to_image, corners.reshape(-1, 2)).reshape(-1, 4, 2).astype(np.float32)
    is_cell = np.array([box.is_number_cell for box in page.truth], bool)
    layers = _packed(page.layers, to_image, straight.image.shape)
    n = len(page.truth)
    known, unclear = moved[:n], moved[n:]
    return TrainingPage(straight.image, layers, known[~is_cell], known[is_cell], unclear)


def _packed(
    layers: npt.NDArray[np.uint8], to_image: npt.NDArray[np.float64], shape: tuple[int, ...]
) -> npt.NDArray[np.uint8]:
    """The layers of the straightened page, a bit each."""
    reduction = 1 / np.sqrt(abs(np.linalg.det(to_image[:2, :2])))
    if reduction > 1.2:
        layers = np.asarray(cv2.GaussianBlur(layers, (3, 3), 0.5 * reduction), np.uint8)
    warped = cv2.warpPerspective(layers, to_image, shape[::-1])
    packed = np.zeros(shape, np.uint8)
    for layer in Layer:
        packed |= np.where(warped[..., layer] > _THRESHOLDS[layer], 1 << layer, 0).astype(np.uint8)
    return packed
