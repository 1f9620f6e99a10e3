"""Rows moved onto their printed lines, to a fraction of a pixel.

The network's boxes are right to a pixel or two. Across each edge the lines are looked
for in the darkness along it; all edges of a row together tell how the row has to be
moved and stretched, so that a stroke that runs along one edge, or an edge that was not
printed, does no harm.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from formreader.forms.rows import Row
from formreader.types import GreyImage

_Floats = npt.NDArray[np.float64]

# How far from an edge its line is looked for, as a share of the box's shorter side, and in pixels.
_REACH = 0.16
_MOST = 8
_OFFSETS = np.arange(-_MOST - 2, _MOST + 3)

# Points along an edge, without the corners, where other lines meet it.
_ALONG = np.linspace(0.14, 0.86, 13)

# A line is darker than what is this many pixels inside of it.
_INSIDE = 2

# Strokes are darker than faint lines, but count no more.
_DARK_ENOUGH = 90.0

# Darkness that makes an edge count fully; what an edge far off its place has to be darker;
# the least mean weight of a row's edges; how far an edge may be off the others, in pixels.
_CERTAIN = 30.0
_DISTANCE_COST = 12.0
_LEAST_WEIGHT = 0.12
_OUTLIER = 1.3


def refine_rows(even: GreyImage, rows: Sequence[Row]) -> list[Row]:
    """The rows with their edges on the lines of an evenly lit page, (h, w) uint8."""
    if not rows:
        return []
    corners = np.concatenate([row.corners for row in rows])
    ends = np.cumsum([len(row) for row in rows])[:-1]
    darkness = np.asarray(255 - even, np.uint8)
    edges = {
        "top": _offsets(darkness, corners[:, 0], corners[:, 1], corners, (0, 1)),
        "bottom": _offsets(darkness, corners[:, 3], corners[:, 2], corners, (0, -1)),
        "left": _offsets(darkness, corners[:, 0], corners[:, 3], corners, (1, 0)),
        "right": _offsets(darkness, corners[:, 1], corners[:, 2], corners, (-1, 0)),
    }
    by_row = {side: [np.split(part, ends) for part in parts] for side, parts in edges.items()}
    return [
        _moved(row, {side: (parts[0][i], parts[1][i]) for side, parts in by_row.items()})
        for i, row in enumerate(rows)
    ]


def _offsets(
    darkness: GreyImage, start: _Floats, end: _Floats, corners: _Floats, inwards: tuple[int, int]
) -> tuple[_Floats, _Floats]:
    """Where the line of each edge is, in pixels along x or y from the edge, and its weight.

    `start` and `end` are (n, 2); `inwards` is the direction into the box.
    """
    axis = 0 if inwards[0] else 1
    way = start[:, None] + _ALONG[:, None] * (end - start)[:, None]  # (n, points, 2)
    places = np.rint(way[:, None]).astype(np.int64).repeat(len(_OFFSETS), axis=1)
    places[..., axis] += _OFFSETS[:, None]
    height, width = darkness.shape
    x = np.clip(places[..., 0], 0, width - 1)
    y = np.clip(places[..., 1], 0, height - 1)
    profile = np.minimum(darkness[y, x], _DARK_ENOUGH).mean(axis=2)  # (n, offsets)
    step = inwards[axis]
    line = profile - np.roll(profile, -step * _INSIDE, axis=1)
    side = np.minimum(
        np.linalg.norm(corners[:, 1] - corners[:, 0], axis=1),
        np.linalg.norm(corners[:, 3] - corners[:, 0], axis=1),
    )
    reach = np.clip(_REACH * side, 2, _MOST)[:, None]
    distance = np.abs(_OFFSETS)[None]
    value = np.where(distance <= reach, line - _DISTANCE_COST * distance / reach, -np.inf)
    best = value.argmax(axis=1)
    each = np.arange(len(best))
    below, here, above = (line[each, best + k] for k in (-1, 0, 1))
    bend = np.minimum(below - 2 * here + above, -1e-6)
    fraction = np.clip((below - above) / (2 * bend), -0.5, 0.5)
    # Pixels were looked at where the way was rounded to.
    rounding = (np.rint(way[..., axis]) - way[..., axis]).mean(axis=1)
    weight = np.clip(here / _CERTAIN, 0, 1) ** 2
    return _OFFSETS[best] + fraction + rounding, weight


def _moved(row: Row, edges: dict[str, tuple[_Floats, _Floats]]) -> Row:
    corners = row.corners.copy()
    middle = corners.mean(axis=1)[:, 0]
    for side, ends in (("top", (0, 1)), ("bottom", (3, 2))):
        fit = _fit(middle, *edges[side])
        for k in ends:
            corners[:, k, 1] += np.polyval(fit, row.corners[:, k, 0])
    shared = len(row) > 1 and bool(np.allclose(corners[1:, 0, 0], corners[:-1, 1, 0], atol=0.01))
    if shared:  # the separators of a comb, each an edge of two boxes
        x = np.concatenate([row.corners[:, 0, 0], row.corners[:, 1, 0]])
        both = [np.concatenate([edges["left"][i], edges["right"][i]]) for i in (0, 1)]
        fit = _fit(x, both[0], both[1])
        fits = (fit, fit)
    else:
        fits = (
            _fit(row.corners[:, 0, 0], *edges["left"]),
            _fit(row.corners[:, 1, 0], *edges["right"]),
        )
    for fit, ends in zip(fits, ((0, 3), (1, 2)), strict=True):
        shift = np.polyval(fit, row.corners[:, ends[0], 0])
        for k in ends:
            corners[:, k, 0] += shift
    return Row(corners, row.scores, _separation(edges["left"][1], edges["right"][1]))


def _separation(left: _Floats, right: _Floats) -> float:
    """How much of the edges between boxes is ruled; of a box alone, of its worse side."""
    if len(left) == 1:
        return float(min(left[0], right[0]))
    return float((left[1:].mean() + right[:-1].mean()) / 2)


def _fit(x: _Floats, offset: _Floats, weight: _Floats) -> _Floats:
    """Coefficients of the straight line through most of the offsets; of none without edges."""
    for _ in range(2):
        if weight.sum() < _LEAST_WEIGHT * len(weight):
            return np.zeros(2)
        centre = float(np.average(x, weights=weight))
        usual = float(np.average(offset, weights=weight))
        spread = float(np.average((x - centre) ** 2, weights=weight))
        slope = 0.0
        if len(x) > 2 and spread > 1:
            slope = float(np.average((x - centre) * (offset - usual), weights=weight)) / spread
        fit = np.array([slope, usual - slope * centre])
        weight = np.where(np.abs(np.polyval(fit, x) - offset) <= _OUTLIER, weight, 0.0)
    return fit
