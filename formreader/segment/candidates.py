"""Cut the numbers in cells into all segments that may be their digits.

`segment_selection` decides which segments are digits, after they have been read. The number
reader reads the cell's strip as a whole.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.classes import CROP_SIDE, Crops
from formreader.core.geometry import map_points, quads_of
from formreader.core.image_pyramid import Pyramid
from formreader.core.records import (
    DigitBox,
    FieldCrops,
    GreyImage,
    NumberStrip,
    Segment,
    SegmentedField,
)
from formreader.crop.normaliser import normalise_all
from formreader.segment.cell_ink import CellPatch, Flags, Ink, cut_cell_patches
from formreader.segment.number_strip import strip_of
from formreader.segment.pieces import CutInk, Labels, Piece, cut_pieces

_MAX_PIECES_PER_DIGIT = 4
"""A digit is cut into at most so many pieces. No measurement on record."""

_MIN_SEGMENT_HEIGHT, _MAX_SEGMENT_WIDTH, _MIN_SEGMENT_WIDTH = 0.5, 1.35, 0.1
"""In heights of the cell's digits. No measurement on record."""

_CUT_LOG_PRIOR, _CUT_STROKE_LOG_PRIOR = -2.5, -2.0
_GAP_LOG_PRIOR, _GAP_WIDTH_LOG_PRIOR = -2.1, -20.0
"""Log priors of a cut through ink, of each further stroke width of ink that it crosses, of a gap
within a digit, and of each digit height of the gap's width. Fitted, with the next ones, to numbers
composed of MNIST's training digits, so that the right path is the most probable one."""

_USUAL_DIGIT_WIDTH, _DIGIT_WIDTH_DEVIATION, _DIGIT_HEIGHT_DEVIATION = 0.86, 0.12, 0.2
"""In digit heights: the width above which a segment is less likely a digit, and the standard
deviations of width beyond that and of height. Fitted like the priors above."""

_MIN_SEGMENT_LOG_PRIOR = -7.0
"""Segments of a lower log prior are not read, except whole components. In the composed numbers
hardly a right one was lower; the count is not on record."""

_MIN_PATH_LOG_RATIO = -6.0
"""Log prior of the best path through a segment, minus that of the best path of all: segments with
less are not read. Of 3,182 segments that were read as digits in 600 composed numbers two had less
than -5 and none less than -6; of all segments three in ten had less than -6."""

_MAX_SEGMENTS_PER_CELL = 100
"""A cell with more segments is not cut: it holds words, or paper with a pattern. No measurement on
record."""

_CELLS_AT_ONCE = 100
"""Cells that are cut together, whose pictures take some 15 MB. No measurement on record."""

_MAX_DISTANCE_OF_NEIGHBOUR = 0.35
"""Distance of the edges of two cells that have one line between them, in heights of a cell."""

_SHARE_OF_CELLS_WITH_OTHER_INK = 0.04
"""Share of the cells that may be darker than the pen: they hold print or blots."""

_Extent: TypeAlias = tuple[int, int, int, int]
"""Left, top, right and bottom in pixels of the patch, the last two exclusive."""

_NO_EXTENT: _Extent = (sys.maxsize, sys.maxsize, 0, 0)
"""The bounding box of no piece."""


@dataclass(frozen=True, slots=True, eq=False)
class WrittenCell:
    """A cell with ink: its patch, cropped to that, and its strip; `name` is that of its field."""

    cell: DigitBox
    name: str
    patch: CellPatch
    strip: NumberStrip


def cut_cell(image: GreyImage, cell: DigitBox) -> FieldCrops:
    """Cut the number in one cell, see `cut_cells`."""
    (field,) = cut_cells(Pyramid(image), [cell])
    return field


