"""Training pages: what is drawn on them is in their layers and places."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from formreader.core.classes import Layer
from formreader.synth import Form, finish, sample_scan
from formreader.training.data.digit_sets import PenStrokes
from page_network.frame_forms import frame_form
from page_network.hands import HandBook, by_writer
from page_network.kept_hands import held_back_hands, kept_hands
from page_network.printed_forms import PrintedPage, printed_form
from page_network.training_pages import TrainingPage, draw_page, straightened


def scanned(form: Form, seed: int = 1) -> TrainingPage:
    scan = sample_scan("clean", np.random.default_rng(seed))
    return straightened(finish(form, scan, with_layers=True))


def near_ink(page: TrainingPage, layer: Layer, points: np.ndarray) -> float:
    """Share of points, (n, 2), beside which a layer has ink."""
    plane = (page.layers >> layer) & 1
    inside = [
        plane[max(y - 2, 0) : y + 3, max(x - 2, 0) : x + 3].any()
        for x, y in np.rint(points).astype(int)
        if 2 <= x < plane.shape[1] - 2 and 2 <= y < plane.shape[0] - 2
    ]
    return float(np.mean(inside))


def on_sides(quads: np.ndarray, side: int) -> np.ndarray:
    """Points along one side, 0 to 3 from the upper one on, of places (n, 4, 2)."""
    along = np.linspace(0.15, 0.85, 9)[:, None, None]
    start, end = quads[:, side], quads[:, (side + 1) % 4]
    return (start + along * (end - start)).reshape(-1, 2)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_printed_form_has_its_lines_and_places(
    printed: PrintedPage, book: HandBook, seed: int
) -> None:
    form = printed_form(printed, book, 140.0, False, np.random.default_rng(seed))
    page = scanned(form)
    assert len(page.boxes) == 5
    assert len(page.cells) == 1
    assert len(page.blind) == 1
    for quads in (page.boxes, page.cells):
        for side, layer in enumerate((Layer.RULED_ACROSS, Layer.RULED_DOWN) * 2):
            assert near_ink(page, layer, on_sides(quads, side)) > 0.95
    point = float(np.linalg.norm(page.cells[0, 3] - page.cells[0, 0])) / 36  # of PDF, in pixels
    word = page.cells[0, 0] + point * np.array([[x, -13.0] for x in range(2, 26, 2)])
    assert near_ink(page, Layer.PRINT, word) > 0.7
    assert page.image.shape == page.layers.shape


def test_a_printed_form_is_written_on_in_the_pen_s_layer(
    printed: PrintedPage, book: HandBook
) -> None:
    pages = [
        scanned(printed_form(printed, book, 140.0, False, np.random.default_rng(seed)))
        for seed in range(6)
    ]
    shares = [float(((page.layers >> Layer.PEN) & 1).mean()) for page in pages]
    assert max(shares) > 0.002
    for page in pages:
        pen = ((page.layers >> Layer.PEN) & 1).astype(bool)
        if pen.any():  # ink is darker than its surroundings
            assert page.image[pen].mean() < page.image.mean() - 20


def test_frame_forms_have_layers_and_places(book: HandBook) -> None:
    found = [0, 0]
    for seed in range(4):
        page = scanned(frame_form(book, 100.0, False, np.random.default_rng(seed)))
        found[0] += len(page.boxes)
        found[1] += len(page.cells)
        for layer in (Layer.RULED_ACROSS, Layer.PRINT):
            assert ((page.layers >> layer) & 1).any()
    assert min(found) > 10


def test_a_seed_draws_one_page(printed: PrintedPage, book: HandBook, tmp_path: Path) -> None:
    first, again = (draw_page(7, [printed], book) for _ in range(2))
    assert np.array_equal(first.image, again.image)
    first.save(tmp_path / "7.npz")
    kept = TrainingPage.load(tmp_path / "7.npz")
    for name in ("image", "layers", "boxes", "cells", "blind"):
        assert np.array_equal(getattr(kept, name), getattr(again, name))
    assert [path.name for path in tmp_path.iterdir()] == ["7.npz"]


def test_each_writer_is_kept_or_held_back() -> None:
    writer = np.repeat(np.arange(30), 4)
    paths = [[np.zeros((2, 2))] for _ in writer]
    strokes = PenStrokes(paths, np.zeros(len(writer), np.uint8), writer)
    own = by_writer(strokes)
    book = HandBook(strokes, own, np.zeros((120, 28, 28), np.uint8), strokes.labels, own)
    kept, back = kept_hands(book), held_back_hands(book)
    for hands in ("stroke_writers", "by_writer"):
        parts = [[int(writer[one[0]]) for one in getattr(part, hands)] for part in (kept, back)]
        assert sorted(parts[0] + parts[1]) == list(range(30))
        assert len(parts[0]) > len(parts[1]) > 0
