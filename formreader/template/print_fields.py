"""Drop print and gaps that were taken for fields or boxes, by all pages of a form together.

Print is the same ink on all pages, with hardly any other ink. A gap between boxes of one field, as
in a date, has no lines above and below it, unlike its neighbours, and nobody writes there.
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
"""Share of a box's sides that is skipped at each edge, where its lines are."""

_PAPER_QUANTILE, _MIN_CONTRAST = 0.8, 40.0
"""The brightness of the paper in a box, as a quantile of its pixels, and the least contrast of ink
with it. So the tint of a box is no ink."""

_LASTING_QUANTILE = 0.2
"""Ink that is missing on a larger share of the pages is written, not printed."""

_MIN_LASTING_SHARE, _MIN_LASTING_SHARE_OF_FEW, _MANY_PAGES, _MIN_PAGES = 0.35, 0.5, 8, 5
"""A box holds print if at least this share of its ink is on all pages: the first with many pages,
the second with few. Then the number of pages that are many, and the least number of pages. On ten
tally forms small print has 0.4 to 0.6, because of blur, and handwriting at most 0.03, even the same
year on all pages; on six drawn forms it is 0.9 and 0.4."""

_MAX_WRITTEN_SHARE = 0.25
"""Largest share of the pages with writing on such print, or in a gap."""

_MIN_BOXES_OF_GAPS = 3
"""Least number of boxes of a field in which gaps are looked for."""

_REACH_OF_LINE = 3
"""Distance in pixels from the edge of a box within which its line is searched for."""

_MIN_LINE, _MAX_LINE_OF_GAP = 12.0, 0.4
"""Least contrast of a line with paper, in grey levels; and largest darkness of a gap, as a share of
the median darkness of the field's lines. On 60 drawn pages of ten forms gaps had at most 0.31, and
boxes, also those with broken lines, at least 0.63."""

_BLUR = 5
"""Width in pixels, both sides together, of the margin around print whose ink belongs to it, as
pages are registered to about one pixel."""

_MIN_INK = 0.012
"""Least ink in a box that is not blank, as a share of a black box."""


def without_print(
    fields: Sequence[FieldPlace], pages: Sequence[GreyImage]
) -> tuple[FieldPlace, ...]:
    """The fields that are not print, without boxes that are gaps between others.

    Args:
        fields: fields of a form.
        pages: the pages of the form, warped to its reference page, (h, w) uint8 each. With too few
            pages all fields are kept.
    """
    if len(pages) < _MIN_PAGES:
        return tuple(fields)
    stack = np.stack(list(pages))
    usual = np.median(stack, axis=0)
    return tuple(
        _without_gaps(stack, usual, field) for field in fields if not _is_print(stack, field)
    )


def _is_print(pages: npt.NDArray[np.uint8], field: FieldPlace) -> bool:
    """Whether a field is print: most boxes hold print, and hardly any page has more ink there.

    On boxes with a printed number or letter at least some people write.
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
    """Contrast of the lines above and below a box with paper, in grey levels."""
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
    """Whether a box has the same ink on all pages, (n, h, w); (n,) the pages with more ink."""
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
    """The inside of a box, without its lines, (n, height, width)."""
    across, down = _EDGE * box.width, _EDGE * box.height
    left, right = round(max(box.left + across, 0)), round(box.right - across)
    top, bottom = round(max(box.top + down, 0)), round(box.bottom - down)
    return pages[:, top : max(bottom, top), left : max(right, left)].astype(np.float32)
