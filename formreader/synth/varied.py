"""Whole forms in a house style: fields and decoys in columns below a head, some with a stamp."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import cv2
import numpy as np

from formreader.core.classes import Layer
from formreader.synth import combs, stacks
from formreader.synth.decoys import DECOYS, large_heading, logo
from formreader.synth.form import Form
from formreader.synth.form_spec import Layout, Plan
from formreader.synth.house_style import House, Section
from formreader.synth.page_warp import SHEET_MARGIN
from formreader.synth.paper_sheet import BLACK, Colour, Rect, Sheet
from formreader.synth.stacks import handwriting
from formreader.synth.strokes import Mask
from formreader.synth.typefaces import Typeface, made_up

Sections: TypeAlias = Mapping[Layout, tuple[Section, ...]]

SECTIONS: Sections = {
    "stacked": (stacks.stacked,),
    "opencomb": (combs.opencomb,),
    "tight": (combs.tight,),
    "groups": (combs.groups,),
    "guided": (combs.guided,),
    "letters": (combs.letters,),
    "numbered": (stacks.numbered,),
    "puzzle": (stacks.puzzle,),
    "column": (stacks.column,),
    "matrix": (stacks.matrix,),
    "panel": (combs.panel,),
    "bubbled": (stacks.bubbled,),
    "varied": (
        combs.comb, combs.separate, stacks.stacked, combs.opencomb, combs.tight, combs.groups,
        combs.guided, combs.letters, stacks.numbered, stacks.column, stacks.matrix, combs.panel,
        stacks.bubbled,
    ),
}  # fmt: skip
"""The sections that make up a form of each layout; of those of "varied" a form has a few."""

_MAX_REFUSALS = 4
"""A column counts as full when this many sections have found no room in it."""

_MAX_HEADLESS_HEIGHT = 55.0
"""Sheets with no more than this height (mm) between their margins are slips and cut-outs: they have
neither head nor frame."""

_MIN_FORM_COLUMN_WIDTH = 60.0
"""Width of the narrowest columns of a form, mm."""

_STAMP_INKS: tuple[Colour, ...] = ((30, 50, 160), (170, 30, 50), (110, 40, 130), (20, 20, 20))
"""Colours of stamps."""

_MIN_STAMPED_SIDE = 90
"""Sheets may be stamped if their shorter side is longer than this, mm."""


def compose_varied(form: Form, plan: Plan, made_of: Sections) -> None:
    """Print and fill in a whole form as `plan` says, in a random house style.

    Raises:
        KeyError: `made_of` has no sections for its layout.
    """
    sheet, rng = form.sheet, form.rng
    sheet.typeface = Typeface.sample(rng)
    house = House.sample(plan, rng)
    sections = made_of[plan.layout]
    if plan.layout == "varied":  # two to five kinds
        chosen = rng.choice(len(sections), int(rng.integers(2, 6)), replace=False)
        sections = tuple(sections[int(i)] for i in chosen)
    inside = _inside(sheet, rng)
    if inside.h > _MAX_HEADLESS_HEIGHT:
        inside = _below(inside, _print_head(form, house, inside))
    columns = int(rng.choice(3, p=(0.7, 0.22, 0.08))) + 1
    columns = max(1, min(columns, int(inside.w / max(_MIN_FORM_COLUMN_WIDTH, 6 * house.w))))
    gutter = 5.0 if columns > 1 else 0.0
    width = (inside.w - gutter * (columns - 1)) / columns
    framed = inside.h > _MAX_HEADLESS_HEIGHT and rng.random() < 0.3
    for c in range(columns):
        place = Rect(inside.x + c * (width + gutter), inside.y, width, inside.h)
        if framed:
            sheet.frame(place, float(rng.uniform(0.2, 0.8)), BLACK)
            place = Rect(place.x + 2.5, place.y + 2.5, place.w - 5, place.h - 5)
        _fill_column(form, house, place, sections)
    overprint(form)


def _inside(sheet: Sheet, rng: np.random.Generator) -> Rect:
    """The sheet without its margins, at least those that scans may cut off."""
    margin = min(float(rng.uniform(4, 18)), 0.07 * min(sheet.width, sheet.height))
    x, y = (max(margin, 1.05 * SHEET_MARGIN * side) for side in (sheet.width, sheet.height))
    return Rect(x, y, sheet.width - 2 * x, sheet.height - 2 * y)


def _print_head(form: Form, house: House, inside: Rect) -> float:
    """Print a letterhead or a title or both; returns the height used."""
    used = 0.0
    for section, chance in ((logo, 0.35), (large_heading, 0.75)):
        if form.rng.random() < chance:
            height = section(form, house, _below(inside, used))
            used += height + (3.0 if height else 0.0)
    return used


def _fill_column(form: Form, house: House, place: Rect, sections: tuple[Section, ...]) -> None:
    """Print sections from top to bottom until the column is full, with decoys between them."""
    rng, gap = form.rng, float(form.rng.uniform(1.5, 7))
    used, refused, decoys = 0.0, 0, 0
    while refused < _MAX_REFUSALS and used < place.h - 3:
        decoy = decoys < 2 and used > 0 and rng.random() < house.plan.distractors
        choices = DECOYS if decoy else sections
        section = choices[int(rng.integers(len(choices)))]
        height = section(form, _section_style(house, rng), _below(place, used))
        refused += height == 0
        decoys = decoys + 1 if decoy and height else 0
        used += height + (gap * float(rng.uniform(0.6, 1.8)) if height else 0.0)


def _section_style(house: House, rng: np.random.Generator) -> House:
    """The house style, or sometimes one that only this section has."""
    return House.sample(house.plan, rng) if rng.random() < 0.12 else house


def _below(place: Rect, used: float) -> Rect:
    """What is left of a rectangle below the height used."""
    return Rect(place.x, place.y + used, place.w, place.h - used)


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
