"""The network that tells which way up print is: pieces, fitting, export, its model folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from formreader.core.errors import ExitCode, UsageError
from formreader.core.model_folder import ONNX_FILE, file_hashes, load_graph
from formreader.preprocess.print_direction import LINE_TRIAL, LineNetwork
from formreader.preprocess.print_lines import PIECE_HEIGHT, PIECE_WIDTH, Pieces
from line_network import __main__ as program
from line_network import line_training
from line_network.line_architecture import (
    both_ways,
    build_scorer,
    export_scorer,
)
from line_network.line_options import LineTrainOptions
from line_network.line_pieces import page_pieces, sheet_pieces
from line_network.line_training import fit_lines, train_lines


def wedges(n: int, seed: int = 1) -> Pieces:
    """Pieces with wedges that are broad at the bottom: upright, as it were."""
    rng = np.random.default_rng(seed)
    pieces = np.zeros((n, PIECE_HEIGHT, PIECE_WIDTH), np.uint8)
    rows = np.arange(PIECE_HEIGHT)
    for piece in pieces:
        for left in rng.integers(0, PIECE_WIDTH - 12, 6).tolist():
            for row in rows[4:20]:
                half = (row - 4) // 3
                piece[row, left + 6 - half : left + 7 + half] = rng.integers(150, 256)
    return pieces


def test_the_exported_network_scores_as_the_trained_one(tmp_path: Path) -> None:
    scorer, pieces = build_scorer(), wedges(6)
    export_scorer(scorer, tmp_path / ONNX_FILE)
    hashes = file_hashes(tmp_path, (ONNX_FILE,))
    network = LineNetwork(load_graph(tmp_path, hashes, 1, LINE_TRIAL), 1.0)
    wanted = both_ways(scorer).predict(pieces[..., None] / np.float32(255), verbose=0)[:, 0]
    np.testing.assert_allclose(network.logits(pieces), wanted, atol=1e-4)
    assert network.logits(pieces[:0]).shape == (0,)


def test_fitting_learns_which_way_is_up() -> None:
    options = LineTrainOptions(steps=60, batch=32)
    network = both_ways(fit_lines(wedges(200), options, lambda _: None))
    logits = network.predict(wedges(50, seed=2)[..., None] / np.float32(255), verbose=0)
    assert (logits > 0).mean() > 0.9


def test_pages_and_sheets_give_pieces_of_print() -> None:
    for pieces in (page_pieces(30_001), sheet_pieces(7)):
        assert pieces.shape[1:] == (PIECE_HEIGHT, PIECE_WIDTH)
    assert len(sheet_pieces(7)) > 4
    np.testing.assert_array_equal(sheet_pieces(7), sheet_pieces(7))


def test_a_training_writes_a_model_that_can_be_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def made(_make: object, seeds: range, _tell: object) -> list[Pieces]:
        return [wedges(9, seed) for seed in seeds]

    monkeypatch.setattr(line_training, "map_in_processes", made)
    options = LineTrainOptions(
        out=tmp_path / "lines", pages=4, test_pages=12, steps=60, batch=32, sheets=4
    )
    figures = train_lines(options, lambda _: None)
    assert figures.pages == 12 and figures.wrong == 0
    network = LineNetwork.load(options.out)
    assert network.logits(wedges(3)).shape == (3,)


@pytest.mark.parametrize("change", [{"pages": 0}, {"learning_rate": 2.0}, {"seed": -1}])
def test_options_out_of_range_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="must be"):
        LineTrainOptions(**change)  # type: ignore[arg-type]


def test_wrong_usage_ends_with_its_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        program.main(["--steps", "0"])
    assert ended.value.code == ExitCode.USAGE
    assert "--steps must be 1 or more" in capsys.readouterr().err
