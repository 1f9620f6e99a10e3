"""The trained network that tells where digit boxes are, as it ships with the program."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from formreader.core.model_folder import (
    BOX_MODEL,
    card_errors,
    card_hashes,
    load_graph,
    model_folder,
    read_card_file,
)
from formreader.core.records import GreyImage
from formreader.detect.peaks import DEPTH, STRIDE, Maps

if TYPE_CHECKING:
    import onnxruntime

# Darkness of 255 up to which margins are blank: noise is as dark, and what is written in a
# box is darker, however faint its lines are.
_FAINTEST = 8

# The logit where nothing was looked for: less than that of any peak.
_NO_BOX = -20.0

SCHEMA = 1
"""Version of the card's layout; a card of another one is refused."""


class BoxNetwork:
    """Says of each place of a page how much it looks like the middle of a digit box."""

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self._session = session

    @classmethod
    def load(cls, folder: Path) -> BoxNetwork:
        """Load a model folder, to run in one thread: pages are what runs in parallel.

        Raises:
            ModelError: the folder's card or graph is missing, damaged or of another version.
        """
        with card_errors(folder):
            hashes = card_hashes(read_card_file(folder, SCHEMA))
        return cls(load_graph(folder, hashes, threads=1))

    def maps(self, even: GreyImage) -> Maps:
        """Maps of an upright, evenly lit page, (h, w) uint8, beyond whose borders it is white.

        The network looks at no more than what is printed: margins have no boxes.
        """
        height, width = even.shape
        padded = (-(-height // DEPTH) * DEPTH, -(-width // DEPTH) * DEPTH)
        darkness = np.zeros(padded, np.uint8)
        cv2.bitwise_not(even, darkness[:height, :width])
        rows, columns = _printed(darkness)
        seen = np.ascontiguousarray(darkness[rows, columns])
        (part,) = self._session.run(["maps_out"], {"darkness": seen})
        maps = np.zeros((len(part), *(side // STRIDE for side in padded)), np.float32)
        maps[0] = _NO_BOX
        maps[:, _on_maps(rows), _on_maps(columns)] = part
        return maps


def _printed(darkness: GreyImage) -> tuple[slice, slice]:
    """Rows and columns of a page's darkness that may hold boxes: its margins are blank.

    `darkness` has sides of multiples of `DEPTH`; so have the parts, which are never empty.
    """
    ink = cv2.threshold(darkness, _FAINTEST, 255, cv2.THRESH_BINARY)[1]
    x, y, width, height = cv2.boundingRect(ink)
    return _whole_blocks(y, y + height), _whole_blocks(x, x + width)


def _whole_blocks(first: int, end: int) -> slice:
    """The blocks of `DEPTH` pixels that hold those from `first` up to but without `end`."""
    return slice(first // DEPTH * DEPTH, max(-(-end // DEPTH), 1) * DEPTH)


def _on_maps(part: slice) -> slice:
    """A part of the page as a part of the maps."""
    return slice(part.start // STRIDE, part.stop // STRIDE)


@cache
def shipped_network() -> BoxNetwork:
    """The network that ships with the program, loaded once a process."""
    return BoxNetwork.load(model_folder(BOX_MODEL))
