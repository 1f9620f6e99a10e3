"""What a step of a training takes."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Batch: TypeAlias = tuple[npt.NDArray[np.uint8], npt.NDArray[np.generic]]
"""Darkness (n, height, width, channels) in bytes, and targets (n, ...). Networks get it in 0..1."""
