"""A page's map is no freer than its points ask for, and follows bent paper where they do."""

from __future__ import annotations

import numpy as np

from formreader.core.geometry import map_points
from formreader.template.page_map import Floats, PageMap, fit_map

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
    found = fit_map(source, target, PageMap.flat(np.eye(3)), span=SPAN, misses=MISSES, bent=True)
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
