"""Junctions, posts and cells of drawn boxes, and the strokes that look like them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from formreader.forms.cells import Cells, find_cells
from formreader.forms.lines import LineMasks, find_lines
from formreader.forms.posts import Posts, coverage_evidence, find_junctions, find_posts
from formreader.forms.ways import line_coverage, pairs_within
from formreader.types import GreyImage

LEFT, TOP, WIDTH, HEIGHT, COUNT = 40, 50, 44, 60, 5
RIGHT, BOTTOM = LEFT + COUNT * WIDTH, TOP + HEIGHT


def comb(short: float = 1.0, thickness: int = 2) -> GreyImage:
    """A comb whose second and third separators rise to this share of its height."""
    image = np.full((160, 320), 255, np.uint8)
    cv2.rectangle(image, (LEFT, TOP), (RIGHT, BOTTOM), (0,), thickness)
    for i in range(1, COUNT):
        x = LEFT + i * WIDTH
        height = round((short if i in (2, 3) else 1) * HEIGHT)
        if height:
            cv2.line(image, (x, BOTTOM), (x, BOTTOM - height), (0,), thickness)
    return image


def posts_of(image: GreyImage) -> tuple[Posts, LineMasks]:
    lines = find_lines(image)
    return find_posts(image, lines, find_junctions(lines)), lines


def cells_of(image: GreyImage) -> tuple[Cells, Posts]:
    posts, lines = posts_of(image)
    return find_cells(lines, posts), posts


def spans(cells: Cells, posts: Posts) -> set[tuple[int, int, int]]:
    """Left and right end in cells of the comb, and how many cells the span has."""
    ends = (
        np.rint((posts.top[index, 0] - LEFT) / WIDTH).astype(int).tolist()
        for index in (cells.left, cells.right)
    )
    return set(zip(*ends, cells.count.tolist(), strict=True))


@pytest.mark.parametrize("thickness", [1, 2, 4])
def test_junctions_are_where_lines_meet(thickness: int) -> None:
    junctions = find_junctions(find_lines(comb(thickness=thickness)))
    for i in range(COUNT + 1):
        for y in (TOP, BOTTOM):
            distance = np.abs(junctions - (LEFT + i * WIDTH, y)).max(axis=1)
            assert distance.min() <= 3


def test_posts_stand_between_the_lines() -> None:
    posts, _ = posts_of(comb())
    assert np.abs(posts.top[:, 0] - (LEFT + WIDTH * np.arange(COUNT + 1))).max() <= 2
    assert np.abs(posts.heights - HEIGHT).max() <= 3
    assert (posts.coverage > 0.95).all()
    assert (posts.evidence > 0.3).all()


def test_posts_of_a_skewed_row_are_sorted() -> None:
    turn = cv2.getRotationMatrix2D((160, 80), 0.4, 1.0)
    image = cv2.warpAffine(comb(), turn, (320, 160), borderValue=(255,))
    posts, _ = posts_of(np.asarray(image, np.uint8))
    assert len(posts) == COUNT + 1
    assert (np.diff(posts.top[:, 0]) > 0).all()


def test_a_curved_stroke_is_no_evidence_of_a_line() -> None:
    image = comb()
    t = np.linspace(0, 1, 40)
    x = LEFT + 2.5 * WIDTH + 3.5 * np.sin(np.pi * t)
    stroke = np.column_stack([x, TOP + HEIGHT * t])
    cv2.polylines(image, [np.rint(stroke).astype(np.int32)], False, (0,), 3, cv2.LINE_AA)
    posts, _ = posts_of(image)
    place = (posts.top[:, 0] - LEFT) / WIDTH
    on_stroke = np.abs(place - np.rint(place)) > 0.25
    assert (posts.evidence[~on_stroke] > 0.3).all()
    assert (posts.evidence[on_stroke] < 0).all()


def test_a_slanted_stroke_is_no_evidence_of_a_line() -> None:
    image = comb()
    middle = LEFT + round(2.5 * WIDTH)
    cv2.line(image, (middle + 4, TOP), (middle - 4, BOTTOM), (0,), 3, cv2.LINE_AA)
    posts, _ = posts_of(image)
    on_stroke = np.abs(posts.top[:, 0] - middle) < 8
    assert (posts.evidence[on_stroke] < 0).all()


def test_every_pair_of_neighbours_is_a_cell() -> None:
    found = spans(*cells_of(comb()))
    assert {(i, i + 1, 1) for i in range(COUNT)} <= found


def test_single_cells_are_worth_more_than_wide_ones() -> None:
    cells, posts = cells_of(comb())
    width = posts.top[cells.right, 0] - posts.top[cells.left, 0]
    single = width < 1.5 * WIDTH
    assert cells.worth[single].min() > 0.3
    assert cells.worth[~single].max() < 0
    assert (cells.coverage[single] > 0.95).all()


def test_separators_of_which_a_part_is_seen_are_supplied() -> None:
    assert (1, 4, 3) in spans(*cells_of(comb(short=0.6)))


def test_cells_that_nothing_divides_are_not_supplied() -> None:
    found = spans(*cells_of(comb(short=0.0)))
    assert all(count == 1 for _, _, count in found)


def test_a_ruled_line_through_a_cell_divides_it() -> None:
    image = comb()
    cv2.line(image, (LEFT, TOP + HEIGHT // 2), (RIGHT, TOP + HEIGHT // 2), (0,), 2)
    cells, posts = cells_of(image)
    assert (posts.heights[cells.left] < 0.7 * HEIGHT).all()


def test_a_gap_above_ends_a_cell() -> None:
    image = comb()
    image[TOP - 2 : TOP + 3, LEFT + 2 * WIDTH + 8 : LEFT + 3 * WIDTH - 8] = 255
    found = spans(*cells_of(image))
    assert {(0, 1, 1), (1, 2, 1), (3, 4, 1), (4, 5, 1)} <= found
    assert not any(left <= 2 < right for left, right, _ in found)


def test_nothing_comes_of_nothing() -> None:
    cells, posts = cells_of(np.full((50, 50), 255, np.uint8))
    assert len(posts) == 0
    assert len(cells.left) == 0


@settings(deadline=None)  # machines may be busy
@given(st.lists(st.integers(0, 60), max_size=25), st.integers(-5, 8), st.integers(0, 20))
def test_pairs_within_finds_what_a_double_loop_finds(
    values: list[int], nearest: int, span: int
) -> None:
    x = np.sort(np.array(values, float))
    first, second = pairs_within(x, nearest, nearest + span)
    found = list(zip(first.tolist(), second.tolist(), strict=True))
    places = range(len(x))
    wanted = [(i, k) for i in places for k in places if nearest <= x[k] - x[i] <= nearest + span]
    assert found == wanted


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 1.0])
def test_coverage_is_the_share_of_the_way_on_the_mask(share: float) -> None:
    mask = np.zeros((20, 101), np.uint8)
    mask[10, : round(101 * share)] = 255
    covered = line_coverage(mask, np.array([[0.0, 10]]), np.array([[100.0, 10]]))
    assert covered[0] == pytest.approx(share, abs=0.05)


def test_coverage_beyond_the_page_is_that_of_its_border() -> None:
    mask = np.full((5, 5), 255, np.uint8)
    assert line_coverage(mask, np.array([[-50.0, -50]]), np.array([[90.0, 90]])) == 1


@settings(deadline=None)  # machines may be busy
@given(st.floats(0, 1), st.floats(0, 1))
def test_more_coverage_is_more_evidence(a: float, b: float) -> None:
    low, high = coverage_evidence(np.array(sorted((a, b))))
    assert low <= high
    assert coverage_evidence(np.array([1.0]))[0] > 0 > coverage_evidence(np.array([0.5]))[0]
