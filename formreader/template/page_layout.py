"""What is ruled and printed on a page, and which maps of a form onto a page it suggests.

Handwriting says nothing of a form and much of it lies on top, so the page network's layers tell
what a pen wrote. Ruled lines show how a page was photographed: what makes them parallel to the
sides leaves of a map onto another page a quarter turn, and for each axis a scale and a shift. These
are found where the profiles of both pages, the sums of lines and of print along rows and columns,
correlate; a table's last line tells its rows from one another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.classes import Layer
from formreader.core.geometry import Transform, map_points, scaling
from formreader.core.records import GreyImage
from formreader.look.page_maps import LAYER_STRIDE, PageMaps, probabilities
from formreader.look.page_network import shipped_page_network
from formreader.template.page_map import Floats

Mask: TypeAlias = npt.NDArray[np.bool_]

_LEAST_PEN, _IS_RULED = 0.25, 0.5
"""Probabilities: from the first a pixel was written, unless it is ruled by more than the second."""

_SURE_PRINT, _MAX_PEN = 0.8, 0.1
"""Probabilities: of print above the first and of a pen below the second a pixel is surely print."""

_LONGER_THAN_STROKES = 11
"""Length of a line, in places of the layers' grid, that is none of a digit's strokes."""

_PEN_RIM = 3
"""Places of the layers' grid, the middle one included, to which the rim of a stroke reaches."""

_PAPER_NEAR = 11
"""Side, in pixels of the page, of what holds some paper around each place of a stroke."""

_CELL = 2
"""Places of the layers' grid in a side of one cell of a layout."""

_LEAST_LENGTH, _MAX_BOW = 15, 2.0
"""Length of ruled lines that tell the page's slant, and how much they may be bent, in places of the
layers' grid."""

_SLANT_NOISE, _LEAST_SLANT_NOISE, _USUAL_SLANT = 1.0, 0.002, (0.3, 0.7)
"""Standard deviations: of the slant of a line of one place, of that of all lines, and the weights
of no slant and of no perspective, in lines."""

_SLANT_MISSES = (0.05, 0.03, 0.02, 0.01, 0.01)
"""How far the slant of a line may miss that of the page, in each fit."""

_SAMPLES = 512
"""Length of a profile, in cells; pages are shorter than a half, and shifts as well."""

_SOFT, _WIDE = 1.0, 31
"""Cells by which profiles and layouts are blurred, and over which a profile's mean is removed."""

_WEIGHTS = np.array([1.0, 0.7])
"""Weights of lines and of print in a profile."""

SCALES = np.exp(np.arange(-2, 3) * 0.01), np.exp(np.arange(-30, 31) * 0.02)
"""Scales of one page on another that scanners make, and that cameras make."""

ITS_OWN = np.ones(1)
"""The scale of a form on itself."""

_AT_ONCE = 600
"""Correlations that are made at once: each takes 4 kilobytes."""

_PEAKS, _NEAR_PEAK = 8, 3
"""Peaks of a correlation that are looked at, and the steps of scale and shift around one that are
no other."""

_MAX_ANISOTROPY = 0.16
"""Logarithm of the ratio of the scales across and down above which a map is none."""

_SURE_LIKENESS = 2.6
"""How alike layouts are by a map, of 3 at most, from which no other is looked at."""

_MAX_MAPS, _LIKELY_MAPS, _MIN_OF_BEST = 12, 3, 0.8
"""Maps whose layouts are compared, those that are returned, and how alike layouts are by these, as
a share of how alike they are by the best."""

_TURNS = ((0, 1), (3, 0), (2, 3), (1, 2))
"""For each number of counter-clockwise quarter turns of a page, which of its profiles (of rows, of
columns, and both reversed) are those of rows and of columns then."""


