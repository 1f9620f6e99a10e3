"""Choose the confidence threshold that keeps the share of wrong digits below a limit.

The promise: with 95 % confidence, at most the share E of a batch's accepted digits is wrong, if the
batch has `_PROMISED_BATCH` of them or more and its pages are like those of the calibration. "With
95 % confidence" means: of all calibrations and batches that might have been drawn, at most 5 %
break it.

Test of one threshold: if more than E of the batch were wrong, then so few errors in the calibration
would have a probability of at most 5 % (hypergeometric: calibration and batch are two samples of
the same digits). Errors come in clusters, as some hands are read far worse than others. So all
counts are divided by the design effect: how many times the variance of the number of errors is
that of independent digits (Kish, "Survey Sampling", 1965; for exact intervals Korn and Graubard,
"Confidence intervals for proportions with small expected number of positive counts estimated from
survey data", 1998).

Method: of many thresholds some look good by luck, so taking the lowest that looks good would break
the promise more often. Instead, thresholds are tested as in "Learn then Test" (Angelopoulos, Bates,
Candes, Jordan and Lei 2021), in a fixed sequence (Bauer 1991): from the highest threshold down,
each at the full level of 5 %, until one fails. The last one that passed is taken. To break the
promise, the first tested threshold with a true error rate above E must pass, and it does so in at
most 5 % of the calibrations.

Start of the sequence: it depends on how many digits a threshold accepts, never on how many of them
are wrong. So each test keeps its level of 5 %: given how many digits are accepted, each is wrong
with the same probability. Where fewer digits than expected exceed the highest thresholds, the
sequence starts lower. Then more of the accepted digits lie where errors are at least as frequent,
which makes a false promise no more likely. (This assumes that errors do not become more frequent as
confidence grows.)

What breaks the promise: pages unlike the calibration's (other hands, other scanners, marks that it
did not contain); trying one E after another until one passes; and small batches: of 200 accepted
digits one wrong one is 0.5 %.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from formreader.core.errors import ModelError
from formreader.core.hypergeometric import hypergeometric
from formreader.core.options import ScanOptions
from formreader.recognise.model_card import BOUND_CONFIDENCE, CalibrationRow, Card

_MIN_ACCEPTED_SHARE = 0.5
"""A threshold is tested if it accepts at least this share of what the lowest threshold accepts.

Higher thresholds leave most digits to review anyway. And with few digits a single wrong label can
fail a test and so end the search; each further test adds such a chance. A choice, not measured.
"""

_PROMISED_BATCH = 2000
"""Accepted digits of the batch that is promised: some twenty writers. Larger ones keep it more
often."""

_CLUSTERING = 400.0
"""How the design effect grows with the share of wrong digits: it is 1 + 400 E.

