"""Whole forms laid out at random: fields with their labels, and distractors between them."""

from __future__ import annotations

from formreader.synth.blocks import BLOCKS
from formreader.synth.distractors import DISTRACTORS
from formreader.synth.form import Form
from formreader.synth.form_plan import Block, Layout, Plan
from formreader.synth.paper_sheet import BLACK, Rect
from formreader.synth.varied import compose_varied
from formreader.synth.words import NOTES, TITLES, pick

_MAX_PLAIN_MARGIN = 12.0
"""Margin of a plain form, mm; narrower on narrow paper."""

_MIN_DISTRACTOR_ROOM = (110.0, 45.0)
"""Width and height, mm, that a plain form must have left for a distractor."""


def compose(form: Form, plan: Plan) -> None:
    """Print and fill in a whole form as `plan` says."""
    if plan.layout in BLOCKS or plan.layout == "mixed":
        _compose_plain(form, plan)
    else:
        compose_varied(form, plan)


def _compose_plain(form: Form, plan: Plan) -> None:
    """Blocks of fields from top to bottom, with a distractor between some of them."""
    sheet, rng = form.sheet, form.rng
    margin = min(_MAX_PLAIN_MARGIN, sheet.width * 0.06)
    inside = Rect(margin, margin, sheet.width - 2 * margin, sheet.height - 2 * margin)
    size = float(rng.uniform(4.0, 6.5)) * min(1.0, sheet.width / 150)
    sheet.text(inside.x, inside.y, pick(TITLES, rng), size, bold=True)
    sheet.text(inside.x, inside.y + size * 1.6, pick(NOTES, rng), size * 0.5)
    y = inside.y + size * 2.8
    framed = sheet.width > 120 and rng.random() < 0.35
    if framed:
        sheet.frame(Rect(inside.x, y, inside.w, inside.bottom - y), 0.35, BLACK)
        y += 4
    indent = 3.0 if framed else 0.0
    while True:
        place = Rect(inside.x + indent, y, inside.w - 2 * indent, inside.bottom - y - indent)
        height = _block(form, plan)(form, plan, place)
        if height == 0:
            break
        y += height + float(rng.uniform(3, 7))
        y += _print_distractor(form, plan, Rect(place.x, y, place.w, inside.bottom - y - indent))


def _print_distractor(form: Form, plan: Plan, place: Rect) -> float:
    """Print a distractor if chance and room allow; returns the height used."""
    width, height = _MIN_DISTRACTOR_ROOM
    if form.rng.random() >= plan.distractors or place.h < height or place.w < width:
        return 0.0
    chosen = DISTRACTORS[int(form.rng.integers(len(DISTRACTORS)))]
    return chosen(form.sheet, place, form.rng) + float(form.rng.uniform(4, 7))


def _block(form: Form, plan: Plan) -> Block:
    """The block of the plan's layout; a random one where it is mixed."""
    if plan.layout != "mixed":
        return BLOCKS[plan.layout]
    names: tuple[Layout, ...] = ("comb", "separate", "ticks", "grid", "table", "tally", "date")
    return BLOCKS[names[int(form.rng.integers(len(names)))]]
