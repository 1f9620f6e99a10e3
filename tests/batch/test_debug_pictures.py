"""The pictures of `--debug`: what is drawn where."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from formreader.batch.debug_pictures import draw_overlay
from formreader.core.geometry import Box
from formreader.core.records import DigitBox, DigitReading, Discarded, Status

PAGE = np.full((400, 600), 255, np.uint8)
BOX = DigitBox(((100, 150), (140, 150), (140, 200), (100, 200)))
READING = DigitReading(Box(100, 150, 40, 50), 8, 0.9351, Status.OK, 3, 0.01)


def coloured(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Where a picture has the colour of a reading, not grey."""
    spread = picture.max(axis=2).astype(int) - picture.min(axis=2)
    return np.asarray(spread > 40)


def test_a_reason_hides_no_reading() -> None:
    alone = draw_overlay(PAGE, [BOX], [READING])
    both = draw_overlay(PAGE, [BOX], [READING], [Discarded((BOX,), "no handwritten number in it")])
    assert (coloured(both) == coloured(alone)).all()
    assert (both[:, 145:] < 255).any()  # the reason, right of the box


def test_a_reason_without_a_free_place_stays_on_the_page_and_legible() -> None:
    page = np.zeros((60, 200), np.uint8)
    box = DigitBox(((0, 0), (200, 0), (200, 60), (0, 60)))
    picture = draw_overlay(page, [box], [READING], [Discarded((box,), "no box")])
    assert picture.shape == (60, 200, 3)


def test_confidences_are_clear_of_their_box() -> None:
    rows = coloured(draw_overlay(PAGE, [BOX], [READING]))[:, 100:141].any(axis=1)
    outline_end = 200 + np.flatnonzero(~rows[200:])[0]
    assert outline_end <= 203
    assert rows[outline_end:220].any()
