"""The fields that the pages of a form agree upon."""

from __future__ import annotations

from formreader.core.geometry import Box
from formreader.template.field_agreement import FoundField, agreed_fields


def row(count: int, top: float = 100, left: float = 50, shift: float = 0) -> FoundField:
    return FoundField(tuple(Box(left + 20 * i + shift, top, 20, 25) for i in range(count)))


def test_pages_that_show_the_same_agree_on_the_median() -> None:
    (field,) = agreed_fields([[row(3, shift=-1)], [row(3)], [row(3, shift=4)]])
    assert field.name == "F01"
    assert [box.left for box in field.boxes] == [50, 70, 90]


def test_a_box_that_one_page_hides_is_supplied_by_the_others() -> None:
    whole = row(4)
    hidden = FoundField((whole.boxes[0], whole.boxes[1], whole.boxes[3]))
    (field,) = agreed_fields([[whole], [hidden], [whole]])
    assert field.boxes == whole.boxes


def test_a_row_that_one_page_splits_stays_one_field() -> None:
    whole = row(4)
    split = [FoundField(whole.boxes[:2]), FoundField(whole.boxes[2:])]
    (field,) = agreed_fields([[whole], split, [whole]])
    assert field.boxes == whole.boxes


def test_print_that_one_page_of_many_shows_is_dropped() -> None:
    title = row(4, top=10)
    fields = agreed_fields([[title, row(3)], [row(3)], [row(3)]])
    assert [len(field.boxes) for field in fields] == [3]


def test_one_page_is_enough() -> None:
    fields = agreed_fields([[row(3), row(2, top=10)]])
    assert [(field.name, len(field.boxes)) for field in fields] == [("F01", 2), ("F02", 3)]


def test_of_cell_and_boxes_in_one_place_most_pages_decide() -> None:
    cell = FoundField(cell=Box(50, 100, 60, 25))
    (field,) = agreed_fields([[cell], [row(3)], [cell], [cell]])
    assert field.cell == cell.cell
    (field,) = agreed_fields([[cell], [row(3)], [row(3)]])
    assert len(field.boxes) == 3


def test_single_boxes_close_side_by_side_are_one_field() -> None:
    pages = [[row(1), row(1, left=95), row(1, left=160), row(1, top=140)]] * 3
    assert [len(field.boxes) for field in agreed_fields(pages)] == [2, 1, 1]
