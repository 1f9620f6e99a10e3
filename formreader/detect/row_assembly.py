"""Assemble detections into rows of equal boxes with a common base line and equal steps.

The network places a single box to within a pixel or two. It may miss a box with a blot or a broken
line. The row corrects both, as its boxes have one size, one level and one step.

The thresholds were chosen on 120 pages of the project's own renderer.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from formreader.detect.groups import Groups
from formreader.detect.near_pairs import Indices, pairs_within
from formreader.detect.peaks import Detections, Maps
from formreader.detect.row_completion import (
    MAX_LEVEL_DIFFERENCE,
    MAX_LOG_SIZE_DIFFERENCE,
    MAX_NEIGHBOUR_STEP,
    MIN_END_SCORE,
    STEP_TOLERANCE,
    with_end_boxes,
    with_missing_boxes,
)
from formreader.detect.row_decision import MIN_READ_PROBABILITY, RowCandidates, RowDecision
from formreader.detect.row_fitting import RowPart, fit_rows, without_overlaps
from formreader.detect.rows import Row

_MIN_NEIGHBOUR_STEP = 0.7
"""Least distance between the centres of neighbours in a row, in box widths."""


def assemble_rows(found: Detections, maps: Maps, decision: RowDecision) -> list[Row]:
    """Assemble rows of equal boxes, in any order, from the detections in a page's maps."""
    whole = with_missing_boxes(_likely_parts(found, decision), maps)
    return without_overlaps(fit_rows(with_end_boxes(whole, found)))


def _likely_parts(found: Detections, decision: RowDecision) -> list[RowPart]:
    """The chains of equal steps that are likely to be rows of boxes, or parts of rows."""
    chosen = row_members(found)
    if not chosen:
        return []
    probabilities = decision.probabilities(row_candidates(found, chosen)).tolist()
    return [
        RowPart(found.centres[members], found.sizes[members], found.scores[members], probability)
        for members, probability in zip(chosen, probabilities, strict=True)
        if probability >= MIN_READ_PROBABILITY
    ]


def row_members(found: Detections) -> list[list[int]]:
    """The detections of each candidate for a row, left to right: the chains of equal steps."""
    x, scores = found.centres[:, 0].tolist(), found.scores.tolist()
    return [
        _without_weak_ends(steps, scores)
        for chain in _chains(found)
        for steps in _equal_steps([x[i] for i in chain], chain)
    ]


def row_candidates(found: Detections, members: Sequence[list[int]]) -> RowCandidates:
    """The candidates for rows that consist of these detections, one or more each."""
    chosen = np.array([i for one in members for i in one])
    groups = Groups(np.array([len(one) for one in members]))
    return RowCandidates(found.centres[chosen], found.sizes[chosen], found.scores[chosen], groups)


def _chains(found: Detections) -> list[list[int]]:
    """Chains of detections, left to right; two in sequence are each other's nearest neighbour."""
    left, right, step = _neighbours(found)
    following = _nearest(left, right, step, len(found))
    before = _nearest(right, left, step, len(found))
    linked = (following >= 0) & (before[following] == np.arange(len(found)))
    after = np.where(linked, following, -1).tolist()
    starts = np.ones(len(found), np.bool_)
    starts[following[linked]] = False
    chains = []
    for i in np.flatnonzero(starts).tolist():
        chain = [i]
        while (i := after[i]) >= 0:
            chain.append(i)
        chains.append(chain)
    return chains


def _neighbours(found: Detections) -> tuple[Indices, Indices, npt.NDArray[np.float64]]:
    """Pairs (left, right) that may be neighbours in a row, and their steps in box widths."""
    order = np.argsort(found.centres[:, 1], kind="stable")
    y, reach = found.centres[order, 1], MAX_LEVEL_DIFFERENCE * found.sizes[order, 1]
    first, second = pairs_within(y, -reach, reach)
    left, right = order[first], order[second]
    x, width = found.centres[:, 0], found.sizes[:, 0]
    step = (x[right] - x[left]) * 2 / (width[left] + width[right])
    near = (step >= _MIN_NEIGHBOUR_STEP) & (step <= MAX_NEIGHBOUR_STEP)
    left, right, step = left[near], right[near], step[near]
    sides = np.log(found.sizes)
    alike = (np.abs(sides[right] - sides[left]) <= MAX_LOG_SIZE_DIFFERENCE).all(axis=1)
    return left[alike], right[alike], step[alike]


def _nearest(
    one: Indices, other: Indices, step: npt.NDArray[np.float64], n: int
) -> npt.NDArray[np.int64]:
    """(n,) the nearest partner in `other` of each detection in `one`; -1 if it has none."""
    nearest = np.full(n, -1, np.int64)
    order = np.argsort(-step, kind="stable")
    nearest[one[order]] = other[order]  # the last one written is the nearest
    return nearest


def _equal_steps(x: list[float], chain: list[int]) -> list[list[int]]:
    """Cut a chain between groups of boxes, at steps that are longer than usual."""
    steps = [b - a for a, b in pairwise(x)]
    if len(steps) < 2:
        return [chain]
    longest = (1 + STEP_TOLERANCE) * sorted(steps)[len(steps) // 2]
    parts = [[chain[0]]]
    for step, member in zip(steps, chain[1:], strict=True):
        if step > longest:
            parts.append([])
        parts[-1].append(member)
    return parts


def _without_weak_ends(members: list[int], scores: list[float]) -> list[int]:
    """The members without those with a low score at either end."""
    strong = [k for k, member in enumerate(members) if scores[member] >= MIN_END_SCORE]
    return members[strong[0] : strong[-1] + 1] if strong else members
