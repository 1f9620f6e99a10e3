"""Find the fields of a page, rows of digit boxes and cells, in pixels of the page as stored.

The thresholds were adjusted while looking at the real forms used in development (tallies,
electoral records, sudokus).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice

import numpy as np
import numpy.typing as npt

from formreader.core.doubts import Doubt
from formreader.core.geometry import Box, map_points, quads_of
from formreader.core.records import DigitBox, Discarded, GreyImage, mark_boxes
from formreader.detect.box_network import shipped_network
from formreader.detect.field_grouping import group_rows
from formreader.detect.loose_ink import loose_ink
from formreader.detect.row_finder import find_rows
from formreader.detect.rows import Row
from formreader.preprocess.straighten import StraightPage

TOO_FAINT = "too little like a box"
NO_BOX_ROW = "print, or digits side by side in a cell"
PRINT = "bars, a picture or check boxes"
"""Reasons for discarding candidates for boxes."""

_MIN_PAPER_BRIGHTNESS = 128
"""Pixels in a box below this brightness are dark."""

_MAX_DARK_SHARE_OF_ROW = 0.5
"""Largest share of dark pixels in the boxes of a row. Digits darken far less."""

_INTERIOR_GRID = np.linspace(0.18, 0.82, 9)
"""Positions of the sampled pixels of a box in x and in y, as shares of its sides."""

_MAX_BOXES_OF_SHORT_ROW = 2
_MIN_HEIGHT_OF_SHORT_ROW = 0.5
"""Largest number of boxes of a short row, and its least height as a share of the page's median box
height. Lower ones are check boxes or letters."""


@dataclass(frozen=True, slots=True)
class FoundFields:
    """What was found on a page.

    `rows` are the boxes of each field of digit boxes, in reading order. `cells` are the
    rectangles that may hold a whole number. `notice` is a reason for review of the page, or "".
    `discarded` are the candidates for boxes that were rejected.
    """

    rows: tuple[tuple[DigitBox, ...], ...] = ()
    cells: tuple[DigitBox, ...] = ()
    notice: str = ""
    discarded: tuple[Discarded, ...] = ()

    @property
    def places(self) -> list[DigitBox]:
        """All boxes and cells."""
        return [*(box for row in self.rows for box in row), *self.cells]

    def within(self, shape: tuple[int, ...]) -> FoundFields:
        """The same without boxes and cells whose centre is outside of the stored page.

        A straightened page shows some paper beyond the edges of the stored one.
        """
        page = Box(0.0, 0.0, shape[1], shape[0])
        rows = (tuple(box for box in row if page.holds(box.box.centre)) for row in self.rows)
        cells = tuple(cell for cell in self.cells if page.holds(cell.box.centre))
        return replace(self, rows=tuple(filter(None, rows)), cells=cells)


def find_fields(straight: StraightPage) -> FoundFields:
    """Find the digit boxes of a straightened page, grouped into fields, and its cells."""
    network = shipped_network()
    found = find_rows(straight.image, network)
    likely, print_rows = _split_off_print(straight.image, found.rows)
    settled = network.decisions.places.settle(likely, found.cells)
    rows = group_rows(settled.rows)
    cells = settled.cells
    boxes = (
        tuple(replace(box, place=place) for box, place in zip(made, places, strict=True))
        for made, places in zip(
            map(mark_boxes, _row_boxes(straight, rows), loose_ink(straight.image, rows)),
            (settled.places(row).tolist() for row in rows),
            strict=True,
        )
    )
    reasons = (
        (TOO_FAINT, digit_boxes(straight, found.faint, np.zeros(len(found.faint)))),
        (NO_BOX_ROW, tuple(chain(*_row_boxes(straight, settled.dropped)))),
        (PRINT, tuple(chain(*_row_boxes(straight, print_rows)))),
    )
    return FoundFields(
        tuple(boxes),
        mark_boxes(digit_boxes(straight, cells.corners, cells.scores), cells.doubtful),
        "" if rows else Doubt.NO_BOXES,
        tuple(Discarded(boxes, reason) for reason, boxes in reasons if boxes),
    )


def _row_boxes(straight: StraightPage, rows: Sequence[Row]) -> list[tuple[DigitBox, ...]]:
    """The boxes of each row, in pixels of the page as stored."""
    if not rows:
        return []
    boxes = iter(
        digit_boxes(
            straight,
            np.concatenate([row.corners for row in rows]),
            np.concatenate([np.full(len(row), row.probability) for row in rows]),
        )
    )
    return [tuple(islice(boxes, len(row))) for row in rows]


def digit_boxes(
    straight: StraightPage, corners: npt.NDArray[np.float64], scores: npt.NDArray[np.float64]
) -> tuple[DigitBox, ...]:
    """Boxes with corners (n, 4, 2) on the straightened page, in pixels of the page as stored."""
    quads = quads_of(map_points(straight.to_page, corners))
    return tuple(DigitBox(quad, score) for quad, score in zip(quads, scores.tolist(), strict=True))


def _split_off_print(even: GreyImage, rows: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """Split rows into likely ones and print: bar codes, dark pictures, a few small boxes."""
    dark = [share > _MAX_DARK_SHARE_OF_ROW for share in _dark_shares(even, rows).tolist()]
    several = [row for row, is_dark in zip(rows, dark, strict=True) if len(row) > 1 and not is_dark]
    heights = np.repeat([row.size[1] for row in several], [len(row) for row in several])
    median = float(np.median(heights)) if len(heights) else 0.0
    likely, print_rows = list[Row](), list[Row]()
    for row, is_dark in zip(rows, dark, strict=True):
        low = row.size[1] < _MIN_HEIGHT_OF_SHORT_ROW * median
        is_print = is_dark or (len(row) <= _MAX_BOXES_OF_SHORT_ROW and low)
        (print_rows if is_print else likely).append(row)
    return likely, print_rows


def _dark_shares(even: GreyImage, rows: Sequence[Row]) -> npt.NDArray[np.float64]:
    """(rows,) the share of dark pixels in the boxes of each row."""
    if not rows:
        return np.zeros(0)
    corners = np.concatenate([row.corners for row in rows])
    low, high = corners.min(axis=1), corners.max(axis=1)
    x, y = (low + _INTERIOR_GRID[:, None, None] * (high - low)).astype(np.int64).transpose(2, 0, 1)
    height, width = even.shape
    x, y = np.clip(x, 0, width - 1), np.clip(y, 0, height - 1)  # (grid, n)
    dark = np.count_nonzero(even[y[:, None], x] < _MIN_PAPER_BRIGHTNESS, axis=(0, 1))
    lengths = np.array([len(row) for row in rows])
    in_rows = np.add.reduceat(dark, lengths.cumsum() - lengths)
    return np.asarray(in_rows / (len(_INTERIOR_GRID) ** 2 * lengths))
