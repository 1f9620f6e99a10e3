"""Open PDFs, count their pages, read pages as grey pixels: scans as they are, others rendered."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, TypeAlias

import cv2
import numpy as np
import pypdfium2 as pdfium
from pypdfium2 import raw

from formreader.core.errors import PageError
from formreader.core.form_fields import FormField
from formreader.core.records import GreyImage, Line
from formreader.input.pdf_form import drawn_lines, form_fields
from formreader.input.raster import check_size

_PDF_TAIL = 2048
"""Bytes at the end that have its marker: twice those of the PDF Reference 1.7, appendix H."""

_MAX_MISSING_PAGES = 1000
"""Missing pages in a row, after which counting ends: pdfium searches the whole document for each
missing page. A limit of time."""


def count_pdf_pages(stream: BinaryIO) -> int:
    """The number of pages of an open PDF file.

    A damaged document may claim any number of pages. Of the missing pages after the last
    existing one, only one is counted.

    Raises:
        PageError: the file is not a PDF, is damaged or encrypted, or has no pages.
    """
    with open_document(stream) as document:
        stated = len(document)
        if has_page(document, stated - 1):
            return stated
        found = 0
        for number in range(stated):
            if has_page(document, number):
                found = number + 1
            elif number - found >= _MAX_MISSING_PAGES:
                break
        return min(found + 1, stated)


def has_page(document: pdfium.PdfDocument, number: int) -> bool:
    """Whether a page exists; its content is not parsed."""
    return bool(raw.FPDF_GetPageSizeByIndexF(document, number, raw.FS_SIZEF()))


@contextmanager
def open_document(stream: BinaryIO) -> Iterator[pdfium.PdfDocument]:
    """Open a PDF file in pdfium.

    Raises:
        PageError: it is not a PDF, is damaged or encrypted, or has no pages.
    """
    try:
        # From the stream: one page of a large file needs only a little of it.
        document = pdfium.PdfDocument(stream)
    except pdfium.PdfiumError as error:
        stream.seek(0)
        if _opens(stream.read()):  # then the error code is a stale one of an earlier file
            raise PageError("the PDF has no pages. Save or copy it again") from error
        if error.err_code in (raw.FPDF_ERR_PASSWORD, raw.FPDF_ERR_SECURITY):
            raise PageError("the PDF needs a password. Save it without one") from error
        raise PageError("the PDF is damaged. Save or copy it again") from error
    with document:
        # pdfium silently rebuilds a broken index; where the file ends early, pages may be missing.
        stream.seek(max(stream.seek(0, os.SEEK_END) - _PDF_TAIL, 0))
        is_whole = b"%%EOF" in stream.read()
        if not is_whole and not raw.FPDF_DocumentHasValidCrossReferenceTable(document):
            raise PageError("the PDF ends early. Save or copy it again")
        yield document


def _opens(data: bytes) -> bool:
    """Whether pdfium can open a document, even one without pages."""
    document = raw.FPDF_LoadMemDocument64(data, len(data), None)
    if document:
        raw.FPDF_CloseDocument(document)
    return bool(document)


_POINTS_PER_INCH = 72
"""Points are the unit of length in a PDF."""

RENDER_DPI = 300
"""Resolution of rendered pages: a usual one of scans."""

_MAX_RENDER_DPI = 600
"""Highest resolution that a page is rendered at for its images. No record of a measurement."""

_MIN_RENDERED_IMAGE_SHARE = 0.25
"""Share of a page from which an image raises its resolution. No record of a measurement."""

_MAX_SHEET_LENGTH = 24 * _POINTS_PER_INCH
"""Points, a little more than A2. On a longer page nobody has set the size, so its dpi means
nothing. No record of a measurement."""

_MAX_SCAN_INSET = 0.02
_MAX_SCAN_SHEAR = 1e-3
_MAX_DPI_DIFFERENCE = 0.02
"""A page is a scan up to these: its image ends this share of the page away from the page's
edges; it is turned or sheared by this ratio of matrix entries; its resolutions differ between
the axes by this share. No record of a measurement."""

_MAX_GROUP_DEPTH = 15
"""Depth to which nested groups are taken apart: a guard against loops."""

_JPEG_TAIL = 4096
"""Bytes at the end of a JPEG in a PDF that hold its end marker. No record of a measurement."""


@dataclass(frozen=True, slots=True, eq=False)
class PdfPicture:
    """A page as an image, (height, width) uint8, its dpi, its form fields and its drawn lines."""

    image: GreyImage
    dpi: float
    fields: tuple[FormField, ...] = ()
    lines: tuple[Line, ...] = ()


_Placed: TypeAlias = tuple[pdfium.PdfObject, pdfium.PdfMatrix]
"""An object of a page, and the matrix from the coordinates of its group to those of the page."""


@dataclass(frozen=True, slots=True)
class _Picture:
    """An image on a page, its size in pixels, and the matrix that places its unit square."""

    image: pdfium.PdfImage
    matrix: pdfium.PdfMatrix
    width: int
    height: int

    @property
    def sides(self) -> tuple[float, float]:
        """Width and height on the page in points."""
        a, b, c, d, _, _ = self.matrix.get()
        return float(np.hypot(a, b)), float(np.hypot(c, d))

    @property
    def dpi(self) -> tuple[float, float]:
        """Resolution along the width and the height."""
        wide, high = (max(side, 1e-6) for side in self.sides)
        return _POINTS_PER_INCH * self.width / wide, _POINTS_PER_INCH * self.height / high


def read_pdf(
    stream: BinaryIO, number: int, max_pixels: int, *, with_lines: bool = False
) -> PdfPicture:
    """Read page `number` (0-based) of an open PDF file.

    A page that shows only one upright image gives that image in its own pixels. Other pages are
    rendered, with filled form fields and notes. `with_lines` also gives the lines that they draw,
    and takes nearly twice as long.

    Raises:
        PageError: the file is damaged or encrypted, has no such page, or too many pixels.
        pdfium.PdfiumError: whatever pdfium raises; the caller turns it into a `PageError`.
    """
    with open_document(stream) as document:
        if not has_page(document, number):
            raise PageError(
                f"the PDF says that it has {len(document):,} pages, but this one is not in it. "
                "Save or copy it again"
            )
        document.init_forms()
        page = document[number]
        scan = _find_scan(page)
        if scan is not None:
            check_size(scan.width, scan.height, max_pixels)
            return PdfPicture(_upright(scan, page.get_rotation()), sum(scan.dpi) / 2)
        image, dpi = _render(page, max_pixels)
        size = image.shape[1], image.shape[0]
        lines = drawn_lines(page, _painted(page), size) if with_lines else ()
        return PdfPicture(image, dpi, form_fields(page, size), lines)


def _painted(page: pdfium.PdfPage) -> Iterator[_Placed]:
    """The visible objects of a page, those of groups included, last painted first."""

    def walk(
        form: pdfium.PdfObject | None, outer: pdfium.PdfMatrix, depth: int
    ) -> Iterator[_Placed]:
        count, get = (
            (raw.FPDFPage_CountObjects(page), raw.FPDFPage_GetObject)
            if form is None
            else (raw.FPDFFormObj_CountObjects(form), raw.FPDFFormObj_GetObject)
        )
        for index in reversed(range(count)):
            thing = pdfium.PdfObject(get(form or page, index), page=page, pdf=page.pdf)
            if thing.type == raw.FPDF_PAGEOBJ_FORM and depth < _MAX_GROUP_DEPTH:
                yield from walk(thing, thing.get_matrix().multiply(outer), depth + 1)
            elif not _is_invisible_text(thing):
                yield thing, outer

    return walk(None, pdfium.PdfMatrix(), 0)


def _is_invisible_text(thing: pdfium.PdfObject) -> bool:
    """Whether an object is text of the invisible layer that OCR adds to a scan."""
    return thing.type == raw.FPDF_PAGEOBJ_TEXT and raw.FPDFTextObj_GetTextRenderMode(thing) in (
        raw.FPDF_TEXTRENDERMODE_INVISIBLE,
        raw.FPDF_TEXTRENDERMODE_CLIP,
    )


def _picture(thing: pdfium.PdfObject, outer: pdfium.PdfMatrix) -> _Picture | None:
    if not isinstance(thing, pdfium.PdfImage):
        return None
    return _Picture(thing, thing.get_matrix().multiply(outer), *thing.get_px_size())


def _find_scan(page: pdfium.PdfPage) -> _Picture | None:
    """The image that covers the whole page, and hides all below, or None.

    Stencils, images turned by odd angles and those with oblong pixels need rendering.
    """
    top = next(_painted(page), None)
    picture = _picture(*top) if top else None
    if picture is None or _has_notes(page) or raw.FPDFPage_HasTransparency(page):
        return None
    a, b, c, d, _, _ = picture.matrix.get()
    lengths = sorted(map(abs, (a, b, c, d)))
    across, down = picture.dpi
    sheared = lengths[1] > _MAX_SCAN_SHEAR * lengths[2]
    oblong = abs(across - down) > _MAX_DPI_DIFFERENCE * across
    if sheared or oblong or not _fills(picture.matrix, page.get_bbox()):
        return None
    is_stencil = picture.image.get_metadata().colorspace == raw.FPDF_COLORSPACE_UNKNOWN
    return None if is_stencil else picture


def _fills(matrix: pdfium.PdfMatrix, bounds: tuple[float, float, float, float]) -> bool:
    """Whether the unit square, placed by an upright matrix, fills the page."""
    a, b, c, d, e, f = matrix.get()
    left, bottom, right, top = bounds
    slack_x, slack_y = _MAX_SCAN_INSET * (right - left), _MAX_SCAN_INSET * (top - bottom)
    xs, ys = sorted((e, e + a + c)), sorted((f, f + b + d))
    off_x = max(abs(xs[0] - left), abs(xs[1] - right))
    off_y = max(abs(ys[0] - bottom), abs(ys[1] - top))
    return bool(off_x <= slack_x and off_y <= slack_y)


def _has_notes(page: pdfium.PdfPage) -> bool:
    """Whether the page has form fields, stamps or notes; links are invisible and do not count."""
    unseen = (raw.FPDF_ANNOT_LINK, raw.FPDF_ANNOT_POPUP)
    for index in range(raw.FPDFPage_GetAnnotCount(page)):
        note = raw.FPDFPage_GetAnnot(page, index)
        kind = raw.FPDFAnnot_GetSubtype(note)
        raw.FPDFPage_CloseAnnot(note)
        if kind not in unseen:
            return True
    return False


def _upright(scan: _Picture, rotation: int) -> GreyImage:
    """The pixels of a scan, flipped and turned as the page shows it."""
    if "DCTDecode" in scan.image.get_filters():
        data = bytes(scan.image.get_data(decode_simple=True))
        if b"\xff\xd9" not in data[-_JPEG_TAIL:]:
            raise PageError("an image in the PDF ends early. Save or copy it again")
    grey = _grey(scan.image.get_bitmap())
    a, b, c, d, _, _ = scan.matrix.get()
    if abs(a) < abs(b):
        # x' = c y, y' = b x: rows and columns change places.
        grey, (a, d) = grey.T, (-c, -b)
    grey = grey[:: 1 if d > 0 else -1, :: 1 if a > 0 else -1]
    return np.ascontiguousarray(np.rot90(grey, -rotation // 90))


def _grey(bitmap: pdfium.PdfBitmap) -> GreyImage:
    pixels = bitmap.to_numpy()
    if pixels.ndim == 2:
        return np.array(pixels)
    code = cv2.COLOR_BGR2GRAY if pixels.shape[2] == 3 else cv2.COLOR_BGRA2GRAY
    return np.asarray(cv2.cvtColor(pixels, code), np.uint8)


def _render(page: pdfium.PdfPage, max_pixels: int) -> tuple[GreyImage, float]:
    """A page with its form fields and notes as grey pixels, and its dpi."""
    width, height = page.get_size()
    if not min(width, height) > 0:
        raise PageError("the PDF page has no size. Save it again")
    pictures = [picture for placed in _painted(page) if (picture := _picture(*placed))]
    for picture in pictures:
        check_size(picture.width, picture.height, max_pixels)
    dpi = _render_dpi(width, height, pictures, max_pixels)
    columns, rows = (max(1, round(side * dpi / _POINTS_PER_INCH)) for side in (width, height))
    check_size(columns, rows, max_pixels)
    pixels = np.full((rows, columns), 255, np.uint8)
    bitmap = pdfium.PdfBitmap.new_native(
        columns,
        rows,
        raw.FPDFBitmap_Gray,
        buffer=(ctypes.c_ubyte * pixels.size).from_buffer(pixels.data),
    )
    placement = (bitmap, page, 0, 0, columns, rows, 0, raw.FPDF_GRAYSCALE | raw.FPDF_ANNOT)
    raw.FPDF_RenderPageBitmap(*placement)
    if page.formenv:
        raw.FPDF_FFLDraw(page.formenv, *placement)
    bitmap.close()
    return pixels, dpi


def _render_dpi(width: float, height: float, pictures: list[_Picture], max_pixels: int) -> float:
    """`RENDER_DPI`, or more (on long pages less) as large images have; sides are in points."""
    min_area = _MIN_RENDERED_IMAGE_SHARE * width * height
    large = [p for p in pictures if np.prod(p.sides) >= min_area]
    finest = max((max(picture.dpi) for picture in large), default=0.0)
    if large and max(width, height) > _MAX_SHEET_LENGTH:
        return min(finest, RENDER_DPI)
    dpi = min(max(RENDER_DPI, finest), _MAX_RENDER_DPI)
    pixels = width * height * (dpi / _POINTS_PER_INCH) ** 2
    return dpi if pixels <= max_pixels else RENDER_DPI
