"""Which segments of cells are their digits, and which cells hold a number at all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from formreader.core.classes import NOT_A_DIGIT, Crops, Probabilities
from formreader.core.geometry import Box
from formreader.core.records import (
    DigitBox,
    FieldCrops,
    FieldReading,
    Segment,
    SegmentedField,
    Status,
    mark_boxes,
)
from formreader.recognise.decisions import ReadField, decide
from formreader.recognise.risk_control import Thresholds
from formreader.segment.segment_selection import (
    SelectedField,
    dropped_cells,
    select_segments,
    with_doubt,
)


def box_at(left: float, top: float, width: float, height: float) -> DigitBox:
    right, bottom = left + width, top + height
    return DigitBox(((left, top), (right, top), (right, bottom), (left, bottom)))


def row(digit: int, chance: float) -> list[float]:
    """Probabilities of a crop that is this digit or no digit."""
    chances = [0.0] * (NOT_A_DIGIT + 1)
    chances[digit], chances[NOT_A_DIGIT] = chance, 1 - chance
    return chances


def numbered(n: int) -> Crops:
    """Crops that tell their place."""
    return np.arange(n, dtype=np.uint8)[:, None, None] * np.ones((28, 28), np.uint8)


def plain(boxes: tuple[DigitBox, ...]) -> FieldCrops:
    return FieldCrops(boxes, numbered(len(boxes)), np.zeros(len(boxes), np.bool_))


def segmented(
    boxes: tuple[DigitBox, ...], cell: DigitBox, segments: tuple[Segment, ...]
) -> SegmentedField:
    blank = np.zeros(len(boxes), np.bool_)
    return SegmentedField(boxes, numbered(len(boxes)), blank, cell=cell, segments=segments)


def cell_with(
    spans: list[tuple[int, int]], top: float = 0, width: float = 200, uneven: float = 3
) -> SegmentedField:
    """A cell 50 px high, each piece 20 px wide, with digits not all of one height."""
    boxes = tuple(
        box_at(10 + 22 * start, top + 10, 22 * (end - start) - 2, 30 + uneven * (start % 3))
        for start, end in spans
    )
    segments = tuple(Segment(start, end) for start, end in spans)
    return segmented(boxes, box_at(0, top, width, 50), segments)


def blank_cell(top: float, width: float = 200) -> FieldCrops:
    cell = box_at(0, top, width, 50)
    return FieldCrops((cell,), numbered(1), np.ones(1, np.bool_), cell=cell)


def select(*cells: tuple[FieldCrops, list[list[float]]]) -> list[SelectedField]:
    """What remains of cells whose segments were read so."""
    drafts = [np.array(rows, np.float32) for cell, rows in cells if rows]
    return select_segments([cell for cell, _ in cells], drafts)


def read(selected: SelectedField, rows: list[list[float]]) -> Probabilities:
    """What is known of the boxes that remain; crop i was read as row i."""
    chosen = np.array(rows, np.float32)[selected.field.crops[:, 0, 0]]
    return with_doubt(chosen, selected.posteriors)


def decided(cell: SegmentedField, rows: list[list[float]], review_below: float) -> FieldReading:
    (selected,) = select((cell, rows))
    (reading,) = decide(
        [ReadField(selected.field, read(selected, rows))], Thresholds.equal(review_below)
    )
    return reading


TWO_OR_ONE = [(0, 1), (1, 2), (0, 2)]


def test_the_likelier_cut_is_taken() -> None:
    rows = [row(4, 0.9), row(2, 0.9), row(8, 0.1)]
    reading = decided(cell_with(TWO_OR_ONE), rows, 0.5)
    assert reading.value == "42"
    assert reading.box == Box(0, 0, 200, 50)
    assert [digit.box.left for digit in reading.digits] == [10, 32]
    (selected,) = select((cell_with(TWO_OR_ONE), rows))
    assert selected.field.crops[:, 0, 0].tolist() == [0, 1]


def test_one_digit_is_taken_where_it_is_likelier_than_its_halves() -> None:
    rows = [row(1, 0.3), row(1, 0.3), row(0, 0.9)]
    (selected,) = select((cell_with(TWO_OR_ONE), rows))
    assert read(selected, rows).argmax(axis=1).tolist() == [0]
    assert [box.box.width for box in selected.field.boxes] == [42]


def test_two_likely_cuts_are_for_review() -> None:
    rows = [row(1, 0.99), row(1, 0.99), row(0, 0.97)]
    reading = decided(cell_with(TWO_OR_ONE), rows, 0.9)
    assert reading.status is Status.REVIEW
    assert reading.confidence < 0.6


def test_probabilities_still_sum_to_one() -> None:
    rows = [row(1, 0.9), row(1, 0.9), row(0, 0.9)]
    (selected,) = select((cell_with(TWO_OR_ONE), rows))
    assert read(selected, rows).sum(axis=1) == pytest.approx(1)


def test_a_word_is_dropped() -> None:
    cell = cell_with([(0, 1), (1, 2), (2, 3)])
    assert select((cell, [row(1, 0.2), row(0, 0.7), row(3, 0.1)])) == []
    assert dropped_cells([cell], []) == (cell.cell,)
    assert dropped_cells([cell], [cell]) == ()


def test_a_cell_that_is_hardly_read_stays_beside_a_number_of_its_size() -> None:
    sure, unsure = [row(7, 1.0)], [row(7, 0.2)]
    kept = select((cell_with([(0, 1)]), sure), (cell_with([(0, 1)], top=100), unsure))
    fields = [
        ReadField(one.field, read(one, rows))
        for one, rows in zip(kept, (sure, unsure), strict=True)
    ]
    assert [reading.status for reading in decide(fields, Thresholds.equal(0.95))] == [
        Status.OK,
        Status.REVIEW,
    ]


def test_blank_cells_stay_beside_numbers_of_their_size() -> None:
    cells = [
        (blank_cell(0), []),
        (cell_with([(0, 1)], top=100), [row(7, 1.0)]),
        (blank_cell(200, width=500), []),
    ]
    kept = [one.field for one in select(*cells)]
    assert [field.box.top for field in kept] == [0, 100]
    assert [field.blank.tolist() for field in kept] == [[True], [False]]


def test_fields_of_printed_boxes_stay_as_they_are() -> None:
    comb = plain((box_at(0, 300, 40, 50), box_at(40, 300, 40, 50)))
    (alone,) = select((comb, []))
    assert alone.field is comb
    assert alone.posteriors.tolist() == [1.0, 1.0]
    beside, number = select((comb, []), (cell_with([(0, 1)]), [row(3, 0.9)]))
    assert beside.field is comb
    assert number.field.cell is not None


def test_a_lone_digit_has_its_cell_as_box() -> None:
    cell = cell_with([(0, 1)], width=60)
    (selected,) = select((cell, [row(7, 1.0)]))
    assert selected.field.boxes == (selected.field.cell,)
    marked = replace(cell, boxes=mark_boxes(cell.boxes, np.array([True])))
    (selected,) = select((marked, [row(7, 1.0)]))
    assert selected.field.boxes[0].loose_ink


def test_a_stroke_as_high_as_the_cell_may_be_a_separator() -> None:
    boxes = (box_at(10, 12, 24, 30), box_at(40, 2, 4, 47))
    cell = segmented(boxes, box_at(0, 0, 200, 50), (Segment(0, 1), Segment(1, 2)))
    reading = decided(cell, [row(2, 1.0), row(1, 1.0)], 0.95)
    assert [digit.status for digit in reading.digits] == [Status.OK, Status.REVIEW]
