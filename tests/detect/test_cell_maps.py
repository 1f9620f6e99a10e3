"""Cells are read off the network's maps, and on drawn pages they are where they were drawn."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from formreader.core.image_pyramid import Pyramid
from formreader.detect.cell_maps import CELL_CHANNELS, find_cells
from formreader.detect.field_finder import find_fields
from formreader.preprocess.straighten import straighten
from formreader.synth import FormSpec, Kind, Layout, Plan, RenderedPage
from shared.number_forms import render_any_form

_Maps = npt.NDArray[np.float32]


def maps_with(*places: tuple[slice, slice]) -> _Maps:
    """Maps with cores in these rows and columns, each 16 pixels away from all edges it can see."""
    maps = np.full((10, 40, 60), -6, np.float32)
    maps[CELL_CHANNELS.start + 1 : CELL_CHANNELS.stop] = 1.0
    for place in places:
        maps[CELL_CHANNELS.start][place] = 6
    return maps


def test_edges_are_where_the_outermost_places_see_them() -> None:
    cells = find_cells(maps_with((slice(10, 13), slice(5, 25))))
    # Left and right two columns count: every place here sees its edges 16 pixels away.
    left, top, right, bottom = 23.5 - 16, 41.5 - 16, 95.5 + 16, 49.5 + 16
    wanted = [[(left, top), (right, top), (right, bottom), (left, bottom)]]
    np.testing.assert_allclose(cells.corners, wanted, atol=1e-6)
    assert cells.scores[0] == pytest.approx(1 / (1 + np.exp(-6)))
    assert cells.heights[0] == pytest.approx(bottom - top)


def test_each_core_is_one_cell_and_no_core_is_none() -> None:
    two = maps_with((slice(4, 8), slice(5, 25)), (slice(10, 13), slice(5, 25)))
    assert len(find_cells(two)) == 2
    assert find_cells(maps_with()).corners.shape == (0, 4, 2)


def test_a_tilted_cell_has_tilted_edges() -> None:
    maps = maps_with((slice(10, 13), slice(5, 35)))
    rise = 0.02 * 4 * np.arange(60) / 16
    maps[CELL_CHANNELS.start + 2] += rise  # the upper edge rises to the right, the lower one too
    maps[CELL_CHANNELS.start + 4] -= rise
    (corners,) = find_cells(maps).corners
    slope = (corners[1, 1] - corners[0, 1]) / (corners[1, 0] - corners[0, 0])
    assert slope == pytest.approx(-0.02, abs=1e-3)


def page_of(layout: Layout, kind: Kind, seed: int) -> RenderedPage:
    spec = FormSpec(layout, kind, dpi=150, width=150, height=150, plan=Plan(box_height=(8, 10)))
    return render_any_form(seed, spec)


def found_share(page: RenderedPage) -> float:
    """Share of the drawn cells that are found."""
    image = page.image if page.image.ndim == 2 else page.image.mean(axis=2).astype(np.uint8)
    found = [cell.box for cell in find_fields(straighten(Pyramid(image))).cells]
    drawn = [box.upright for box in page.truth if box.is_number_cell]
    return float(np.mean([any(one.overlap(cell) > 0.6 for cell in found) for one in drawn]))


@pytest.mark.parametrize("layout", ["sheet", "frames"])
@pytest.mark.parametrize("kind", ["clean", "skew", "colour", "noisy"])
def test_drawn_cells_are_found(layout: Layout, kind: Kind) -> None:
    shares = [found_share(page_of(layout, kind, seed)) for seed in range(1, 9)]
    # Noise hides thin frames, and some of these stand on security print.
    assert np.mean(shares) >= (0.5 if (layout, kind) == ("frames", "noisy") else 0.7)
