"""Pages on their side are detected by their text, and by nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from formreader.core.records import GreyImage
from formreader.preprocess.page_print import find_print
from formreader.preprocess.text_direction import lies_on_side


def written(lines: int) -> GreyImage:
    """A page (600, 600) with lines of text as letters of 6 by 4 pixels."""
    page, rng = np.full((600, 600), 255, np.uint8), np.random.default_rng(3)
    for top in range(40, 40 + 18 * lines, 18):
        for left in range(60, 500, 6):
            if rng.random() < 0.8:
                page[top : top + rng.integers(4, 8), left : left + 4] = 0
    return page


def boxes() -> GreyImage:
    """A page (600, 600) with long rows of empty boxes."""
    page = np.full((600, 600), 255, np.uint8)
    for top in range(60, 560, 60):
        page[[top, top + 30], 60:540] = 0
        page[top : top + 30, 60:541:24] = 0
    return page


def test_text_that_runs_across_is_upright() -> None:
    assert not lies_on_side(find_print(written(20)))


@pytest.mark.parametrize("quarters", [1, 3])
def test_text_that_runs_up_or_down_lies_on_its_side(quarters: int) -> None:
    assert lies_on_side(find_print(np.ascontiguousarray(np.rot90(written(20), quarters))))


def test_lines_of_boxes_do_not_hide_text_on_its_side() -> None:
    page = np.ascontiguousarray(np.rot90(written(12)))
    assert lies_on_side(find_print(np.minimum(page, boxes())))


@pytest.mark.parametrize(
    "page",
    [
        np.full((600, 600), 255, np.uint8),
        np.rot90(written(1)),
        np.rot90(boxes()),
        np.where(np.indices((600, 600)).sum(axis=0) % 8 == 0, 0, 255),
        np.where((np.indices((600, 600)) % 2 == 0).all(axis=0), 0, 255),
        np.where((np.indices((600, 600)) % 12 < 6).all(axis=0), 0, 255),
    ],
    ids=["blank", "one line of text", "boxes", "hatching", "dots", "squares"],
)
def test_without_enough_text_a_page_is_upright(page: GreyImage) -> None:
    assert not lies_on_side(find_print(np.ascontiguousarray(page, np.uint8)))
