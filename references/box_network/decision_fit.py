"""Fit the decisions on rows and cells to what the box network finds on drawn pages."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from box_network.box_measures import count_hits, matches
from box_network.page_pieces import TrainingPage
from formreader.core.classes import NOT_A_DIGIT
from formreader.core.geometry import quads_of
from formreader.core.image_pyramid import Pyramid
from formreader.core.records import DigitBox
from formreader.crop.box_crops import crop_boxes
from formreader.detect.box_network import BoxNetwork, Decisions
from formreader.detect.field_decision import FieldDecision, field_features, no_surroundings
from formreader.detect.page_regression import PageRegression
from formreader.detect.peaks import find_peaks
from formreader.detect.place_decision import PlaceDecision, Rivalry, in_one_place
from formreader.detect.row_assembly import row_candidates, row_members
from formreader.detect.row_decision import RowCandidates, RowDecision, surroundings
from formreader.detect.row_finder import FIRST_SCALE, find_rows, scaled
from formreader.detect.rows import Row
from formreader.recognise.load_recogniser import load_recogniser
from formreader.recognise.recogniser import Recogniser

_MIN_TRUE_SHARE = 0.5
"""Share of a row's boxes that are true ones from which it is a row of digit boxes."""

_RIDGE = 1e-4
"""Penalty on the squared weights, for each row."""

_Flags = npt.NDArray[np.bool_]
_Floats = npt.NDArray[np.float64]

_Regression = TypeVar("_Regression", bound=PageRegression)


@dataclass(frozen=True, slots=True, eq=False)
class KnownPage:
    """n things of a page, and what they are.

    `features` (n, k) and `surroundings`, which gives the context for logits (n,), are those of the
    regression. `true` (n,); only those in `counted` (n,) are fitted to.
    """

    features: _Floats
    surroundings: Callable[[_Floats], _Floats]
    true: _Flags
    counted: _Flags


def fit_decisions(
    network: BoxNetwork,
    pages: Sequence[TrainingPage],
    decisions: Decisions,
    names: Collection[str],
) -> Decisions:
    """Fit those of the decisions that are named: that on rows, and then those on what it finds."""
    if "rows" in names:
        decisions = replace(decisions, rows=fit_rows(known_rows(network, pages)))
    network = network.deciding(decisions)
    if "places" in names:
        decisions = replace(decisions, places=fit_places(known_places(network, pages)))
    if "fields" in names:
        decisions = replace(decisions, fields=fit_fields(known_fields(network, pages)))
    return decisions


def known_rows(network: BoxNetwork, pages: Iterable[TrainingPage]) -> list[KnownPage]:
    """The candidates for rows on pages, compared with the true boxes.

    Those in cells do not count: it is `PlaceDecision` that tells rows from cells.
    """
    known = list[KnownPage]()
    for page in pages:
        shown = scaled(page.image, FIRST_SCALE)
        found = find_peaks(network.maps(shown))
        if members := row_members(found):
            factors = np.array(shown.shape[::-1]) / page.image.shape[::-1]
            quads, cells = (
                (one.astype(np.float64) + 0.5) * factors - 0.5 for one in (page.quads, page.cells)
            )
            known.append(_known_rows_of(row_candidates(found, members), quads, cells))
    return known


def _known_rows_of(candidates: RowCandidates, quads: _Floats, cells: _Floats) -> KnownPage:
    groups = candidates.groups
    half = candidates.median_sizes[groups.owner] / 2
    corners = np.stack([candidates.centres - half, candidates.centres + half], axis=1)
    true = matches(quads, corners).any(axis=0)
    in_cell = _holding(cells, candidates.centres) & ~true
    share, share_in_cells = (
        np.asarray(groups.total(np.asarray(flags, np.float64)) / groups.lengths)
        for flags in (true, in_cell)
    )
    is_row = share > _MIN_TRUE_SHARE
    return KnownPage(
        candidates.features(),
        lambda logits: surroundings(candidates, logits),
        is_row,
        is_row | (share_in_cells < _MIN_TRUE_SHARE),
    )


def _holding(cells: _Floats, points: _Floats) -> _Flags:
    """(n,) which of n points (n, 2) lie in one of the cells (m, 4, 2)."""
    low, high = cells.min(axis=1), cells.max(axis=1)
    inside = (low < points[:, None]) & (points[:, None] < high)
    return np.asarray(inside.all(axis=2).any(axis=1))


def known_places(network: BoxNetwork, pages: Iterable[TrainingPage]) -> list[KnownPage]:
    """Find rows and cells on pages, and compare the rows that have rivals with the true boxes."""
    known = []
    for page in pages:
        found = find_rows(page.image, network)
        shares = in_one_place(found.rows, found.cells)
        true = [
            count_hits(page.quads, row.corners) > _MIN_TRUE_SHARE * len(row)
            for row, shared in zip(found.rows, shares, strict=True)
            if shared.any()
        ]
        rivalry = Rivalry.on_page(found.rows, found.cells, shares)
        flags = np.array(true, np.bool_)
        known.append(KnownPage(rivalry.features, rivalry.others, flags, np.ones_like(flags)))
    return known


