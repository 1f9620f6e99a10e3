"""A page's map is no freer than its points ask for, and follows bent paper where they do."""

from __future__ import annotations

import numpy as np
import pytest

from formreader.core.geometry import map_points
from formreader.template.landmarks import Landmarks, match_landmarks
from formreader.template.page_map import Floats, PageMap, fit_map, similar_map

SPAN, MISSES = 715.0, (30.0, 6.0)


def points(number: int, low: tuple[float, float], high: tuple[float, float]) -> Floats:
    return np.random.default_rng(number).uniform(low, high, (number, 2))


def curled(source: Floats) -> Floats:
    """A photograph of bent paper."""
    transform = np.array([[1.0, 0.02, 5], [-0.03, 1.01, 9], [2e-5, 1e-4, 1]])
    target = map_points(transform, source)
    target[:, 1] += 40 * np.sin(1.3 * np.pi * source[:, 0] / 827)
    return target


def fitted(source: Floats, target: Floats) -> PageMap:
    simple = similar_map(source, target, 60)
    assert simple is not None
    found = fit_map(source, target, simple[0], span=SPAN, misses=MISSES, bent=True)
    assert found is not None
    return found


def test_bent_paper_is_followed_though_a_fifth_of_the_points_is_wrong() -> None:
    source = points(200, (60, 60), (770, 1110))
    target = curled(source)
    target[:40] += points(40, (-50, -50), (50, 50))
    error = np.linalg.norm(fitted(source, target).map(source) - curled(source), axis=1)
    assert np.quantile(error, 0.9) < 2 and error.max() < 6


def test_the_way_back_is_the_inverse_on_bent_paper() -> None:
    source = points(100, (60, 60), (770, 1110))
    found = fitted(source, curled(source))
    assert not found.is_flat
    assert np.abs(found.back(found.map(source)) - source).max() < 0.01


@pytest.mark.parametrize("degrees", [-2.0, 0.0, 90.0])
def test_a_title_and_one_wrong_pair_do_not_bend_the_rest_of_the_page(degrees: float) -> None:
    """Boxes side by side look alike: one of them was taken for the next one."""
    angle = np.deg2rad(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle), 9], [np.sin(angle), np.cos(angle), -4]])
    turn = np.vstack([turn, (0, 0, 1)])
    form = np.vstack([points(49, (110, 100), (480, 130)), [(353, 650)]])
    page = map_points(turn, form) + np.random.default_rng(1).normal(0, 0.7, form.shape)
    page[-1] = map_points(turn, form[-1:] - (24, 0))[0]
    descriptors = np.random.default_rng(2).integers(0, 256, (50, 32), np.uint8)
    match = match_landmarks(Landmarks(form, descriptors), Landmarks(page, descriptors))
    assert match is not None
    corners = np.array([(100.0, 1000.0), (700, 1000), (700, 100)])
    error = np.linalg.norm(match.page_maps[0].map(corners) - map_points(turn, corners), axis=1)
    assert error.max() < 16  # found again by the patches of print