def cut_cells(
    page: Pyramid,
    cells: Sequence[DigitBox],
    names: Sequence[str] = (),
    faint: float = 0.0,
    windows: npt.NDArray[np.float64] | None = None,
) -> list[FieldCrops]:
    """Cut the numbers in n cells of a page into segments, faster than one at a time.

    Args:
        page: the page as stored, dark ink on bright paper.
        cells: the cells, in pixels of that page.
        names: (n,) those of a template's fields; "" for none.
        faint: the darkness, as a share of the pen's, up to which a cell holds only marks that are
            all over the page.
        windows: (n, 4, 2) corners of the part of each cell in which its writing stands; None for
            the whole cells.

    Returns:
        For each cell a field whose boxes are the segments. If there is no ink, its only box is
        the blank cell; if there are more segments than a number has, it is the cell as if it were
        one digit's.
    """
    if windows is None:
        windows = np.array([cell.corners for cell in cells], np.float64)
    pairs = list(zip(cells, names or [""] * len(cells), strict=True))
    sides = _open_sides(cells)
    fields = list[FieldCrops]()
    for start in range(0, len(pairs), _CELLS_AT_ONCE):
        part = slice(start, start + _CELLS_AT_ONCE)
        patches = cut_cell_patches(page, windows[part], sides[part])
        opened = _opened(patches, pairs[part], faint)
        cut = iter(cut_written([one for one in opened if isinstance(one, WrittenCell)]))
        fields += [next(cut) if isinstance(one, WrittenCell) else one for one in opened]
    return fields


def _opened(
    patches: Sequence[CellPatch], pairs: Sequence[tuple[DigitBox, str]], faint: float
) -> list[WrittenCell | FieldCrops]:
    """Return each cell with ink, and the field of each blank one; `faint` is as in `cut_cells`."""
    limit = faint * _pen(patches) if faint else 0.0
    return [
        _one_opened(cell, name, patch, limit)
        for (cell, name), patch in zip(pairs, patches, strict=True)
    ]


def _open_sides(cells: Sequence[DigitBox]) -> Flags:
    """(n, 2) whether none of n cells is left and right of each, where its number may go on."""
    boxes = [cell.box for cell in cells]
    sides = np.array([(one.left, one.right, one.top, one.bottom) for one in boxes], np.float64)
    left, right, top, bottom = sides.reshape(-1, 4).T
    near = _MAX_DISTANCE_OF_NEIGHBOUR * (bottom - top)[:, None]
    level = np.minimum(bottom[:, None], bottom) > np.maximum(top[:, None], top)
    beside = [
        level & (np.abs(left[:, None] - right) <= near),
        level & (np.abs(right[:, None] - left) <= near),
    ]
    return ~np.stack([one.any(axis=1) for one in beside], axis=1)


def _pen(patches: Sequence[CellPatch]) -> float:
    """Return the darkness of the pen, from cells most of which may be blank."""
    darkest = sorted((one.darkest for one in patches), reverse=True)
    return darkest[int(_SHARE_OF_CELLS_WITH_OTHER_INK * len(darkest))] if darkest else 0.0


def _one_opened(
    cell: DigitBox, name: str, whole: CellPatch, limit: float
) -> WrittenCell | FieldCrops:
    """Return a cell with ink, or the field of a blank one.

    What is as faint as `limit` is no ink, and the strip of a cell without any other shows nothing.
    """
    patch, strip = _trimmed(whole), strip_of(whole)
    if limit and whole.darkest <= limit:
        patch, strip = None, replace(strip, darkness=np.zeros_like(strip.darkness))
    if patch is None:
        black = np.zeros((1, CROP_SIDE, CROP_SIDE), np.uint8)
        return FieldCrops((cell,), black, np.ones(1, np.bool_), cell=cell, strip=strip, name=name)
    return WrittenCell(cell, name, patch, strip)


