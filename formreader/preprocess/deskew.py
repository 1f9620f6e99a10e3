"""The angle at which a page lies, from its lines and rows of text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.records import GreyImage

MAX_SKEW = 10.0
"""Largest skew in degrees that is looked for."""

_STRIP = 12
"""Width of a strip in pixels: a line at the largest skew smears over 2 of them."""

_RIDGE = 4
"""How far the paper beside a line or a row of letters is, in pixels: half an x-height more."""

_FAINTEST, _DARKEST = 5, 48
"""A ridge's darkness in grey levels: noise below, and all that is darker counts alike."""

_MOST_POINTS = 1200
_LEAST_POINTS = 12
_PASSES = ((MAX_SKEW, 1.0, 3.75), (1.0, 0.2, 1.5), (0.2, 0.04, 0.75))
"""(span, step, bin): degrees around the best angle so far, and pixels."""

_CLEAR = 1.25
"""How far the best angle has to stand out of the median one."""

_Floats: TypeAlias = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Ridges:
    """Dark spots of strips: (n,) positions along the strip and across strips, and weights."""

    position: _Floats
    strip: _Floats
    weight: _Floats


def estimate_skew(image: GreyImage) -> float:
    """The skew in degrees, clockwise positive, of a page at 70 to 140 dpi, (h, w) uint8.

    The angle at which rows and columns of ink are most unevenly filled: the projection
    profile method (Postl 1986), on strips across the lines (Bloomberg 1995 skips
    pixels to the same end). 0.0 where nothing stands out.
    """
    sides = [_ridges(np.asarray(cv2.transpose(image), np.uint8)), _ridges(image)]
    # Seen from the transposed image the page is skewed the other way.
    directions = [(r, sign) for r, sign in zip(sides, (1.0, -1.0), strict=True) if len(r.weight)]
    if sum(len(ridges.weight) for ridges, _ in directions) < _LEAST_POINTS:
        return 0.0
    best = 0.0
    for span, step, width in _PASSES:
        angles = best + np.arange(-span, span + step / 2, step)
        scores = _unevenness(directions, angles, width)
        if span == MAX_SKEW and scores.max() < _CLEAR * np.median(scores):
            return 0.0
        best = _peak(angles, scores)
    return best


def _ridges(transposed: GreyImage) -> _Ridges:
    """Where strips of an image are darker than above and below.

    It is given transposed, (width, height): rows are added far quicker than columns.
    """
    width, height = transposed.shape
    strips = width // _STRIP
    if not strips or height <= 2 * _RIDGE:
        return _Ridges(*(np.zeros(0, np.float32) for _ in range(3)))
    rows = transposed[: strips * _STRIP].reshape(strips, _STRIP, height)
    sums = rows.sum(axis=1, dtype=np.uint16)
    means = np.rint(sums.T / np.float32(_STRIP)).astype(np.uint8, order="C")  # (h, strips)
    paper = np.minimum(means[: -2 * _RIDGE], means[2 * _RIDGE :])
    dark = np.minimum(cv2.subtract(paper, means[_RIDGE:-_RIDGE]), _DARKEST)  # (h - 10, strips)
    places = np.flatnonzero(dark >= _FAINTEST)
    if len(places) > _MOST_POINTS:
        strongest = np.argpartition(dark.ravel()[places], -_MOST_POINTS)[-_MOST_POINTS:]
        places = places[strongest]
    y, x = np.divmod(places.astype(np.int32), np.int32(strips))
    along = (x - np.float32((strips - 1) / 2)) * np.float32(_STRIP)
    return _Ridges(y.astype(np.float32), along, dark.ravel()[places].astype(np.float32))


def _unevenness(
    directions: Sequence[tuple[_Ridges, float]], angles: npt.NDArray[np.float64], width: float
) -> npt.NDArray[np.float64]:
    """How unevenly ink falls into rows of `width` pixels at each of the angles (degrees)."""
    slopes = np.tan(np.radians(angles)).astype(np.float32)
    total = np.zeros(len(angles))
    for ridges, sign in directions:
        place = (ridges.position - (sign * slopes)[:, None] * ridges.strip) / width  # (angles, n)
        place -= place.min()
        row = place.astype(np.int32)
        rest = place - row
        rows = int(row.max()) + 2
        row += (np.arange(len(angles), dtype=np.int32) * rows)[:, None]
        upper = np.bincount(row.ravel(), ((1 - rest) * ridges.weight).ravel(), len(angles) * rows)
        lower = np.bincount(row.ravel(), (rest * ridges.weight).ravel(), len(angles) * rows)
        upper[1:] += lower[:-1]
        total += np.square(upper.reshape(len(angles), rows)).sum(axis=1)
    return total


def _peak(angles: npt.NDArray[np.float64], scores: npt.NDArray[np.float64]) -> float:
    """The angle of the highest score, between angles by a parabola through its neighbours."""
    i = int(np.argmax(scores))
    if not 0 < i < len(scores) - 1:
        return float(angles[i])
    before, top, after = scores[i - 1 : i + 2]
    bend = before - 2 * top + after
    shift = 0.5 * (before - after) / bend if bend < 0 else 0.0
    return float(angles[i] + shift * (angles[1] - angles[0]))
