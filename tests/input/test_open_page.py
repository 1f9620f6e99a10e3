"""Still images: every format and mode gives the right grey pixels."""

from __future__ import annotations

import io
import struct
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt
import pillow_heif
import pytest
from PIL import Image, ImageCms, ImageOps, TiffImagePlugin

from formreader.core.errors import PageError
from formreader.core.records import InputFile, Page
from formreader.input.open_page import count_pages, read_page
from formreader.input.raster import estimated_dpi

HEIGHT, WIDTH = 41, 67


def scene() -> npt.NDArray[np.uint8]:
    """A grey picture without symmetry, smooth enough for lossy formats."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    image = (90 + x + 1.5 * y).astype(np.uint8)
    image[5:20, 4:18] = 20
    return image


def read(path: Path, number: int = 0) -> Page:
    return read_page(InputFile(str(path), path.name), number)


def save(path: Path, image: Image.Image, **options: object) -> Path:
    image.save(path, **options)  # type: ignore[arg-type]
    return path


def assert_shows(page: Page, expected: npt.NDArray[np.uint8], tolerance: int = 0) -> None:
    assert page.image.dtype == np.uint8
    assert page.image.shape == expected.shape
    assert page.image.flags.c_contiguous
    assert np.abs(page.image.astype(int) - expected).max() <= tolerance


@pytest.mark.parametrize("suffix", ["png", "tif", "bmp"])
@pytest.mark.parametrize("mode", ["L", "RGB", "P"])
def test_lossless_formats_keep_every_pixel(tmp_path: Path, suffix: str, mode: str) -> None:
    image = Image.fromarray(scene()).convert(mode)
    assert_shows(read(save(tmp_path / f"a.{suffix}", image)), scene())


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg(tmp_path: Path, mode: str, progressive: bool) -> None:
    image = Image.fromarray(scene()).convert(mode)
    path = save(tmp_path / "a.jpg", image, quality=98, progressive=progressive)
    assert_shows(read(path), scene(), tolerance=9)


@pytest.mark.parametrize("lossless", [False, True])
def test_webp(tmp_path: Path, lossless: bool) -> None:
    path = save(tmp_path / "a.webp", Image.fromarray(scene()), lossless=lossless, quality=98)
    assert_shows(read(path), scene(), tolerance=0 if lossless else 12)


def heif(path: Path, image: Image.Image, **options: object) -> Path:
    """A picture as phones save it; the orientation tag is kept, not applied."""
    pillow_heif.from_pillow(image).save(path, quality=95, **options)
    return path


def test_heif(tmp_path: Path) -> None:
    path = heif(tmp_path / "a.heic", Image.fromarray(scene()).convert("RGB"))
    assert_shows(read(path), scene(), tolerance=12)
    assert count_pages(InputFile(str(path), path.name)) == 1


def test_a_heif_image_that_ends_early_is_damaged(tmp_path: Path) -> None:
    path = heif(tmp_path / "a.heic", Image.fromarray(scene()).convert("RGB"))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(PageError, match=r"a\.heic: damaged"):
        read(path)


def test_heif_without_its_package_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = heif(tmp_path / "a.heic", Image.fromarray(scene()).convert("RGB"))
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(PageError, match=r"pip install 'formreader\[heif\]'"):
        read(path)


def test_content_decides_the_format_not_the_name(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", Image.fromarray(scene()), format="TIFF")
    assert_shows(read(path), scene())


def test_colour_becomes_luminance(tmp_path: Path) -> None:
    colours = Image.new("RGB", (8, 8), (200, 100, 50))
    page = read(save(tmp_path / "a.png", colours))
    assert page.image[0, 0] == round(0.299 * 200 + 0.587 * 100 + 0.114 * 50)


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_once(tmp_path: Path, suffix: str, orientation: int) -> None:
    """What is stored is the upright scene moved the way that the tag undoes."""
    upright = scene()
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.T,
        6: np.rot90(upright, 1),
        7: upright[::-1, ::-1].T,
        8: np.rot90(upright, -1),
    }[orientation]
    image = Image.fromarray(np.ascontiguousarray(stored))
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"quality": 100} if suffix in ("jpg", "webp") else {}
    path = save(tmp_path / f"a.{suffix}", image, exif=exif, **options)
    assert_shows(read(path), upright, tolerance=12 if options else 0)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
@pytest.mark.parametrize("orientation", [0, 5, 9, 65535])
def test_orientation_agrees_with_pillow(tmp_path: Path, suffix: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save(tmp_path / f"a.{suffix}", Image.fromarray(scene()), exif=exif)
    shown = ImageOps.exif_transpose(Image.open(path)).convert("L")
    assert_shows(read(path), np.asarray(shown), tolerance=2)


def test_each_page_of_a_tiff_has_its_own_orientation(tmp_path: Path) -> None:
    stored = {1: scene(), 6: np.rot90(scene(), 1), 3: scene()[::-1, ::-1]}
    pages = [Image.fromarray(np.ascontiguousarray(image)) for image in stored.values()]
    for page, orientation in zip(pages, stored, strict=True):
        tags = TiffImagePlugin.ImageFileDirectory_v2()
        tags[0x0112] = orientation
        page.encoderinfo = {"tiffinfo": tags}  # type: ignore[attr-defined]
    path = save(tmp_path / "a.tif", pages[0], save_all=True, append_images=pages[1:])
    for number in range(len(pages)):
        assert_shows(read(path, number), scene())


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("damaged", [False, True])
def test_a_profile_of_colours_leaves_the_grey_that_pillow_shows(
    tmp_path: Path, suffix: str, mode: str, damaged: bool
) -> None:
    """A profile is not applied: of sRGB there is nothing to do, and a damaged one does no harm."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    image = Image.fromarray(scene()).convert(mode)
    told = profile.tobytes()[:100] if damaged else profile.tobytes()
    options = {"quality": 98} if suffix in ("jpg", "webp") else {}
    path = save(tmp_path / f"a.{suffix}", image, icc_profile=told, **options)
    with Image.open(path) as stored:
        assert stored.info["icc_profile"] == told
        shown = stored.convert("RGB")
    if not damaged:
        shown = ImageCms.profileToProfile(shown, profile, ImageCms.createProfile("sRGB"))
    assert_shows(read(path), np.asarray(shown.convert("L")), tolerance=2)


