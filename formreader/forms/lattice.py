"""Detections made into rows of equal boxes: common base line, equal steps.

What the network says of one box is uncertain by a pixel or two, and a box with a
blot or a broken line may be missing. The row knows better: boxes of a row have one
size, one level and one step.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from formreader.forms.detector import Detections, Maps, score_at
from formreader.forms.pairs import Indices, pairs_within
from formreader.forms.regular import Part, regular_rows, without_overlaps
from formreader.forms.rows import Row, middle

# Neighbours of a row: how far apart their middles are, in widths; how much higher one may
# be, in heights; and how much their sides differ, as a logarithm.
_LEAST_STEP, _MOST_STEP = 0.7, 1.7
_LEVEL = 0.25
_ALIKE = 0.3

# A row of so many boxes goes on by one where something this sure is seen in its next place,
# and hardly beyond it.
_FEWEST_TO_GO_ON = 3
_LEAST_WITHIN = 0.3
_WITHIN = 1.3

# Steps of one row are equal within this share.
_SAME_STEP = 0.14

# Where boxes are missing the way is so many whole steps, each within this share: what
# stands between the groups of a date is no box.
_WHOLE_STEPS = 0.07

# Boxes between two parts of a row are supplied: so many, where the network sees so little.
_MOST_SUPPLIED = 3
_LEAST_SUPPLIED = 0.2

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
    parts = []
    for chain in _chains(found):
        for steps in _equal_steps(found.centres[chain, 0].tolist(), chain):
            members = _without_weak_ends(steps, found.scores)
            part = Part(found.centres[members], found.sizes[members], found.scores[members])
            parts.append(part)
    sure = [part for part in parts if _is_sure(part.scores)]
    faint = [part for part in parts if not _is_sure(part.scores) and _is_seen(part.scores)]
    whole = _with_missing(sure + _in_line(faint, sure), maps)
    return without_overlaps(regular_rows(_with_ends(whole, found)))


def _is_sure(scores: npt.NDArray[np.float64]) -> bool:
    if len(scores) == 1:
        return bool(scores[0] >= _LONE)
    return bool(scores.max() >= _SURE and middle(scores) >= _TYPICAL)


def _is_seen(scores: npt.NDArray[np.float64]) -> bool:
    return bool(scores.max() >= _FAINT and middle(scores) >= _FAINT_TYPICAL)


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
    y, reach = found.centres[order, 1], _LEVEL * found.sizes[order, 1]
    first, second = pairs_within(y, -reach, reach)
    left, right = order[first], order[second]
    x, width = found.centres[:, 0], found.sizes[:, 0]
    step = (x[right] - x[left]) * 2 / (width[left] + width[right])
    near = (step >= _LEAST_STEP) & (step <= _MOST_STEP)
    left, right, step = left[near], right[near], step[near]
    sides = np.log(found.sizes)
    alike = (np.abs(sides[right] - sides[left]) <= _ALIKE).all(axis=1)
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
    longest = (1 + _SAME_STEP) * sorted(steps)[len(steps) // 2]
    parts = [[chain[0]]]
    for step, member in zip(steps, chain[1:], strict=True):
        if step > longest:
            parts.append([])
        parts[-1].append(member)
    return parts


def _without_weak_ends(members: list[int], scores: npt.NDArray[np.float64]) -> list[int]:
    """The members without those at either end that are hardly seen: a row ends somewhere."""
    strong = np.flatnonzero(scores[members] >= _LEAST_END)
    return members[strong[0] : strong[-1] + 1] if len(strong) else members


def _with_missing(parts: list[Part], maps: Maps) -> list[Part]:
    """Parts of a row joined where only boxes between them are missing, and these supplied."""
    waiting = sorted(parts, key=lambda part: float(part.centres[0, 0]))
    done: list[Part] = []
    while waiting:
        part = waiting.pop(0)
        k = 0
        while k < len(waiting):
            joined = _joined(part, waiting[k], maps)
            if joined is None:
                k += 1
            else:
                part = joined
                waiting.pop(k)
                k = 0
        done.append(part)
    return done


def _joined(a: Part, b: Part, maps: Maps) -> Part | None:
    """Two parts of one row with the boxes between them, or None if they are none."""
    (x0, y0), (x1, y1) = a.last, b.first
    if not x0 < x1 <= x0 + (_MOST_SUPPLIED + 1) * _MOST_STEP * a.width:
        return None
    if abs(y1 - y0) > _LEVEL * a.height:
        return None
    if max(abs(math.log(a.width / b.width)), abs(math.log(a.height / b.height))) > _ALIKE / 2:
        return None
    steps = np.concatenate([np.diff(a.centres[:, 0]), np.diff(b.centres[:, 0])])
    if not len(steps):
        return None
    count = (x1 - x0) / middle(steps) - 1
    missing = round(count)
    tolerance = _WHOLE_STEPS * (missing + 1) if missing else _SAME_STEP
    if not 0 <= missing <= _MOST_SUPPLIED or abs(count - missing) > tolerance:
        return None
    share = np.arange(1, missing + 1)[:, None] / (missing + 1)
    centres = a.centres[-1] + share * (b.centres[0] - a.centres[-1])
    scores = np.array([score_at(maps, centre) for centre in centres])
    if scores.min(initial=1.0) < _LEAST_SUPPLIED:
        return None
    sizes = np.tile([a.width, a.height], (missing, 1))
    return Part(
        np.concatenate([a.centres, centres, b.centres]),
        np.concatenate([a.sizes, sizes, b.sizes]),
        np.concatenate([a.scores, scores, b.scores]),
    )


def _with_ends(parts: Sequence[Part], found: Detections) -> list[Part]:
    """The parts with a box before the first and after the last one where a stroke split it.

    A long stroke looks like a separator: what is seen then is a part of a box, as high as
    the others and within the place where the next one has to be.
    """
    if not parts:
        return []
    ends = np.array([(part.first, part.last) for part in parts])  # (n, 2, 2)
    steps = np.array([max(len(part.scores) - 1, 1) for part in parts])[:, None]
    step = (ends[:, 1] - ends[:, 0]) / steps
    places = ends + np.stack([-step, step], axis=1)
    sizes = np.array([(part.width, part.height) for part in parts])
    scores = _seen_within(found, places.reshape(-1, 2), np.repeat(sizes, 2, axis=0)).reshape(-1, 2)
    return [
        _longer(part, place, score) if len(part.scores) >= _FEWEST_TO_GO_ON else part
        for part, place, score in zip(parts, places, scores, strict=True)
    ]


def _longer(part: Part, places: npt.NDArray[np.float64], scores: npt.NDArray[np.float64]) -> Part:
    """The part with boxes at those of its next places, (2, 2) before and after, that score."""
    for at, place, score in zip((0, len(part.scores)), places, scores, strict=True):
        if score >= _LEAST_WITHIN:
            part = Part(
                np.insert(part.centres, at and len(part.scores), place, axis=0),
                np.insert(part.sizes, 0, (part.width, part.height), axis=0),
                np.insert(part.scores, at and len(part.scores), score),
            )
    return part


def _seen_within(
    found: Detections, places: npt.NDArray[np.float64], sizes: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """(n,) the best scores of what is as high as boxes, (n, 2), about points (n, 2), and in them.

    0 where there is nothing.
    """
    (x, y), (width, height) = places.T[..., None], sizes.T[..., None]
    fits = np.abs(found.centres[:, 0] - x) + found.sizes[:, 0] / 2 <= _WITHIN * width / 2
    fits &= np.abs(found.centres[:, 1] - y) <= _LEVEL * height / 2
    fits &= np.abs(np.log(found.sizes[:, 1] / height)) <= _ALIKE / 2
    return np.asarray(np.where(fits, found.scores, 0).max(axis=1, initial=0.0))
