"""Read the print on a form by RapidOCR."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from formreader.core.geometry import Box
from formreader.core.rapid_ocr import check_rapid_ocr, rapid_ocr
from formreader.core.records import GreyImage


@dataclass(frozen=True, slots=True)
class PrintedLine:
    """A line of print: its text, its place in pixels, and the reader's confidence, 0..1."""

    text: str
    box: Box
    confidence: float


class PrintReader(Protocol):
    """Reads print."""

    def read(self, page: GreyImage) -> list[PrintedLine]:
        """The printed lines of an upright page, (height, width) uint8."""


class RapidReader:
    """RapidOCR, which must be installed."""

    def __init__(self) -> None:
        self._engine: Any = rapid_ocr()

    def read(self, page: GreyImage) -> list[PrintedLine]:
        found = self._engine(np.repeat(page[:, :, None], 3, axis=2), use_cls=False)
        if found.boxes is None:
            return []
        lines = list[PrintedLine]()
        for corners, text, confidence in zip(found.boxes, found.txts, found.scores, strict=True):
            (left, top), (right, bottom) = np.min(corners, axis=0), np.max(corners, axis=0)
            if right > left and bottom > top:
                box = Box(float(left), float(top), float(right - left), float(bottom - top))
                lines.append(PrintedLine(text, box, float(confidence)))
        return lines


def check_labels_installed() -> None:
    """Check that RapidOCR can be used.

    Raises:
        UsageError: it is not installed.
    """
    check_rapid_ocr("--labels", "name the fields by hand with `formreader template edit`")
