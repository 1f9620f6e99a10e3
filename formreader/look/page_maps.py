"""What the page network says of a straightened page."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from formreader.core.page_layers import Layer

STRIDE = 4
"""Side of one cell of the network's output, in page pixels: fixed by its layers."""

LAYER_STRIDE = 2
"""Side of one place of the layers' grid, in page pixels."""

SIDE_MULTIPLE = 32
"""The network takes images whose height and width are multiples of this, in pixels."""

LAYERS = len(Layer)

CORE_KINDS = 2
"""Digit boxes, and cells for numbers. A core is what is well inside of a place, so that places that
share a side have cores apart."""

CHANNELS = 4 * (LAYERS + CORE_KINDS)
"""Of the output, for each cell of 4 x 4 pixels: the logits of each layer for its four places, row
by row, and those of being in the core of each kind of place."""

_CORE_INSET, _MIN_INSET, _MAX_INSET = 0.25, 2.5, 8.0
"""How far a core is inside of its place: a share of the shorter side, and its limits in px."""


@dataclass(frozen=True, slots=True, eq=False)
class PageMaps:
    """What is ruled, printed and written on a page, and where its places are.

    `layers` (LAYERS, h / 2, w / 2) are logits of each `Layer`, `cores` (CORE_KINDS, h / 2, w / 2)
    those of being in the core of a digit box, and of a cell.
    """

    layers: npt.NDArray[np.float32]
    cores: npt.NDArray[np.float32]

    @classmethod
    def from_output(cls, output: npt.NDArray[np.float32]) -> PageMaps:
        """The network's output, (CHANNELS, rows, columns), taken apart."""
        rows, columns = output.shape[1:]
        fine = output.reshape(LAYERS + CORE_KINDS, 2, 2, rows, columns)
        fine = fine.transpose(0, 3, 1, 4, 2).reshape(LAYERS + CORE_KINDS, 2 * rows, 2 * columns)
        return cls(fine[:LAYERS], fine[LAYERS:])


def probabilities(logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The probabilities of logits, of any shape."""
    # OpenCV's exponential gives other last digits with another number of threads.
    return np.asarray(0.5 + 0.5 * np.tanh(0.5 * logits), np.float32)  # never overflows


def core_inset(shorter: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """How far the core of a place is from its sides, given its shorter side; all in pixels."""
    return np.clip(_CORE_INSET * shorter, _MIN_INSET, _MAX_INSET)


def inset_of_core(shorter: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The same, given the core's own shorter side."""
    return np.clip(_CORE_INSET / (1 - 2 * _CORE_INSET) * shorter, _MIN_INSET, _MAX_INSET)
