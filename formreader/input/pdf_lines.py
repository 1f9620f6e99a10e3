"""The straight lines that a PDF page draws, level or upright: sides of rectangles among them."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Iterator
from itertools import islice, pairwise

import numpy as np
import pypdfium2 as pdfium
from pypdfium2 import raw

from formreader.core.geometry import Point
from formreader.core.records import Line
from formreader.input.pdf_form import on_picture

_MAX_PATHS, _MAX_POINTS = 20_000, 50_000
"""Of a page that are looked at: 15 printed forms have up to 1,016 paths and 5,093 points."""

_MAX_LINE_AREA = 2.0
"""Points of a filled area that is a line."""

_MAX_RISE = 0.3
"""Points by which the ends of a level line may differ."""


def drawn_lines(
    page: pdfium.PdfPage,
    painted: Iterable[tuple[pdfium.PdfObject, pdfium.PdfMatrix]],
    size: tuple[int, int],
) -> tuple[Line, ...]:
    """The lines of a page, in pixels of its picture of (width, height) `size`.

    `painted` are the objects of the page with the matrices of their groups.
    """
    lines, left = list[tuple[Point, Point]](), _MAX_POINTS
    for thing, outer in islice(painted, _MAX_PATHS):
        if thing.type != raw.FPDF_PAGEOBJ_PATH or not _is_seen(thing):
            continue
        left -= raw.FPDFPath_CountSegments(thing)
        if left < 0:
            break
        for outline in _outlines(thing, thing.get_matrix().multiply(outer)):
            lines += _lines(outline)
    return tuple((*on_picture(page, *a, size), *on_picture(page, *b, size)) for a, b in lines)


def _is_seen(path: pdfium.PdfObject) -> bool:
    fill, stroke = ctypes.c_int(), ctypes.c_int()
    drawn = raw.FPDFPath_GetDrawMode(path, fill, stroke)
    return bool(drawn and (fill.value or stroke.value))


def _outlines(path: pdfium.PdfObject, matrix: pdfium.PdfMatrix) -> Iterator[list[Point]]:
    """The points of each part of a path that is drawn in one go; curves end a part."""
    points, x, y = list[Point](), ctypes.c_float(), ctypes.c_float()
    for index in range(raw.FPDFPath_CountSegments(path)):
        segment = raw.FPDFPath_GetPathSegment(path, index)
        kind = raw.FPDFPathSegment_GetType(segment)
        if not raw.FPDFPathSegment_GetPoint(segment, x, y):
            continue
        if kind != raw.FPDF_SEGMENT_LINETO:
            yield points
            points = []
        points.append(matrix.on_point(x.value, y.value))
        if raw.FPDFPathSegment_GetClose(segment):
            points.append(points[0])
    yield points


def _lines(points: list[Point]) -> Iterator[tuple[Point, Point]]:
    """The level and upright lines of an outline; of a thin area the one in its middle."""
    if len(points) < 2:
        return
    low, high = np.min(points, axis=0).tolist(), np.max(points, axis=0).tolist()
    middle = [(a + b) / 2 for a, b in zip(low, high, strict=True)]
    thin = [b - a <= _MAX_LINE_AREA for a, b in zip(low, high, strict=True)]
    if len(points) > 2 and any(thin):
        if thin[1] and not thin[0]:
            yield (low[0], middle[1]), (high[0], middle[1])
        elif thin[0] and not thin[1]:
            yield (middle[0], low[1]), (middle[0], high[1])
        return
    for start, end in pairwise(points):
        apart = abs(start[0] - end[0]), abs(start[1] - end[1])
        if min(apart) <= _MAX_RISE < max(apart):
            yield start, end
