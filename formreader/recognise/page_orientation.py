"""Find the orientation of a page from its digits: turned digits read badly."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from formreader.core.classes import NOT_A_DIGIT, Crops, Probabilities
from formreader.core.geometry import quarters_to_upright
from formreader.core.records import FieldCrops
from formreader.recognise.arbitration import in_clear_boxes
from formreader.recognise.decisions import ReadField

_MIN_PROBABILITY_AS_EVIDENCE = 0.02
"""Lower probabilities are raised to this before their logarithm is taken.

So no single cross or blot decides the orientation. No record of a measurement.
"""

_MAX_LOG_UPSIDE_DOWN = -0.25
_MAX_LOG_ON_SIDE = -1.0
"""A page with a higher mean log than the first is not upside down; than the second, not on its
side.

The mean log is the mean logarithm of the best digits' probabilities. Upright pages had 0 to -0.7,
and down to -1.4 with crosses and blots. Pages upside down had -0.4 to -1.9, as 0, 1 and 8 look the
same and 6 and 9 swap. Pages on their side had -1.4 and less. Which pages these were is not
recorded.
"""

_MIN_LOG_TO_LAY_ON_SIDE = -1.0
"""Least mean log of a page after a quarter turn; otherwise it is not turned.

Letters taken for digits read equally badly in all directions. No record of a measurement.
"""

_MIN_EVIDENCE_TO_TURN = 6.0
_MIN_EVIDENCE_TO_TRUST = 3.0
"""Least evidence to turn a page, and to trust that it is upright.

Evidence is the log odds against the next best direction, summed over a page's digits. 6 are odds of
400 to 1, 3 of 20 to 1. No record of a measurement.
"""

_MAX_SHARE_AGAINST_TURN = 0.5
"""Largest evidence against a turn, as a share of the evidence for it.

If digits contradict one another more than that, they are hardly digits. The limit was added for one
page that was turned because of writing that shows through from its back. Upright pages full of
crosses and letters exceed it, but need no turn. No record of a measurement.
"""

_DIGITS_WITH_DIRECTION = (0, 2, 3, 4, 5, 6, 7, 8, 9)
"""Digits that count as evidence. 1 does not: a dash or residue of a line may look like it."""

_Floats: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Orientation:
    """The orientation of a page by its digits.

    `quarters`: clockwise quarter turns that make it upright; 0 unless that is certain.
    `sure`: false if its digits read about as well in another direction.
    """

    quarters: int = 0
    sure: bool = True


def find_orientation(
    read: Sequence[ReadField], probabilities_of: Callable[[Crops], Probabilities]
) -> Orientation:
    """Find the orientation of a page from its fields, as they were `read`.

    Only if they read badly their crops are turned and read again, by `probabilities_of`.
    """
    clear = in_clear_boxes(read)
    chosen = clear if any(len(one.written) for one in clear) else read
    if not any(len(one.written) for one in chosen):
        return Orientation()
    crops = np.concatenate([one.field.written for one in chosen])
    unturned = np.concatenate([one.written for one in chosen])
    mean_log = float(log_best(unturned).mean())
    # Vertical text shows that a page is on its side, but not which way to turn it.
    was_on_side = quarters_of([one.field for one in read]) != 0
    if mean_log > _MAX_LOG_UPSIDE_DOWN and not was_on_side:
        return Orientation()
    quarters = (1, 2, 3) if was_on_side or mean_log < _MAX_LOG_ON_SIDE else (2,)
    turned = {q: probabilities_of(_turned(crops, q)) for q in quarters}
    logs = {q: log_best(read, _DIGITS_WITH_DIRECTION) for q, read in turned.items()}
    return judge_orientation(log_best(unturned, _DIGITS_WITH_DIRECTION), logs)


def log_best(probabilities: Probabilities, digits: Sequence[int] = range(NOT_A_DIGIT)) -> _Floats:
    """Logarithm of the best digit's probability, (n,), from class probabilities (n, 11)."""
    best = probabilities[:, list(digits)].max(axis=1, initial=0.0)
    return np.asarray(np.log(np.maximum(best, _MIN_PROBABILITY_AS_EVIDENCE)), np.float64)


def judge_orientation(unturned: _Floats, turned: Mapping[int, _Floats]) -> Orientation:
    """Judge the orientation of a page by how well its n crops read unturned and turned.

    Args:
        unturned: (n,) from `log_best`.
        turned: number of clockwise quarter turns -> (n,) from `log_best` of the turned crops.
    """
    logs = {0: unturned, **turned}
    best, second = sorted(logs, key=lambda quarters: -float(logs[quarters].sum()))[:2]
    gain = logs[best] - logs[second]
    evidence_for, against = gain[gain > 0].sum(), -gain[gain < 0].sum()
    evidence = evidence_for - against
    if best == 0:
        return Orientation(sure=bool(evidence >= _MIN_EVIDENCE_TO_TRUST))
    one_sided = against <= _MAX_SHARE_AGAINST_TURN * evidence_for
    readable = best % 2 == 0 or turned[best].mean() >= _MIN_LOG_TO_LAY_ON_SIDE
    if one_sided and readable and evidence >= _MIN_EVIDENCE_TO_TURN:
        return Orientation(best)
    return Orientation(sure=False)


def quarters_of(fields: Sequence[FieldCrops]) -> int:
    """Clockwise quarter turns that made the stored page upright, from its boxes' corners."""
    corners = np.array([box.corners for field in fields for box in field.boxes]).reshape(-1, 4, 2)
    return quarters_to_upright(corners)


def without_further_turn(found: Orientation) -> Orientation:
    """The orientation of a page that was already turned: unsure if another turn seems due."""
    return Orientation(sure=found.sure and found.quarters == 0)


def _turned(crops: Crops, quarters: int) -> Crops:
    return np.ascontiguousarray(np.rot90(crops, -quarters, axes=(1, 2)))
