"""Boxes of a row that the network missed: between its parts, and beyond its ends."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from formreader.detect.peaks import Detections, Maps, score_at
from formreader.detect.row_fitting import Part
from formreader.detect.rows import middle

MOST_STEP, LEVEL, ALIKE = 1.7, 0.25, 0.3
"""Neighbours of a row: how far apart their middles may be, in widths; how much higher one may
be, in heights; and how much their sides differ, as a logarithm."""

SAME_STEP = 0.14
"""Steps of one row are equal within this share."""

# A row of so many boxes goes on by one where something this sure is seen in its next place,
# and hardly beyond it.
_FEWEST_TO_GO_ON = 3
_LEAST_WITHIN = 0.3
_WITHIN = 1.3

# Where boxes are missing the way is so many whole steps, each within this share: what
# stands between the groups of a date is no box.
_WHOLE_STEPS = 0.07

# Boxes between two parts of a row are supplied: so many, where the network sees so little.
_MOST_SUPPLIED = 3
_LEAST_SUPPLIED = 0.2


def with_missing(parts: list[Part], maps: Maps) -> list[Part]:
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
    if not x0 < x1 <= x0 + (_MOST_SUPPLIED + 1) * MOST_STEP * a.width:
        return None
    if abs(y1 - y0) > LEVEL * a.height:
        return None
    if max(abs(math.log(a.width / b.width)), abs(math.log(a.height / b.height))) > ALIKE / 2:
        return None
    steps = np.concatenate([np.diff(a.centres[:, 0]), np.diff(b.centres[:, 0])])
    if not len(steps):
        return None
    count = (x1 - x0) / middle(steps) - 1
    missing = round(count)
    tolerance = _WHOLE_STEPS * (missing + 1) if missing else SAME_STEP
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


def with_ends(parts: Sequence[Part], found: Detections) -> list[Part]:
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
    fits &= np.abs(found.centres[:, 1] - y) <= LEVEL * height / 2
    fits &= np.abs(np.log(found.sizes[:, 1] / height)) <= ALIKE / 2
    return np.asarray(np.where(fits, found.scores, 0).max(axis=1, initial=0.0))
