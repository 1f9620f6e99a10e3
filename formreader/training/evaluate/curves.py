"""Draw loss and accuracy of each epoch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib.ticker import MaxNLocator

from formreader.training.evaluate.figures import FIRST_COLOUR, SECOND_COLOUR, chart, save

if TYPE_CHECKING:
    from formreader.training.fit.fitting import EpochFigures


def draw_curves(history: Sequence[EpochFigures], folder: Path) -> None:
    """Write loss.png and accuracy.png into `folder`; `history` has at least one epoch.

    Raises:
        OutputError: a picture cannot be written.
    """
    epochs = [figures.epoch for figures in history]
    loss = [figures.loss for figures in history], [figures.validation_loss for figures in history]
    accuracy = (
        [100 * figures.accuracy for figures in history],
        [100 * figures.validation_accuracy for figures in history],
    )
    _draw("Loss", epochs, *loss, folder / "loss.png")
    _draw("Accuracy in %", epochs, *accuracy, folder / "accuracy.png")


def _draw(
    title: str, epochs: list[int], training: list[float], validation: list[float], path: Path
) -> None:
    figure, axes = chart(title)
    axes.plot(epochs, training, "o-", color=FIRST_COLOUR, markersize=3, label="training")
    axes.plot(epochs, validation, "s-", color=SECOND_COLOUR, markersize=3, label="validation")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.set_xlabel("epoch")
    axes.legend()
    save(figure, path)
