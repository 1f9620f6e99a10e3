"""Add the boxes of a row that the network missed: between its parts and beyond its ends.

The thresholds were chosen on 120 pages of the project's own renderer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from formreader.detect.peaks import Detections, Maps, score_at
from formreader.detect.row_fitting import RowPart
from formreader.detect.rows import middle

MAX_NEIGHBOUR_STEP = 1.7
"""Largest distance between the centres of neighbours in a row, in box widths."""

MAX_LEVEL_DIFFERENCE = 0.25
"""Largest vertical offset between neighbours in a row, in box heights."""

MAX_LOG_SIZE_DIFFERENCE = 0.3
"""Largest difference between the log widths, and the log heights, of neighbours in a row."""

STEP_TOLERANCE = 0.14
"""Largest share by which a step of a row exceeds the row's median step."""

_MIN_BOXES_TO_EXTEND = 3
"""Least number of boxes of a row that may get another box at either end."""

_MAX_END_WIDTH_TO_EXTEND = 1.3
"""Width of the place of the next box, in box widths. A detection there must lie within it."""

MIN_END_SCORE = 0.3
"""Least score of the first and of the last box of a row, and of a box that is added there."""

_WHOLE_STEP_TOLERANCE = 0.07
"""Largest deviation of a gap with missing boxes from whole steps, in steps, per missing step. The
separator between the groups of a date is not a box."""

_MAX_MISSING_BOXES = 3
_MIN_MISSING_SCORE = 0.2
"""Largest number of boxes missing between two parts of a row, and the least score at the place of
each."""


def with_missing_boxes(parts: list[RowPart], maps: Maps) -> list[RowPart]:
    """Join the parts of a row that miss boxes between them, and add these boxes."""
    waiting = sorted(parts, key=lambda part: float(part.centres[0, 0]))
    first = np.array([part.first for part in waiting]).reshape(-1, 2)
    free = np.ones(len(waiting), np.bool_)
    done: list[RowPart] = []
    for i in range(len(waiting)):
        if not free[i]:
            continue
        part, free[i] = waiting[i], False
        while (found := _first_joined(part, waiting, first, free, maps)) is not None:
            part, k = found
            free[k] = False
        done.append(part)
    return done


def _first_joined(
    part: RowPart,
    others: Sequence[RowPart],
    first: npt.NDArray[np.float64],
    free: npt.NDArray[np.bool_],
    maps: Maps,
) -> tuple[RowPart, int] | None:
    """Join a part with the first free one of n others that continues it; returns its index, too.

    Args:
        first: (n, 2) centres of the others' first boxes.
        free: (n,) flags of the others that are not yet in a row.
    """
    x, y = first.T
    near = free & (x > part.last[0]) & (x <= part.last[0] + _reach(part))
    near &= np.abs(y - part.last[1]) <= MAX_LEVEL_DIFFERENCE * part.height
    for k in np.flatnonzero(near).tolist():
        if (joined := _joined(part, others[k], maps)) is not None:
            return joined, k
    return None


def _reach(part: RowPart) -> float:
    """Largest distance in pixels from a part's last centre to the next part's first one."""
    return (_MAX_MISSING_BOXES + 1) * MAX_NEIGHBOUR_STEP * part.width


def _joined(a: RowPart, b: RowPart, maps: Maps) -> RowPart | None:
    """Two parts joined, with the missing boxes between them; None if they are not one row.

    The second one must begin within reach of the first, on its level.
    """
    difference = max(abs(math.log(a.width / b.width)), abs(math.log(a.height / b.height)))
    if difference > MAX_LOG_SIZE_DIFFERENCE / 2:
        return None
    if len(a.scores) == len(b.scores) == 1:
        return None
    steps = np.concatenate([np.diff(a.centres[:, 0]), np.diff(b.centres[:, 0])])
    count = (b.first[0] - a.last[0]) / middle(steps) - 1
    missing = round(count)
    tolerance = _WHOLE_STEP_TOLERANCE * (missing + 1) if missing else STEP_TOLERANCE
    if not 0 <= missing <= _MAX_MISSING_BOXES or abs(count - missing) > tolerance:
        return None
    share = np.arange(1, missing + 1)[:, None] / (missing + 1)
    centres = a.centres[-1] + share * (b.centres[0] - a.centres[-1])
    scores = np.array([score_at(maps, centre) for centre in centres])
    if scores.min(initial=1.0) < _MIN_MISSING_SCORE:
        return None
    sizes = np.tile([a.width, a.height], (missing, 1))
    together = len(a.scores) + len(b.scores)
    return RowPart(
        np.concatenate([a.centres, centres, b.centres]),
        np.concatenate([a.sizes, sizes, b.sizes]),
        np.concatenate([a.scores, scores, b.scores]),
        (len(a.scores) * a.probability + len(b.scores) * b.probability) / together,
    )


def with_end_boxes(parts: Sequence[RowPart], found: Detections) -> list[RowPart]:
    """Add a box at an end of a part if a stroke split that box in two.

    A long stroke looks like a separator. The network then detects only a part of the box, which is
    as high as the other boxes and lies within the place of the next one.
    """
    if not parts:
        return []
    ends = np.array([(part.first, part.last) for part in parts])  # (n, 2, 2)
    steps = np.array([max(len(part.scores) - 1, 1) for part in parts])[:, None]
    step = (ends[:, 1] - ends[:, 0]) / steps
    places = ends + np.stack([-step, step], axis=1)
    sizes = np.array([(part.width, part.height) for part in parts])
    scores = _scores_at_places(found, places.reshape(-1, 2), np.repeat(sizes, 2, axis=0))
    return [
        _extended(part, place, score) if len(part.scores) >= _MIN_BOXES_TO_EXTEND else part
        for part, place, score in zip(parts, places, scores.reshape(-1, 2), strict=True)
    ]


def _extended(
    part: RowPart, places: npt.NDArray[np.float64], scores: npt.NDArray[np.float64]
) -> RowPart:
    """Add boxes before and after a part, at `places` (2, 2), if their `scores` (2,) suffice."""
    for at, place, score in zip((0, len(part.scores)), places, scores, strict=True):
        if score >= MIN_END_SCORE:
            part = RowPart(
                np.insert(part.centres, at and len(part.scores), place, axis=0),
                np.insert(part.sizes, 0, (part.width, part.height), axis=0),
                np.insert(part.scores, at and len(part.scores), score),
                part.probability,
            )
    return part


def _scores_at_places(
    found: Detections, places: npt.NDArray[np.float64], sizes: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """(n,) the best score of a detection that fits each place; 0 if none does.

    `places` (n, 2) are centres of boxes, `sizes` (n, 2) their widths and heights. A detection fits
    if it is as high as the box, on its level and within it.
    """
    (x, y), (width, height) = places.T[..., None], sizes.T[..., None]
    reach = np.abs(found.centres[:, 0] - x) + found.sizes[:, 0] / 2
    fits = reach <= _MAX_END_WIDTH_TO_EXTEND * width / 2
    fits &= np.abs(found.centres[:, 1] - y) <= MAX_LEVEL_DIFFERENCE * height / 2
    fits &= np.abs(np.log(found.sizes[:, 1] / height)) <= MAX_LOG_SIZE_DIFFERENCE / 2
    return np.asarray(np.where(fits, found.scores, 0).max(axis=1, initial=0.0))