def cut_written(cells: Sequence[WrittenCell]) -> list[FieldCrops]:
    """Cut the numbers in cells with ink."""
    cuts = cut_pieces([one.patch.ink for one in cells])
    segments = [_of_number(find_segments(cut)) for cut in cuts]
    extents = [
        [_around(cut.pieces[one.start : one.end]) for one in own]
        for cut, own in zip(cuts, segments, strict=True)
    ]
    inks = [
        [_part(one.patch.ink, cut.labels, *part) for part in zip(own, around, strict=True)]
        or [one.patch.ink]
        for one, cut, own, around in zip(cells, cuts, segments, extents, strict=True)
    ]
    digits = [ink for own in inks for ink in own]
    crops = iter(normalise_all(digits, [1.0] * len(digits)))
    return [
        _field(one, own, around, np.stack([next(crops) for _ in parts]))
        for one, own, around, parts in zip(cells, segments, extents, inks, strict=True)
    ]


def _of_number(segments: list[Segment]) -> list[Segment]:
    """Return a number's segments; none where there are too many for one."""
    return segments if len(segments) <= _MAX_SEGMENTS_PER_CELL else []


def _field(
    one: WrittenCell, segments: Sequence[Segment], extents: Sequence[_Extent], crops: Crops
) -> FieldCrops:
    """Return the field of a cell with the crops of its segments, or of the whole cell."""
    cell, blank = one.cell, np.zeros(len(crops), np.bool_)
    if not segments:
        return FieldCrops((cell,), crops, blank, cell=cell, strip=one.strip, name=one.name)
    boxes = _boxes(extents, one.patch, cell)
    return SegmentedField(
        boxes, crops, blank, cell=cell, strip=one.strip, name=one.name, segments=tuple(segments)
    )


def _trimmed(patch: CellPatch) -> CellPatch | None:
    """Crop a patch to its ink and one pixel of margin; return None if there is no ink."""
    left, top, width, height = cv2.boundingRect(patch.ink)
    if not width:
        return None
    left, top = max(left - 1, 0), max(top - 1, 0)
    ink = np.ascontiguousarray(patch.ink[top : top + height + 2, left : left + width + 2])
    to_page = patch.to_page @ np.array([[1, 0, left], [0, 1, top], [0, 0, 1]])
    return replace(patch, ink=ink, to_page=to_page)


def find_segments(cut: CutInk) -> list[Segment]:
    """Find the runs of neighbouring pieces that may be one digit.

    They always include a path through all pieces.
    """
    pieces = len(cut.pieces)
    segments = list[Segment]()
    for start in range(pieces):
        whole = _whole(cut, start)
        extent = _NO_EXTENT
        for end in range(start + 1, min(max(start + _MAX_PIECES_PER_DIGIT, whole), pieces) + 1):
            extent = _joined(extent, cut.pieces[end - 1])
            one = _segment(cut, start, end, extent)
            if one is not None:
                segments.append(one)
    return _likely(segments, pieces)


def _whole(cut: CutInk, start: int) -> int:
    """Return the piece after the last one of a component, given its first piece; else 0."""
    component = cut.pieces[start].component
    if start and cut.pieces[start - 1].component == component:
        return 0
    return next(
        (end for end in range(start, len(cut.pieces)) if cut.pieces[end].component != component),
        len(cut.pieces),
    )


def _likely(segments: Sequence[Segment], pieces: int) -> list[Segment]:
    """Keep the segments that are part of a likely path through all pieces.

    Args:
        segments: sorted by their starts.
        pieces: number of pieces.
    """
    best_to, best_from = [0.0] + [-math.inf] * pieces, [-math.inf] * pieces + [0.0]
    for one in segments:
        best_to[one.end] = max(best_to[one.end], best_to[one.start] + one.log_prior)
    for one in reversed(segments):
        best_from[one.start] = max(best_from[one.start], best_from[one.end] + one.log_prior)
    min_path = best_to[pieces] + _MIN_PATH_LOG_RATIO
    return [s for s in segments if best_to[s.start] + s.log_prior + best_from[s.end] >= min_path]


