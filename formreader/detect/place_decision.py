"""Decide between a row of boxes and the cells that overlap it.

Digits side by side in a cell look like a row of boxes, and boxes that stand apart look like cells.
A regression decides between the two. Its weights are in the network's model card.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from formreader.detect.cell_maps import FoundCells
from formreader.detect.page_regression import PageRegression, logit_of, share_of
from formreader.detect.rows import Row

_MIN_COINCIDENCE, _MIN_COVERED = 0.5, 0.5
"""A box coincides with a cell from this intersection over union on. It lies in a cell from this
share of its own area on. No record of a measurement."""

_MIN_PROBABILITY, _MAX_PROBABILITY = 0.25, 0.75
"""Below the first probability the row is dropped, above the second the cells are. Between the two
both are read, and digits in boxes are accepted only if the cells agree (`recognise.arbitration`).
On 600 drawn pages 48 rows beside larger cells were between the two; 19 of them were real."""


@dataclass(frozen=True, slots=True, eq=False)
class PlaceDecision(PageRegression):
    """A regression on a row of boxes and the cells that overlap it.

    Features of the row: its mean and lowest score as logits; the ruled share of the edges between
    its boxes; whether it has several boxes; the log of their number. Features of the cells: their
    mean score as a logit; the share of boxes that lie in a cell; the share that coincide with one;
    cells per box; the absolute log ratio of box area to cell area.

    Context: the share of boxes in the page's other rows that are real, minus one half. A form
    usually has either boxes or cells.
    """

    FEATURES: ClassVar = (
        "score", "lowest score", "separation", "several", "length", "cell score", "covered",
        "coincide", "cells each", "unlike",
    )  # fmt: skip
    CONTEXT: ClassVar = ("others",)

    def probabilities(self, rivalry: Rivalry) -> npt.NDArray[np.float64]:
        """(n,) probabilities that the rows are real, and not the cells that overlap them."""
        return self.judged(rivalry.features, rivalry.others)

    def settle(self, rows: Sequence[Row], cells: FoundCells) -> Settled:
        """Decide between rows and the cells that overlap them.

        Both are kept in doubtful cases. Then the readings decide.
        """
        kept, dropped, rivals = list[Row](), list[Row](), list[tuple[FoundCells, float]]()
        free = np.ones(len(cells), np.bool_)
        shares = in_one_place(rows, cells)
        rivalry = Rivalry.on_page(rows, cells, shares)
        probabilities = iter(self.probabilities(rivalry).tolist())
        for row, shared in zip(rows, shares, strict=True):
            probability = next(probabilities) if shared.any() else 1.0
            if probability < _MIN_PROBABILITY:
                dropped.append(row)
                continue
            kept.append(row)
            if probability > _MAX_PROBABILITY:
                free &= ~shared
            else:
                rivals.append((cells.select(shared), probability))
        return Settled(kept, dropped, cells.select(free), rivals)


@dataclass(frozen=True, slots=True, eq=False)
class Rivalry:
    """The n rows of a page that overlap cells.

    `features` (n, k) are those of `PlaceDecision.FEATURES`, `lengths` (n,) the numbers of boxes.
    `unrivalled` is the number of boxes in the page's rows that overlap no cell.
    """

    features: npt.NDArray[np.float64]
    lengths: npt.NDArray[np.float64]
    unrivalled: int

    @classmethod
    def on_page(
        cls, rows: Sequence[Row], cells: FoundCells, shares: Sequence[npt.NDArray[np.bool_]]
    ) -> Rivalry:
        """Compare the rows of a page with the cells that overlap them, flagged in `shares`."""
        pairs = [(row, shared) for row, shared in zip(rows, shares, strict=True) if shared.any()]
        features = [pair_features(row, cells, shared) for row, shared in pairs]
        return cls(
            np.array(features).reshape(-1, len(PlaceDecision.FEATURES)),
            np.array([len(row) for row, _ in pairs], np.float64),
            sum(map(len, rows)) - sum(len(row) for row, _ in pairs),
        )

    def others(self, logit: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """(n, 1) the context of each row: the expected share of real boxes in the other rows.

        It is computed from the rows' logits, (n,), minus one half.
        """
        there = self.lengths * share_of(logit)
        total = self.unrivalled + self.lengths.sum() - self.lengths
        found = self.unrivalled + there.sum() - there
        return np.where(total > 0, found / np.maximum(total, 1) - 0.5, 0.0)[:, None]


@dataclass(frozen=True, slots=True, eq=False)
class Settled:
    """The rows that are kept, those that are dropped, and the cells that are kept.

    `rivals` are kept cells that overlap a kept row, with the probability that the row is real.
    """

    rows: list[Row]
    dropped: list[Row]
    cells: FoundCells
    rivals: list[tuple[FoundCells, float]]

    def places(self, row: Row) -> npt.NDArray[np.float64]:
        """(n,) the probability that each box of a row is real; 1 if no kept cell overlaps it."""
        found = np.ones(len(row))
        for cells, probability in self.rivals:
            found[_meet(row.corners, cells).any(axis=1)] = probability
        return found


def pair_features(
    row: Row, cells: FoundCells, shared: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    """(k,) features of a row and the cells that overlap it, as in `PlaceDecision.FEATURES`."""
    corners = cells.corners[shared]
    # Axis by axis: numpy is slow where the last axis is short.
    sides = list[npt.NDArray[np.float64]]()
    common = list[npt.NDArray[np.float64]]()
    for places, box_places in zip(corners.T, row.corners.T, strict=True):  # (4, n) of one axis
        low, high = places.min(axis=0), places.max(axis=0)
        box_low, box_high = box_places.min(axis=0)[:, None], box_places.max(axis=0)[:, None]
        sides += [high - low, box_high - box_low]
        common.append(np.minimum(high, box_high) - np.maximum(low, box_low))
    shares = np.maximum(common[0], 0) * np.maximum(common[1], 0)  # (boxes, cells)
    areas, box_areas = sides[0] * sides[2], sides[1] * sides[3]
    overlap = shares / (areas + box_areas - shares)
    n = len(row)
    scores = np.array([row.score, row.scores.min(), cells.scores[shared].mean()])
    row_score, lowest, cell_score = logit_of(scores).tolist()
    known = [
        row_score,
        lowest,
        row.separation,
        float(n > 1),
        float(np.log(n)),
        cell_score,
        float((shares.max(axis=1, keepdims=True) > _MIN_COVERED * box_areas).mean()),
        float((overlap.max(axis=1) >= _MIN_COINCIDENCE).mean()),
        len(corners) / n,
        float(abs(np.log(median(areas.tolist()) / median(box_areas.ravel().tolist())))),
    ]
    return np.array(known, np.float64)


def in_one_place(rows: Sequence[Row], cells: FoundCells) -> list[npt.NDArray[np.bool_]]:
    """For each row (n,) flags of the cells that overlap it.

    A cell overlaps a row if it contains the centre of one of its boxes, or the other way round.
    """
    if not rows:
        return []
    meet = _meet(np.concatenate([row.corners for row in rows]), cells)
    first = np.cumsum([0, *(len(row) for row in rows[:-1])])
    return list(np.logical_or.reduceat(meet, first, axis=0))


def _meet(boxes: npt.NDArray[np.float64], cells: FoundCells) -> npt.NDArray[np.bool_]:
    """(boxes, cells) whether one contains the other's centre; `boxes` are corners (m, 4, 2)."""
    low, high = cells.corners.min(axis=1), cells.corners.max(axis=1)
    boxes_low, boxes_high = boxes.min(axis=1), boxes.max(axis=1)
    centres, middles = boxes.mean(axis=1), (low + high) / 2
    holds = held = np.ones((len(boxes), len(cells)), np.bool_)
    for axis in (0, 1):  # numpy is slow where the last axis is short
        centre = centres[:, axis, None]
        holds = holds & (low[:, axis] < centre) & (centre < high[:, axis])
        middle = middles[:, axis]
        held = held & (boxes_low[:, axis, None] < middle) & (middle < boxes_high[:, axis, None])
    return np.asarray(holds | held)
