"""The reference pages of some forms: which of them a page is most like, and how it lies on it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from formreader.core.records import GreyImage
from formreader.template.landmark_index import LandmarkIndex
from formreader.template.landmarks import Landmarks
from formreader.template.page_alignment import Alignment, Reference

_MAX_CANDIDATES, _MIN_SHARE_OF_VOTES = 5, 0.2
"""Forms, the likeliest first, that a page is aligned with before it counts as none of them; and the
share of the likeliest one's votes that the others need."""

_CLEAR_SCORE = 0.6
"""Score of an alignment from which no other form is tried."""


class ReferenceLibrary:
    """Reference pages with an index of their landmarks."""

    def __init__(self, references: Sequence[Reference]) -> None:
        self.references = tuple(references)
        self._index = LandmarkIndex([one.landmarks for one in references])

    def best_alignment(self, even: GreyImage, landmarks: Landmarks) -> tuple[int, Alignment] | None:
        """The index of the reference that a page is most like, and how it lies on the page.

        `even` is the page, evenly lit, (h, w) uint8. None if it is like none of the references.
        """
        votes = self._index.votes(landmarks)
        order = np.argsort(-votes, kind="stable")[:_MAX_CANDIDATES]
        best: tuple[int, Alignment] | None = None
        for i in order.tolist():
            if votes[i] == 0 or votes[i] < _MIN_SHARE_OF_VOTES * votes[order[0]]:
                break
            alignment = self.references[i].align(even, landmarks)
            if alignment is None:
                continue
            if best is None or alignment.score > best[1].score:
                best = i, alignment
            if alignment.score >= _CLEAR_SCORE:
                break
        return best
