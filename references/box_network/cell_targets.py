"""Draw the target maps of the cells for whole numbers on a piece of a page."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from box_network.box_targets import BOX_TARGETS, Targets, draw_targets
from formreader.detect.cell_maps import EDGE_REACH, core_margin
from formreader.detect.peaks import REFERENCE_SIDE, STRIDE

CORE = BOX_TARGETS
"""Channel of the share of a map cell that lies in the core of a cell: the cell without margins."""

CORE_WEIGHT = CORE + 1
"""Channel that tells whether the core counts: 0 in cells that are too low or too high."""

EDGES = slice(CORE + 2, CORE + 6)
"""Channels of the distances to the left, upper, right and lower edge, in `REFERENCE_SIDE`s, at most
`EDGE_REACH`."""

EDGE_WEIGHTS = slice(CORE + 6, CORE + 10)
"""Channels that tell which distances count: those in the core that are within reach."""

_CELL_TARGETS = 10
"""Channels that cells take."""

MIN_TAUGHT_HEIGHT, MAX_TAUGHT_HEIGHT = 9.0, 130.0
"""Heights in pixels of the cells that are taught. No record of a measurement."""


def draw_all_targets(
    boxes: npt.NDArray[np.float32], cells: npt.NDArray[np.float32], height: int, width: int
) -> Targets:
    """Targets for the boxes (n, 4, 2) and the cells (m, 4, 2) of a (height, width) piece.

    (height / 4, width / 4, 17): the channels of `draw_targets`, then those named here.
    """
    of_boxes = draw_targets(boxes, height, width)
    return np.concatenate([of_boxes, draw_cell_targets(cells, height, width)], axis=2)


def draw_cell_targets(cells: npt.NDArray[np.float32], height: int, width: int) -> Targets:
    """Targets (height / 4, width / 4, 10) for cells with corners (m, 4, 2) in pixels."""
    rows, columns = height // STRIDE, width // STRIDE
    target = np.zeros((rows, columns, _CELL_TARGETS), np.float32)
    weight = target[..., CORE_WEIGHT - CORE]
    weight[:] = 1
    for quad in cells:
        low, high = quad.min(axis=0), quad.max(axis=0)
        if (high <= 0).any() or (low >= (width, height)).any():
            continue
        tall = float(np.linalg.norm(quad[3] - quad[0] + quad[2] - quad[1]) / 2)
        if MIN_TAUGHT_HEIGHT <= tall <= MAX_TAUGHT_HEIGHT:
            _draw_cell(target, quad)
        else:
            weight[_filled(quad, rows, columns) > 0] = 0
    return target


def _draw_cell(target: Targets, quad: npt.NDArray[np.float32]) -> None:
    core = _filled(_shrunk(quad), *target.shape[:2])
    y, x = np.nonzero(core)
    if not len(y):
        return
    target[y, x, 0] = np.maximum(target[y, x, 0], core[y, x])
    px, py = ((np.asarray(at, np.float64) + 0.5) * STRIDE - 0.5 for at in (x, y))
    distances = _distances(quad, px, py)
    inside = (core[y, x] > 0.5)[:, None] & (distances < EDGE_REACH)
    target[y, x, EDGES.start - CORE : EDGES.stop - CORE] = np.clip(distances, 0, EDGE_REACH)
    target[y, x, EDGE_WEIGHTS.start - CORE : EDGE_WEIGHTS.stop - CORE] = inside


def _shrunk(quad: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The quad without the margin of its core along each edge."""
    across = ((quad[1] - quad[0]) + (quad[2] - quad[3])) / 2
    down = ((quad[3] - quad[0]) + (quad[2] - quad[1])) / 2
    width, height = float(np.linalg.norm(across)), float(np.linalg.norm(down))
    margin = core_margin(min(width, height))
    dx, dy = across / width * margin, down / height * margin
    return np.asarray(quad + np.stack([dx + dy, dy - dx, -dx - dy, dx - dy]), np.float32)


def _filled(quad: npt.NDArray[np.float32], rows: int, columns: int) -> npt.NDArray[np.float32]:
    """(rows, columns) share of each map cell that a quad covers."""
    mask = np.zeros((rows * STRIDE, columns * STRIDE), np.uint8)
    cv2.fillConvexPoly(mask, np.rint(quad * 16).astype(np.int32), 255, cv2.LINE_8, 4)
    small = cv2.resize(mask, (columns, rows), interpolation=cv2.INTER_AREA)
    return np.asarray(small / 255, np.float32)


def _distances(
    quad: npt.NDArray[np.float32], x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """(n, 4) distances of n points to the left, upper, right and lower edge, in reference sides."""
    a, b, c, d = quad.astype(np.float64)

    def along(
        p: npt.NDArray[np.float64], q: npt.NDArray[np.float64], axis: int
    ) -> npt.NDArray[np.float64]:
        """Where the edge from p to q is at the points' other coordinate."""
        at, other = (y, 1) if axis == 0 else (x, 0)
        share = (at - p[other]) / (q[other] - p[other])
        return np.asarray(p[axis] + share * (q[axis] - p[axis]))

    left, right = x - along(a, d, 0), along(b, c, 0) - x
    top, bottom = y - along(a, b, 1), along(d, c, 1) - y
    return np.asarray(np.stack([left, top, right, bottom], axis=1) / REFERENCE_SIDE)
