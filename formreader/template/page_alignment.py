"""Align a page with the reference page of a form: projectively, then locally, for curl and stretch.

The transform found from landmarks is good to a few pixels. Small patches of the reference are
then looked for near their places; where they are found says how the paper is bent, and how many
are found says whether the page is this form at all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.records import GreyImage
from formreader.template.landmarks import (
    QUICK_LANDMARKS,
    Landmarks,
    Match,
    find_landmarks,
    match_landmarks,
)
from formreader.template.page_map import Floats, PageMap, fit_map

_PATCH_SIDE, _PATCH_STEP = 28, 32
"""Side of a patch, and the distance of patches, in pixels of the reference page."""

_ROUNDS = ((16, 2), (6, 1))
"""Distance up to which a patch is looked for, in pixels of the reference page, and by how much the
pages are made smaller for it, in the first and in the second round. In the second one it is less
than the distance of neighbouring boxes, which look alike."""

_SAME, _MAX_LIKENESS, _MIN_UNIQUE = 12, 0.65, 12
"""Pixels up to which a patch is found in its own place, correlation with what is further up to
which it is unlike it, and number of such patches from which only they are looked for in the first
round. On forms drawn with rows of boxes it is above 0.67 for those, and below for most print."""

_MIN_PATCH_DETAIL = 1e-3
"""Lesser eigenvalue of the covariance of the brightness's derivatives (`cv2.cornerMinEigenVal`)
from which a patch holds edges in both directions."""

_MAX_PATCHES = 120
"""Patches that are looked for: those with most print, spread over the page."""

_MIN_AGREEMENT = 0.5
"""Correlation from which a patch counts as found."""

_MIN_FOUND_SHARE = 0.5
"""Share of the patches to be found on a page of the form. Where the page is another form, chance
finds fewer than a fifth of them."""

_SURE_SCORE = 0.9
"""Score of an alignment from which no more landmarks are compared for a better one."""

_MAX_APART = 3.0
"""Pixels between two alignments, everywhere, up to which they confirm each other."""

_MIN_FOUND = 8
"""Patches to be found at least: a page with less print cannot be told from others."""

_SPREAD = 50.0
"""Standard deviation, in pixels, of the weight of patches around a point that is mapped."""

_STIFFNESS = 0.1
"""Weight of no local shift, in patches."""

_MISSES, _MAX_SHIFT = (12.0, 6.0), 30
"""Pixels by which patches may miss the map that is fitted to them, first and last (`fit_map`), and
by which bent paper may be shifted from it."""

_MARGIN = 48
"""Pixels around the reference page within which its patches are looked for: the longest distance
and shift, and an even number."""

_MAP_STEP = 16
"""Pixels between the points of the reference page that are mapped exactly; between them is little
bend."""

_NEIGHBOURS, _MAX_CONTRADICTION = 9, 4.0
"""Number of points around one, itself included, and pixels by which it may differ from their median
shift."""

_MAX_PAIRS = 100
"""Pairs of landmarks that are used beside patches; more tell no more."""

_MAX_FLAT_MISS, _MIN_GAIN_OF_BEND = 3.0, 1.03
"""Pixels up to which a point is explained by a map, local shifts do the rest; and times as many
points that a bend must explain: on flat pages both explain all."""

_MIN_OF_BEND = 24
"""Points from which the bend of the whole page is fitted."""


@dataclass(frozen=True, slots=True, eq=False)
class Alignment:
    """How a form lies on a page.

    `page_map` maps pixels of the reference page to the page's. Points near `places`, (n, 2) on
    the reference, are shifted by about `shifts` before, (n, 2). `score`: share of the patches that
    were found, 0..1.
    """

    page_map: PageMap
    places: Floats
    shifts: Floats
    score: float

    @classmethod
    def smooth(cls, page_map: PageMap, score: float = 0.0) -> Alignment:
        """A map without local shifts."""
        return cls(page_map, np.zeros((0, 2)), np.zeros((0, 2)), score)

    def map(self, points: npt.ArrayLike) -> Floats:
        """Map points (n, 2) of the reference page to the page."""
        xy = np.asarray(points, np.float64).reshape(-1, 2)
        return self.page_map.map(xy + _local(xy, self.places, self.shifts))

    def back(self, points: npt.ArrayLike) -> Floats:
        """Map points (n, 2) of the page to the reference page."""
        xy = self.page_map.back(points)
        # The shifts change little over their own length.
        return np.asarray(xy - _local(xy, self.places, self.shifts), np.float64)


class Reference:
    """The reference page of a form, (h, w) uint8, evenly lit, with what aligning needs of it."""

    def __init__(self, image: GreyImage, landmarks: Landmarks | None = None) -> None:
        self.image = image
        if landmarks is not None:
            self.landmarks = landmarks

    @cached_property
    def landmarks(self) -> Landmarks:
        return find_landmarks(self.image)

    @cached_property
    def patches(self) -> npt.NDArray[np.int64]:
        """(n, 2) upper left corners of the patches with print, most print first."""
        height, width = self.image.shape
        ys = np.arange(0, height - _PATCH_SIDE + 1, _PATCH_STEP)
        xs = np.arange(0, width - _PATCH_SIDE + 1, _PATCH_STEP)
        corners = np.array([(x, y) for y in ys for x in xs], np.int64).reshape(-1, 2)
        # A patch of a single line slides along it: there must be edges in both directions.
        strength = cv2.cornerMinEigenVal(self.image, _PATCH_SIDE // 2, ksize=3)
        middle = corners + _PATCH_SIDE // 2
        detail = strength[middle[:, 1], middle[:, 0]]
        order = np.argsort(-detail, kind="stable")
        chosen = order[detail[order] >= _MIN_PATCH_DETAIL]
        return corners[chosen[:: max(1, -(-len(chosen) // _MAX_PATCHES))]]

    @cached_property
    def _unique(self) -> npt.NDArray[np.int64]:
        """The indices of patches that nothing near them looks like; all, if hardly any is so.

        A patch of boxes side by side may be found at the next box.
        """
        reach, smaller = _ROUNDS[0]
        seen = _made_smaller(self._seen(self.image, PageMap.flat(np.eye(3))), smaller)
        side, far, near = (length // smaller for length in (_PATCH_SIDE, 2 * reach, _SAME))
        unique = list[int]()
        for i, (x, y) in enumerate((self.patches // smaller).tolist()):
            left, top = x + _MARGIN // smaller - far, y + _MARGIN // smaller - far
            window = seen[top : top + side + 2 * far, left : left + side + 2 * far]
            patch = self._smaller[smaller][y : y + side, x : x + side]
            likeness = cv2.matchTemplate(window, patch, cv2.TM_CCOEFF_NORMED)
            likeness[far - near : far + near + 1, far - near : far + near + 1] = 0
            if likeness.max() < _MAX_LIKENESS:
                unique.append(i)
        return np.array(unique if len(unique) >= _MIN_UNIQUE else range(len(self.patches)))

    @cached_property
    def _smaller(self) -> dict[int, GreyImage]:
        """The image by how much it is made smaller."""
        return {by: _made_smaller(self.image, by) for _, by in _ROUNDS}

    def align(self, page: GreyImage, landmarks: Landmarks) -> Alignment | None:
        """Align an evenly lit page, (h, w) uint8, with these landmarks.

        None if it is not this form, or is bent too much.
        """
        if len(self.patches) < _MIN_FOUND:
            return None
        best: Alignment | None = None
        for number in (QUICK_LANDMARKS, None):
            match = match_landmarks(self.landmarks, landmarks, number)
            for page_map in match.page_maps if match is not None else ():
                found = self._refined(page, match, page_map) if match is not None else None
                if found is None:
                    continue
                settled = found.score >= _SURE_SCORE or (
                    best is not None and self._agree(best, found)
                )
                best = found if best is None or found.score > best.score else best
                if settled:
                    return best
        return best

    def _agree(self, one: Alignment, other: Alignment) -> bool:
        """Whether two alignments, by other landmarks or maps, agree about all of the form."""
        places = self.patches.astype(np.float64)
        apart = np.linalg.norm(one.map(places) - other.map(places), axis=1)
        return bool(apart.max() <= _MAX_APART)

    def _refined(self, page: GreyImage, match: Match, first: PageMap) -> Alignment | None:
        """As `align`, from what landmarks tell and one of the maps that they may mean."""
        seen, fit = self._seen(page, first), Alignment.smooth(first)
        span = float(np.hypot(*self.image.shape)) / 2
        every = max(1, -(-len(match.form) // _MAX_PAIRS))
        # Few patches are unlike what is near them: in the first round landmarks hold the others.
        known = match.form[::every], match.page[::every]
        everything = np.arange(len(self.patches))
        for (reach, smaller), looked_for in zip(_ROUNDS, (self._unique, everything), strict=True):
            patches = self.patches[looked_for]
            points = self._find_patches(patches, seen, first, fit, reach, smaller)
            centres, targets = (np.concatenate(both) for both in zip(points, known, strict=True))
            found = _fitted(centres, targets, fit.page_map, span)
            if found is None:
                return None
            fit, known = found, (np.zeros((0, 2)), np.zeros((0, 2)))
        score = len(fit.places) / len(self.patches)
        enough = len(fit.places) >= _MIN_FOUND and score >= _MIN_FOUND_SHARE
        return replace(fit, score=score) if enough else None

    def _seen(self, page: GreyImage, first: PageMap) -> GreyImage:
        """The page as seen on the reference by a map, `_MARGIN` wider on each side."""
        height, width = self.image.shape
        size = width + 2 * _MARGIN, height + 2 * _MARGIN
        if not first.is_flat:
            return seen_by(first.map, page, size, offset=-_MARGIN)
        shift = np.array([[1, 0, -_MARGIN], [0, 1, -_MARGIN], [0, 0, 1]], np.float64)
        seen = cv2.warpPerspective(
            page, first.transform @ shift, size,
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_CONSTANT,
            borderValue=255,
        )  # fmt: skip
        return np.asarray(seen, np.uint8)

    def _find_patches(
        self,
        patches: npt.NDArray[np.int64],
        seen: GreyImage,
        first: PageMap,
        fit: Alignment,
        reach: int,
        smaller: int,
    ) -> tuple[Floats, Floats]:
        """Centres (n, 2) of the patches that are found, and where they are on the page, (n, 2).

        `seen` is the page as seen by `first`; it is looked at where `fit` expects a patch.
        """
        centres = np.asarray(patches + (_PATCH_SIDE - 1) / 2, np.float64)
        before = np.rint(first.back(fit.map(centres)) - centres).astype(np.int64)
        before = np.clip(before, -_MAX_SHIFT, _MAX_SHIFT) // smaller * smaller
        form, seen = self._smaller[smaller], _made_smaller(seen, smaller)
        side, reach = _PATCH_SIDE // smaller, reach // smaller
        found, offsets = list[int](), list[tuple[float, float]]()
        patches = patches // smaller
        corners = patches + (before + _MARGIN) // smaller - reach
        for i, ((x, y), (left, top)) in enumerate(
            zip(patches.tolist(), corners.tolist(), strict=True)
        ):
            wide = side + 2 * reach
            window = seen[top : top + wide, left : left + wide]
            patch = form[y : y + side, x : x + side]
            likeness = cv2.matchTemplate(window, patch, cv2.TM_CCOEFF_NORMED)
            _, best, _, (column, row) = cv2.minMaxLoc(likeness)
            if best >= _MIN_AGREEMENT:
                found.append(i)
                offsets.append((column - reach + _vertex(likeness[row], column),
                                row - reach + _vertex(likeness[:, column], row)))  # fmt: skip
        shifts = before[found] + smaller * np.array(offsets, np.float64).reshape(-1, 2)
        return centres[found], first.map(centres[found] + shifts)


def seen_by(
    mapped: Callable[[Floats], Floats], page: GreyImage, size: tuple[int, int], offset: int = 0
) -> GreyImage:
    """A page as seen on a reference page: (height, width) of `size`, white where it has nothing.

    Args:
        mapped: maps points (n, 2) of the reference page to the page.
        page: (h, w).
        size: width and height of the result.
        offset: where its first pixel is on the reference page, in x and in y.
    """
    xs, ys = (np.arange(0, side + _MAP_STEP, _MAP_STEP) + offset for side in size)
    grid = np.stack(np.meshgrid(xs, ys), axis=2)
    places = mapped(grid.reshape(-1, 2).astype(np.float64)).reshape(grid.shape).astype(np.float32)
    # Pixel k * _MAP_STEP of the result must be point k of the grid.
    scale = np.array([[_MAP_STEP, 0, 0], [0, _MAP_STEP, 0]], np.float64)
    full = cv2.warpAffine(places, scale, size, flags=cv2.INTER_LINEAR)
    x, y = (np.ascontiguousarray(full[..., axis], np.float32) for axis in range(2))
    return np.asarray(cv2.remap(page, x, y, cv2.INTER_LINEAR, borderValue=255), np.uint8)


def _fitted(places: Floats, targets: Floats, start: PageMap, span: float) -> Alignment | None:
    """Fit an alignment to pairs of points (n, 2), without those that contradict their neighbours.

    `start` and `span` are as in `fit_map`. None if too few points are left.
    """
    page_map = start
    for _ in range(2):
        if len(places) < _MIN_FOUND:
            return None
        fitted = _flat_or_bent(places, targets, page_map, span)
        if fitted is None:
            return None
        page_map = fitted
        shifts = page_map.back(targets) - places
        distance = ((places[:, None] - places[None]) ** 2).sum(axis=2)
        nearest = np.argpartition(distance, min(_NEIGHBOURS, len(places)) - 1, axis=1)
        usual = np.median(shifts[nearest[:, :_NEIGHBOURS]], axis=1)
        agreed = (np.linalg.norm(shifts - usual, axis=1) <= _MAX_CONTRADICTION) & (
            np.linalg.norm(shifts, axis=1) <= _MAX_SHIFT
        )
        if agreed.all():
            break
        places, targets, shifts = places[agreed], targets[agreed], shifts[agreed]
    return Alignment(page_map, places, shifts, 0.0)


def _flat_or_bent(places: Floats, targets: Floats, start: PageMap, span: float) -> PageMap | None:
    """A projective map for pairs of points (n, 2), or a bent one if that explains clearly more.

    Where there is no print a bend goes astray most.
    """
    flat = fit_map(places, targets, start, span=span, misses=_MISSES, bent=False)
    if len(places) < _MIN_OF_BEND:
        return flat

    def explained(one: PageMap) -> int:
        missed = np.linalg.norm(one.map(places) - targets, axis=1)
        return int(np.count_nonzero(missed <= _MAX_FLAT_MISS))

    needed = 0.0 if flat is None else _MIN_GAIN_OF_BEND * explained(flat)
    if needed > len(places):  # no bend can explain so many, and fitting one takes long
        return flat
    bent = fit_map(places, targets, start, span=span, misses=_MISSES, bent=True)
    return bent if bent is not None and explained(bent) >= needed else flat


def _made_smaller(image: GreyImage, by: int) -> GreyImage:
    """An image smaller by a whole number, whose pixels are the means of `by` x `by` before."""
    if by == 1:
        return image
    height, width = image.shape
    whole = image[: height // by * by, : width // by * by]
    small = cv2.resize(whole, (width // by, height // by), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)


def _vertex(values: npt.NDArray[Any], best: int) -> float:
    """Offset from the best of some values to the vertex of the parabola through its neighbours."""
    if not 0 < best < len(values) - 1:
        return 0.0
    before, here, after = (float(one) for one in values[best - 1 : best + 2])
    curvature = before - 2 * here + after
    return 0.0 if curvature >= 0 else min(max((before - after) / (2 * curvature), -0.5), 0.5)


def _local(points: Floats, places: Floats, shifts: Floats) -> Floats:
    """(n, 2) shifts at points: the weighted mean of those of the patches around each."""
    if not len(places):
        return np.zeros_like(points)
    distance = ((points[:, None] - places[None]) ** 2).sum(axis=2)
    weight = np.exp(-distance / (2 * _SPREAD**2))
    return np.asarray((weight @ shifts) / (weight.sum(axis=1, keepdims=True) + _STIFFNESS))
