"""Temperature, threshold table and the exact bound of an error rate."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from formreader.core.options import ScanOptions
from formreader.core.records import DigitBox, FieldCrops, Status
from formreader.recognise.decisions import ReadField, decide
from formreader.recognise.recogniser import softmax
from formreader.recognise.risk_control import Thresholds
from formreader.training.fit.calibration import (
    CALIBRATION_THRESHOLDS,
    calibration_table,
    error_bound,
    fit_temperature,
)


@pytest.mark.parametrize(
    ("errors", "n", "bound"),
    # Quantiles 0.95 of beta(errors + 1, n - errors), from published tables.
    [(0, 10, 0.25887), (1, 10, 0.39416), (5, 10, 0.77756), (0, 300, 0.00994), (2, 100, 0.06162)],
)
def test_bounds_as_in_published_tables(errors: int, n: int, bound: float) -> None:
    assert error_bound(errors, n) == pytest.approx(bound, abs=1e-5)


def test_nothing_seen_means_nothing_known() -> None:
    assert error_bound(0, 0) == error_bound(4, 4) == 1.0


@given(st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n - 1), st.just(n))))
def test_at_the_bound_so_few_errors_have_a_chance_of_one_in_twenty(counts: tuple[int, int]) -> None:
    errors, n = counts
    rate = error_bound(errors, n)
    chance = sum(math.comb(n, k) * rate**k * (1 - rate) ** (n - k) for k in range(errors + 1))
    assert chance == pytest.approx(0.05, abs=1e-9)


def test_bound_of_large_counts_is_near_the_normal_approximation() -> None:
    assert error_bound(5000, 100_000) == pytest.approx(
        0.05 + 1.645 * math.sqrt(0.05 * 0.95 / 1e5), abs=5e-5
    )


@pytest.mark.parametrize(("errors", "n", "confidence"), [(-1, 5, 0.9), (6, 5, 0.9), (1, 5, 1.0)])
def test_impossible_counts_are_refused(errors: int, n: int, confidence: float) -> None:
    with pytest.raises(ValueError, match="impossible"):
        error_bound(errors, n, confidence)


@pytest.mark.parametrize("temperature", [0.6, 1.0, 2.5])
def test_temperature_of_known_logits_is_found(temperature: float) -> None:
    rng = np.random.default_rng(8)
    honest = rng.normal(0, 2, (20_000, 11)).astype(np.float32)
    chances = softmax(honest, 1.0).cumsum(axis=1)
    labels = (chances < rng.random((len(honest), 1))).sum(axis=1).clip(0, 10).astype(np.uint8)
    assert fit_temperature(honest * temperature, labels) == pytest.approx(temperature, rel=0.05)


def test_a_temperature_needs_examples() -> None:
    with pytest.raises(ValueError, match="no examples"):
        fit_temperature(np.zeros((0, 11), np.float32), np.zeros(0, np.uint8))


def test_table_counted_by_hand() -> None:
    probabilities = np.full((5, 11), 0.01, np.float32)
    probabilities[0, 3] = 0.9  # right, accepted up to 0.9
    probabilities[1, 4] = 0.9  # wrong
    probabilities[2, 5] = 0.6  # right, accepted at 0.5 only
    probabilities[3, 10] = 0.9  # not a digit, and seen as none
    probabilities[4, 6] = 0.85  # not a digit, but accepted at 0.8
    labels = np.array([3, 9, 5, 10, 10], np.uint8)
    half, most, nearly_all = calibration_table(probabilities, labels, (0.5, 0.8, 0.95))
    assert (half.n, half.accepted, half.errors) == (5, 4, 2)
    assert (most.accepted, most.errors) == (3, 2)
    assert (nearly_all.accepted, nearly_all.errors, nearly_all.error_bound) == (0, 0, 1.0)
    assert most.error_bound == error_bound(2, 3)


def test_thresholds_rise_evenly_and_hold_the_default() -> None:
    assert list(CALIBRATION_THRESHOLDS) == sorted(set(CALIBRATION_THRESHOLDS))
    assert (CALIBRATION_THRESHOLDS[0], CALIBRATION_THRESHOLDS[-1]) == (0.5, 0.99995)
    assert ScanOptions(()).review_below in CALIBRATION_THRESHOLDS
    odds = [math.log(threshold / (1 - threshold)) for threshold in CALIBRATION_THRESHOLDS]
    assert all(b - a < 0.4 for a, b in pairwise(odds))


@given(
    probabilities=hnp.arrays(
        np.float32, (6, 11), elements=st.sampled_from([0.0, 0.04, 0.25, 0.5, 0.7, 0.95, 0.99])
    ),
    threshold=st.sampled_from([0.05, 0.25, 0.5, 0.7, 0.95, 0.99]),
)
def test_the_table_counts_what_a_scan_accepts(
    probabilities: npt.NDArray[np.float32], threshold: float
) -> None:
    """Also where a confidence, of 32 bits, is a threshold but for its rounding."""
    box = DigitBox(((0, 0), (9, 0), (9, 9), (0, 9)))
    crops = FieldCrops((box,), np.zeros((1, 28, 28), np.uint8), np.zeros(1, np.bool_))
    read = [ReadField(crops, probabilities[i : i + 1]) for i in range(6)]
    fields = decide(read, Thresholds.equal(threshold))
    accepted = [digit for field in fields for digit in field.digits if digit.status is Status.OK]
    (row,) = calibration_table(probabilities, np.full(6, 3, np.uint8), (threshold,))
    assert (row.n, row.accepted) == (6, len(accepted))
    assert row.errors == sum(digit.digit != 3 for digit in accepted)