def _segment(cut: CutInk, start: int, end: int, extent: _Extent) -> Segment | None:
    """Make a run of pieces a segment; return None if it is neither digit-like nor a component."""
    left, top, right, bottom = extent
    width, height = (right - left) / cut.height, (bottom - top) / cut.height
    fits = _MIN_SEGMENT_WIDTH <= width <= _MAX_SEGMENT_WIDTH and height >= _MIN_SEGMENT_HEIGHT
    few = end - start <= _MAX_PIECES_PER_DIGIT
    whole = not (few and fits) and _is_component(cut.pieces, start, end)
    if not (few and fits) and not whole:
        return None
    run = cut.pieces[start:end]
    prior = _shape_prior(width, height) + _gap_prior(run, cut.height)
    # The segments on both sides of a cut share its log prior.
    prior += 0.5 * sum(map(_cut_prior, (run[0], *cut.pieces[end : end + 1])))
    likely = fits and prior >= _MIN_SEGMENT_LOG_PRIOR
    is_segment = likely or whole or _is_component(cut.pieces, start, end)
    return Segment(start, end, prior) if is_segment else None


def _is_component(pieces: Sequence[Piece], start: int, end: int) -> bool:
    """Return whether a run of pieces is exactly one component."""
    component = pieces[start].component
    if pieces[end - 1].component != component:
        return False
    follows = start > 0 and pieces[start - 1].component == component
    goes_on = end < len(pieces) and pieces[end].component == component
    return not (follows or goes_on)


def _shape_prior(width: float, height: float) -> float:
    """Return the log prior of a digit's size, given in heights of the cell's digits."""
    excess = max(width - _USUAL_DIGIT_WIDTH, 0.0) / _DIGIT_WIDTH_DEVIATION
    return -0.5 * (excess**2 + ((height - 1) / _DIGIT_HEIGHT_DEVIATION) ** 2)


def _gap_prior(run: Sequence[Piece], height: float) -> float:
    """Return the log prior of the gaps between components within a run of pieces."""
    prior, reach = 0.0, run[0].right
    for before, piece in pairwise(run):
        if piece.component != before.component:
            prior += _GAP_LOG_PRIOR + _GAP_WIDTH_LOG_PRIOR * max((piece.left - reach) / height, 0.0)
        reach = max(reach, piece.right)
    return prior


def _cut_prior(piece: Piece) -> float:
    """Return the log prior of the cut through ink before a piece."""
    return _CUT_LOG_PRIOR + _CUT_STROKE_LOG_PRIOR * max(piece.cut - 1, 0.0) if piece.cut else 0.0


def _around(run: Sequence[Piece]) -> _Extent:
    """Return the bounding box of a run of pieces."""
    extent = _NO_EXTENT
    for piece in run:
        extent = _joined(extent, piece)
    return extent


def _joined(extent: _Extent, piece: Piece) -> _Extent:
    """Return the bounding box of pieces in an extent, and of another piece."""
    left, top, right, bottom = extent
    return (
        min(piece.left, left),
        min(piece.top, top),
        max(piece.right, right),
        max(piece.bottom, bottom),
    )


def _part(ink: Ink, labels: Labels, segment: Segment, extent: _Extent) -> Ink:
    """Return the ink of one segment on black, with the soft rims of its strokes."""
    left, top, right, bottom = extent
    inside = labels[top:bottom, left:right]
    own = (inside > segment.start) & (inside <= segment.end)
    return np.asarray(ink[top:bottom, left:right] * own, np.uint8)


def _boxes(extents: Sequence[_Extent], patch: CellPatch, cell: DigitBox) -> tuple[DigitBox, ...]:
    """Map m extents in a patch to boxes on the page."""
    left, top, right, bottom = np.array(extents).T - 0.5
    corners = np.stack([left, top, right, top, right, bottom, left, bottom], axis=1)
    on_page = map_points(patch.to_page, corners)
    loose = patch.loose_ink or cell.loose_ink
    return tuple(DigitBox(quad, cell.score, loose) for quad in quads_of(on_page))
