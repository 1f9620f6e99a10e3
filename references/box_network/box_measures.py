"""Count the boxes that the network and row assembly find on pages with known boxes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from box_network.page_pieces import TrainingPage
from formreader.core.records import GreyImage
from formreader.detect.cell_maps import find_cells
from formreader.detect.peaks import Maps, find_peaks
from formreader.detect.row_assembly import assemble_rows
from formreader.detect.row_decision import RowDecision

_MIN_FOUND_OVERLAP = 0.5
"""Intersection over union from which a box counts as found, as in docs/measured.md."""


@dataclass(frozen=True, slots=True)
class BoxFigures:
    """Numbers of pages, of their boxes, of those found, and of false boxes; then those of cells."""

    pages: int
    boxes: int
    found: int
    false: int
    cells: int = 0
    cells_found: int = 0
    cells_false: int = 0


def measure_boxes(
    maps_of: Callable[[GreyImage], Maps], decision: RowDecision, pages: Iterable[TrainingPage]
) -> BoxFigures:
    """Count the boxes and cells found on `pages`, before anything is read.

    Found are those that share half of their union with a true one.

    `maps_of` computes the maps of a page, like `BoxNetwork.maps`; `decision` judges the rows.
    """
    count, of_boxes, of_cells = 0, np.zeros(3, np.int64), np.zeros(3, np.int64)
    for page in pages:
        maps = maps_of(page.image)
        quads = [row.corners for row in assemble_rows(find_peaks(maps), maps, decision)]
        boxes = np.concatenate(quads) if quads else np.zeros((0, 4, 2))
        count += 1
        of_boxes += _counts(page.quads, boxes)
        of_cells += _counts(page.cells, find_cells(maps).corners)
    return BoxFigures(count, *of_boxes.tolist(), *of_cells.tolist())


def _counts(
    truth: npt.NDArray[np.floating], found: npt.NDArray[np.floating]
) -> tuple[int, int, int]:
    """Numbers of true quads, of those found, and of false ones."""
    hits = count_hits(truth, found)
    return len(truth), hits, len(found) - hits


def count_hits(truth: npt.NDArray[np.floating], found: npt.NDArray[np.floating]) -> int:
    """Number of the true quads, (n, 4, 2), that are among those found, (m, 4, 2)."""
    # Found boxes do not overlap, so no two of them can match the same true box.
    return int(matches(truth, found).any(axis=1).sum())


def matches(
    truth: npt.NDArray[np.floating], found: npt.NDArray[np.floating]
) -> npt.NDArray[np.bool_]:
    """(n, m) which of the true quads, (n, k, 2), are those found, (m, l, 2), by any corners."""
    if not len(truth) or not len(found):
        return np.zeros((len(truth), len(found)), np.bool_)
    (low_a, high_a), (low_b, high_b) = ((q.min(axis=1), q.max(axis=1)) for q in (truth, found))
    low, high = np.maximum(low_a[:, None], low_b), np.minimum(high_a[:, None], high_b)
    shared = np.clip(high - low, 0, None).prod(axis=2)
    union = (high_a - low_a).prod(axis=1)[:, None] + (high_b - low_b).prod(axis=1) - shared
    return np.asarray(shared / union >= _MIN_FOUND_OVERLAP)
