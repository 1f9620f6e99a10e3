"""Where the four printed lines of each box are in its patch, and the strokes that cross them."""

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
from formreader.crop.patches import HIGH, LOW, PATCH, SIDE, Flags, side_by_side, upright

_SLANT = round(0.05 * SIDE)
"""How far beside where it went in a slanted stroke may come out of a line."""

_LENGTHWAYS = (np.arange(PATCH) - (PATCH - 1) / 2) / THIRD
"""Distance of rows (columns) from the middle in thirds of a line's length."""

_STEP_ALONG = np.array([PATCH, 1, PATCH, 1])
_STEP_ACROSS = np.array([1, PATCH, 1, PATCH])
"""What is one pixel farther along the line of each side, and across it, in a patch's memory."""

_BEFORE = np.tri(PATCH + 1, PATCH, -1, dtype=np.bool_)
_RUNS = (_BEFORE & ~_BEFORE[:, None]).reshape(-1, PATCH)
"""Row `start * (PATCH + 1) + stop`: True from `start` up to but without `stop`."""


@dataclass(frozen=True, slots=True, eq=False)
class BoxLines:
    """The lines of n boxes, one for each of the sides left, top, right, bottom.

    `first` (4, n, PATCH) is the column (of top and bottom: the row) where a line
    begins, all along it; `thickness` (4, n) is the number of columns it covers, 0
    where no line was found. `edge` (4, n) is where the box ends: in the middle of the
    line, or where the finder has it. `covered` are the pixels of all lines, `inside`
    those within the edges of their box.
    """

    first: Ints
    thickness: Ints
    edge: npt.NDArray[np.float64]
    covered: Flags
    inside: Flags


def find_lines(dark: Flags) -> BoxLines:
    """The lines in patches (n, PATCH, PATCH), given what is dark in them."""
    across = side_by_side(dark.view(np.uint8)).view(np.bool_).reshape(PATCH, -1, PATCH)
    cover = np.stack([_coverage(dark.transpose(1, 0, 2)), _coverage(across)])  # (2, n, 3, PATCH)
    shift = common_shift(cover.sum(axis=2, dtype=np.uint8))
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
    return BoxLines(first, thickness, edge, _covered(first, thickness), _inside(edge))


def without_lines(ink: Flags, lines: BoxLines) -> Flags:
    """Ink without the lines, but with the strokes that cross them.

    A stroke crosses where there is ink on both sides of the line; a slanted one comes
    out some pixels beside where it went in.
    """
    rest = ink & ~lines.covered
    ends = lines.first - 1, lines.first + lines.thickness[..., None]
    before, after = (_widened(_along(rest, place)) for place in ends)
    crossings = _crossings(before & after, lines)
    rest.ravel()[crossings] = ink.ravel()[crossings]
    return rest


def _crossings(crossed: npt.NDArray[np.bool_], lines: BoxLines) -> Ints:
    """Numbers of the pixels that lines have where they are crossed, (4, n, PATCH)."""
    side, patch, along = np.nonzero(crossed & (lines.thickness[..., None] > 0))
    deep = np.arange(lines.thickness.max(initial=0))
    across = lines.first[side, patch, along][:, None] + deep
    on_line = (deep < lines.thickness[side, patch][:, None]) & (across >= 0) & (across < PATCH)
    begins = patch * PATCH**2 + along * _STEP_ALONG[side]
    return np.asarray((begins[:, None] + across * _STEP_ACROSS[side][:, None])[on_line], np.int64)


def _covered(first: Ints, thickness: Ints) -> Flags:
    """The pixels (n, PATCH, PATCH) of lines: (4, n, PATCH) where they begin, and (4, n)."""
    start = np.clip(first, 0, PATCH)
    stop = np.clip(first + thickness[..., None], 0, PATCH)
    left, top, right, bottom = start * (PATCH + 1) + stop
    standing = _runs(left) | _runs(right)
    lying = _runs(top.T) | _runs(bottom.T)  # along the lines, box, across them
    turned = upright(lying.view(np.uint8).reshape(PATCH, -1), len(standing))
    return standing | turned.view(np.bool_)


def _inside(edge: npt.NDArray[np.float64]) -> Flags:
    """Which pixels of n patches lie within the edges (4, n) of their box."""
    grid = np.arange(PATCH)
    left, top, right, bottom = np.clip(np.ceil(edge), 0, PATCH).astype(np.int64)[..., None]
    return _runs(((top <= grid) & (grid < bottom)) * (left * (PATCH + 1) + right))


def _runs(numbers: Ints) -> Flags:
    """Rows of `_RUNS`, which take far less time to copy than to draw."""
    return np.take(_RUNS, numbers, axis=0)


def _coverage(dark: Flags) -> Counts:
    """(n, 3, PATCH) how many pixels of each third of a line are dark in it or the next.

    `dark` is (PATCH, n, PATCH): all along the lines, for each box, across the lines. So
    whole pages are added up at once, not single rows.
    """
    pairs = dark[LOW:HIGH].copy()
    row = pairs.ravel()  # all as one row: the last column has no next one
    row[:-1] |= row[1:]
    pairs[..., -1] = dark[LOW:HIGH, :, -1]
    counts = pairs.view(np.uint8).reshape(3, THIRD, -1, PATCH).sum(axis=1, dtype=np.uint8)
    return np.asarray(counts.transpose(1, 0, 2), np.uint8)


def _along(flags: Flags, place: Ints) -> npt.NDArray[np.bool_]:
    """(4, n, PATCH) flags along lines at `place` (4, n, PATCH); False beyond the patch."""
    patch, lengthways = np.arange(len(flags))[:, None] * PATCH**2, np.arange(PATCH)
    step_along, step_across = _STEP_ALONG[:, None, None], _STEP_ACROSS[:, None, None]
    found = np.take(flags, patch + lengthways * step_along + place * step_across, mode="clip")
    return np.asarray(found & (place >= 0) & (place < PATCH))


def _widened(flags: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """(4, n, PATCH) flags with each True spread to both sides."""
    kernel = np.ones((1, 2 * _SLANT + 1), np.uint8)
    rows = cv2.dilate(flags.view(np.uint8).reshape(-1, PATCH), kernel)
    return np.asarray(rows, np.uint8).view(np.bool_).reshape(flags.shape)