def grey_profile(gamma: float) -> bytes:
    """The profile of a scanner whose grey has this gamma (ICC.1:2001-04, monochrome input)."""
    white = struct.pack(">3i", 63190, 65536, 54061)  # D50
    tags = {
        b"desc": b"desc" + struct.pack(">4xI", 5) + b"grey\0" + bytes(81),
        b"cprt": b"text" + bytes(4) + b"none",
        b"wtpt": b"XYZ " + bytes(4) + white,
        b"kTRC": b"curv" + struct.pack(">4xIH2x", 1, round(256 * gamma)),
    }
    head, body, at = struct.pack(">I", len(tags)), b"", 132 + 12 * len(tags)
    for name, content in tags.items():
        head += struct.pack(">4s2I", name, at + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    start = struct.pack(
        ">I4xI4s4s4s12x4s28x",
        at + len(body),
        0x02400000,
        b"scnr",
        b"GRAY",
        b"XYZ ",
        b"acsp",
    )
    return (start + white).ljust(128, b"\0") + head + body


@pytest.mark.parametrize(("gamma", "levels"), [(2.2, 9), (1.8, 20), (1.0, 75)])
def test_a_profile_of_greys_is_not_applied_and_keeps_what_is_darker(
    tmp_path: Path, gamma: float, levels: int
) -> None:
    """How far that is from what Pillow shows is in docs/scanning.md, and that it costs no digit."""
    stored = np.tile(np.arange(256, dtype=np.uint8), (32, 1))
    profile = grey_profile(gamma)
    path = save(tmp_path / "a.png", Image.fromarray(stored), icc_profile=profile)
    assert_shows(read(path), stored)
    oracle = ImageCms.profileToProfile(
        Image.fromarray(stored),
        io.BytesIO(profile),
        ImageCms.createProfile("sRGB"),
        outputMode="RGB",
    )
    assert oracle is not None
    shown = np.asarray(oracle.convert("L")).astype(int)[0]
    assert (np.diff(shown) >= 0).all() and shown[0] == 0 and shown[-1] == 255
    assert levels / 2 < np.abs(shown - stored[0]).max() <= levels


@pytest.mark.parametrize("compression", ["group4", "group3", None, "tiff_lzw", "packbits"])
@pytest.mark.parametrize("white_is_zero", [False, True])
def test_bilevel_tiff(tmp_path: Path, compression: str | None, white_is_zero: bool) -> None:
    ink = np.where(scene() > 100, 255, 0).astype(np.uint8)
    path = save(
        tmp_path / "a.tif",
        Image.fromarray(ink).convert("1"),
        compression=compression,
        tiffinfo={262: 0 if white_is_zero else 1},
    )
    with Image.open(path) as stored:
        assert stored.tag_v2[262] == (0 if white_is_zero else 1)  # type: ignore[attr-defined]
    assert_shows(read(path), ink)


def tiff16(values: npt.NDArray[np.uint16], photometric: int) -> bytes:
    """A 16-bit grey TIFF, written by hand: Pillow writes only one polarity."""
    height, width = values.shape
    tags = [
        *((256, 3, width), (257, 3, height), (258, 3, 16), (259, 3, 1)),
        *((262, 3, photometric), (273, 4, 8), (277, 3, 1), (278, 3, height)),
        (279, 4, values.nbytes),
    ]
    entries = b"".join(struct.pack("<HHLL", tag, kind, 1, value) for tag, kind, value in tags)
    head = struct.pack("<2sHL", b"II", 42, 8 + values.nbytes)
    pixels = values.astype("<u2").tobytes()
    return head + pixels + struct.pack("<H", len(tags)) + entries + bytes(4)


@pytest.mark.parametrize("photometric", [0, 1])
def test_16_bit_tiff_of_both_polarities(tmp_path: Path, photometric: int) -> None:
    values = scene().astype(np.uint16) * 257
    path = tmp_path / "a.tif"
    path.write_bytes(tiff16(65535 - values if photometric == 0 else values, photometric))
    assert_shows(read(path), scene())


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize(("bits", "scale"), [(16, 257), (12, 16), (10, 4), (8, 1)])
def test_deep_grey_keeps_its_range(tmp_path: Path, suffix: str, bits: int, scale: int) -> None:
    """Fewer bits in a file for 16 bits, as many scanners write, are not black."""
    image = scene()
    image[0, 0] = 255
    path = save(tmp_path / f"a.{suffix}", Image.fromarray(image.astype(np.uint16) * scale))
    assert_shows(read(path), image)


def test_dark_16_bit_page_is_not_stretched(tmp_path: Path) -> None:
    values = np.full((HEIGHT, WIDTH), 0x3000, np.uint16)
    assert read(save(tmp_path / "a.png", Image.fromarray(values))).image.max() == 0x30


@pytest.mark.parametrize("white", [1.0, 255.0, 65535.0])
def test_float_tiff(tmp_path: Path, white: float) -> None:
    values = scene().astype(np.float32) / 255 * white
    values[0, 0] = white
    values[1, 1] = np.nan
    expected = scene()
    expected[0, 0] = expected[1, 1] = 255
    assert_shows(read(save(tmp_path / "a.tif", Image.fromarray(values))), expected, tolerance=1)


@pytest.mark.parametrize("mode", ["L", "CMYK", "LAB"])
def test_tiff_colour_spaces(tmp_path: Path, mode: str) -> None:
    white = {"L": 255, "CMYK": (0, 0, 0, 0), "LAB": (255, 0, 0)}[mode]
    path = save(tmp_path / "a.tif", Image.new(mode, (9, 5), white))
    assert_shows(read(path), np.full((5, 9), 255, np.uint8), tolerance=1)


@pytest.mark.parametrize("suffix", ["png", "tif", "webp"])
@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_transparent_is_white_paper(tmp_path: Path, suffix: str, mode: str) -> None:
    if (suffix, mode) == ("webp", "LA"):
        pytest.skip("WebP has no such mode")
    alpha = np.zeros((HEIGHT, WIDTH), np.uint8)
    alpha[5:20, 4:18] = 255
    alpha[30:, :] = 128
    image = Image.fromarray(np.zeros_like(alpha)).convert(mode)
    image.putalpha(Image.fromarray(alpha))
    options = {"lossless": True} if suffix == "webp" else {}
    assert_shows(read(save(tmp_path / f"a.{suffix}", image, **options)), 255 - alpha, tolerance=1)


def test_transparent_palette_colour_is_white_paper(tmp_path: Path) -> None:
    image = Image.new("P", (6, 4), 0)
    image.putpalette([0, 0, 0, 40, 40, 40])
    image.putpixel((2, 1), 1)
    page = read(save(tmp_path / "a.png", image, transparency=0))
    expected = np.full((4, 6), 255, np.uint8)
    expected[1, 2] = 40
    assert_shows(page, expected)


def test_unused_alpha_channel_hides_nothing(tmp_path: Path) -> None:
    image = Image.fromarray(scene()).convert("RGBA")
    image.putalpha(0)
    assert_shows(read(save(tmp_path / "a.png", image)), scene())


def fax(path: Path, shades: list[int]) -> Path:
    pages = [Image.new("L", (20 + shade, 10), shade) for shade in shades]
    return save(path, pages[0], save_all=True, append_images=pages[1:], compression="tiff_lzw")


@pytest.mark.parametrize("big", [False, True])
def test_tiff_of_several_pages(tmp_path: Path, big: bool) -> None:
    shades = [10, 20, 30]
    pages = [Image.new("L", (20 + shade, 10), shade) for shade in shades]
    path = save(tmp_path / "a.tif", pages[0], save_all=True, append_images=pages[1:], big_tiff=big)
    assert count_pages(InputFile(str(path), path.name)) == 3
    for number, shade in enumerate(shades):
        page = read(path, number)
        assert page.number == number
        assert_shows(page, np.full((10, 20 + shade), shade, np.uint8))


def test_tiff_whose_chain_of_pages_breaks_loses_no_page_silently(tmp_path: Path) -> None:
    path = fax(tmp_path / "a.tif", [10, 20, 30])
    data = bytearray(path.read_bytes())
    (first,) = struct.unpack_from("<L", data, 4)
    (entries,) = struct.unpack_from("<H", data, first)
    struct.pack_into("<L", data, first + 2 + 12 * entries, len(data) + 100)
    path.write_bytes(data)
    assert count_pages(InputFile(str(path), path.name)) == 2
    assert_shows(read(path, 0), np.full((10, 30), 10, np.uint8))
    with pytest.raises(PageError, match=r"a\.tif, page 2"):
        read(path, 1)


def test_tiff_whose_pages_form_a_loop_ends(tmp_path: Path) -> None:
    path = fax(tmp_path / "a.tif", [10, 20])
    data = bytearray(path.read_bytes())
    (first,) = struct.unpack_from("<L", data, 4)
    (entries,) = struct.unpack_from("<H", data, first)
    struct.pack_into("<L", data, first + 2 + 12 * entries, first)
    path.write_bytes(data)
    assert count_pages(InputFile(str(path), path.name)) == 1


def test_phone_jpeg_with_a_second_picture_is_one_page(tmp_path: Path) -> None:
    first, second = Image.fromarray(scene()), Image.new("L", (9, 9))
    path = tmp_path / "a.jpg"
    first.save(path, "MPO", save_all=True, append_images=[second], quality=98)
    assert count_pages(InputFile(str(path), path.name)) == 1
    assert_shows(read(path), scene(), tolerance=9)


@pytest.mark.parametrize(
    ("size", "stated", "expected"),
    [
        ((500, 700), (300, 300), 300),
        ((500, 700), (1, 1), None),
        ((500, 700), (9600, 9600), None),
        ((864, 1100), (204, 98), None),
        ((3024, 4032), (72, 72), None),
        ((595, 842), (72, 72), 72),
        ((816, 1056), (96, 96), 96),
        ((500, 700), (96, 96), None),
    ],
)
@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "bmp"])
def test_credible_resolution(
    tmp_path: Path,
    suffix: str,
    size: tuple[int, int],
    stated: tuple[int, int],
    expected: float | None,
) -> None:
    page = read(save(tmp_path / f"a.{suffix}", Image.new("L", size, 255), dpi=stated))
    assert page.dpi == pytest.approx(expected or estimated_dpi(page.image.shape), abs=0.1)


