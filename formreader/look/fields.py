"""The fields of a page: boxes side by side are read together, cells by themselves."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from formreader.core.doubts import Doubt
from formreader.core.geometry import Box, map_points, quads_of
from formreader.core.records import DigitBox, mark_boxes
from formreader.detect.field_grouping import group_rows
from formreader.detect.rows import Row
from formreader.look.free_writing import beside_strokes, free_lines, free_strokes
from formreader.look.page_look import PageLook
from formreader.look.places import Places, find_places
from formreader.preprocess.straighten import StraightPage


@dataclass(frozen=True, slots=True)
class FoundFields:
    """What was found on a page.

    `rows` are the boxes of each field of digit boxes, in reading order. `cells` are the
    rectangles that may hold a whole number, `free` what is written in no place. `notice` is a
    reason for review of the page, or "".
    """

    rows: tuple[tuple[DigitBox, ...], ...] = ()
    cells: tuple[DigitBox, ...] = ()
    free: tuple[DigitBox, ...] = ()
    notice: str = ""

    def within(self, shape: tuple[int, ...]) -> FoundFields:
        """The same without boxes and cells whose middle is beyond the edges of the stored page.

        A straightened page shows some of what is beyond them, as paper.
        """
        page = Box(0.0, 0.0, shape[1], shape[0])
        rows = (tuple(box for box in row if page.holds(box.box.centre)) for row in self.rows)
        cells, free = (
            tuple(cell for cell in some if page.holds(cell.box.centre))
            for some in (self.cells, self.free)
        )
        return replace(self, rows=tuple(filter(None, rows)), cells=cells, free=free)


def find_fields(straight: StraightPage, look: PageLook) -> FoundFields:
    """The fields of a straightened page, in pixels of the page as stored."""
    boxes, cells = find_places(look.maps)
    rows = group_rows(_touching(boxes))
    strokes = free_strokes(look, np.concatenate([boxes.corners, cells.corners]))
    return FoundFields(
        tuple(
            mark_boxes(
                _digit_boxes(straight, Places(row.corners, row.scores)),
                beside_strokes(row.corners, strokes),
            )
            for row in rows
        ),
        _digit_boxes(straight, cells),
        _digit_boxes(straight, free_lines(look, strokes)),
        "" if rows else Doubt.NO_BOXES,
    )


def _digit_boxes(straight: StraightPage, places: Places) -> tuple[DigitBox, ...]:
    quads = quads_of(map_points(straight.to_page, places.corners))
    return tuple(DigitBox(q, s) for q, s in zip(quads, places.scores.tolist(), strict=True))


def _touching(boxes: Places) -> list[Row]:
    """Rows of boxes that share their sides, left to right."""
    order = np.argsort(boxes.corners[:, 0, 0])
    c, s = boxes.corners[order], boxes.scores[order]
    low, high = c.min(axis=1), c.max(axis=1)
    size = high - low
    waiting = list(range(len(s)))
    rows = []
    while waiting:
        row = [waiting.pop(0)]
        while True:
            last = row[-1]
            near = [
                i
                for i in waiting
                if abs(low[i, 0] - high[last, 0]) < 0.2 * min(size[last, 0], size[i, 0])
                and abs(low[i, 1] - low[last, 1]) < 0.25 * size[last, 1]
                and abs(high[i, 1] - high[last, 1]) < 0.25 * size[last, 1]
            ]
            if not near:
                break
            row.append(near[0])
            waiting.remove(near[0])
        rows.append(Row(c[row], s[row], float(s[row].mean())))
    return rows
