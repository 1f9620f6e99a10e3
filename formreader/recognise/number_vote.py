"""Settle what a cell says, from two voices: its cut digits, and its strip read as a whole.

Where both say the same the number is sure. Where they differ the more probable one is given, for
review unless the strip's reader is all but certain: paper with a pattern cannot be cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from formreader.core.classes import CLASSES, CROP_SIDE, NOT_A_DIGIT, Probabilities
from formreader.core.doubts import Doubt
from formreader.core.geometry import map_points, quads_of
from formreader.core.records import DigitBox, FieldCrops, NumberStrip
from formreader.crop.normaliser import MIN_INK_GREY, normalise_all
from formreader.recognise.ctc import NOT_A_NUMBER, NOTHING_WRITTEN
from formreader.recognise.number_reader import COLUMNS_PER_PLACE, HeardNumber
from formreader.recognise.vote_weights import (
    VoteWeights,
    blank_probability,
    features,
    probability,
)
from formreader.segment.number_strip import STRIP_HEIGHT

Columns: TypeAlias = list[tuple[int, int]]
"""First column and column after the last of each digit on a strip."""

_MIN_BLANK_PROBABILITY, _MAX_CUTS_OF_BLANK = 0.9, 0.5
"""A cell is blank if it is with the first probability by its strip and by whether there is ink, and
the cuts do not find digits with the second."""

MIN_SURE_OF_STRIP, _MAX_CUTS_AGAINST_STRIP = 0.98, 0.8
"""Where the voices differ the strip's number is sure all the same from this confidence on, unless
the cuts' digits have the second probability. On `numbers/composed`, with cells moved at random, 71
of 1,917 numbers were so sure of the strip; one was wrong, and its cuts had 0.96."""

_LEAST_DIGIT_PROBABILITY, _LEAST_DIGIT_DOUBT = 1e-6, 1e-4
"""Limits of a digit's probability and doubt when the doubt about a number is shared out: even the
surest digit has a share."""

_INK_OF_STRIP = 128
"""Darkness from which a pixel of a strip counts as ink, half of the darkest."""

_THOUSANDS = 3
"""Digits behind a separator of thousands."""

_MAX_GAP = 1.5
"""Distance of neighbouring digits above which they may be of two numbers: the geometric mean of
that in heights of the strip and that in usual distances of the number's digits. Of 4,332 numbers
of three digits or more, read rightly on `numbers/composed` and 186 drawn pages, three had more."""

_MIN_GAP_OF_THOUSANDS = 1.6
"""Width of a gap that separates thousands, as a multiple of the widest other gap. No record of a
measurement."""


@dataclass(frozen=True, slots=True)
class NumberVote:
    """What a cell says: `value` with its separators and the `confidence` that it is right.

    `doubt` is why it is for review however confident, "" where nothing speaks against it. `mark` is
    the probability that all that stands there is a dash or a cross, which may say "nothing". `cuts`
    are the digits of the cuts, "" where there are none or one is none.
    """

    value: str
    confidence: float
    doubt: str = ""
    mark: float = 0.0
    cuts: str = ""

    @property
    def sure(self) -> bool:
        """Whether a threshold may accept it."""
        return not self.doubt


@dataclass(frozen=True, slots=True, eq=False)
class SettledNumber:
    """A cell's field after the vote, with the probabilities (n, 11) of its boxes."""

    field: FieldCrops
    probabilities: Probabilities
    vote: NumberVote


def settle(
    field: FieldCrops, cuts: Probabilities, heard: HeardNumber, weights: VoteWeights
) -> SettledNumber:
    """Settle what a cell says.

    Args:
        field: the cell, with the boxes of its cut digits.
        cuts: (n, 11) probabilities of these boxes, lowered where cuts are doubtful.
        heard: what was read on its strip.
        weights: the model of the two voices.
    """
    written = without_ending(heard.spelling.text)
    ballot = cast(field, cuts, heard)
    if NOT_A_NUMBER in written or not digits_of(written):
        return _without_number(field, cuts, heard, ballot, weights)
    judgement = judge(ballot, weights)
    value = with_gaps(written, heard) if judgement.as_on_strip else ballot.cut_digits
    vote = NumberVote(value, judgement.confidence, judgement.doubt, cuts=ballot.cut_digits)
    if judgement.as_on_strip and not ballot.agreed:
        return _by_strip(field, heard, vote)
    return SettledNumber(field, cuts, vote)


def number_probability(heard: HeardNumber) -> float:
    """The probability of what was read on a strip, if it is a number; else 0."""
    text = heard.spelling.text
    return heard.probability if digits_of(text) and NOT_A_NUMBER not in text else 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Ballot:
    """What both voices say of a cell, and the features for `vote_weights`.

    `cut_digits` is "" where there are none or one is none, and `cut_probability` that of all of
    them. `loose`: there is ink in no digit. `torn`: digits are so far apart
    that they may be of two numbers.
    """

    cut_digits: str
    cut_probability: float
    agreed: bool
    loose: bool
    features: npt.NDArray[np.float64]
    torn: bool = False


