"""The renderer: the same from the same seed, and true about every box."""

from __future__ import annotations

import csv
import importlib
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from formreader.synth import (
    KINDS,
    LAYOUTS,
    LINE_KINDS,
    ArraySource,
    Filling,
    FormSpec,
    Hand,
    HandSource,
    Kind,
    Layout,
    LineKind,
    Plan,
    RenderedPage,
    Scan,
    TruthBox,
    render_form,
    truth_rows,
)
from formreader.synth.conditions import PALE_KINDS
from formreader.synth.page_warp import Warp, photographed, resize, skewed, turn
from formreader.synth.strokes import DIGIT_STROKES, MARK_STROKES, Mask, draw_strokes

SAMPLES = Path(__file__).parents[2] / "samples"


class Blob:
    """A symbol source that fills the middle of the box, to measure where ink arrives."""

    def draw(self, symbol: str, box_w: float, box_h: float, rng: np.random.Generator) -> Mask:
        return np.ones((round(0.34 * box_h), round(0.34 * box_w)), np.float32)


@cache
def small(layout: Layout, kind: Kind, line: LineKind | None = None) -> RenderedPage:
    plan = Plan(filling=Filling(blanks=0.3), tinted=0.0)
    spec = FormSpec(layout, kind, line, dpi=100, width=105, height=110, plan=plan, untidy=0)
    return render_form(3, spec, Blob())


def patch(page: RenderedPage, truth: TruthBox) -> npt.NDArray[np.uint8]:
    """A box and its surroundings, straightened: the box is [20:60, 20:60] of (80, 80)."""
    grey = page.image if page.image.ndim == 2 else cv2.cvtColor(page.image, cv2.COLOR_RGB2GRAY)
    there = np.array([[20, 20], [60, 20], [60, 60], [20, 60]], np.float32)
    matrix = cv2.getPerspectiveTransform(np.array(truth.corners, np.float32), there)
    return np.asarray(cv2.warpPerspective(grey, matrix, (80, 80)), np.uint8)


def middle_and_ring(cut: npt.NDArray[np.uint8]) -> tuple[float, float]:
    ring = np.concatenate([cut[24:27, 25:55].ravel(), cut[53:56, 25:55].ravel()])
    return float(np.median(cut[35:45, 35:45])), float(np.median(ring))


BARE: tuple[Layout, ...] = ("comb", "separate", "ticks", "grid", "table", "tally", "date")
"""Layouts with nothing but ink in their boxes and paper around it; drawn with all kinds."""
PAIRS: list[tuple[Layout, Kind]] = [
    (layout, kind)
    for layout in LAYOUTS
    for kind in KINDS
    # Printed digits and guides are ink too, and numbers may stand anywhere in their cells.
    if layout not in ("puzzle", "guided", "open", "varied", "sheet", "frames")
    and (kind == "clean" or layout in BARE)
]


@pytest.mark.parametrize(("layout", "kind"), PAIRS)
def test_ink_is_where_the_truth_says(layout: Layout, kind: Kind) -> None:
    page = small(layout, kind, "solid")
    # A light pencil is hardly darker than the paper; elsewhere what shines through is paler.
    limit = 0.93 if kind in PALE_KINDS else 0.66
    assert any(truth.symbol for truth in page.truth)
    for truth in page.truth:
        middle, ring = middle_and_ring(patch(page, truth))
        assert (middle < limit * ring) == bool(truth.symbol), truth


LINED = [
    (layout, kind)
    for layout in LAYOUTS
    for kind in KINDS
    if layout not in ("ticks", "mixed", "opencomb", "tight", "varied")
    and kind not in ("fax", "broken", "dither")
    and (kind == "clean" or layout in BARE)
]


@pytest.mark.parametrize(("layout", "kind"), LINED)
def test_lines_are_where_the_truth_says(layout: Layout, kind: Kind) -> None:
    page = small(layout, kind, "solid")
    found = []
    for truth in page.truth:
        cut = patch(page, truth)
        _, paper = middle_and_ring(cut)
        for side in (cut, cut[::-1], cut.T, cut.T[::-1]):
            found.append(side[18:23, 27:53].min(axis=0).mean() < 0.9 * paper)
    assert np.mean(found) > 0.98


