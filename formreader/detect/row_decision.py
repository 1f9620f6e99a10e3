"""Decide which candidates for rows of boxes are read.

A regression decides, before anything is read. It was fitted on drawn pages with print, tables and
pictures that look like boxes. Its weights are in the network's model card.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from formreader.detect.groups import Groups
from formreader.detect.near_pairs import Indices, pairs_within
from formreader.detect.page_regression import PageRegression, logit_of, share_of

_Floats = npt.NDArray[np.float64]

MIN_READ_PROBABILITY = 0.1
"""Least probability of a candidate that is read. A lost row costs as much as nine false ones, most
of which are dropped once they have been read. On 425 drawn pages with 18,472 boxes (weights fitted
on 425 others) 17,945 boxes are found, and 2,392 false ones outside of cells. With 0.2 these are
17,877 and 1,817."""

_MAX_OFFSET_ACROSS_LINE, _MAX_OFFSET_ALONG_LINE = 0.2, 4.0
_MAX_LOG_SIZE_DIFFERENCE_IN_LINE = 0.14
"""Two boxes are in line within these limits: the distance of their centres across and along the
line, in box sizes, and the difference of their log sides. No record of a measurement."""


@dataclass(frozen=True, eq=False)
class RowCandidates:
    """Candidates for rows: boxes side by side.

    `centres` and `sizes` (n, 2) and `scores` (n,) are those of all boxes, candidate after
    candidate. `groups` tells the candidate of each box.
    """

    centres: _Floats
    sizes: _Floats
    scores: _Floats
    groups: Groups

    def features(self) -> _Floats:
        """(candidates, k) the features of each, as in `RowDecision.FEATURES`."""
        groups, logits = self.groups, logit_of(self.scores)
        alone = (groups.lengths == 1).astype(np.float64)
        best = groups.highest(logits)
        median = self.median_sizes
        unlike = np.abs(np.log(self.sizes / median[groups.owner])).sum(axis=1)
        return np.column_stack([
            groups.total(logits) / groups.lengths,
            groups.lowest(logits),
            best,
            alone,
            best * alone,
            np.log(groups.lengths),
            groups.highest(unlike),
            self._unevenness(),
            np.log(median[:, 0] / median[:, 1]),
        ])  # fmt: skip

    @cached_property
    def median_sizes(self) -> _Floats:
        """(candidates, 2) the median width and height of the boxes of each."""
        return np.column_stack([self.groups.median(side) for side in self.sizes.T])

    def _unevenness(self) -> _Floats:
        """(candidates,) largest deviation of a step from the median step, as a share of it."""
        uneven = np.zeros(len(self.groups.lengths))
        several = self.groups.lengths > 2
        if several.any():
            inner = np.ones(len(self.scores), np.bool_)
            inner[self.groups.first] = False
            inner &= several[self.groups.owner]
            at = np.flatnonzero(inner)
            steps = self.centres[at, 0] - self.centres[at - 1, 0]
            between = Groups(self.groups.lengths[several] - 1)
            ratio = steps / between.median(steps)[between.owner]
            uneven[several] = between.highest(np.abs(ratio - 1))
        return uneven

    def in_line(self) -> tuple[Indices, Indices]:
        """Index pairs of boxes in different candidates that have one size and are in line."""
        owner = self.groups.owner
        order = np.argsort(self.centres[:, 1], kind="stable")
        reach = _MAX_OFFSET_ALONG_LINE * float(self.sizes[:, 1].max())
        one, other = (order[k] for k in pairs_within(self.centres[order, 1], 0.0, reach))
        apart = owner[one] != owner[other]
        one, other = one[apart], other[apart]
        one, other = np.concatenate([one, other]), np.concatenate([other, one])
        size = self.median_sizes[owner]
        # Axis by axis: numpy is slow where the last axis is short.
        x, y = (
            np.abs(at[other] - at[one]) / side[one]
            for at, side in zip(self.centres.T, size.T, strict=True)
        )
        near = np.minimum(x, y) <= _MAX_OFFSET_ACROSS_LINE
        near &= np.maximum(x, y) <= _MAX_OFFSET_ALONG_LINE
        one, other = one[near], other[near]
        for side in size.T:
            alike = np.abs(np.log(side[other] / side[one])) <= _MAX_LOG_SIZE_DIFFERENCE_IN_LINE
            one, other = one[alike], other[alike]
        return one, other


@dataclass(frozen=True, slots=True, eq=False)
class RowDecision(PageRegression):
    """A regression on the boxes of a candidate, and on those of others in line with them.

    Features: the mean, lowest and best logit of the boxes' scores; whether it is a single box, and
    the best logit if so; the log of the number of boxes; the largest deviation of a box from the
    median size, in logs; that of a step from the median step; the log of width by height.

    Context, as means over the candidate's boxes: the highest probability of a box in line by the
    first regression; log(1 + expected number of real boxes in line).
    """

    FEATURES: ClassVar = (
        "mean score", "lowest score", "best score", "alone", "best score alone", "length",
        "unlike", "uneven", "aspect",
    )  # fmt: skip
    CONTEXT: ClassVar = ("likeliest in line", "number in line")

    def probabilities(self, candidates: RowCandidates) -> _Floats:
        """(n,) the probability that each of n candidates is a row of boxes."""
        return self.judged(candidates.features(), lambda first: surroundings(candidates, first))


def surroundings(candidates: RowCandidates, logits: _Floats) -> _Floats:
    """(candidates, 2) the context of each, as in `RowDecision.CONTEXT`, from all logits."""
    groups, there = candidates.groups, share_of(logits)
    one, other = candidates.in_line()
    theirs = there[groups.owner[other]]
    number = np.bincount(one, theirs, len(candidates.scores)).astype(np.float64)
    likeliest = np.zeros(len(candidates.scores))
    np.maximum.at(likeliest, one, theirs)
    return np.column_stack([
        groups.total(likeliest) / groups.lengths,
        np.log1p(groups.total(number) / groups.lengths),
    ])  # fmt: skip