@dataclass(frozen=True, eq=False)
class PageLayout:
    """What is ruled and printed on a page.

    `even` is the page, evenly lit, (h, w) uint8. `pen`, `printed` and `ruled` are bool on the grid
    of the page network's layers: what was written and is not ruled, and what is print, or ruled.
    `shares` (rows, columns, 3) uint8 are lines across, lines down and print in cells, seen so that
    lines are parallel to the sides. `to_cells` maps pixels of the page to cells.
    """

    even: GreyImage
    pen: Mask
    printed: Mask
    ruled: Mask
    shares: npt.NDArray[np.uint8]
    to_cells: Transform

    @classmethod
    def of(cls, even: GreyImage, maps: PageMaps | None = None) -> PageLayout:
        """The layout of an evenly lit page; `maps` are the page network's, if they are known."""
        maps = shipped_page_network().look(even) if maps is None else maps
        layers = probabilities(maps.layers)
        ruled = _long(layers[Layer.RULED_ACROSS]) | _long(layers[Layer.RULED_DOWN].T).T
        pen = (layers[Layer.PEN] > _LEAST_PEN) & ~ruled
        printed = (layers[Layer.PRINT] > _SURE_PRINT) & (layers[Layer.PEN] < _MAX_PEN) & ~ruled
        layers[Layer.PRINT][pen | ruled] = 0
        upright = _upright(layers)
        height, width = pen.shape
        corners = map_points(upright, [(0, 0), (width, 0), (width, height), (0, height)])
        low = np.clip(corners.min(axis=0), -_SAMPLES // 4, 0)
        size = np.clip(corners.max(axis=0) - low, _CELL, _SAMPLES * _CELL).astype(np.int64) // _CELL
        shift = np.array([[1, 0, -low[0]], [0, 1, -low[1]], [0, 0, 1]])
        to_cells = scaling(1 / _CELL, 1 / _CELL) @ shift @ upright
        small = np.dstack([cv2.blur(layers[k], (_CELL, _CELL)) for k in range(3)])
        seen = cv2.warpPerspective(small, to_cells, size.tolist())
        shares = np.rint(255 * seen).astype(np.uint8)
        to_cells = to_cells @ scaling(1 / LAYER_STRIDE, 1 / LAYER_STRIDE)
        return cls(even, pen, printed, ruled, shares, to_cells)

    @cached_property
    def clean(self) -> GreyImage:
        """The page without what a pen wrote, (h, w) uint8."""
        rim = cv2.dilate(self.pen.astype(np.uint8), np.ones((_PEN_RIM, _PEN_RIM), np.uint8))
        height, width = self.even.shape
        written = (rim > 0) & ~self.ruled
        written = np.repeat(np.repeat(written, LAYER_STRIDE, axis=0), LAYER_STRIDE, axis=1)
        paper = cv2.dilate(self.even, np.ones((_PAPER_NEAR, _PAPER_NEAR), np.uint8))
        return np.where(written[:height, :width], paper, self.even)

    @cached_property
    def soft(self) -> npt.NDArray[np.float32]:
        """The shares, blurred, 0..1."""
        shares = self.shares.astype(np.float32) / 255
        return np.asarray(cv2.GaussianBlur(shares, (0, 0), _SOFT), np.float32)


def _long(layer: npt.NDArray[np.float32]) -> Mask:
    """Where lines along the second axis of a layer are: strokes of a pen are shorter."""
    ruled = np.ascontiguousarray(layer > _IS_RULED).astype(np.uint8)
    line = np.ones((1, _LONGER_THAN_STROKES), np.uint8)
    return np.asarray(cv2.morphologyEx(ruled, cv2.MORPH_OPEN, line) > 0, np.bool_)


def _upright(layers: npt.NDArray[np.float32]) -> Transform:
    """What makes the ruled lines of layers (n, h, w) parallel to the sides, around the middle."""
    height, width = layers.shape[1:]
    middle, span = np.array([width, height]) / 2, max(width, height) / 2
    across = _vanishing(layers[Layer.RULED_ACROSS], middle, span)
    down = _vanishing(layers[Layer.RULED_DOWN].T, middle[::-1], span)
    slanted = np.array([[1, down[0], 0], [across[0], 1, 0], [across[1], down[1], 1]])
    into = np.array([[1, 0, -middle[0]], [0, 1, -middle[1]], [0, 0, span]]) / span
    upright = np.linalg.inv(into) @ np.linalg.inv(slanted) @ into
    return np.asarray(upright / upright[2, 2])


def _vanishing(layer: npt.NDArray[np.float32], middle: Floats, span: float) -> Floats:
    """Where lines that run along the first axis meet: (slant in the middle, perspective).

    In units of `span` around the middle these lines are through the point (1, slant, perspective),
    in homogeneous coordinates.
    """
    points, slants, lengths = _lines_along(layer)
    x, y = ((points - middle) / span).T
    terms = np.column_stack([np.ones_like(x), slants * x - y])
    certain = np.minimum(lengths / (_SLANT_NOISE / lengths + _LEAST_SLANT_NOISE) / 30, 1e4)
    found = np.zeros(2)
    if len(slants):
        order = np.argsort(slants)
        half = np.searchsorted(np.cumsum(lengths[order]), lengths.sum() / 2)
        found[0] = slants[order[half]]
    for miss in _SLANT_MISSES:
        weights = certain * (miss**2 / (miss**2 + (terms @ found - slants) ** 2)) ** 2
        normal = (terms.T * weights) @ terms + np.diag([0.1, 2.0])
        found = np.linalg.solve(normal, terms.T @ (weights * slants))
    return np.asarray(found, np.float64)


def _lines_along(layer: npt.NDArray[np.float32]) -> tuple[Floats, Floats, Floats]:
    """Middles (n, 2), slants (n,) and lengths (n,) of the lines along the first axis of a layer."""
    ruled = np.ascontiguousarray(layer > _IS_RULED).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(ruled)
    is_line = stats[:, cv2.CC_STAT_WIDTH] >= _LEAST_LENGTH
    is_line[0] = False
    y, x = np.nonzero(is_line[labels])
    which = labels[y, x]
    pixels = np.maximum(np.bincount(which, minlength=count), 1)

    def mean(of: npt.NDArray[np.float64] | npt.NDArray[np.int64]) -> Floats:
        return np.bincount(which, of, count) / pixels

    middles = np.column_stack([mean(x), mean(y)])
    dx, dy = (np.column_stack([x, y]) - middles[which]).T
    spread = np.maximum(mean(dx * dx), 1e-9)
    slants = mean(dx * dy) / spread
    is_line &= mean(dy * dy) - slants * mean(dx * dy) < _MAX_BOW**2
    lengths = stats[is_line, cv2.CC_STAT_WIDTH].astype(np.float64)
    return middles[is_line], slants[is_line], lengths


@dataclass(frozen=True, slots=True, eq=False)
class Profiles:
    """Spectra of the profiles of a layout: of rows, of columns, and of both reversed.

    Each is (scales, 2, n) complex64: of lines and of print, as if the page were so many times
    smaller.
    """

    spectra: tuple[npt.NDArray[np.complex64], ...]
    scales: Floats

    @classmethod
    def of(cls, layout: PageLayout, scales: Floats) -> Profiles:
        """The profiles of a layout at some scales."""
        shares = layout.shares
        rows = np.sqrt(shares[..., [0, 2]].sum(axis=1, dtype=np.float32)).T
        columns = np.sqrt(shares[..., [1, 2]].sum(axis=0, dtype=np.float32)).T
        profiles = rows, columns, rows[:, ::-1], columns[:, ::-1]
        return cls(tuple(_spectrum(one, scales) for one in profiles), scales)


def _spectrum(profile: npt.NDArray[np.float32], scales: Floats) -> npt.NDArray[np.complex64]:
    """The spectra of a profile, (2, n), at each scale, (scales, 2, _SAMPLES // 2 + 1)."""
    at = (scales[:, None] * np.arange(_SAMPLES)).ravel()
    known = np.arange(profile.shape[1])
    seen = np.stack([np.interp(at, known, one, right=0) for one in profile])
    seen = seen.reshape(2 * len(scales), _SAMPLES).astype(np.float32)
    fine = np.asarray(cv2.GaussianBlur(seen, (0, 0), sigmaX=_SOFT, sigmaY=1e-3), np.float32)
    fine -= cv2.blur(fine, (_WIDE, 1))
    fine /= np.linalg.norm(fine, axis=1, keepdims=True) + np.float32(1e-6)
    spectra = np.fft.rfft(fine.reshape(2, len(scales), _SAMPLES), axis=2)
    return np.asarray(spectra.transpose(1, 0, 2), np.complex64)


def correlated(
    forms: npt.NDArray[np.complex64], page: npt.NDArray[np.complex64]
) -> npt.NDArray[np.float32]:
    """How much profiles of forms (..., 1, 2, n) equal those of a page, for each scale and shift.

    Returns (..., scales, _SAMPLES); a shift is that of the form on the smaller page.
    """
    product_of = np.conj(forms) * page * _WEIGHTS.astype(np.float32)[:, None]
    return np.asarray(np.fft.irfft(product_of.sum(axis=-2), _SAMPLES, axis=-1), np.float32)


def heights(forms: Sequence[Profiles], page: Profiles) -> Floats:
    """(n,) how alike the profiles of each of n forms are to those of a page, however it lies."""
    best = np.zeros((2, 4, len(forms)))
    at_once = max(1, _AT_ONCE // len(page.scales))
    for first in range(0, len(forms), at_once):
        part = slice(first, first + at_once)
        for axis, source in product(range(2), range(4)):
            of_forms = np.stack([one.spectra[axis] for one in forms[part]])
            found = correlated(of_forms, page.spectra[source])
            best[axis, source, part] = found.max(axis=(1, 2))
    turned = [best[0, rows] + best[1, columns] for rows, columns in _TURNS]
    return np.asarray(np.max(turned, axis=0), np.float64)


def likely_maps(
    form: PageLayout, of_form: Profiles, page: PageLayout, of_page: Profiles
) -> list[Transform]:
    """Maps from a form's pixels to a page's that their layouts suggest, the likeliest first."""
    rows_of, columns_of = (
        [_peaks(correlated(of_form.spectra[axis], one), of_page.scales) for one in of_page.spectra]
        for axis in range(2)
    )
    found = list[tuple[float, int, Transform]]()
    for turn, (rows, columns) in enumerate(_TURNS):
        for down, across in product(rows_of[rows], columns_of[columns]):
            if abs(np.log(down[1] / across[1])) <= _MAX_ANISOTROPY:
                scaled = np.diag([across[1], down[1], 1.0])
                scaled[:2, 2] = across[2], down[2]
                back = _turned_back(turn, page.shares.shape)
                found.append((down[0] + across[0], turn, back @ scaled))
    found.sort(key=lambda one: -one[0])
    onto = np.linalg.inv(page.to_cells)
    likeness = list[tuple[float, Transform]]()
    for _, turn, cells in found[:_MAX_MAPS]:
        alike = _likeness(form, page, turn, cells)
        likeness.append((alike, onto @ cells @ form.to_cells))
        if alike >= _SURE_LIKENESS:
            break
    likeness.sort(key=lambda one: -one[0])
    needed = _MIN_OF_BEST * likeness[0][0] if likeness else 0.0
    return [
        np.asarray(one / one[2, 2]) for alike, one in likeness[:_LIKELY_MAPS] if alike >= needed
    ]


def _peaks(
    correlation: npt.NDArray[np.float32], scales: Floats
) -> list[tuple[float, float, float]]:
    """Height, scale and shift in cells of the highest peaks of a correlation, (scales, n)."""
    left, found = correlation.copy(), list[tuple[float, float, float]]()
    for _ in range(_PEAKS):
        scale, at = np.unravel_index(int(left.argmax()), left.shape)
        shift = int(at) if at < _SAMPLES // 2 else int(at) - _SAMPLES
        found.append((float(left[scale, at]), scales[scale], scales[scale] * shift))
        near = np.arange(at - _NEAR_PEAK, at + _NEAR_PEAK + 1) % _SAMPLES
        left[max(scale - _NEAR_PEAK, 0) : scale + _NEAR_PEAK + 1, near] = -np.inf
    return found


def _turned_back(turn: int, shape: tuple[int, ...]) -> Transform:
    """From the cells of a page turned counter-clockwise by quarter turns to its own."""
    right, bottom = shape[1] - 1, shape[0] - 1
    ahead = {
        0: [[1, 0, 0], [0, 1, 0]],
        1: [[0, -1, right], [1, 0, 0]],
        2: [[-1, 0, right], [0, -1, bottom]],
        3: [[0, 1, 0], [-1, 0, bottom]],
    }[turn]
    return np.array([*ahead, [0, 0, 1]], np.float64)


def _likeness(form: PageLayout, page: PageLayout, turn: int, cells: Transform) -> float:
    """How alike the layouts are if `cells` maps those of the form to those of the page, 0..3."""
    height, width = page.soft.shape[:2]
    here = cv2.warpAffine(form.soft, cells[:2], (width, height)).reshape(-1, 3)
    if turn % 2:
        here = here[:, [1, 0, 2]]
    there = page.soft.reshape(-1, 3)
    both, norm, other = (np.diag(one.T @ two) for one, two in (
        (here, there), (here, here), (there, there)
    ))  # fmt: skip
    return float((both / np.sqrt(norm * other + 1e-3)).sum())
