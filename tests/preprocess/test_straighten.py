"""Straightened pages: skew, transform to the page, illumination, and photos of a sheet."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from formreader.core.geometry import Transform, map_points
from formreader.core.image_pyramid import Pyramid
from formreader.core.records import GreyImage
from formreader.preprocess.deskew import MAX_SKEW
from formreader.preprocess.illumination import even_illumination
from formreader.preprocess.straighten import (
    WORKING_SIDE,
    StraightPage,
    _rotated,
    _scaled,
    _warp,
    straighten,
)
from formreader.synth import FormSpec, RenderedPage, Scan, render_form

SKEWS = (-9.0, -2.3, -0.7, 0.0, 1.1, 3.7, 9.0)


@cache
def scanned(scan: Scan) -> tuple[RenderedPage, StraightPage]:
    """A small form and the straightened copy of it."""
    page = render_form(4, FormSpec("grid", line="solid", dpi=150, width=120, height=120, scan=scan))
    grey = page.image if page.image.ndim == 2 else cv2.cvtColor(page.image, cv2.COLOR_RGB2GRAY)
    return page, straighten(Pyramid(np.asarray(grey, np.uint8)))


def upright_truth(page: RenderedPage, straight: StraightPage) -> npt.NDArray[np.float64]:
    """(n, 4, 2) true corners of the boxes in the straightened copy."""
    corners = np.array([truth.corners for truth in page.truth])
    return map_points(np.linalg.inv(straight.to_page), corners).reshape(-1, 4, 2)


def unevenness(quads: npt.NDArray[np.float64]) -> float:
    """The largest distance, in pixels, of corners of boxes from upright rectangles."""
    top, right, bottom, left = (np.roll(quads, -i, axis=1)[:, :2] for i in range(4))
    level = [np.ptp(side[..., 1], axis=1) for side in (top, bottom)]
    plumb = [np.ptp(side[..., 0], axis=1) for side in (right, left)]
    return float(np.max(level + plumb))


@pytest.mark.parametrize("skew", SKEWS)
def test_skew_is_found_and_corrected(skew: float) -> None:
    page, straight = scanned(Scan(skew=skew, noise=2.0))
    # The renderer counts counter-clockwise, the straightener clockwise.
    assert straight.skew == pytest.approx(-skew, abs=0.15)
    assert unevenness(upright_truth(page, straight)) < 0.25


@pytest.mark.parametrize("skew", [0.0, 3.7])
def test_truth_lies_on_the_lines_of_the_straightened_copy(skew: float) -> None:
    page, straight = scanned(Scan(skew=skew))
    middles = upright_truth(page, straight)
    edges = (middles + np.roll(middles, -1, axis=1)) / 2  # the middles of all sides
    x, y = np.rint(edges.reshape(-1, 2)).astype(int).T
    nearby = [straight.image[y + dy, x + dx] for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    assert np.mean(np.min(nearby, axis=0) < 190) > 0.99


@pytest.mark.parametrize(("tilt", "skew"), [(0.02, -2.0), (0.05, 2.5)])
def test_photographed_sheet_is_rectified(tilt: float, skew: float) -> None:
    page, straight = scanned(Scan(photo=True, tilt=tilt, skew=skew, shade=0.3, noise=3))
    quads = upright_truth(page, straight)
    assert unevenness(np.array([truth.corners for truth in page.truth])) > 1.5
    assert unevenness(quads) < 0.8
    # All boxes of a grid are equal once the perspective is out.
    fields = np.array([truth.field for truth in page.truth])
    widths = (quads[:, 1] - quads[:, 0])[fields == 0, 0]
    assert np.ptp(widths) < 0.03 * widths.mean()
    # Hardly any desk is left around the sheet.
    assert straight.image.mean() > 200


def test_black_edges_of_a_copy_do_not_disturb() -> None:
    page, straight = scanned(Scan(edges=1.0, noise=3))
    assert unevenness(upright_truth(page, straight)) < 0.25


@pytest.mark.parametrize(
    "size", [(3508, 2480), (3301, 2550), (2500, 300), (700, 5001), (1280, 906)]
)
def test_large_pages_are_reduced_and_points_found_again(size: tuple[int, int]) -> None:
    height, width = size
    image = np.full(size, 255, np.uint8)
    y, x = int(0.71 * height), int(0.62 * width)
    image[y : y + 12, x : x + 12] = 0
    straight = straighten(Pyramid(image))
    assert max(straight.image.shape) <= WORKING_SIDE
    darkness = 255.0 - straight.image
    ys, xs = np.mgrid[: straight.image.shape[0], : straight.image.shape[1]]
    middle = [np.average(xs, weights=darkness), np.average(ys, weights=darkness)]
    assert map_points(straight.to_page, middle)[0] == pytest.approx((x + 5.5, y + 5.5), abs=0.3)


@pytest.mark.parametrize(
    ("size", "expected"),
    [((3508, 2480), (1169, 826)), ((2339, 1654), (1169, 827)), ((3300, 2550), (1100, 850))],
    ids=["A4 at 300 dpi", "A4 at 200 dpi", "Letter at 300 dpi"],
)
def test_common_sheets_come_to_about_100_dpi(
    size: tuple[int, int], expected: tuple[int, int]
) -> None:
    straight = straighten(Pyramid(np.full(size, 255, np.uint8)))
    assert straight.image.shape == expected
    # The corners of the copy, which are half a pixel beyond the middles of its pixels, are
    # those of the page but for an odd row or column that halves leave out.
    corners = map_points(straight.to_page, [(-0.5, -0.5), (expected[1] - 0.5, expected[0] - 0.5)])
    assert corners == pytest.approx(np.array([(0, 0), size[::-1]]) - 0.5, abs=1)


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_turned_pages_come_upright(quarters: int) -> None:
    page, _ = scanned(Scan())
    image = page.image if page.image.ndim == 2 else page.image[..., 0]
    upright = straighten(Pyramid(np.ascontiguousarray(image)))
    turned = straighten(Pyramid(np.ascontiguousarray(np.rot90(image, quarters))), quarters)
    assert np.array_equal(turned.image, upright.image)
    # A point of the upright copy is at the same spot of the sheet on both stored pages.
    x, y = map_points(upright.to_page, [[40, 30]])[0]
    right, bottom = image.shape[1] - 1, image.shape[0] - 1
    spots = {1: (y, right - x), 2: (right - x, bottom - y), 3: (bottom - y, x)}
    assert map_points(turned.to_page, [[40, 30]])[0] == pytest.approx(spots[quarters])


def test_small_pages_are_not_reduced() -> None:
    straight = straighten(Pyramid(np.full((900, 1100), 255, np.uint8)))
    assert straight.image.shape == (900, 1100)
    assert straight.to_page.tolist() == np.eye(3).tolist()


NOISE = np.random.default_rng(1).integers(0, 256, (400, 300)).astype(np.uint8)


@pytest.mark.parametrize(
    "image",
    [
        np.full((300, 200), 255, np.uint8),
        np.zeros((300, 200), np.uint8),
        np.full((1, 1), 7, np.uint8),
        np.full((1, 900), 200, np.uint8),
        np.full((2, 3000), 200, np.uint8),
        np.tile(np.uint8([0, 255]), (5, 4)),
        NOISE,
        NOISE[:17, :9],
        np.where(NOISE > 127, 255, 0).astype(np.uint8),
    ],
    ids=["blank", "black", "1x1", "1 row", "2 long rows", "5x8", "noise", "bit of it", "one bit"],
)
def test_pages_without_a_form_stay_pages(image: GreyImage) -> None:
    straight = straighten(Pyramid(image))
    assert straight.image.dtype == np.uint8
    assert min(straight.image.shape) >= 1
    assert abs(straight.skew) <= 1.2 * MAX_SKEW
    corners = map_points(straight.to_page, [[0, 0], straight.image.shape[::-1]])
    assert np.isfinite(corners).all()


def test_blank_pages_are_not_turned() -> None:
    assert straighten(Pyramid(np.full((300, 200), 240, np.uint8))).skew == 0.0


@pytest.mark.parametrize("slope", [0, 2, 9])
def test_even_illumination_makes_all_paper_white(slope: int) -> None:
    page = np.linspace(180, 180 + slope, 160)[None].repeat(240, axis=0).round().astype(np.uint8)
    page[100:104, 20:140] = 60
    even = even_illumination(page)
    assert even[:90].min() >= 250
    assert even[101, 80] == pytest.approx(60 * 255 / (180 + slope / 2), abs=2)


@given(skew=st.floats(-MAX_SKEW, MAX_SKEW))
def test_the_border_of_a_page_is_replicated(skew: float) -> None:
    """A page that is dark at the left and bright at the right is so in the corners of a warp."""
    page = np.repeat(np.array([40, 90, 160, 220], np.uint8), 50)[None].repeat(150, axis=0)
    warped = _warp(page, _rotated(_scaled(page.shape), skew))
    assert (warped[[0, -1], 0] == 40).all()
    assert (warped[[0, -1], -1] == 220).all()


def test_even_illumination_removes_a_shadow() -> None:
    page, _ = scanned(Scan())
    dark = page.image < 128
    light = np.linspace(1.0, 0.35, page.image.shape[1])[None, :] * np.ones(page.image.shape)
    light[: len(light) // 2] *= 0.7
    light = cv2.GaussianBlur(light, (0, 0), 12)
    even = even_illumination(np.rint(page.image * light).astype(np.uint8))
    far = ~cv2.dilate(dark.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool)
    assert np.percentile(even[far], 1) > 225
    assert np.percentile(even[dark], 90) < 150


@st.composite
def transforms(draw: st.DrawFn) -> Transform:
    """Projections as mild as a photographed sheet's."""
    number = st.floats(-0.2, 0.2)
    matrix = np.eye(3) + [[draw(number) for _ in range(3)] for _ in range(3)]
    matrix[:2, 2] *= 1000
    matrix[2] = [draw(number) / 2000, draw(number) / 2000, 1.0]
    return matrix


@settings(deadline=None)  # machines may be busy
@given(transforms(), st.lists(st.tuples(*[st.floats(0, 2000)] * 2), min_size=1, max_size=8))
def test_points_come_back(transform: Transform, points: list[tuple[float, float]]) -> None:
    there = map_points(transform, points)
    assert there.shape == (len(points), 2)
    assert np.allclose(map_points(np.linalg.inv(transform), there), points, atol=1e-4)


def test_points_of_a_shift() -> None:
    shift = np.array([[1, 0, 5], [0, 1, -2], [0, 0, 1]], float)
    assert map_points(shift, [[1, 2], [3, 4]]).tolist() == [[6, 0], [8, 2]]
