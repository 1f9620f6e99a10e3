"""Choose the confidence threshold that keeps the share of wrong digits below a limit.

The promise: with 95 % confidence, at most the share E of a batch's accepted digits is wrong. It
holds for batches of at least `_PROMISED_BATCH` accepted digits whose pages are like those of the
calibration. "With 95 % confidence" means: of all calibrations and batches that might have been
drawn, at most 5 % break it.

Test of one threshold: it passes if so few calibration errors have a probability of at most 5 % in
the case that more than E of the batch are wrong (hypergeometric: calibration and batch are two
samples of the same digits). Errors come in clusters, as some writers are read far worse than
others. So all counts are divided by the design effect: the variance of the number of errors,
divided by that of independent digits (Kish, "Survey Sampling", 1965; for exact intervals Korn and
Graubard, "Confidence intervals for proportions with small expected number of positive counts
estimated from survey data", 1998).

Method: of many thresholds some look good by chance. Taking the lowest that looks good would break
the promise more often. Instead, thresholds are tested as in "Learn then Test" (Angelopoulos, Bates,
Candes, Jordan and Lei 2021), in a fixed sequence (Bauer 1991): from the highest threshold down,
each at the full level of 5 %, until one fails. The last one that passed is taken. The promise is
broken only if the first tested threshold with a true error rate above E passes. That happens in at
most 5 % of the calibrations.

Start of the sequence: it depends on the number of digits that a threshold accepts, never on the
number of errors among them. So each test keeps its level of 5 %. If fewer digits than expected
exceed the highest thresholds, the sequence starts lower. Then more accepted digits have a lower
confidence, where errors are at least as frequent, so a false promise is no more likely. (This
assumes that errors do not become more frequent as confidence grows.)

What breaks the promise: pages unlike the calibration's (other writers, other scanners, marks that
it did not contain); trying one E after another until one passes; and small batches, as one wrong
digit among 200 accepted ones is 0.5 %.
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

Higher thresholds leave most digits to review. With few digits a single wrong label can fail a test
and end the search, and each further test adds such a chance. A choice, not measured.
"""

_PROMISED_BATCH = 2000
"""Least number of accepted digits of a batch that the promise holds for: about twenty writers.
Larger batches keep it more often."""

_CLUSTERING = 400.0
"""Growth of the design effect with the share E of wrong digits: it is 1 + 400 E.

With m digits per writer it is 1 + (m - 1) c^2 E, where c is the coefficient of variation of the
error rate between writers. Measured on digits of 232 writers that the network had not seen, 112
each (UNIPEN, pendigits): 4.4 with 1 % wrong digits, 2.7 with 0.5 %, 1.8 with 0.1 %. So c is 1.9."""

_RATES = tuple(
    round(digits * 10.0**-power, power) for power in range(7, 1, -1) for digits in range(10, 100)
)
"""Shares of wrong digits with two significant digits, from one in a million on."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The least confidences of accepted readings.

    `digits` is for digits in boxes, by the number of boxes in their field: the first for one box,
    the last for all longer fields. `number` is for a number in a cell as a whole.
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
        """The threshold for digits in a field with this number of boxes."""
        return self.digits[min(boxes, len(self.digits)) - 1]


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The thresholds of accepted readings, and their errors in the calibration.

    `measured` is the row of the digits' calibration with the highest threshold that is not above
    the one for single digits; None if there is none. `max_error` is the promised share of wrong
    digits, or of wrong fields with `of_fields`; None without a promise.
    """

    thresholds: Thresholds
    measured: CalibrationRow | None = None
    max_error: float | None = None
    of_fields: bool = False

    @property
    def review_below(self) -> float:
        """The least confidence of accepted single digits in boxes."""
        return self.thresholds.digits[0]

    def __str__(self) -> str:
        """The expected errors among accepted digits, in one plain sentence."""
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
        """The counts behind that sentence, for readers who know calibration."""
        row = self.measured
        if row is None:
            return f"accepted from confidence {self.review_below:.5g}, without a measurement"
        return (
            f"accepted from confidence {row.threshold:.5g}: of {row.n:,} calibration digits "
            f"{row.accepted:,} were, {row.errors:,} of them wrong; with 95 % certainty at most "
            f"{percent(row.error_bound)} are"
        )


def _in_a_thousand(row: CalibrationRow) -> str:
    """The error bound as a number of digits in a thousand, rounded up; whole from 1 on."""
    digits = 1000 * row.error_bound
    return f"{math.ceil(digits)}" if digits >= 1 else f"{math.ceil(10 * digits) / 10:g}"


def acceptance(card: Card, numbers: Sequence[CalibrationRow], options: ScanOptions) -> Acceptance:
    """The acceptance that `options` ask for: by `max_error` if given, else by `review_below`.

    `numbers` is the calibration of numbers in cells. All numbers are for review if it cannot
    promise `max_error`. In tables of fields the promise is about whole fields. The error rate of
    fields with n digits is at most n times that of digits. So their digits are accepted with the
    threshold for `max_error` / n, and all are for review if that cannot be promised.

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
        ModelError: the calibration cannot promise it; the message names what it can promise.
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

    Digits are enough if they prove `max_error` without an error, and if they are at least half of
    those that the lowest threshold (the first of `rows`) accepts. Errors do not matter here.
    """
    if not rows:
        return []
    enough = max(needed_digits(max_error), _MIN_ACCEPTED_SHARE * rows[0].accepted)
    return [row for row in reversed(rows) if row.accepted >= enough]


def _keeps(row: CalibrationRow, max_error: float) -> bool:
    """Whether a row passes its test: `max_error` holds for the calibration, and for a batch."""
    return row.error_bound <= max_error and _holds_for_batch(row.accepted, row.errors, max_error)


def _holds_for_batch(accepted: int, errors: int, max_error: float) -> bool:
    """Whether so few errors have a probability of at most 5 % if the batch breaks `max_error`."""
    effect = 1 + _CLUSTERING * max_error
    sampled, batch = round(accepted / effect), round(_PROMISED_BATCH / effect)
    seen = math.ceil(errors / effect)
    wrong = seen + math.floor(max_error * batch) + 1
    chances = (hypergeometric(sampled + batch, wrong, sampled, few) for few in range(seen + 1))
    return math.fsum(chances) <= 1 - BOUND_CONFIDENCE


def needed_digits(max_error: float) -> int:
    """The number of accepted digits that prove `max_error` without an error: 6,944 for 0.001."""
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
    """The message that the card cannot promise `max_error`, with the reason and the remedy."""
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
    """The lowest share of wrong digits that a row proves by itself."""
    return next((rate for rate in _RATES if _keeps(row, rate)), 1.0)
