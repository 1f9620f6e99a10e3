"""Tell from a page's print whether it stands upright or upside down.

A small network looks at pieces of the lines of print, each as it is and turned by 180 degrees:
what speaks for one way speaks against the other as much. Its answers on all pieces are summed.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from formreader.core.model_folder import (
    LINE_MODEL,
    card_errors,
    card_hashes,
    checked,
    load_graph,
    model_folder,
    read_card_file,
)
from formreader.core.records import GreyImage
from formreader.preprocess.print_lines import Pieces, cut_pieces

if TYPE_CHECKING:
    import onnxruntime

Way: TypeAlias = Literal["upright", "upside down", "unknown"]
"""How a page stands by its print."""

LINE_CARD_SCHEMA = 1
"""Version of the card's layout; a card of another version is refused."""

MIN_SURE_PROBABILITY = 0.99
"""A page is upright, or upside down, from this probability on; else its way is unknown."""

MAX_LOGIT_OF_PIECE = 4.0
"""Evidence of one piece is limited to this, so that no single one decides how a page stands."""


class LineNetwork:
    """Tells which way up print is; `scale` turns the sum over a page's pieces into log-odds.

    It is less than 1: what misleads the network in one piece misleads it in the page's others.
    """

    def __init__(self, session: onnxruntime.InferenceSession, scale: float) -> None:
        self._session = session
        self._scale = scale

    @classmethod
    def load(cls, folder: Path) -> LineNetwork:
        """Load a model folder, to run in one thread.

        Raises:
            ModelError: the folder's card or graph is missing, damaged or of another version.
        """
        card = read_card_file(folder, LINE_CARD_SCHEMA)
        with card_errors(folder):
            hashes, scale = card_hashes(card), checked(card["scale"], float, "scale")
        return cls(load_graph(folder, hashes, threads=1), scale)

    def logits(self, pieces: Pieces) -> npt.NDArray[np.float64]:
        """The log-odds, (n,), that each piece is upright rather than upside down."""
        if not len(pieces):
            return np.zeros(0)
        both = np.concatenate([pieces, pieces[:, ::-1, ::-1]])
        (scores,) = self._session.run(["scores"], {"pieces": both})
        as_is, turned = np.asarray(scores, np.float64).reshape(2, -1)
        return np.asarray(as_is - turned, np.float64)

    def upright_probability(self, even: GreyImage) -> float:
        """The probability that an evenly lit page, (h, w) uint8, is upright and not upside down.

        Its lines must run across it: neither is true of a page on its side.
        """
        evidence = page_evidence(self.logits(cut_pieces(even)))
        return float(1 / (1 + np.exp(-self._scale * evidence)))

    def way(self, even: GreyImage) -> Way:
        """How an evenly lit page stands; see `upright_probability`."""
        upright = self.upright_probability(even)
        if upright >= MIN_SURE_PROBABILITY:
            return "upright"
        return "upside down" if upright <= 1 - MIN_SURE_PROBABILITY else "unknown"


def page_evidence(logits: npt.NDArray[np.float64]) -> float:
    """The evidence of a page's pieces, given the log-odds (n,) of each."""
    return float(np.clip(logits, -MAX_LOGIT_OF_PIECE, MAX_LOGIT_OF_PIECE).sum())


@cache
def shipped_line_network() -> LineNetwork:
    """The network that ships with the program, loaded once per process."""
    return LineNetwork.load(model_folder(LINE_MODEL))
