"""The layers of drawn pages tell what put the ink there, and where it is on the scan."""

from __future__ import annotations

import numpy as np
import pytest

from formreader.core.classes import Layer
from formreader.synth import FormSpec, Kind, Layout, Rect, RenderedPage, Sheet, render_form
from formreader.synth.strokes import Mask

INK = (20, 20, 20)


def sheet() -> Sheet:
    return Sheet(60, 40, 127)  # 5 px/mm


def layers_with_ink(drawn: Sheet) -> set[Layer]:
    return {layer for layer in Layer if drawn.planes[layer].any()}


def test_lines_are_ruled_across_or_down() -> None:
    drawn = sheet()
    drawn.rule((5, 10), (50, 10.5), 0.4, INK)
    assert layers_with_ink(drawn) == {Layer.RULED_ACROSS}
    drawn.rule((20, 5), (20.5, 30), 0.4, INK)
    assert layers_with_ink(drawn) == {Layer.RULED_ACROSS, Layer.RULED_DOWN}
    assert drawn.planes[Layer.RULED_ACROSS][50:53, 30:240].max(axis=0).min() > 100
    assert not drawn.planes[Layer.RULED_ACROSS][:40].any()


@pytest.mark.parametrize("radius", [0.0, 3.0])
def test_the_sides_of_a_frame_are_in_their_layers(radius: float) -> None:
    drawn = sheet()
    drawn.frame(Rect(10, 10, 30, 20), 0.4, INK, radius)
    across, down = drawn.planes[Layer.RULED_ACROSS], drawn.planes[Layer.RULED_DOWN]
    rows = across[:, 120].nonzero()[0]
    assert set(range(49, 52)) <= set(rows.tolist()) <= {*range(46, 55), *range(146, 155)}
    assert across[48:53, 100:160].any() and across[148:153, 100:160].any()
    assert down[80:120, 48:53].any() and down[80:120, 198:203].any()
    assert not across[70:130].any() and not down[:, 70:180].any()


def test_text_is_print_and_writing_is_pen() -> None:
    drawn = sheet()
    drawn.text(5, 5, "Total", 4)
    assert layers_with_ink(drawn) == {Layer.PRINT}
    mask: Mask = np.ones((10, 10), np.float32)
    drawn.stain(Layer.PEN, mask, 250, 150, INK)
    assert layers_with_ink(drawn) == {Layer.PRINT, Layer.PEN}
    assert drawn.planes[Layer.PEN][150:160, 250:260].min() == 255


def test_a_pale_area_hides_what_is_below_and_a_dark_one_is_print() -> None:
    drawn = sheet()
    drawn.rule((5, 10), (50, 10), 0.4, INK)
    drawn.fill(Rect(4, 8, 50, 4), (240, 240, 240))
    assert layers_with_ink(drawn) == set()
    drawn.fill(Rect(4, 8, 50, 4), (40, 40, 40))
    assert layers_with_ink(drawn) == {Layer.PRINT}


def page(kind: Kind = "clean", layout: Layout = "grid", seed: int = 3) -> RenderedPage:
    spec = FormSpec(layout, kind, line="solid", dpi=150, width=120, height=110)
    return render_form(seed, spec, with_layers=True)


@pytest.mark.parametrize("kind", ["clean", "skew", "fax", "photo"])
def test_a_seed_gives_the_same_page_with_and_without_layers(kind: Kind) -> None:
    spec = FormSpec("grid", kind, dpi=100, width=120, height=110)
    plain, layered = render_form(5, spec), render_form(5, spec, with_layers=True)
    assert plain.layers is None
    assert layered.layers is not None
    assert np.array_equal(plain.image, layered.image)
    assert layered.layers.shape == (*layered.image.shape[:2], len(Layer))
    assert [box.corners for box in plain.truth] == [box.corners for box in layered.truth]


def covered(one: RenderedPage, layer: int, points: np.ndarray) -> float:
    """Share of points, (n, 2), beside which within a pixel or two a layer has ink."""
    assert one.layers is not None
    plane = one.layers[..., layer]
    hits = []
    for x, y in np.rint(points).astype(int):
        near = plane[max(y - 2, 0) : y + 3, max(x - 2, 0) : x + 3]
        hits.append(near.size == 0 or near.max() > 60)
    return float(np.mean(hits))


@pytest.mark.parametrize("kind", ["clean", "skew", "fax", "photo"])
def test_the_lines_of_boxes_move_with_the_scan(kind: Kind) -> None:
    one = page(kind)
    along = np.linspace(0.15, 0.85, 12)[:, None]
    shares = []
    for box in one.truth:
        corners = np.array(box.corners)
        for i, layer in enumerate((Layer.RULED_ACROSS, Layer.RULED_DOWN) * 2):
            points = corners[i] + along * (corners[(i + 1) % 4] - corners[i])
            shares.append(covered(one, layer, points))
    assert len(shares) > 40
    assert np.mean(shares) > 0.97


@pytest.mark.parametrize("kind", ["clean", "skew", "fax"])
def test_writing_is_in_written_boxes_only(kind: Kind) -> None:
    one = page(kind)
    assert one.layers is not None
    pen = one.layers[..., Layer.PEN]
    inked = {True: [], False: []}
    for box in one.truth:
        at = box.upright
        left, top = round(at.left + 0.2 * at.width), round(at.top + 0.2 * at.height)
        inside = pen[
            top : round(at.bottom - 0.2 * at.height), left : round(at.right - 0.2 * at.width)
        ]
        inked[box.symbol != ""].append(bool((inside > 80).any()))
    assert np.mean(inked[True]) == 1.0
    assert not inked[False] or np.mean(inked[False]) < 0.2  # a neighbour's stroke may reach in
