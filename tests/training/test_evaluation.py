"""Figures of merit against values worked out by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from formreader.core.classes import Probabilities
from formreader.training.evaluate.evaluation import (
    EVALUATED_THRESHOLDS,
    Evaluation,
    as_json,
    figures_of,
)
from formreader.training.fit.calibration import (
    calibration_error,
    confusion,
    risk_coverage,
    share_interval,
)


def readings(*best: tuple[int, float]) -> Probabilities:
    """Rows of eleven probabilities: the best class has the one given, the others share the rest."""
    rows = np.array([[(1 - p) / 10] * 11 for _, p in best], np.float32)
    for row, (label, p) in zip(rows, best, strict=True):
        row[label] = p
    return rows


@pytest.mark.parametrize(
    ("count", "n", "low", "high"),
    # Clopper and Pearson's intervals, from published tables.
    [(0, 10, 0.0, 0.3085), (10, 10, 0.6915, 1.0), (5, 10, 0.1871, 0.8129), (1, 20, 0.0013, 0.2487)],
)
def test_interval_as_in_published_tables(count: int, n: int, low: float, high: float) -> None:
    assert share_interval(count, n) == pytest.approx((low, high), abs=1e-4)


def test_interval_of_nothing_is_everything() -> None:
    assert share_interval(0, 0) == (0.0, 1.0)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_interval_holds_what_was_seen(counts: tuple[int, int]) -> None:
    low, high = share_interval(*counts)
    assert 0 <= low <= counts[0] / counts[1] <= high <= 1
    assert low < high


def test_calibration_error_by_hand() -> None:
    # Two bins: 0.2 and 0.4, one of them right: 0.3 for 0.5; 0.7 and 0.9, both right: 0.8 for 1.
    confidence = np.array([0.2, 0.4, 0.7, 0.9])
    right = np.array([True, False, True, True])
    assert calibration_error(confidence, right, bins=2) == pytest.approx((0.2 + 0.2) / 2)


def test_an_edge_belongs_to_the_lower_bin() -> None:
    confidence, right = np.array([0.0, 0.5, 1.0]), np.array([False, True, False])
    # 0 and 0.5 in one bin: 0.25 for 0.5; 1 in the other: 1 for 0.
    assert calibration_error(confidence, right, bins=2) == pytest.approx((2 * 0.25 + 1) / 3)


def test_perfect_and_worst_confidence() -> None:
    certain = np.ones(3, np.float32)
    assert calibration_error(certain, np.ones(3, bool)) == 0
    assert calibration_error(certain, np.zeros(3, bool)) == 1
    with pytest.raises(ValueError, match="no answers"):
        calibration_error(np.empty(0), np.empty(0, bool))


def test_confusion_by_hand() -> None:
    labels = np.array([0, 0, 1, 2, 2], np.uint8)
    counts = confusion(labels, np.array([0, 1, 1, 0, 2]), 3)
    assert counts.tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 1]]


def test_risk_coverage_by_hand() -> None:
    confidence = np.array([0.9, 0.6, 0.8, 0.6, 0.99])
    right = np.array([True, False, False, True, False])
    acceptable = np.array([True, True, True, True, False])
    accepted, error = risk_coverage(confidence, right, acceptable)
    # 0.9 is right; 0.8 is wrong; the two of 0.6 come together; the last never.
    assert accepted == pytest.approx([1 / 5, 2 / 5, 4 / 5])
    assert error == pytest.approx([0, 1 / 2, 2 / 4])


def test_nothing_acceptable_has_no_curve() -> None:
    accepted, error = risk_coverage(np.ones(2), np.ones(2, bool), np.zeros(2, bool))
    assert len(accepted) == len(error) == 0


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    """Of six digits four are right, one of these rather none; one of two non-digits is a digit."""
    rows = readings((3, 0.99), (3, 0.9), (5, 0.7), (5, 0.6), (7, 0.4), (8, 0.3), (1, 0.96), (10, 1))
    rows[4, 10] = 0.5
    labels = np.array([3, 3, 5, 6, 7, 0, 10, 10], np.uint8)
    return figures_of(rows, labels)


def test_accuracy_is_of_the_ten_digits(evaluation: Evaluation) -> None:
    assert (evaluation.total.n, evaluation.total.errors) == (6, 2)
    assert evaluation.accuracy == pytest.approx(4 / 6)
    assert evaluation.right_of_all == 3
    assert evaluation.taken_for_none == 1


def test_calibration_error_is_of_the_best_digit(evaluation: Evaluation) -> None:
    # Six bins of one digit each: 0.01, 0.1, 0.3, 0.6, 0.6, 0.3 from what came out.
    assert evaluation.ece == pytest.approx((0.01 + 0.1 + 0.3 + 0.6 + 0.6 + 0.3) / 6, abs=1e-6)


def test_each_class(evaluation: Evaluation) -> None:
    found = {digit: (c.n, c.errors) for digit, c in enumerate(evaluation.classes) if c.n}
    assert found == {0: (1, 1), 3: (2, 0), 5: (1, 0), 6: (1, 1), 7: (1, 0)}
    assert evaluation.classes[1].accuracy is None
    assert evaluation.confusion[6, 5] == evaluation.confusion[0, 8] == 1
    assert evaluation.confusion.sum() == 6


def test_coverage(evaluation: Evaluation) -> None:
    rows = {row.threshold: (row.accepted, row.errors) for row in evaluation.coverage}
    assert rows[0.0] == (5, 2)  # all but the one that is rather none
    assert rows[0.5] == (4, 1)
    assert rows[0.95] == (1, 0)
    assert [row.threshold for row in evaluation.coverage] == list(EVALUATED_THRESHOLDS)


def test_accepted_nondigits(evaluation: Evaluation) -> None:
    rows = {row.threshold: row.accepted for row in evaluation.nondigits}
    assert rows[0.0] == rows[0.95] == 1
    assert rows[0.98] == 0


def test_json_has_its_keys_and_is_strict(evaluation: Evaluation) -> None:
    figures = json.loads(json.dumps(as_json(evaluation), allow_nan=False))
    assert figures["accuracy"] == pytest.approx(4 / 6)
    assert (figures["n"], figures["errors"]) == (6, 2)
    assert figures["ece"] == pytest.approx(evaluation.ece)
    assert figures["per_class"]["3"] == {"n": 2, "errors": 0, "accuracy": 1.0}
    assert figures["per_class"]["1"]["accuracy"] is None
    assert list(figures["per_class"]) == list("0123456789")
    first = figures["coverage"][0]
    assert first["threshold"] == 0
    assert first["accepted"] == pytest.approx(5 / 6)
    assert (first["n_accepted"], first["errors"]) == (5, 2)
    assert figures["non_digits"][0]["n_accepted"] == 1


def test_a_set_of_non_digits_has_no_accuracy() -> None:
    with pytest.raises(ValueError, match="no answers"):
        figures_of(readings((10, 0.9)), np.array([10], np.uint8))
