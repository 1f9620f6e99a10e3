"""Numbers without separators, cut into what may be their digits."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, pairwise

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from formreader.core.geometry import Box
from formreader.core.image_pyramid import Pyramid
from formreader.core.records import DigitBox, GreyImage, Segment, SegmentedField
from formreader.segment.candidates import (
    _likely,
    cut_cell,
    cut_cells,
    find_segments,
)
from formreader.segment.cell_ink import cell_ink, cut_cell_patch, quantile
from formreader.segment.cuts import find_cuts
from formreader.segment.pieces import CutInk, cut_pieces

WHITE = 255
FRAME = Box(50, 40, 300, 60)
TALL = 36
"""Height in pixels of the zeros below."""


def cell_at(box: Box) -> DigitBox:
    left, top, right, bottom = box.left, box.top, box.right, box.bottom
    return DigitBox(((left, top), (right, top), (right, bottom), (left, bottom)))


def page_with(centres: list[float], line: int = 2, ink: int = 30) -> GreyImage:
    """A page with one ruled cell, and zeros of 20 x 36 pixels at these places in it."""
    page = np.full((140, 400), WHITE, np.uint8)
    if line:
        ends = (round(FRAME.left), round(FRAME.top)), (round(FRAME.right), round(FRAME.bottom))
        cv2.rectangle(page, *ends, (60,), line)
    for x in centres:
        cv2.ellipse(page, (round(x), 70), (10, TALL // 2), 0, 0, 360, (ink,), 3)
    return page


def cut(page: GreyImage) -> SegmentedField:
    result = cut_cell(page, cell_at(FRAME))
    assert isinstance(result, SegmentedField)
    return result


def cut_one(ink: GreyImage) -> CutInk:
    (result,) = cut_pieces([ink])
    return result


def test_marks_that_are_all_over_the_page_are_no_number() -> None:
    page = np.vstack([page_with([100, 150]), page_with([300], ink=170), page_with([])])
    cells = [cell_at(Box(FRAME.left, FRAME.top + 140 * i, 300, 60)) for i in range(3)]
    names = ["a", "b", "c"]
    found = [one for one in cut_cells(Pyramid(page), cells, names) if one is not None]
    assert [bool(one.blank.all()) for one in found] == [False, False, True]
    written, mark, blank = cut_cells(Pyramid(page), cells, names, faint=0.45)
    assert written is not None and not written.blank.any()
    for one in (mark, blank):
        assert one is not None and one.blank.all() and one.strip is not None
        assert not one.strip.darkness.any()


def test_digits_that_stand_apart_are_one_segment_each() -> None:
    result = cut(page_with([100, 150, 200]))
    assert [(s.start, s.end) for s in result.segments] == [(0, 1), (1, 2), (2, 3)]
    assert result.crops.shape == (3, 28, 28)
    assert not result.blank.any()


def test_a_segments_box_is_around_its_ink_on_the_page() -> None:
    for page, scale in (
        (page_with([100]), 1.0),
        (cv2.resize(page_with([100]), None, fx=3, fy=3), 3),
    ):
        corners = tuple((scale * x, scale * y) for x, y in cell_at(FRAME).corners)
        result = cut_cell(np.asarray(page, np.uint8), DigitBox(corners))  # type: ignore[arg-type]
        assert result is not None
        (box,) = result.boxes
        assert box.box.centre == pytest.approx((100 * scale, 70 * scale), abs=1.5 * scale)
        assert box.box.height == pytest.approx((TALL + 3) * scale, abs=4 * scale)


def test_a_cell_without_ink_is_blank_and_is_its_own_box() -> None:
    result = cut_cell(page_with([]), cell_at(FRAME))
    assert result is not None
    assert (result.boxes, result.cell) == ((cell_at(FRAME),), cell_at(FRAME))
    assert result.blank.tolist() == [True]


def test_touching_digits_get_a_cut_where_they_touch() -> None:
    result = cut(page_with([100, 121]))
    pieces = max(segment.end for segment in result.segments)
    halves = [
        (box.box.left, box.box.right)
        for box, segment in zip(result.boxes, result.segments, strict=True)
        if abs(box.box.width - 22) <= 5
    ]
    assert pieces >= 2
    assert any(right == pytest.approx(110.5, abs=3) for _, right in halves)
    assert any(left == pytest.approx(110.5, abs=3) for left, _ in halves)


def test_there_is_always_a_path_through_all_pieces() -> None:
    result = cut(page_with([80, 101, 122, 170, 230, 251]))
    reached = {0}
    for segment in sorted(result.segments, key=lambda segment: segment.start):
        if segment.start in reached:
            reached.add(segment.end)
    assert max(segment.end for segment in result.segments) in reached


def test_a_whole_digit_is_likelier_than_its_halves() -> None:
    ink = np.zeros((60, 60), np.uint8)
    cv2.ellipse(ink, (30, 30), (16, 20), 0, 0, 360, (255,), 3)
    segments = {(s.start, s.end): s.log_prior for s in find_segments(cut_one(ink))}
    whole = max(segments)
    assert segments[(0, max(end for _, end in segments))] > segments[(0, 1)]
    assert whole[1] > 1


@given(pieces=st.integers(1, 4), priors=st.lists(st.floats(-9, 0), min_size=10, max_size=10))
def test_only_segments_of_likely_paths_are_kept(pieces: int, priors: list[float]) -> None:
    spans = combinations(range(pieces + 1), 2)
    segments = [Segment(*span, prior) for span, prior in zip(spans, priors, strict=False)]
    paths = list(paths_through(segments, 0, pieces))
    totals = [sum(one.log_prior for one in path) for path in paths]
    expected, doubtful = (
        {
            one
            for path, total in zip(paths, totals, strict=True)
            if total >= max(totals) - 6 + rounding
            for one in path
        }
        for rounding in (1e-9, -1e-9)
    )
    assert expected <= set(_likely(segments, pieces)) <= doubtful


def paths_through(segments: list[Segment], start: int, end: int) -> Iterator[list[Segment]]:
    """All paths from one place to another."""
    if start == end:
        yield []
    for one in segments:
        if one.start == start:
            yield from ([one, *rest] for rest in paths_through(segments, one.end, end))


def test_touching_digits_are_not_read_as_one() -> None:
    result = cut(page_with([100, 121, 142]))
    pieces = max(segment.end for segment in result.segments)
    assert (0, pieces) not in {(s.start, s.end) for s in result.segments}


def test_a_bar_above_a_digit_belongs_to_it() -> None:
    ink = np.zeros((60, 120), np.uint8)
    for x in (20, 80):
        cv2.line(ink, (x, 22), (x, 50), (255,), 4)
    cv2.line(ink, (76, 12), (96, 12), (255,), 4)
    pieces = cut_one(ink).pieces
    assert pieces[-1].component == 1
    assert min(piece.top for piece in pieces[1:]) <= 12


def test_nothing_is_cut_into_nothing() -> None:
    cut = cut_one(np.zeros((40, 100), np.uint8))
    assert cut.pieces == ()
    assert find_segments(cut) == []


def test_pieces_are_labelled_within_their_extents() -> None:
    ink = np.zeros((60, 200), np.uint8)
    for x in (30, 58, 140):
        cv2.ellipse(ink, (x, 30), (15, 20), 0, 0, 360, (255,), 3)
    cut = cut_one(ink)
    assert {piece.component for piece in cut.pieces} == {0, 1}
    assert ((cut.labels > 0) == (ink > 0)).all()
    for number, piece in enumerate(cut.pieces, 1):
        rows, columns = np.nonzero(cut.labels == number)
        assert (piece.left, piece.right) == (columns.min(), columns.max() + 1)
        assert (piece.top, piece.bottom) == (rows.min(), rows.max() + 1)
    for before, piece in pairwise(cut.pieces):
        assert (piece.cut > 0) == (piece.component == before.component)


def test_components_are_cut_as_if_each_stood_alone() -> None:
    masks = []
    for height, centres in ((41, (15, 40)), (60, (20,)), (52, (14, 40, 66)), (40, (4,))):
        ink = np.zeros((height, max(centres) + 15), np.uint8)
        for x in centres:
            cv2.ellipse(ink, (x, height // 2), (13, height // 2 - 2), 8, 0, 360, (1,), 2)
        masks.append(ink > 0)
    together = find_cuts(masks, [48] * len(masks))
    assert [len(cuts) > 0 for cuts in together] == [True, True, True, False]
    for mask, cuts in zip(masks, together, strict=True):
        (alone,) = find_cuts([mask], [48])
        assert [cut.ink for cut in cuts] == [cut.ink for cut in alone]
        for cut, same in zip(cuts, alone, strict=True):
            assert (cut.path == same.path).all()
            assert len(cut.path) == len(mask)
            assert cut.path.min() >= 0
            assert cut.path.max() < mask.shape[1]


@pytest.mark.parametrize("line", [1, 2, 4])
@pytest.mark.parametrize("tilt", [0.0, 1.5])
def test_the_lines_of_the_cell_are_no_ink(line: int, tilt: float) -> None:
    corners = np.array(cell_at(FRAME).corners) + [[0, 0], [0, tilt], [0, tilt], [0, 0]]
    assert not cut_cell_patch(page_with([], line), corners).ink.any()


@pytest.mark.parametrize("gap", [3, 1])
def test_digits_beside_a_thick_line_are_kept(gap: int) -> None:
    """The line goes on further out than lines are looked for, and the digits meet its rim."""
    page = page_with([100, 150, 200], line=0)
    frame = np.full_like(page, 20)
    frame[:20], frame[:, :30], frame[:, 370:] = WHITE, WHITE, WHITE
    frame[42 : 90 + gap, 52:348] = WHITE
    both = cv2.GaussianBlur(np.minimum(page, frame), (3, 3), 0)
    corners = np.array(cell_at(Box(50, 40, 300, 50)).corners)
    patch = cut_cell_patch(np.asarray(both, np.uint8), corners)
    assert not patch.loose_ink
    assert cv2.connectedComponents(patch.ink)[0] == 1 + 3


@pytest.mark.parametrize(("centre", "loose"), [(100, False), (320, False), (355, True), (45, True)])
def test_a_digit_at_the_edge_that_is_left_out_is_loose_ink(centre: float, loose: bool) -> None:
    field = cut(page_with([200, centre], line=0))
    assert all(box.loose_ink is loose for box in field.boxes)


@pytest.mark.parametrize("x", [336, 340, 342, 58])
def test_a_one_close_to_a_side_is_the_number_s(x: int) -> None:
    """As straight as a line, and as close."""
    page, tall = np.full((240, 400), WHITE, np.uint8), Box(50, 40, 300, 150)
    cv2.rectangle(page, (50, 40), (350, 190), (60,), 2)
    cv2.ellipse(page, (250 if x > 200 else 150, 115), (25, 45), 0, 0, 360, (30,), 4)
    cv2.line(page, (x, 70), (x, 160), (30,), 4)
    field = cut_cell(page, cell_at(tall))
    assert field is not None
    assert not any(box.loose_ink for box in field.boxes)
    assert max(abs(box.box.centre[0] - 200) for box in field.boxes) == pytest.approx(
        abs(x - 200), abs=4
    )


def page_of_small_zeros(centres: list[float]) -> GreyImage:
    """The page with zeros of 10 x 15 pixels."""
    page = page_with([])
    for x in centres:
        cv2.ellipse(page, (round(x), 72), (4, 6), 0, 0, 360, (30,), 3)
    return page


@pytest.mark.parametrize(
    ("centres", "loose"),
    [
        ([322, 337, 352], True),  # the last one is across the line
        ([63, 78, 48], True),
        ([322, 337, 366], False),  # what stands beyond, as a unit may
        ([100, 115, 352], False),  # far from the number
        ([322, 337], False),
    ],
)
def test_a_small_digit_across_a_side_of_the_cell_is_loose_ink(
    centres: list[float], loose: bool
) -> None:
    page, cell = page_of_small_zeros(centres), cell_at(FRAME)
    field = cut_cell(page, cell)
    assert field is not None
    assert all(box.loose_ink is loose for box in field.boxes)
    beside = [cell_at(Box(x, FRAME.top, 90, FRAME.height)) for x in (-40, FRAME.right)]
    between = cut_cells(Pyramid(page), [cell, *beside])[0]  # it may be the neighbour's
    assert between is not None
    assert not any(box.loose_ink for box in between.boxes)


@pytest.mark.parametrize(
    ("x", "grey", "loose"),
    [(350, 170, True), (50, 170, True), (350, 40, False), (None, 170, False)],
    ids=["at the right", "at the left", "on a line as dark", "nothing"],
)
def test_a_digit_on_a_lighter_line_is_loose_ink(x: int | None, grey: int, loose: bool) -> None:
    page = np.full((140, 400), WHITE, np.uint8)
    cv2.rectangle(page, (50, 40), (350, 100), (grey,), 5)
    centres = (70, 86) if x == 50 else (314, 330)
    for centre in centres:
        cv2.ellipse(page, (centre, 72), (4, 6), 0, 0, 360, (30,), 3)
    if x is not None:
        cv2.line(page, (x, 66), (x, 79), (30,), 3)  # a 1 that lies on the line
    field = cut_cell(page, cell_at(FRAME))
    assert field is not None
    assert all(box.loose_ink is loose for box in field.boxes)


@pytest.mark.parametrize(("x", "loose"), [(53, True), (347, True), (None, False)])
def test_what_a_dark_line_leaves_of_a_small_digit_is_loose_ink(x: int | None, loose: bool) -> None:
    page = np.full((140, 400), WHITE, np.uint8)
    cv2.rectangle(page, (50, 40), (350, 100), (30,), 7)
    for centre in (70, 86) if x == 53 else (314, 330):
        cv2.ellipse(page, (centre, 72), (4, 6), 0, 0, 360, (30,), 3)
    if x is not None:
        cv2.ellipse(page, (x, 72), (3, 6), 0, 0, 360, (30,), 2)
    field = cut_cell(page, cell_at(FRAME))
    assert field is not None
    assert all(box.loose_ink is loose for box in field.boxes)


def test_a_stroke_across_a_line_is_kept_whole() -> None:
    page = page_with([])
    cv2.line(page, (150, 60), (150, 108), (30,), 4)
    patch = cut_cell_patch(page, np.array(cell_at(FRAME).corners))
    rows = np.flatnonzero(patch.ink.any(axis=1))
    assert np.ptp(rows) + 1 == len(rows) >= 45


def test_faint_ink_on_grey_paper_is_brightened() -> None:
    page = np.asarray(page_with([100], ink=120) * 0.8, np.uint8)
    ink = cut_cell_patch(page, np.array(cell_at(FRAME).corners)).ink
    assert ink.max() == 255
    assert 0.01 < (ink > 0).mean() < 0.05


def test_noise_and_specks_are_no_ink() -> None:
    rng = np.random.default_rng(5)
    patch = np.clip(rng.normal(235, 6, (80, 240)), 0, 255).astype(np.uint8)
    patch[30:32, 100:102] = 40
    found = cell_ink(patch, 12)
    assert not found.ink.any()
    assert not found.loose_ink


def test_writing_that_falls_into_too_many_pieces_is_no_number() -> None:
    frame = Box(50, 40, 1500, 60)
    page = np.full((140, 1600), WHITE, np.uint8)
    for x in range(80, 1500, 110):
        for beside in (0, 24, 48, 72):
            cv2.ellipse(page, (x + beside, 70), (12, 18), 0, 0, 360, (30,), 3)
    field = cut_cell(page, cell_at(frame))
    assert not isinstance(field, SegmentedField)
    assert field.boxes == (cell_at(frame),)


@given(values=st.lists(st.integers(0, 255), min_size=1, max_size=40), share=st.floats(0, 1))
def test_a_quantile_is_that_of_numpy(values: list[int], share: float) -> None:
    grey = np.array([values], np.uint8)
    assert quantile(grey, share) == pytest.approx(float(np.quantile(grey, share)))
    chosen = grey >= np.median(grey)
    assert quantile(grey, share, chosen) == pytest.approx(float(np.quantile(grey[chosen], share)))
