"""What was taken for a field or a box and is none, as all pages of a form together show.

Print is the same ink on all pages, with hardly any other. A gap between boxes of one field, as in a
date, has no lines above and below it as its neighbours have, and nobody writes there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.geometry import Box
from formreader.core.records import GreyImage
from formreader.template.form_template import FieldPlace

_EDGE = 0.16
"""Share of a box's sides that is left out at each edge, where its lines are."""

_PAPER_QUANTILE, _MIN_CONTRAST = 0.8, 40.0
"""The brightness of the paper in a box, as a quantile of its pixels, and by how much ink is darker:
tinted boxes hold no ink."""

_LASTING_QUANTILE = 0.2
"""Ink that a larger share of the pages than this lacks is written, not printed."""

_MIN_LASTING_SHARE, _MIN_LASTING_SHARE_OF_FEW, _MANY_PAGES, _MIN_PAGES = 0.35, 0.5, 8, 5
"""Share of the ink in a box that is on all pages from which it is print, for many pages and for
few; fewest pages that tell. On ten tally forms it is 0.4 to 0.6 of small print, because of blur,
and at most 0.03 of handwriting, even of the same year on all; on six drawn ones 0.9 and 0.4."""

_MAX_WRITTEN_SHARE = 0.25
"""Share of the pages that may have something written on such print, or in a gap."""

_MIN_BOXES_OF_GAPS = 3
"""Boxes of a field from which gaps are told from boxes."""

_REACH_OF_LINE = 3
"""Pixels around the edge of a box in which its line is looked for."""

_MIN_LINE, _MAX_LINE_OF_GAP = 12.0, 0.4
"""Grey levels by which a line is darker than paper at least, and the share of the usual darkness of
a field's lines up to which there is none. On 60 drawn pages of ten forms gaps had at most 0.31,
and boxes, also those with broken lines, at least 0.63."""

_BLUR = 5
"""Pixels around print, both sides together, in which ink belongs to it: pages are aligned to about
one pixel."""

_MIN_INK = 0.012
"""Ink in a box below which it is blank, as a share of a box filled with black."""


def without_print(
    fields: Sequence[FieldPlace], pages: Sequence[GreyImage]
) -> tuple[FieldPlace, ...]:
    """The fields that are more than print, without boxes that are gaps between others.

    Args:
        fields: fields of a form.
        pages: the pages of the form as seen on its reference page, (h, w) uint8 each. Of few pages
            nothing is known, and all fields are kept.
    """
    if len(pages) < _MIN_PAGES:
        return tuple(fields)
    stack = np.stack(list(pages))
    usual = np.median(stack, axis=0)
    return tuple(
        _without_gaps(stack, usual, field) for field in fields if not _is_print(stack, field)
    )


def _is_print(pages: npt.NDArray[np.uint8], field: FieldPlace) -> bool:
    """Whether a field is print: most of its boxes show it, and hardly any page has more in them.

    Boxes with a printed number or letter are written over by some at least.
    """
    looks = [_lasting(pages, part) for part in field.parts]
    printed = sum(is_print for is_print, _ in looks)
    written = np.any([more for _, more in looks], axis=0)
    return 2 * printed > len(looks) and float(written.mean()) <= _MAX_WRITTEN_SHARE


def _without_gaps(
    pages: npt.NDArray[np.uint8], usual: npt.NDArray[np.float64], field: FieldPlace
) -> FieldPlace:
    """A field without those of its boxes that are gaps; `usual` (h, w) is the median page."""
    if len(field.boxes) < _MIN_BOXES_OF_GAPS:
        return field
    lines = np.array([_lines(usual, box) for box in field.boxes])  # (boxes, 2)
    typical = np.median(lines, axis=0)
    seen = typical >= _MIN_LINE
    if not seen.any():
        return field
    bare = (lines[:, seen] <= _MAX_LINE_OF_GAP * typical[seen]).all(axis=1)
    kept = [
        box
        for box, is_bare in zip(field.boxes, bare, strict=True)
        if not is_bare or float(_lasting(pages, box)[1].mean()) > _MAX_WRITTEN_SHARE
    ]
    return replace(field, boxes=tuple(kept)) if kept else field


def _lines(page: npt.NDArray[np.float64], box: Box) -> tuple[float, float]:
    """How much darker than paper the lines above and below a box are, in grey levels."""
    margin = round(_EDGE * box.width)
    left, right = round(max(box.left, 0)) + margin, round(box.right) - margin
    paper = page[round(max(box.top, 0)) : round(box.bottom), max(left, 0) : max(right, 0)]
    if not paper.size:
        return 0.0, 0.0
    brightness = float(np.quantile(paper, _PAPER_QUANTILE))

    def darkness(edge: float) -> float:
        top = max(round(edge) - _REACH_OF_LINE, 0)
        band = page[top : round(edge) + _REACH_OF_LINE + 1, max(left, 0) : max(right, 0)]
        return brightness - float(band.mean(axis=1).min()) if band.size else 0.0

    return darkness(box.top), darkness(box.bottom)


def _lasting(pages: npt.NDArray[np.uint8], box: Box) -> tuple[bool, npt.NDArray[np.bool_]]:
    """Whether the ink in a box is the same on all pages, (n, h, w), and which of them have more."""
    inside = _inside(pages, box)
    if not inside.size:
        return False, np.zeros(len(pages), np.bool_)
    paper = np.quantile(inside, _PAPER_QUANTILE, axis=(1, 2), keepdims=True)
    ink = np.clip(paper - inside - _MIN_CONTRAST, 0, None)  # (n, height, width)
    usual = float(np.median(ink.mean(axis=(1, 2))))
    lasting = np.quantile(ink, _LASTING_QUANTILE, axis=0)
    needed = _MIN_LASTING_SHARE if len(pages) >= _MANY_PAGES else _MIN_LASTING_SHARE_OF_FEW
    is_print = usual >= _MIN_INK * 255 and float(lasting.mean()) >= needed * usual
    near = cv2.dilate((lasting > 0).astype(np.uint8), np.ones((_BLUR, _BLUR), np.uint8))
    more = np.where(near > 0, 0, ink).mean(axis=(1, 2))
    return is_print, more >= _MIN_INK * 255


def _inside(pages: npt.NDArray[np.uint8], box: Box) -> npt.NDArray[np.float32]:
    """What is in a box, without its lines, (n, height, width)."""
    across, down = _EDGE * box.width, _EDGE * box.height
    left, right = round(max(box.left + across, 0)), round(box.right - across)
    top, bottom = round(max(box.top + down, 0)), round(box.bottom - down)
    return pages[:, top : max(bottom, top), left : max(right, left)].astype(np.float32)
