"""What the box network shall answer for a piece of a page."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from formreader.detect.peaks import REFERENCE_SIDE, STRIDE

Targets: TypeAlias = npt.NDArray[np.float32]
"""(height / 4, width / 4, 7): a cell's channels are those named below."""

HEAT = 0
"""How near a box's centre is: 1 in the centre's own cell, less around it."""

OFFSETS = slice(1, 3)
"""Where the centre is from the middle of the cell, x and y in cells."""

SIDES = slice(3, 5)
"""Log width and log height of the box in `REFERENCE_SIDE`."""

HEAT_WEIGHT = 5
"""Whether the heat counts where it is below 1: 0 at boxes that are not taught."""

SHAPE_WEIGHT = 6
"""How much offsets and sides count."""

_CHANNELS = 7

SMALLEST, LARGEST = 8.0, 150.0
"""Sides in pixels of the boxes that are taught; others are neither right nor wrong."""

# The heat's standard deviation as a share of the box's side: a shift by this hardly matters to
# the overlap. In cells it is never so narrow that a centre has no warm neighbours.
_SPREAD = 0.13
_LEAST_SPREAD = 0.55

_SHAPE_FROM = 0.3  # heat of the cells that are asked for offset and sides
_UNTAUGHT_FROM = 0.1  # heat that a box would have where its cells do not count


def draw_targets(quads: npt.NDArray[np.float32], height: int, width: int) -> Targets:
    """Targets for boxes with corners `quads`, (n, 4, 2) pixels of a (height, width) piece.

    Around each centre the heat falls off as a Gaussian that is narrow against the box
    (Zhou et al. 2019). Where two boxes meet, a cell belongs to the one whose heat is higher.
    Boxes with their centre outside of the piece are left out.
    """
    rows, columns = height // STRIDE, width // STRIDE
    target = np.zeros((rows, columns, _CHANNELS), np.float32)
    target[..., HEAT_WEIGHT] = 1
    centres = (quads.mean(axis=1) + 0.5) / STRIDE - 0.5
    inside = ((centres > -1) & (centres < (columns, rows))).all(axis=1)
    sides = _sides(quads[inside])
    for centre, box in zip(centres[inside].tolist(), sides.tolist(), strict=True):
        _draw(target, centre, box)
    return target


def _sides(quads: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """(n, 2) width and height of quads, each the mean of two opposite edges."""
    a, b, c, d = quads.transpose(1, 0, 2)
    across, down = (b - a + c - d) / 2, (d - a + c - b) / 2
    return np.stack([np.linalg.norm(across, axis=1), np.linalg.norm(down, axis=1)], axis=1)


def _draw(target: Targets, centre: list[float], sides: list[float]) -> None:
    """Draw one box; `centre` in cells, `sides` in pixels."""
    (x0, x1, dx, across), (y0, y1, dy, down) = (
        _profile(middle, side, cells)
        for middle, side, cells in zip(centre, sides, target.shape[1::-1], strict=False)
    )
    heat = down[:, None] * across
    window = target[y0:y1, x0:x1]
    if min(sides) < SMALLEST or max(sides) > LARGEST:
        window[..., HEAT_WEIGHT][heat > _UNTAUGHT_FROM] = 0
        return
    heat[(np.abs(dy) <= 0.5)[:, None] & (np.abs(dx) <= 0.5)] = 1
    hotter = heat > window[..., HEAT]
    window[..., HEAT][hotter] = heat[hotter]
    y, x = np.nonzero(hotter & (heat >= _SHAPE_FROM))
    window[y, x, OFFSETS] = np.stack([dx[x], dy[y]], axis=1)
    window[y, x, SIDES] = np.log(np.divide(sides, REFERENCE_SIDE))
    window[y, x, SHAPE_WEIGHT] = heat[y, x]


def _profile(
    middle: float, side: float, cells: int
) -> tuple[int, int, npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Along one axis: the cells near a centre, from and to, how far it is from each, and heat."""
    spread = max(_SPREAD * side / STRIDE, _LEAST_SPREAD)
    reach = int(3 * spread) + 1
    start, end = max(round(middle) - reach, 0), min(round(middle) + reach + 1, cells)
    distance = middle - np.arange(start, end, dtype=np.float32)
    return start, end, distance, np.exp(-(distance**2) / (2 * spread**2))
