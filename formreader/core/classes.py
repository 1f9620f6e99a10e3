"""What the outputs of the digit network stand for, and the arrays that go into and out of it."""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

CLASSES = ("0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "not a digit")
"""What the outputs stand for, in their order."""

NOT_A_DIGIT = CLASSES.index("not a digit")
"""Class of crosses, dashes, letters, scribbles, and of two digits in one box."""

CROP_SIDE = 28
"""Height and width of a crop in pixels."""

Crops: TypeAlias = npt.NDArray[np.uint8]
"""(n, 28, 28) uint8, ink bright on black, as MNIST."""

Probabilities: TypeAlias = npt.NDArray[np.float32]
"""(n, 11) float32, rows sum to 1; columns are the digits 0-9 and "not a digit"."""

NO_CROPS: Final[Crops] = np.zeros((0, CROP_SIDE, CROP_SIDE), np.uint8)
