"""Landmarks of a page: corners of print with descriptors, by which forms are told apart.

They are ORB features (Rublee et al. 2011): they do not depend on how the page is turned, and
comparing them takes a fraction of a millisecond.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.geometry import Transform, map_points
from formreader.core.records import GreyImage
from formreader.template.page_map import Floats, PageMap, fit_map, similar_map

_MAX_LANDMARKS, _MAX_FORM_LANDMARKS = 1500, 1000
"""Landmarks of a page, and how many of a form's strongest are looked for on it: those of a page
begin with the specks of a fax, those of a form do not."""

QUICK_LANDMARKS = 300
"""A form's landmarks that are looked for first, spread over the page: comparing all of them takes
longer than all else in recognising a page."""

_CELLS = 6
"""Columns and rows into which a page is divided to spread landmarks over it."""

_PYRAMID_STEP, _PYRAMID_LEVELS = 1.25, 5
"""Ratio of the sizes at which landmarks are looked for, and their number: a photographed sheet may
be 2.4 times as small as a scanned one."""

_CONTRASTS, _ENOUGH_LANDMARKS = (40, 20), 750
"""Grey levels by which a corner must stand out, and the landmarks from which no fainter ones are
looked for: with the first, finding them takes half the time."""

_MAX_DISTANCE_RATIO = 0.85
"""Distance of a landmark from its match, as a share of that from the second best match, above which
it is left out: print repeats itself."""

_MAX_MISS, _MAX_BEND = 8.0, 30.0
"""Pixels by which matched landmarks may miss a projective transform, and by which the paper may be
bent there: paper is not flat."""

_MIN_GAIN = 1.15
"""Times as many pairs that a map with more freedom must explain."""

_MIN_PAIRS = 12
"""Pairs of landmarks that a transform needs."""

_MAX_STRETCH = 2.6
"""Ratio of sizes, of two pages or of two directions on a page, above which a transform is none that
a scanner or a camera makes."""

_SMALLEST_PAGE = 32
"""Pixels of a page's shorter side below which it has no landmark: ORB looks at 31 around each, and
cannot make its pyramid of a few."""


@dataclass(frozen=True, slots=True, eq=False)
class Landmarks:
    """n landmarks, the strongest first.

    `points` are (n, 2) pixels of the page, `descriptors` (n, 32) uint8.
    """

    points: Floats
    descriptors: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.points)

    def spread(self, number: int) -> Landmarks:
        """So many of the strongest: of few, the strongest of each part of the page.

        A hatched area or a barcode alone has hundreds of strong ones.
        """
        if number >= _MAX_FORM_LANDMARKS or number >= len(self):
            return Landmarks(self.points[:number], self.descriptors[:number])
        low, high = self.points.min(axis=0), self.points.max(axis=0)
        cells = ((self.points - low) / (high - low + 1) * _CELLS).astype(np.int64)
        cell = cells[:, 0] * _CELLS + cells[:, 1]
        order = np.argsort(cell, kind="stable")
        sizes = np.bincount(cell)
        rank = np.empty(len(self), np.int64)
        rank[order] = np.arange(len(self)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        chosen = np.argsort(rank, kind="stable")[:number]
        return Landmarks(self.points[chosen], self.descriptors[chosen])


@cache
def _finder(contrast: int) -> cv2.ORB:
    return cv2.ORB.create(_MAX_LANDMARKS, _PYRAMID_STEP, _PYRAMID_LEVELS, fastThreshold=contrast)


@cache
def _matcher() -> cv2.BFMatcher:
    return cv2.BFMatcher(cv2.NORM_HAMMING)


def find_landmarks(even: GreyImage) -> Landmarks:
    """Find the landmarks of an upright, evenly lit page, (h, w) uint8."""
    if min(even.shape) < _SMALLEST_PAGE:
        return Landmarks(np.zeros((0, 2)), np.zeros((0, 32), np.uint8))
    for contrast in _CONTRASTS:
        found, descriptors = _finder(contrast).detectAndCompute(even, None)
        if len(found) >= _ENOUGH_LANDMARKS:
            break
    if descriptors is None or not len(found):
        return Landmarks(np.zeros((0, 2)), np.zeros((0, 32), np.uint8))
    order = np.argsort([-one.response for one in found], kind="stable")
    points = np.array([one.pt for one in found], np.float64)
    return Landmarks(points[order], np.asarray(descriptors, np.uint8)[order])


@dataclass(frozen=True, slots=True, eq=False)
class Match:
    """Maps from a form's pixels to a page's, and pairs of points near the first, (n, 2) each.

    The first map has no more freedom than the pairs ask for; others may still be right.
    """

    page_maps: tuple[PageMap, ...]
    form: Floats
    page: Floats


def match_landmarks(form: Landmarks, page: Landmarks, number: int | None = None) -> Match | None:
    """Find out how a form lies on a page from the landmarks of both; None where it does not.

    Only so many of the form's landmarks are looked for, if a number is given.
    """
    form = form.spread(number or _MAX_FORM_LANDMARKS)
    pairs = _pairs(form.descriptors, page.descriptors)
    if len(pairs) < _MIN_PAIRS:
        return None
    source, target = form.points[pairs[:, 0]], page.points[pairs[:, 1]]
    # With eight free numbers at once, print that repeats itself would be fitted as well.
    similar = similar_map(source, target, _MAX_BEND)
    if similar is None or np.count_nonzero(similar[1]) < _MIN_PAIRS:
        return None
    maps = _likely_maps(similar[0], source, target, form.points)
    maps = [one for one in maps if _is_plausible(one.transform, source)]
    if not maps:
        return None
    near = _missed_by(maps[0], source, target) <= _MAX_BEND
    return Match(tuple(maps), source[near], target[near])


def _likely_maps(simple: PageMap, source: Floats, target: Floats, points: Floats) -> list[PageMap]:
    """Maps that pairs may be explained by, the likeliest first.

    That is the one with most freedom that explains clearly more of them than those with less: a
    perspective, or a bend, goes astray where a few wrong pairs lie far from the others, which
    cover a title only.
    """
    near = _missed_by(simple, source, target) <= 2 * _MAX_BEND
    source, target = source[near], target[near]
    span = float(np.linalg.norm(np.ptp(points, axis=0))) / 2
    likely, explained = [simple], _explained(simple, source, target)
    for bent in (False, True):
        freer = fit_map(
            source, target, likely[0], span=span, misses=(_MAX_BEND, _MAX_MISS), bent=bent
        )
        if freer is None:
            continue
        now = _explained(freer, source, target)
        if now >= _MIN_GAIN * explained:
            likely, explained = [freer, *likely], now
        else:
            likely.append(freer)
    return likely


def _missed_by(page_map: PageMap, source: Floats, target: Floats) -> Floats:
    """(n,) pixels by which pairs (n, 2) miss a map."""
    return np.asarray(np.linalg.norm(page_map.map(source) - target, axis=1), np.float64)


def _explained(page_map: PageMap, source: Floats, target: Floats) -> int:
    """How many pairs a map explains."""
    return int(np.count_nonzero(_missed_by(page_map, source, target) <= _MAX_MISS))


def _pairs(form: npt.NDArray[np.uint8], page: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """(n, 2) indices of landmarks of a form and of a page that clearly equal each other."""
    if len(form) == 0 or len(page) < 2:
        return np.zeros((0, 2), np.int64)
    best = [
        (first.queryIdx, first.trainIdx)
        for first, second in _matcher().knnMatch(form, page, k=2)
        if first.distance < _MAX_DISTANCE_RATIO * second.distance
    ]
    return np.array(best, np.int64).reshape(-1, 2)


def _is_plausible(transform: Transform, points: Floats) -> bool:
    """Whether a transform neither mirrors nor stretches the page by much."""
    low, high = points.min(axis=0), points.max(axis=0)
    corners = np.array([low, (high[0], low[1]), high, (low[0], high[1])])
    if (np.column_stack([corners, np.ones(4)]) @ transform[2] <= 0).any():
        return False
    mapped = map_points(transform, corners)
    across, down = mapped[1] - mapped[0], mapped[3] - mapped[0]
    area = float(across[0] * down[1] - across[1] * down[0])
    before = np.maximum(high - low, 1.0)
    scales = np.linalg.norm([across, down], axis=1) / before
    return (
        area > 0
        and max(scales) < _MAX_STRETCH
        and min(scales) > 1 / _MAX_STRETCH
        and bool(cv2.isContourConvex(mapped.astype(np.float32)))
    )
