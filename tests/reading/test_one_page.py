from __future__ import annotations

import cv2
import numpy as np
import pytest
from true_looks import look_of

from formreader.core.records import DigitBox, InputFile, Page
from formreader.core.stopwatch import Stopwatch
from formreader.detect.field_finder import FoundFields
from formreader.reading import one_page, page_places
from formreader.reading.one_page import crop_page
from formreader.reading.page_task import PageTask
from formreader.recognise.ctc import NOTHING_WRITTEN
from formreader.recognise.number_reader import shipped_reader

UPRIGHT = PageTask(InputFile("a.png", "a.png"), 0, quarters=0)


def comb(boxes: int) -> tuple[Page, int, int, int]:
    """A page at 100 dpi with two empty combs; its left, top and pitch."""
    image = np.full((600, 800), 250, np.uint8)
    left, top, pitch = 80, 100, 28
    for row in range(2):
        for i in range(boxes):
            x, y = left + pitch * i, top + 80 * row
            cv2.rectangle(image, (x, y), (x + pitch, y + 36), (60,), 1)
    return Page("a.png", 0, image, 100.0), left, top, pitch


def test_a_stroke_of_the_neighbour_marks_the_box_that_it_enters() -> None:
    page, left, top, pitch = comb(6)
    x, y = left + 2 * pitch, top + 18  # on the line between the second and the third box
    stroke = np.array([[x - 14, y - 9], [x + 7, y], [x - 14, y + 9]])
    cv2.polylines(page.image, [stroke], False, (20,), 3, cv2.LINE_AA)
    first, second = crop_page(page, UPRIGHT, Stopwatch()).fields
    assert first.boxes[2].loose_ink
    assert not any(box.loose_ink for box in (*first.boxes[:2], *first.boxes[3:], *second.boxes))


def test_what_is_only_printed_in_a_cell_is_blank(monkeypatch: pytest.MonkeyPatch) -> None:
    page = Page("a.png", 0, np.full((320, 400), 250, np.uint8), 100.0)
    corners = [((48, y), (248, y), (248, y + 60), (48, y + 60)) for y in (48, 112)]
    for y in (98, 162):
        cv2.putText(page.image, "418", (80, y), cv2.FONT_HERSHEY_SIMPLEX, 1.4, (20,), 4)
    pen, printed = np.zeros((2, 320, 400), np.bool_)
    printed[48:108], pen[112:172] = True, True
    monkeypatch.setattr(
        one_page, "find_fields", lambda _: FoundFields((), tuple(map(DigitBox, corners)))
    )
    monkeypatch.setattr(page_places, "look_at", lambda _: look_of(pen, printed))
    fields = crop_page(page, UPRIGHT, Stopwatch()).fields
    read = shipped_reader().read([one.strip.darkness for one in fields if one.strip is not None])
    assert [one.alignment.text.strip(NOTHING_WRITTEN) for one in read] == [""] * 2
