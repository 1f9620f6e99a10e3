"""What a training shows where there is no terminal."""

from __future__ import annotations

import pytest

from formreader.cli.progress import TrainDisplay
from formreader.training.fit.fitting import EpochFigures


def figures(epoch: int, seconds: float) -> EpochFigures:
    return EpochFigures(epoch, 0.5, 0.875, 0.25, 0.9375, seconds)


@pytest.mark.parametrize(
    ("epochs", "left"),
    [(2, "about 80 s left"), (31, "about 40 min left"), (241, "about 5 h 20 min left")],
)
def test_an_epoch_is_told_with_the_time_left(
    epochs: int, left: str, capsys: pytest.CaptureFixture[str]
) -> None:
    display = TrainDisplay(quiet=False)
    display.started(epochs, steps=10)
    display.epoch(figures(1, seconds=80))
    told = capsys.readouterr().err
    assert told.startswith(f"formreader: epoch 1 of {epochs}: loss 0.5000, accuracy 87.50%")
    assert told.endswith(f"validation accuracy 93.75%, 80 s, {left}\n")


def test_time_left_counts_only_epochs_seen(capsys: pytest.CaptureFixture[str]) -> None:
    """A training that is gone on with has not seen the first ones."""
    display = TrainDisplay(quiet=False)
    display.started(9, steps=10)
    display.epoch(figures(7, seconds=10))
    display.epoch(figures(8, seconds=20))
    display.epoch(figures(9, seconds=20))
    first, second, third = capsys.readouterr().err.splitlines()
    assert first.endswith("about 20 s left")
    assert second.endswith("about 15 s left")
    assert third.endswith("20 s")


def test_quiet_training_tells_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    display = TrainDisplay(quiet=True)
    display.started(2, steps=10)
    display.step(1, 1, 0.5)
    display.epoch(figures(1, seconds=80))
    display.message("done")
    display.close()
    assert capsys.readouterr().err == ""
