"""Stamps and notes that are put on a form after it has been filled in."""

from __future__ import annotations

import cv2
import numpy as np

from formreader.core.classes import Layer
from formreader.synth.form import Form
from formreader.synth.page_warp import SHEET_MARGIN
from formreader.synth.paper_sheet import Colour, Rect, Sheet
from formreader.synth.stacks import handwriting
from formreader.synth.strokes import Mask
from formreader.synth.words import made_up

_STAMP_INKS: tuple[Colour, ...] = ((30, 50, 160), (170, 30, 50), (110, 40, 130), (20, 20, 20))
"""Colours of stamps."""

_MIN_STAMPED_SIDE = 90
"""Sheets may be stamped if their shorter side is longer than this, mm."""


def overprint(form: Form) -> None:
    """Sometimes print a stamp or two anywhere, or write a note in the margin."""
    sheet, rng = form.sheet, form.rng
    if rng.random() < 0.16 and min(sheet.width, sheet.height) > _MIN_STAMPED_SIDE:
        for _ in range(int(rng.integers(1, 3))):
            _stamp(sheet, rng)
    margin = SHEET_MARGIN * sheet.height
    if rng.random() < 0.12 and margin > 5:
        y = float(rng.choice([0.0, sheet.height - margin]))
        place = Rect(0.3 * sheet.width, y, 0.4 * sheet.width, margin)
        form.writer.write_line(sheet, place, handwriting(2, rng), rng)


def _stamp(sheet: Sheet, rng: np.random.Generator) -> None:
    """Print a round or rectangular stamp, turned, with uneven and translucent ink."""
    stamp = Sheet(float(rng.uniform(24, 42)), float(rng.uniform(14, 36)), sheet.dpi)
    black = (0, 0, 0)
    if rng.random() < 0.5:
        radius = min(stamp.width, stamp.height) / 2 - 1
        for share, width in ((1.0, 0.6), (0.72, 0.3)):
            scaled = share * radius
            stamp.ellipse(stamp.width / 2, stamp.height / 2, scaled, scaled, width, black)
    else:
        frame = Rect(1, 1, stamp.width - 2, stamp.height - 2)
        stamp.frame(frame, 0.7, black, 1.5 if rng.random() < 0.5 else 0.0)
    for i in range(3):
        size = float(rng.uniform(2.2, 4))
        text, y = made_up(rng).upper(), stamp.height / 2 + (i - 1) * 4.5 - 2
        stamp.text(0.3 * stamp.width, y, text, size, colour=black, limit=0.45 * stamp.width)
    ink = _turned(1 - stamp.image[:, :, 0].astype(np.float32) / np.float32(255), rng)
    patchy = cv2.GaussianBlur(rng.random(ink.shape, dtype=np.float32), (0, 0), 0.08 * sheet.dpi)
    patchy = np.clip(0.55 + (patchy - 0.5) * np.float32(18), 0.15, 0.9)
    h, w = sheet.image.shape[:2]
    left, top = int(rng.integers(0, w)) - ink.shape[1] // 2, int(rng.integers(0, h))
    colour = _STAMP_INKS[int(rng.integers(len(_STAMP_INKS)))]
    sheet.stain(Layer.PRINT, np.asarray(ink * patchy, np.float32), left, top, colour)


def _turned(ink: Mask, rng: np.random.Generator) -> Mask:
    """A mask turned by up to 25 degrees about its middle, within a larger one."""
    h, w = ink.shape
    side = int(np.hypot(h, w)) + 2
    matrix = cv2.getRotationMatrix2D((w / 2, h / 2), float(rng.uniform(-25, 25)), 1.0)
    matrix[:, 2] += ((side - w) / 2, (side - h) / 2)
    return np.asarray(cv2.warpAffine(ink, matrix, (side, side)), np.float32)
