"""Dashes and crosses in cells: people write them where there is nothing to write.

Only what is certainly one counts: a struck-out number, a letter or a scribble stays for review.
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
"""Probability from which a mark counts. Of drawn marks all 30 dashes are told, with 0.99 and
more, and 30 of 60 crosses; of drawn writing none of 60 each of ten letters and pairs of letters and
of eight digits is."""

_DASH = "-"

_DARK_STROKE = 110
"""Darkness of a strip from which a pixel is of a stroke of a cross."""

_MIN_SIDE, _MAX_ASPECT = 8, 2.5
"""Of a cross: its sides in pixels of the strip, and how much longer one may be."""

_ENDS, _MIDDLE = ((0.12, 0.3), (0.7, 0.88)), (0.33, 0.67)
"""Parts of a cross, along each of its sides, where its strokes are apart and where they meet."""

_MAX_INK_BETWEEN = 0.25
"""Share of ink in the middle of each side of a cross: letters have a stroke there."""


def mark_probability(hypothesis: NumberHypothesis, darkness: npt.NDArray[np.uint8]) -> float:
    """The probability that a cell's strip, (h, w) uint8 darkness, shows a dash or a cross only."""
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
    """Whether there are two strokes at both ends of the rows, and one on the way between."""
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
    """Readings of a page's fields, marks being blank where the template says so.

    It says so by `marks_are`; where it says nothing, in a column of cells of which others are
    blank on this page: then people leave out what is nothing, and some write a mark.
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
    """The reading of a mark that counts as blank: a threshold may refuse it."""
    assert one.number is not None
    box, probability = one.field.box, one.number.mark
    # With a second digit, which it may be, it is a mark and no blank: see `DigitReading.is_mark`.
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
