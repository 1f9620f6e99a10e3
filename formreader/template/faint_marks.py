"""Tell writing from faint marks all over a page: a watermark, or ink that shows through.

In a box alone a faint mark looks like a faint digit. So the paper between the fields is examined,
where the form has no print. If much of it has marks, and none of these is nearly as dark as the
pen, then equally faint marks in a field are no writing.
"""

from __future__ import annotations

import cv2
import numpy as np

from formreader.core.records import GreyImage
from formreader.template.page_map import Floats

_NEAR_PRINT, _MIN_BLANK = 15, 215
"""Width in pixels, both sides together, of the margin around print that is skipped; and least
brightness of blank paper of the form."""

_NEAR_FIELD = 0.35
"""Margin around a field that is skipped, in its heights, as digits run out of their boxes."""

_PLACES = 20_000
"""Number of points beside the fields that are sampled."""

_FIELD_EDGE = 0.25
"""Share of a field's shorter side that is skipped at each edge, where its lines are."""

_MIN_STROKE = 0.006
"""Least share of a box or cell that the ink of its digits covers."""

_PAPER_QUANTILE = 0.8
"""The brightness of the paper in a box or cell, as a quantile of its pixels."""

_SHARE_WITH_OTHER_INK = 0.04
"""Largest share of boxes and cells that are darker than the pen, by blots or residue of lines."""

_LEAST_MARK, _MAX_MARK = 0.12, 0.42
"""Range of the darkness of marks, as shares of the pen's. On 60 drawn pages in 21 kinds of scan
marks have at most 0.37, and written digits at least 0.56."""

_LEAST_DARKNESS = 6
"""Least contrast of marks with paper, in grey levels. A faint pen has 60."""

_MIN_MARKED = 0.02
"""Least share of marked paper beside the fields of a page that is full of marks. On the drawn pages
with a watermark, or with writing that shows through, it is 0.04 to 0.25."""

_MAX_DARKER = 0.02
"""Largest share of these marks that are darker than the limit: specks, the edges of a photograph.
It is far more if somebody has written beside the fields."""

_MAX_RAISED = 0.45
"""The limit is raised up to this share of the pen's darkness if all writing is much darker."""

_MARK_SLACK, _MIN_GAP = 1.2, 1.25
"""A mark in a field is no writing up to the first times the darkness of the marks. No field may be
between that and the second times it, so that writing is clearly darker."""


def places_beside(reference: GreyImage, on_form: Floats) -> Floats:
    """Points, (n, 2), spread over the parts of a form with neither print nor fields.

    Args:
        reference: the form's reference page, (h, w) uint8.
        on_form: (n, 4, 2) corners of the boxes and cells of all fields there.
    """
    near = np.ones((_NEAR_PRINT, _NEAR_PRINT), np.uint8)
    blank = np.asarray(cv2.erode(reference, near) >= _MIN_BLANK, np.bool_)
    for part in on_form:
        (left, top), (right, bottom) = part.min(axis=0), part.max(axis=0)
        margin = _NEAR_FIELD * (bottom - top)
        rows = slice(max(round(top - margin), 0), max(round(bottom + margin) + 1, 0))
        blank[rows, max(round(left - margin), 0) : max(round(right + margin) + 1, 0)] = False
    y, x = np.nonzero(blank)
    every = max(1, len(x) // _PLACES)
    return np.column_stack([x, y])[::every].astype(np.float64)


def faint_limit(even: GreyImage, beside: Floats, corners: Floats) -> float:
    """The darkness of marks all over a page, as a share of the pen's; 0 if there are none.

    Args:
        even: the page, evenly lit, (h, w) uint8.
        beside: (m, 2) the points of `places_beside`, mapped to the page.
        corners: (n, 4, 2) of the boxes and cells of all fields on it.
    """
    x, y = np.rint(beside).astype(np.int64).T
    on_page = (x >= 0) & (x < even.shape[1]) & (y >= 0) & (y < even.shape[0])
    if not len(corners) or not on_page.any():
        return 0.0
    darkness = 255 - even[y[on_page], x[on_page]]
    if np.count_nonzero(darkness >= _LEAST_DARKNESS) < _MIN_MARKED * len(darkness):
        return 0.0  # as for most pages; the rest takes longer
    levels = np.array([_level(even, part) for part in corners])
    pen = float(np.sort(levels)[::-1][int(_SHARE_WITH_OTHER_INK * len(levels))])
    if pen <= 0:
        return 0.0
    marks = darkness / pen
    marked = np.sort(marks[marks >= _LEAST_MARK])
    if not len(marked) or len(marked) < _MIN_MARKED * len(marks):
        return 0.0
    darkest = float(marked[int((1 - _MAX_DARKER) * (len(marked) - 1))])
    limit = _MARK_SLACK * darkest
    is_between = (levels > limit * pen) & (levels < _MIN_GAP * limit * pen)
    if darkest > _MAX_MARK or is_between.any():
        return 0.0
    # The page itself is a little less even than this copy, so the limit is raised if it can be.
    faintest = float(levels[levels > limit * pen].min(initial=pen)) / pen
    return max(limit, min(float(np.sqrt(limit * faintest)), _MAX_RAISED))


def _level(even: GreyImage, part: Floats) -> float:
    """Darkness of the darkest strokes within the lines of a box or cell, in grey levels."""
    (left, top), (right, bottom) = part.min(axis=0), part.max(axis=0)
    edge = _FIELD_EDGE * min(right - left, bottom - top)
    rows = slice(max(round(top + edge), 0), max(round(bottom - edge) + 1, 0))
    columns = slice(max(round(left + edge), 0), max(round(right - edge) + 1, 0))
    inside = np.sort(even[rows, columns], axis=None)
    if not len(inside):
        return 0.0
    paper = int(inside[int(_PAPER_QUANTILE * (len(inside) - 1))])
    return float(paper - int(inside[min(max(3, int(_MIN_STROKE * len(inside))), len(inside) - 1)]))
