"""A field without separators cut into all the segments that may be its digits.

Which of the segments are digits shows when they have been read: `results.best_cut`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from formreader.digits.crops import CROP_SIDE, normalise
from formreader.digits.field_ink import FieldPatch, Ink, cut_field
from formreader.digits.pieces import Pieces, cut_pieces
from formreader.digits.printed import holds_print
from formreader.types import Crops, DigitBox, Field, GreyImage, Segment

_MOST_PIECES = 4
"""Pieces that one digit falls into at most."""

_LEAST_HEIGHT, _MOST_WIDTH, _LEAST_WIDTH = 0.5, 1.35, 0.1
"""Height of a segment at least, and its width, in heights of the field's digits."""

_CUT, _CUT_STROKE = -2.5, -2.0
_GAP, _GAP_WIDTH = -2.1, -20.0
"""Log prior of a cut through ink and of each stroke width that it cuts more, and of a gap
within a digit and of each digit height that it is wide. These and the next were fitted to
composed fields of MNIST's training digits, so that the right way be the most probable."""

_USUAL_WIDTH, _WIDTH_SPREAD, _HEIGHT_SPREAD = 0.86, 0.12, 0.2
"""In digit heights: up to where width is no hint, and the deviations of width and of height."""

_LEAST_PRIOR = -7.0
"""Log prior below which no segment is worth reading: hardly one that was right came lower."""

_MOST_SEGMENTS = 100
"""Segments of a field at most: what falls into more is writing, not a number."""


_Extent: TypeAlias = tuple[int, int, int, int]
"""Left, top, right and bottom in pixels of the patch, the last two exclusive."""

NO_CROPS: Final = np.zeros((0, CROP_SIDE, CROP_SIDE), np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class CutField:
    """A field with the crops of its boxes, (n, 28, 28) uint8, and which are blank, (n,).

    The boxes of an open field are its segments; one without ink has its rectangle as its
    only box, and no segments.
    """

    field: Field
    crops: Crops
    blank: npt.NDArray[np.bool_]


def split_fields(
    fields: Sequence[Field], crops: Crops, blank: npt.NDArray[np.bool_]
) -> list[CutField]:
    """Fields with their crops, from the crops of all their boxes, one after another."""
    ends = np.cumsum([len(field.boxes) for field in fields], dtype=np.int64)
    return [
        CutField(field, crops[end - len(field.boxes) : end], blank[end - len(field.boxes) : end])
        for field, end in zip(fields, ends.tolist(), strict=True)
    ]


def cut_open_field(image: GreyImage, frame: DigitBox) -> CutField | None:
    """Cut an open field into segments.

    Args:
        image: the page as stored, (h, w) uint8, dark ink on bright paper.
        frame: the printed rectangle, in pixels of that page.

    Returns:
        None where the field holds print, or more than a number would.
    """
    if holds_print(image, frame):
        return None
    patch = cut_field(image, np.array(frame.corners, np.float64))
    pieces = cut_pieces(patch.ink)
    segments = find_segments(pieces)
    if len(segments) > _MOST_SEGMENTS:
        return None
    if not segments:
        nothing = np.zeros((1, CROP_SIDE, CROP_SIDE), np.uint8)
        return CutField(Field((frame,), frame), nothing, np.ones(1, np.bool_))
    ends = pieces.extents()
    extents = [_around(ends, segment.start, segment.end) for segment in segments]
    crops = [
        normalise(_part(patch.ink, pieces, segment, extent))
        for segment, extent in zip(segments, extents, strict=True)
    ]
    boxes = tuple(_box(extent, patch, frame.score) for extent in extents)
    field = Field(boxes, frame, tuple(segments))
    return CutField(field, np.stack(crops), np.zeros(len(crops), np.bool_))


def find_segments(pieces: Pieces) -> list[Segment]:
    """The runs of neighbouring pieces that may be one digit.

    Every component is one as a whole, so that there is always a way through the field.
    """
    extents = pieces.extents()  # (n, 4)
    n = len(extents)
    segments = []
    for start in range(n):
        for end in range(start + 1, n + 1):
            whole = _is_component(pieces, start, end)
            if end - start > _MOST_PIECES and not whole:
                continue
            gaps = _gaps(pieces, extents, start, end) / pieces.height
            left, top, right, bottom = _around(extents, start, end)
            width, height = (right - left) / pieces.height, (bottom - top) / pieces.height
            fits = _LEAST_WIDTH <= width <= _MOST_WIDTH and height >= _LEAST_HEIGHT
            prior = _shape_prior(width, height) + _cut_prior(pieces, start, end)
            prior += float((_GAP + _GAP_WIDTH * np.maximum(gaps, 0.0)).sum())
            if whole or (fits and prior >= _LEAST_PRIOR):
                segments.append(Segment(start, end, prior))
    return segments


def _is_component(pieces: Pieces, start: int, end: int) -> bool:
    """Whether pieces are all of one component and nothing else."""
    owner = pieces.component
    alone = (start == 0 or owner[start - 1] != owner[start]) and (
        end == len(owner) or owner[end] != owner[end - 1]
    )
    return alone and bool((owner[start:end] == owner[start]).all())


def _gaps(
    pieces: Pieces, extents: npt.NDArray[np.int64], start: int, end: int
) -> npt.NDArray[np.float64]:
    """Paper between components within a run of pieces, in pixels, negative where they overlap."""
    inner = np.arange(start + 1, end)
    apart = inner[pieces.component[inner] != pieces.component[inner - 1]]
    reach = np.maximum.accumulate(extents[start:end, 2])[apart - start - 1]
    return np.asarray(extents[apart, 0] - reach, np.float64)


def _shape_prior(width: float, height: float) -> float:
    """Log prior of a digit's size, in heights of the field's digits."""
    wide = max(width - _USUAL_WIDTH, 0.0) / _WIDTH_SPREAD
    return -0.5 * (wide**2 + ((height - 1) / _HEIGHT_SPREAD) ** 2)


def _cut_prior(pieces: Pieces, start: int, end: int) -> float:
    """Log prior of the cuts through ink at both ends, half of each: the neighbour has the rest."""
    cuts = pieces.cut[[i for i in (start, end) if i < len(pieces.cut)]]
    cuts = cuts[cuts > 0]
    return 0.5 * float((_CUT + _CUT_STROKE * np.maximum(cuts - 1, 0.0)).sum())


def _around(extents: npt.NDArray[np.int64], start: int, end: int) -> _Extent:
    """The extent of a run of pieces."""
    left, top = extents[start:end, :2].min(axis=0).tolist()
    right, bottom = extents[start:end, 2:].max(axis=0).tolist()
    return left, top, right, bottom


def _part(ink: Ink, pieces: Pieces, segment: Segment, extent: _Extent) -> Ink:
    """The ink of one segment on black, with the soft rims of its strokes."""
    left, top, right, bottom = extent
    labels = pieces.labels[top:bottom, left:right]
    own = (labels > segment.start) & (labels <= segment.end)
    return np.where(own, ink[top:bottom, left:right], 0).astype(np.uint8)


def _box(extent: _Extent, patch: FieldPatch, score: float) -> DigitBox:
    """The rectangle of an extent on the page."""
    left, top, right, bottom = extent
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]]) - 0.5
    moved = np.column_stack([corners, np.ones(4)]) @ patch.to_page.T
    a, b, c, d = ((float(x / w), float(y / w)) for x, y, w in moved)
    return DigitBox((a, b, c, d), score)
