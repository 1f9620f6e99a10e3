"""Separate the ink of a number from paper, the lines of its cell, and specks."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, starmap
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.geometry import Transform, scaling
from formreader.core.image_pyramid import Pyramid
from formreader.core.paper import INK_OVER_NOISE, papers_under_ink
from formreader.core.records import GreyImage
from formreader.crop.normaliser import MIN_INK_GREY, WHITE_QUANTILE
from formreader.segment.cell_lines import PatchSizes, Stack, find_lines
from formreader.segment.cell_parts import CellParts, CellSides, Extent, find_cell_parts
from formreader.segment.ink_on_sides import ink_on_sides

Ink: TypeAlias = npt.NDArray[np.uint8]
"""(h, w) uint8, bright ink on pure black."""

Flags: TypeAlias = npt.NDArray[np.bool_]
"""(h, w) bool."""

_MIN_PATCH_HEIGHT, _MAX_PATCH_HEIGHT = 48, 96
"""Smallest and largest height in pixels of a cell in its patch: digits keep more detail than their
crops show. No measurement on record."""

_CELL_MARGIN = 0.2
"""Margin of a patch around its cell, in heights of the cell, for strokes that leave the cell. No
measurement on record."""

_MIN_DARKNESS_OF_CELL_INK = 20.0
_MIN_CELL_INK_OVER_PEN = 0.35
_MIN_INK_OF_CELL = 0.004
"""Ink is at least so many grey values darker than the paper, and has at least this share of the
pen's darkness. The darkest pixels, this share of the cell, show how dark the pen is. No measurement
on record."""

_MIN_INK_OF_DIGIT = 0.01
"""Squared heights of a cell that the smallest digit in it covers. No measurement on record."""

_PAPER_CLOSING_OF_CELL = 0.6
"""Side of the closing that estimates the paper, as a share of the patch's shorter side: wider than
any stroke. No measurement on record."""

_LOG_OF_LIKE_SIDES = 0.25
"""Patches are worked on together whose sides have natural logarithms in one interval of this
length: the longer it is, the more paper beyond patches is worked on. No measurement on record."""

_CELL_PIXELS_AT_ONCE = 600_000
"""Pixels of patches that are worked on together: with fewer the calls take longer than the work,
with more the processor's cache is too small."""

_LEVELS = np.arange(256)
"""All grey values, to work out a function of them once instead of at each pixel."""


@dataclass(frozen=True, slots=True, eq=False)
class CellInk:
    """What is written in a cell.

    `ink` is (h, w) uint8, strokes near 255 on pure black, all black if nothing is written.
    `darkness`, (h, w) uint8, is how much darker than the paper each pixel of the patch is, lines
    and other cells' ink included; `margin` pixels of it lie around the cell. `written` is where
    the number stands and any stroke in the cell that may be of it; None if there are none.
    `loose_ink`: there are such strokes that are not in `ink`, perhaps a digit at the cell's edge.
    `lines`, at least (h, w), is 1 on the cell's lines, 0 elsewhere; None if nobody looked for them.
    """

    ink: Ink
    darkness: Ink
    margin: int
    written: Extent | None = None
    loose_ink: bool = False
    lines: Ink | None = None

    @property
    def darkest(self) -> float:
        """How dark the darkest strokes within the cell's lines are, in grey values.

        No more pixels than those of the smallest digit are darker.
        """
        if self.lines is None:
            return 0.0
        free = _free(self.darkness, self.lines, self.margin)
        number = np.count_nonzero(free)
        if not number:
            return 0.0
        smallest = min(_MIN_INK_OF_DIGIT * len(free) ** 2 / number, 1.0)
        inside = self.darkness[_inner(self.darkness, self.margin)]
        return quantile(inside, 1 - smallest, free.view(np.bool_))


@dataclass(frozen=True, slots=True, eq=False)
class CellPatch(CellInk):
    """A cell, upright, and its ink.

    `to_page` is the (3, 3) homography from the patch's pixels to the page's.
    """

    to_page: npt.NDArray[np.float64] = field(default_factory=lambda: np.eye(3))


