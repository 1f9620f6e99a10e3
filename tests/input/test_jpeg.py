"""JPEG data of every kind, intact or damaged, gives the same pixels as Pillow."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from formreader.core.errors import PageError
from formreader.input import grey
from formreader.input.grey import grey_of_jpeg

END = b"\xff\xd9"


def page(mode: str = "RGB") -> Image.Image:
    """A coloured gradient with noise: its entropy-coded data is long."""
    random = np.random.default_rng(5)
    y, x = np.mgrid[:75, :107]
    pixels = np.stack([x + y, 2 * x, 255 - 2 * y], axis=-1) + random.normal(0, 9, (75, 107, 3))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).convert(mode)


def encoded(mode: str = "RGB", **options: object) -> bytes:
    buffer = io.BytesIO()
    page(mode).save(buffer, "JPEG", **options)  # type: ignore[arg-type]
    return buffer.getvalue()


def read(data: bytes) -> npt.NDArray[np.uint8]:
    return grey_of_jpeg(JpegImageFile(io.BytesIO(data)), data)


def read_by_pillow(data: bytes) -> npt.NDArray[np.uint8]:
    image = JpegImageFile(io.BytesIO(data))
    image.draft("L", None)
    return np.asarray(image.convert("L"))


def forbid_pillow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(grey, "grey_of")


@pytest.mark.parametrize(
    "options",
    [
        *({}, {"progressive": True}, {"optimize": True}, {"restart_marker_rows": 1}),
        *({"subsampling": 0}, {"subsampling": 1}, {"subsampling": 2}, {"keep_rgb": True}),
    ],
    ids=str,
)
def test_intact_data_is_decoded_directly_to_the_same_pixels(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, object]
) -> None:
    data = encoded(**options)
    expected = read_by_pillow(data)
    forbid_pillow(monkeypatch)
    grey = read(data)
    assert grey.flags.c_contiguous
    np.testing.assert_array_equal(grey, expected)


def test_grey_data(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encoded("L")
    expected = read_by_pillow(data)
    forbid_pillow(monkeypatch)
    np.testing.assert_array_equal(read(data), expected)


def test_cmyk_is_left_to_pillow() -> None:
    data = encoded("CMYK")
    np.testing.assert_array_equal(read(data), read_by_pillow(data))


def test_data_that_libjpeg_only_warns_of_is_read_as_pillow_reads_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = encoded()
    surplus = data[: -len(END)] + b"surplus" + END
    np.testing.assert_array_equal(read(surplus), read_by_pillow(data))
    forbid_pillow(monkeypatch)
    with pytest.raises(NameError):  # so it was Pillow
        read(surplus)


@pytest.mark.parametrize("progressive", [False, True])
def test_missing_data_is_refused(progressive: bool) -> None:
    data = encoded(progressive=progressive)
    with pytest.raises(OSError, match="truncated"):
        read(data[: len(data) // 2])


def test_missing_data_before_the_end_marker_is_refused() -> None:
    data = encoded()
    with pytest.raises(PageError, match="the JPEG data ends early"):
        read(data[: len(data) // 2] + END)


@pytest.mark.parametrize("size", [(75, 106), (74, 107), (75, 108), (107, 75)])
def test_another_size_than_that_of_the_header_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=r"size|buffer"):
        grey._decode_strictly(encoded(), *size)
