"""The output of the page network on a straightened page."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from formreader.core.page_layers import Layer

STRIDE = 4
"""Page pixels per cell of the network's output, along each axis; fixed by its layers."""

LAYER_STRIDE = 2
"""Page pixels per pixel of the layers' grid, along each axis. With 4 the cores of boxes 18 pixels
apart touched."""

SIDE_MULTIPLE = 32
"""The network takes images whose height and width are multiples of this, in pixels."""

LAYERS = len(Layer)

CORE_KINDS = 2
"""Kinds of places: digit boxes, and cells for numbers. A core is the inner part of a place. Places
that share a side have separate cores."""

CHANNELS = 4 * (LAYERS + CORE_KINDS)
"""Channels of the output. Each cell of 4 x 4 pixels covers four pixels of the layers' grid. For
these, row by row, it has the logits of each layer, then those of the core of each kind of place."""

_CORE_INSET, _MIN_INSET, _MAX_INSET = 0.25, 2.5, 8.0
"""Distance of a core from the sides of its place: a share of the shorter side, and the limits in
pixels. Places made of cores so are 0.9 pixels off; with distances told by the network it was 1.0.
Of the boxes of held-out forms 84 % were found at an intersection over union of 0.6, before 80 %
(network of that time)."""


@dataclass(frozen=True, slots=True, eq=False)
class PageMaps:
    """Logits of the layers of a page, and of the cores of its places.

    `layers` are (LAYERS, h / 2, w / 2), one for each `Layer`. `cores` are (CORE_KINDS, h / 2,
    w / 2): those of digit boxes, then those of cells.
    """

    layers: npt.NDArray[np.float32]
    cores: npt.NDArray[np.float32]

    @classmethod
    def from_output(cls, output: npt.NDArray[np.float32]) -> PageMaps:
        """Split the network's output, (CHANNELS, rows, columns)."""
        rows, columns = output.shape[1:]
        fine = output.reshape(LAYERS + CORE_KINDS, 2, 2, rows, columns)
        fine = fine.transpose(0, 3, 1, 4, 2).reshape(LAYERS + CORE_KINDS, 2 * rows, 2 * columns)
        return cls(fine[:LAYERS], fine[LAYERS:])


def probabilities(logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The probabilities of logits, of any shape."""
    # Not by OpenCV: the last bits of its exponential depend on the number of threads.
    return np.asarray(0.5 + 0.5 * np.tanh(0.5 * logits), np.float32)  # never overflows


def core_inset(shorter: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Distance of a core from the sides of its place, given the place's shorter side, in pixels."""
    return np.clip(_CORE_INSET * shorter, _MIN_INSET, _MAX_INSET)


def inset_of_core(shorter: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The same distance, given the core's shorter side."""
    return np.clip(_CORE_INSET / (1 - 2 * _CORE_INSET) * shorter, _MIN_INSET, _MAX_INSET)
