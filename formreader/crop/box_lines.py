"""Find the four printed lines of each box in its patch; remove them, but no crossing stroke."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from formreader.crop.line_search import (
    AROUND,
    THIRD,
    Counts,
    Ints,
    best_lines,
    common_shift,
)
from formreader.crop.patches import (
    BOX_SIDE,
    BOX_START,
    BOX_STOP,
    PATCH_SIDE,
    Flags,
    side_by_side,
    upright,
)

_MAX_CROSSING_SLANT = round(0.05 * BOX_SIDE)
"""Largest distance in pixels, along a line, between the points where a slanted stroke meets its two
sides. Checked on rendered pages."""

_THIRDS_FROM_MIDDLE = (np.arange(PATCH_SIDE) - (PATCH_SIDE - 1) / 2) / THIRD
"""Distance of each row (column) from the middle of a patch, in thirds of a line's length."""

_STEP_ALONG = np.array([PATCH_SIDE, 1, PATCH_SIDE, 1])
_STEP_ACROSS = np.array([1, PATCH_SIDE, 1, PATCH_SIDE])
"""Memory offsets in a patch to the next pixel along the line of each side, and across it."""

_OUTWARDS = np.array([[1], [1], [-1], [-1]])
_RIGHT_AND_BOTTOM = slice(2, 4)
"""Sign of the direction into the box across each line; the sides whose `first` column is inmost."""

_MIN_EXCESS = 2
"""A line that is thicker than on its form by at least this many columns holds a stroke. On 60 drawn
pages, in 3,300 boxes with digits, 33 digits were misread; with such strokes given back 20 were."""

_BEFORE = np.tri(PATCH_SIDE + 1, PATCH_SIDE, -1, dtype=np.bool_)
_RUN_MASKS = (_BEFORE & ~_BEFORE[:, None]).reshape(-1, PATCH_SIDE)
"""Row `start * (PATCH_SIDE + 1) + stop` is True from `start` up to, but not including, `stop`."""


@dataclass(frozen=True, slots=True, eq=False)
class BoxLines:
    """The lines of n boxes, one on each side, in the order left, top, right, bottom.

    `first` (4, n, PATCH_SIDE) is the line's first column (of top and bottom: row) at each
    point along it. `thickness` (4, n) is the number of columns it covers, 0 if no line was
    found. `edge` (4, n) is the edge of the box: the centre of the line or, without a line, the
    edge that was detected. `covered` marks the pixels of all lines, `inside` those within the
    edges of their box.
    """

    first: Ints
    thickness: Ints
    edge: npt.NDArray[np.float64]
    covered: Flags
    inside: Flags


def find_lines(dark: Flags) -> BoxLines:
    """Find the lines in patches (n, PATCH_SIDE, PATCH_SIDE), given their dark pixels."""
    across = side_by_side(dark.view(np.uint8)).view(np.bool_).reshape(PATCH_SIDE, -1, PATCH_SIDE)
    cover = np.stack(
        [_coverage(dark.transpose(1, 0, 2)), _coverage(across)]
    )  # (2, n, 3, PATCH_SIDE)
    shift = common_shift(cover.sum(axis=2, dtype=np.uint8))
    expected = np.stack([BOX_START + shift, BOX_STOP + shift]) - 1  # (2, 2, n)
    places = np.clip(expected[..., None] + AROUND, 0, PATCH_SIDE - 1)[..., None, :]
    near = np.take_along_axis(cover[None], places, axis=4)  # (2, 2, n, 3, w)
    found, before, after, tilt = best_lines(near.reshape(-1, 3, len(AROUND)))
    middle = expected.ravel()
    thickness = np.where(found, after - before + 2, 0)
    slope = np.rint(tilt[:, None] * _THIRDS_FROM_MIDDLE).astype(np.int64)
    edge = np.where(found, middle + before + thickness / 2, middle + 1).reshape(4, -1)
    first = ((middle + before)[:, None] + slope).reshape(4, -1, PATCH_SIDE)
    thickness = thickness.reshape(4, -1)
    return BoxLines(first, thickness, edge, _covered(first, thickness), _inside(edge))


def as_thick_as(lines: BoxLines, form: BoxLines) -> BoxLines:
    """Limit lines to their thickness on the blank form.

    A stroke along a line, such as the bar of a 7 or a 5, looks like a part of the line. Scans make
    lines thicker or thinner, but all lines of a page alike.

    Args:
        lines: those of n boxes on a page.
        form: those of the same boxes on the reference page of their form.
    """
    both = (lines.thickness > 0) & (form.thickness > 0)
    further = _OUTWARDS * (_inner_ends(lines) - _inner_ends(form))
    usual = [np.median(one[of]) if of.any() else 0.0 for one, of in zip(further, both, strict=True)]
    excess = further - np.rint(usual).astype(np.int64)[:, None]
    excess[~both | (excess < _MIN_EXCESS)] = 0
    excess = np.minimum(excess, np.maximum(lines.thickness - 1, 0))
    first = lines.first.copy()
    first[_RIGHT_AND_BOTTOM] += excess[_RIGHT_AND_BOTTOM][..., None]
    thickness = lines.thickness - excess
    return BoxLines(first, thickness, lines.edge, _covered(first, thickness), lines.inside)