@pytest.mark.parametrize("line", LINE_KINDS)
def test_every_line_kind_prints_its_boxes(line: LineKind) -> None:
    page = small("comb", "clean", line)
    sides = [patch(page, truth)[17:24, 27:53].min(axis=0) for truth in page.truth]
    share = np.mean([(side < 0.9 * page.image.max()).mean() for side in sides])
    assert share > (0.3 if line in ("dotted", "dashed") else 0.9)


def test_the_same_seed_gives_the_same_page() -> None:
    spec = FormSpec("mixed", "photo", width=105, height=110, dpi=120)
    one, two, other = render_form(5, spec), render_form(5, spec), render_form(6, spec)
    assert one.image.tobytes() == two.image.tobytes()
    assert one.truth == two.truth
    assert one.truth != other.truth


def test_truth_counts_fields_down_the_page_and_boxes_across() -> None:
    page = render_form(1, FormSpec("mixed", width=150, height=150, dpi=100))
    fields = [t.field for t in page.truth]
    assert fields == sorted(fields)
    assert set(fields) == set(range(max(fields) + 1))
    for a, b in zip(page.truth, page.truth[1:], strict=False):
        if a.field == b.field:
            assert b.box == a.box + 1
            assert b.upright.left > a.upright.left
    rows = truth_rows(page, "a.png", 1)
    assert (rows[0]["page"], rows[0]["field"], rows[0]["box"]) == (2, 1, 1)


@pytest.mark.parametrize("dpi", [75, 600])
def test_boxes_have_the_size_of_the_plan(dpi: float) -> None:
    plan = Plan(box_height=(8, 8), aspect=(0.5, 0.5))
    page = render_form(2, FormSpec("comb", dpi=dpi, width=80, height=60, plan=plan))
    box = page.truth[0].upright
    assert (box.width, box.height) == pytest.approx((4 * dpi / 25.4, 8 * dpi / 25.4))


@pytest.mark.parametrize("dpi", [74, 601])
def test_refuses_an_impossible_resolution(dpi: float) -> None:
    with pytest.raises(ValueError, match=str(dpi)):
        FormSpec(dpi=dpi)


def test_effects_compose() -> None:
    scan = Scan(skew=8, bleed=0.2, watermark=0.1, folds=1, holes=1, jpeg=60, quarters=1, dirt=0.2)
    plan = Plan(filling=Filling(blanks=0.0), distractors=0)
    spec = FormSpec(width=105, height=110, dpi=120, plan=plan, scan=scan, untidy=0)
    page = render_form(4, spec, Blob())
    middles = [middle_and_ring(patch(page, truth)) for truth in page.truth]
    assert all(middle < 0.7 * ring for middle, ring in middles)


def warps() -> dict[str, Warp]:
    rng = np.random.default_rng(0)
    return {
        "skewed": skewed(200, 300, 7.0),
        "photographed": photographed(200, 300, 0.05, 0.02, -3.0, rng),
        "rolled": replace(photographed(200, 300, 0.05, 0.02, 8.0, rng), curl=0.4),
        "rolled left": replace(photographed(200, 300, 0.0, -0.02, 0.0, rng), curl=-0.4),
    }


@pytest.mark.parametrize("name", ["skewed", "photographed", "rolled", "rolled left"])
def test_warps_move_points_as_they_move_pixels(name: str) -> None:
    warp = warps()[name]
    points = np.array([[40.0, 50.0], [160.0, 60.0], [100.0, 240.0]])
    for point, there in zip(points, warp.points(points), strict=True):
        image = np.zeros((300, 200), np.uint8)
        cv2.circle(image, (int(point[0]), int(point[1])), 3, 255, -1)
        assert centroid(warp.image(image, (0, 0, 0))) == pytest.approx(there, abs=0.3)


def test_turning_and_resizing_move_points_as_they_move_pixels() -> None:
    image = np.zeros((90, 60), np.uint8)
    image[68:73, 18:23] = 255
    point = np.array([[20.0, 70.0]])
    for moved, there in (turn(image, point, 1), turn(image, point, 3), resize(image, point, 2, 1)):
        assert centroid(moved) == pytest.approx(there[0], abs=0.05)


