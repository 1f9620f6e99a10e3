"""Parts of the ink on drawn pages, and who put each there: a pen or a printer."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.classes import Layer
from formreader.core.geometry import quarters_to_upright
from formreader.core.image_pyramid import Pyramid
from formreader.crop.writing_map import WritingMap
from formreader.detect.field_finder import find_fields
from formreader.look.ink_parts import PATCH_SHAPE, Patches, cut_patches, parts_in_places
from formreader.look.page_look import look_at
from formreader.look.places import find_places
from formreader.preprocess.straighten import straighten
from formreader.synth import RenderedPage
from page_network.hands import HandBook
from page_network.kept_hands import held_back_hands, kept_hands
from page_network.printed_forms import HELD_OUT_ISSUERS, PrintedPage
from page_network.training_pages import filled_page

_PRINTED_SHARE = 0.75
"""Share of the pages that are printed forms; the others are forms of frames."""
_DPI = (95.0, 300.0)
"""Resolutions of the scans."""
_MOST_OF_A_PAGE = 80
"""Parts that a page gives at most, so that no full page outweighs."""
_MIN_COVER = 15.0
"""Least mean cover of a part by pen and print, 0 to 255: other ink is dirt or a line."""
_SURE_SHARE = 0.75
"""Share of the cover that is a pen's, or print's, from which on a part is one of these."""


@dataclass(frozen=True, slots=True, eq=False)
class InkExamples:
    """n parts of ink and whether a pen wrote each, (n,) bool."""

    patches: Patches
    written: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.written)

    @classmethod
    def joined(cls, parts: list[InkExamples]) -> InkExamples:
        """All examples of some pages."""
        return cls(
            np.concatenate([one.patches for one in parts]),
            np.concatenate([one.written for one in parts]),
        )


_NONE = InkExamples(np.zeros((0, 2, *PATCH_SHAPE), np.uint8), np.zeros(0, np.bool_))


def draw_examples(
    data: Path, first: int, pages: int, tell: Callable[[str], None], *, held_out: bool
) -> InkExamples:
    """The parts of `pages` pages, with seeds from `first` on, drawn in a process for each core.

    `data` has the printed forms and the hands. With `held_out` the forms are of issuers, and the
    hands of writers, that the network is not trained on; else of the others.
    """
    with ProcessPoolExecutor(
        os.cpu_count(), initializer=_prepare, initargs=(data, held_out)
    ) as pool:
        found = list(pool.map(_of_page, range(first, first + pages), chunksize=4))
    tell(f"{pages} pages drawn")
    return InkExamples.joined(found)


_of_process: dict[str, object] = {}


def _prepare(data: Path, held_out: bool) -> None:
    cv2.setNumThreads(1)
    pages = [PrintedPage.load(one) for one in sorted((data / "printed" / "train").glob("*.pdf"))]
    own = [one for one in pages if (one.facts["issuer_id"] in HELD_OUT_ISSUERS) == held_out]
    book = HandBook.load(data / "digits")
    _of_process.update(pages=own, book=held_back_hands(book) if held_out else kept_hands(book))


def _of_page(seed: int) -> InkExamples:
    rng = np.random.default_rng([seed, 31])
    pages = _of_process["pages"] if rng.random() < _PRINTED_SHARE else []
    dpi = float(rng.uniform(*_DPI))
    return examples_of(filled_page(pages, _of_process["book"], dpi, rng), rng)  # type: ignore[arg-type]


def examples_of(page: RenderedPage, rng: np.random.Generator) -> InkExamples:
    """The parts of the ink in the true and the found places of a page drawn with its layers."""
    places = np.array([box.corners for box in page.truth], np.float64).reshape(-1, 4, 2)
    if not len(places) or page.layers is None:
        return _NONE
    grey = page.image if page.image.ndim == 2 else cv2.cvtColor(page.image, cv2.COLOR_RGB2GRAY)
    pyramid = Pyramid(np.asarray(grey, np.uint8))
    straight = straighten(pyramid, quarters_to_upright(places))
    look = look_at(straight)
    # Found places hold all kinds of print that scans take for writing, in its true proportion.
    missed = chain(*(one.on_page(straight) for one in find_places(look.maps)))
    found = [one.corners for one in (*find_fields(straight).places, *missed)]
    near = np.array([*places, *found], np.float64).reshape(-1, 4, 2)
    parts = parts_in_places(look.writing, look.in_layers(near))
    written, sure = _origins(page.layers, look.writing, parts)
    chosen = rng.permutation(np.flatnonzero(sure))[:_MOST_OF_A_PAGE]
    patches = cut_patches(pyramid, look.writing, parts[chosen])
    return InkExamples(patches, written[chosen])


def _origins(
    layers: npt.NDArray[np.uint8], writing: WritingMap, parts: npt.NDArray[np.int32]
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Whether each of k parts is written, and whether that is sure, (k,) each."""
    to_map = np.asarray(np.linalg.inv(writing.to_page), np.float64)
    reduction = 1 / float(np.sqrt(abs(np.linalg.det(to_map[:2, :2]))))
    size = writing.ink.shape[::-1]
    labels, _ = writing.parts
    pixels = np.maximum(np.bincount(labels.ravel()), 1)
    covers = []
    for layer in (Layer.PEN, Layer.PRINT):
        smooth = cv2.GaussianBlur(layers[..., layer], (0, 0), 0.45 * reduction)
        seen = cv2.warpPerspective(smooth, to_map, size)
        covers.append((np.bincount(labels.ravel(), seen.ravel()) / pixels)[parts])
    pen, printed = covers
    share = pen / np.maximum(pen + printed, 1e-9)
    sure = (pen + printed >= _MIN_COVER) & (np.abs(share - 0.5) >= _SURE_SHARE - 0.5)
    return np.asarray(share > 0.5), np.asarray(sure)