def cast(field: FieldCrops, cuts: Probabilities, heard: HeardNumber) -> Ballot:
    """Compare the voices on a cell."""
    rows = cuts[~field.blank]
    best = rows[:, :NOT_A_DIGIT].max(axis=1).astype(np.float64)
    cut = "".join(map(str, rows[:, :NOT_A_DIGIT].argmax(axis=1)))
    if (rows[:, NOT_A_DIGIT] >= best).any():
        cut = ""
    both, lowest = (float(best.prod()), float(best.min())) if len(best) else (0.0, 0.0)
    loose = any(box.loose_ink for box in field.boxes)
    digits = digits_of(heard.spelling.text)
    of = features(heard.probability, both, lowest, loose, len(digits))
    return Ballot(cut, both, cut == digits, loose, of, _is_torn(heard))


def _is_torn(heard: HeardNumber) -> bool:
    """Whether two digits that follow one another are further apart than in one number."""
    spelling = heard.spelling
    middles = (spelling.starts + spelling.ends)[heard.digits] / 2 * COLUMNS_PER_PLACE
    gaps = np.diff(middles) / STRIP_HEIGHT
    if not len(gaps):
        return False
    usual = float(np.median(gaps)) if len(gaps) > 1 else 1.0
    return bool(gaps.max() ** 2 > _MAX_GAP**2 * usual)


@dataclass(frozen=True, slots=True)
class Judgement:
    """Which of two numbers is given: the strip's, or else that of the cuts; see `NumberVote`."""

    as_on_strip: bool
    confidence: float
    doubt: str


def judge(ballot: Ballot, weights: VoteWeights) -> Judgement:
    """Judge between two voices on a number."""
    doubt = Doubt.INK_IN_NO_DIGIT if ballot.loose else Doubt.TWO_NUMBERS if ballot.torn else ""
    if ballot.agreed:
        return Judgement(True, probability(weights.agreed, ballot.features), doubt)
    strip, cuts = (probability(case, ballot.features) for case in (weights.strip, weights.cuts))
    if strip < cuts and ballot.cut_digits:
        return Judgement(False, cuts, doubt or Doubt.READ_IN_TWO_WAYS)
    # Where no ink was found at all, the strip's reader may have seen what is none.
    alone = strip >= MIN_SURE_OF_STRIP and 0 < ballot.cut_probability < _MAX_CUTS_AGAINST_STRIP
    return Judgement(True, strip, doubt or ("" if alone else Doubt.READ_IN_TWO_WAYS))


def digits_of(text: str) -> str:
    """The digits of what was read."""
    return "".join(filter(str.isdecimal, text))


def without_ending(text: str) -> str:
    """What was read without a sign behind the last digit that says that the number ends there."""
    last = max(
        (i for i, one in enumerate(text) if one.isdecimal() or one == NOT_A_NUMBER), default=-1
    )
    return text[: last + 1].replace(NOTHING_WRITTEN, "")


def with_gaps(text: str, heard: HeardNumber) -> str:
    """Write a blank where a plain number has wide gaps between its thousands, and nowhere else."""
    peaks = (heard.spelling.starts + heard.spelling.ends)[: len(text)] / 2
    n = len(text)
    if n <= _THOUSANDS or not text.isdecimal():
        return text
    gaps = [b - a for a, b in pairwise(peaks.tolist())]
    wide = [gaps[i] for i in range(n - 1) if (n - 1 - i) % _THOUSANDS == 0]
    others = [gaps[i] for i in range(n - 1) if (n - 1 - i) % _THOUSANDS]
    if min(wide) < _MIN_GAP_OF_THOUSANDS * max(others):
        return text
    head = n % _THOUSANDS or _THOUSANDS
    return " ".join([text[:head], *(text[i : i + _THOUSANDS] for i in range(head, n, _THOUSANDS))])


def _without_number(
    field: FieldCrops,
    cuts: Probabilities,
    heard: HeardNumber,
    ballot: Ballot,
    weights: VoteWeights,
) -> SettledNumber:
    """A cell on whose strip no number was read: blank, or for review."""
    blank = blank_probability(weights, heard.blank, bool(field.blank.all()))
    if blank < _MIN_BLANK_PROBABILITY:
        return _no_number(field)
    if ballot.cut_probability < _MAX_CUTS_OF_BLANK:
        # Where a part of the cell may be missing, so may be what is written in it.
        incomplete = field.cell is not None and field.cell.loose_ink
        return _no_number(field, Doubt.INK_IN_NO_DIGIT) if incomplete else _blank(field, blank)
    return SettledNumber(
        field, cuts, NumberVote(ballot.cut_digits, 1 - blank, Doubt.READ_IN_TWO_WAYS)
    )