def centroid(image: npt.NDArray[np.uint8]) -> tuple[float, float]:
    m = cv2.moments(image)
    return m["m10"] / m["m00"], m["m01"] / m["m00"]


def test_a_tilted_sheet_keeps_its_boxes_in_the_picture() -> None:
    for kind in ("skew", "photo"):
        page = render_form(8, FormSpec("grid", kind, width=105, height=110, dpi=75))
        height, width = page.image.shape[:2]
        for truth in page.truth:
            box = truth.upright
            assert box.left >= 0 and box.top >= 0
            assert box.right < width and box.bottom < height


def test_number_cells_hold_whole_numbers() -> None:
    longest = 0
    for seed in (1, 2, 3):
        page = render_form(seed, FormSpec("open", dpi=100, width=150, height=150))
        assert page.truth and all(truth.is_number_cell for truth in page.truth)
        longest = max(longest, *(len(truth.symbol) for truth in page.truth))
        for truth in page.truth:
            assert truth.symbol.isdecimal() or not truth.symbol
            inside = patch(page, truth)[25:55, 24:56]
            assert (inside.min() < 0.7 * np.median(inside)) == bool(truth.symbol), truth
    assert longest > 3
    assert not any(truth.is_number_cell for truth in small("comb", "clean").truth)


PLAIN = Hand(
    slant=0, aspect=1, size=1, width_mm=0.5, pen="ball", jitter=0, tremor=0, wander=0, pressure=0,
    angular=0, faithful=1, habit=1,
    allographs=tuple((digit, next(iter(names))) for digit, names in DIGIT_STROKES.items()),
)  # fmt: skip


def with_allograph(hand: Hand, digit: str, allograph: str) -> Hand:
    """The same hand, which always writes `digit` by this allograph."""
    allographs = dict(hand.allographs) | {digit: allograph}
    return replace(hand, allographs=tuple(allographs.items()), faithful=1)


def flat(digit: str, allograph: str) -> Mask:
    """An allograph as a (32, 24) picture, by a hand without peculiarities."""
    strokes = with_allograph(PLAIN, digit, allograph).digit(digit, np.random.default_rng(0))
    return np.asarray(cv2.resize(draw_strokes(strokes, 32, 1, 3), (24, 32)), np.float32)


@pytest.mark.parametrize("digit", DIGIT_STROKES)
def test_allographs_of_a_digit_differ(digit: str) -> None:
    pictures = [flat(digit, name) for name in DIGIT_STROKES[digit]]
    for i, one in enumerate(pictures):
        for other in pictures[:i]:
            assert np.abs(one - other).mean() > 0.02


def test_the_allographs_of_many_countries_are_there() -> None:
    assert {"plain", "flagged", "flag and foot"} <= DIGIT_STROKES["1"].keys()
    assert {"plain", "crossed", "serif"} <= DIGIT_STROKES["7"].keys()
    assert {"open", "closed"} <= DIGIT_STROKES["4"].keys()


@pytest.mark.parametrize("one", ["flagged", "long flag", "flag and foot"])
@pytest.mark.parametrize("seven", ["plain", "curved", "crossed"])
def test_the_flag_of_a_one_hangs_and_the_bar_of_a_seven_lies(one: str, seven: str) -> None:
    for seed in range(40):
        rng = np.random.default_rng(seed)
        hand = with_allograph(with_allograph(Hand.sample(rng), "1", one), "7", seven)
        flag, bar = (hand.digit(digit, rng)[0].points for digit in "17")
        assert slope(flag) > slope(bar) + 0.2, seed


