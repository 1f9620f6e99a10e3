"""Align a page with the reference page of a form: projectively, then locally, for curl and stretch.

The map that the layouts suggest is good to a few pixels. Small patches of the reference are then
looked for near their places, on the page without its writing; where they are found says how the
paper is bent. Print and lines, compared under that map, say whether the page is this form at all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.doubts import Doubt
from formreader.core.geometry import map_points, scaling
from formreader.core.records import GreyImage
from formreader.look.page_maps import LAYER_STRIDE
from formreader.template.page_layout import ITS_OWN, Mask, PageLayout, Profiles, likely_maps
from formreader.template.page_map import Floats, PageMap, fit_map

_PATCH_SIDE, _PATCH_STEP = 28, 16
"""Side of a patch, and the distance of patches, in pixels of the reference page."""

_FARTHER, _FAR, _CLOSE = (28, 2), (16, 2), (6, 1)
"""Distance up to which a patch is looked for, in pixels of the reference page, and by how much the
pages are made smaller for it: print where the usual way is not sure, any patch at first, and then.
Close is less than the distance of neighbouring boxes, which look alike."""

_MAX_CLOSE, _MIN_GROWTH, _MOST_FOUND = 4, 1.05, 0.97
"""How often patches are looked for close by, as long as so many times as many are found, up to this
share of all: bent paper is known from where it is flat on."""

_MIN_PATCH_DETAIL = 1e-3
"""Lesser eigenvalue of the covariance of the brightness's derivatives (`cv2.cornerMinEigenVal`)
from which a patch holds edges in both directions."""

_MAX_PATCHES = 60
"""Patches with print, and of lines alone, that are looked for: spread over the page."""

_MIN_UNIQUE, _MIN_SPAN = 20, 0.75
"""Number of patches with print from which they may be looked for alone at first, and the share of
the height and width of all that they must span, but where all patches have been tried."""

_PRINT_OF_PATCH = 0.04
"""Share of print in a patch from which it is one with print."""

_MIN_AGREEMENT = 0.5
"""Correlation from which a patch counts as found."""

_MIN_FOUND_SHARE = 0.3
"""Share of the patches to be found on a page that may be the form. Where its lines are others,
chance finds fewer than a quarter of them."""

_MAX_REFINED, _SETTLED, _MIN_GAIN = 8, 8.0, 0.04
"""How often patches are looked for, each time from what the last time has told; pixels by which the
map moved, anywhere, up to which that is enough; and the gain in score from which it goes on where
the page seems to be another form."""

SURE_SCORE, _SURE_PLACES = 0.8, 0.95
"""Score of an alignment from which no other map, and no other form, is tried; and from which print
is not looked for farther away. Curled sheets on which rows were taken for their neighbours had 0.80
to 0.90, flat scans have 0.96 and more."""

_PRINT_RIM, _PRINT_SIDE, _MIN_PRINTED = 3, 14, 40
"""Of print, on the grid of the layers: what belongs to it, the side of what is compared around each
place, and the places from which there is enough."""

_MIN_ALIKE, _LEAST_SPREAD = 0.75, 400.0
"""Correlation from which print is alike, and the spread of brightness below which it is none."""

_NEAR_LINE, _MIN_ONLY_RULED = 5, 0.85
"""Width of a line with what is near it, on the grid of the layers; and the share of the lines of
form and page to be found on each other where there is no print."""

_MIN_SCORE = 0.7
"""Score from which a page is the form: the mean of the shares of print, of the form's on the page
or of the page's on the form, and of lines that are found. Of 308 pages of 46 drawn forms that were
aligned with the right form it was 0.74 and more, but for three faxes; with another at most 0.65."""

_MIN_FOUND = 8
"""Patches to be found at least: a page with less print cannot be told from others."""

_SPREAD = 50.0
"""Standard deviation, in pixels, of the weight of patches around a point that is mapped."""

_STIFFNESS = 0.1
"""Weight of no local shift, in patches."""

_MISSES, _MAX_SHIFT = (12.0, 6.0), 30
"""Pixels by which patches may miss the map that is fitted to them, first and last (`fit_map`), and
by which bent paper may be shifted from it."""

_MARGIN = 58
"""Pixels around the reference page within which its patches are looked for: the longest distance
and shift, and an even number."""

_MAP_STEP = 16
"""Pixels between the points of the reference page that are mapped exactly; between them is little
bend."""

_NEIGHBOURS, _MAX_CONTRADICTION = 9, 4.0
"""Number of points around one, itself included, and pixels by which it may differ from their median
shift."""

_MAX_FLAT_MISS, _MIN_GAIN_OF_BEND = 3.0, 1.03
"""Pixels up to which a point is explained by a map, local shifts do the rest; and times as many
points that a bend must explain: on flat pages both explain all."""

_MIN_OF_BEND = 24
"""Points from which the bend of the whole page is fitted."""


@dataclass(frozen=True, slots=True, eq=False)
class Alignment:
    """How a form lies on a page.

    `page_map` maps pixels of the reference page to the page's. Points near `places`, (n, 2) on
    the reference, are shifted by about `shifts` before, (n, 2). `score`: how much of what is
    printed and ruled on either is on the other, 0..1. `fault`: why the page is another
    form; None if it is this one.
    """

    page_map: PageMap
    places: Floats
    shifts: Floats
    score: float
    fault: Doubt | None = None

    @classmethod
    def smooth(cls, page_map: PageMap, score: float = 0.0) -> Alignment:
        """A map without local shifts."""
        return cls(page_map, np.zeros((0, 2)), np.zeros((0, 2)), score)

    @property
    def rank(self) -> tuple[bool, float]:
        """By which one is better than another."""
        return not self.fault, self.score

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
    """The reference page of a form, with what aligning needs of it."""

    def __init__(self, layout: PageLayout) -> None:
        self.layout = layout

    @property
    def image(self) -> GreyImage:
        """What is printed and ruled, (h, w) uint8, evenly lit."""
        return self.layout.clean

    @cached_property
    def profiles(self) -> Profiles:
        return Profiles.of(self.layout, ITS_OWN)

    @cached_property
    def patches(self) -> npt.NDArray[np.int64]:
        """(n, 2) upper left corners of the patches, first those with print, then of lines alone."""
        return np.concatenate(self._chosen)

    @cached_property
    def _ways(self) -> list[tuple[int, tuple[int, int]]]:
        """How many of the first patches are looked for at first, and how far: the usual way first.

        A patch of boxes side by side may be found at the next box, print is mostly the only one.
        """
        printed, ways = self._chosen[0], [(len(self.patches), _FAR)]
        if len(printed) >= _MIN_UNIQUE:
            spans = (np.ptp(printed, axis=0) >= _MIN_SPAN * np.ptp(self.patches, axis=0)).all()
            ways = [(len(printed), _FAR)] if spans else ways
            ways.append((len(printed), _FARTHER))
        return ways

    @cached_property
    def _chosen(self) -> list[npt.NDArray[np.int64]]:
        """The corners of the patches with print, and of those of lines alone, (n, 2) each."""
        height, width = self.image.shape
        ys = np.arange(0, height - _PATCH_SIDE + 1, _PATCH_STEP)
        xs = np.arange(0, width - _PATCH_SIDE + 1, _PATCH_STEP)
        corners = np.array([(x, y) for y in ys for x in xs], np.int64).reshape(-1, 2)
        # A patch of a single line slides along it: there must be edges in both directions.
        strength = cv2.cornerMinEigenVal(self.image, _PATCH_SIDE // 2, ksize=3)
        side = _PATCH_SIDE // LAYER_STRIDE
        print_share = cv2.blur(self.layout.printed.astype(np.float32), (side, side))
        x, y = (corners + _PATCH_SIDE // 2).T
        detail = strength[y, x]
        printed = print_share[y // LAYER_STRIDE, x // LAYER_STRIDE] >= _PRINT_OF_PATCH
        chosen = list[npt.NDArray[np.int64]]()
        for group in (printed, ~printed):
            of_group = np.flatnonzero(group & (detail >= _MIN_PATCH_DETAIL))
            of_group = of_group[np.argsort(-detail[of_group], kind="stable")]
            chosen.append(corners[of_group[:: max(1, -(-len(of_group) // _MAX_PATCHES))]])
        return chosen

    @cached_property
    def _smaller(self) -> dict[int, GreyImage]:
        """The image by how much it is made smaller."""
        return {by: _made_smaller(self.image, by) for _, by in (_FARTHER, _FAR, _CLOSE)}

    def align(self, page: PageLayout, of_page: Profiles) -> Alignment | None:
        """Align a page with these profiles; None if hardly any of the form is on it."""
        best: Alignment | None = None
        for transform in likely_maps(self.layout, self.profiles, page, of_page):
            for way in self._ways:
                found = self._followed(page, PageMap.flat(transform), way)
                if found is not None and (best is None or found.rank > best.rank):
                    best = found
                if best is not None and best.score >= _SURE_PLACES:
                    break
            if best is not None and not best.fault and best.score >= SURE_SCORE:
                break
        return best

    def _followed(
        self, page: PageLayout, first: PageMap, way: tuple[int, tuple[int, int]]
    ) -> Alignment | None:
        """As `_refined`, and from there anew while the map still moves by much: bent paper."""
        places = np.asarray(self.patches, np.float64)
        best: Alignment | None = None
        for _ in range(_MAX_REFINED):
            found = self._refined(page, first, way)
            if found is None or (best and found.score < best.score + _MIN_GAIN * bool(best.fault)):
                break
            moved = np.linalg.norm(found.map(places) - first.map(places), axis=1).max()
            best, first = found, found.page_map
            if moved <= _SETTLED:
                break
        return best

    def _refined(
        self, page: PageLayout, first: PageMap, way: tuple[int, tuple[int, int]]
    ) -> Alignment | None:
        """As `align`, from a map that is about right, by one of the `_ways`."""
        seen, fit = self._seen(page.clean, first), Alignment.smooth(first)
        span = float(np.hypot(*self.image.shape)) / 2
        for number, (reach, smaller) in (
            way,
            *[(len(self.patches), _CLOSE)] * _MAX_CLOSE,
        ):
            enough, before = max(_MIN_FOUND, _MIN_FOUND_SHARE * number), len(fit.places)
            places, targets = self._find_patches(number, seen, first, fit, reach, smaller)
            found = _fitted(places, targets, fit.page_map, span) if len(places) >= enough else None
            if found is None:
                return None
            fit = found
            if (reach, smaller) == _CLOSE and (
                len(fit.places) < _MIN_GROWTH * before or len(fit.places) > _MOST_FOUND * number
            ):
                break
        return self._judged(page, fit) if len(fit.places) >= enough else None

    def _judged(self, page: PageLayout, fit: Alignment) -> Alignment:
        """The same alignment with its score, and what tells the page from this form."""
        half = _made_smaller(page.even, LAYER_STRIDE)
        height, width = half.shape
        layers = [half, *(255 * one[:height, :width].astype(np.uint8)
                          for one in (page.printed, page.ruled))]  # fmt: skip
        to_page, to_layers = scaling(LAYER_STRIDE, LAYER_STRIDE), scaling(0.5, 0.5)
        rows, columns = _made_smaller(self.image, LAYER_STRIDE).shape
        seen = seen_by(
            lambda xy: map_points(to_layers, fit.map(map_points(to_page, xy))),
            np.dstack(layers), (columns, rows), border=(255, 0, 0),
        )  # fmt: skip
        printed = self.layout.printed[:rows, :columns], seen[..., 1] > 127
        ruled = self.layout.ruled[:rows, :columns], seen[..., 2] > 127
        dark = 255 - _made_smaller(self.layout.even, LAYER_STRIDE), 255 - seen[..., 0]
        # Where a page lies on its side, some of its writing is taken for print.
        print_found = max(
            (_alike(*dark, one) for one in printed if np.count_nonzero(one) >= _MIN_PRINTED),
            default=None,
        )
        lines_found = [_share(_near(other), one) for one, other in (ruled, ruled[::-1])]
        if print_found is None:
            fault = None if min(lines_found) >= _MIN_ONLY_RULED else Doubt.OTHER_LINES
            return replace(fit, score=min(lines_found), fault=fault)
        ruled_found = sum(lines_found) / 2
        score = (print_found + ruled_found) / 2
        if score >= _MIN_SCORE:
            return replace(fit, score=score)
        fault = Doubt.OTHER_PRINT if print_found < ruled_found else Doubt.OTHER_LINES
        return replace(fit, score=score, fault=fault)

    def _seen(self, page: GreyImage, first: PageMap) -> GreyImage:
        """The page as seen on the reference by a map, `_MARGIN` wider on each side."""
        height, width = self.image.shape
        size = width + 2 * _MARGIN, height + 2 * _MARGIN
        if not first.is_flat:
            return seen_by(lambda points: first.map(points - _MARGIN), page, size)
        shift = np.array([[1, 0, -_MARGIN], [0, 1, -_MARGIN], [0, 0, 1]], np.float64)
        seen = cv2.warpPerspective(
            page, first.transform @ shift, size,
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_CONSTANT,
            borderValue=255,
        )  # fmt: skip
        return np.asarray(seen, np.uint8)

    def _find_patches(
        self,
        number: int,
        seen: GreyImage,
        first: PageMap,
        fit: Alignment,
        reach: int,
        smaller: int,
    ) -> tuple[Floats, Floats]:
        """Centres (n, 2) of patches that are found, and where they are on the page, (n, 2).

        So many of the first ones are looked for. `seen` is the page as seen by `first`; it is
        looked at where `fit` expects a patch.
        """
        centres = np.asarray(self.patches[:number] + (_PATCH_SIDE - 1) / 2, np.float64)
        before = np.rint(first.back(fit.map(centres)) - centres).astype(np.int64)
        before = np.clip(before, -_MAX_SHIFT, _MAX_SHIFT) // smaller * smaller
        form, seen = self._smaller[smaller], _made_smaller(seen, smaller)
        side, reach = _PATCH_SIDE // smaller, reach // smaller
        found, offsets = list[int](), list[tuple[float, float]]()
        patches = self.patches[:number] // smaller
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
    mapped: Callable[[Floats], Floats],
    page: GreyImage,
    size: tuple[int, int],
    border: tuple[int, ...] = (255,),
) -> GreyImage:
    """A page as seen on a reference page: (height, width) of `size`, white where it has nothing.

    Args:
        mapped: maps points (n, 2) of the reference page to the page.
        page: (h, w), or (h, w, n).
        size: width and height of the result.
        border: what is beyond the page.
    """
    xs, ys = (np.arange(0, side + _MAP_STEP, _MAP_STEP) for side in size)
    grid = np.stack(np.meshgrid(xs, ys), axis=2)
    places = mapped(grid.reshape(-1, 2).astype(np.float64)).reshape(grid.shape).astype(np.float32)
    # Pixel k * _MAP_STEP of the result must be point k of the grid.
    scale = np.array([[_MAP_STEP, 0, 0], [0, _MAP_STEP, 0]], np.float64)
    full = cv2.warpAffine(places, scale, size, flags=cv2.INTER_LINEAR)
    x, y = (np.ascontiguousarray(full[..., axis], np.float32) for axis in range(2))
    return np.asarray(cv2.remap(page, x, y, cv2.INTER_LINEAR, borderValue=border), np.uint8)


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


def _alike(form: GreyImage, page: GreyImage, printed: Mask) -> float:
    """The share of what is printed, (h, w), that is alike in two pictures with dark as 255."""
    around = cv2.dilate(printed.astype(np.uint8), np.ones((_PRINT_RIM, _PRINT_RIM), np.uint8))
    x, y, width, height = cv2.boundingRect(around)
    here = np.s_[y : y + height, x : x + width]
    mask = around[here].astype(np.float32)
    one, other = mask * form[here], mask * page[here]

    def total(of: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        side = (_PRINT_SIDE, _PRINT_SIDE)
        return np.asarray(cv2.boxFilter(of, -1, side, normalize=False), np.float32)

    count = np.maximum(total(mask), 1)
    of_one, of_other = total(one) / count, total(other) / count
    both = total(one * other) / count - of_one * of_other
    spread = (total(one * one) / count - of_one**2) * (total(other * other) / count - of_other**2)
    alike = both >= _MIN_ALIKE * np.sqrt(np.maximum(spread, 0) + _LEAST_SPREAD)
    return float((mask * alike).sum() / mask.sum())


def _share(found: Mask, of: Mask) -> float:
    """The share of some places, (h, w), that is among others; 1 if there are none."""
    number = np.count_nonzero(of)
    return np.count_nonzero(found & of) / number if number else 1.0


def _near(ruled: Mask) -> Mask:
    """Places on or near lines."""
    near = np.ones((_NEAR_LINE, _NEAR_LINE), np.uint8)
    return np.asarray(cv2.dilate(ruled.astype(np.uint8), near) > 0, np.bool_)


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
    before, here, after = values[best - 1 : best + 2].tolist()
    curvature = before - 2 * here + after
    return 0.0 if curvature >= 0 else min(max((before - after) / (2 * curvature), -0.5), 0.5)


def _local(points: Floats, places: Floats, shifts: Floats) -> Floats:
    """(n, 2) shifts at points: the weighted mean of those of the patches around each."""
    if not len(places):
        return np.zeros_like(points)
    distance = ((points[:, None] - places[None]) ** 2).sum(axis=2)
    weight = np.exp(-distance / (2 * _SPREAD**2))
    return np.asarray((weight @ shifts) / (weight.sum(axis=1, keepdims=True) + _STIFFNESS))
