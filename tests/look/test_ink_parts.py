"""Parts of the ink in places: which there are, and the patch of the page around each."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from true_looks import look_of

from formreader.core.classes import Layer
from formreader.core.geometry import scaling
from formreader.core.image_pyramid import Pyramid
from formreader.core.records import DigitBox
from formreader.crop.writing_map import WritingMap
from formreader.look import page_look
from formreader.look.ink_network import INK_TRIAL, shipped_ink_network
from formreader.look.ink_parts import PATCH_SHAPE, Patches, cut_patches, parts_in_places
from formreader.look.page_look import look_closer

PLACES = np.array([[(10, 10), (40, 10), (40, 30), (10, 30)]], np.float64)
"""One place on the map of writing."""


def ink_at(*rectangles: tuple[int, int, int, int]) -> npt.NDArray[np.bool_]:
    ink = np.zeros((60, 80), np.bool_)
    for left, top, right, bottom in rectangles:
        ink[top:bottom, left:right] = True
    return ink


def writing_of(ink: npt.NDArray[np.bool_], zoom: float = 2.0) -> WritingMap:
    return WritingMap(ink, ink, scaling(zoom, zoom))


@pytest.mark.parametrize(
    ("part", "counts"),
    [
        ((15, 15, 20, 25), True),
        ((15, 15, 17, 16), False),  # too small
        ((50, 15, 55, 25), False),  # outside
        ((15, 20, 20, 36), True),  # it reaches out
        ((15, 28, 20, 50), False),  # most of it is outside
    ],
)
def test_parts_in_places(part: tuple[int, int, int, int], counts: bool) -> None:
    writing = writing_of(ink_at(part))
    assert len(parts_in_places(writing, PLACES)) == counts


def test_without_places_there_are_no_parts() -> None:
    assert len(parts_in_places(writing_of(ink_at((15, 15, 20, 25))), np.zeros((0, 4, 2)))) == 0


@pytest.mark.parametrize("zoom", [2.0, 4.0, 8.0])
def test_a_patch_shows_the_part_at_one_resolution(zoom: float) -> None:
    ink = ink_at((20, 20, 24, 26), (30, 20, 34, 26))
    page = np.where(np.kron(ink, np.ones((round(zoom),) * 2)) > 0, 50, 200).astype(np.uint8)
    writing = writing_of(ink, zoom)
    parts = parts_in_places(writing, PLACES)
    patches = cut_patches(Pyramid(page), writing, parts)
    assert patches.shape == (2, 2, *PATCH_SHAPE)
    own, darkness = patches[0, 1] > 0, patches[0, 0]
    assert own.sum() == 9 * 4 * 6  # not the other part
    assert darkness[own].mean() == pytest.approx(255 * 0.75, abs=12)
    assert darkness[:12].max() == 0


def test_a_part_at_the_edge_has_a_patch() -> None:
    writing = writing_of(ink_at((0, 0, 4, 4)))
    place = np.array([[(0, 0), (9, 0), (9, 9), (0, 9)]], np.float64)
    page = np.full((120, 160), 255, np.uint8)
    page[:8, :8] = 0
    (patch,) = cut_patches(Pyramid(page), writing, parts_in_places(writing, place))
    assert (patch[1] > 0).sum() == 9 * 16


class WidePartsPrinted:
    """In place of the ink network: it is unsure about wide parts, or sure that they are printed."""

    def __init__(self, log_odds: float) -> None:
        self._log_odds = log_odds

    def log_odds(self, patches: Patches) -> npt.NDArray[np.float32]:
        wide = (patches[:, 1] > 0).any(axis=1).sum(axis=1)
        return np.where(wide > 20, self._log_odds, 4).astype(np.float32)


@pytest.mark.parametrize(
    ("by_ink", "by_page", "is_print"),
    [
        (-5.1, 9, True),  # the ink network is sure alone
        (-4.9, 9, False),
        (-4.9, -1.6, True),  # both together are
        (2.0, -5.1, True),
        (2.0, -4.9, False),
    ],
)
def test_what_is_printed_is_neither_pen_nor_ink(
    by_ink: float, by_page: float, is_print: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_look, "shipped_ink_network", lambda: WidePartsPrinted(by_ink))
    pen, printed = np.zeros((2, 128, 192), np.bool_)
    for left, right in ((20, 28), (60, 78), (150, 170)):
        pen[20:40, left:right] = True
    look = look_of(pen, printed)
    look.maps.layers[Layer.PEN, 10:20, 30:39] = by_page
    place = DigitBox(((10, 10), (100, 10), (100, 50), (10, 50)))
    closer = look_closer(look, Pyramid(np.where(pen, 0, 255).astype(np.uint8)), [place])
    gone = np.zeros_like(look.pen)
    gone[10:20, 30:39] = is_print
    assert (closer.printed == gone).all()
    assert (closer.pen == look.pen & ~gone).all()
    assert (closer.writing.ink == look.writing.ink & ~gone).all()
    assert (closer.writing.pen == closer.pen).all()


def test_a_page_without_places_stays_as_it_is() -> None:
    look = look_of(np.ones((64, 96), np.bool_), np.zeros((64, 96), np.bool_))
    closer = look_closer(look, Pyramid(np.zeros((64, 96), np.uint8)), [])
    assert (closer.pen == look.pen).all()
    assert not closer.printed.any()


def test_the_network_judges_each_patch_by_itself() -> None:
    network = shipped_ink_network()
    rng = np.random.default_rng(5)
    patches = rng.integers(0, 256, (70, 2, *PATCH_SHAPE)).astype(np.uint8)
    odds = network.log_odds(patches)
    assert odds.shape == (70,)
    assert odds[66:] == pytest.approx(network.log_odds(patches[66:]), abs=1e-4)
    assert network.log_odds(patches[:0]).shape == (0,)
    INK_TRIAL.check(odds[:1, None])
