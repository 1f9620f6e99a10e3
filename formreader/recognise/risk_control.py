"""What a model's card promises: the threshold that keeps wrong digits below a given share.

The promise reads: with 95 % confidence at most the share E of the digits that are accepted
is wrong, on pages like those of the calibration. Confidence means: of all calibrations that
might have been drawn, at most 5 % lead to a threshold that breaks it.

Taking the loosest threshold of many that looks good would break it more often, as one of
many looks good by luck. So thresholds are tested as Angelopoulos, Bates, Candes, Jordan and
Lei do in "Learn then Test" (2021), by a fixed sequence (Bauer 1991): from the strictest down,
each with the whole 5 %, until the first that fails; the one before it is taken. A false
promise must pass the first test of a rate that is truly above E, which one in twenty does.

Where the sequence begins depends on how many digits are accepted, never on how many of these
are wrong. That leaves each test its 5 %: given how many are accepted, each is wrong with the
same probability; and if fewer than expected clear the stricter thresholds, more of them lie
where errors are at least as frequent, so that a late beginning makes no false promise likelier.
(This needs that errors do not become more frequent as confidence grows.)

What breaks the promise: pages unlike the calibration's (other hands, other scanners, marks
that it had none of); asking for one E after another until one passes; and digits that depend
on one another, as those of one writer or one bad scan do. Where 150 drawn pages of 48 digits
were drawn anew as wholes, errors scattered by 2 to 3 times the variance of independent ones,
and 0 to 10 % of the promises were broken instead of at most 5 %; many pages with few digits
each come closer to it than few with many.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from formreader.core.errors import ModelError, UsageError
from formreader.core.options import ScanOptions
from formreader.recognise.model_card import BOUND_CONFIDENCE, CalibrationRow, Card

_LEAST_ACCEPTED = 0.5
"""Share of what the loosest threshold accepts from which on thresholds are tested.

Stricter ones leave most digits to review anyway, and each that is tested is one more chance
for a single wrong label among few digits to end the search.
"""


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Which readings are accepted, and what is known of them.

    Digits of confidence `review_below` or more are accepted. `measured` is the row of the
    calibration with the highest threshold up to that, None where there is none. `max_error`
    is the promised share of wrong ones, None where nothing was asked for.
    """

    review_below: float
    measured: CalibrationRow | None = None
    max_error: float | None = None

    def __str__(self) -> str:
        """One line for people: the promise, and the counts that it rests on."""
        row = self.measured
        if row is None:
            return f"accepted at {self.review_below:.5g} or more: errors were never measured there"
        counts = (
            f"{row.errors:,} wrong of {row.accepted:,} accepted of {row.n:,} calibration digits, "
            f"bound {percent(row.error_bound)}"
        )
        if self.max_error is None:
            return f"accepted at {row.threshold:.5g} or more: {counts}"
        promised = f"at most {percent(self.max_error)} wrong"
        return f"accepted at {row.threshold:.5g} or more: {promised} ({counts})"


def acceptance(card: Card, options: ScanOptions) -> Acceptance:
    """What `options` accept: from `review_below` on, or as far as `max_error` is kept.

    Raises:
        UsageError: one of the two is no probability.
        ModelError: the card cannot promise `max_error`.
    """
    if options.max_error is not None:
        row = promised_row(card, options.max_error)
        return Acceptance(row.threshold, row, options.max_error)
    if not 0 <= options.review_below <= 1:
        raise UsageError(f"--review-below must be from 0 to 1. Received: {options.review_below}")
    below = [row for row in card.calibration if row.threshold <= options.review_below]
    return Acceptance(options.review_below, below[-1] if below else None)


def promised_row(card: Card, max_error: float) -> CalibrationRow:
    """The row of the card's calibration whose threshold keeps `max_error`.

    Raises:
        UsageError: `max_error` is not between 0 and 1.
        ModelError: the calibration cannot promise it; the message tells what it can.
    """
    if not 0 < max_error < 1:
        raise UsageError(f"--max-error must be between 0 and 1. Received: {max_error}")
    passed = passing_rows(card.calibration, max_error)
    if not passed:
        raise ModelError(_refusal(card, max_error))
    return passed[-1]


def passing_rows(rows: Sequence[CalibrationRow], max_error: float) -> list[CalibrationRow]:
    """The rows, strictest first, that pass the fixed sequence of tests for `max_error`.

    `rows` are of one calibration, loosest first.
    """
    passed: list[CalibrationRow] = []
    for row in candidate_rows(rows, max_error):
        if row.error_bound > max_error:
            break
        passed.append(row)
    return passed


def candidate_rows(rows: Sequence[CalibrationRow], max_error: float) -> list[CalibrationRow]:
    """The rows to test for `max_error`, strictest first: those that accept enough.

    Enough is what would prove `max_error` if none were wrong, and half of what the loosest
    of `rows`, the first, accepts. Errors are not looked at.
    """
    if not rows:
        return []
    enough = max(needed_digits(max_error), _LEAST_ACCEPTED * rows[0].accepted)
    return [row for row in reversed(rows) if row.accepted >= enough]


def needed_digits(max_error: float) -> int:
    """How many accepted digits without an error prove `max_error`: 2,995 for 0.001."""
    return math.ceil(math.log(1 - BOUND_CONFIDENCE) / math.log1p(-max_error))


def least_promise(rows: Sequence[CalibrationRow]) -> float | None:
    """The least `max_error`, of two significant digits, that `rows` can promise."""
    rates = (_rounded_up(bound) for bound in sorted({row.error_bound for row in rows}))
    return next((rate for rate in rates if rate < 1 and passing_rows(rows, rate)), None)


def percent(share: float) -> str:
    """A share as people read it: 0.001 is 0.1 %."""
    return f"{100 * share:.3g} %"


def _refusal(card: Card, max_error: float) -> str:
    needed = (
        f"{needed_digits(max_error):,} accepted calibration digits without an error, or more "
        "with some"
    )
    tested = candidate_rows(card.calibration, max_error)
    if tested:
        row = tested[0]
        found = (
            f"{row.errors:,} of {row.accepted:,} accepted at {row.threshold:.5g} were wrong, "
            f"which may be {percent(row.error_bound)}"
        )
    else:
        found = f"it has {max((r.accepted for r in card.calibration), default=0):,}"
    least = least_promise(card.calibration)
    best = "nothing" if least is None else f"{percent(least)} (--max-error {least:g})"
    return (
        f"model {card.name}: its calibration cannot promise --max-error {max_error:g}. That "
        f"takes {needed}; {found}. The least that it promises is {best}. Ask for no less, choose "
        "a threshold with --review-below, or calibrate on more digits with `formreader train`."
    )


def _rounded_up(rate: float) -> float:
    """A positive rate, rounded up to two significant digits."""
    decimals = 1 - math.floor(math.log10(rate))
    return round(math.ceil(rate * 10.0**decimals) / 10.0**decimals, decimals)
