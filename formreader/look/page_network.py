"""The trained page network, as it ships with the program."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from formreader.core.model_folder import (
    PAGE_MODEL,
    GraphTrial,
    load_carded_graph,
    model_folder,
)
from formreader.core.records import GreyImage
from formreader.detect.box_network import maps_of_page
from formreader.detect.peaks import SIDE_MULTIPLE, STRIDE
from formreader.look.page_maps import CHANNELS, PageMaps

if TYPE_CHECKING:
    import onnxruntime

PAGE_CARD_SCHEMA = 1
"""Version of the card's layout; a card of another version is refused."""

_NOTHING = -12.0
"""Logit given to the parts of a page that the network was not shown."""

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
        return cls(load_carded_graph(folder, PAGE_CARD_SCHEMA, PAGE_TRIAL))

    def look(self, even: GreyImage) -> PageMaps:
        """Run the network on an upright, evenly lit page, (h, w) uint8."""
        blank = np.full(CHANNELS, _NOTHING, np.float32)
        return PageMaps.from_output(maps_of_page(self._session, even, blank))


@cache
def shipped_page_network() -> PageNetwork:
    """The network that ships with the program, loaded once per process."""
    return PageNetwork.load(model_folder(PAGE_MODEL))
