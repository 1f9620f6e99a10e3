"""What else is printed on forms and may be mistaken for boxes for digits."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import TypeAlias

import numpy as np

from formreader.core.page_layers import Layer
from formreader.synth.paper_sheet import BLACK, Rect, Sheet, fade
from formreader.synth.words import LABELS, NOTES, filler, pick

Distractor: TypeAlias = Callable[[Sheet, Rect, np.random.Generator], float]
"""Prints itself at the top of the rectangle; returns the height it took, in mm."""

_DISTRACTOR_TEXT_SIZE = 2.7
"""Size of labels and captions, mm."""


def paragraph(sheet: Sheet, place: Rect, rng: np.random.Generator) -> float:
    """A few lines of small print."""
    size, lines = float(rng.uniform(2.0, 3.0)), int(rng.integers(2, 5))
    for i in range(lines):
        words = max(3, int(place.w / (size * 3.2)))
        sheet.text(place.x, place.y + i * size * 1.45, filler(words, rng), size)
    return lines * size * 1.45


def heading(sheet: Sheet, place: Rect, rng: np.random.Generator) -> float:
    """A heading in white on a dark bar, or in bold."""
    text, size = pick(NOTES, rng).upper(), float(rng.uniform(2.8, 3.8))
    if rng.random() < 0.5:
        sheet.text(place.x, place.y, text, size, bold=True)
        return size * 1.3
    sheet.fill(Rect(place.x, place.y, place.w, size * 1.7), (60, 60, 60))
    sheet.text(place.x + 2, place.y + 0.3 * size, text, size, colour=(255, 255, 255))
    return size * 1.7


def checkboxes(sheet: Sheet, place: Rect, rng: np.random.Generator) -> float:
    """Small squares with a label each, some of them ticked."""
    side, x = float(rng.uniform(2.6, 4.0)), place.x
    while x < place.right - 30:
        box = Rect(x, place.y, side, side)
        sheet.frame(box, 0.25, BLACK)
        if rng.random() < 0.4:
            cross(sheet, box)
        label = pick(LABELS, rng).split()[0]
        x = box.right + 1.5 + sheet.text(box.right + 1.5, place.y, label, _DISTRACTOR_TEXT_SIZE) + 7
    return side


def cross(sheet: Sheet, box: Rect) -> None:
    """Tick a box with a cross by pen."""
    for left, right in ((box.x, box.right), (box.right, box.x)):
        sheet.rule((left, box.y), (right, box.bottom), 0.4, (30, 40, 110), Layer.PEN)


def bubbles(sheet: Sheet, place: Rect, rng: np.random.Generator) -> float:
    """Rows of lettered answer bubbles, some filled."""
    rows, radius = int(rng.integers(2, 5)), float(rng.uniform(1.5, 2.2))
    for i in range(rows):
        y = place.y + radius + i * radius * 2.6
        sheet.text(place.x, y - 1.3, f"{i + 1}.", _DISTRACTOR_TEXT_SIZE)
        chosen = int(rng.integers(5))
        for j, letter in enumerate("ABCDE"):
            x = place.x + 9 + j * radius * 3
            sheet.ellipse(x, y, radius * 1.1, radius, 0.25, BLACK)
            sheet.text(x - 0.7, y - 1.0, letter, 2.0, colour=(120, 120, 120))
            if j == chosen:
                sheet.ellipse(x, y, radius, radius * 0.85, 0, (50, 50, 70), Layer.PEN)
    return rows * radius * 2.6


def text_table(sheet: Sheet, place: Rect, rng: np.random.Generator) -> float:
    """A ruled table with printed words and numbers in its cells."""
    rows, cols = int(rng.integers(2, 5)), int(rng.integers(2, 6))
    height, width = float(rng.uniform(5, 8)), place.w / cols
    for r in range(rows + 1):
        y = place.y + r * height
        sheet.rule((place.x, y), (place.right, y), 0.25, BLACK)
    for c in range(cols + 1):
        x = place.x + c * width
        sheet.rule((x, place.y), (x, place.y + rows * height), 0.25, BLACK)
    for r in range(rows):
        for c in range(cols):
            number = f"{int(rng.integers(1, 5000)):,}"
            text = number if r and c else pick(LABELS, rng).split()[0][:9]
            x, y = place.x + c * width + 1, place.y + r * height + height / 2 - 1.4
            sheet.text(x, y, text, 2.4, bold=r == 0)
    return rows * height


def photo_and_signature(sheet: Sheet, place: Rect, rng: np.random.Generator) -> float:
    """Frames for a photo and a signature, the latter signed."""
    height = float(rng.uniform(20, 32))
    sheet.frame(Rect(place.x, place.y, height * 0.8, height), 0.25, BLACK)
    sheet.text(place.x + 3, place.y + height / 2 - 2, "Photo", _DISTRACTOR_TEXT_SIZE)
    frame = Rect(place.x + height, place.y, min(60.0, place.w - height), height)
    sheet.frame(frame, 0.25, BLACK)
    sheet.text(frame.x + 1.5, frame.y + 1, "Signature", _DISTRACTOR_TEXT_SIZE)
    t = np.linspace(0, 1, 90)
    waves = rng.uniform(5, 9, 2)
    xs = frame.x + frame.w * (0.15 + 0.6 * t) + 2.5 * np.sin(2 * np.pi * waves[0] * t)
    ys = frame.y + height * (0.6 - 0.05 * t) + 0.2 * height * np.sin(2 * np.pi * waves[1] * t) * t
    dots = list(zip(xs.tolist(), ys.tolist(), strict=True))
    for start, end in pairwise(dots):
        sheet.rule(start, end, 0.45, (30, 40, 110), Layer.PEN)
    return height


def bar_code(sheet: Sheet, place: Rect, rng: np.random.Generator) -> float:
    """A bar code with its number, and a block code beside it."""
    height, x = float(rng.uniform(8, 13)), place.x
    while x < place.x + 45:
        width = 0.35 * int(rng.integers(1, 4))
        sheet.fill(Rect(x, place.y, width, height), BLACK)
        x += width + 0.35 * int(rng.integers(1, 4))
    number = "".join(str(d) for d in rng.integers(10, size=11))
    sheet.text(place.x + 6, place.y + height + 0.5, number, _DISTRACTOR_TEXT_SIZE)
    module, left = height / 21, place.x + 60
    for r, c in zip(*np.nonzero(rng.random((21, 21)) < 0.5), strict=True):
        if not ((r < 8 or r > 12) and c < 8) and not (r < 8 and c > 12):
            sheet.fill(Rect(left + c * module, place.y + r * module, module, module), BLACK)
    for r, c in ((0, 0), (0, 14), (14, 0)):
        for ring, colour in ((0, BLACK), (1, (255, 255, 255)), (2, BLACK)):
            side = (7 - 2 * ring) * module
            at = (left + (c + ring) * module, place.y + (r + ring) * module)
            sheet.fill(Rect(*at, side, side), colour)
    return height + 4


def dotted_line(sheet: Sheet, place: Rect, rng: np.random.Generator) -> float:
    """A label with a dotted line to write on."""
    width = sheet.text(place.x, place.y, pick(LABELS, rng) + ":", _DISTRACTOR_TEXT_SIZE)
    dots = "." * int((place.w - width - 6) / 1.1)
    sheet.text(place.x + width + 2, place.y, dots, _DISTRACTOR_TEXT_SIZE, colour=fade(BLACK, 0.3))
    return _DISTRACTOR_TEXT_SIZE * 1.4


DISTRACTORS: tuple[Distractor, ...] = (
    paragraph, heading, checkboxes, bubbles, text_table, photo_and_signature, bar_code, dotted_line,
)  # fmt: skip
