"""Pages of lines, areas and text as a PDF. The same drawing gives the same bytes."""

from __future__ import annotations

import unicodedata
import zlib
from collections.abc import Sequence

POINTS_PER_MM = 72 / 25.4
"""Points are the unit of length in a PDF."""

_CODING = "cp1252"
"""The letters that the fonts which every reader of PDF has can show: those of Western Europe."""

_FONTS = ("Helvetica", "Helvetica-Bold")

_WIDTHS = (
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556,
    556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667,
    611, 778, 722, 278, 500, 667, 556, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667,
    667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500,
    222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
)  # fmt: skip
"""Of the letters from the blank to ~ in Helvetica, in thousandths of its size (Adobe's metrics)."""

_OTHER_WIDTH, _BOLD = 667, 1.07
"""Of a letter beyond these, by which most are narrower; and of bold letters, as a ratio."""


class PdfPage:
    """A page to draw on: lengths are mm, from its upper left corner."""

    def __init__(self, width: float, height: float) -> None:
        self.width, self.height = width, height
        self._drawn = list[str]()

    def line(self, start: tuple[float, float], end: tuple[float, float], width: float) -> None:
        """Draw a straight line with square ends."""
        thick, (ax, ay), (bx, by) = width * POINTS_PER_MM, self._point(*start), self._point(*end)
        self._drawn.append(f"{thick:.2f} w {ax:.2f} {ay:.2f} m {bx:.2f} {by:.2f} l S")

    def fill(self, left: float, top: float, width: float, height: float) -> None:
        """Fill a rectangle with black."""
        x, y = self._point(left, top + height)
        sides = f"{width * POINTS_PER_MM:.2f} {height * POINTS_PER_MM:.2f}"
        self._drawn.append(f"{x:.2f} {y:.2f} {sides} re f")

    def text(self, left: float, base: float, text: str, size: float, *, bold: bool = False) -> None:
        """Write a line of text on a base line; `size` is that of the font."""
        x, y = self._point(left, base)
        letters = _shown(text).translate({ord(one): f"\\{one}" for one in "()\\"})
        font = f"/F{int(bold)} {size * POINTS_PER_MM:.2f} Tf"
        self._drawn.append(f"BT {font} {x:.2f} {y:.2f} Td ({letters}) Tj ET")

    @property
    def content(self) -> bytes:
        """What is drawn, in the language of PDF."""
        return "\n".join(("2 J", *self._drawn)).encode(_CODING)

    def _point(self, x: float, y: float) -> tuple[float, float]:
        return x * POINTS_PER_MM, (self.height - y) * POINTS_PER_MM


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """The width of a line of text, in the unit of its size, or a little more."""
    codes = (ord(one) - ord(" ") for one in _shown(text))
    width = sum(_WIDTHS[code] if code < len(_WIDTHS) else _OTHER_WIDTH for code in codes)
    return width / 1000 * size * (_BOLD if bold else 1.0)


def pdf_bytes(pages: Sequence[PdfPage]) -> bytes:
    """The pages as the content of a PDF file."""
    kids = " ".join(f"{3 + len(_FONTS) + 2 * i} 0 R" for i in range(len(pages)))
    fonts = " ".join(f"/F{i} {3 + i} 0 R" for i in range(len(_FONTS)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode("ascii"),
    ]
    for font in _FONTS:
        kind = "/Type /Font /Subtype /Type1 /Encoding /WinAnsiEncoding"
        objects.append(f"<< {kind} /BaseFont /{font} >>".encode("ascii"))
    for page in pages:
        sides = f"{page.width * POINTS_PER_MM:.2f} {page.height * POINTS_PER_MM:.2f}"
        box, content = f"/MediaBox [0 0 {sides}]", zlib.compress(page.content, 9)
        resources = f"/Resources << /Font << {fonts} >> >>"
        drawn = f"/Contents {len(objects) + 2} 0 R"
        objects.append(f"<< /Type /Page /Parent 2 0 R {box} {resources} {drawn} >>".encode("ascii"))
        head = f"<< /Length {len(content)} /Filter /FlateDecode >>\nstream\n"
        objects.append(head.encode("ascii") + content + b"\nendstream")
    return _file(objects)


def _file(objects: Sequence[bytes]) -> bytes:
    content, places = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n", list[int]()
    for number, one in enumerate(objects, 1):
        places.append(len(content))
        content += b"%d 0 obj\n%s\nendobj\n" % (number, one)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    count = len(objects) + 1
    trailer = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n"
    xref = b"xref\n0 %d\n0000000000 65535 f \n%s" % (count, table)
    return content + xref + trailer % (count, len(content))


def _shown(text: str) -> str:
    """A text in the letters that the fonts have: others without their accents, or as ?."""
    return "".join(map(_letter, unicodedata.normalize("NFC", text)))


def _letter(letter: str) -> str:
    for one in (letter, unicodedata.normalize("NFKD", letter)[0]):
        if one.isprintable() and one.encode(_CODING, "ignore"):
            return one
    return "?"
