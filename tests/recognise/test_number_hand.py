"""The numbers of a page are of one hand: what its clear digits show settles doubtful ones."""

from __future__ import annotations

import numpy as np
import pytest

from formreader.core.classes import NOT_A_DIGIT
from formreader.recognise.ctc import CHARACTERS, CTC_CLASSES, NO_CHARACTER, best_alignments
from formreader.recognise.number_hand import in_one_hand
from formreader.recognise.number_reader import NumberHypothesis
from formreader.recognise.page_hand import PageHand

FEATURES = 12
ONE, SEVEN = 1, 7
HAND = PageHand(4 * np.eye(NOT_A_DIGIT, FEATURES), np.eye(FEATURES))
"""Means along one axis each, 4 apart from the others, and spreads of 1."""


def heard(
    text: str, probability: float, *, rival: int = ONE, away: float = 6.0
) -> NumberHypothesis:
    """A number each digit of which stands on two places, the first of them the clearer.

    The rest of its probability is that of a rival. Its features are `away` from the means of all
    hands, along an axis that tells no digit.
    """
    places = np.full((3 * len(text) + 1, CTC_CLASSES), 1e-7, np.float32)
    places[::3, NO_CHARACTER] = 1
    for i, one in enumerate(text):
        for place, share in ((3 * i + 1, probability), (3 * i + 2, probability - 0.01)):
            places[place, rival] = 1 - share
            places[place, CHARACTERS.index(one)] = share
    digits = [int(one) for one in text if one.isdecimal()]
    features = np.zeros((len(digits), FEATURES), np.float32)
    features[np.arange(len(digits)), digits] = 4
    features[:, -1] = away
    (alignment,) = best_alignments(places[None])
    number = NumberHypothesis(places, alignment, 0.0, 0.0, features)
    return NumberHypothesis(places, alignment, number.probability_of(text), 0.0, features)


def test_a_doubtful_digit_is_what_the_other_numbers_digits_are_like() -> None:
    clear = [heard("77", 0.99) for _ in range(6)]
    doubtful = heard("7", 0.52)
    *_, settled = in_one_hand([*clear, doubtful], HAND)
    assert settled.alignment.text == "7"
    assert settled.probability > doubtful.probability + 0.1
    assert settled.probability == pytest.approx(settled.probability_of("7"))
    stranger = heard("7", 0.52, away=-6.0)  # crossed as no other is
    *_, settled = in_one_hand([*clear, stranger], HAND)
    assert settled.alignment.text == "1"


def test_a_digit_may_become_another_and_stays_where_it_is() -> None:
    doubtful = heard("1", 0.55, rival=SEVEN)
    doubtful.features[0] = clear_seven = heard("7", 0.9).features[0]
    *_, settled = in_one_hand([*(heard("77", 0.99) for _ in range(8)), doubtful], HAND)
    assert settled.alignment.text == "7"
    assert settled.alignment.starts.tolist() == doubtful.alignment.starts.tolist()
    assert settled.probability > 0.5
    assert clear_seven[SEVEN] == 4


def test_what_is_no_digit_stays_as_it_is() -> None:
    blank, signed = heard("_", 0.9), heard("-7.", 0.9)
    numbers = [blank, signed, *(heard("77", 0.99) for _ in range(4))]
    after, again, *_ = in_one_hand(numbers, HAND)
    assert np.array_equal(after.places, blank.places)
    assert after.probability == pytest.approx(blank.probability)
    assert again.alignment.text == "-7."
    others = np.setdiff1d(np.arange(CTC_CLASSES), np.arange(NOT_A_DIGIT))
    assert np.array_equal(again.places[:, others], signed.places[:, others])
    np.testing.assert_allclose(again.places.sum(axis=1), signed.places.sum(axis=1), atol=1e-6)


def test_a_page_without_digits_or_with_one_stays_as_it_is() -> None:
    assert in_one_hand([], HAND) == []
    blank, lone = heard("_", 0.9), heard("7", 0.6)
    assert in_one_hand([blank], HAND) == [blank]
    *_, after = in_one_hand([blank, lone], HAND)
    np.testing.assert_allclose(after.places, lone.places, atol=1e-6)
    assert after.probability == pytest.approx(lone.probability)
