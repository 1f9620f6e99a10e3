"""Tell from a page's print which way up it is.

A small network looks at pieces of the lines of print, each as it is and turned by 180 degrees:
what speaks for one way speaks against the other as much. Its answers on all pieces are summed.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

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
from formreader.preprocess.page_print import PagePrint, find_print
from formreader.preprocess.print_lines import Pieces, cut_pieces

if TYPE_CHECKING:
    import onnxruntime

LINE_CARD_SCHEMA = 1
"""Version of the card's layout; a card of another version is refused."""

MIN_SURE_PROBABILITY = 0.99
"""From this probability on it is sure which way up a page is."""

MIN_CLEAR_LOG_ODDS = 25.0
"""Log-odds from which on a page needs no look at lines up and down it. Across drawn pages and
pages of development that lay on their side up to 12.4 were seen."""

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

    def log_odds(self, page: PagePrint) -> float:
        """The log-odds that a page is upright and not upside down.

        Its lines must run across it: on a page on its side, what speaks either way says little.
        """
        return self._scale * page_evidence(self.logits(cut_pieces(page)))

    def quarters_to_upright(self, page: PagePrint) -> int | None:
        """Quarter turns clockwise that bring a page upright; None if that is not sure.

        Lines up and down the page are only looked at where those across it leave doubt.
        """
        across = self.log_odds(page)
        if abs(across) >= MIN_CLEAR_LOG_ODDS:
            return 0 if across > 0 else 2
        up = self.log_odds(find_print(np.ascontiguousarray(np.rot90(page.even, -1))))
        scores = np.exp(np.array([across, up, -across, -up]) / 2)
        best = int(scores.argmax())
        return best if scores[best] >= MIN_SURE_PROBABILITY * scores.sum() else None


def page_evidence(logits: npt.NDArray[np.float64]) -> float:
    """The evidence of a page's pieces, given the log-odds (n,) of each."""
    return float(np.clip(logits, -MAX_LOGIT_OF_PIECE, MAX_LOGIT_OF_PIECE).sum())


@cache
def shipped_line_network() -> LineNetwork:
    """The network that ships with the program, loaded once per process."""
    return LineNetwork.load(model_folder(LINE_MODEL))