@dataclass(frozen=True, slots=True, eq=False)
class _WarpedCell:
    """A cell's patch, the margin around the cell in it, and its homography to the page."""

    patch: GreyImage
    margin: int
    to_page: npt.NDArray[np.float64]


def cut_cell_patch(image: GreyImage, corners: npt.NDArray[np.float64]) -> CellPatch:
    """Cut a cell, with corners (4, 2), out of its page, see `cut_cell_patches`."""
    (patch,) = cut_cell_patches(Pyramid(image), corners[None])
    return patch


def cut_cell_patches(
    page: Pyramid, corners: npt.NDArray[np.float64], open_sides: Flags | None = None
) -> list[CellPatch]:
    """Cut n cells out of their page and separate their ink, faster than one at a time.

    Args:
        page: the page as stored, dark ink on bright paper.
        corners: (n, 4, 2) page pixels, clockwise from the top left of the upright form.
        open_sides: (n, 2) whether no other cell is left and right of each; None: not known.
    """
    warped = [_warped(page, one) for one in corners]
    inks = cell_inks([one.patch for one in warped], [one.margin for one in warped], open_sides)
    return [
        CellPatch(
            cell.ink,
            cell.darkness,
            cell.margin,
            cell.written,
            cell.loose_ink,
            cell.lines,
            one.to_page,
        )
        for cell, one in zip(inks, warped, strict=True)
    ]


def _warped(page: Pyramid, corners: npt.NDArray[np.float64]) -> _WarpedCell:
    """Cut a cell out of its page, upright."""
    around: list[tuple[float, float]] = [*corners.tolist(), corners[0].tolist()]
    top, right, bottom, left = starmap(math.dist, pairwise(around))
    width, height = (top + bottom) / 2, (right + left) / 2
    # A halved page is large enough for high cells: it is halved once, not with each cell.
    halvings = max(int(math.log2(max(height, 1.0) / _MAX_PATCH_HEIGHT)), 0)
    pixel = 2**halvings
    width, height = width / pixel, height / pixel
    scale = min(max(1.0, _MIN_PATCH_HEIGHT / height), _MAX_PATCH_HEIGHT / height)
    # Warp without reducing, then reduce by averaging: a reducing warp would skip pixels.
    warped = max(scale, 1.0)
    patch, to_level = _warp(
        page.level(halvings),
        (corners + 0.5) / pixel - 0.5,
        round(width * warped),
        round(height * warped),
    )
    if scale < 1:
        size = (max(round(patch.shape[1] * scale), 1), max(round(patch.shape[0] * scale), 1))
        shrink = np.array([patch.shape[1] / size[0], patch.shape[0] / size[1]])
        patch = np.asarray(cv2.resize(patch, size, interpolation=cv2.INTER_AREA), np.uint8)
        to_level = to_level @ scaling(*shrink)
    to_page = scaling(pixel, pixel) @ to_level if halvings else to_level
    return _WarpedCell(patch, round(_CELL_MARGIN * round(height * scale)), to_page)


