"""Which of many forms a page may be: an index of the landmarks of all of them.

Descriptors of 256 bits are cut into pieces of 16. A landmark that looks the same on two pages
differs in some tenth of its bits, so that mostly one of eight of its pieces is equal: only
landmarks with an equal piece are compared (multi-index hashing, Norouzi et al. 2012). So the cost
of a page grows little with the number of forms.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from formreader.template.landmarks import Landmarks

_KEY_LANDMARKS = 600
"""Landmarks of each form, and of a page, that are compared: the strongest of each part of it. On a
fax the strongest of all are specks, and on a form with a barcode those of the barcode. Of 60 drawn
pages of twelve forms the right form comes first for all; with the 300 strongest for 57, and one,
a fax, is not among the first five."""

_MAX_DISTANCE = 48
"""Bits in which two descriptors of one landmark may differ."""

_PIECES = 8
"""Pieces of a descriptor that are looked up, of its 16: more find little more and take longer."""

_MAX_ALIKE = 16
"""Landmarks with an equal piece above which that piece tells nothing: blank paper, plain lines."""

Codes: TypeAlias = npt.NDArray[np.uint16]


class LandmarkIndex:
    """The strongest landmarks of some forms."""

    def __init__(self, forms: Sequence[Landmarks]) -> None:
        parts = [form.spread(_KEY_LANDMARKS).descriptors for form in forms]
        self._forms = len(parts)
        self._owner = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
        self._descriptors = np.concatenate([np.zeros((0, 32), np.uint8), *parts])
        codes = _codes(self._descriptors)
        self._orders = np.argsort(codes, axis=0, kind="stable")
        self._sorted = np.take_along_axis(codes, self._orders, axis=0)

    def votes(self, page: Landmarks) -> npt.NDArray[np.float64]:
        """How like each form a page is, (n,): landmarks that many forms have count less."""
        keys = page.spread(_KEY_LANDMARKS).descriptors
        votes = np.zeros(self._forms)
        if not len(keys) or not len(self._descriptors):
            return votes
        seen, known = self._with_an_equal_piece(_codes(keys))
        bits = np.bitwise_count(
            keys[seen].view(np.uint64) ^ self._descriptors[known].view(np.uint64)
        )
        near = bits.sum(axis=1, dtype=np.int64) <= _MAX_DISTANCE
        pairs = np.unique(seen[near] * self._forms + self._owner[known[near]])
        landmark, form = np.divmod(pairs, self._forms)
        np.add.at(votes, form, 1 / np.bincount(landmark, minlength=len(keys))[landmark])
        return votes

    def _with_an_equal_piece(
        self, codes: Codes
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Pairs of indices, of landmarks of a page and of the forms, that have an equal piece."""
        found = list[npt.NDArray[np.int64]]()
        for piece in range(codes.shape[1]):
            column = self._sorted[:, piece]
            first = np.searchsorted(column, codes[:, piece], "left")
            counts = np.searchsorted(column, codes[:, piece], "right") - first
            counts[counts > _MAX_ALIKE] = 0
            seen = np.repeat(np.arange(len(codes)), counts)
            starts = np.repeat(first - np.cumsum(counts) + counts, counts)
            known = self._orders[starts + np.arange(len(seen)), piece]
            found.append(seen * len(self._descriptors) + known)
        pairs = np.unique(np.concatenate(found))
        seen, known = np.divmod(pairs, len(self._descriptors))
        return seen, known


def _codes(descriptors: npt.NDArray[np.uint8]) -> Codes:
    """The first pieces of descriptors (n, 32), (n, 8)."""
    return np.ascontiguousarray(descriptors).view(np.uint16)[:, :_PIECES]
