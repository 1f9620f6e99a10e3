"""The trained page network, as it ships with the program."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from formreader.core.graph_trial import GraphTrial
from formreader.core.model_folder import (
    PAGE_MODEL,
    card_errors,
    card_hashes,
    load_graph,
    model_folder,
    read_card_file,
)
from formreader.core.records import GreyImage
from formreader.look.page_maps import CHANNELS, SIDE_MULTIPLE, STRIDE, PageMaps

if TYPE_CHECKING:
    import onnxruntime

PAGE_CARD_SCHEMA = 1
"""Version of the card's layout; a card of another version is refused."""

_NOTHING = -12.0
"""Logit given to the parts of a page that the network was not shown."""

_MAX_BLANK_DARKNESS = 8
"""Highest darkness, 0 to 255, of a blank pixel of a margin. Noise is below it, pens exceed it. No
measurement on record."""

_TRIAL_SIDE = 2 * SIDE_MULTIPLE

PAGE_TRIAL = GraphTrial(
    {"darkness": np.eye(_TRIAL_SIDE, dtype=np.uint8) * 255},
    "maps_out",
    (CHANNELS, _TRIAL_SIDE // STRIDE, _TRIAL_SIDE // STRIDE),
)
"""A small page with a line across it, which the network must be able to look at."""


class PageNetwork:
    """Segments a page into what is ruled, printed and written, and finds the places on it."""

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self._session = session

    @classmethod
    def load(cls, folder: Path) -> PageNetwork:
        """Load a model folder to run in one thread: pages, not layers, run in parallel.

        Raises:
            ModelError: the folder's card or graph is missing, damaged or of another version.
        """
        card = read_card_file(folder, PAGE_CARD_SCHEMA)
        with card_errors(folder):
            hashes = card_hashes(card)
        return cls(load_graph(folder, hashes, 1, PAGE_TRIAL))

    def look(self, even: GreyImage) -> PageMaps:
        """Run the network on an upright, evenly lit page, (h, w) uint8.

        It is shown only the part between blank margins. The page is padded with white.
        """
        height, width = (-(-side // SIDE_MULTIPLE) * SIDE_MULTIPLE for side in even.shape)
        darkness = np.zeros((height, width), np.uint8)
        cv2.bitwise_not(even, darkness[: even.shape[0], : even.shape[1]])
        rows, columns = _inked(darkness)
        (part,) = self._session.run(["maps_out"], {"darkness": darkness[rows, columns].copy()})
        output = np.full((CHANNELS, height // STRIDE, width // STRIDE), _NOTHING, np.float32)
        output[:, _on_maps(rows), _on_maps(columns)] = part
        return PageMaps.from_output(output)


def _inked(darkness: GreyImage) -> tuple[slice, slice]:
    """The rows and columns of a page between its blank margins, in whole blocks; never empty."""
    ink = cv2.threshold(darkness, _MAX_BLANK_DARKNESS, 255, cv2.THRESH_BINARY)[1]
    x, y, width, height = cv2.boundingRect(ink)
    return _whole_blocks(y, y + height), _whole_blocks(x, x + width)


def _whole_blocks(first: int, end: int) -> slice:
    """Widen a range of pixels to whole blocks of `SIDE_MULTIPLE`."""
    last = max(-(-end // SIDE_MULTIPLE), first // SIDE_MULTIPLE + 1)
    return slice(first // SIDE_MULTIPLE * SIDE_MULTIPLE, last * SIDE_MULTIPLE)


def _on_maps(part: slice) -> slice:
    """A range of page pixels as a range of the output's cells."""
    return slice(part.start // STRIDE, part.stop // STRIDE)


@cache
def shipped_page_network() -> PageNetwork:
    """The network that ships with the program, loaded once per process."""
    return PageNetwork.load(model_folder(PAGE_MODEL))
