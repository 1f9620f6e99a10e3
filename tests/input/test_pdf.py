"""PDF pages: scans keep their own pixels, all else is rendered."""

from __future__ import annotations

import io
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from written_pdf import written_pdf

from formreader.core.errors import PageError
from formreader.core.records import InputFile, Page
from formreader.input.open_page import count_pages, read_page
from formreader.input.raster import estimated_dpi

A4 = (595.2, 841.92)
WIDTH, HEIGHT = 200, 283
"""Pixels of a scan that fills A4, at 24.2 dpi."""


def scene() -> npt.NDArray[np.uint8]:
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    image = (60 + x / 2 + y / 4).astype(np.uint8)
    image[20:90, 30:60] = 10
    return image


def pdf(
    content: str,
    *,
    size: tuple[float, float] = A4,
    rotate: int = 0,
    image: npt.NDArray[np.uint8] | None = None,
    page: str = "",
    extra: tuple[str, ...] = (),
    catalog: str = "",
) -> bytes:
    """A PDF of one page; /I is the image, and /F a font; `extra` objects start at 6."""
    pixels = scene() if image is None else image
    packed = zlib.compress(pixels.tobytes())
    stream = content.encode()
    bodies = [
        f"<</Type/Catalog/Pages 2 0 R {catalog}>>".encode(),
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        (
            f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 {size[0]} {size[1]}]/Rotate {rotate}"
            "/Resources<</XObject<</I 5 0 R>>/Font<</F<</Type/Font/Subtype/Type1"
            f"/BaseFont/Helvetica>>>>>>/Contents 4 0 R {page}>>"
        ).encode(),
        b"<</Length %d>>stream\n%s\nendstream" % (len(stream), stream),
        b"<</Type/XObject/Subtype/Image/Width %d/Height %d/ColorSpace/DeviceGray"
        b"/BitsPerComponent 8/Filter/FlateDecode/Length %d>>stream\n%s\nendstream"
        % (pixels.shape[1], pixels.shape[0], len(packed), packed),
        *(body.encode() for body in extra),
    ]
    return written_pdf(bodies)


def full(size: tuple[float, float] = A4) -> str:
    return f"q {size[0]} 0 0 {size[1]} 0 0 cm /I Do Q"


def read(tmp_path: Path, data: bytes, number: int = 0, **limit: int) -> Page:
    path = tmp_path / "a.pdf"
    path.write_bytes(data)
    return read_page(InputFile(str(path), path.name), number, **limit)


def test_scan_keeps_its_own_pixels(tmp_path: Path) -> None:
    size = (48.0, 67.92)
    page = read(tmp_path, pdf(full(size), size=size))
    assert np.array_equal(page.image, scene())
    assert page.dpi == pytest.approx(300, rel=1e-3)


@pytest.mark.parametrize(
    "over",
    [
        "BT 3 Tr /F 40 Tf 50 400 Td (found text) Tj ET",
        "q 10 10 m 20 20 l W n Q",
    ],
)
def test_invisible_objects_over_a_scan_change_nothing(tmp_path: Path, over: str) -> None:
    assert np.array_equal(read(tmp_path, pdf(f"{full()} {over}")).image, scene())


