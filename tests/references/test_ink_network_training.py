"""The network that tells written ink from printed: examples, fitting, export, its model folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from formreader.core.errors import ExitCode
from formreader.look.ink_network import InkNetwork
from formreader.look.ink_parts import PATCH_SHAPE
from ink_network import __main__ as program
from ink_network import ink_training
from ink_network.ink_examples import InkExamples, examples_of
from ink_network.ink_options import InkTrainOptions
from ink_network.ink_training import train_ink
from page_network.hands import HandBook
from page_network.printed_forms import PrintedPage
from page_network.training_pages import filled_page
from shared.fitting import Optimisation


def strokes(n: int, seed: int) -> InkExamples:
    """Written parts are slanted strokes, printed ones upright bars."""
    rng = np.random.default_rng(seed)
    patches = np.zeros((n, 2, *PATCH_SHAPE), np.uint8)
    written = rng.random(n) < 0.5
    for patch, slanted in zip(patches, written, strict=True):
        for row in range(8, 40):
            left = 58 + (row - 24) // 2 * slanted
            patch[:, row, left : left + 5] = 255
        patch[0] //= np.uint8(rng.integers(1, 3))
    return InkExamples(patches, written)


def test_a_training_writes_a_model_that_tells_pens_from_print(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def drawn(_data: object, first: int, pages: int, _tell: object, *, held_out: bool) -> object:
        return strokes(10 * pages, first + held_out)

    monkeypatch.setattr(ink_training, "draw_examples", drawn)
    monkeypatch.setattr(ink_training, "_HOW", Optimisation())  # an average of weights takes long
    options = InkTrainOptions(
        out=tmp_path / "ink", pages=20, test_pages=10, steps=150, batch=32, learning_rate=4e-3
    )
    figures = train_ink(options, lambda _: None)
    assert figures.written + figures.printed == 100
    assert figures.lost == 0
    test = strokes(40, 3)
    odds = InkNetwork.load(options.out).log_odds(test.patches)
    assert ((odds > 0) == test.written).mean() > 0.9


def test_parts_are_labelled_by_who_put_them_there(printed: PrintedPage, book: HandBook) -> None:
    found = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        found.append(examples_of(filled_page([printed], book, 150.0, rng), rng))
    parts = InkExamples.joined(found)
    assert parts.patches.shape[1:] == (2, *PATCH_SHAPE)
    assert parts.written.sum() > 10
    inked = (parts.patches[:, 1] > 0).any(axis=(1, 2))
    assert inked.all()


def test_wrong_usage_ends_with_its_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        program.main(["--steps", "0"])
    assert ended.value.code == ExitCode.USAGE
    assert "--steps must be 1 or more" in capsys.readouterr().err
