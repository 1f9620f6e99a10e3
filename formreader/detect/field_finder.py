"""The fields of a page, of digit boxes and open ones, in pixels of the page as stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, islice

import numpy as np
import numpy.typing as npt

from formreader.core.geometry import map_points, quads_of
from formreader.core.records import NO_BOXES, DigitBox, Discarded, GreyImage
from formreader.detect.field_grouping import group_rows
from formreader.detect.open_fields import find_frames
from formreader.detect.row_finder import find_rows
from formreader.detect.rows import Row
from formreader.preprocess.straighten import StraightPage

TOO_FAINT = "too little like a box"
UNRULED = "nothing printed between the digits"
PRINT = "bars, a picture or check boxes"

# Darkness from which pixels are ink; most of a row's boxes that a pen darkens.
_INK, _MOST_DARK = 128, 0.5

# Where within a box that is looked at, as shares of its sides.
_GRID = np.linspace(0.18, 0.82, 9)

# So few boxes that are so much lower than the page's usual ones are check boxes or letters.
_FEW, _LEAST_OF_USUAL = 2, 0.5

# Boxes less separated than this may be what a hand wrote side by side in an open field.
_LEAST_SEPARATED = 0.35

# Rows of several boxes as sure as this rule out a frame in their place.
_SURE_OF_FRAMES = 0.65

# Where other rows are ruled, boxes less separated than this need this score to be some.
_SEPARATED_AT_ALL = 0.2
_SURE_WITHOUT_LINES = 0.53


@dataclass(frozen=True, slots=True)
class FoundFields:
    """What was found on a page.

    `rows` are the boxes of each field of digit boxes, in reading order; `cells` the
    rectangles without separators that may hold a whole number; `notice` is a reason to look
    at the page, or ""; `discarded` is what was taken for no box.
    """

    rows: tuple[tuple[DigitBox, ...], ...] = ()
    cells: tuple[DigitBox, ...] = ()
    notice: str = ""
    discarded: tuple[Discarded, ...] = ()


def find_fields(straight: StraightPage) -> FoundFields:
    """Find the digit boxes of a straightened page, grouped into fields, and its number cells."""
    found = find_rows(straight.image)
    likely, unlikely = _without_print(straight.image, found.rows)
    settled = _settle(straight.image, likely)
    rows = group_rows(settled.rows)
    frames = np.array([frame.corners for frame in settled.frames]).reshape(-1, 4, 2)
    scores = np.array([frame.score for frame in settled.frames])
    reasons = (
        (TOO_FAINT, _page_boxes(straight, found.faint, np.zeros(len(found.faint)))),
        (UNRULED, tuple(chain(*_row_boxes(straight, settled.unruled)))),
        (PRINT, tuple(chain(*_row_boxes(straight, unlikely)))),
    )
    return FoundFields(
        tuple(_row_boxes(straight, rows)),
        _page_boxes(straight, frames, scores),
        "" if rows else NO_BOXES,
        tuple(Discarded(boxes, reason) for reason, boxes in reasons if boxes),
    )


def _row_boxes(straight: StraightPage, rows: Sequence[Row]) -> list[tuple[DigitBox, ...]]:
    """The boxes of each row, in pixels of the page as stored."""
    if not rows:
        return []
    boxes = iter(
        _page_boxes(
            straight,
            np.concatenate([row.corners for row in rows]),
            np.concatenate([row.scores for row in rows]),
        )
    )
    return [tuple(islice(boxes, len(row))) for row in rows]


def _page_boxes(
    straight: StraightPage, corners: npt.NDArray[np.float64], scores: npt.NDArray[np.float64]
) -> tuple[DigitBox, ...]:
    """Boxes with corners (n, 4, 2) on the straightened page, in pixels of the page as stored."""
    quads = quads_of(map_points(straight.to_page, corners))
    return tuple(DigitBox(quad, score) for quad, score in zip(quads, scores.tolist(), strict=True))


def _without_print(even: GreyImage, rows: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """The rows, and those that are bars of a code, dark pictures, or a few small boxes."""
    several = [row for row in rows if len(row) > 1]
    heights = np.repeat([row.size[1] for row in several], [len(row) for row in several])
    usual = float(np.median(heights)) if len(heights) else 0.0
    unlikely = [
        dark > _MOST_DARK or (len(row) <= _FEW and row.size[1] < _LEAST_OF_USUAL * usual)
        for row, dark in zip(rows, _dark_shares(even, rows), strict=True)
    ]
    return (
        [row for row, drop in zip(rows, unlikely, strict=True) if not drop],
        [row for row, drop in zip(rows, unlikely, strict=True) if drop],
    )


def _dark_shares(even: GreyImage, rows: Sequence[Row]) -> npt.NDArray[np.float64]:
    """(rows,) how much of a row's boxes, within their rims, is dark; a digit takes a small part."""
    if not rows:
        return np.zeros(0)
    corners = np.concatenate([row.corners for row in rows])
    low, high = corners.min(axis=1), corners.max(axis=1)
    x, y = (low + _GRID[:, None, None] * (high - low)).astype(np.int64).transpose(2, 0, 1)
    height, width = even.shape
    x, y = np.clip(x, 0, width - 1), np.clip(y, 0, height - 1)  # (grid, n)
    dark = np.count_nonzero(even[y[:, None], x] < _INK, axis=(0, 1))
    lengths = np.array([len(row) for row in rows])
    in_rows = np.add.reduceat(dark, lengths.cumsum() - lengths)
    return np.asarray(in_rows / (len(_GRID) ** 2 * lengths))


@dataclass(frozen=True, slots=True, eq=False)
class _Settled:
    """Rows and frames, and rows that were none.

    A frame may contradict a row that is not sure: what is read in them decides.
    """

    rows: list[Row]
    frames: list[DigitBox]
    unruled: list[Row]


def _settle(even: GreyImage, rows: Sequence[Row]) -> _Settled:
    """Tell rows of boxes from open fields.

    Digits side by side in an open field look like a row of boxes; but where nothing
    separates them and a rectangle holds them all, it is one field.
    """
    ruled = [row for row in rows if row.separation >= _LEAST_SEPARATED]
    unruled = [row for row in rows if row.separation < _LEAST_SEPARATED]
    if 2 * sum(map(len, ruled)) > sum(map(len, rows)):
        # Where a page's boxes are ruled, what is not is print, unless it looks very like boxes.
        kept = [
            row
            for row in unruled
            if row.separation >= _SEPARATED_AT_ALL or row.score >= _SURE_WITHOUT_LINES
        ]
    else:
        kept = unruled
    sure = [row for row in ruled if len(row) > _FEW and row.score >= _SURE_OF_FRAMES]
    frames = find_frames(even, [box for row in sure for box in row.corners])
    kept = [row for row in kept if not any(_holds(frame, row) for frame in frames)]
    return _Settled(ruled + kept, frames, [row for row in unruled if row not in kept])


def _holds(frame: DigitBox, row: Row) -> bool:
    """Whether the middles of all boxes of a row lie in a frame that is larger than each of them."""
    box = frame.box
    width, height = row.size
    larger = box.width * box.height > 1.5 * width * height
    return larger and bool(_inside(frame, row.corners.mean(axis=1)).all())


def _inside(frame: DigitBox, points: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """(n,) which of the points, (n, 2), lie in a frame."""
    box = frame.box
    low, high = (box.left, box.top), (box.right, box.bottom)
    return np.asarray(((points > low) & (points < high)).all(axis=1))
