"""Loss and accuracy of each epoch as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

from PIL import Image, ImageDraw, ImageFont

from formreader.training.fit import EpochFigures

Line: TypeAlias = tuple[str, str, list[float]]
"""Name, colour, and one value an epoch."""

_SIZE = 760, 460
_LEFT, _TOP, _RIGHT, _BOTTOM = 78, 52, 24, 56
_FINE = 2  # drawn twice as large, then shrunk, for smooth lines
_TRAINING, _VALIDATION = "#1f6feb", "#d9480f"
_INK, _GRID = "#24292f", "#d8dee4"


def draw_curves(history: Sequence[EpochFigures], folder: Path) -> None:
    """Write loss.png and accuracy.png into `folder`; `history` has at least one epoch.

    Raises:
        OSError: a picture cannot be written.
    """
    loss: list[Line] = [
        ("training", _TRAINING, [f.loss for f in history]),
        ("validation", _VALIDATION, [f.validation_loss for f in history]),
    ]
    accuracy: list[Line] = [
        ("training", _TRAINING, [100 * f.accuracy for f in history]),
        ("validation", _VALIDATION, [100 * f.validation_accuracy for f in history]),
    ]
    draw_chart("Loss", loss).save(folder / "loss.png", optimize=True)
    draw_chart("Accuracy in %", accuracy).save(folder / "accuracy.png", optimize=True)


def draw_chart(title: str, lines: Sequence[Line]) -> Image.Image:
    """A line chart over the epochs, which count from 1."""
    ticks = _ticks(min(min(v) for _, _, v in lines), max(max(v) for _, _, v in lines))
    chart = _Chart(epochs=len(lines[0][2]), low=ticks[0], high=ticks[-1])
    chart.draw_axes(title, ticks)
    for place, (name, colour, values) in enumerate(lines):
        chart.draw_line(values, colour)
        chart.draw_legend(place, name, colour)
    return chart.image.resize(_SIZE, Image.Resampling.LANCZOS)


class _Chart:
    """A picture with axes: epochs to the right, values from `low` up to `high`."""

    def __init__(self, epochs: int, low: float, high: float) -> None:
        self.image = Image.new("RGB", (_SIZE[0] * _FINE, _SIZE[1] * _FINE), "white")
        self._pen = ImageDraw.Draw(self.image)
        self._epochs, self._low, self._high = epochs, low, high

    def _at(self, epoch: float, value: float) -> tuple[float, float]:
        across = (epoch - 1) / max(self._epochs - 1, 1)
        up = (value - self._low) / (self._high - self._low)
        x = _LEFT + across * (_SIZE[0] - _LEFT - _RIGHT)
        y = _SIZE[1] - _BOTTOM - up * (_SIZE[1] - _TOP - _BOTTOM)
        return x * _FINE, y * _FINE

    def draw_axes(self, title: str, ticks: Sequence[float]) -> None:
        self._text((_LEFT * _FINE, 16 * _FINE), title, 17, "lt")
        for tick in ticks:
            start, end = self._at(1, tick), self._at(max(self._epochs, 2), tick)
            self._pen.line([start, end], _GRID, _FINE)
            self._text((start[0] - 8 * _FINE, start[1]), f"{tick:g}", 13, "rm")
        for epoch in range(1, self._epochs + 1, max(1, -(-self._epochs // 12))):
            x, y = self._at(epoch, self._low)
            self._text((x, y + 8 * _FINE), str(epoch), 13, "mt")
        self._text((_SIZE[0] / 2 * _FINE, (_SIZE[1] - 10) * _FINE), "epoch", 13, "mb")

    def draw_line(self, values: Sequence[float], colour: str) -> None:
        points = [self._at(epoch, value) for epoch, value in enumerate(values, start=1)]
        self._pen.line(points, colour, 2 * _FINE, joint="curve")
        for x, y in points:
            reach = 3 * _FINE
            self._pen.ellipse((x - reach, y - reach, x + reach, y + reach), colour)

    def draw_legend(self, place: int, name: str, colour: str) -> None:
        x, y = (_SIZE[0] - _RIGHT - 220 + 110 * place) * _FINE, 24 * _FINE
        self._pen.line([(x, y), (x + 18 * _FINE, y)], colour, 3 * _FINE)
        self._text((x + 24 * _FINE, y), name, 13, "lm")

    def _text(self, at: tuple[float, float], text: str, size: int, anchor: str) -> None:
        self._pen.text(at, text, _INK, ImageFont.load_default(size * _FINE), anchor)


def _ticks(low: float, high: float) -> list[float]:
    """Four to nine round numbers that span low..high."""
    span = max(high - low, 1e-9)
    step = 1.0
    while step > span / 4:
        step /= 10
    while step * 10 < span / 4:
        step *= 10
    step *= next(factor for factor in (1, 2, 5, 10) if span / (step * factor) <= 7)
    first, last = int(low // step), int(-(-high // step))
    return [round(i * step, 10) for i in range(first, max(last, first + 1) + 1)]
