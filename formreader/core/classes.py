"""What networks tell apart: classes of crops with their arrays, and layers of a page."""

from __future__ import annotations

from enum import IntEnum
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

CLASSES = ("0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "not a digit")
"""Names of the network's outputs, in their order."""

NOT_A_DIGIT = CLASSES.index("not a digit")
"""Index of the class of crosses, dashes, letters, scribbles, and of two digits in one box."""

CROP_SIDE = 28
"""Height and width of a crop in pixels, as in MNIST."""

Crops: TypeAlias = npt.NDArray[np.uint8]
"""(n, 28, 28) uint8, bright ink on black, as in MNIST."""

Probabilities: TypeAlias = npt.NDArray[np.float32]
"""(n, 11) float32, each row sums to 1; the columns are `CLASSES`."""

NO_CROPS: Final[Crops] = np.zeros((0, CROP_SIDE, CROP_SIDE), np.uint8)


class Layer(IntEnum):
    """What put ink onto a place of a page; a place can be in several layers."""

    RULED_ACROSS = 0
    RULED_DOWN = 1
    PRINT = 2
    PEN = 3
