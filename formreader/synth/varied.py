"""Whole forms in a house style: fields and decoys in columns below a head, on any paper."""

from __future__ import annotations

import numpy as np

from formreader.synth import combs, number_fields, number_sheets, stacks
from formreader.synth.decoys import DECOYS, large_heading, logo
from formreader.synth.form import Form
from formreader.synth.form_spec import Layout, Plan
from formreader.synth.house_style import House, Section
from formreader.synth.overprint import overprint
from formreader.synth.page_warp import SHEET_MARGIN
from formreader.synth.paper_sheet import BLACK, Rect, Sheet
from formreader.synth.typefaces import Typeface

SECTIONS: dict[Layout, tuple[Section, ...]] = {
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
    "open": (number_fields.number_field, number_fields.number_table, number_fields.text_fields),
    "sheet": (number_sheets.number_sheet,),
    "frames": (number_sheets.frames,),
}
"""The sections that make up a form of each layout."""

_VARIED_SECTIONS: tuple[Section, ...] = (
    combs.comb, combs.separate, stacks.stacked, combs.opencomb, combs.tight, combs.groups,
    combs.guided, combs.letters, stacks.numbered, stacks.column, stacks.matrix, combs.panel,
    stacks.bubbled, number_fields.number_field, number_fields.text_fields,
    number_sheets.number_sheet, number_sheets.frames,
)  # fmt: skip
"""The sections of which a form of the layout "varied" has a few."""

_MAX_REFUSALS = 4
"""A column counts as full when this many sections have found no room in it."""

_MAX_HEADLESS_HEIGHT = 55.0
"""Sheets with no more than this height (mm) between their margins are slips and cut-outs: they have
neither head nor frame."""

_MIN_FORM_COLUMN_WIDTH = 60.0
"""Width of the narrowest columns of a form, mm."""


def compose_varied(form: Form, plan: Plan) -> None:
    """Print and fill in a whole form as `plan` says, in a random house style."""
    sheet, rng = form.sheet, form.rng
    sheet.typeface = Typeface.sample(rng)
    house = House.sample(plan, rng)
    sections = SECTIONS.get(plan.layout) or _choose_sections(rng)
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


def _choose_sections(rng: np.random.Generator) -> tuple[Section, ...]:
    """Two to five random kinds of sections for one form."""
    chosen = rng.choice(len(_VARIED_SECTIONS), int(rng.integers(2, 6)), replace=False)
    return tuple(_VARIED_SECTIONS[int(i)] for i in chosen)


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
