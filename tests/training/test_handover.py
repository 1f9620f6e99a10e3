"""When a new model may take the place of an old one."""

from __future__ import annotations

import numpy as np
import pytest

from formreader.core.classes import Probabilities
from formreader.training.evaluate.handover import Compared, Judged, judge, objections
from formreader.training.train_model import BLENDS


def read(labels: list[int], guesses: list[int], confidence: float) -> Judged:
    """How a model judges that gives each guess the same confidence; 10 is "not a digit"."""
    probabilities: Probabilities = np.full((len(labels), 11), (1 - confidence) / 10, np.float32)
    probabilities[np.arange(len(labels)), guesses] = confidence
    return judge(probabilities, np.array(labels, np.uint8), 0.95)


def test_what_counts_as_right_accepted_and_wrong() -> None:
    judged = read([3, 3, 10, 10], [3, 5, 10, 7], 0.99)
    assert judged.right.tolist() == [True, False, True, False]
    assert judged.accepted.tolist() == [True, True, False, True]
    assert judged.wrong.tolist() == [False, True, False, True]
    assert judged.wrong_share == pytest.approx(2 / 3)
    assert judged.expected_wrong == pytest.approx(0.03)
    assert not read([3], [3], 0.9).accepted.any()


def some(n: int, good: int, wrong: int, right: int, expected: float = 1.0) -> Judged:
    """`good` of `n` accepted rightly, `wrong` wrongly, and `right` read rightly."""
    places = np.arange(n)
    accepted = places < good + wrong
    return Judged(places < right, accepted, accepted & (places >= good), expected)


MARKS = Compared(some(4000, 0, 10, 3990), some(4000, 0, 12, 3900))
SAME = Compared(some(10_000, 9900, 5, 9950), some(10_000, 9900, 5, 9950))


@pytest.mark.parametrize(
    ("before", "after", "mnist", "said"),
    [
        (some(60, 30, 0, 50), some(60, 35, 0, 52), SAME, None),
        (some(60, 30, 0, 50), some(60, 34, 0, 52), SAME, "not measurably better"),
        (some(60, 30, 0, 50), some(60, 30, 0, 50), SAME, "not measurably better"),
        (some(60, 30, 0, 50), some(60, 20, 0, 50), SAME, "10 no longer are"),
        (some(60, 30, 0, 50), some(60, 45, 0, 49), SAME, "fewer digits of your pages"),
        (some(60, 30, 0, 50), some(60, 45, 4, 52), SAME, "larger share of the accepted"),
        (some(60, 30, 0, 50), some(60, 45, 1, 52, 0.01), SAME, "more than its confidences say"),
        (some(60, 30, 0, 50), some(60, 45, 1, 52), SAME, None),
        (some(60, 30, 2, 50), some(60, 45, 2, 52), SAME, None),
        (
            some(60, 30, 0, 50), some(60, 45, 0, 52),
            Compared(SAME.before, some(10_000, 9900, 5, 9945)), None,
        ),
        (
            some(60, 30, 0, 50), some(60, 45, 0, 52),
            Compared(SAME.before, some(10_000, 9900, 5, 9944)), "reads 6 fewer of 10,000 other",
        ),
        (
            some(60, 30, 0, 50), some(60, 45, 0, 52),
            Compared(SAME.before, some(10_000, 9900, 11, 9950)), "accepts 6 more of 10,000 other",
        ),
    ],
)  # fmt: skip
def test_objections(before: Judged, after: Judged, mnist: Compared, said: str | None) -> None:
    found = objections(Compared(before, after), mnist, MARKS)
    if said is None:
        assert found == ()
    else:
        assert len(found) == 1
        assert said in found[0]


def test_more_marks_accepted_are_an_objection() -> None:
    own = Compared(some(60, 30, 0, 50), some(60, 45, 0, 52))
    assert objections(own, SAME, Compared(MARKS.before, some(4000, 0, 14, 3990))) == ()
    (said,) = objections(own, SAME, Compared(MARKS.before, some(4000, 0, 15, 3990)))
    assert "accepts 5 more of 4,000 marks that are no digits" in said


def test_the_fine_tuned_weights_themselves_may_win() -> None:
    assert BLENDS[-1] == 1
    assert list(BLENDS) == sorted(BLENDS)
