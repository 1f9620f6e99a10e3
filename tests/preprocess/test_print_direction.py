"""Which way up a page is, told by the lines of its print."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from formreader.core.errors import ModelError
from formreader.core.image_pyramid import Pyramid
from formreader.core.model_folder import CARD_FILE, LINE_MODEL, ONNX_FILE, model_folder
from formreader.preprocess.page_print import PagePrint, find_print
from formreader.preprocess.print_direction import (
    MIN_CLEAR_LOG_ODDS,
    LineNetwork,
    page_evidence,
    shipped_line_network,
)
from formreader.preprocess.print_lines import (
    MAX_PIECES,
    PIECE_HEIGHT,
    PIECE_WIDTH,
    Pieces,
    cut_pieces,
)
from formreader.preprocess.straighten import straighten
from formreader.synth import FormSpec
from shared.number_forms import render_any_form

NO_PRINT = find_print(np.full((800, 600), 255, np.uint8))


def form(seed: int, kind: str = "clean") -> PagePrint:
    page = render_any_form(seed, FormSpec(layout="varied", kind=kind, dpi=100)).image  # type: ignore[arg-type]
    grey = page if page.ndim == 2 else page.mean(axis=2)
    return find_print(straighten(Pyramid(np.ascontiguousarray(grey.astype(np.uint8)))).image)


def turned(page: PagePrint, quarters: int = 2) -> PagePrint:
    """Turned clockwise."""
    return find_print(np.ascontiguousarray(np.rot90(page.even, -quarters)))


def test_pieces_show_print_and_not_lines_of_boxes() -> None:
    pieces = cut_pieces(form(3))
    assert pieces.shape[1:] == (PIECE_HEIGHT, PIECE_WIDTH) and pieces.dtype == np.uint8
    assert 8 <= len(pieces) <= MAX_PIECES
    assert (pieces.max(axis=(1, 2)) > 200).all()
    lines = NO_PRINT.even.copy()
    lines[100::40] = lines[:, 50::60] = 0
    assert len(cut_pieces(find_print(lines))) == 0


def test_pieces_of_a_turned_page_are_the_turned_pieces() -> None:
    page = form(4)
    here, there = cut_pieces(page), cut_pieces(turned(page))
    assert len(here) == len(there)
    assert np.abs(shipped_line_network().logits(here).sum()) > 0
    total = page_evidence(shipped_line_network().logits(there))
    assert total == pytest.approx(-page_evidence(shipped_line_network().logits(here)), rel=0.25)


@pytest.mark.parametrize("kind", ["clean", "photo", "fax", "faint", "noisy"])
def test_turned_pages_with_print_are_told_which_way_to_turn(kind: str) -> None:
    network = shipped_line_network()
    pages = [form(seed, kind) for seed in range(40, 46)]
    for quarters in range(4):
        found = [network.quarters_to_upright(turned(page, quarters)) for page in pages]
        assert set(found) <= {-quarters % 4, None}
        assert found.count(None) <= 3


def test_without_print_nothing_is_told() -> None:
    assert shipped_line_network().quarters_to_upright(NO_PRINT) is None
    assert shipped_line_network().log_odds(NO_PRINT) == 0


def test_a_piece_turned_speaks_against_what_it_spoke_for() -> None:
    rng = np.random.default_rng(5)
    pieces = rng.integers(0, 256, (5, PIECE_HEIGHT, PIECE_WIDTH)).astype(np.uint8)
    network = shipped_line_network()
    np.testing.assert_allclose(
        network.logits(pieces), -network.logits(pieces[:, ::-1, ::-1]), atol=1e-4
    )


def test_no_single_piece_decides() -> None:
    one: npt.NDArray[np.float64] = np.array([50.0, -1.0])
    assert page_evidence(one) < 5


@pytest.mark.parametrize("damage", ["graph", "scale", "schema"])
def test_a_damaged_model_is_refused(tmp_path: Path, damage: str) -> None:
    folder = Path(shutil.copytree(model_folder(LINE_MODEL), tmp_path / "copy"))
    if damage == "graph":
        (folder / ONNX_FILE).write_bytes(b"no graph")
    else:
        card = json.loads((folder / CARD_FILE).read_text(encoding="utf-8"))
        card[damage] = "many"
        (folder / CARD_FILE).write_text(json.dumps(card), encoding="utf-8")
    with pytest.raises(ModelError, match=str(folder)):
        LineNetwork.load(folder)


@pytest.mark.parametrize(("logit", "all_are_read"), [(4.0, False), (-4.0, False), (0.1, True)])
def test_pieces_are_read_until_a_page_is_clear(logit: float, all_are_read: bool) -> None:
    read = list[int]()

    class Certain(LineNetwork):
        def logits(self, pieces: Pieces) -> npt.NDArray[np.float64]:
            read.append(len(pieces))
            return np.full(len(pieces), logit)

    page = form(3)
    odds = Certain(None, 2.0).log_odds(page)  # type: ignore[arg-type]
    assert odds == pytest.approx(2.0 * logit * sum(read))
    assert (sum(read) == len(cut_pieces(page))) is all_are_read
    assert all_are_read or abs(odds) >= MIN_CLEAR_LOG_ODDS
