"""PDF files as documents: whether they can be read at all, and the pages that they have."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import pypdfium2 as pdfium
from pypdfium2 import raw

from formreader.core.errors import PageError

_END = 2048
"""Bytes at the end of a file among which its end is marked."""

_GAP = 1000
"""Pages in a row that are missing from a document, after which no other is looked for: pdfium
looks through all pages for each that is not there."""


def count_pdf_pages(stream: BinaryIO) -> int:
    """Number of pages of an open PDF file.

    A damaged document may say that it has any number of pages. Of those missing after the
    last that is there only one counts.

    Raises:
        PageError: the file is no PDF, is damaged, encrypted or has no pages.
    """
    with open_document(stream) as document:
        stated = len(document)
        if has_page(document, stated - 1):
            return stated
        found = 0
        for number in range(stated):
            if has_page(document, number):
                found = number + 1
            elif number - found >= _GAP:
                break
        return min(found + 1, stated)


def has_page(document: pdfium.PdfDocument, number: int) -> bool:
    """Whether a page is there, without parsing what is on it."""
    return bool(raw.FPDF_GetPageSizeByIndexF(document, number, raw.FS_SIZEF()))


@contextmanager
def open_document(stream: BinaryIO) -> Iterator[pdfium.PdfDocument]:
    """An open PDF file as pdfium sees it.

    Raises:
        PageError: it is no PDF, is damaged, encrypted or has no pages.
    """
    try:
        # From the stream: a page of a thick file needs but little of it.
        document = pdfium.PdfDocument(stream)
    except pdfium.PdfiumError as error:
        stream.seek(0)
        if _opens(stream.read()):  # then the error code is one that an earlier file left behind
            raise PageError("the PDF has no pages. Save or copy it again") from error
        if error.err_code in (raw.FPDF_ERR_PASSWORD, raw.FPDF_ERR_SECURITY):
            raise PageError("the PDF needs a password. Save it without one") from error
        raise PageError("the PDF is damaged. Save or copy it again") from error
    with document:
        # pdfium rebuilds a broken index silently; without an end, pages may be missing.
        is_whole = b"%%EOF" in _end_of(stream, _END)
        if not is_whole and not raw.FPDF_DocumentHasValidCrossReferenceTable(document):
            raise PageError("the PDF ends early. Save or copy it again")
        yield document


def _opens(data: bytes) -> bool:
    """Whether pdfium can open a document, be it without pages."""
    document = raw.FPDF_LoadMemDocument64(data, len(data), None)
    if document:
        raw.FPDF_CloseDocument(document)
    return bool(document)


def _end_of(stream: BinaryIO, length: int) -> bytes:
    """The last `length` bytes of a file, or all of a shorter one."""
    stream.seek(max(stream.seek(0, os.SEEK_END) - length, 0))
    return stream.read()
