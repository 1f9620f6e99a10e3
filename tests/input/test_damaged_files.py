"""Damaged input: each fault is a `PageError` that names file, cause and remedy."""

from __future__ import annotations

import builtins
import functools
import io
import os
import re
import struct
import tempfile
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pypdfium2 as pdfium
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from formreader.batch.job_plan import input_records
from formreader.core.errors import PageError
from formreader.core.records import InputFile
from formreader.input.open_page import count_pages, read_page


@functools.cache
def page_image() -> Image.Image:
    noise = np.random.default_rng(1).normal(200, 12, (120, 90)).clip(0, 255).astype(np.uint8)
    noise[30:60, 20:40] = 15
    return Image.fromarray(noise)


@functools.cache
def encoded(kind: str) -> bytes:
    """A small valid file of each kind."""
    image, buffer = page_image(), io.BytesIO()
    if kind == "G4":
        image.point(lambda value: 255 * (value > 128)).convert("1").save(
            buffer, "TIFF", compression="group4"
        )
    elif kind == "fax":
        image.save(buffer, "TIFF", compression="tiff_lzw", save_all=True, append_images=[image])
    elif kind == "exif":
        exif = Image.Exif()
        exif[0x0112], exif[0x011A], exif[0x011B] = 6, 300.0, 300.0
        image.save(buffer, "JPEG", exif=exif)
    else:
        image.save(buffer, kind)
    return buffer.getvalue()


KINDS = ("PNG", "JPEG", "exif", "TIFF", "G4", "fax", "WEBP", "BMP", "PDF")


def error(tmp_path: Path, data: bytes, name: str = "scan.png") -> str:
    path = tmp_path / name
    path.write_bytes(data)
    file = InputFile(str(path), f"folder/{name}")
    with pytest.raises(PageError) as caught:
        read_page(file, 0)
    message = str(caught.value)
    assert message.startswith(f"folder/{name}: ")
    assert counted(file) in (1, message)
    return message


def counted(file: InputFile) -> int | str:
    """The number of pages, or the error of counting them."""
    try:
        return count_pages(file)
    except PageError as error:
        return str(error)


@pytest.mark.parametrize("kind", KINDS)
def test_samples_are_valid(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a"
    path.write_bytes(encoded(kind))
    assert min(read_page(InputFile(str(path), "a"), 0).image.shape) == 90


def test_empty_file(tmp_path: Path) -> None:
    assert "the file is empty. Scan or copy it again" in error(tmp_path, b"")


def test_text_named_png(tmp_path: Path) -> None:
    assert "it is not a PNG, JPEG" in error(tmp_path, b"name;value\n1;2\n")


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "G4", "WEBP", "BMP"])
def test_truncated_image(tmp_path: Path, kind: str, share: float) -> None:
    data = encoded(kind)
    assert "again" in error(tmp_path, data[: int(share * len(data))])


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_truncated_jpeg_with_an_end_marker_is_not_half_grey(tmp_path: Path, share: float) -> None:
    data = encoded("JPEG")
    half = data[: int(share * len(data))] + b"\xff\xd9"
    assert "the JPEG data ends early" in error(tmp_path, half, "scan.jpg")


