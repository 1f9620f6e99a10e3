"""The network that reads a whole number from the strip of its cell, as it ships."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from formreader.recognise.ctc import Places, place_probabilities
from formreader.segment.number_strip import STRIP_HEIGHT, Strip

STRIP_WIDTH_STEP = 32
"""Strips are padded to multiples of this width, so that many have the same and are read at once."""

MIN_STRIP_PADDING = 8
"""Least columns of padding: the last digit is never cut off by the strip's end."""

_STRIPS_PER_CALL = 32
"""Strips that are read at once; with more the maps do not stay in the processor's cache. Not
measured."""

LogitsOf: TypeAlias = Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.float32]]
"""Runs the network: strips (n, STRIP_HEIGHT, w) of one width to logits (n, w / 2, CTC_CLASSES)."""


def padded_width(width: int) -> int:
    """The width that a strip of this width is padded to: a function of the strip alone."""
    return -(-(width + MIN_STRIP_PADDING) // STRIP_WIDTH_STEP) * STRIP_WIDTH_STEP


def padded(strips: Sequence[Strip], width: int) -> npt.NDArray[np.uint8]:
    """Strips side by side in one array, (n, STRIP_HEIGHT, width), paper on their right."""
    stack = np.zeros((len(strips), STRIP_HEIGHT, width), np.uint8)
    for row, strip in zip(stack, strips, strict=True):
        row[:, : strip.shape[1]] = strip
    return stack


def read_places(strips: Sequence[Strip], logits_of: LogitsOf) -> list[tuple[list[int], Places]]:
    """Read strips in groups of one padded width: the strips' indices, and their places."""
    by_width = defaultdict[int, list[int]](list)
    for i, strip in enumerate(strips):
        by_width[padded_width(strip.shape[1])].append(i)
    groups = []
    for width, chosen in sorted(by_width.items()):
        for start in range(0, len(chosen), _STRIPS_PER_CALL):
            part = chosen[start : start + _STRIPS_PER_CALL]
            logits = logits_of(padded([strips[i] for i in part], width))
            groups.append((part, place_probabilities(logits)))
    return groups
