from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from formreader.core.classes import NOT_A_DIGIT
from formreader.core.records import DigitBox, FieldCrops, FieldReading, Status, mark_boxes
from formreader.recognise.decisions import MIN_GUESS_PROBABILITY, ReadField, decide, judged
from formreader.recognise.risk_control import Thresholds

Probabilities = npt.NDArray[np.float32]


def row(chances: dict[int, float]) -> Probabilities:
    made = np.zeros(11, np.float32)
    for label, chance in chances.items():
        made[label] = chance
    return made


def field_of(blank: list[bool]) -> FieldCrops:
    boxes = tuple(
        DigitBox(((i * 40.0, 0), (i * 40.0 + 40, 0), (i * 40.0 + 40, 50), (i * 40.0, 50)))
        for i in range(len(blank))
    )
    return FieldCrops(boxes, np.zeros((len(blank), 28, 28), np.uint8), np.array(blank))


def read(
    chances: list[dict[int, float]], blank: list[bool] | None = None, review_below: float = 0.9
) -> FieldReading:
    probabilities = np.stack([row(c) for c in chances])
    field = field_of(blank or [False] * len(chances))
    (reading,) = decide([ReadField(field, probabilities)], Thresholds.equal(review_below))
    return reading


def test_a_sure_digit_is_ok() -> None:
    (digit,) = read([{7: 0.96, 1: 0.03}]).digits
    assert (digit.digit, digit.status, digit.second) == (7, Status.OK, 1)
    assert (digit.confidence, digit.second_confidence) == pytest.approx((0.96, 0.03))


def test_an_unsure_digit_is_for_review_with_its_second_guess() -> None:
    (digit,) = read([{4: 0.6, 9: 0.35}]).digits
    assert (digit.digit, digit.status, digit.second) == (4, Status.REVIEW, 9)


@pytest.mark.parametrize("blank", [False, True])
def test_a_sure_digit_or_a_blank_box_with_loose_ink_is_for_review(blank: bool) -> None:
    field = field_of([False, blank])
    marked = replace(field, boxes=mark_boxes(field.boxes, np.array([True, True])))
    (reading,) = decide(
        [ReadField(marked, np.stack([row({7: 1.0}), row({1: 1.0})]))], Thresholds.equal(0.0)
    )
    assert [digit.status for digit in reading.digits] == [Status.REVIEW, Status.REVIEW]
    assert (reading.digits[1].digit is None) == blank
    assert reading.status is Status.REVIEW
    assert reading.digits[0].confidence == pytest.approx(1.0)


def test_a_field_in_a_doubtful_place_is_for_review_also_where_it_looks_blank() -> None:
    field = replace(field_of([False, True]), doubt="lines are elsewhere")
    (reading,) = decide(
        [ReadField(field, np.stack([row({7: 1.0}), row({1: 1.0})]))], Thresholds.equal(0.0)
    )
    assert [digit.status for digit in reading.digits] == [Status.REVIEW, Status.REVIEW]
    assert (reading.value, reading.remark) == ("7?", "lines are elsewhere")
    assert judged(reading, Thresholds.equal(0.0)).status is Status.REVIEW


def test_a_mark_is_for_review_even_at_threshold_zero() -> None:
    field = read([{NOT_A_DIGIT: 0.6, 5: 0.4}], review_below=0.0)
    assert (field.value, field.status) == ("5", Status.REVIEW)


def test_a_mark_without_a_plausible_digit_is_a_question_mark() -> None:
    field = read([{NOT_A_DIGIT: 0.96, 5: 0.03}, {1: 0.99}])
    assert (field.value, field.cells, field.confidence, field.lowest) == ("?1", "?1", 0.0, 0.0)
    assert (field.digits[0].digit, field.digits[0].second) == (None, 5)