def _warp(
    image: GreyImage, corners: npt.NDArray[np.float64], width: int, height: int
) -> tuple[GreyImage, Transform]:
    """Warp a cell with its margin to a given size; return it and the homography to the page."""
    margin = round(_CELL_MARGIN * height)
    right, bottom = margin + width, margin + height
    target = np.array([[margin, margin], [right, margin], [right, bottom], [margin, bottom]])
    # Corners lie on pixel edges in the patch, on pixel centres on the page.
    forward = cv2.getPerspectiveTransform(
        corners.astype(np.float32), (target - 0.5).astype(np.float32)
    )
    patch = cv2.warpPerspective(
        image,
        forward,
        (width + 2 * margin, height + 2 * margin),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(patch, np.uint8), np.linalg.inv(np.asarray(forward, np.float64))


def cell_ink(patch: GreyImage, margin: int) -> CellInk:
    """Separate the handwriting in one cell, see `cell_inks`."""
    (found,) = cell_inks([patch], [margin])
    return found


def cell_inks(
    patches: Sequence[GreyImage], margins: Sequence[int], open_sides: Flags | None = None
) -> list[CellInk]:
    """Separate the handwriting in n cells from everything else, faster than one at a time.

    Args:
        patches: (h, w) uint8 each, dark on bright.
        margins: (n,) the pixels around the cell in each.
        open_sides: (n, 2) whether no other cell is left and right of each; None: not known.
    """
    found = dict[int, CellInk]()
    for alike in _of_like_shapes([patch.shape for patch in patches]):
        chosen = [patches[i] for i in alike], [margins[i] for i in alike]
        free = None if open_sides is None else open_sides[np.array(alike)]
        found |= zip(alike, _inks_of_like_shapes(*chosen, free), strict=True)
    return [found[i] for i in range(len(patches))]


def _of_like_shapes(shapes: Sequence[tuple[int, ...]]) -> list[Sequence[int]]:
    """Group n patches by their shapes, so that they take up little more room side by side."""
    groups = defaultdict[tuple[int, ...], list[int]](list)
    for i, shape in enumerate(shapes):
        groups[tuple(int(math.log(side) / _LOG_OF_LIKE_SIDES) for side in shape)].append(i)
    return [
        part
        for group in groups.values()
        for part in _portions(group, max(math.prod(shapes[i]) for i in group))
    ]


def _portions(group: Sequence[int], pixels: int) -> Iterator[Sequence[int]]:
    """Split a group of patches, of so many pixels each, into portions of equal size."""
    most = max(_CELL_PIXELS_AT_ONCE // pixels, 1)
    portions = -(-len(group) // most)
    for i in range(portions):
        yield group[i * len(group) // portions : (i + 1) * len(group) // portions]


def _inks_of_like_shapes(
    patches: Sequence[GreyImage], margins: Sequence[int], open_sides: Flags | None
) -> list[CellInk]:
    """Separate the handwriting in cells whose patches have nearly one shape."""
    heights, widths = np.array([patch.shape for patch in patches], np.int64).T
    sizes = PatchSizes(heights, widths, np.array(margins, np.int64))
    measured = _darknesses(patches)
    floors = np.array([floor for _, floor in measured])
    darkness = _stacked([one for one, _ in measured], sizes)
    lines, strokes = find_lines(_darker(darkness, floors), sizes)
    levels = np.array([
        _level(one, line, margin)
        for (one, _), line, margin in zip(measured, lines, margins, strict=True)
    ])  # fmt: skip
    ink = _darker(darkness, np.maximum(floors, _MIN_CELL_INK_OVER_PEN * levels))
    free = ink & ~lines | strokes
    free[np.isinf(levels)] = 0
    sides = None if open_sides is None else CellSides(lines, open_sides)
    parts = find_cell_parts(free, sizes, sides)
    beside = (ink | lines).view(np.bool_)
    on_sides = [False] * len(patches)
    if sides is not None:
        pens = zip((one for one, _ in measured), levels.tolist(), strict=True)
        on_sides = ink_on_sides(list(pens), parts, sizes, sides)
    return [
        CellInk(
            _own_ink(one, i, parts, beside[i]),
            one,
            margin,
            parts.written[i],
            parts.loose[i] or on_sides[i],
            lines[i],
        )
        for i, ((one, _), margin) in enumerate(zip(measured, margins, strict=True))
    ]


def _stacked(patches: Sequence[Ink], sizes: PatchSizes) -> Stack:
    """Patches in one array, with paper beyond them, as `cell_lines` takes them."""
    high, wide = int(sizes.heights.max()) + 1, int(sizes.widths.max()) + 1
    stack = np.zeros((len(patches), high, wide), np.uint8)
    for place, patch in zip(stack, patches, strict=True):
        place[: patch.shape[0], : patch.shape[1]] = patch
    return stack


def _level(darkness: Ink, line: Ink, margin: int) -> float:
    """Return how dark the pen in a cell is; infinite where lines cover all of the cell.

    `line`, a patch in a stack, marks the cell's lines.
    """
    free = _free(darkness, line, margin)
    if not free.any():
        return math.inf
    inside = darkness[_inner(darkness, margin)]
    return quantile(inside, 1 - _MIN_INK_OF_CELL, free.view(np.bool_))


def _inner(darkness: Ink, margin: int) -> tuple[slice, slice]:
    """Where the cell is in its patch."""
    return slice(margin, len(darkness) - margin), slice(margin, darkness.shape[1] - margin)


def _free(darkness: Ink, line: Ink, margin: int) -> Ink:
    """1 within a cell where it has no line; `line`, a patch in a stack, marks its lines."""
    return np.asarray(line[_inner(darkness, margin)] ^ 1, np.uint8)


def _own_ink(darkness: Ink, number: int, parts: CellParts, ink: Flags) -> Ink:
    """Return the ink of a cell's number, on black; `ink` marks all ink and lines of its patch."""
    result = np.zeros_like(darkness)
    extent = parts.own[number]
    if extent is not None:
        rows = slice(max(extent.top - 1, 0), min(extent.bottom + 1, len(darkness)))
        columns = slice(max(extent.left - 1, 0), min(extent.right + 1, darkness.shape[1]))
        own = parts.is_own.take(parts.labels[number, rows, columns])
        result[rows, columns] = _brightened(darkness[rows, columns], own, ink[rows, columns])
    return result


def _brightened(darkness: Ink, own: Flags, other: Flags) -> Ink:
    """Scale the cell's own ink to white; keep the soft rims of its strokes off other ink."""
    soft = cv2.dilate(own.view(np.uint8), np.ones((3, 3), np.uint8)).view(np.bool_)
    full = max(quantile(darkness, WHITE_QUANTILE, own), 1.0)
    levels = np.minimum(_LEVELS * (255.0 / full), 255.0).astype(np.uint8)
    bright = np.asarray(cv2.LUT(darkness, levels), np.uint8)
    kept = (own | (soft & ~other)) & (bright >= MIN_INK_GREY)
    return np.asarray(bright * kept, np.uint8)


def quantile(values: Ink, share: float, chosen: Flags | None = None) -> float:
    """Compute `numpy.quantile` of the chosen values (all if None) from their histogram."""
    mask = None if chosen is None else chosen.view(np.uint8)
    passed = cv2.calcHist([values], [0], mask, [256], [0, 256]).ravel().cumsum()
    place = share * (float(passed[-1]) - 1)
    below = math.floor(place)
    low, high = passed.searchsorted((below, math.ceil(place)), side="right").tolist()
    return float(low + (place - below) * (high - low))


def _darknesses(patches: Sequence[GreyImage]) -> list[tuple[Ink, float]]:
    """Return how much darker than the paper each pixel is, and up to which darkness that is noise.

    The median difference to a small blur and the lower quartile of the darkness measure paper
    only: strokes cover less than half of a cell.
    """
    reaches = [int(_PAPER_CLOSING_OF_CELL * min(patch.shape)) | 1 for patch in patches]
    papers = dict[int, GreyImage]()
    for reach in sorted(set(reaches)):
        chosen = [i for i, one in enumerate(reaches) if one == reach]
        smooth = [np.asarray(cv2.GaussianBlur(patches[i], (3, 3), 0), np.uint8) for i in chosen]
        papers |= zip(chosen, papers_under_ink(smooth, reach), strict=True)
    return [
        _darker_than(patch, papers[i], reach)
        for i, (patch, reach) in enumerate(zip(patches, reaches, strict=True))
    ]


def _darker_than(patch: GreyImage, paper: GreyImage, reach: int) -> tuple[Ink, float]:
    """Return how much darker than its paper, blurred, a patch is, and how much of that is noise."""
    darkness = np.asarray(cv2.subtract(cv2.blur(paper, (reach, reach)), patch), np.uint8)
    rough = np.asarray(cv2.absdiff(patch, cv2.blur(patch, (3, 3))), np.uint8)
    noise = INK_OVER_NOISE * quantile(rough, 0.5)
    floor = max(_MIN_DARKNESS_OF_CELL_INK, quantile(darkness, 0.25) + noise)
    return darkness, floor


def _darker(darkness: Stack, thresholds: npt.NDArray[np.float64]) -> Stack:
    """Mark the pixels above thresholds, (n,)."""
    # To compare integers is faster than to compare floats.
    whole = np.minimum(np.floor(thresholds), 255).astype(np.uint8)
    return np.asarray(darkness > whole[:, None, None], np.bool_).view(np.uint8)
