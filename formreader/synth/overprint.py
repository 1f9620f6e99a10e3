"""What comes onto a form after it has been filled in: stamps, notes and underlines."""

from __future__ import annotations

import cv2
import numpy as np

from formreader.synth.form import Form
from formreader.synth.page_warp import SHEET_MARGIN
from formreader.synth.paper_sheet import Colour, Rect, Sheet, stain
from formreader.synth.stacks import handwriting
from formreader.synth.strokes import Mask
from formreader.synth.words import made_up

_STAMP_INKS: tuple[Colour, ...] = ((30, 50, 160), (170, 30, 50), (110, 40, 130), (20, 20, 20))


def overprint(form: Form) -> None:
    """Now and then a stamp or two over whatever is there, or a note in the margin."""
    sheet, rng = form.sheet, form.rng
    if rng.random() < 0.16 and min(sheet.width, sheet.height) > 90:
        for _ in range(int(rng.integers(1, 3))):
            _stamp(sheet, rng)
    note = SHEET_MARGIN * sheet.height
    if rng.random() < 0.12 and note > 5:
        y = float(rng.choice([0.0, sheet.height - note]))
        place = Rect(0.3 * sheet.width, y, 0.4 * sheet.width, note)
        form.writer.write_line(sheet, place, handwriting(2, rng), rng)


def _stamp(sheet: Sheet, rng: np.random.Generator) -> None:
    """A round or rectangular stamp, turned, its ink uneven and translucent."""
    small = Sheet(float(rng.uniform(24, 42)), float(rng.uniform(14, 36)), sheet.dpi)
    black = (0, 0, 0)
    if rng.random() < 0.5:
        radius = min(small.width, small.height) / 2 - 1
        for share, width in ((1.0, 0.6), (0.72, 0.3)):
            side = share * radius
            small.ellipse(small.width / 2, small.height / 2, side, side, width, black)
    else:
        frame = Rect(1, 1, small.width - 2, small.height - 2)
        small.frame(frame, 0.7, black, 1.5 if rng.random() < 0.5 else 0.0)
    for i in range(3):
        size = float(rng.uniform(2.2, 4))
        text, y = made_up(rng).upper(), small.height / 2 + (i - 1) * 4.5 - 2
        small.text(0.3 * small.width, y, text, size, colour=black, limit=0.45 * small.width)
    ink = _turned(1 - small.image[:, :, 0].astype(np.float32) / np.float32(255), rng)
    patchy = cv2.GaussianBlur(rng.random(ink.shape, dtype=np.float32), (0, 0), 0.08 * sheet.dpi)
    patchy = np.clip(0.55 + (patchy - 0.5) * np.float32(18), 0.15, 0.9)
    h, w = sheet.image.shape[:2]
    left, top = int(rng.integers(0, w)) - ink.shape[1] // 2, int(rng.integers(0, h))
    colour = _STAMP_INKS[int(rng.integers(len(_STAMP_INKS)))]
    stain(sheet.image, np.asarray(ink * patchy, np.float32), left, top, colour)


def _turned(ink: Mask, rng: np.random.Generator) -> Mask:
    """A mask turned by up to 25 degrees about its middle, within a larger one."""
    h, w = ink.shape
    side = int(np.hypot(h, w)) + 2
    matrix = cv2.getRotationMatrix2D((w / 2, h / 2), float(rng.uniform(-25, 25)), 1.0)
    matrix[:, 2] += ((side - w) / 2, (side - h) / 2)
    return np.asarray(cv2.warpAffine(ink, matrix, (side, side)), np.float32)