def test_objects_under_a_scan_change_nothing(tmp_path: Path) -> None:
    under = "0 0 300 300 re f BT /F 40 Tf 50 400 Td (hidden) Tj ET"
    assert np.array_equal(read(tmp_path, pdf(f"{under} {full()}")).image, scene())


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
@pytest.mark.parametrize(
    ("matrix", "shown"),
    [
        ("{w} 0 0 {h} 0 0", scene()),
        ("-{w} 0 0 {h} {w} 0", scene()[:, ::-1]),
        ("{w} 0 0 -{h} 0 {h}", scene()[::-1]),
        ("-{w} 0 0 -{h} {w} {h}", scene()[::-1, ::-1]),
    ],
)
def test_placement_of_a_scan(
    tmp_path: Path, matrix: str, shown: npt.NDArray[np.uint8], rotate: int
) -> None:
    content = f"q {matrix.format(w=A4[0], h=A4[1])} cm /I Do Q"
    page = read(tmp_path, pdf(content, rotate=rotate))
    assert np.array_equal(page.image, np.rot90(shown, -rotate // 90))


@pytest.mark.parametrize(
    ("matrix", "shown"),
    [
        ("0 {h} -{w} 0 {w} 0", np.rot90(scene())),
        ("0 -{h} {w} 0 0 {h}", np.rot90(scene(), -1)),
        ("0 {h} {w} 0 0 0", scene().T[::-1, ::-1]),
        ("0 -{h} -{w} 0 {w} {h}", scene().T),
    ],
)
@pytest.mark.parametrize("rotate", [0, 90])
def test_scan_placed_sideways(
    tmp_path: Path, matrix: str, shown: npt.NDArray[np.uint8], rotate: int
) -> None:
    width, height = A4[1], A4[0]
    content = f"q {matrix.format(w=width, h=height)} cm /I Do Q"
    page = read(tmp_path, pdf(content, size=(width, height), rotate=rotate))
    assert np.array_equal(page.image, np.rot90(shown, -rotate // 90))
    # The renderer is the reference: reduced, its result is the image that we return.
    rendered = read(tmp_path, pdf(f"{content} 0 0 1 1 re f", size=(width, height), rotate=rotate))
    small = Image.fromarray(rendered.image).resize(page.image.shape[::-1], Image.Resampling.BOX)
    assert np.abs(np.asarray(small).astype(int) - page.image).mean() < 3


def test_scan_inside_a_group(tmp_path: Path) -> None:
    form = "q 0.5 0 0 0.5 0 0 cm /I Do Q"
    group = (
        f"<</Type/XObject/Subtype/Form/BBox[0 0 1 1]/Matrix[{2 * A4[0]} 0 0 {2 * A4[1]} 0 0]"
        f"/Resources<</XObject<</I 5 0 R>>>>/Length {len(form)}>>stream\n{form}\nendstream"
    )
    data = pdf("/G Do", extra=(group,)).replace(b"/I 5 0 R>>/Font", b"/G 6 0 R>>/Font")
    assert np.array_equal(read(tmp_path, data).image, scene())


@pytest.mark.parametrize("mode", ["L", "RGB", "1"])
def test_scans_as_pillow_saves_them(tmp_path: Path, mode: str) -> None:
    image = Image.fromarray(scene()).convert(mode)
    buffer = io.BytesIO()
    image.save(buffer, "PDF", resolution=300)
    page = read(tmp_path, buffer.getvalue())
    expected = np.asarray(image.convert("L")).astype(int)
    assert page.image.shape == expected.shape
    assert np.abs(page.image - expected).mean() < 1.5
    assert page.dpi == pytest.approx(300, abs=1)


def test_cmyk_scan_is_not_a_negative(tmp_path: Path) -> None:
    """Inks are converted by the PDF library's own table, so only roughly as elsewhere."""
    buffer = io.BytesIO()
    Image.fromarray(scene()).convert("CMYK").save(buffer, "PDF", resolution=300)
    page = read(tmp_path, buffer.getvalue())
    assert np.corrcoef(page.image.ravel(), scene().ravel())[0, 1] > 0.98


def test_text_is_rendered_at_300_dpi(tmp_path: Path) -> None:
    page = read(tmp_path, pdf("BT /F 100 Tf 100 600 Td (HHH) Tj ET"))
    assert page.image.shape == (3508, 2480)
    assert page.dpi == 300
    assert page.image[0, 0] == 255
    ink = np.argwhere(page.image < 60)
    left, bottom = ink[:, 1].min(), ink[:, 0].max()
    assert left == pytest.approx(300 / 72 * 108, abs=10)
    assert bottom == pytest.approx(300 / 72 * (841.92 - 600), abs=3)


def test_rotated_page_is_rendered_upright(tmp_path: Path) -> None:
    page = read(tmp_path, pdf("0 0 100 50 re f", rotate=90))
    assert page.image.shape == (2480, 3508)
    assert page.image[10, 10] == 0  # the bottom left corner goes to the top left
    assert page.image[400, 100] == 0
    assert page.image[100, 400] == 255


@pytest.mark.parametrize(
    "content",
    [
        f"{full()} BT /F 40 Tf 50 400 Td (typed over) Tj ET",
        f"{full()} 1 1 5 5 re f",
        "q 400 0 0 700 90 70 cm /I Do Q",
        f"q {A4[0]} 0 0 {A4[1] / 2} 0 0 cm /I Do Q q {A4[0]} 0 0 {A4[1] / 2} 0 420.96 cm /I Do Q",
    ],
    ids=["text", "drawing", "margins", "strips"],
)
def test_more_than_a_scan_is_rendered(tmp_path: Path, content: str) -> None:
    assert read(tmp_path, pdf(content)).image.shape == (3508, 2480)


def test_rendering_follows_a_finer_image(tmp_path: Path) -> None:
    size = (48.0, 67.92)
    fine = np.repeat(np.repeat(scene(), 3, 0), 3, 1)
    content = f"{full(size)} BT /F 4 Tf 5 40 Td (typed) Tj ET"
    at_300 = read(tmp_path, pdf(content, size=size))
    at_600 = read(tmp_path, pdf(content, size=size, image=fine))
    assert at_300.dpi == pytest.approx(300, abs=1)
    assert (at_600.dpi, at_600.image.shape) == (600, (566, 400))


def test_page_whose_size_nobody_set_is_not_enlarged(tmp_path: Path) -> None:
    size = (2480.0, 3508.0)
    picture = np.full((3508, 2480), 200, np.uint8)
    page = read(tmp_path, pdf(f"{full(size)} 9 9 9 9 re f", size=size, image=picture))
    assert page.image.shape == (3508, 2480)
    assert page.dpi == estimated_dpi(page.image.shape)


def test_filled_form_field_and_note_are_seen(tmp_path: Path) -> None:
    look = "0 0 100 20 re f"
    field = (
        "<</Type/Annot/Subtype/Widget/FT/Tx/T(n)/V(7)/F 4/Rect[100 100 200 120]/AP<</N 7 0 R>>>>"
    )
    appearance = (
        f"<</Type/XObject/Subtype/Form/BBox[0 0 100 20]/Length {len(look)}>>"
        f"stream\n{look}\nendstream"
    )
    stamp = "<</Type/Annot/Subtype/Stamp/F 4/Rect[100 300 200 320]/AP<</N 7 0 R>>>>"
    data = pdf(
        full(),
        page="/Annots[6 0 R 8 0 R]",
        extra=(field, appearance, stamp),
        catalog="/AcroForm<</Fields[6 0 R]>>",
    )
    image = read(tmp_path, data).image
    scale = 300 / 72
    for y in (110, 310):
        assert image[round((A4[1] - y) * scale), round(150 * scale)] == 0
    assert image[round((A4[1] - 200) * scale), round(150 * scale)] > 50


def test_links_leave_a_scan_a_scan(tmp_path: Path) -> None:
    link = "<</Type/Annot/Subtype/Link/Rect[0 0 50 50]>>"
    data = pdf(full(), page="/Annots[6 0 R]", extra=(link,))
    assert np.array_equal(read(tmp_path, data).image, scene())


def test_several_pages(tmp_path: Path) -> None:
    pages = [Image.new("L", (60 + 10 * n, 80), 50 * n) for n in range(3)]
    path = tmp_path / "a.pdf"
    pages[0].save(path, save_all=True, append_images=pages[1:], resolution=300)
    file = InputFile(str(path), path.name)
    assert count_pages(file) == 3
    for number in range(3):
        image = read_page(file, number).image
        assert image.shape == (80, 60 + 10 * number)
        assert abs(int(image[40, 40]) - 50 * number) <= 2


def test_absurd_page_is_refused_before_rendering(tmp_path: Path) -> None:
    with pytest.raises(PageError, match=r"over the limit of 150 million pixels"):
        read(tmp_path, pdf("0 0 9 9 re f", size=(14400, 14400)))


@pytest.mark.parametrize("content", [full(), f"{full()} 0 0 9 9 re f"])
def test_huge_image_is_refused_before_decoding(tmp_path: Path, content: str) -> None:
    data = pdf(content).replace(b"/Width 200/Height 283", b"/Width 40000/Height 40000")
    with pytest.raises(PageError, match="40000 x 40000 px is over the limit"):
        read(tmp_path, data)


def test_limit_can_be_set(tmp_path: Path) -> None:
    with pytest.raises(PageError, match="over the limit"):
        read(tmp_path, pdf(full()), max_pixels=WIDTH * HEIGHT - 1)
    assert read(tmp_path, pdf(full()), max_pixels=WIDTH * HEIGHT).image.shape == (HEIGHT, WIDTH)
