"""Estimate the skew of a page from its printed lines and rows of text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.records import GreyImage

MAX_SKEW = 10.0
"""Largest skew that is searched for, in degrees; a requirement."""

_SKEW_STRIP_WIDTH = 12
"""Width in pixels of the strips that an image is cut into. A line at the largest skew rises by 2
pixels in a strip. Reduced from 16 for resolutions down to 70 dpi; no record of a measurement."""

_RIDGE_DISTANCE = 4
"""Distance in pixels from a line or text line to the paper that it is compared with: more than half
an x-height. Reduced from 5 for the same reason."""

_MIN_RIDGE_DEPTH, _MAX_RIDGE_DEPTH = 5, 48
"""Contrast of a ridge with the paper, in grey levels: less is noise, more counts as 48. No record
of a measurement."""

_MIN_RIDGE_POINTS, _MAX_RIDGE_POINTS = 12, 1200
"""Number of dark spots: with fewer no skew is estimated; with more in one direction only the
darkest are used. No record of a measurement."""

_SEARCH_PASSES = ((MAX_SKEW, 1.0, 3.75), (1.0, 0.2, 1.5), (0.2, 0.04, 0.75))
"""(span, step, bin) of each pass: span and step in degrees around the best angle so far, bin in
pixels. No record of a measurement, but tests hold the result to 0.05 degrees on lines and to 0.1
degrees on text lines."""

_MIN_PROFILE_CONTRAST = 1.25
"""Least ratio of the best angle's score to the median score. Below it a page counts as not skewed.
No record of a measurement."""

_Floats: TypeAlias = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Ridges:
    """Dark spots of strips, (n,) each: position along the strip, position of the strip, weight."""

    position: _Floats
    strip: _Floats
    weight: _Floats


def estimate_skew(image: GreyImage) -> float:
    """The skew in degrees, clockwise positive, of a page at 70 to 140 dpi, (h, w) uint8.

    It is the angle at which the projection profiles of rows and columns vary most (Postl 1986).
    Profiles are made of strips across the lines, which saves time like skipping pixels (Bloomberg
    1995). 0.0 if no angle stands out.
    """
    sides = [_ridges(np.asarray(cv2.transpose(image), np.uint8)), _ridges(image)]
    # In the transposed image the skew has the opposite sign.
    directions = [(r, sign) for r, sign in zip(sides, (1.0, -1.0), strict=True) if len(r.weight)]
    if sum(len(ridges.weight) for ridges, _ in directions) < _MIN_RIDGE_POINTS:
        return 0.0
    best = 0.0
    for span, step, width in _SEARCH_PASSES:
        angles = best + np.arange(-span, span + step / 2, step)
        scores = _profile_energy(directions, angles, width)
        if span == MAX_SKEW and scores.max() < _MIN_PROFILE_CONTRAST * np.median(scores):
            return 0.0
        best = _peak(angles, scores)
    return best


def _ridges(transposed: GreyImage) -> _Ridges:
    """The spots where strips of an image are darker than the paper above and below.

    The image is given transposed, (width, height), as summing rows is far faster than columns.
    """
    width, height = transposed.shape
    strips = width // _SKEW_STRIP_WIDTH
    if not strips or height <= 2 * _RIDGE_DISTANCE:
        return _Ridges(*(np.zeros(0, np.float32) for _ in range(3)))
    rows = transposed[: strips * _SKEW_STRIP_WIDTH].reshape(strips, _SKEW_STRIP_WIDTH, height)
    sums = rows.sum(axis=1, dtype=np.uint16)
    means = np.rint(sums.T / np.float32(_SKEW_STRIP_WIDTH)).astype(np.uint8, order="C")
    paper = np.minimum(means[: -2 * _RIDGE_DISTANCE], means[2 * _RIDGE_DISTANCE :])
    depth = cv2.subtract(paper, means[_RIDGE_DISTANCE:-_RIDGE_DISTANCE])
    dark = np.minimum(depth, _MAX_RIDGE_DEPTH)  # (h - 2 * _RIDGE_DISTANCE, strips)
    places = np.flatnonzero(dark >= _MIN_RIDGE_DEPTH)
    if len(places) > _MAX_RIDGE_POINTS:
        darkest = np.argpartition(dark.ravel()[places], -_MAX_RIDGE_POINTS)[-_MAX_RIDGE_POINTS:]
        places = places[darkest]
    y, x = np.divmod(places.astype(np.int32), np.int32(strips))
    centres = (x - np.float32((strips - 1) / 2)) * np.float32(_SKEW_STRIP_WIDTH)
    return _Ridges(y.astype(np.float32), centres, dark.ravel()[places].astype(np.float32))


def _profile_energy(
    directions: Sequence[tuple[_Ridges, float]], angles: npt.NDArray[np.float64], width: float
) -> npt.NDArray[np.float64]:
    """The sum of squares of the profiles, in bins of `width` pixels, at each angle in degrees."""
    slopes = np.tan(np.radians(angles)).astype(np.float32)
    total = np.zeros(len(angles))
    for ridges, sign in directions:
        place = (ridges.position - (sign * slopes)[:, None] * ridges.strip) / width  # (angles, n)
        place -= place.min()
        index = place.astype(np.int32)
        rest = place - index  # the share of a weight that goes to the next bin
        bins = int(index.max()) + 2
        index += (np.arange(len(angles), dtype=np.int32) * bins)[:, None]
        profile = np.bincount(
            index.ravel(), ((1 - rest) * ridges.weight).ravel(), len(angles) * bins
        )
        shifted = np.bincount(index.ravel(), (rest * ridges.weight).ravel(), len(angles) * bins)
        profile[1:] += shifted[:-1]
        total += np.square(profile.reshape(len(angles), bins)).sum(axis=1)
    return total


def _peak(angles: npt.NDArray[np.float64], scores: npt.NDArray[np.float64]) -> float:
    """The angle of the highest score, refined by a parabola through it and its neighbours."""
    i = int(np.argmax(scores))
    if not 0 < i < len(scores) - 1:
        return float(angles[i])
    before, top, after = scores[i - 1 : i + 2]
    bend = before - 2 * top + after
    shift = 0.5 * (before - after) / bend if bend < 0 else 0.0
    return float(angles[i] + shift * (angles[1] - angles[0]))
