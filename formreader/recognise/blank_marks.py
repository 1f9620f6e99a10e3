"""Dashes and crosses in cells, which people write instead of leaving a cell blank.

Only a certain mark counts as blank. A struck-out number, a letter or a scribble is for review.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from formreader.core.doubts import Doubt
from formreader.core.records import DigitReading, FieldReading, Status
from formreader.recognise.ctc import NOT_A_NUMBER
from formreader.recognise.decisions import ReadField
from formreader.recognise.number_reader import NumberHypothesis
from formreader.rules.form_rules import FormRules

MIN_MARK_PROBABILITY = 0.95
"""Least probability of a mark that counts as blank. Of drawn marks all 30 dashes are recognised,
with 0.99 and more, and 30 of 60 crosses. Of other drawn writing (ten letters and pairs of letters,
eight digits, 60 times each) none is taken for a mark."""

_DASH = "-"

_DARK_STROKE = 110
"""Least darkness, in a strip, of the strokes of a cross. No measurement on record, here and
below."""

_MIN_SIDE, _MAX_ASPECT = 8, 2.5
"""Least side of a cross in pixels of the strip, and the largest ratio of its sides."""

_ENDS, _MIDDLE = ((0.12, 0.3), (0.7, 0.88)), (0.33, 0.67)
"""Ranges along each side of a cross: where its two strokes are apart, and where they meet."""

_MAX_INK_BETWEEN = 0.25
"""Largest share of ink at the middle of each side of a cross. Letters have a stroke there."""


def mark_probability(hypothesis: NumberHypothesis, darkness: npt.NDArray[np.uint8]) -> float:
    """The probability that a strip, (h, w) uint8 darkness, shows only a dash or a cross."""
    text = hypothesis.alignment.text
    is_mark = text == _DASH or (text == NOT_A_NUMBER and is_cross(darkness))
    return hypothesis.probability if is_mark else 0.0


def is_cross(darkness: npt.NDArray[np.uint8]) -> bool:
    """Whether a picture, (h, w) uint8 darkness, shows two strokes that cross, and nothing else."""
    ink = darkness >= _DARK_STROKE
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    if not len(rows):
        return False
    part = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    short, long = sorted(part.shape)
    if short < _MIN_SIDE or long > _MAX_ASPECT * short:
        return False
    return all(map(_crosses, (part, part.T))) and all(
        part[side].mean() < _MAX_INK_BETWEEN for side in _between(*part.shape)
    )


def _crosses(part: npt.NDArray[np.bool_]) -> bool:
    """Whether there are two strokes in the first and last rows, and one in between."""
    before = np.pad(part, ((0, 0), (1, 0)))[:, :-1]
    strokes = (part & ~before).sum(axis=1)  # (rows,)
    apart = [strokes[_share(len(part), *end)] for end in _ENDS]
    meeting = strokes[_share(len(part), *_MIDDLE)]
    return (
        all(np.median(one) == 2 and one.max() == 2 for one in apart)
        and 1 in meeting
        and meeting.max() <= 2
    )


def _share(n: int, first: float, last: float) -> slice:
    return slice(round(first * n), round(last * n) + 1)


def _between(height: int, width: int) -> list[tuple[slice, slice]]:
    """The middles of the four sides."""
    across, down = slice(width // 3, width - width // 3), slice(height // 3, height - height // 3)
    h, w = height // 5, width // 5
    return [
        (slice(0, h), across),
        (slice(height - h, height), across),
        (down, slice(0, w)),
        (down, slice(width - w, width)),
    ]


def with_blank_marks(
    read: Sequence[ReadField], readings: Sequence[FieldReading], rules: FormRules
) -> list[FieldReading]:
    """Readings of a page's fields, with marks read as blank.

    The template decides by `marks_are`. Without it a mark is blank if other cells of its column are
    blank on this page: then a blank cell is a usual answer, and some people write a mark instead.
    """
    by_name = {reading.name: reading for reading in readings}
    made = list[FieldReading]()
    for one, reading in zip(read, readings, strict=True):
        counts = rules.of(reading.name).marks_blank
        if counts is None:
            counts = _others_blank(reading.name, by_name, rules)
        is_mark = one.number is not None and one.number.mark >= MIN_MARK_PROBABILITY
        made.append(_blank(reading, one) if counts and is_mark else reading)
    return made


def _others_blank(name: str, readings: Mapping[str, FieldReading], rules: FormRules) -> bool:
    column = next((one for one in rules.columns if name in one), ())
    others = (readings[one] for one in column if one != name and one in readings)
    return any(other.status is Status.BLANK for other in others)


def _blank(reading: FieldReading, one: ReadField) -> FieldReading:
    """The reading of a mark that counts as blank. A threshold may still reject it."""
    assert one.number is not None
    box, probability = one.field.box, one.number.mark
    # A second digit tells a mark from a blank box: see `DigitReading.is_mark`.
    digit = DigitReading(box, None, probability, Status.REVIEW, 1, 1 - probability)
    return replace(
        reading,
        digits=(digit,),
        value="",
        cells=".",
        confidence=probability,
        lowest=probability,
        status=Status.REVIEW,
        remark=Doubt.MARK_FOR_NOTHING,
    )
