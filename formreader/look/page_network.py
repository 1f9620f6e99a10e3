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

_TRIAL_SIDE = 2 * SIDE_MULTIPLE

PAGE_TRIAL = GraphTrial(
    {"darkness": np.eye(_TRIAL_SIDE, dtype=np.uint8) * 255},
    "maps_out",
    (CHANNELS, _TRIAL_SIDE // STRIDE, _TRIAL_SIDE // STRIDE),
)
"""A small page with a line across it, which the network must be able to look at."""


class PageNetwork:
    """Tells of a page what is ruled, printed and written, and where places are."""

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
        """Look at an upright, evenly lit page, (h, w) uint8; beyond its borders all is white."""
        height, width = (-(-side // SIDE_MULTIPLE) * SIDE_MULTIPLE for side in even.shape)
        darkness = np.zeros((height, width), np.uint8)
        cv2.bitwise_not(even, darkness[: even.shape[0], : even.shape[1]])
        (output,) = self._session.run(["maps_out"], {"darkness": darkness})
        return PageMaps.from_output(output)


@cache
def shipped_page_network() -> PageNetwork:
    """The network that ships with the program, loaded once per process."""
    return PageNetwork.load(model_folder(PAGE_MODEL))
