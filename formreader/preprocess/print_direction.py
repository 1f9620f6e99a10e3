"""Find out from a page's print which way up it is.

A small network judges pieces of text lines, each as it is and turned by 180 degrees, so that its
answer is antisymmetric. The answers for all pieces are summed.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from formreader.core.graph_trial import GraphTrial
from formreader.core.model_folder import (
    LINE_MODEL,
    card_errors,
    card_hashes,
    card_number,
    load_graph,
    model_folder,
    read_card_file,
)
from formreader.preprocess.page_print import PagePrint, find_print
from formreader.preprocess.print_lines import (
    PIECE_HEIGHT,
    PIECE_WIDTH,
    Pieces,
    draw_pieces,
    find_pieces,
)

if TYPE_CHECKING:
    import onnxruntime

LINE_CARD_SCHEMA = 1
"""Version of the card's layout; a card of another version is refused."""

MIN_SURE_PROBABILITY = 0.99
"""Least probability of a direction that is accepted."""

MIN_CLEAR_LOG_ODDS = 25.0
"""Log odds by horizontal text lines from which on vertical ones are not examined. On drawn pages
and development pages that lay on their side up to 12.4 were seen."""

_LOOKS = 6
"""Number of steps in which the pieces of a page are examined, until the answer is clear. 73 drawn
and real pages were examined upright and upside down: 120 of 146 were clear after at most four
steps, and no answer differed from that by all pieces."""

MAX_LOGIT_OF_PIECE = 4.0
"""Largest evidence of one piece, so that no single one decides. No record of a measurement."""


LINE_TRIAL = GraphTrial(
    {"pieces": np.tri(PIECE_HEIGHT, PIECE_WIDTH, dtype=np.uint8)[None] * 255}, "scores", (1, 1)
)
"""A piece of a line, which the network must be able to score."""


class LineNetwork:
    """Tells which way up print is. `scale` turns the sum over a page's pieces into log odds.

    It is below 1, because errors on the pieces of one page are correlated.
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
            hashes, scale = card_hashes(card), card_number(card["scale"], "scale")
        return cls(load_graph(folder, hashes, 1, LINE_TRIAL), scale)

    def logits(self, pieces: Pieces) -> npt.NDArray[np.float64]:
        """The log odds, (n,), that each piece is upright and not upside down."""
        if not len(pieces):
            return np.zeros(0)
        both = np.concatenate([pieces, pieces[:, ::-1, ::-1]])
        (scores,) = self._session.run(["scores"], {"pieces": both})
        as_is, turned = np.asarray(scores, np.float64).reshape(2, -1)
        return np.asarray(as_is - turned, np.float64)

    def log_odds(self, page: PagePrint) -> float:
        """The log odds that a page is upright and not upside down.

        Its text lines must be horizontal: for a page on its side the answer means little. Once some
        pieces leave no doubt, the others are not examined.
        """
        places, evidence = find_pieces(page), 0.0
        for first in range(_LOOKS):  # each step has pieces from all over the page
            evidence += page_evidence(self.logits(draw_pieces(page, places[first::_LOOKS])))
            if abs(self._scale * evidence) >= MIN_CLEAR_LOG_ODDS:
                break
        return self._scale * evidence

    def quarters_to_upright(self, page: PagePrint) -> int | None:
        """Clockwise quarter turns that make a page upright; None if that is not certain.

        Vertical text lines are only examined if horizontal ones leave doubt.
        """
        across = self.log_odds(page)
        if abs(across) >= MIN_CLEAR_LOG_ODDS:
            return 0 if across > 0 else 2
        up = self.log_odds(find_print(np.ascontiguousarray(np.rot90(page.even, -1))))
        scores = np.exp(np.array([across, up, -across, -up]) / 2)
        best = int(scores.argmax())
        return best if scores[best] >= MIN_SURE_PROBABILITY * scores.sum() else None


def page_evidence(logits: npt.NDArray[np.float64]) -> float:
    """The evidence of a page's pieces, given the log odds (n,) of each."""
    return float(np.clip(logits, -MAX_LOGIT_OF_PIECE, MAX_LOGIT_OF_PIECE).sum())


@cache
def shipped_line_network() -> LineNetwork:
    """The network that ships with the program, loaded once per process."""
    return LineNetwork.load(model_folder(LINE_MODEL))
