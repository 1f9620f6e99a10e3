"""Where the four printed lines of each box are in its patch, and the strokes that cross them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from formreader.digits.line_search import AROUND, Floats, Ints, best_lines, common_shift
from formreader.digits.patches import HIGH, LOW, PATCH, SIDE, Flags, mosaic

AnyScalar = TypeVar("AnyScalar", np.bool_, np.uint8)

_SLANT = round(0.05 * SIDE)
"""How far beside where it went in a slanted stroke may come out of a line."""

_THIRD = SIDE // 3

_LENGTHWAYS = (np.arange(PATCH) - (PATCH - 1) / 2) / _THIRD
"""Distance of rows (columns) from the middle in thirds of a line's length."""

_STANDING = (0, 2)
"""Of the sides left, top, right, bottom those whose lines run down, not across."""

_STEP_ALONG = np.array([PATCH, 1, PATCH, 1])[:, None, None]
_STEP_ACROSS = np.array([1, PATCH, 1, PATCH])[:, None, None]
"""What is one pixel farther along the line of each side, and across it, in a patch's memory."""


@dataclass(frozen=True, slots=True, eq=False)
class BoxLines:
    """The lines of n boxes, one for each of the sides left, top, right, bottom.

    `first` (4, n, PATCH) is the column (of top and bottom: the row) where a line
    begins, all along it; `thickness` (4, n) is the number of columns it covers, 0
    where no line was found. `edge` (4, n) is where the box ends: in the middle of the
    line, or where the finder has it. `pixels` are those of the lines of each side,
    `covered` those of any line, `inside` those within the edges of their box.
    """

    first: Ints
    thickness: Ints
    edge: npt.NDArray[np.float64]
    pixels: tuple[Flags, Flags, Flags, Flags]
    covered: Flags
    inside: Flags


def find_lines(dark: Flags) -> BoxLines:
    """The lines in patches (n, PATCH, PATCH), given what is dark in them."""
    turned = cv2.transpose(mosaic(dark.view(np.uint8)))
    across = np.asarray(turned, np.uint8).view(np.bool_).reshape(PATCH, -1, PATCH)
    cover = np.stack([_coverage(dark.transpose(1, 0, 2)), _coverage(across)])  # (2, n, 3, PATCH)
    shift = common_shift(cover.mean(axis=2))
    expected = np.stack([LOW + shift, HIGH + shift]) - 1  # (2, 2, n)
    places = np.clip(expected[..., None] + AROUND, 0, PATCH - 1)[..., None, :]
    near = np.take_along_axis(cover[None], places, axis=4)  # (2, 2, n, 3, w)
    found, before, after, tilt = best_lines(near.reshape(-1, 3, len(AROUND)))
    middle = expected.ravel()
    thickness = np.where(found, after - before + 2, 0)
    slope = np.rint(tilt[:, None] * _LENGTHWAYS).astype(np.int64)
    edge = np.where(found, middle + before + thickness / 2, middle + 1).reshape(4, -1)
    first = ((middle + before)[:, None] + slope).reshape(4, -1, PATCH)
    thickness = thickness.reshape(4, -1)
    left, top, right, bottom = (
        _line_pixels(*side) for side in zip(range(4), first, thickness, strict=True)
    )
    covered = left | top | right | bottom
    return BoxLines(first, thickness, edge, (left, top, right, bottom), covered, _inside(edge))


def without_lines(ink: Flags, lines: BoxLines) -> Flags:
    """Ink without the lines, but with the strokes that cross them.

    A stroke crosses where there is ink on both sides of the line; a slanted one comes
    out some pixels beside where it went in.
    """
    rest = ink & ~lines.covered
    before = _along(rest, lines.first - 1)
    after = _along(rest, lines.first + lines.thickness[..., None])
    crossed = _widened(before) & _widened(after)
    crossings = np.zeros_like(ink)
    for side, pixels in enumerate(lines.pixels):
        crossings |= pixels & _crossways(crossed[side], side)
    return rest | (crossings & ink)


def _inside(edge: npt.NDArray[np.float64]) -> Flags:
    """Which pixels of n patches lie within the edges (4, n) of their box."""
    grid = np.arange(PATCH)
    left, top, right, bottom = np.ceil(edge)[..., None]
    columns, rows = (left <= grid) & (grid < right), (top <= grid) & (grid < bottom)
    return np.asarray(columns[:, None] & rows[:, :, None])


def _line_pixels(side: int, first: Ints, thickness: Ints) -> Flags:
    """Which pixels the lines of one side cover."""
    grid = np.arange(PATCH, dtype=np.uint8)
    # What lies before the line wraps round to a large number.
    beyond = _lengthways(grid, side) - _crossways(first.astype(np.uint8), side)
    return np.asarray(beyond < thickness.astype(np.uint8)[:, None, None])


def _coverage(dark: Flags) -> Floats:
    """(n, 3, PATCH) share of each third of a line in the box that is dark in it or the next.

    `dark` is (PATCH, n, PATCH): all along the lines, for each box, across the lines. So
    whole pages are added up at once, not single rows.
    """
    pairs = dark[LOW:HIGH].copy()
    pairs[..., :-1] |= dark[LOW:HIGH, :, 1:]
    counts = pairs.view(np.uint8).reshape(3, _THIRD, -1, PATCH).sum(axis=1, dtype=np.uint8)
    by_box = np.ascontiguousarray(counts.transpose(1, 0, 2))
    return np.asarray(by_box / np.float32(_THIRD), np.float32)


def _crossways(values: npt.NDArray[AnyScalar], side: int) -> npt.NDArray[AnyScalar]:
    """(n, PATCH) values along the lines of a side, so shaped that all across has the same."""
    return values[:, :, None] if side in _STANDING else values[:, None]


def _lengthways(values: npt.NDArray[AnyScalar], side: int) -> npt.NDArray[AnyScalar]:
    """(PATCH,) values across the lines of a side, so shaped that all along has the same."""
    return values if side in _STANDING else values[:, None]


def _along(flags: Flags, place: Ints) -> npt.NDArray[np.bool_]:
    """(4, n, PATCH) flags along lines at `place` (4, n, PATCH); False beyond the patch."""
    patch, lengthways = np.arange(len(flags))[:, None] * PATCH**2, np.arange(PATCH)
    found = np.take(flags, patch + lengthways * _STEP_ALONG + place * _STEP_ACROSS, mode="clip")
    return np.asarray(found & (place >= 0) & (place < PATCH))


def _widened(flags: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """(4, n, PATCH) flags with each True spread to both sides."""
    kernel = np.ones((1, 2 * _SLANT + 1), np.uint8)
    rows = cv2.dilate(flags.view(np.uint8).reshape(-1, PATCH), kernel)
    return np.asarray(rows, np.uint8).view(np.bool_).reshape(flags.shape)