def test_blanks_are_left_out_of_the_value_and_stay_in_the_cells() -> None:
    field = read([{1: 0.99}, {8: 0.9}, {2: 0.98}], [False, True, False])
    assert (field.value, field.cells, field.status) == ("12", "1.2", Status.OK)
    assert field.confidence == pytest.approx(0.99 * 0.98)
    assert (field.digits[1].status, field.digits[1].digit) == (Status.BLANK, None)


def test_a_field_of_blanks_is_blank_and_certain() -> None:
    field = read([{1: 0.9}, {1: 0.9}], [True, True])
    assert (field.value, field.cells, field.confidence, field.lowest) == ("", "..", 1.0, 1.0)
    assert field.status is Status.BLANK


def test_a_tie_gives_the_lower_digit() -> None:
    (digit,) = read([{8: 0.45, 3: 0.45}]).digits
    assert (digit.digit, digit.second) == (3, 8)


def test_each_field_has_its_own_digits() -> None:
    fields = [
        ReadField(field_of([False] * len(text)), np.stack([row({int(d): 1.0}) for d in text]))
        for text in ("12", "3", "456")
    ]
    readings = decide(fields, Thresholds.equal(0.9))
    assert [reading.value for reading in readings] == ["12", "3", "456"]
    assert [digit.box.left for digit in readings[2].digits] == [0, 40, 80]


def test_no_fields_give_no_readings() -> None:
    assert decide([], Thresholds.equal(0.9)) == ()


@pytest.mark.parametrize("shape", [(2, 10), (3, 11), (2,)])
def test_arrays_that_do_not_fit_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="2 boxes need"):
        ReadField(field_of([False, False]), np.zeros(shape, np.float32))


def test_numbers_that_are_not_finite_are_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        read([{1: math.nan}])


logits = st.lists(st.floats(-12, 12, width=32), min_size=11, max_size=11)


@given(
    boxes=st.lists(st.tuples(logits, st.booleans()), min_size=1, max_size=8),
    review_below=st.floats(0, 1),
)
def test_a_reading_keeps_its_promises(
    boxes: list[tuple[list[float], bool]], review_below: float
) -> None:
    scores = np.exp(np.array([scores for scores, _ in boxes], np.float32))
    probabilities = scores / scores.sum(axis=1, keepdims=True)
    blank = [is_blank for _, is_blank in boxes]
    (field,) = decide([ReadField(field_of(blank), probabilities)], Thresholds.equal(review_below))

    assert len(field.cells) == len(field.digits) == len(boxes)
    assert field.value == field.cells.replace(".", "")
    assert field.lowest == min(digit.confidence for digit in field.digits)
    assert 0 <= field.confidence <= field.lowest
    assert (field.status is Status.BLANK) == all(blank)
    for digit, chances, is_blank in zip(field.digits, probabilities, blank, strict=True):
        assert (digit.status is Status.BLANK) == is_blank
        if digit.status is Status.OK:
            assert digit.digit == chances.argmax()
            assert digit.confidence >= review_below
        if digit.digit is not None:
            assert digit.confidence >= max(digit.second_confidence, MIN_GUESS_PROBABILITY)
            assert digit.second != digit.digit


@pytest.mark.parametrize("doubted", [False, True])
def test_a_threshold_that_changes_later_gives_the_same_statuses(doubted: bool) -> None:
    rng = np.random.default_rng(5)
    fields = []
    for n in (1, 2, 4) * 10:
        probabilities = rng.dirichlet(np.full(11, 0.05), n).astype(np.float32)
        fields.append(ReadField(field_of((rng.random(n) < 0.2).tolist()), probabilities))
    seen = set()
    for first, second in ((0.5, 0.99), (0.99, 0.5), (0.9, 0.0)):
        before = decide(fields, Thresholds.equal(first), doubted=doubted)
        after = tuple(judged(one, Thresholds.equal(second)) for one in before)
        assert after == decide(fields, Thresholds.equal(second), doubted=doubted)
        seen.add(tuple(one.status for one in after))
    assert len(seen) == (1 if doubted else 3)
