"""Detections made into rows of equal boxes: common base line, equal steps.

What the network says of one box is uncertain by a pixel or two, and a box with a
blot or a broken line may be missing. The row knows better: boxes of a row have one
size, one level and one step.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from formreader.detect.near_pairs import Indices, pairs_within
from formreader.detect.peaks import Detections, Maps
from formreader.detect.row_completion import (
    ALIKE,
    LEVEL,
    MOST_STEP,
    SAME_STEP,
    with_ends,
    with_missing,
)
from formreader.detect.row_fitting import Part, regular_rows, without_overlaps
from formreader.detect.rows import Row

# Middles of neighbours in a row are at least so many widths apart.
_LEAST_STEP = 0.7

# A row counts where its best box and its typical box are this sure, a box alone where it is.
_SURE, _TYPICAL = 0.45, 0.4
_LONE = 0.6

# What less sure rows are at least, which count only in line with boxes that do: how far
# from these, in their own sizes across and along the line, and how alike (logarithms).
_FAINT, _FAINT_TYPICAL = 0.4, 0.35
_BESIDE, _AWAY = 0.2, 4.0
_SAME_SIZE = 0.14
_ROUNDS = 2

# What the first and the last box of a row are at least.
_LEAST_END = 0.3


def rows_of(found: Detections, maps: Maps) -> list[Row]:
    """Rows of equal boxes from what the network found, in any order."""
    sure, faint = _parts(found)
    whole = with_missing(sure + _in_line(faint, sure), maps)
    return without_overlaps(regular_rows(with_ends(whole, found)))


def _parts(found: Detections) -> tuple[list[Part], list[Part]]:
    """What is rows by itself, and what is only where it is in line with such rows."""
    x, scores = found.centres[:, 0].tolist(), found.scores.tolist()
    sure, faint = list[Part](), list[Part]()
    for chain in _chains(found):
        for steps in _equal_steps([x[i] for i in chain], chain):
            members = _without_weak_ends(steps, scores)
            theirs = [scores[i] for i in members]
            if not (is_sure := _is_sure(theirs)) and not _is_seen(theirs):
                continue
            part = Part(found.centres[members], found.sizes[members], found.scores[members])
            (sure if is_sure else faint).append(part)
    return sure, faint


def _is_sure(scores: list[float]) -> bool:
    """Whether boxes with these scores are a row, or a box alone, by themselves."""
    if len(scores) == 1:
        return scores[0] >= _LONE
    return max(scores) >= _SURE and _typical(scores) >= _TYPICAL


def _is_seen(scores: list[float]) -> bool:
    """Whether boxes with these scores are some where they are in line with sure ones."""
    return max(scores) >= _FAINT and _typical(scores) >= _FAINT_TYPICAL


def _typical(scores: list[float]) -> float:
    return sorted(scores)[len(scores) // 2]


def _in_line(faint: Sequence[Part], sure: Sequence[Part]) -> list[Part]:
    """The faint parts that go on with the rows or columns of sure ones: forms are regular."""
    taken: list[Part] = []
    waiting = list(faint)
    news = list(sure)
    for _ in range(_ROUNDS):
        if not news or not waiting:
            break
        centres = np.concatenate([part.centres for part in news])
        sizes = np.concatenate([part.sizes for part in news])
        lined = [_is_in_line(part, centres, sizes) for part in waiting]
        news = [part for part, is_lined in zip(waiting, lined, strict=True) if is_lined]
        waiting = [part for part, is_lined in zip(waiting, lined, strict=True) if not is_lined]
        taken += news
    return taken


def _is_in_line(
    part: Part, centres: npt.NDArray[np.float64], sizes: npt.NDArray[np.float64]
) -> bool:
    """Whether at least half of a part's boxes are in line with boxes of their size."""
    away = np.abs(part.centres[:, None] - centres) / part.sizes[:, None]
    alike = (np.abs(np.log(sizes / part.sizes[:, None])) <= _SAME_SIZE).all(axis=2)
    lined = alike & (away.min(axis=2) <= _BESIDE) & (away.max(axis=2) <= _AWAY)
    return bool(lined.any(axis=1).mean() >= 0.5)


def _chains(found: Detections) -> list[list[int]]:
    """Detections linked to their nearest alike neighbours on both sides, left to right.

    Only those with a box that is seen at all.
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
        if best >= _FAINT:
            chains.append(chain)
    return chains


def _neighbours(found: Detections) -> tuple[Indices, Indices, npt.NDArray[np.float64]]:
    """Pairs that may be neighbours of one row, left and right, and their steps."""
    order = np.argsort(found.centres[:, 1], kind="stable")
    y, reach = found.centres[order, 1], LEVEL * found.sizes[order, 1]
    first, second = pairs_within(y, -reach, reach)
    left, right = order[first], order[second]
    x, width = found.centres[:, 0], found.sizes[:, 0]
    step = (x[right] - x[left]) * 2 / (width[left] + width[right])
    near = (step >= _LEAST_STEP) & (step <= MOST_STEP)
    left, right, step = left[near], right[near], step[near]
    sides = np.log(found.sizes)
    alike = (np.abs(sides[right] - sides[left]) <= ALIKE).all(axis=1)
    return left[alike], right[alike], step[alike]


def _nearest(
    one: Indices, other: Indices, step: npt.NDArray[np.float64], n: int
) -> npt.NDArray[np.int64]:
    """(n,) for each detection its partner with the smallest step, -1 where it has none."""
    nearest = np.full(n, -1, np.int64)
    order = np.argsort(-step, kind="stable")
    nearest[one[order]] = other[order]  # the last one written is the nearest
    return nearest


def _equal_steps(x: list[float], chain: list[int]) -> list[list[int]]:
    """The chain cut where its step is longer than usual: between groups of boxes."""
    steps = [b - a for a, b in pairwise(x)]
    if len(steps) < 2:
        return [chain]
    longest = (1 + SAME_STEP) * sorted(steps)[len(steps) // 2]
    parts = [[chain[0]]]
    for step, member in zip(steps, chain[1:], strict=True):
        if step > longest:
            parts.append([])
        parts[-1].append(member)
    return parts


def _without_weak_ends(members: list[int], scores: list[float]) -> list[int]:
    """The members without those at either end that are hardly seen: a row ends somewhere."""
    strong = [k for k, member in enumerate(members) if scores[member] >= _LEAST_END]
    return members[strong[0] : strong[-1] + 1] if strong else members
