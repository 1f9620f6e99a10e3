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

SIDE_UNIT = 16.0
"""Unit of the distances to a place's sides in the output, in page pixels."""


LAYERS = len(Layer)

CORE_KINDS = 2
"""Digit boxes, and cells for numbers."""

CHANNELS = 4 * (LAYERS + CORE_KINDS) + 4
"""Of the output, for each cell of 4 x 4 pixels: the logits of the layers for its four places, row
by row; those of being in the core of each kind of place; the distances to the place's left, top,
right and bottom side."""


@dataclass(frozen=True, slots=True, eq=False)
class PageMaps:
    """What is ruled, printed and written on a page, and where its places are.

    `layers` (LAYERS, h / 2, w / 2) are logits of each `Layer`. `cores` (2, h / 2, w / 2) are the
    logits of being well inside of a digit box, and of a cell; `sides` (4, h / 4, w / 4) the
    distances in pixels from there to the left, top, right and bottom side.
    """

    layers: npt.NDArray[np.float32]
    cores: npt.NDArray[np.float32]
    sides: npt.NDArray[np.float32]

    @classmethod
    def from_output(cls, output: npt.NDArray[np.float32]) -> PageMaps:
        """The network's output, (CHANNELS, rows, columns), taken apart."""
        rows, columns = output.shape[1:]
        fine = output[:-4].reshape(LAYERS + CORE_KINDS, 2, 2, rows, columns)
        fine = fine.transpose(0, 3, 1, 4, 2).reshape(LAYERS + CORE_KINDS, 2 * rows, 2 * columns)
        return cls(fine[:LAYERS], fine[LAYERS:], output[-4:] * np.float32(SIDE_UNIT))
