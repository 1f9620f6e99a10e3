"""The pages whose places are cut, each drawn from a seed."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from formreader.synth import RenderedPage
from page_network.hands import HandBook
from page_network.kept_hands import kept_hands
from page_network.printed_forms import PrintedPage
from page_network.training_pages import filled_page

_PRINTED_SHARE = 0.6
"""Share of the pages that are printed forms; the others are forms of frames."""
_DPI = (110.0, 260.0)
"""Resolutions of the scans."""

_of_process: dict[str, object] = {}


def prepare(data: Path) -> None:
    """Load the printed forms and the hands, once in each process."""
    cv2.setNumThreads(1)
    files = sorted((data / "printed" / "train").glob("*.pdf"))
    _of_process.update(
        pages=[PrintedPage.load(one) for one in files],
        book=kept_hands(HandBook.load(data / "digits")),
    )


def draw(seed: list[int]) -> tuple[RenderedPage, np.random.Generator]:
    """Draw the page of a seed; what is random about it afterwards goes on from there."""
    rng = np.random.default_rng(seed)
    pages = _of_process["pages"] if rng.random() < _PRINTED_SHARE else []
    dpi = float(rng.uniform(*_DPI))
    return filled_page(pages, _of_process["book"], dpi, rng), rng  # type: ignore[arg-type]