def known_fields(network: BoxNetwork, pages: Iterable[TrainingPage]) -> list[KnownPage]:
    """Find rows on pages, and read them with the digits network that ships with the program.

    Those in cells do not count.
    """
    recogniser = load_recogniser()
    found = ((page, find_rows(page.image, network).rows) for page in pages)
    return [_known_fields_of(page, rows, recogniser) for page, rows in found if rows]


def _known_fields_of(page: TrainingPage, rows: Sequence[Row], recogniser: Recogniser) -> KnownPage:
    doubts = _doubts(page, rows, recogniser)
    features = [
        field_features(row.probability, doubt) for row, doubt in zip(rows, doubts, strict=True)
    ]
    cells = page.cells.astype(np.float64)
    true = [count_hits(page.quads, row.corners) / len(row) for row in rows]
    inside = [float(_holding(cells, row.corners.mean(axis=1)).mean()) for row in rows]
    is_row, in_cells = np.array(true) > _MIN_TRUE_SHARE, np.array(inside) > _MIN_TRUE_SHARE
    return KnownPage(np.array(features), no_surroundings, is_row, is_row | ~in_cells)


def _doubts(page: TrainingPage, rows: Sequence[Row], recogniser: Recogniser) -> list[float | None]:
    """The mean "not a digit" probability of the boxes of each row that are not blank."""
    boxes = [DigitBox(quad) for row in rows for quad in quads_of(row.corners)]
    crops, blank, _ = crop_boxes(Pyramid(page.image), boxes)
    doubt = np.zeros(len(boxes))
    doubt[~blank] = recogniser.probabilities(crops[~blank])[:, NOT_A_DIGIT]
    ends = np.cumsum([len(row) for row in rows])[:-1]
    parts = zip(np.split(doubt, ends), np.split(~blank, ends), strict=True)
    return [float(part[written].mean()) if written.any() else None for part, written in parts]


def fit_rows(known: Sequence[KnownPage]) -> RowDecision:
    """Fit the decision on rows. Its probabilities hold for pages as they are drawn."""
    return _fitted(RowDecision.undecided(), known, balanced=False)


def fit_places(known: Sequence[KnownPage]) -> PlaceDecision:
    """Fit the decision on rows and cells in one place.

    Both answers weigh the same: how often each is right differs from form to form.
    """
    return _fitted(PlaceDecision.undecided(), known, balanced=True)


def fit_fields(known: Sequence[KnownPage]) -> FieldDecision:
    """Fit the decision on rows that were read. Its probabilities hold for pages as drawn."""
    return _fitted(FieldDecision.undecided(), known, balanced=False)


def share_right(decision: PageRegression, known: Sequence[KnownPage]) -> float:
    """Share of the things that a decision judges rightly, the mean of those of both answers."""
    right = (_judged(decision, known) > 0.5) == (true := _true(known))
    answers = [right[true == answer] for answer in (True, False)]
    return float(np.mean([answer.mean() for answer in answers if len(answer)] or [1.0]))


def _judged(decision: PageRegression, known: Sequence[KnownPage]) -> _Floats:
    pages = (decision.judged(page.features, page.surroundings)[page.counted] for page in known)
    return np.concatenate([np.zeros(0), *pages])


def _fitted(undecided: _Regression, known: Sequence[KnownPage], *, balanced: bool) -> _Regression:
    """Fit both regressions, the second one on the logits of the first."""
    true = _true(known)
    empty = np.zeros((0, len(undecided.FEATURES)))
    features = np.concatenate([empty, *(page.features[page.counted] for page in known)])
    *weights, bias = _fit(features, true, balanced)
    first = replace(undecided, weights=np.array(weights), bias=bias)
    seen = [np.zeros((0, 1 + len(undecided.CONTEXT)))]
    for page in known:
        logits = first.logits(page.features)
        seen.append(np.column_stack([logits, page.surroundings(logits)])[page.counted])
    return replace(first, context=tuple(_fit(np.concatenate(seen), true, balanced)))


def _true(known: Sequence[KnownPage]) -> _Flags:
    return np.concatenate([np.zeros(0, np.bool_), *(page.true[page.counted] for page in known)])


def _fit(features: _Floats, true: _Flags, balanced: bool) -> list[float]:
    """Fit a regression; returns the weights of the features (n, k) and the bias."""
    if true.all() or not true.any():  # nothing to tell apart
        return [0.0] * (features.shape[1] + 1)
    weight = "balanced" if balanced else None
    model = LogisticRegression(C=1 / (_RIDGE * len(true)), class_weight=weight, max_iter=5000)
    model.fit(features, true)
    return [*map(float, model.coef_[0]), float(model.intercept_[0])]
