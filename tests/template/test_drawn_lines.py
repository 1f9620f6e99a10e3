"""Places move onto the lines that a PDF draws."""

from __future__ import annotations

import numpy as np

from formreader.template.drawn_lines import OF_FORM_FIELDS, on_drawn_lines

BOXES = np.array([(101.5, 52, 119, 81), (121, 51, 140.5, 79)], np.float64)


def test_sides_move_onto_lines() -> None:
    frame = [(100, 50, 140, 50), (140, 80, 100, 80), (100, 50, 100, 80), (140, 80, 140, 50)]
    tick = (120, 70, 120, 80)  # a short mark between two boxes
    moved = on_drawn_lines(BOXES, np.array([*frame, tick], np.float64), OF_FORM_FIELDS)
    assert moved.tolist() == [[100, 50, 120, 80], [120, 50, 140, 80]]


def test_sides_without_a_line_stay() -> None:
    far, beside = (90, 50, 90, 80), (100, 90, 100, 120)
    assert (
        on_drawn_lines(BOXES, np.array([far, beside], np.float64), OF_FORM_FIELDS) == BOXES
    ).all()
    assert (on_drawn_lines(BOXES, np.zeros((0, 4)), OF_FORM_FIELDS) == BOXES).all()


def test_of_two_lines_between_boxes_each_has_its_own() -> None:
    lines = np.array([(119, 50, 119, 80), (121.5, 50, 121.5, 80)], np.float64)
    boxes = np.array([(100, 50, 120.3, 80), (120.3, 50, 140, 80)], np.float64)
    moved = on_drawn_lines(boxes, lines, OF_FORM_FIELDS)
    assert moved[:, [0, 2]].tolist() == [[100, 119], [121.5, 140]]
