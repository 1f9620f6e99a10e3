"""Open pages, of files and in memory: the one place that turns every fault into a `PageError`."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, BinaryIO, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from formreader.core.errors import PageError, UsageError
from formreader.core.locations import is_url
from formreader.core.records import GreyImage, InputFile, Page
from formreader.core.remote_files import fetch
from formreader.core.user_files import NotAFileError, open_regular
from formreader.input.file_formats import HEAD_LENGTH, PDF, TIFF, FileFormat, format_of_head
from formreader.input.grey import grey_of
from formreader.input.raster import count_tiff_pages, credible_dpi, estimated_dpi, read_raster

MAX_PIXELS = 150_000_000
"""Largest page, in pixels, that is decoded: A4 at 1200 dpi, A2 at 600 dpi.

A limit of memory: in each worker, decoding takes up to nine bytes per pixel (CMYK), one to
two for grey images and JPEG. Pillow has its own limit for TIFF and WebP, 179 million.
"""


def count_pages(file: InputFile) -> int:
    """The number of pages of a file, from its headers.

    If the file claims more pages than it has, one missing page is counted: reading it fails and
    reports them.

    Raises:
        PageError: the file cannot be opened, is damaged, or has another format.
    """
    with page_errors(file.label), open_file(file.path) as stream:
        pages = count_image_pages(stream)
        return _pages_of_pdf(stream) if pages is None else pages


def measure_file(file: InputFile) -> tuple[int, int]:
    """The number of pages of a file, and the pixels of its first one as its header states them.

    The pixels of a PDF are 0: they depend on the resolution that it is drawn with.

    Raises:
        PageError: the file cannot be opened, is damaged, or has another format.
    """
    with page_errors(file.label), open_file(file.path) as stream:
        found = _format_of(stream)
        if found is PDF:
            return _pages_of_pdf(stream), 0
        with found.open(stream) as image:
            pixels = image.width * image.height
        stream.seek(0)
        return count_image_pages(stream) or 1, pixels


def _pages_of_pdf(stream: BinaryIO) -> int:
    from formreader.input.pdf import count_pdf_pages  # most scans have none

    return count_pdf_pages(stream)


def count_image_pages(stream: BinaryIO, max_pages: int | None = None) -> int | None:
    """The number of pages of an open image file, as of `count_pages`, up to `max_pages` + 1.

    It is None for a PDF: pdfium counts them, which a damaged file may crash or block.

    Raises:
        PageError: the file has another format.
        OSError: it cannot be read.
    """
    found = _format_of(stream)
    if found is PDF:
        return None
    return count_tiff_pages(stream, max_pages) if found is TIFF else 1


def read_page(
    file: InputFile, number: int, *, max_pixels: int = MAX_PIXELS, with_lines: bool = False
) -> Page:
    """Read page `number` (0-based) of a file, whose content decides the format, not its name.

    The image is grey, turned by the file's own orientation tag, white where it was transparent, and
    read-only. Over `max_pixels` it is refused undecoded. `with_lines`: with lines that a PDF draws.

    Raises:
        PageError: the page cannot be read, for any reason.
    """
    where = file.label if number == 0 else f"{file.label}, page {number + 1}"
    with page_errors(where), open_file(file.path) as stream:
        return decode_page(stream, file.label, number, max_pixels=max_pixels, with_lines=with_lines)


def decode_page(
    stream: BinaryIO,
    label: str,
    number: int,
    *,
    max_pixels: int = MAX_PIXELS,
    with_lines: bool = False,
) -> Page:
    """The same of an open file.

    Raises:
        PageError: the page is too large or incomplete, or the file is of another kind.
        Exception: whatever decoders raise on damaged data; `page_errors` translates.
    """
    found = _format_of(stream)
    if found is PDF:
        from formreader.input.pdf import read_pdf  # most scans have none

        picture = read_pdf(stream, number, max_pixels, with_lines=with_lines)
        dpi = credible_dpi((picture.dpi, picture.dpi), picture.image.shape)
        page = page_of(picture.image, label, number, dpi)
        return replace(page, form_fields=picture.fields, lines=picture.lines)
    image, dpi = read_raster(stream, found, number, max_pixels)
    return page_of(image, label, number, dpi)


def page_of(image: GreyImage, label: str, number: int, dpi: float | None) -> Page:
    """A page of an image, (height, width) uint8, read-only from then on; dpi estimated if None."""
    image.setflags(write=False)
    return Page(label, number, image, dpi or estimated_dpi(image.shape))


@contextmanager
def page_errors(where: str) -> Iterator[None]:
    """Turn every exception of reading a page into a `PageError` that begins with `where`."""
    try:
        yield
    except PageError as error:
        raise PageError(f"{where}: {error}") from error
    except FileNotFoundError as error:
        raise PageError(f"{where}: the file is gone. Put it back or scan it again") from error
    except PermissionError as error:
        raise PageError(f"{where}: no permission to read it. Change its permissions") from error
    except MemoryError as error:
        raise PageError(f"{where}: too large for the memory. Use fewer --workers") from error
    except Exception as error:  # decoders raise nearly anything on damaged data
        cause = " ".join(str(error).split()) or type(error).__name__
        raise PageError(f"{where}: damaged ({cause}). Scan or copy the file again") from error


@contextmanager
def open_file(path: str) -> Iterator[BinaryIO]:
    """Open a local file or a URL for reading bytes.

    Raises:
        PageError: it is not a regular file, or a URL cannot be fetched.
        OSError: it is gone, or there is no permission to read it.
    """
    if is_url(path):
        yield io.BytesIO(_fetched(path))
        return
    if os.path.isdir(path):
        os.listdir(path)  # folders are listed as pages only where this fails
        raise PageError("it is a folder. Give it as a path of its own")
    try:
        stream = open_regular(path)
    except NotAFileError as error:
        raise PageError("it is not a file but a device or a pipe. Save it as a file") from error
    with stream:
        if not os.fstat(stream.fileno()).st_size:  # as of the files in /proc, which may never end
            raise PageError("the file is empty. Scan or copy it again")
        yield stream


def _fetched(url: str) -> bytes:
    """The content of `url`; errors that local files do not have become a `PageError`."""
    try:
        return fetch(url)
    except (FileNotFoundError, PermissionError):
        raise
    except UsageError as error:  # a worker on another machine may lack a package
        raise PageError(str(error)) from error
    except OSError as error:
        remedy = (
            "Copy it to a disk"
            if error.errno == errno.EFBIG
            else "Check the connection and scan it again"
        )
        raise PageError(f"it cannot be fetched ({error.strerror}). {remedy}") from error


def _format_of(stream: BinaryIO) -> FileFormat:
    """The format of an open file, by its first bytes; the stream is then at its start."""
    stream.seek(0)
    head = stream.read(HEAD_LENGTH)
    stream.seek(0)
    return format_of_head(head)


Channels: TypeAlias = Literal["rgb", "bgr"]
"""Order of an array's colours: `rgb` as Pillow and imageio have them, `bgr` as OpenCV has them."""

