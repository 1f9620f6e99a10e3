"""A field without separators cut into all the segments that may be its digits.

Which of the segments are digits shows when they have been read: `segment_selection`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations, pairwise
from typing import TypeAlias

import cv2
import numpy as np

from formreader.core.classes import CROP_SIDE
from formreader.core.geometry import map_points, quads_of
from formreader.core.records import DigitBox, FieldCrops, GreyImage, Segment, SegmentedField
from formreader.crop.normaliser import normalise_all
from formreader.segment.field_ink import FieldPatch, Ink, cut_field
from formreader.segment.pieces import CutInk, Labels, Piece, cut_pieces
from formreader.segment.print_filter import holds_print

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

_LEAST_WAY = -6.0
"""The same for the best way through a segment, against the best of all: of 3,182 segments that
were read as digits of composed fields two came below -5, and none below -6."""

_MOST_SEGMENTS = 100
"""Segments of a field at most: what falls into more is writing, not a number."""


_Extent: TypeAlias = tuple[int, int, int, int]
"""Left, top, right and bottom in pixels of the patch, the last two exclusive."""


def cut_cell(image: GreyImage, cell: DigitBox) -> FieldCrops | None:
    """Cut a cell for a whole number into segments.

    Args:
        image: the page as stored, (h, w) uint8, dark ink on bright paper.
        cell: the printed rectangle, in pixels of that page.

    Returns:
        A field of segments; one whose only box is the blank cell where there is no ink; None
        where the cell holds print, or more than a number would.
    """
    if holds_print(image, cell):
        return None
    patch = _trimmed(cut_field(image, np.array(cell.corners, np.float64)))
    if patch is None:
        nothing = np.zeros((1, CROP_SIDE, CROP_SIDE), np.uint8)
        return FieldCrops((cell,), nothing, np.ones(1, np.bool_), cell=cell)
    cut = cut_pieces(patch.ink)
    segments = find_segments(cut)
    if len(segments) > _MOST_SEGMENTS:
        return None
    extents = [_around(cut.pieces[one.start : one.end]) for one in segments]
    inks = [
        _part(patch.ink, cut.labels, segment, extent)
        for segment, extent in zip(segments, extents, strict=True)
    ]
    crops = normalise_all(inks, [1.0] * len(inks))
    boxes, no_blank = _boxes(extents, patch, cell.score), np.zeros(len(crops), np.bool_)
    return SegmentedField(boxes, crops, no_blank, cell=cell, segments=tuple(segments))


def _trimmed(patch: FieldPatch) -> FieldPatch | None:
    """What of a patch the ink fills, with a pixel of paper around it; None where there is none."""
    left, top, width, height = cv2.boundingRect(patch.ink)
    if not width:
        return None
    left, top = max(left - 1, 0), max(top - 1, 0)
    ink = np.ascontiguousarray(patch.ink[top : top + height + 2, left : left + width + 2])
    return FieldPatch(ink, patch.to_page @ np.array([[1, 0, left], [0, 1, top], [0, 0, 1]]))


def find_segments(cut: CutInk) -> list[Segment]:
    """The runs of neighbouring pieces that may be one digit.

    There is always a way through the field.
    """
    ends = combinations(range(len(cut.pieces) + 1), 2)
    segments = [one for start, end in ends if (one := _segment(cut, start, end)) is not None]
    return _likely(segments, len(cut.pieces))


def _likely(segments: Sequence[Segment], pieces: int) -> list[Segment]:
    """The segments, in order of their starts, that some likely way through all pieces has."""
    best_to, best_from = [0.0] + [-math.inf] * pieces, [-math.inf] * pieces + [0.0]
    for one in segments:
        best_to[one.end] = max(best_to[one.end], best_to[one.start] + one.log_prior)
    for one in reversed(segments):
        best_from[one.start] = max(best_from[one.start], best_from[one.end] + one.log_prior)
    least = best_to[pieces] + _LEAST_WAY
    return [s for s in segments if best_to[s.start] + s.log_prior + best_from[s.end] >= least]


def _segment(cut: CutInk, start: int, end: int) -> Segment | None:
    """A run of pieces as a segment, if it may be one digit or is a whole component."""
    run = cut.pieces[start:end]
    whole = _is_component(cut.pieces, start, end)
    if len(run) > _MOST_PIECES and not whole:
        return None
    left, top, right, bottom = _around(run)
    width, height = (right - left) / cut.height, (bottom - top) / cut.height
    prior = _shape_prior(width, height) + _gap_prior(run, cut.height)
    # Of a cut each side has a half.
    prior += 0.5 * sum(map(_cut_prior, (run[0], *cut.pieces[end : end + 1])))
    fits = _LEAST_WIDTH <= width <= _MOST_WIDTH and height >= _LEAST_HEIGHT
    likely = fits and prior >= _LEAST_PRIOR
    return Segment(start, end, prior) if whole or likely else None


def _is_component(pieces: Sequence[Piece], start: int, end: int) -> bool:
    """Whether pieces, which are in the order of their components, are all of one of them."""
    owner = pieces[start].component
    beside = (*pieces[max(start - 1, 0) : start], *pieces[end : end + 1])
    return pieces[end - 1].component == owner and all(one.component != owner for one in beside)


def _shape_prior(width: float, height: float) -> float:
    """Log prior of a digit's size, in heights of the field's digits."""
    wide = max(width - _USUAL_WIDTH, 0.0) / _WIDTH_SPREAD
    return -0.5 * (wide**2 + ((height - 1) / _HEIGHT_SPREAD) ** 2)


def _gap_prior(run: Sequence[Piece], height: float) -> float:
    """Log prior of the paper between components within a run of pieces."""
    prior, reach = 0.0, run[0].right
    for before, piece in pairwise(run):
        if piece.component != before.component:
            prior += _GAP + _GAP_WIDTH * max((piece.left - reach) / height, 0.0)
        reach = max(reach, piece.right)
    return prior


def _cut_prior(piece: Piece) -> float:
    """Log prior of the cut through ink before a piece."""
    return _CUT + _CUT_STROKE * max(piece.cut - 1, 0.0) if piece.cut else 0.0


def _around(run: Sequence[Piece]) -> _Extent:
    """The extent of a run of pieces."""
    return (
        min(piece.left for piece in run),
        min(piece.top for piece in run),
        max(piece.right for piece in run),
        max(piece.bottom for piece in run),
    )


def _part(ink: Ink, labels: Labels, segment: Segment, extent: _Extent) -> Ink:
    """The ink of one segment on black, with the soft rims of its strokes."""
    left, top, right, bottom = extent
    inside = labels[top:bottom, left:right]
    own = (inside > segment.start) & (inside <= segment.end)
    return np.asarray(ink[top:bottom, left:right] * own, np.uint8)


def _boxes(extents: Sequence[_Extent], patch: FieldPatch, score: float) -> tuple[DigitBox, ...]:
    """The rectangles of m extents on the page."""
    left, top, right, bottom = np.array(extents).T - 0.5
    corners = np.stack([left, top, right, top, right, bottom, left, bottom], axis=1)
    on_page = map_points(patch.to_page, corners)
    return tuple(DigitBox(quad, score) for quad in quads_of(on_page))