With m digits a writer and error rates that differ between writers by the coefficient of variation
c it is 1 + (m - 1) c^2 E. Measured on digits of 232 writers that the network had not seen, 112
each (UNIPEN, pendigits): 4.4 where 1 % were wrong, 2.7 at 0.5 %, 1.8 at 0.1 %. So c is 1.9."""

_RATES = tuple(
    round(digits * 10.0**-power, power) for power in range(7, 1, -1) for digits in range(10, 100)
)
"""Shares of wrong digits with two significant digits, from one in a million on."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The confidences from which readings are accepted.

    `digits` is for digits in boxes of their own, by the number of boxes in their field: the first
    for one box, the last for all longer fields. `number` is for a number in a cell as a whole.
    """

    digits: tuple[float, ...]
    number: float

    @classmethod
    def of_text(cls, text: str) -> Thresholds:
        """The thresholds whose `repr` is a text, as jobs keep it."""
        digits, number = re.findall(r"digits=\((.*?),?\), number=(.*)\)", text)[0]
        return cls(tuple(map(float, digits.split(","))), float(number))

    @classmethod
    def equal(cls, threshold: float) -> Thresholds:
        """The same threshold for all readings."""
        return cls((threshold,), threshold)

    def digit(self, boxes: int) -> float:
        """The threshold for digits in a field of so many boxes."""
        return self.digits[min(boxes, len(self.digits)) - 1]


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The thresholds from which on readings are accepted, and what the calibration says of them.

    `measured` is the row of the digits' calibration with the highest threshold that is not above
    the one for single digits, None where there is none. `max_error` is the promised share of wrong
    digits, or of wrong fields with `of_fields`; None where no promise was asked for.
    """

    thresholds: Thresholds
    measured: CalibrationRow | None = None
    max_error: float | None = None
    of_fields: bool = False

    @property
    def review_below(self) -> float:
        """The confidence from which on single digits in boxes are accepted."""
        return self.thresholds.digits[0]

    def __str__(self) -> str:
        """What to expect of accepted digits, in one plain sentence."""
        row = self.measured
        if row is None:
            return (
                f"How many digits of {self.review_below:.5g} or more are wrong was never measured "
                "with this model"
            )
        expected = (
            f"Of every 1,000 accepted digits expect at most {_in_a_thousand(row)} to be wrong"
        )
        if self.max_error is not None:
            kind = " of every 1,000 fields" if self.of_fields else ""
            expected += f"; you allowed {1000 * self.max_error:.3g}{kind}"
            if math.isinf(self.thresholds.number):
                expected += ". Numbers in cells are all for review: that was not shown for them"
        return expected

    def figures(self) -> str:
        """The counts behind it, for who knows calibration."""
        row = self.measured
        if row is None:
            return f"accepted from confidence {self.review_below:.5g}, without a measurement"
        return (
            f"accepted from confidence {row.threshold:.5g}: of {row.n:,} calibration digits "
            f"{row.accepted:,} were, {row.errors:,} of them wrong; with 95 % certainty at most "
            f"{percent(row.error_bound)} are"
        )


def _in_a_thousand(row: CalibrationRow) -> str:
    """The error bound as a number of digits, rounded up: whole ones from 1 on."""
    digits = 1000 * row.error_bound
    return f"{math.ceil(digits)}" if digits >= 1 else f"{math.ceil(10 * digits) / 10:g}"


def acceptance(card: Card, numbers: Sequence[CalibrationRow], options: ScanOptions) -> Acceptance:
    """The acceptance that `options` ask for, by `max_error` if given, else by `review_below`.

    `numbers` is the calibration of numbers in cells. Those are all for review where it cannot
    promise `max_error`. In tables of fields the promise is about whole fields: of fields with n
    digits at most n times the share of wrong digits can be wrong, so each of these digits is
    accepted as for the n-th part of `max_error`, and none of them where that cannot be promised.

    Raises:
        ModelError: the card cannot promise `max_error`.
    """
    if options.max_error is not None:
        row = promised_row(card, options.max_error)
        of_fields = options.rows != "digit"
        passed = passing_rows(numbers, options.max_error)
        number = passed[-1].threshold if passed else math.inf
        longer = _of_longer_fields(card.calibration, options.max_error) if of_fields else ()
        thresholds = Thresholds((row.threshold, *longer), number)
        return Acceptance(thresholds, row, options.max_error, of_fields)
    below = [row for row in card.calibration if row.threshold <= options.review_below]
    return Acceptance(Thresholds.equal(options.review_below), below[-1] if below else None)


def _of_longer_fields(rows: Sequence[CalibrationRow], max_error: float) -> tuple[float, ...]:
    """Thresholds for digits in fields of 2, 3, ... boxes, up to the first that accepts none."""
    found = list[float]()
    while not found or found[-1] < math.inf:
        passed = passing_rows(rows, max_error / (len(found) + 2))
        found.append(passed[-1].threshold if passed else math.inf)
    return tuple(found)


def promised_row(card: Card, max_error: float) -> CalibrationRow:
    """The row of the card's calibration with the lowest threshold that keeps `max_error`.

    Raises:
        ModelError: the calibration cannot promise it; the message says what it can promise.
    """
    passed = passing_rows(card.calibration, max_error)
    if not passed:
        raise ModelError(_refusal(card, max_error))
    return passed[-1]


