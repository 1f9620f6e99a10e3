"""Find the holes that are left in tables: cells between others that the network did not find.

Square cells look like boxes of digits, and large strokes hide a cell's middle. Where two cells meet
at a corner only, the two places that complete them to four are cells as well, if they are free and
have printed lines all around.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from formreader.core.records import GreyImage
from formreader.detect.cell_alignment import MIN_RULED_EDGE
from formreader.detect.cell_maps import FoundCells
from formreader.detect.line_snapping import snap_quads_to_lines

_Floats: TypeAlias = npt.NDArray[np.float64]

PLACE_OF_HOLE = 0.5
"""`DigitBox.place` of a cell that fills a hole: the network may have seen why there is none."""

_MAX_CORNERS_APART = 0.12
"""Distance of the corners of two cells that meet, along x and along y, in heights of the lower of
them. With these numbers, which were not varied, 8 more of the places of `numbers/composed` are
found, one with a number, and none that is no cell."""

_MAX_TAKEN_OF_HOLE = 0.1
"""Share of a hole that it may have in common with a cell."""

_MAX_FILLINGS = 4
"""How often holes are looked for: those that were filled show others."""


def with_holes_filled(even: GreyImage, cells: FoundCells, boxes: _Floats) -> FoundCells:
    """The cells of an upright, evenly lit page, (h, w) uint8, and the holes between them.

    A hole has the lower score of the two cells that show it. `boxes`, (m, 4, 2), are those of the
    page's rows, whose places are taken.
    """
    for _ in range(_MAX_FILLINGS):
        holes = _holes(cells, boxes)
        if not len(holes):
            break
        corners, ruled = snap_quads_to_lines(even, holes.corners)
        holes = replace(holes, corners=corners, ruled=ruled)
        holes = holes.select(ruled.min(axis=1) >= MIN_RULED_EDGE)
        holes = holes.select(_are_free(holes, cells, boxes))
        if not len(holes):
            break
        cells = cells.with_more(holes)
    return cells


def _holes(cells: FoundCells, boxes: _Floats) -> FoundCells:
    """The free places beside pairs of cells that meet."""
    top_left, top_right, bottom_right, bottom_left = cells.corners.transpose(1, 0, 2)
    heights = cells.heights
    pairs = []
    # The second cell of a pair is right of the first one: above it, or below.
    for own, other in ((top_right, bottom_left), (bottom_right, top_left)):
        apart = np.maximum(*(np.abs(own[:, None, axis] - other[:, axis]) for axis in (0, 1)))
        meet = apart <= _MAX_CORNERS_APART * np.minimum(heights[:, None], heights)
        np.fill_diagonal(meet, False)
        pairs.append(np.argwhere(meet))
    both = np.concatenate(pairs)
    column, row = np.concatenate([both, both[:, ::-1]]).T
    left, right = ((one + other)[column, 0] / 2 for one, other in (
        (top_left, bottom_left), (top_right, bottom_right)))  # fmt: skip
    top, bottom = ((one + other)[row, 1] / 2 for one, other in (
        (top_left, top_right), (bottom_left, bottom_right)))  # fmt: skip
    n = len(column)
    corners = np.stack([left, top, right, top, right, bottom, left, bottom], axis=1)
    scores = np.minimum(cells.scores[column], cells.scores[row])
    holes = FoundCells(corners.reshape(n, 4, 2), scores, np.ones((n, 4)), np.zeros(n, np.bool_))
    # Most are taken, which the middle shows at once.
    taken = np.concatenate([cells.corners, boxes])
    inside = np.ones((n, len(taken)), np.bool_)
    for axis, middle in enumerate(((left + right) / 2, (top + bottom) / 2)):
        low, high = taken[:, :, axis].min(axis=1), taken[:, :, axis].max(axis=1)
        inside &= (low < middle[:, None]) & (middle[:, None] < high)
    holes = holes.select(np.asarray(~inside.any(axis=1), np.bool_))
    return holes.select(_are_free(holes, cells, boxes))


def _are_free(holes: FoundCells, cells: FoundCells, boxes: _Floats) -> npt.NDArray[np.bool_]:
    """(n,) which holes to take, so that each place has one, and none that a cell or a box has."""
    taken = np.concatenate([cells.corners, boxes])
    low, high = taken.min(axis=1), taken.max(axis=1)
    chosen = np.zeros(len(holes), np.bool_)
    for i in np.argsort(-holes.scores, kind="stable").tolist():
        start, end = holes.corners[i].min(axis=0), holes.corners[i].max(axis=0)
        common = np.clip(np.minimum(high, end) - np.maximum(low, start), 0, None).prod(axis=1)
        if (common <= _MAX_TAKEN_OF_HOLE * (end - start).prod()).all():
            chosen[i] = True
            low, high = np.vstack([low, start]), np.vstack([high, end])
    return chosen
