"""The most probable contents of boxes that are read one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import TypeAlias

Alternatives: TypeAlias = Sequence[tuple[str, float]]
"""What may stand in a box, one character each, and its probability."""

BLANK, MARK = ".", "x"
"""In cells: a blank box; something that is no digit, before the first digit."""

_MAX_CONTENTS = 128
"""Contents that are listed: all of two boxes of which nothing can be read."""

_LEAST_PROBABILITY = 1e-4
"""Contents that are so much less probable than the best are left out: that people broke a rule is
twenty times as probable."""


@dataclass(frozen=True, slots=True)
class BoxContents:
    """What may stand in a box before its field's first digit, and behind it: always a digit."""

    leading: Alternatives
    inner: Alternatives


def likely_cells(boxes: Sequence[BoxContents]) -> list[tuple[str, float]]:
    """The most probable contents of some boxes, a character each, with their probabilities."""
    found = [("", 1.0)]
    for box in boxes:
        longer = [
            (cells + one, p * q)
            for cells, p in found
            for one, q in (box.inner if cells.strip(BLANK + MARK) else box.leading)
        ]
        if len(longer) > len(found):
            longer.sort(key=itemgetter(1), reverse=True)
            least = longer[0][1] * _LEAST_PROBABILITY
            longer = [each for each in longer[:_MAX_CONTENTS] if each[1] >= least]
        found = longer
    return found


def value_of_cells(cells: str) -> str:
    """The value that contents of boxes say: without blanks and leading marks."""
    return cells.replace(BLANK, "").replace(MARK, "")
