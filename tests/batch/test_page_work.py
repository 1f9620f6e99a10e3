from __future__ import annotations

import cv2
import numpy as np

from formreader.batch.page_work import crop_page
from formreader.core.records import Page
from formreader.core.stopwatch import Stopwatch


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
    first, second = crop_page(page, 0, Stopwatch()).fields
    assert first.boxes[2].loose_ink
    assert not any(box.loose_ink for box in (*first.boxes[:2], *first.boxes[3:], *second.boxes))