def slope(points: npt.NDArray[np.float64]) -> float:
    """Slope of a stroke's beginning, down to the left: 0 is level, 1 is 45 degrees."""
    peak = points[: len(points) // 2, 0].argmax()
    dx, dy = points[peak] - points[0]
    return float(-dy / max(abs(dx), 0.01))


def test_one_hand_writes_alike_and_two_hands_differ() -> None:
    hands = [Hand.sample(np.random.default_rng(seed)) for seed in (1, 2)]
    assert hands[0] == Hand.sample(np.random.default_rng(1))
    assert hands[0] != hands[1]
    a, b = (HandSource(hands[0], 200).draw("5", 60, 80, np.random.default_rng(s)) for s in (1, 2))
    assert a.shape != b.shape or not np.array_equal(a, b)


@pytest.mark.parametrize("symbol", [*DIGIT_STROKES, *MARK_STROKES, "#", "~"])
@pytest.mark.parametrize("box", [(9, 16), (160, 200), (80, 40)])
def test_every_symbol_fits_about_its_box(symbol: str, box: tuple[int, int]) -> None:
    rng = np.random.default_rng(7)
    ink = HandSource(Hand.sample(rng), 200).draw(symbol, *box, rng)
    assert ink.dtype == np.float32
    assert ink.min() >= 0 and 0.5 < ink.max() <= 1
    assert ink.shape[0] < 1.8 * box[1] + 8 and ink.shape[1] < 1.5 * box[0] + 8


def test_refuses_a_symbol_without_strokes() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="no strokes for '%'"):
        Hand.sample(rng).symbol("%", rng)


def test_digits_may_come_from_images() -> None:
    rng = np.random.default_rng(0)
    images = np.zeros((2, 28, 28), np.uint8)
    images[0, 4:24, 12:16] = 255
    marks = HandSource(Hand.sample(rng), 200)
    source = ArraySource(images, np.array([1, 2]), marks)
    tall = source.draw("1", 60, 80, rng)
    assert tall.shape[0] / tall.shape[1] == pytest.approx(5, rel=0.15)
    assert tall.mean() == pytest.approx(1, abs=0.01)
    assert source.draw("X", 60, 80, rng).mean() < 0.5
    assert source.draw("7", 60, 80, rng).max() > 0.9  # by the hand that writes the marks


@pytest.fixture
def make_samples(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(SAMPLES))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    return importlib.import_module("make_samples")


def truth_of(name: str) -> list[dict[str, str]]:
    with (SAMPLES / "truth.csv").open(newline="", encoding="utf-8") as lines:
        return [row for row in csv.DictReader(lines) if row["file"] == name]


@pytest.mark.parametrize("name", ["grid.png", "fax_two_pages.tif"])
def test_samples_are_what_the_generator_draws(make_samples: ModuleType, name: str) -> None:
    rows = []
    with Image.open(SAMPLES / name) as stored:
        for number, page in enumerate(make_samples.SAMPLES[name]()):
            stored.seek(number)
            difference = np.asarray(stored.convert("L"), np.int16) - page.image
            # Other versions of the libraries may round otherwise.
            assert np.abs(difference).mean() < 1
            rows += truth_rows(page, name, number)
    for row, wanted in zip(rows, truth_of(name), strict=True):
        assert row["digit"] == wanted["digit"]
        for side in ("x", "y", "width", "height"):
            assert float(row[side]) == pytest.approx(float(wanted[side]), abs=0.2)


def test_samples_are_written_the_same_each_time(make_samples: ModuleType, tmp_path: Path) -> None:
    for name in ("scan_in_pdf.pdf", "phone_photo.jpg"):
        pages = make_samples.SAMPLES[name]()
        one, two = tmp_path / name, tmp_path / "again" / name
        two.parent.mkdir(exist_ok=True)
        make_samples.store(pages, one)
        make_samples.store(pages, two)
        assert one.read_bytes() == two.read_bytes()


def test_every_sample_is_there_with_its_truth(make_samples: ModuleType) -> None:
    files = {str(p.relative_to(SAMPLES).as_posix()) for p in SAMPLES.rglob("*") if p.is_file()}
    assert set(make_samples.SAMPLES) <= files
    assert sum((SAMPLES / name).stat().st_size for name in make_samples.SAMPLES) < 3_000_000
    assert all(truth_of(name) for name in make_samples.SAMPLES)


def test_the_phone_photo_is_stored_turned() -> None:
    with Image.open(SAMPLES / "phone_photo.jpg") as photo:
        assert photo.getexif()[0x0112] == 6
        assert photo.width > photo.height