def _inner_ends(lines: BoxLines) -> Ints:
    """(4, n) the innermost column of each line, at the middle of its length."""
    ends = lines.first[:, :, PATCH_SIDE // 2].copy()
    ends[:2] += lines.thickness[:2]
    return ends


def without_lines(ink: Flags, lines: BoxLines) -> Flags:
    """Remove the lines from the ink, but not the strokes that cross them.

    A stroke crosses a line where there is ink on both sides of it. If the stroke is slanted, these
    two points are some pixels apart along the line.
    """
    rest = ink & ~lines.covered
    ends = lines.first - 1, lines.first + lines.thickness[..., None]
    before, after = (_widened(_along(rest, place)) for place in ends)
    crossings = _crossings(before & after, lines)
    rest.ravel()[crossings] = ink.ravel()[crossings]
    return rest


def _crossings(crossed: npt.NDArray[np.bool_], lines: BoxLines) -> Ints:
    """Return the flat indices of the lines' pixels where `crossed` (4, n, PATCH_SIDE) is set."""
    side, patch, along = np.nonzero(crossed & (lines.thickness[..., None] > 0))
    deep = np.arange(lines.thickness.max(initial=0))
    across = lines.first[side, patch, along][:, None] + deep
    on_line = (deep < lines.thickness[side, patch][:, None]) & (across >= 0) & (across < PATCH_SIDE)
    begins = patch * PATCH_SIDE**2 + along * _STEP_ALONG[side]
    return np.asarray((begins[:, None] + across * _STEP_ACROSS[side][:, None])[on_line], np.int64)


def _covered(first: Ints, thickness: Ints) -> Flags:
    """Return the pixels of lines from their `first` (4, n, PATCH_SIDE) and `thickness` (4, n)."""
    start = np.clip(first, 0, PATCH_SIDE)
    stop = np.clip(first + thickness[..., None], 0, PATCH_SIDE)
    left, top, right, bottom = start * (PATCH_SIDE + 1) + stop
    vertical = _run_masks(left) | _run_masks(right)
    horizontal = _run_masks(top.T) | _run_masks(bottom.T)  # (PATCH_SIDE, n, PATCH_SIDE)
    transposed = upright(horizontal.view(np.uint8).reshape(PATCH_SIDE, -1), len(vertical))
    return vertical | transposed.view(np.bool_)


def _inside(edge: npt.NDArray[np.float64]) -> Flags:
    """Mark the pixels of n patches within the edges (4, n) of their box."""
    grid = np.arange(PATCH_SIDE)
    left, top, right, bottom = np.clip(np.ceil(edge), 0, PATCH_SIDE).astype(np.int64)[..., None]
    return _run_masks(((top <= grid) & (grid < bottom)) * (left * (PATCH_SIDE + 1) + right))


def _run_masks(rows: Ints) -> Flags:
    """Copy rows of `_RUN_MASKS`, which is far faster than drawing the runs."""
    return np.take(_RUN_MASKS, rows, axis=0)


def _coverage(dark: Flags) -> Counts:
    """Count the dark points of each column in each third of its length: it or the next is dark.

    Args:
        dark: (PATCH_SIDE, n, PATCH_SIDE) along the lines, boxes, across the lines; in this order
            the sums run over all boxes of a page at once.

    Returns:
        (n, 3, PATCH_SIDE) counts in pixels.
    """
    pairs = dark[BOX_START:BOX_STOP].copy()
    row = pairs.ravel()  # as one row; the last columns have no next one and are set below
    row[:-1] |= row[1:]
    pairs[..., -1] = dark[BOX_START:BOX_STOP, :, -1]
    counts = pairs.view(np.uint8).reshape(3, THIRD, -1, PATCH_SIDE).sum(axis=1, dtype=np.uint8)
    return np.asarray(counts.transpose(1, 0, 2), np.uint8)


def _along(flags: Flags, place: Ints) -> npt.NDArray[np.bool_]:
    """Read flags along lines at `place` (4, n, PATCH_SIDE); False outside of the patch."""
    patch, lengthways = np.arange(len(flags))[:, None] * PATCH_SIDE**2, np.arange(PATCH_SIDE)
    step_along, step_across = _STEP_ALONG[:, None, None], _STEP_ACROSS[:, None, None]
    found = np.take(flags, patch + lengthways * step_along + place * step_across, mode="clip")
    return np.asarray(found & (place >= 0) & (place < PATCH_SIDE))


def _widened(flags: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Spread each True of flags (4, n, PATCH_SIDE) along the line to both sides."""
    kernel = np.ones((1, 2 * _MAX_CROSSING_SLANT + 1), np.uint8)
    rows = cv2.dilate(flags.view(np.uint8).reshape(-1, PATCH_SIDE), kernel)
    return np.asarray(rows, np.uint8).view(np.bool_).reshape(flags.shape)
