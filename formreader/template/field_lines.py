"""Move the fields of a form onto the printed lines of a page, as they lie on the reference page.

The template knows the size and the distances of the boxes, so a field is moved as a whole: shifted,
and stretched or tilted by little. How far each line is from where the alignment expects it says by
how much; strokes beside an edge are outvoted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from formreader.core.records import GreyImage
from formreader.detect.line_snapping import Edges, find_edges
from formreader.template.page_map import Floats

_ACROSS = np.array([1, 1, 0, 0])
"""The axis across the upper, lower, left and right edge of a box: 0 for x, 1 for y."""

_USUAL_SHIFT, _USUAL_TILT = 1.0, 0.5
"""Standard deviations, in pixels, of how far a field is from where its page has it, and of how much
further one end of it is than its middle: alignment leaves so much."""

_LINE_NOISE = 0.7
"""Standard deviation, in pixels, of where a line is found."""

_MISSES = (3.0, 2.0, 1.4, 1.0, 1.0)
"""Pixels by which a line may miss the place that its field gives it, in each round of the fit."""

_MAX_LINE_MISS = 1.5
"""Pixels up to which a line confirms a place."""

_MIN_RULED = 0.15
"""Mean confidence in the lines of a field on the reference page below which it has none that could
confirm its place."""


@dataclass(frozen=True, slots=True, eq=False)
class OnLines:
    """Corners (n, 4, 2) of boxes on the lines of a page.

    `confirmed`, (fields,): the share of the lines that each field has on its form which are where
    they must be on the page, those across or those along, whichever is less; 1 where the form has
    none.
    """

    corners: Floats
    confirmed: Floats


def on_lines(
    even: GreyImage,
    corners: Floats,
    on_form: Floats,
    form_edges: Edges,
    owner: npt.NDArray[np.int64],
) -> OnLines:
    """Move the fields of an aligned page, (h, w) uint8, onto its lines.

    Args:
        even: the page, evenly lit.
        corners: (n, 4, 2) of the boxes of all fields on the page, as it is aligned.
        on_form: the same on the reference page.
        form_edges: the lines at their edges on the reference page.
        owner: (n,) the number of each box's field.
    """
    if not len(corners):
        return OnLines(corners, np.zeros(0))
    edges = find_edges(even, corners)
    larger = (_sides(corners) / np.maximum(_sides(on_form), 1))[_ACROSS]  # (4, n)
    offset = edges.offset - larger * form_edges.offset
    weight = edges.weight * form_edges.weight
    x = corners[..., 0].mean(axis=1)
    moved = corners.copy()
    fields = int(owner[-1]) + 1
    confirmed = np.ones(fields)
    edges_each = 2 * np.bincount(owner, minlength=fields)
    for axis in range(2):
        across = axis == _ACROSS
        here, sure = offset[across], weight[across]
        shift, tilt, along = _fitted(here, sure, x, owner, fields)
        fit = shift[owner] + tilt[owner] * along
        moved[..., axis] += fit[:, None]
        near = sure * (np.abs(here - fit) <= _MAX_LINE_MISS)
        known = np.bincount(owner, form_edges.weight[across].sum(axis=0), minlength=fields)
        found = np.bincount(owner, near.sum(axis=0), minlength=fields)
        share = np.where(known >= _MIN_RULED * edges_each, found / np.maximum(known, 1e-9), 1.0)
        confirmed = np.minimum(confirmed, share)
    return OnLines(moved, confirmed)


def _sides(corners: Floats) -> Floats:
    """(2, n) widths and heights of boxes."""
    return np.stack([
        np.linalg.norm(corners[:, 1] - corners[:, 0], axis=1),
        np.linalg.norm(corners[:, 3] - corners[:, 0], axis=1),
    ])  # fmt: skip


def _fitted(
    offset: Floats, weight: Floats, x: Floats, owner: npt.NDArray[np.int64], fields: int
) -> tuple[Floats, Floats, Floats]:
    """The shift and tilt, (fields,), that bring each field onto its lines.

    `offset`, `weight` (2, n) are of the two edges of each box across one axis, `x` (n,) is its
    place along the row. Returns also (n,) the places along the field, -1 to 1, that tilt counts.
    """
    number = np.bincount(owner, minlength=fields)
    middle = np.bincount(owner, x, minlength=fields) / number
    reach = np.zeros(fields)
    np.maximum.at(reach, owner, np.abs(x - middle[owner]))
    along = (x - middle[owner]) / np.maximum(reach[owner], 1)

    def total(values: Floats) -> Floats:
        return np.asarray(np.bincount(owner, values.sum(axis=0), minlength=fields), np.float64)

    usual = _usual(offset, weight)
    shift, tilt = np.full(fields, usual), np.zeros(fields)
    rest, rest_tilt = (_LINE_NOISE / _USUAL_SHIFT) ** 2, (_LINE_NOISE / _USUAL_TILT) ** 2
    for miss in _MISSES:
        away = offset - shift[owner] - tilt[owner] * along
        sure = weight * (miss**2 / (miss**2 + away**2)) ** 2
        at = np.broadcast_to(along, sure.shape)
        # Two equations for each field: the sums of weights, and both deviations from the usual.
        a, b, c = total(sure) + rest, total(sure * at), total(sure * at**2) + rest_tilt
        d, e = total(sure * (offset - usual)), total(sure * at * (offset - usual))
        determinant = a * c - b * b
        shift, tilt = usual + (c * d - b * e) / determinant, (a * e - b * d) / determinant
    return shift, tilt, along


def _usual(offset: Floats, weight: Floats) -> float:
    """The weighted median offset of all lines of a page, 0 where there are none."""
    order = np.argsort(offset, axis=None, kind="stable")
    sums = weight.ravel()[order].cumsum()
    if not sums[-1] > 0:
        return 0.0
    return float(offset.ravel()[order[int(np.searchsorted(sums, sums[-1] / 2))]])
