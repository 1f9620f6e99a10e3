"""Draw the target maps of the box network for a piece of a page."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from formreader.detect.peaks import REFERENCE_SIDE, STRIDE

Targets: TypeAlias = npt.NDArray[np.float32]
"""(height / 4, width / 4, channels): those of boxes are named below."""

HEAT = 0
"""Closeness to the centre of a box: 1 in the centre's own cell, less around it."""

OFFSETS = slice(1, 3)
"""Offset of the centre from the middle of the cell, x and y in cells."""

SIDES = slice(3, 5)
"""Log width and log height of the box in units of `REFERENCE_SIDE`."""

HEAT_WEIGHT = 5
"""Whether a heat below 1 counts: 0 at boxes that are too small or too large to be taught."""

SHAPE_WEIGHT = 6
"""Weight of offsets and sides."""

BOX_TARGETS = 7
"""Channels that boxes take."""

MIN_TAUGHT_SIDE, MAX_TAUGHT_SIDE = 8.0, 150.0
"""Sides in pixels of the boxes that are taught; finding others is neither right nor wrong. No
record of a measurement, here and below."""

_HEAT_SIGMA = 0.13
"""Standard deviation of the heat as a share of the box's side: a shift by this hardly changes the
overlap."""
_MIN_HEAT_SIGMA = 0.55
"""Smallest standard deviation of the heat in cells: even a small box warms the cells around it."""

_MIN_SHAPE_HEAT = 0.3
"""Heat of the cells whose offset and sides count."""
_MIN_UNTAUGHT_HEAT = 0.1
"""Heat from which cells near a box that is not taught do not count."""


def draw_targets(quads: npt.NDArray[np.float32], height: int, width: int) -> Targets:
    """Draw targets for boxes with corners `quads`, (n, 4, 2) pixels of a (height, width) piece.

    Around each centre the heat falls off as a Gaussian, narrow compared with the box (Zhou et al.
    2019). Where two boxes meet, a cell belongs to the one with more heat. Boxes with their centre
    outside of the piece are left out.
    """
    rows, columns = height // STRIDE, width // STRIDE
    target = np.zeros((rows, columns, BOX_TARGETS), np.float32)
    target[..., HEAT_WEIGHT] = 1
    centres = (quads.mean(axis=1) + 0.5) / STRIDE - 0.5
    inside = ((centres > -1) & (centres < (columns, rows))).all(axis=1)
    sides = _sides(quads[inside])
    for centre, box in zip(centres[inside].tolist(), sides.tolist(), strict=True):
        _draw(target, centre, box)
    return target


def _sides(quads: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Width and height of quads, (n, 2), each the mean of two opposite edges."""
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
    if min(sides) < MIN_TAUGHT_SIDE or max(sides) > MAX_TAUGHT_SIDE:
        window[..., HEAT_WEIGHT][heat > _MIN_UNTAUGHT_HEAT] = 0
        return
    heat[(np.abs(dy) <= 0.5)[:, None] & (np.abs(dx) <= 0.5)] = 1
    hotter = heat > window[..., HEAT]
    window[..., HEAT][hotter] = heat[hotter]
    y, x = np.nonzero(hotter & (heat >= _MIN_SHAPE_HEAT))
    window[y, x, OFFSETS] = np.stack([dx[x], dy[y]], axis=1)
    window[y, x, SIDES] = np.log(np.divide(sides, REFERENCE_SIDE))
    window[y, x, SHAPE_WEIGHT] = heat[y, x]


def _profile(
    middle: float, side: float, cells: int
) -> tuple[int, int, npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Along one axis: first and last (exclusive) cell near a centre, its offset from each, heat."""
    spread = max(_HEAT_SIGMA * side / STRIDE, _MIN_HEAT_SIGMA)
    reach = int(3 * spread) + 1
    start, end = max(round(middle) - reach, 0), min(round(middle) + reach + 1, cells)
    distance = middle - np.arange(start, end, dtype=np.float32)
    return start, end, distance, np.exp(-(distance**2) / (2 * spread**2))