def _blank(field: FieldCrops, probability: float) -> SettledNumber:
    """The cell as one blank box; specks in it are no digits."""
    if field.cell is None:
        raise ValueError("the field has no cell: there is nothing to vote on")
    black = np.zeros((1, CROP_SIDE, CROP_SIDE), np.uint8)
    empty = replace(field, boxes=(field.cell,), crops=black, blank=np.ones(1, np.bool_))
    none = np.zeros((1, len(CLASSES)), np.float32)
    return SettledNumber(empty, none, NumberVote("", probability))


def _no_number(field: FieldCrops, doubt: str = Doubt.NO_NUMBER) -> SettledNumber:
    """The cell as one box without a digit, for review: a mark, words, a struck number."""
    if field.cell is None or field.strip is None:
        raise ValueError("the field has no cell: there is nothing to vote on")
    columns = [(0, field.strip.darkness.shape[1])]
    whole = replace_boxes(field, (field.cell,), _crops(field.strip, columns))
    row = np.zeros((1, len(CLASSES)), np.float32)
    row[0, NOT_A_DIGIT] = 1.0
    return SettledNumber(whole, row, NumberVote("?", 0.0, doubt))


def _by_strip(field: FieldCrops, heard: HeardNumber, vote: NumberVote) -> SettledNumber:
    """The cell with the digits that were read on its strip, cut where they stand there."""
    if field.cell is None or field.strip is None:
        raise ValueError("the field has no cell: there is nothing to vote on")
    columns, rows = digit_columns(heard, field.strip.darkness), heard.digit_probabilities()
    boxes = boxes_on_page(field.strip, columns, field.cell)
    return SettledNumber(replace_boxes(field, boxes, _crops(field.strip, columns)), rows, vote)


def replace_boxes(
    field: FieldCrops, boxes: tuple[DigitBox, ...], crops: npt.NDArray[np.uint8]
) -> FieldCrops:
    """The same cell with other boxes, all with ink, and their crops."""
    return replace(field, boxes=boxes, crops=crops, blank=np.zeros(len(boxes), np.bool_))


def digit_columns(heard: HeardNumber, darkness: npt.NDArray[np.uint8]) -> Columns:
    """The columns of each digit on its strip: halfway to its neighbours, and cut to its ink."""
    spelling = heard.spelling
    middles = (spelling.starts + spelling.ends) / 2 * COLUMNS_PER_PLACE
    width = darkness.shape[1]
    pitch = float(np.median(np.diff(middles))) if len(middles) > 1 else float(width)
    ends = [max(middles[0] - pitch, 0.0)]
    ends += [(a + b) / 2 for a, b in pairwise(middles.tolist())]
    ends += [min(middles[-1] + pitch, float(width))]
    inked = np.asarray((darkness >= _INK_OF_STRIP).any(axis=0), np.bool_)
    columns = []
    for i, one in enumerate(spelling.text):
        if one.isdecimal():
            left = min(int(ends[i]), width - 1)
            right = max(min(int(np.ceil(ends[i + 1])), width), left + 1)
            ink = np.flatnonzero(inked[left:right])
            columns.append(
                (left + int(ink[0]), left + int(ink[-1]) + 1) if len(ink) else (left, right)
            )
    return columns


def boxes_on_page(strip: NumberStrip, columns: Columns, cell: DigitBox) -> tuple[DigitBox, ...]:
    """The boxes of digits at these columns of a strip, on the page."""
    left, right = np.array(columns, np.float64).T - 0.5
    top, bottom = np.full_like(left, -0.5), np.full_like(left, len(strip.darkness) - 0.5)
    corners = np.stack([left, top, right, top, right, bottom, left, bottom], axis=1)
    on_page = map_points(strip.to_page, corners)
    return tuple(DigitBox(quad, cell.score) for quad in quads_of(on_page))


def _crops(strip: NumberStrip, columns: Columns) -> npt.NDArray[np.uint8]:
    """Crops of the digits at these columns, (n, 28, 28)."""
    ink = np.where(strip.darkness >= 2 * MIN_INK_GREY, strip.darkness, 0).astype(np.uint8)
    parts = [np.ascontiguousarray(ink[:, left:right]) for left, right in columns]
    return normalise_all(parts, [1.0] * len(parts))


def shared_confidences(number: float, digits: Sequence[float]) -> list[float]:
    """Confidences of a number's digits whose product is the number's, the doubtful ones lower.

    `digits` are their probabilities by themselves.
    """
    doubts = -np.log(np.clip(digits, _LEAST_DIGIT_PROBABILITY, 1 - _LEAST_DIGIT_DOUBT))
    return [number ** float(share) for share in doubts / doubts.sum()]
