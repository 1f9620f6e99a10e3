"""Which way a page lies, as its digits tell: turned digits read badly."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from formreader.core.classes import NOT_A_DIGIT, Crops, Probabilities
from formreader.core.geometry import quarters_to_upright
from formreader.core.records import FieldCrops
from formreader.recognise.arbitration import in_sure_boxes
from formreader.recognise.decisions import ReadField

MAYBE_TURNED = "it may lie upside down or on its side: turn the page upright and scan it again"

_LEAST = 0.02
"""Least probability in a sum of logarithms, so that no single cross or blot decides."""

_WELL_READ = -0.25
"""Mean logarithm of the best digits' probability above which no page is upside down.

Upside down, pages came to -0.4 to -1.9, as 0, 1 and 8 stay what they are and 6 and 9 swap;
on their side to -1.4 and less; upright pages to 0 to -0.7, with crosses and blots to -1.4.
"""

_NOT_ON_SIDE = -1.0
"""The same for pages on their side."""

_READABLE = -1.0
"""Mean logarithm below which a page is not laid on its other side: letters that were taken for
digits read alike either way."""

_TURNED_EVIDENCE = 6.0
_UPRIGHT_EVIDENCE = 3.0
"""Least logarithms of the odds, all digits of a page together: to turn it, to trust it unturned."""

_MOST_AGAINST = 0.5
"""Evidence against a turn at most, as a share of that for it. Where more digits contradict one
another, what was read are hardly digits: writing that shows through from the back of the page.
Upright pages full of crosses and letters come to more, but need no turn."""

_WITH_DIRECTION = (0, 2, 3, 4, 5, 6, 7, 8, 9)
"""Digits that count as evidence: any dash or rest of a line is a 1 if it is turned so."""

_Floats: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Orientation:
    """How a page's digits say that it lies.

    `quarters` is by how many quarter turns clockwise it has still to be turned, 0 unless
    that is certain; `sure` is false where another way would do about as well.
    """

    quarters: int = 0
    sure: bool = True


def find_orientation(
    read: Sequence[ReadField], probabilities_of: Callable[[Crops], Probabilities]
) -> Orientation:
    """How a page lies whose fields were read.

    Its crops are read turned, by `probabilities_of`, only where they read badly as they are.
    """
    sure = in_sure_boxes(read)
    chosen = sure if any(len(one.written) for one in sure) else read
    if not any(len(one.written) for one in chosen):
        return Orientation()
    crops = np.concatenate([one.field.written for one in chosen])
    unturned = np.concatenate([one.written for one in chosen])
    well_read = float(log_best(unturned).mean())
    text_turned = quarters_of([one.field for one in read]) != 0  # which of two ways is not known
    if well_read > _WELL_READ and not text_turned:
        return Orientation()
    quarters = (1, 2, 3) if text_turned or well_read < _NOT_ON_SIDE else (2,)
    others = {q: probabilities_of(_turned(crops, q)) for q in quarters}
    evidence = {q: log_best(read, _WITH_DIRECTION) for q, read in others.items()}
    return judge_orientation(log_best(unturned, _WITH_DIRECTION), evidence)


def log_best(probabilities: Probabilities, digits: Sequence[int] = range(NOT_A_DIGIT)) -> _Floats:
    """(n,) logarithms of the best digit's probability, of class probabilities (n, 11)."""
    best = probabilities[:, list(digits)].max(axis=1, initial=0.0)
    return np.asarray(np.log(np.maximum(best, _LEAST)), np.float64)


def judge_orientation(unturned: _Floats, others: Mapping[int, _Floats]) -> Orientation:
    """How a page lies, from how well its n crops read as they are and otherwise turned.

    Args:
        unturned: (n,) from `log_best`.
        others: quarter turns clockwise -> (n,) for crops that are so turned.
    """
    ways = {0: unturned, **others}
    best, second = sorted(ways, key=lambda quarters: -float(ways[quarters].sum()))[:2]
    gain = ways[best] - ways[second]
    speaks_for, against = gain[gain > 0].sum(), -gain[gain < 0].sum()
    lead = speaks_for - against
    if best == 0:
        return Orientation(sure=bool(lead >= _UPRIGHT_EVIDENCE))
    one_sided = against <= _MOST_AGAINST * speaks_for
    readable = best % 2 == 0 or others[best].mean() >= _READABLE
    if one_sided and readable and lead >= _TURNED_EVIDENCE:
        return Orientation(best)
    return Orientation(sure=False)


def quarters_of(fields: Sequence[FieldCrops]) -> int:
    """By how many quarter turns clockwise the stored page came upright, from its boxes."""
    corners = np.array([box.corners for field in fields for box in field.boxes]).reshape(-1, 4, 2)
    return quarters_to_upright(corners)


def confirmed(lies: Orientation) -> Orientation:
    """How a page lies that was turned; what asks for another turn is not sure of itself."""
    return Orientation(sure=lies.sure and lies.quarters == 0)


def _turned(crops: Crops, quarters: int) -> Crops:
    return np.ascontiguousarray(np.rot90(crops, -quarters, axes=(1, 2)))