@pytest.mark.parametrize("suffix", ["jpg", "webp"])
def test_resolution_from_exif(tmp_path: Path, suffix: str) -> None:
    exif = Image.Exif()
    exif[0x011A] = exif[0x011B] = 118.11
    exif[0x0128] = 3
    buffer = io.BytesIO()
    Image.new("L", (500, 700), 255).save(buffer, suffix.replace("jpg", "jpeg"), exif=exif)
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(buffer.getvalue())
    assert read(path).dpi == pytest.approx(300, abs=0.1)


def test_no_resolution_stated(tmp_path: Path) -> None:
    page = read(save(tmp_path / "a.jpg", Image.fromarray(scene())))
    assert page.dpi == estimated_dpi(page.image.shape)


@pytest.mark.parametrize(
    ("size", "dpi"), [((1654, 2339), 200), ((2339, 1654), 200), ((850, 1100), 100), ((10, 10), 1)]
)
def test_a_page_without_a_resolution_is_taken_for_a_sheet(
    tmp_path: Path, size: tuple[int, int], dpi: int
) -> None:
    page = read(save(tmp_path / "a.png", Image.new("L", size, 255)))
    assert page.dpi == pytest.approx(dpi, rel=0.21 if dpi == 1 else 0.01)


@pytest.mark.parametrize("big", [False, True])
def test_a_late_page_of_a_tiff_reads_no_tags_of_the_earlier_ones(
    tmp_path: Path, big: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = [Image.new("L", (9, 5), shade) for shade in range(0, 250, 5)]
    path = save(tmp_path / "a.tif", pages[0], save_all=True, append_images=pages[1:], big_tiff=big)
    loads = list[object]()
    load = TiffImagePlugin.ImageFileDirectory_v2.load

    def counted(self: TiffImagePlugin.ImageFileDirectory_v2, fp: IO[bytes]) -> None:
        loads.append(fp)
        load(self, fp)

    monkeypatch.setattr(TiffImagePlugin.ImageFileDirectory_v2, "load", counted)
    for number in (1, 30, 49):
        loads.clear()
        assert (read_page(InputFile(str(path), "a.tif"), number).image == 5 * number).all()
        assert len(loads) <= 4
    with pytest.raises(PageError):
        read_page(InputFile(str(path), "a.tif"), 50)


WRITTEN_BY_PILLOW = (
    ("tif", ("1", "L", "P", "RGB", "CMYK", "YCbCr"), (
        {"compression": kind} for kind in (
            None, "tiff_lzw", "packbits", "tiff_adobe_deflate", "tiff_deflate", "lzma", "zstd",
            "group3", "group4", "tiff_ccitt", "jpeg",
        )
    )),
    ("png", ("1", "L", "P", "RGB"), ({}, {"optimize": True})),
    ("jpg", ("L", "RGB", "CMYK"), (
        {"subsampling": 0}, {"subsampling": 2}, {"progressive": True}, {"restart_marker_rows": 1},
    )),
    ("webp", ("L", "RGB"), ({"lossless": True}, {"quality": 95})),
    ("bmp", ("1", "L", "P", "RGB"), ({},)),
    ("pdf", ("1", "L", "P", "RGB"), ({}, {"resolution": 300})),
)  # fmt: skip
"""Suffix, modes and options of files that Pillow can write, as programs of scanners do."""


@pytest.mark.parametrize(("suffix", "modes", "kinds"), WRITTEN_BY_PILLOW)
def test_what_pillow_writes_is_read(
    tmp_path: Path, suffix: str, modes: Sequence[str], kinds: Iterable[dict[str, object]]
) -> None:
    """In each mode with each compression: none is refused, and none is read as something else."""
    lossy = suffix in ("jpg", "webp", "pdf")
    for kind in kinds:
        for mode in modes:
            image = Image.fromarray(scene()).convert("RGB").convert(mode)
            path = tmp_path / f"page.{suffix}"
            try:
                image.save(path, **kind)  # type: ignore[arg-type]
            except (OSError, RuntimeError, ValueError):  # no such compression of this mode
                continue
            page = read(path)
            shown = np.asarray(image.convert("L"), int)
            assert page.image.shape == shown.shape, (mode, kind)
            worst = 60 if lossy or kind.get("compression") == "jpeg" else 1
            difference = np.abs(page.image - shown)
            assert difference.max() <= worst and difference.mean() <= worst / 10, (mode, kind)
