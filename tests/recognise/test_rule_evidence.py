"""What the rules of a form make of readings: surer or doubted, never another value accepted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from formreader.core.classes import CLASSES, CROP_SIDE, NOT_A_DIGIT
from formreader.core.records import DigitBox, FieldCrops, FieldReading, Status
from formreader.output.wording import sentence
from formreader.recognise.ctc import CHARACTERS, CTC_CLASSES, NO_CHARACTER, best_alignments
from formreader.recognise.decisions import ReadField, decide, judged
from formreader.recognise.number_reader import NumberHypothesis
from formreader.recognise.number_values import NumberValue
from formreader.recognise.risk_control import Thresholds
from formreader.recognise.rule_evidence import under_rules
from formreader.rules.expressions import parse_relations
from formreader.rules.form_rules import FieldRules, FormRules

NAMES = ["a", "b", "total"]
SUM = "total = a + b"
RULES = FormRules(
    {name: FieldRules((1, 2), blank_is=0, leading_marks_blank=True) for name in NAMES},
    parse_relations("sums", SUM, NAMES),
)
LIMITS = Thresholds.equal(0.95)


def ink(name: str, *boxes: dict[str, float], loose: bool = False) -> ReadField:
    """A field of boxes with the probabilities of their digits; `x` is no digit, `.` a blank box."""
    rows = np.full((len(boxes), len(CLASSES)), 1e-6, np.float32)
    for row, chances in zip(rows, boxes, strict=True):
        for mark, chance in chances.items():
            if mark != ".":
                row[NOT_A_DIGIT if mark == "x" else int(mark)] = chance
    n = len(boxes)
    quads = (((9 * i, 0), (9 * i + 9, 0), (9 * i + 9, 9), (9 * i, 9)) for i in range(n))
    field = FieldCrops(
        tuple(DigitBox(quad, loose_ink=loose) for quad in quads),
        np.zeros((n, CROP_SIDE, CROP_SIDE), np.uint8),
        np.array(["." in chances for chances in boxes]),
        name=name,
    )
    return ReadField(field, rows)


def sure(name: str, text: str, probability: float = 0.999) -> ReadField:
    return ink(name, *({mark: probability} for mark in text))


def read(
    *fields: ReadField, rules: FormRules = RULES, limits: Thresholds = LIMITS
) -> dict[str, FieldReading]:
    def revised(readings: Sequence[FieldReading]) -> Sequence[FieldReading]:
        return under_rules(fields, readings, {}, rules)

    return {one.name: one for one in decide(fields, limits, revised=revised)}


def test_a_sum_settles_a_doubted_digit() -> None:
    doubted = ink("b", {"1": 0.999}, {"7": 0.8, "1": 0.19})
    (alone,) = decide([doubted], LIMITS)
    assert alone.status is Status.REVIEW
    found = read(sure("a", "12"), doubted, sure("total", "29"))
    assert (found["b"].value, found["b"].status, found["b"].broken) == ("17", Status.OK, ())
    assert found["b"].confidence > 0.99 and found["b"].digits[1].confidence > 0.99


def test_a_sum_that_was_written_wrong_is_given_as_written_and_named() -> None:
    found = read(sure("a", "12"), sure("b", "17"), sure("total", "31"))
    assert [one.value for one in found.values()] == ["12", "17", "31"]
    for one in found.values():
        assert (one.status, one.remark) == (Status.REVIEW, "")
        (told,) = one.broken
        assert sentence(told) == f"31 was read, but total should be 29: please look ({SUM})"
        assert judged(one, Thresholds.equal(0.0)).status is Status.REVIEW  # whatever the threshold


def test_a_value_that_rules_change_is_for_review_and_says_what_the_ink_says() -> None:
    found = read(sure("a", "12"), ink("b", {"1": 1.0}, {"1": 0.55, "7": 0.44}), sure("total", "29"))
    changed = found["b"]
    assert (changed.value, changed.broken) == ("17", ())
    assert sentence(changed.remark) == "11 was read, but b should be 17: please look"
    assert judged(changed, Thresholds.equal(0.0)).status is Status.REVIEW
    assert found["a"].status is found["total"].status is Status.OK


def test_leading_marks_count_as_blank_and_may_be_doubted() -> None:
    found = read(ink("a", {"x": 0.98}, {"5": 0.999}), sure("b", "xx", 0.99), sure("total", ".5"))
    marked = found["a"]
    assert (marked.value, marked.cells, marked.status) == ("5", ".5", Status.OK)
    assert marked.digits[0].status is Status.BLANK
    assert (found["b"].value, found["b"].status) == ("", Status.BLANK)
    stricter = judged(found["b"], Thresholds.equal(0.999999))
    assert (stricter.value, stricter.cells, stricter.status) == ("", "..", Status.REVIEW)
    assert judged(stricter, LIMITS) == found["b"]
    inner = read(
        ink("a", {"5": 0.999}, {"x": 0.9, "3": 0.05}), sure("b", ".0"), sure("total", "53")
    )
    assert inner["a"].status is Status.REVIEW


def test_loose_ink_stays_for_review_and_other_fields_stay_as_they_are() -> None:
    loose = ink("b", {"1": 0.999}, {"7": 0.999}, loose=True)
    other = ink("other", {"3": 0.7, "8": 0.2})
    found = read(sure("a", "12"), loose, sure("total", "29"), other)
    assert found["b"].status is Status.REVIEW
    (alone,) = decide([other], LIMITS)
    assert found["other"] == alone


@pytest.mark.parametrize(
    ("rules", "value", "told"),
    [
        (FieldRules((3, 3)), "12", "12 has 2 digits, and should have 3"),
        (FieldRules(least=13), "12", "12 is below 13"),
        (FieldRules(most=11), "12", "12 is above 11"),
        (FieldRules(pattern="[34]."), "12", "12 is not written as it should be ([34].)"),
        (FieldRules(date="DDMMYY"), "310219", "310219 is no date (DDMMYY)"),
        (FieldRules(one_of="known.csv", known=frozenset({"13"})), "12", "12 is not in known.csv"),
        (
            FieldRules(check="luhn"),
            "79927398710",
            "79927398710 does not fit its check digit (luhn)",
        ),
        (FieldRules(optional=False), "..", "it is blank, and should not be"),
        (FieldRules(most=11), "..", "it is blank, and should not be"),
        (FieldRules(most=11, optional=True), "..", ""),
        (FieldRules(date="DDMMYY 2019-01-01..2019-12-31"), "280219", ""),
        (FieldRules(check="luhn"), "79927398713", ""),
        (FieldRules((2, 4), 12, 12, pattern="[12]+"), "12", ""),
    ],
)
def test_each_rule_of_a_field_is_named(rules: FieldRules, value: str, told: str) -> None:
    found = read(sure("a", value), rules=FormRules({"a": rules}))
    assert [*map(sentence, found["a"].broken)] == ([f"a: {told}"] if told else [])
    assert found["a"].value == value.replace(".", "")


def test_a_doubtful_number_in_a_cell_is_settled_by_a_sum() -> None:
    """The strip says 17 or, less probably, 11."""
    places = np.full((5, CTC_CLASSES), 1e-6, np.float32)
    for place, chances in zip(
        places, ({" ": 1.0}, {"1": 1.0}, {" ": 1.0}, {"7": 0.7, "1": 0.3}, {" ": 1.0}), strict=True
    ):
        for mark, chance in chances.items():
            place[NO_CHARACTER if mark == " " else CHARACTERS.index(mark)] = chance
    heard = NumberHypothesis(places, best_alignments(places[None])[0], 0.7, 0.0)
    one = sure("b", "17", 0.7)
    cell = DigitBox(((0, 20), (90, 20), (90, 40), (0, 40)))
    field = FieldCrops(one.field.boxes, one.field.crops, one.field.blank, cell=cell, name="b")
    doubtful = ReadField(field, one.probabilities, NumberValue("17", 0.7))
    for total, value, status in (("29", "17", Status.OK), ("23", "11", Status.REVIEW)):
        fields = [sure("a", "12"), doubtful, sure("total", total)]

        def revised(
            readings: Sequence[FieldReading], fields: Sequence[ReadField] = fields
        ) -> Sequence[FieldReading]:
            return under_rules(fields, readings, {cell: heard}, RULES)

        _, number, _ = decide(fields, LIMITS, revised=revised)
        assert (number.value, number.cells, number.status) == (value, value, status)


@pytest.mark.parametrize(
    ("total", "value", "status"),
    [("..", "2.5", Status.REVIEW), ("75", "2.5", Status.OK), ("300", "25", Status.REVIEW)],
)
def test_a_point_that_is_hardly_seen_is_doubted_unless_a_sum_has_it(
    total: str, value: str, status: Status
) -> None:
    """The confidence is about digits: 2.5 and 25 share it."""
    places = np.full((7, CTC_CLASSES), 1e-6, np.float32)
    seen = ({" ": 1.0}, {"2": 1.0}, {" ": 1.0}, {".": 0.7, " ": 0.3}, {" ": 1.0}, {"5": 1.0})
    for place, chances in zip(places, (*seen, {" ": 1.0}), strict=True):
        for mark, chance in chances.items():
            place[NO_CHARACTER if mark == " " else CHARACTERS.index(mark)] = chance
    heard = NumberHypothesis(places, best_alignments(places[None])[0], 0.7, 0.0)
    one = sure("b", "25", 0.999)
    cell = DigitBox(((0, 20), (90, 20), (90, 40), (0, 40)))
    field = FieldCrops(one.field.boxes, one.field.crops, one.field.blank, cell=cell, name="b")
    doubtful = ReadField(field, one.probabilities, NumberValue("2.5", 0.999))
    printed = FieldRules(kind="decimal", decimals=(1, 1), boxes=len(total))
    rules = FormRules(
        {"b": FieldRules(kind="decimal"), "total": printed}, parse_relations("sums", SUM, NAMES)
    )
    fields = [sure("a", "5"), doubtful, sure("total", total)]

    def revised(readings: Sequence[FieldReading]) -> Sequence[FieldReading]:
        return under_rules(fields, readings, {cell: heard}, rules)

    _, number, _ = decide(fields, LIMITS, revised=revised)
    assert (number.value, number.status) == (value, status)


def number(name: str, text: str, top: int) -> ReadField:
    """A cell whose number was read for sure, with what stands between its digits."""
    boxes = sure(name, "".join(mark for mark in text if mark.isdecimal()))
    cell = DigitBox(((0, top), (90, top), (90, top + 20), (0, top + 20)))
    crops = boxes.field
    field = FieldCrops(crops.boxes, crops.crops, crops.blank, cell=cell, name=name)
    return ReadField(field, boxes.probabilities, NumberValue(text, 0.999))


@pytest.mark.parametrize(
    ("a", "b", "total", "values", "status"),
    [
        ("5.0", "25", "75", ["5.0", "2.5", "7.5"], Status.OK),  # one point fixes the others
        ("50", "25", "7.5", ["5.0", "2.5", "7.5"], Status.OK),
        ("50", "25", "75", ["5.0", "2.5", "7.5"], Status.REVIEW),  # or all have none
        ("5.0", "25", "", ["5.0", "2.5", ""], Status.REVIEW),  # no sum
        ("5.0", "25", "7.6", ["5.0", "2.5", "7.6"], Status.REVIEW),
    ],
)
def test_a_sum_shows_where_points_are_that_were_not_read(
    a: str, b: str, total: str, values: list[str], status: Status
) -> None:
    own = FieldRules(kind="decimal", decimals=(1, 1))
    rules = FormRules(dict.fromkeys(NAMES, own), parse_relations("sums", SUM, NAMES))
    last = number("total", total, 80) if total else sure("total", "..")
    fields = [number("a", a, 20), number("b", b, 50), last]
    found = read(*fields, rules=rules)
    assert [one.value for one in found.values()] == values
    assert found["b"].status is status
    assert sentence(found["b"].remark) == (
        "25 was read, but b should be 2.5: please look"
        if status is Status.REVIEW and not found["b"].broken
        else ""
    )
    free = FormRules(
        dict.fromkeys(NAMES, FieldRules(kind="decimal", decimals=(0, 1))), rules.relations
    )
    assert read(*fields, rules=free)["b"].value == "25"  # 0..1 decimals tell no place


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_rules_accept_only_what_the_ink_says(seed: int) -> None:
    rng = np.random.default_rng(seed)
    fields = []
    for name in NAMES:
        rows = rng.dirichlet(np.full(len(CLASSES), 0.1), 2)
        marks = "0123456789x"
        chances = [dict(zip(marks, row.tolist(), strict=True)) for row in rows]
        fields.append(ink(name, *chances))
    alone = {one.name: one for one in decide(fields, LIMITS)}
    for name, one in read(*fields, limits=Thresholds.equal(0.5)).items():
        if one.status is Status.OK:
            lead = "".join(
                "" if row[NOT_A_DIGIT] == row.max() else str(row[:NOT_A_DIGIT].argmax())
                for row in next(f for f in fields if f.field.name == name).probabilities
            )
            assert one.value in (alone[name].value, lead)
