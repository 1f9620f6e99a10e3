"""Move the fields of a form onto the printed lines of a page.

The template knows the sizes and distances of the boxes. So a field is moved as a whole: it is
shifted, and stretched or tilted a little. The offsets of its lines from their expected positions
are fitted robustly, so that strokes beside an edge do no harm.
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
"""Standard deviations in pixels of the error that registration leaves: of a field's position, and
of the further error at its ends (tilt). No record of a measurement, here and below."""

_LINE_NOISE = 0.7
"""Standard deviation of the position of a line, in pixels."""

_MISSES = (3.0, 2.0, 1.4, 1.0, 1.0)
"""Largest deviation of a line from the fit, in pixels, in each round of the fit."""

_MAX_LINE_MISS = 1.5
"""Largest deviation, in pixels, of a line that confirms a place."""

_MIN_RULED = 0.15
"""Least mean confidence of a field's lines on the reference page. Below it the field has no lines
that could confirm its place."""


@dataclass(frozen=True, slots=True, eq=False)
class OnLines:
    """Corners (n, 4, 2) of boxes on the lines of a page.

    `confirmed`, (fields,): share of the field's template lines that were found on the page. It is
    computed for horizontal and for vertical lines, and the smaller one counts; 1 without lines.
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
    """Move the fields of a registered page, (h, w) uint8, onto its lines.

    Args:
        even: the page, evenly lit.
        corners: (n, 4, 2) the boxes of all fields, mapped to the page.
        on_form: the same boxes on the reference page.
        form_edges: the lines at their edges on the reference page.
        owner: (n,) the index of each box's field.
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
    """Fit the shift and the tilt, (fields,), that move each field onto its lines.

    `offset` and `weight` (2, n) are those of the two edges of each box across one axis. `x` (n,) is
    its position along the row. Returns also the positions along the field, (n,) in -1..1, that the
    tilt is multiplied by.
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
        # Two normal equations for each field, with the priors of shift and tilt.
        a, b, c = total(sure) + rest, total(sure * at), total(sure * at**2) + rest_tilt
        d, e = total(sure * (offset - usual)), total(sure * at * (offset - usual))
        determinant = a * c - b * b
        shift, tilt = usual + (c * d - b * e) / determinant, (a * e - b * d) / determinant
    return shift, tilt, along


def _usual(offset: Floats, weight: Floats) -> float:
    """The weighted median offset of all lines of a page; 0 without lines."""
    order = np.argsort(offset, axis=None, kind="stable")
    sums = weight.ravel()[order].cumsum()
    if not sums[-1] > 0:
        return 0.0
    return float(offset.ravel()[order[int(np.searchsorted(sums, sums[-1] / 2))]])
