"""The threshold that keeps a share of errors: which one is taken, and that the promise holds."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from formreader.core.errors import ModelError, UsageError
from formreader.core.model_folder import model_folder
from formreader.core.options import DEFAULT_MODEL, ScanOptions
from formreader.recognise.model_card import CalibrationRow, Card, read_card
from formreader.recognise.risk_control import (
    Acceptance,
    acceptance,
    candidate_rows,
    least_promise,
    needed_digits,
    passing_rows,
    percent,
    promised_row,
)
from formreader.training.fit.calibration import THRESHOLDS, error_bound

SIMULATIONS = 2000


def table(*counts: tuple[int, int], n: int = 20_000) -> tuple[CalibrationRow, ...]:
    """A calibration of `n` crops from (accepted, errors), loosest first."""
    thresholds = 1 - np.geomspace(0.5, 1e-5, len(counts))
    return tuple(
        CalibrationRow(float(threshold), n, accepted, errors, error_bound(errors, accepted))
        for threshold, (accepted, errors) in zip(thresholds, counts, strict=True)
    )


def card_with(calibration: tuple[CalibrationRow, ...]) -> Card:
    return Card(
        name="own", version="1", created="2026-01-01", parameters=1, temperature=1.0,
        training={}, recipe={}, tests=(), calibration=calibration, files={},
    )  # fmt: skip


# --- which threshold is taken


def test_the_loosest_threshold_is_taken_that_passes_with_all_stricter_ones() -> None:
    rows = table((12_000, 60), (10_000, 9), (9_000, 2), (7_000, 0))
    assert passing_rows(rows, 0.001) == [rows[3], rows[2]]
    assert promised_row(card_with(rows), 0.001) == rows[2]
    assert promised_row(card_with(rows), 0.01) == rows[0]


def test_a_threshold_that_fails_ends_the_search() -> None:
    rows = table((16_000, 8), (9_000, 8), (8_500, 0))
    assert rows[0].error_bound < 0.001 < rows[1].error_bound
    assert passing_rows(rows, 0.001) == [rows[2]]


def test_no_threshold_is_tested_that_accepts_too_few() -> None:
    rows = table((8_000, 40), (6_000, 0), (3_900, 0), (2_000, 0))
    assert candidate_rows(rows, 0.001) == [rows[1], rows[0]]  # half of 8,000 is more than 2,995
    assert candidate_rows(rows, 0.0004) == [rows[0]]  # 7,488 are needed
    assert candidate_rows(rows, 0.0001) == []
    assert candidate_rows((), 0.1) == []


@given(
    st.lists(st.tuples(st.integers(0, 9000), st.integers(0, 30)), min_size=1, max_size=6),
    st.floats(1e-4, 0.5),
)
def test_errors_do_not_decide_which_thresholds_are_tested(
    counts: list[tuple[int, int]], max_error: float
) -> None:
    accepted = sorted((n for n, _ in counts), reverse=True)
    errors = sorted((e for _, e in counts), reverse=True)
    wrong = table(*((n, min(e, n)) for n, e in zip(accepted, errors, strict=True)))
    right = table(*((n, 0) for n in accepted))
    tested = [row.threshold for row in candidate_rows(right, max_error)]
    assert [row.threshold for row in candidate_rows(wrong, max_error)] == tested


@pytest.mark.parametrize(("max_error", "digits"), [(0.001, 2995), (0.003, 998), (0.0001, 29_956)])
def test_digits_needed_without_an_error(max_error: float, digits: int) -> None:
    assert needed_digits(max_error) == digits
    assert error_bound(0, digits) <= max_error < error_bound(0, digits - 1)


def test_the_least_promise_can_be_asked_for() -> None:
    rows = table((12_000, 60), (10_000, 9), (9_000, 2), (7_000, 0))
    least = least_promise(rows)
    assert least == 0.00043  # 7,000 without an error prove 0.000428
    assert passing_rows(rows, least)
    assert not passing_rows(rows, 0.00042)


def test_no_promise_without_calibration() -> None:
    assert least_promise(()) is None
    with pytest.raises(ModelError, match=r"it has 0\. The least that it promises is nothing"):
        promised_row(card_with(()), 0.01)


# --- that the promise holds


def simulated(
    rates: npt.NDArray[np.float64], shares: npt.NDArray[np.float64], n: int, seed: int
) -> list[tuple[CalibrationRow, ...]]:
    """Calibrations with `n` crops drawn from bins between thresholds, loosest first.

    `shares` is (k + 1,), of crops below the first threshold and in each bin; `rates` (k,) is how
    often a crop of a bin is wrong.
    """
    rng = np.random.default_rng(seed)
    inside = rng.multinomial(n, shares, SIMULATIONS)[:, 1:]
    accepted = np.cumsum(inside[:, ::-1], axis=1)[:, ::-1]
    errors = np.cumsum(rng.binomial(inside, rates)[:, ::-1], axis=1)[:, ::-1]
    known: dict[tuple[int, int], float] = {}

    def row(k: int, m: int, e: int) -> CalibrationRow:
        if (m, e) not in known:
            known[m, e] = error_bound(e, m)
        return CalibrationRow(THRESHOLDS[k], n, m, e, known[m, e])

    return [
        tuple(row(k, int(m), int(e)) for k, (m, e) in enumerate(zip(ms, es, strict=True)))
        for ms, es in zip(accepted, errors, strict=True)
    ]


def true_rates(
    rates: npt.NDArray[np.float64], shares: npt.NDArray[np.float64]
) -> dict[float, float]:
    """How often what each threshold accepts is truly wrong."""
    inside = shares[1:]
    wrong = np.cumsum((inside * rates)[::-1])[::-1] / np.cumsum(inside[::-1])[::-1]
    return dict(zip(THRESHOLDS[: len(rates)], map(float, wrong), strict=True))


BINS = 12
FALLING = np.geomspace(0.2, 1e-5, BINS)
EVEN = np.full(BINS + 1, 1 / (BINS + 1))
CONSTANT = np.full(BINS, 0.0052)
WORLDS = {
    "errors fall with confidence": (FALLING, EVEN),
    "a floor of wrong labels": (np.maximum(FALLING, 0.004), EVEN),
    "confidence tells nothing, all just too bad": (CONSTANT, EVEN),
    "nearly all confident": (FALLING / 10, np.array([0.01] + [0.02] * (BINS - 1) + [0.77])),
}


@pytest.mark.slow
@pytest.mark.parametrize("max_error", [0.005, 0.02])
@pytest.mark.parametrize("world", WORLDS)
def test_promises_hold_for_19_of_20_calibrations(world: str, max_error: float) -> None:
    rates, shares = WORLDS[world]
    truth = true_rates(rates, shares)
    promises = [
        passed[-1].threshold
        for rows in simulated(rates, shares, 3000, seed=5)
        if (passed := passing_rows(rows, max_error))
    ]
    broken = sum(truth[threshold] > max_error for threshold in promises)
    assert broken <= 0.05 * SIMULATIONS
    if min(truth.values()) < 0.2 * max_error:
        assert len(promises) > 0.5 * SIMULATIONS  # a promise never given would hold too


@pytest.mark.slow
def test_the_loosest_threshold_that_looks_good_would_break_the_promise() -> None:
    rates, shares = WORLDS["confidence tells nothing, all just too bad"]
    naive = sum(
        any(row.error_bound <= 0.005 for row in rows)
        for rows in simulated(rates, shares, 3000, seed=5)
    )
    assert naive > 0.05 * SIMULATIONS


# --- what people are told


def test_the_promise_and_its_counts_in_one_line() -> None:
    row = CalibrationRow(0.9731, 6120, 5812, 0, 0.000515)
    assert str(Acceptance(0.9731, row, 0.001)) == (
        "accepted at 0.9731 or more: at most 0.1 % wrong (0 wrong of 5,812 accepted of 6,120 "
        "calibration digits, bound 0.0515 %)"
    )


def test_a_threshold_of_ones_own_is_told_with_what_was_measured_below_it() -> None:
    rows = table((12_000, 60), (9_000, 2), (7_000, 0))
    given_ = acceptance(card_with(rows), ScanOptions((), review_below=0.999))
    assert (given_.review_below, given_.measured, given_.max_error) == (0.999, rows[1], None)
    assert "2 wrong of 9,000 accepted of 20,000" in str(given_)
    assert "at most" not in str(given_)


def test_a_threshold_below_all_measured_ones_says_so() -> None:
    lax = acceptance(card_with(table((12_000, 60))), ScanOptions((), review_below=0.1))
    assert lax.measured is None
    assert str(lax) == "accepted at 0.1 or more: errors were never measured there"


def test_max_error_takes_the_place_of_review_below() -> None:
    rows = table((12_000, 60), (9_000, 2), (7_000, 0))
    taken = acceptance(card_with(rows), ScanOptions((), max_error=0.001))
    assert taken == Acceptance(rows[1].threshold, rows[1], 0.001)


def test_refused_for_want_of_digits() -> None:
    with pytest.raises(ModelError) as caught:
        promised_row(card_with(table((2000, 1), (1500, 0))), 0.001)
    message = str(caught.value)
    assert "model own" in message
    assert "takes 2,995 accepted calibration digits without an error" in message
    assert "it has 2,000" in message
    assert "The least that it promises is 0.2 % (--max-error 0.002)" in message


def test_refused_for_errors() -> None:
    with pytest.raises(ModelError) as caught:
        promised_row(card_with(table((9000, 50), (6000, 5))), 0.001)
    assert "5 of 6,000 accepted at 0.99999 were wrong, which may be 0.175 %" in str(caught.value)
    assert "(--max-error 0.0018)" in str(caught.value)


@pytest.mark.parametrize("rate", [0.0, 1.0, -0.1, math.nan])
def test_what_is_no_rate_is_refused(rate: float) -> None:
    with pytest.raises(UsageError, match="--max-error"):
        acceptance(card_with(table((9000, 0))), ScanOptions((), max_error=rate))


@pytest.mark.parametrize("threshold", [-0.1, 1.1, math.nan])
def test_what_is_no_confidence_is_refused(threshold: float) -> None:
    with pytest.raises(UsageError, match="--review-below"):
        acceptance(card_with(()), ScanOptions((), review_below=threshold))


@pytest.mark.parametrize(
    ("share", "text"), [(0.001, "0.1 %"), (0.000374, "0.0374 %"), (1, "100 %")]
)
def test_shares_as_people_read_them(share: float, text: str) -> None:
    assert percent(share) == text


def test_the_shipped_model_promises_one_in_a_thousand() -> None:
    card = read_card(model_folder(DEFAULT_MODEL))
    strict, lax = (promised_row(card, max_error) for max_error in (0.001, 0.005))
    assert strict.error_bound <= 0.001
    assert lax.threshold <= strict.threshold
    assert all(a.threshold < b.threshold for a, b in pairwise(card.calibration))
    with pytest.raises(ModelError, match="--max-error 1e-06"):
        promised_row(replace(card, name="digits"), 1e-6)
