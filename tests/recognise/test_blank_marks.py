"""Dashes and crosses that say "nothing": blank where they certainly are ones, and others are."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from formreader.core.classes import CLASSES, CROP_SIDE, NOT_A_DIGIT
from formreader.core.doubts import Doubt
from formreader.core.geometry import Box
from formreader.core.records import DigitBox, FieldCrops, FieldReading, PageReading, Status
from formreader.output.table import field_rows
from formreader.output.wording import sentence
from formreader.recognise.blank_marks import is_cross, mark_probability, with_blank_marks
from formreader.recognise.ctc import CHARACTERS, CTC_CLASSES, NO_CHARACTER, best_alignments
from formreader.recognise.decisions import ReadField, decide
from formreader.recognise.number_reader import NumberHypothesis
from formreader.recognise.number_values import NumberValue
from formreader.recognise.risk_control import Thresholds
from formreader.recognise.rule_evidence import under_rules
from formreader.rules.expressions import parse_relations
from formreader.rules.form_rules import FieldRules, FormRules
from formreader.template.form_template import FieldPlace, columns_of_cells

LIMITS = Thresholds.equal(0.95)
COLUMN = (("a", "b", "c"),)


def heard(text: str, probability: float) -> NumberHypothesis:
    places = np.full((3, CTC_CLASSES), 1e-6, np.float32)
    places[:, NO_CHARACTER] = 1.0
    places[1] = 1e-6
    places[1, CHARACTERS.index(text)] = probability
    return NumberHypothesis(places, best_alignments(places[None])[0], probability, 0.0)


def strokes(*lines: tuple[int, int, int, int]) -> np.ndarray:
    strip = np.zeros((32, 40), np.uint8)
    for left, top, right, bottom in lines:
        cv2.line(strip, (left, top), (right, bottom), 255, 2, cv2.LINE_AA)
    return strip


def cell(name: str, vote: NumberValue, *, blank: bool = False) -> ReadField:
    box = DigitBox(((0, 0), (40, 0), (40, 20), (0, 20)))
    rows = np.zeros((1, len(CLASSES)), np.float32)
    rows[0, 7 if vote.value.isdecimal() else NOT_A_DIGIT] = 1.0
    crops = np.zeros((1, CROP_SIDE, CROP_SIDE), np.uint8)
    field = FieldCrops((box,), crops, np.array([blank]), cell=box, name=name)
    return ReadField(field, rows, vote)


BLANK = cell("a", NumberValue("", 0.99), blank=True)
SEVEN = cell("c", NumberValue("7", 0.999))


def dash(name: str = "b", mark: float = 0.99) -> ReadField:
    return cell(name, NumberValue("?", 0.0, Doubt.NO_NUMBER, mark))


def read(*fields: ReadField, rules: FormRules) -> dict[str, FieldReading]:
    def revised(readings: object) -> tuple[FieldReading, ...]:
        marked = with_blank_marks(fields, readings, rules)  # type: ignore[arg-type]
        return under_rules(fields, marked, {}, rules)

    return {one.name: one for one in decide(fields, LIMITS, revised=revised)}


def test_a_dash_is_told_by_the_strip_and_a_cross_by_its_strokes_as_well() -> None:
    blank = np.zeros((32, 40), np.uint8)
    assert mark_probability(heard("-", 0.99), blank) == 0.99
    assert mark_probability(heard("1", 0.99), blank) == 0.0
    cross = strokes((8, 4, 30, 27), (30, 4, 8, 27))
    assert mark_probability(heard("?", 0.97), cross) == 0.97
    assert mark_probability(heard("4", 0.97), cross) == 0.0
    assert not is_cross(blank)


@pytest.mark.parametrize(
    "letter",
    [
        ((8, 4, 8, 27), (30, 4, 8, 15), (8, 15, 30, 27)),  # K
        ((8, 4, 8, 27), (8, 4, 30, 27), (30, 4, 30, 27)),  # N
        ((8, 4, 20, 15), (30, 4, 20, 15), (20, 15, 20, 27)),  # Y
        ((8, 15, 30, 15), (19, 4, 19, 27)),  # plus
        ((8, 4, 30, 27), (30, 4, 8, 27), (6, 15, 34, 15)),  # struck out thrice
    ],
)
def test_letters_and_what_is_struck_out_are_no_cross(
    letter: tuple[tuple[int, int, int, int], ...],
) -> None:
    assert not is_cross(strokes(*letter))


def test_a_mark_is_blank_where_others_of_its_column_are() -> None:
    by_column = FormRules(columns=COLUMN)
    found = read(BLANK, dash(), SEVEN, rules=by_column)["b"]
    assert (found.value, found.cells, found.status) == ("", ".", Status.BLANK)
    assert found.confidence == pytest.approx(0.99)
    row = next(iter(field_rows(PageReading("a.png", 0, (found,)))))
    assert row[-1] == "a dash or a cross, taken as blank"
    seven = replace(SEVEN, field=replace(SEVEN.field, name="a"))
    for fields, rules in (
        ((seven, dash(), SEVEN), by_column),  # no other is blank
        ((BLANK, dash(mark=0.9), SEVEN), by_column),  # it may be something else
        ((BLANK, dash(), SEVEN), FormRules()),  # no table
        ((BLANK, dash(), SEVEN), FormRules({"b": FieldRules(marks_blank=False)}, columns=COLUMN)),
    ):
        left = read(*fields, rules=rules)["b"]
        assert (left.value, left.status, left.remark) == ("?", Status.REVIEW, Doubt.NO_NUMBER)
    always = FormRules({"b": FieldRules(marks_blank=True)})
    assert read(seven, dash(), SEVEN, rules=always)["b"].status is Status.BLANK


def test_a_mark_counts_as_the_number_of_a_blank_in_sums() -> None:
    names = ["a", "b", "c"]
    rules = FormRules(
        dict.fromkeys(names, FieldRules(blank_is=0)),
        parse_relations("sums", "c = a + b", names),
        columns=COLUMN,
    )
    found = read(BLANK, dash(), SEVEN, rules=rules)
    assert found["b"].broken == found["c"].broken
    assert sentence(found["c"].broken[0]).startswith("7 was read, but c should be 0: please look")


def test_columns_are_cells_right_below_one_another() -> None:
    places = {
        "a": Box(10, 10, 80, 30), "d": Box(100, 10, 80, 30), "b": Box(11, 41, 80, 30),
        "c": Box(10, 72, 79, 30), "far": Box(10, 200, 80, 30), "e": Box(100, 41, 80, 30),
    }  # fmt: skip
    fields = [FieldPlace(name, cell=box) for name, box in places.items()]
    row = FieldPlace("row", (Box(10, 103, 80, 30),))
    assert columns_of_cells([*fields, row]) == COLUMN