MemoryImage: TypeAlias = bytes | Image.Image | npt.NDArray[np.uint8]
"""The bytes of a file, a Pillow image, or an array (h, w), (h, w, 3) or (h, w, 4) of uint8."""


def page_in_memory(image: MemoryImage, label: str, number: int, channels: Channels) -> Page:
    """Page `number` (0-based) of an image in memory, upright by its own orientation tag.

    The image itself is not changed. `channels` is the order of an array's colours.

    Raises:
        ValueError: an array is no image, or of another type than uint8.
        PageError: bytes are too large a page, or of another kind of file.
        Exception: whatever decoders raise on damaged data; `page_errors` translates.
    """
    if isinstance(image, bytes):
        return decode_page(io.BytesIO(image), label, number)
    if isinstance(image, Image.Image):
        return page_of(np.array(grey_of(ImageOps.exif_transpose(image))), label, number, None)
    return page_of(_grey(image, channels), label, number, None)


def check_array(image: npt.NDArray[Any], channels: str) -> None:
    """Find out whether an array is an image.

    Raises:
        ValueError: its shape or type is none of an image, or `channels` is unknown.
    """
    colours = image.shape[2] if image.ndim == 3 else 0
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or colours not in (0, 3, 4):
        raise ValueError(
            "an array must be (h, w), (h, w, 3) or (h, w, 4) of uint8. "
            f"Received: {image.shape} {image.dtype}"
        )
    if not image.size:
        raise ValueError(f"an array without pixels is no page. Received: {image.shape}")
    if channels not in ("rgb", "bgr"):
        raise ValueError(f'channels must be "rgb" or "bgr". Received: {channels!r}')


def _grey(image: npt.NDArray[np.uint8], channels: Channels) -> GreyImage:
    """Luminance (h, w) uint8, over white where the image is transparent; always a copy."""
    check_array(image, channels)
    if image.ndim == 2:
        return np.array(image, order="C")
    colours = image[..., :3] if channels == "rgb" else image[..., 2::-1]
    pixels = np.ascontiguousarray(np.dstack([colours, image[..., 3:]]))
    return np.array(grey_of(Image.fromarray(pixels)))
