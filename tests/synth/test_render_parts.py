"""The renderer's parts: sections and decoys of forms, typefaces, effects, random specifications."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from formreader.synth import (
    KINDS,
    LAYOUTS,
    Filling,
    Form,
    FormSpec,
    Hand,
    HandSource,
    Kind,
    Layout,
    Pen,
    Plan,
    Rect,
    RepeatingSource,
    RowStyle,
    Sheet,
    Writer,
    render_form,
    sample_spec,
)
from formreader.synth.box_rows import draw_row
from formreader.synth.damage import show_through
from formreader.synth.decoys import DECOYS
from formreader.synth.house_style import House, Section
from formreader.synth.number_fields import text_fields
from formreader.synth.optics import broken, dither, low_resolution, motion_blur
from formreader.synth.typefaces import FAMILIES, Family, Typeface
from formreader.synth.varied import SECTIONS


def empty_form(seed: int = 0) -> Form:
    """A blank sheet of 180 x 180 mm."""
    rng = np.random.default_rng(seed)
    writer = Writer(HandSource(Hand.sample(rng), 100), Pen((20, 20, 20)))
    return Form(Sheet(180, 180, 100), writer, rng)


ROOM = Rect(20, 20, 140, 130)
"""Where the tests print sections."""


def print_section(section: Section, seed: int) -> tuple[Form, float]:
    """A form with one section, and the height that it says it took."""
    form = empty_form(seed)
    house = House.sample(Plan(box_height=(6, 8)), form.rng)
    return form, section(form, house, ROOM)


def ink_outside(form: Form, used: Rect) -> float:
    """Share of the dark pixels that lie outside a rectangle widened by 3 mm."""
    dark = form.sheet.image.min(axis=2) < 200
    x, y, right, bottom = (
        max(0, round(v * form.sheet.scale))
        for v in (used.x - 3, used.y - 3, used.right + 3, used.bottom + 3)
    )
    inside = dark[y:bottom, x:right].sum()
    return float((dark.sum() - inside) / max(1, dark.sum()))


ALL_SECTIONS = [section for sections in SECTIONS.values() for section in sections]


@pytest.mark.slow
@pytest.mark.parametrize("section", [*ALL_SECTIONS, *DECOYS], ids=lambda s: s.__name__)
def test_sections_stay_in_the_room_they_say_they_took(section: Section) -> None:
    heights = []
    for seed in range(5):
        form, height = print_section(section, seed)
        heights.append(height)
        assert height <= ROOM.h + 4
        assert ink_outside(form, Rect(ROOM.x, ROOM.y, ROOM.w, height)) < 0.01
    assert sum(height > 0 for height in heights) >= 3


@pytest.mark.parametrize("section", [*DECOYS, text_fields], ids=lambda s: s.__name__)
def test_decoys_add_no_boxes_to_the_truth(section: Section) -> None:
    for seed in range(4):
        form, _ = print_section(section, seed)
        assert form.truth == []


@pytest.mark.parametrize("section", ALL_SECTIONS, ids=lambda s: s.__name__)
def test_boxes_of_a_section_do_not_overlap(section: Section) -> None:
    for seed in range(4):
        form, _ = print_section(section, seed)
        boxes = [t.upright for t in form.truth]
        canvas = np.zeros((720, 720), np.uint8)
        for box in boxes:
            inner = canvas[
                round(box.top) + 2 : round(box.bottom) - 1,
                round(box.left) + 2 : round(box.right) - 1,
            ]
            assert not inner.any()
            inner[:] = 1


def test_printed_digits_count_as_boxes_with_their_symbol() -> None:
    plan = Plan(filling=Filling(blanks=1.0), distractors=0)
    page = render_form(1, FormSpec("puzzle", dpi=100, width=120, height=120, plan=plan))
    symbols = [truth.symbol for truth in page.truth]
    assert len(symbols) % 81 == 0
    assert 0.2 < np.mean([symbol.isdecimal() for symbol in symbols]) < 0.7


def test_a_part_as_wide_as_its_place_is_no_fault_of_rounding() -> None:
    rng = np.random.default_rng(1)
    width = 3.9
    assert 9 * (width / 9) > width
    assert Rect(3.0, 0, width, 1).left_of_part(9 * (width / 9), rng) == 3.0


@pytest.mark.parametrize("family", FAMILIES)
def test_text_is_set_in_every_family_and_within_its_limit(family: Family) -> None:
    for seed in range(6):
        sheet = Sheet(100, 20, 150)
        sheet.typeface = replace(Typeface.sample(np.random.default_rng(seed)), family=family)
        free = sheet.text(5, 5, "Postleitzahl 60327", 5)
        assert (sheet.image[:, : round((5 + free) * sheet.scale)] < 128).any()
        assert (sheet.image[:, round((6 + free) * sheet.scale) :] == 255).all()
        assert sheet.text(5, 5, "Postleitzahl 60327", 5, limit=12) <= 12.1


def test_bold_text_is_darker() -> None:
    for family in FAMILIES:
        face = Typeface(family)
        assert face.mask("Total", 30, True).mean() > face.mask("Total", 30, False).mean() * 1.05


def grid_of_lines() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float64]]:
    """A picture (300, 300) of boxes 40 px wide, grey on white, and their corners (n * 4, 2)."""
    image = np.full((300, 300), 245, np.uint8)
    corners = []
    for x in range(30, 230, 40):
        for y in range(30, 230, 40):
            cv2.rectangle(image, (x, y), (x + 40, y + 40), 170, 1)
            corners += [(x, y), (x + 40, y), (x + 40, y + 40), (x, y + 40)]
    return image, np.array(corners, np.float64)


@pytest.mark.parametrize("kept", [0.4, 0.7, 1.0])
def test_a_hard_threshold_leaves_lines_in_pieces(kept: float) -> None:
    image, corners = grid_of_lines()
    bits = broken(image, corners, kept, np.random.default_rng(1))
    assert set(np.unique(bits)) == {0, 255}
    share = float((cv2.erode(bits, np.ones((3, 3), np.uint8))[image == 170] == 0).mean())
    assert share > 0.98 if kept == 1 else kept - 0.1 < share < kept + 0.25
    assert (bits[image == 245] == 0).mean() < 0.1


@pytest.mark.parametrize("cell", [2, 4, 8])
@pytest.mark.parametrize("level", [40, 128, 200])
def test_dithering_keeps_the_mean_grey(cell: int, level: int) -> None:
    dots = dither(np.full((64, 64), level, np.uint8), cell)
    assert set(np.unique(dots)) == {0, 255}
    assert dots.mean() == pytest.approx(level, abs=128 / cell**2 + 1)


def test_a_moved_camera_and_few_pixels_lose_detail_only() -> None:
    rng = np.random.default_rng(0)
    image = (rng.random((120, 120)) * 255).astype(np.uint8)
    for poor in (motion_blur(image, 6.0, rng), low_resolution(image, 0.4)):
        assert poor.shape == image.shape
        assert poor.mean() == pytest.approx(image.mean(), abs=2)
        assert poor.std() < 0.6 * image.std()


def pairs_drawn(held_back: bool) -> set[tuple[Layout, Kind]]:
    rng = np.random.default_rng(4)
    specs = [sample_spec(rng, held_back=held_back) for _ in range(1500)]
    return {(spec.layout, spec.kind) for spec in specs}


def test_sampled_specifications_reach_everything_but_what_is_held_back() -> None:
    usual, held_back = pairs_drawn(False), pairs_drawn(True)
    assert not usual & held_back
    for pairs in (usual, held_back):
        assert {layout for layout, _ in pairs} == set(LAYOUTS)
        assert {kind for _, kind in pairs} == set(KINDS)


def test_sampled_pages_have_their_boxes_in_the_picture() -> None:
    boxes = 0
    for seed in range(1, 40):
        spec = sample_spec(np.random.default_rng(seed))
        assert spec == sample_spec(np.random.default_rng(seed))
        if spec.dpi**2 * spec.width * spec.height > 3e8:
            continue  # slow, and no other case
        page = render_form(seed, spec)
        height, width = page.image.shape[:2]
        boxes += len(page.truth)
        for truth in page.truth:
            box = truth.upright
            assert box.left >= 0 and box.top >= 0
            assert box.right < width and box.bottom < height
    assert boxes > 200


def test_a_repeating_source_writes_each_symbol_a_few_times() -> None:
    rng = np.random.default_rng(3)
    source = RepeatingSource(HandSource(Hand.sample(rng), 150), 3)
    drawn = {id(source.draw("4", 40.2, 60, rng)) for _ in range(30)}
    assert len(drawn) == 3
    assert id(source.draw("4", 48, 60, rng)) not in drawn


@pytest.mark.parametrize("roof", [True, False])
@pytest.mark.parametrize("walls", [0.0, 0.5, 1.0])
def test_ticks_have_the_walls_and_the_roof_of_their_style(roof: bool, walls: float) -> None:
    sheet = Sheet(60, 30, 200)
    style = RowStyle("ticks", tick=0.3, walls=walls, roof=roof)
    draw_row(sheet, Rect(10, 10, 8, 10), 4, style, np.random.default_rng(0))
    dark = sheet.image.min(axis=2) < 128

    def inked(x: float, y: float) -> bool:
        column, row = round(x * sheet.scale), round(y * sheet.scale)
        return bool(dark[row - 2 : row + 3, column - 2 : column + 3].any())

    assert inked(14, 20) and inked(18, 18) and not inked(18, 14)
    assert inked(14, 10) == roof
    assert [inked(10, 17), inked(10, 12)] == [walls >= 0.5, walls == 1]


def test_separators_are_bold_or_lost_as_the_style_says() -> None:
    rng = np.random.default_rng(0)
    widths = []
    for style in (RowStyle(bold_every=3), RowStyle(lost=1.0)):
        sheet = Sheet(90, 30, 200)
        draw_row(sheet, Rect(10, 10, 8, 10), 8, style, rng)
        middle = sheet.image[round(15 * sheet.scale), :, 0] < 128
        starts = np.flatnonzero(np.diff(middle.astype(int)) == 1)
        ends = np.flatnonzero(np.diff(middle.astype(int)) == -1)
        widths.append((ends - starts).tolist())
    bold, lost = widths
    assert len(bold) == 9 and len(lost) == 2
    assert [width > 4 for width in bold] == [i in (3, 6) for i in range(9)]


def test_the_other_side_shines_through_mirrored() -> None:
    image = np.full((200, 200), 250, np.uint8)
    image[90:110, 20:60] = 0
    shown = show_through(image, 0.2, np.random.default_rng(0))
    assert (shown[90:110, 20:60] == 0).all()
    ghost = (shown < 240) & (image == 250)
    xs = np.nonzero(ghost)[1]
    assert 300 < len(xs) < 2500
    assert xs.mean() == pytest.approx(160, abs=25)
    assert shown[ghost].min() > 180