def passing_rows(rows: Sequence[CalibrationRow], max_error: float) -> list[CalibrationRow]:
    """The rows that pass the fixed sequence of tests for `max_error`, highest threshold first.

    `rows` are of one calibration, lowest threshold first.
    """
    passed: list[CalibrationRow] = []
    for row in candidate_rows(rows, max_error):
        if not _keeps(row, max_error):
            break
        passed.append(row)
    return passed


def candidate_rows(rows: Sequence[CalibrationRow], max_error: float) -> list[CalibrationRow]:
    """The rows to test for `max_error`, highest threshold first: those that accept enough digits.

    Enough digits would prove `max_error` if none were wrong, and are at least half of what the
    first of `rows`, with the lowest threshold, accepts. The number of errors plays no part.
    """
    if not rows:
        return []
    enough = max(needed_digits(max_error), _MIN_ACCEPTED_SHARE * rows[0].accepted)
    return [row for row in reversed(rows) if row.accepted >= enough]


def _keeps(row: CalibrationRow, max_error: float) -> bool:
    """Whether a row passes its test: `max_error` holds for the calibration, and for a batch."""
    return row.error_bound <= max_error and _holds_for_batch(row.accepted, row.errors, max_error)


def _holds_for_batch(accepted: int, errors: int, max_error: float) -> bool:
    """Whether so few errors have a probability of 5 % at most if the batch breaks `max_error`."""
    effect = 1 + _CLUSTERING * max_error
    sampled, batch = round(accepted / effect), round(_PROMISED_BATCH / effect)
    seen = math.ceil(errors / effect)
    wrong = seen + math.floor(max_error * batch) + 1
    chances = (hypergeometric(sampled + batch, wrong, sampled, few) for few in range(seen + 1))
    return math.fsum(chances) <= 1 - BOUND_CONFIDENCE


def needed_digits(max_error: float) -> int:
    """How many accepted digits without an error prove `max_error`: 6,944 for 0.001."""
    low = math.ceil(math.log(1 - BOUND_CONFIDENCE) / math.log1p(-max_error))
    high = 40 * _PROMISED_BATCH + low
    while low < high:
        middle = (low + high) // 2
        if _holds_for_batch(middle, 0, max_error):
            high = middle
        else:
            low = middle + 1
    return low


def lowest_promise(rows: Sequence[CalibrationRow]) -> float | None:
    """The lowest `max_error` of two significant digits that `rows` can promise."""
    return next((rate for rate in _RATES if passing_rows(rows, rate)), None)


def percent(share: float) -> str:
    """A share as a percentage for people: 0.001 is "0.1 %"."""
    return f"{100 * share:.3g} %"


def _refusal(card: Card, max_error: float) -> str:
    """The message that the card cannot promise `max_error`: why, and what to do about it."""
    tested = candidate_rows(card.calibration, max_error)
    if tested:
        row = tested[0]
        found = (
            f"of {row.accepted:,} accepted at {row.threshold:.5g} or more {row.errors:,} were "
            f"wrong, so that up to {percent(_shown(row))} may be"
        )
    else:
        found = f"it has {max((r.accepted for r in card.calibration), default=0):,}"
    lowest = lowest_promise(card.calibration)
    if lowest is None:
        promise = "It can promise nothing. Choose"
    else:
        promise = (
            f"The lowest it can promise is {percent(lowest)}: ask for --max-error {lowest:g} or "
            "more, choose"
        )
    return (
        f"model {card.name}: its calibration cannot promise --max-error {max_error:g}. That needs "
        f"{needed_digits(max_error):,} accepted calibration digits, and more if any are wrong; "
        f"{found}. {promise} a threshold with --review-below, or calibrate on more digits with "
        "`formreader train`."
    )


def _shown(row: CalibrationRow) -> float:
    """The lowest share of wrong digits that a row shows by itself."""
    return next((rate for rate in _RATES if _keeps(row, rate)), 1.0)
