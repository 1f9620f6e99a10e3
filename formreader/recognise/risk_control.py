"""Choose the confidence threshold that keeps the share of wrong digits below a limit.

The promise: with 95 % confidence, at most the share E of the accepted digits is wrong, on pages
like those of the calibration. "With 95 % confidence" means: of all calibrations that might have
been drawn, at most 5 % lead to a threshold that breaks the promise.

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
did not contain); trying one E after another until one passes; and digits that depend on one
another, as those of one writer or one bad scan do. When 150 rendered pages of 48 digits were drawn
anew as whole pages, the number of errors had 2 to 3 times the variance that independent digits
have, and 0 to 10 % of the promises were broken instead of at most 5 %. Many pages with few digits
each come closer to the promise than few pages with many.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from formreader.core.errors import ModelError
from formreader.core.options import ScanOptions
from formreader.recognise.model_card import BOUND_CONFIDENCE, CalibrationRow, Card

_MIN_ACCEPTED_SHARE = 0.5
"""A threshold is tested if it accepts at least this share of what the lowest threshold accepts.

Higher thresholds leave most digits to review anyway. And with few digits a single wrong label can
fail a test and so end the search; each further test adds such a chance. A choice, not measured.
"""


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
        if row.error_bound > max_error:
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


def needed_digits(max_error: float) -> int:
    """How many accepted digits without an error prove `max_error`: 2,995 for 0.001."""
    return math.ceil(math.log(1 - BOUND_CONFIDENCE) / math.log1p(-max_error))


def lowest_promise(rows: Sequence[CalibrationRow]) -> float | None:
    """The lowest `max_error` that `rows` can promise, rounded up to two significant digits."""
    rates = (_rounded_up(bound) for bound in sorted({row.error_bound for row in rows}))
    return next((rate for rate in rates if rate < 1 and passing_rows(rows, rate)), None)


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
            f"wrong, so that up to {percent(row.error_bound)} may be"
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


def _rounded_up(rate: float) -> float:
    """A positive rate, rounded up to two significant digits."""
    decimals = 1 - math.floor(math.log10(rate))
    return round(math.ceil(rate * 10.0**decimals) / 10.0**decimals, decimals)
