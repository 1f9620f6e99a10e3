"""What is known of candidates for rows of boxes, and how it is weighed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from formreader.detect.box_network import shipped_decisions
from formreader.detect.field_decision import FieldDecision, field_features
from formreader.detect.groups import Groups
from formreader.detect.row_decision import RowCandidates, RowDecision, surroundings

Row = tuple[float, float, int, float]
"""The middle of the first box, the number of boxes, and their score."""


def candidates(*rows: Row, width: float = 20.0, height: float = 26.0) -> RowCandidates:
    """Rows of boxes that share their separators."""
    centres = [(x + i * width, y) for x, y, n, _ in rows for i in range(n)]
    scores = [score for *_, n, score in rows for _ in range(n)]
    sizes = np.tile([float(width), height], (len(centres), 1))
    groups = Groups(np.array([n for *_, n, _ in rows]))
    return RowCandidates(np.array(centres, float), sizes, np.array(scores), groups)


def known(one: RowCandidates) -> dict[str, float]:
    return dict(zip(RowDecision.FEATURES, one.features()[0].tolist(), strict=True))


def test_what_is_known_of_a_row() -> None:
    row = candidates((40, 60, 4, 0.9))
    row.scores[1] = 0.5
    row.centres[3, 0] += 5
    row.sizes[0] *= 1.1
    of = known(row)
    assert of["best score"] == pytest.approx(np.log(9)) and of["lowest score"] == 0
    assert of["mean score"] == pytest.approx(0.75 * np.log(9))
    assert of["length"] == pytest.approx(np.log(4))
    assert of["alone"] == of["best score alone"] == 0
    assert of["uneven"] == pytest.approx(0.25)
    assert of["unlike"] == pytest.approx(2 * np.log(1.1))
    assert of["aspect"] == pytest.approx(np.log(20 / 26))


def test_a_single_box_is_alone() -> None:
    of = known(candidates((40, 60, 1, 0.9)))
    assert of["alone"] == 1 and of["best score alone"] == of["best score"]
    assert of["length"] == of["uneven"] == of["unlike"] == 0


def pairs_of(rows: RowCandidates) -> set[tuple[int, int]]:
    one, other = rows.in_line()
    pairs = {(i, k) for i, k in zip(one.tolist(), other.tolist(), strict=True)}
    assert pairs == {(k, i) for i, k in pairs}
    return {(i, k) for i, k in pairs if i < k}


def test_only_boxes_of_one_size_near_the_same_line_or_column_are_in_line() -> None:
    below, beside, aside = (40.0, 90.0, 1, 0.5), (110.0, 60.0, 1, 0.5), (55.0, 100.0, 1, 0.5)
    both = candidates((40, 60, 1, 0.5), below, beside, aside)
    assert pairs_of(both) == {(0, 1), (0, 2)}
    larger = both.sizes * [[1.0], [1.3], [1.0], [1.0]]
    assert pairs_of(replace(both, sizes=larger)) == {(0, 2)}


def test_the_surroundings_are_the_other_rows_in_line() -> None:
    both = candidates((40, 60, 2, 0.5), (40, 90, 2, 0.5))
    likeliest, number = surroundings(both, np.array([-50.0, 0.0]))[0]
    assert likeliest == pytest.approx(0.5) and number == pytest.approx(np.log1p(0.5))
    np.testing.assert_allclose(surroundings(both, np.array([-50.0, 0.0]))[1], 0, atol=1e-9)


def test_a_doubtful_row_is_likelier_in_line_with_a_sure_one_and_as_one_of_many() -> None:
    decision = shipped_decisions().rows
    doubtful = (40.0, 60.0, 3, 0.45)
    (by_itself,) = decision.probabilities(candidates(doubtful))
    in_line = decision.probabilities(candidates(doubtful, (40, 90, 3, 0.95)))[0]
    longer = decision.probabilities(candidates((40, 60, 9, 0.45)))[0]
    assert 0.1 < by_itself < in_line < 1 and by_itself < longer


@pytest.mark.parametrize(
    ("probability", "doubt", "kept"),
    [
        (0.99, 1.0, True),
        (0.5, 1.0, False),
        (0.5, 0.0, True),
        (0.15, None, False),
        (0.9, None, True),
    ],
    ids=["letters in boxes", "a word", "digits", "like print and blank", "blank"],
)
def test_what_is_read_is_weighed_against_what_is_printed(
    probability: float, doubt: float | None, kept: bool
) -> None:
    features = np.array([field_features(probability, doubt)])
    assert shipped_decisions().fields.keeps(features).tolist() == [kept]


def test_without_rows_nothing_is_kept() -> None:
    assert len(FieldDecision.undecided().keeps(np.zeros((0, 3)))) == 0


def test_groups_have_upper_medians_and_means() -> None:
    groups, values = Groups(np.array([1, 4])), np.array([7.0, 4, 1, 3, 2])
    assert groups.median(values).tolist() == [7, 3]
    assert groups.highest(values).tolist() == [7, 4] and groups.lowest(values).tolist() == [7, 1]
    assert groups.mean(values).tolist() == [7, 2.5, 2.5, 2.5, 2.5]
