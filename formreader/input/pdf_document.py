"""Open PDF files, and count their pages."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import pypdfium2 as pdfium
from pypdfium2 import raw

from formreader.core.errors import PageError

_PDF_TAIL = 2048
"""Bytes at the end of a file that have to hold its end marker: twice the 1024 of the PDF
Reference 1.7, appendix H."""

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
        is_whole = b"%%EOF" in _end_of(stream, _PDF_TAIL)
        if not is_whole and not raw.FPDF_DocumentHasValidCrossReferenceTable(document):
            raise PageError("the PDF ends early. Save or copy it again")
        yield document


def _opens(data: bytes) -> bool:
    """Whether pdfium can open a document, even one without pages."""
    document = raw.FPDF_LoadMemDocument64(data, len(data), None)
    if document:
        raw.FPDF_CloseDocument(document)
    return bool(document)


def _end_of(stream: BinaryIO, length: int) -> bytes:
    """The last `length` bytes of a file, or all of a shorter one."""
    stream.seek(max(stream.seek(0, os.SEEK_END) - length, 0))
    return stream.read()
