"""Fit how far the voices on a number are to be believed, on composed cells of held-back hands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from formreader.core.options import ScanOptions
from formreader.core.records import FieldCrops, PageCrops
from formreader.recognise.ctc import NOT_A_NUMBER, NOTHING_WRITTEN
from formreader.recognise.decisions import ReadField
from formreader.recognise.load_recogniser import load_recogniser
from formreader.recognise.model_card import CalibrationRow
from formreader.recognise.number_reader import HeardNumber, NumberReader, OutputsOf
from formreader.recognise.number_vote import Ballot, cast, digits_of, judge, without_ending
from formreader.recognise.page_reading import read_fields
from formreader.recognise.vote_weights import FEATURES, VoteWeights
from formreader.segment.candidates import cut_cell
from formreader.synth.parallel_rendering import map_in_processes
from formreader.training.fit.calibration import error_counts
from formreader.training.number_network.strip_pool import STRIPS_PER_SHEET, HandSource, composer

_NO_WEIGHTS = VoteWeights(*((0.0,) * (len(FEATURES) + 1),) * 3)
"""Weights for reading before there are any."""

_CALIBRATION_BINS = 10
"""Groups of equal size in which the expected calibration error is measured."""


@dataclass(frozen=True, slots=True, eq=False)
class VotedCell:
    """A composed cell as both voices read it, and which of them are right."""

    ballot: Ballot
    strip_right: bool
    cuts_right: bool


@dataclass(frozen=True, slots=True)
class VoteFigures:
    """On cells that nothing was fitted to: counts, and the calibration error of the confidence.

    `agreed` numbers are said by both voices, of which `agreed_wrong` are wrong; `right` are given
    rightly by the vote, `strip_right` and `cuts_right` by each voice. `accepted` numbers are sure
    and have the default confidence, and of these `accepted_wrong` are wrong.
    """

    numbers: int
    right: int
    strip_right: int
    cuts_right: int
    agreed: int
    agreed_wrong: int
    accepted: int
    accepted_wrong: int
    expected_calibration_error: float


def fit_vote(
    source: HandSource,
    first_seed: int,
    count: int,
    outputs_of: OutputsOf,
    tell: Callable[[str], None],
) -> tuple[VoteWeights, VoteFigures, tuple[CalibrationRow, ...]]:
    """Fit the weights on half of `count` composed cells, and measure them on the others."""
    read = read_composed(source, first_seed, count, outputs_of, tell)
    voted = [one for one in map(_voted, read) if one is not None]
    weights = fit_weights(voted[::2], _evidence_of_no_ink(read))
    return weights, *measure_vote(voted[1::2], weights)


def fit_weights(cells: Sequence[VotedCell], no_ink: float = 0.0) -> VoteWeights:
    """Fit the weights of each case to cells."""
    agreed = [one for one in cells if one.ballot.agreed]
    differing = [one for one in cells if not one.ballot.agreed]
    return VoteWeights(
        _fit(agreed, lambda one: one.strip_right),
        _fit(differing, lambda one: one.strip_right),
        _fit(differing, lambda one: one.cuts_right),
        no_ink,
    )


@dataclass(frozen=True, slots=True, eq=False)
class ReadCell:
    """A composed cell as it was read by both voices, and what is in it."""

    cuts: ReadField
    heard: HeardNumber
    target: str


def read_composed(
    source: HandSource,
    first_seed: int,
    count: int,
    outputs_of: OutputsOf,
    tell: Callable[[str], None],
) -> list[ReadCell]:
    """Read composed cells with both voices, as pages are; those of print are left out."""
    sheets = range(first_seed, first_seed + -(-count // STRIPS_PER_SHEET))
    made = map_in_processes(partial(_cut_sheet, source), sheets, tell)
    cells = [one for sheet in made for one in sheet]
    pages = [PageCrops("", i, (field,)) for i, (field, _) in enumerate(cells)]
    read = read_fields(pages, load_recogniser(), NumberReader(outputs_of, _NO_WEIGHTS))
    return [
        ReadCell(one, page.heard[one.field.cell], target)
        for page, (_, target) in zip(read, cells, strict=True)
        for one in page.fields
        if one.field.cell is not None
    ]


def _voted(one: ReadCell) -> VotedCell | None:
    """How both voices did on a cell; None where no number was read on its strip."""
    said = without_ending(one.heard.spelling.text)
    if NOT_A_NUMBER in said or not digits_of(said):
        return None
    ballot = cast(one.cuts.field, one.cuts.probabilities, one.heard)
    wanted = without_ending(one.target)
    return VotedCell(ballot, said == wanted, ballot.cut_digits == wanted)


def _evidence_of_no_ink(cells: Sequence[ReadCell]) -> float:
    """How much likelier blank cells are to have no ink than others, as a logarithm."""
    shares = []
    for blank in (True, False):
        chosen = [one for one in cells if (one.target == NOTHING_WRITTEN) == blank]
        without = sum(bool(one.cuts.field.blank.all()) for one in chosen)
        shares.append((without + 1) / (len(chosen) + 2))
    return float(np.log(shares[0] / shares[1]))


def _cut_sheet(source: HandSource, seed: int) -> list[tuple[FieldCrops, str]]:
    """Cut the cells that are composed from one seed, as pages are cut."""
    cells = composer(source).compose(STRIPS_PER_SHEET, np.random.default_rng(seed))
    cut = ((cut_cell(one.image, one.cell), one.target) for one in cells)
    return [(field, target) for field, target in cut if field is not None]


def _fit(cells: Sequence[VotedCell], is_right: Callable[[VotedCell], bool]) -> tuple[float, ...]:
    right = np.array([is_right(one) for one in cells], np.bool_)
    features = [one.ballot.features for one in cells]
    return fit_logistic(np.reshape(features, (len(cells), len(FEATURES))), right)


def fit_logistic(
    features: npt.NDArray[np.float64], right: npt.NDArray[np.bool_]
) -> tuple[float, ...]:
    """Logistic regression of whether a voice is right, as weights and a constant.

    `features` are (n, f), and `right` (n,).
    """
    n, f = features.shape
    if not n or right.all() or not right.any():
        # Nothing to tell apart: the share of the right ones, with one more of each kind.
        odds = (right.sum() + 1) / (n - right.sum() + 1)
        return (*(0.0 for _ in range(f)), float(np.log(odds)))
    model = LogisticRegression(C=1.0, max_iter=2000).fit(features, right)
    return (*map(float, model.coef_[0]), float(model.intercept_[0]))


def measure_vote(
    cells: Sequence[VotedCell], weights: VoteWeights
) -> tuple[VoteFigures, tuple[CalibrationRow, ...]]:
    """Figures of the vote on cells, and the errors that each threshold lets pass."""
    judgements = [judge(one.ballot, weights) for one in cells]
    right = np.array(
        [
            cell.strip_right if given.as_on_strip else cell.cuts_right
            for cell, given in zip(cells, judgements, strict=True)
        ],
        np.bool_,
    )
    confidences = np.array([given.confidence for given in judgements])
    sure = np.array([not given.doubt for given in judgements], np.bool_)
    accepted = sure & (confidences >= ScanOptions(()).review_below)
    agreed = [one for one in cells if one.ballot.agreed]
    figures = VoteFigures(
        len(cells),
        int(right.sum()),
        sum(one.strip_right for one in cells),
        sum(one.cuts_right for one in cells),
        len(agreed),
        sum(not one.strip_right for one in agreed),
        int(accepted.sum()),
        int((accepted & ~right).sum()),
        expected_calibration_error(confidences, right),
    )
    return figures, error_counts(confidences, sure, right)


def expected_calibration_error(
    confidences: npt.NDArray[np.float64], right: npt.NDArray[np.bool_]
) -> float:
    """Mean distance of confidence from the share of right ones, over groups of equal size."""
    order = np.argsort(confidences, kind="stable")
    groups = [group for group in np.array_split(order, _CALIBRATION_BINS) if len(group)]
    gaps = [len(g) * abs(confidences[g].mean() - right[g].mean()) for g in groups]
    return float(sum(gaps) / max(len(order), 1))
