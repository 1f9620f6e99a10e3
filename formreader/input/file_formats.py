"""The formats of page files: their content, their suffixes, and what decodes them.

The code of a format is added here; the lists for users are in README, docs/scanning.md, `api.py`
and `cli/scan.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, NoReturn

from PIL.BmpImagePlugin import BmpImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from formreader.core.errors import PageError


@dataclass(frozen=True, slots=True)
class FileFormat:
    """A format of files with pages.

    `suffixes` are in lower case. `begins` tells it by the first bytes of a file. `open` gives
    Pillow's image of an open file, of which only the header is read yet; not of PDFs.
    """

    name: str
    suffixes: tuple[str, ...]
    begins: Callable[[bytes], bool]
    open: Callable[[BinaryIO], ImageFile]


def _starts(*signatures: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(signatures)


def _no_image(stream: BinaryIO) -> NoReturn:
    raise ValueError("files of this format are not single images")


_HEIF = (b"ftypheic", b"ftypheix", b"ftypheim", b"ftypheis", b"ftypmif1", b"ftypmsf1")
"""Bytes 4 to 11 of files with HEIF images (ISO 23008-12, annex B), as phones make them."""


def _open_heif(stream: BinaryIO) -> ImageFile:
    try:
        from pillow_heif import HeifImageFile
    except ImportError as error:
        raise PageError(
            "HEIF needs one more package: pip install 'formreader[heif]'; or save it as JPEG"
        ) from error
    image: ImageFile = HeifImageFile(stream)  # type: ignore[no-untyped-call]
    return image


PNG = FileFormat("PNG", (".png",), _starts(b"\x89PNG\r\n\x1a\n"), PngImageFile)
JPEG = FileFormat(
    "JPEG", (".jpg", ".jpeg", ".jpe", ".jfif"), _starts(b"\xff\xd8\xff"), JpegImageFile
)
TIFF = FileFormat(
    "TIFF", (".tif", ".tiff"), _starts(b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), TiffImageFile
)
WEBP = FileFormat(
    "WebP", (".webp",), lambda head: head[:4] == b"RIFF" and head[8:12] == b"WEBP", WebPImageFile
)
BMP = FileFormat("BMP", (".bmp", ".dib"), _starts(b"BM"), BmpImageFile)
HEIF = FileFormat("HEIF", (".heic", ".heif"), lambda head: head[4:12] in _HEIF, _open_heif)
PDF = FileFormat("PDF", (".pdf",), lambda head: b"%PDF-" in head, _no_image)

FORMATS = (PNG, JPEG, TIFF, WEBP, BMP, HEIF, PDF)
"""Pillow's plugins are used directly rather than by `Image.open`: that has its own global limit
of size, and takes a phone's JPEG with a second picture for a film."""

PAGE_SUFFIXES = frozenset(suffix for one in FORMATS for suffix in one.suffixes)
"""Suffixes, in lower case, of the files in a folder that are read as pages."""

FORMAT_NAMES = f"{', '.join(one.name for one in FORMATS[:-1])} or {FORMATS[-1].name}"
"""The formats as messages list them."""

HEAD_LENGTH = 1024
"""Bytes at the start of a file that tell its format; the header of a PDF may begin anywhere in
them (PDF Reference 1.7, appendix H)."""


def format_of_head(head: bytes) -> FileFormat:
    """The format of a file that begins with these bytes.

    Raises:
        PageError: it is empty or none of the formats.
    """
    if not head:
        raise PageError("the file is empty. Scan or copy it again")
    for one in FORMATS:
        if one.begins(head):
            return one
    raise PageError(f"it is not a {FORMAT_NAMES} file. Save it as one of these")
