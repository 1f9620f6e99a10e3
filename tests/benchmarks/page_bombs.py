"""Files that are small and cost much: memory, time or pages. Shared by tests and `attacks.py`."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType


def pdf(objects: Mapping[int, bytes], root: int = 1) -> bytes:
    """A PDF of numbered objects, with its table of offsets."""
    data, offsets = bytearray(b"%PDF-1.7\n"), dict[int, int]()
    for number, body in objects.items():
        offsets[number] = len(data)
        data += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    start, size = len(data), max(objects) + 1
    data += b"xref\n0 %d\n0000000000 65535 f \n" % size
    data += b"".join(b"%010d 00000 n \n" % offsets.get(number, 0) for number in range(1, size))
    return bytes(data) + b"trailer\n<</Size %d/Root %d 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (
        size,
        root,
        start,
    )


def stream(content: bytes, entries: bytes = b"") -> bytes:
    """A stream object of a PDF."""
    return b"<</Length %d%b>>\nstream\n%b\nendstream" % (len(content), entries, content)


def one_page(content: bytes, *, form: bytes | None = None, entries: bytes = b"") -> bytes:
    """A PDF of one page with `content`; it may draw the form `F`."""
    resources = b"/Resources<</XObject<</F 5 0 R>>>>" if form is not None else b"/Resources<<>>"
    objects = {
        1: b"<</Type/Catalog/Pages 2 0 R>>",
        2: b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        3: b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R%b>>" % resources,
        4: stream(content, entries),
    }
    return pdf(objects if form is None else objects | {5: form})


def self_drawing_form() -> bytes:
    """A form that draws itself twice."""
    entries = b"/Type/XObject/Subtype/Form/BBox[0 0 595 842]/Resources<</XObject<</F 5 0 R>>>>"
    return one_page(b"/F Do", form=stream(b"/F Do /F Do", entries))


def nested_forms(depth: int = 12, width: int = 10) -> bytes:
    """Forms that each draw the next one `width` times."""
    objects = {
        1: b"<</Type/Catalog/Pages 2 0 R>>",
        2: b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        3: b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R"
        b"/Resources<</XObject<</F 5 0 R>>>>>>",
        4: stream(b"/F Do"),
    }
    for level in range(depth):
        number = 5 + level
        body = b"/F Do " * width if level < depth - 1 else b"0 0 9 9 re f "
        entries = b"/Type/XObject/Subtype/Form/BBox[0 0 595 842]"
        if level < depth - 1:
            entries += b"/Resources<</XObject<</F %d 0 R>>>>" % (number + 1)
        objects[number] = stream(body, entries)
    return pdf(objects)


def saved_states(count: int = 40_000_000) -> bytes:
    """`q` operators, deflated to some kilobytes."""
    return one_page(_deflated(b"q " * 1000, count // 1000), entries=b"/Filter/FlateDecode")


def rectangles(count: int = 20_000_000) -> bytes:
    """Rectangles, deflated."""
    shapes = b"0 0 9 9 re f\n" * 1000
    return one_page(_deflated(shapes, count // 1000), entries=b"/Filter/FlateDecode")


def twice_deflated(size: int = 2**31) -> bytes:
    """A stream of spaces, deflated twice."""
    once = _deflated(b" " * 2**20, size >> 20)
    twice = zlib.compress(once, 9)
    return one_page(twice, entries=b"/Filter[/FlateDecode/FlateDecode]")


def float_tiff(width: int = 12_000, height: int = 12_000) -> bytes:
    """A deflated TIFF of 32-bit floats."""
    data = _deflated(bytes(4 * width), height)
    return _tiff(width, height, bits=32, kind=3, compression=8, data=data)


def many_pages_pdf(pages: int = 1_000_000) -> bytes:
    """A PDF whose tree of pages leads to one page again and again."""
    objects = {1: b"<</Type/Catalog/Pages 2 0 R>>"}
    number, count = 2, pages
    while count > 1:
        count //= 10
        kids = b"%d 0 R " % (number + 1) * 10
        objects[number] = b"<</Type/Pages/Kids[%b]/Count %d>>" % (kids, count * 10)
        number += 1
    objects[number] = b"<</Type/Page/Parent %d 0 R/MediaBox[0 0 595 842]>>" % (number - 1)
    return pdf(objects)


def many_pages_tiff(pages: int = 1_000_000) -> bytes:
    """A TIFF whose directories each lead to the next."""
    parts, offset = [b"II*\0" + struct.pack("<L", 8)], 8
    for page in range(pages):
        offset += 18
        entry = struct.pack("<HHLL", 256, 3, 1, 1)
        parts.append(struct.pack("<H", 1) + entry + struct.pack("<L", offset * (page < pages - 1)))
    return b"".join(parts)


def write_sparse_png(path: Path, size: int = 2**32) -> None:
    """Write a PNG of `size` bytes that takes no space on the disk."""
    with path.open("wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        file.truncate(size)


BOMBS: Mapping[str, Callable[[], bytes]] = MappingProxyType(
    {
        "self_drawing_form.pdf": self_drawing_form,
        "nested_forms.pdf": nested_forms,
        "saved_states.pdf": saved_states,
        "rectangles.pdf": rectangles,
        "twice_deflated.pdf": twice_deflated,
        "float.tif": float_tiff,
        "million_pages.pdf": many_pages_pdf,
        "million_pages.tif": many_pages_tiff,
    }
)
"""Name of a file -> its content. A page of each takes gigabytes, or it has a million."""


def _deflated(piece: bytes, times: int) -> bytes:
    packer = zlib.compressobj(9)
    return b"".join([*(packer.compress(piece) for _ in range(times)), packer.flush()])


def _tiff(width: int, height: int, *, bits: int, kind: int, compression: int, data: bytes) -> bytes:
    """A TIFF of one strip."""
    tags = (
        (256, 4, width), (257, 4, height), (258, 3, bits), (259, 3, compression), (262, 3, 1),
        (273, 4, 8), (277, 3, 1), (278, 4, height), (279, 4, len(data)), (339, 3, kind),
    )  # fmt: skip
    body = data + b"\0" * (len(data) % 2)
    entries = b"".join(struct.pack("<HHLL", tag, form, 1, value) for tag, form, value in tags)
    head = b"II*\0" + struct.pack("<L", 8 + len(body))
    return head + body + struct.pack("<H", len(tags)) + entries + bytes(4)
