"""The trained network that finds digit boxes, as it ships with the program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.model_folder import (
    BOX_MODEL,
    GraphTrial,
    card_errors,
    card_hashes,
    checked,
    load_graph,
    model_folder,
    read_card_file,
)
from formreader.core.records import GreyImage
from formreader.detect.cell_maps import CELL_CHANNELS
from formreader.detect.field_decision import FieldDecision
from formreader.detect.peaks import SIDE_MULTIPLE, STRIDE, Maps
from formreader.detect.place_decision import PlaceDecision
from formreader.detect.row_decision import RowDecision

if TYPE_CHECKING:
    import onnxruntime

_MAX_BLANK_DARKNESS = 8
"""Highest darkness, 0 to 255, of a blank pixel of a margin. Noise is below it. Digits exceed it,
even where the lines of their box are too faint to. No record of a measurement."""

_NO_BOX_LOGIT = -20.0
"""Logit given to places that the network was not shown. Every peak is above it."""

BOX_CARD_SCHEMA = 5
"""Version of the card's layout; a card of another version is refused."""

_TRIAL_SIDE = 2 * SIDE_MULTIPLE
"""Side of the page that the network is tried on, in pixels."""

BOX_TRIAL = GraphTrial(
    {"darkness": np.eye(_TRIAL_SIDE, dtype=np.uint8) * 255},
    "maps_out",
    (CELL_CHANNELS.stop, _TRIAL_SIDE // STRIDE, _TRIAL_SIDE // STRIDE),
)
"""A small page with a line across it, which the network must be able to score."""


@dataclass(frozen=True, slots=True, eq=False)
class Decisions:
    """Classifiers for what the network finds, fitted on drawn pages.

    `rows` decides which candidates are rows of boxes. `places` decides between a row and the cells
    that overlap it. `fields` decides which rows are kept once they have been read.
    """

    rows: RowDecision
    places: PlaceDecision
    fields: FieldDecision

    @classmethod
    def undecided(cls) -> Decisions:
        """Decisions that accept all rows and cells, until they are fitted for a new network."""
        return cls(RowDecision.undecided(), PlaceDecision.undecided(), FieldDecision.undecided())

    @classmethod
    def in_folder(cls, folder: Path) -> Decisions:
        """Read the decisions of a model folder.

        Raises:
            ModelError: its card is missing, damaged or of another version.
        """
        card = read_card_file(folder, BOX_CARD_SCHEMA)
        with card_errors(folder):
            return cls.from_card(card)

    @classmethod
    def from_card(cls, card: Mapping[str, object]) -> Decisions:
        """Read the decisions from a whole model card.

        Raises:
            KeyError, TypeError, ValueError: they are missing or of another version.
        """
        table = checked(card["decisions"], dict, "decisions")
        return cls(
            RowDecision.from_card(checked(table["rows"], dict, "rows")),
            PlaceDecision.from_card(checked(table["places"], dict, "places")),
            FieldDecision.from_card(checked(table["fields"], dict, "fields")),
        )

    def as_table(self) -> dict[str, object]:
        """The decisions as a model card stores them."""
        return {
            "rows": self.rows.as_table(),
            "places": self.places.as_table(),
            "fields": self.fields.as_table(),
        }


class BoxNetwork:
    """Scores each place of a page: is it the centre of a digit box, or in the core of a cell?

    `decisions` turn the scores into rows of boxes and cells.
    """

    def __init__(self, session: onnxruntime.InferenceSession, decisions: Decisions) -> None:
        self._session = session
        self.decisions = decisions

    def deciding(self, decisions: Decisions) -> BoxNetwork:
        """The same network with other decisions."""
        return BoxNetwork(self._session, decisions)

    @classmethod
    def load(cls, folder: Path) -> BoxNetwork:
        """Load a model folder to run in one thread: pages, not layers, run in parallel.

        Raises:
            ModelError: the folder's card or graph is missing, damaged or of another version.
        """
        card = read_card_file(folder, BOX_CARD_SCHEMA)
        with card_errors(folder):
            hashes, decisions = card_hashes(card), Decisions.from_card(card)
        return cls(load_graph(folder, hashes, 1, BOX_TRIAL), decisions)

    def maps(self, even: GreyImage) -> Maps:
        """The network's maps of an upright, evenly lit page, (h, w) uint8."""
        blank = np.zeros(CELL_CHANNELS.stop, np.float32)
        blank[[0, CELL_CHANNELS.start]] = _NO_BOX_LOGIT
        return maps_of_page(self._session, even, blank)


def maps_of_page(
    session: onnxruntime.InferenceSession, even: GreyImage, blank: npt.NDArray[np.float32]
) -> Maps:
    """Run a network that maps pages on an upright, evenly lit page, (h, w) uint8.

    The page is padded with white. The network is shown only the part between blank margins; the
    others get the values `blank`, (channels,). Returns (channels, rows, columns) float32.
    """
    height, width = (-(-side // SIDE_MULTIPLE) * SIDE_MULTIPLE for side in even.shape)
    darkness = np.zeros((height, width), np.uint8)
    cv2.bitwise_not(even, darkness[: even.shape[0], : even.shape[1]])
    ink = cv2.threshold(darkness, _MAX_BLANK_DARKNESS, 255, cv2.THRESH_BINARY)[1]
    x, y, inked_width, inked_height = cv2.boundingRect(ink)
    rows, columns = _whole_blocks(y, y + inked_height), _whole_blocks(x, x + inked_width)
    (part,) = session.run(["maps_out"], {"darkness": darkness[rows, columns].copy()})
    maps = np.empty((len(blank), height // STRIDE, width // STRIDE), np.float32)
    maps[:] = blank[:, None, None]
    maps[:, _on_maps(rows), _on_maps(columns)] = part
    return maps


def _whole_blocks(first: int, end: int) -> slice:
    """Widen a range of pixels, `end` exclusive, to whole blocks of `SIDE_MULTIPLE`."""
    return slice(
        first // SIDE_MULTIPLE * SIDE_MULTIPLE, max(-(-end // SIDE_MULTIPLE), 1) * SIDE_MULTIPLE
    )


def _on_maps(part: slice) -> slice:
    """Convert a range of page pixels to a range of map cells."""
    return slice(part.start // STRIDE, part.stop // STRIDE)


@cache
def shipped_network() -> BoxNetwork:
    """The network that ships with the program, loaded once per process."""
    return BoxNetwork.load(model_folder(BOX_MODEL))


@cache
def shipped_decisions() -> Decisions:
    """The decisions that ship with the network, read once per process without loading it."""
    return Decisions.in_folder(model_folder(BOX_MODEL))
