"""Tell marks that are all over a page from writing: a watermark, what shows through from the back.

By itself a box does not tell a faint mark from a faint digit. But beside the fields, where the form
has no print, a page shows what else stands on it: if much of the paper there has marks, and none of
them is nearly as dark as the pen, then marks as faint as these in a field are none of its writing.
"""

from __future__ import annotations

import cv2
import numpy as np

from formreader.core.records import GreyImage
from formreader.template.page_map import Floats

_NEAR_PRINT, _MIN_BLANK = 15, 215
"""Pixels around print of the form, both sides together, that are not looked at, and the brightness
from which its paper is blank."""

_NEAR_FIELD = 0.35
"""Margin around a field that is not looked at, in its heights: digits run out of their boxes."""

_PLACES = 20_000
"""Places beside the fields that are looked at."""

_FIELD_EDGE = 0.25
"""Share of a field's shorter side that is left out at each edge, where its lines are."""

_MIN_STROKE = 0.006
"""Share of a box or cell that the ink of its digits covers at least."""

_PAPER_QUANTILE = 0.8
"""The brightness of the paper in a box or cell, as a quantile of its pixels."""

_SHARE_WITH_OTHER_INK = 0.04
"""Share of the boxes and cells that may be darker than the pen, for blots or rests of lines."""

_LEAST_MARK, _MAX_MARK = 0.12, 0.42
"""Darkness of marks that are looked for, as shares of the pen's. On 60 drawn pages in 21 kinds of
scan marks have at most 0.37 of it, and written digits at least 0.56."""

_LEAST_DARKNESS = 6
"""Grey levels by which marks are darker than paper: a faint pen has 60."""

_MIN_MARKED = 0.02
"""Share of the paper beside the fields that has marks on a page that is full of them. On the drawn
pages it is 0.04 to 0.25 under a watermark and with writing that shows through."""

_MAX_DARKER = 0.02
"""Share of these marks that may be darker than the limit: specks, the rims of a photograph. Where
somebody has written beside the fields it is far more."""

_MAX_RAISED = 0.45
"""Share of the pen's darkness up to which the limit is raised where all writing is much darker."""

_MARK_SLACK, _MIN_GAP = 1.2, 1.25
"""Times the darkness of the marks up to which a mark in a field is one of them; and times this
within which no field may lie, so that writing is clearly darker."""


def places_beside(reference: GreyImage, on_form: Floats) -> Floats:
    """Places, (n, 2), spread over what a form has neither print nor a field on.

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
    """The darkness of the marks that are all over a page, as a share of the pen's; 0 for none.

    Args:
        even: the page, evenly lit, (h, w) uint8.
        beside: places (m, 2) on it, as those of `places_beside` lie there.
        corners: (n, 4, 2) of the boxes and cells of all fields on it.
    """
    x, y = np.rint(beside).astype(np.int64).T
    on_page = (x >= 0) & (x < even.shape[1]) & (y >= 0) & (y < even.shape[0])
    if not len(corners) or not on_page.any():
        return 0.0
    darkness = 255 - even[y[on_page], x[on_page]]
    if np.count_nonzero(darkness >= _LEAST_DARKNESS) < _MIN_MARKED * len(darkness):
        return 0.0  # as on most pages: what follows takes longer
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
    # The page itself is a little less even than this copy: there is room up to the faintest ink.
    faintest = float(levels[levels > limit * pen].min(initial=pen)) / pen
    return max(limit, min(float(np.sqrt(limit * faintest)), _MAX_RAISED))


def _level(even: GreyImage, part: Floats) -> float:
    """How dark the darkest strokes within the lines of a box or cell are, in grey levels."""
    (left, top), (right, bottom) = part.min(axis=0), part.max(axis=0)
    edge = _FIELD_EDGE * min(right - left, bottom - top)
    rows = slice(max(round(top + edge), 0), max(round(bottom - edge) + 1, 0))
    columns = slice(max(round(left + edge), 0), max(round(right - edge) + 1, 0))
    inside = np.sort(even[rows, columns], axis=None)
    if not len(inside):
        return 0.0
    paper = int(inside[int(_PAPER_QUANTILE * (len(inside) - 1))])
    return float(paper - int(inside[min(max(3, int(_MIN_STROKE * len(inside))), len(inside) - 1)]))