def test_truncated_jpeg_filled_up_with_zeros(tmp_path: Path) -> None:
    data = encoded("JPEG")
    error(tmp_path, data[: len(data) // 2].ljust(len(data), b"\0"), "scan.jpg")


def test_mid_grey_jpeg_does_not_count_as_truncated(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    Image.new("L", (64, 64), 128).save(path)
    assert (read_page(InputFile(str(path), "a.jpg"), 0).image == 128).all()


def test_garbage_after_the_end_of_a_jpeg_is_harmless(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(encoded("JPEG") + b"\0" * 99)
    assert read_page(InputFile(str(path), "a.jpg"), 0).image.shape == (120, 90)


def test_png_with_a_broken_chunk(tmp_path: Path) -> None:
    data = bytearray(encoded("PNG"))
    data[len(data) // 2] ^= 1
    assert "a part of the PNG data is damaged" in error(tmp_path, bytes(data))


def test_png_without_its_end(tmp_path: Path) -> None:
    assert "the PNG data ends early" in error(tmp_path, encoded("PNG")[:-12])


def png_of(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds a single row."""

    def chunk(name: bytes, body: bytes) -> bytes:
        checksum = zlib.crc32(name + body)
        return struct.pack(">L", len(body)) + name + body + struct.pack(">L", checksum)

    header = struct.pack(">LLBBBBB", width, height, 1, 0, 0, 0, 0)
    row = zlib.compress(bytes(width // 8 + 1))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", row) + chunk(b"IEND", b"")


def test_huge_image_is_refused_before_decoding(tmp_path: Path) -> None:
    message = error(tmp_path, png_of(40_000, 40_000))
    assert "40000 x 40000 px is over the limit of 150 million pixels" in message
    assert "Scan it at a lower resolution" in message


@pytest.mark.parametrize("kind", ["JPEG", "TIFF", "WEBP", "BMP", "PNG"])
def test_limit_holds_for_each_format(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a"
    path.write_bytes(encoded(kind))
    with pytest.raises(PageError, match="over the limit"):
        read_page(InputFile(str(path), "a"), 0, max_pixels=120 * 90 - 1)


def test_pdf_without_pages(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    document = pdfium.PdfDocument.new()
    document.save(buffer)
    document.close()
    assert "the PDF has no pages" in error(tmp_path, buffer.getvalue(), "scan.pdf")


ENCRYPTED = b"""%%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>endobj
4 0 obj<</Filter/Standard/V 1/R 2/P -4/O<%(o)s>/U<%(u)s>>>endobj
trailer<</Size 5/Root 1 0 R/Encrypt 4 0 R/ID[<00><00>]>>
%%%%EOF
""" % {b"o": b"11" * 32, b"u": b"22" * 32}


def test_encrypted_pdf(tmp_path: Path) -> None:
    message = error(tmp_path, ENCRYPTED, "scan.pdf")
    assert "the PDF needs a password. Save it without one" in message


@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
def test_truncated_pdf(tmp_path: Path, share: float) -> None:
    data = encoded("PDF")
    message = error(tmp_path, data[: int(share * len(data))], "scan.pdf")
    assert "PDF is damaged" in message or "PDF ends early" in message


def test_pdf_around_a_truncated_jpeg(tmp_path: Path) -> None:
    data = encoded("PDF")
    start, end = data.index(b"\xff\xd8\xff"), data.rindex(b"\xff\xd9")
    middle = (start + end) // 2
    cut = data[:middle] + bytes(end + 2 - middle) + data[end + 2 :]
    assert "an image in the PDF ends early" in error(tmp_path, cut, "scan.pdf")


def test_page_beyond_the_last(tmp_path: Path) -> None:
    for kind in ("PDF", "TIFF"):
        path = tmp_path / kind
        path.write_bytes(encoded(kind))
        with pytest.raises(PageError, match=f"{kind}, page 8: "):
            read_page(InputFile(str(path), kind), 7)


@pytest.mark.parametrize("stated", [2, 3, 999_999])
def test_pages_that_a_pdf_only_claims_count_as_one(tmp_path: Path, stated: int) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(re.sub(rb"/Count 1\b", b"/Count %d" % stated, encoded("PDF")))
    file = InputFile(str(path), "a.pdf")
    assert count_pages(file) == 2
    assert read_page(file, 0).image.size
    with pytest.raises(PageError, match=rf"page 2: the PDF says that it has {stated:,} pages, but"):
        read_page(file, 1)


def test_a_page_that_is_missing_hides_none_after_it(tmp_path: Path) -> None:
    """The second of three pages is not in the file, which says that it has many more."""
    path = tmp_path / "a.pdf"
    image = Image.new("L", (9, 9))
    image.save(path, save_all=True, append_images=[image, image])
    data = re.sub(rb"/Count 3\b", b"/Count 77", path.read_bytes())
    (second,) = re.findall(rb"/Kids \[ \d+ 0 R (\d+ 0 R) \d+ 0 R \]", data)
    path.write_bytes(data.replace(second, b"99 0 R"))
    file = InputFile(str(path), "a.pdf")
    assert count_pages(file) == 4
    assert read_page(file, 2).image.shape == (9, 9)
    with pytest.raises(PageError, match="page 2: the PDF says that it has 77 pages"):
        read_page(file, 1)


def test_a_chain_of_empty_tiff_directories_is_one_page(tmp_path: Path) -> None:
    """Each has no entries and leads to the next, which overlaps it."""
    path = tmp_path / "a.tif"
    chain = b"".join(struct.pack("<HL", 0, place + 6) for place in range(8, 60_008, 6))
    path.write_bytes(b"II*\0" + struct.pack("<L", 8) + chain)
    assert count_pages(InputFile(str(path), "a.tif")) == 1


def test_file_deleted_after_listing(tmp_path: Path) -> None:
    file = InputFile(str(tmp_path / "gone.png"), "gone.png")
    for read in (count_pages, partial(read_page, number=0)):
        with pytest.raises(PageError, match=r"gone\.png: the file is gone"):
            read(file)


def test_folder(tmp_path: Path) -> None:
    with pytest.raises(PageError, match="it is a folder"):
        read_page(InputFile(str(tmp_path), "x"), 0)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_pipe_does_not_hang(tmp_path: Path) -> None:
    path = tmp_path / "pipe.png"
    os.mkfifo(path)
    with pytest.raises(PageError, match="a device or a pipe"):
        read_page(InputFile(str(path), "pipe.png"), 0)


def raising(reason: BaseException) -> Callable[..., object]:
    def fail(*_: object, **__: object) -> object:
        raise reason

    return fail


def test_file_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Permission bits do not bind root, so the refusal is simulated."""
    path = tmp_path / "a.png"
    path.write_bytes(encoded("PNG"))
    monkeypatch.setattr(builtins, "open", raising(PermissionError(13, "Permission denied")))
    with pytest.raises(PageError, match=r"a\.png: no permission to read it"):
        read_page(InputFile(str(path), "a.png"), 0)


def test_folder_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "listdir", raising(PermissionError(13, "Permission denied")))
    with pytest.raises(PageError, match="x: no permission to read it"):
        read_page(InputFile(str(tmp_path), "x"), 0)


def test_memory_runs_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(encoded("PNG"))
    monkeypatch.setattr("formreader.input.raster.grey_of", raising(MemoryError()))
    with pytest.raises(PageError, match="too large for the memory"):
        read_page(InputFile(str(path), "a.png"), 0)


def test_damage_writes_nothing_to_stderr(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for kind in ("JPEG", "PNG", "G4", "TIFF", "WEBP", "PDF"):
        data = encoded(kind)
        error(tmp_path, data[: len(data) // 2], kind)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_damage_never_raises_anything_else(kind: str, data: st.DataObject) -> None:
    damaged = bytearray(encoded(kind))
    places = st.integers(0, len(damaged) - 1) | st.integers(0, min(200, len(damaged) - 1))
    changes = st.lists(st.tuples(places, st.integers(0, 255)), max_size=8)
    for place, value in data.draw(changes, "changes"):
        damaged[place] = value
    length = data.draw(st.just(len(damaged)) | st.integers(0, len(damaged)), "length")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a")
        path.write_bytes(damaged[:length])
        file = InputFile(str(path), "a")
        pages = counted(file)
        # A damaged TIFF may chain its directories to more pages; each costs an entry of 12 bytes.
        assert str(pages).startswith("a: ") or 1 <= int(pages) <= 2 + length // 12
        try:
            page = read_page(file, 0, max_pixels=1_000_000)
        except PageError as error:
            assert str(error).startswith("a: ")
        else:
            assert page.image.dtype == np.uint8
            assert page.image.ndim == 2


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no such pipes")
def test_what_becomes_a_pipe_after_it_was_looked_at_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The open file tells what it is: its name told of another one a moment before."""
    path = tmp_path / "a.png"
    path.write_bytes(encoded("PNG"))
    facts = path.stat()
    path.unlink()
    os.mkfifo(path)
    monkeypatch.setattr(os, "stat", lambda *_, **__: facts)
    with pytest.raises(PageError, match="a device or a pipe"):
        read_page(InputFile(str(path), "a.png"), 0)


@pytest.mark.parametrize("endless", ["/proc/kmsg", "/proc/self/pagemap"])
def test_files_of_the_system_that_do_not_end_are_no_pages(tmp_path: Path, endless: str) -> None:
    """They say that they are regular files; the first waits for the next message of the kernel."""
    if not os.access(endless, os.R_OK):
        pytest.skip("only Linux has such a file, and only root may read the first")
    path = tmp_path / "a.png"
    path.symlink_to(endless)
    file = InputFile(str(path), "a.png")
    with pytest.raises(PageError, match="the file is empty"):
        read_page(file, 0)
    (record,) = input_records([file], {}, lambda _: 1)
    assert "the file is empty" in record.error
