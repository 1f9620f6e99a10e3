"""Assemble detections into rows of equal boxes: common base line, equal steps.

The network places a single box to within a pixel or two, and it may miss a box with a blot or
a broken line. The row corrects both: its boxes have one size, one level and one step.

The thresholds were chosen on 120 pages of the project's own renderer.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from formreader.detect.near_pairs import Indices, pairs_within
from formreader.detect.peaks import Detections, Maps
from formreader.detect.row_completion import (
    MAX_LEVEL_DIFFERENCE,
    MAX_LOG_SIZE_DIFFERENCE,
    MAX_NEIGHBOUR_STEP,
    STEP_TOLERANCE,
    with_end_boxes,
    with_missing_boxes,
)
from formreader.detect.row_fitting import RowPart, fit_rows, without_overlaps
from formreader.detect.rows import Row

_MIN_NEIGHBOUR_STEP = 0.7
"""Distance between the centres of neighbours in a row, in box widths."""

_MIN_BEST_SCORE, _MIN_MEDIAN_SCORE = 0.45, 0.4
"""Scores of the best and of the median box of a row that counts by itself."""

_MIN_LONE_SCORE = 0.6
"""Score of a single box that counts by itself."""

_MIN_FAINT_BEST_SCORE, _MIN_FAINT_MEDIAN_SCORE = 0.4, 0.35
"""Scores of the best and of the median box of a faint row, which counts only in line with a row
that counts already."""

_MAX_OFFSET_ACROSS_LINE, _MAX_OFFSET_ALONG_LINE = 0.2, 4.0
_MAX_LOG_SIZE_DIFFERENCE_IN_LINE = 0.14
"""In line: the distance between two centres, in box sizes, across and along the line, and the
difference between the log sides of the boxes."""

_MIN_SHARE_IN_LINE = 0.5
"""Share of a faint row's boxes that are in line with boxes of rows that count."""

_ROUNDS_IN_LINE = 2
"""How often faint rows are added: in the second round also those in line with the first ones."""

_MIN_END_SCORE = 0.3
"""Score of the first and of the last box of a row."""


def assemble_rows(found: Detections, maps: Maps) -> list[Row]:
    """Assemble rows of equal boxes, in any order, from the detections in a page's maps."""
    sure, faint = _parts(found)
    whole = with_missing_boxes(sure + _in_line(faint, sure), maps)
    return without_overlaps(fit_rows(with_end_boxes(whole, found)))


def _parts(found: Detections) -> tuple[list[RowPart], list[RowPart]]:
    """Row parts that count by themselves, and faint ones that count only in line with these."""
    x, scores = found.centres[:, 0].tolist(), found.scores.tolist()
    sure, faint = list[RowPart](), list[RowPart]()
    for chain in _chains(found):
        for steps in _equal_steps([x[i] for i in chain], chain):
            members = _without_weak_ends(steps, scores)
            part_scores = [scores[i] for i in members]
            if not (is_sure := _is_sure(part_scores)) and not _is_faint(part_scores):
                continue
            part = RowPart(found.centres[members], found.sizes[members], found.scores[members])
            (sure if is_sure else faint).append(part)
    return sure, faint


def _is_sure(scores: list[float]) -> bool:
    """Whether boxes, or a single box, with these scores count by themselves."""
    if len(scores) == 1:
        return scores[0] >= _MIN_LONE_SCORE
    return max(scores) >= _MIN_BEST_SCORE and _median(scores) >= _MIN_MEDIAN_SCORE


def _is_faint(scores: list[float]) -> bool:
    """Whether boxes with these scores count where they are in line with sure ones."""
    return max(scores) >= _MIN_FAINT_BEST_SCORE and _median(scores) >= _MIN_FAINT_MEDIAN_SCORE


def _median(scores: list[float]) -> float:
    return sorted(scores)[len(scores) // 2]


def _in_line(faint: Sequence[RowPart], sure: Sequence[RowPart]) -> list[RowPart]:
    """The faint parts that continue the rows or columns of sure ones: forms are regular."""
    added: list[RowPart] = []
    waiting = list(faint)
    latest = list(sure)
    for _ in range(_ROUNDS_IN_LINE):
        if not latest or not waiting:
            break
        centres = np.concatenate([part.centres for part in latest])
        sizes = np.concatenate([part.sizes for part in latest])
        in_line = [_is_in_line(part, centres, sizes) for part in waiting]
        latest = [part for part, joins in zip(waiting, in_line, strict=True) if joins]
        waiting = [part for part, joins in zip(waiting, in_line, strict=True) if not joins]
        added += latest
    return added


def _is_in_line(
    part: RowPart, centres: npt.NDArray[np.float64], sizes: npt.NDArray[np.float64]
) -> bool:
    """Whether enough of a part's boxes are in line with boxes of their size."""
    offset = np.abs(part.centres[:, None] - centres) / part.sizes[:, None]
    difference = np.abs(np.log(sizes / part.sizes[:, None]))
    in_line = (difference <= _MAX_LOG_SIZE_DIFFERENCE_IN_LINE).all(axis=2)
    in_line &= offset.min(axis=2) <= _MAX_OFFSET_ACROSS_LINE
    in_line &= offset.max(axis=2) <= _MAX_OFFSET_ALONG_LINE
    return bool(in_line.any(axis=1).mean() >= _MIN_SHARE_IN_LINE)


def _chains(found: Detections) -> list[list[int]]:
    """Chains of detections, left to right, each the nearest neighbour of the one beside it.

    Chains without any box that scores enough for a faint row are left out.
    """
    left, right, step = _neighbours(found)
    following = _nearest(left, right, step, len(found))
    before = _nearest(right, left, step, len(found))
    linked = (following >= 0) & (before[following] == np.arange(len(found)))
    after = np.where(linked, following, -1).tolist()
    starts = np.ones(len(found), np.bool_)
    starts[following[linked]] = False
    scores = found.scores.tolist()
    chains = []
    for i in np.flatnonzero(starts).tolist():
        chain, best = [i], scores[i]
        while (i := after[i]) >= 0:
            chain.append(i)
            best = max(best, scores[i])
        if best >= _MIN_FAINT_BEST_SCORE:
            chains.append(chain)
    return chains


def _neighbours(found: Detections) -> tuple[Indices, Indices, npt.NDArray[np.float64]]:
    """Pairs that may be neighbours in one row, left and right, and their steps in box widths."""
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
    """(n,) for each detection of `one` its nearest partner in `other`, -1 where it has none."""
    nearest = np.full(n, -1, np.int64)
    order = np.argsort(-step, kind="stable")
    nearest[one[order]] = other[order]  # the last one written is the nearest
    return nearest


def _equal_steps(x: list[float], chain: list[int]) -> list[list[int]]:
    """Cut a chain where its step is longer than usual: between groups of boxes."""
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
    """The members without those of low score at either end."""
    strong = [k for k, member in enumerate(members) if scores[member] >= _MIN_END_SCORE]
    return members[strong[0] : strong[-1] + 1] if strong else members
