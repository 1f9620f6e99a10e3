"""Readings and review fields to write out, drawn from a seed."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import datetime

import numpy as np
import pytest
from PIL import Image

from formreader.results.report import ReportSummary, ReviewField
from formreader.types import (
    Box,
    DigitReading,
    FieldReading,
    Status,
    Surroundings,
)

SIDE = 50

MakeField = Callable[..., ReviewField]


def digit_reading(cell: str, confidence: float, column: int) -> DigitReading:
    """The reading `cell` ("0".."9", "." or "?") in the box at `column`; ok from 0.95 on."""
    box = Box(100.4 + column * SIDE, 200.0, SIDE, SIDE)
    if cell == ".":
        return DigitReading(box, None, 1.0, Status.BLANK)
    if cell == "?":
        return DigitReading(box, None, 0.0, Status.REVIEW, 3, 0.04)
    status = Status.OK if confidence >= 0.95 else Status.REVIEW
    return DigitReading(box, int(cell), confidence, status, (int(cell) + 1) % 10, 0.02)


def field_reading(cells: str, confidences: list[float]) -> FieldReading:
    pairs = enumerate(zip(cells, confidences, strict=True))
    digits = tuple(digit_reading(cell, confidence, i) for i, (cell, confidence) in pairs)
    product = float(np.prod([digit.confidence for digit in digits]))
    statuses = {digit.status for digit in digits}
    worst = next(s for s in (Status.REVIEW, Status.OK, Status.BLANK) if s in statuses)
    return FieldReading(digits, cells.replace(".", ""), cells, product, worst)


@pytest.fixture(scope="session")
def jpeg() -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.tile(np.linspace(0, 255, 300, dtype=np.uint8), (110, 1))).save(
        stream, "JPEG"
    )
    return stream.getvalue()


@pytest.fixture
def make_field(jpeg: bytes) -> MakeField:
    rng = np.random.default_rng(1)

    def make(
        cells: str, confidences: list[float], file: str = "a.png", page: int = 0, number: int = 0
    ) -> ReviewField:
        sprite = io.BytesIO()
        noise = rng.integers(0, 256, (28, 28 * len(cells)), dtype=np.uint8)
        Image.fromarray(noise).save(sprite, "PNG")
        surroundings = Surroundings(jpeg, Box(70, 170, 300, 110), 1.0)
        reading = field_reading(cells, confidences)
        return ReviewField(file, page, number, reading, surroundings, sprite.getvalue())

    return make


@pytest.fixture
def summary() -> ReportSummary:
    return ReportSummary(
        files=3,
        pages=4,
        fields=12,
        digits=1234,
        blank=5,
        review=6,
        failed=1,
        review_below=0.95,
        made=datetime(2026, 3, 2, 9, 5),
        version="0.1.0",
        model="digits 1",
        csv_name="results.csv",
        options=(("--rows", "field"),),
    )
