"""Sets of labelled digits: what comes out as crops, and what is refused."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from formreader.core.errors import NoInputError
from formreader.crop.normaliser import normalise
from formreader.training.data import corrections
from formreader.training.data.digit_sets import as_crops, load_set
from formreader.training.data.examples import Examples
from formreader.training.data.mixture import draw_digits

Images = npt.NDArray[np.uint8]


@pytest.fixture(scope="module")
def digits() -> Examples:
    """Drawn digits, framed as MNIST's are."""
    drawn = draw_digits(20, np.random.default_rng(5))
    return Examples(np.stack([normalise(crop) for crop in drawn.crops]), drawn.labels)


def archive(folder: Path, **arrays: Any) -> str:
    path = folder / "digits.npz"
    np.savez(path, **arrays)
    return str(path)


def refused(source: str, message: str) -> None:
    """The set is refused with a message that begins with its name and matches."""
    with pytest.raises(NoInputError, match=re.escape(source) + ".*" + message):
        load_set(source)


def test_framed_crops_stay_as_they_are(tmp_path: Path, digits: Examples) -> None:
    found = load_set(archive(tmp_path, images=digits.crops, labels=digits.labels))
    np.testing.assert_array_equal(found.examples.crops, digits.crops)
    np.testing.assert_array_equal(found.examples.labels, digits.labels)
    assert found.sizes is not None
    assert found.sizes.tolist() == [[28, 28]] * 20


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.int32])
def test_labels_of_any_whole_type(tmp_path: Path, digits: Examples, dtype: type) -> None:
    found = load_set(
        archive(tmp_path, images=digits.crops, labels=digits.labels.astype(dtype))
    ).examples
    assert found.labels.dtype == np.uint8


@pytest.mark.parametrize("side", [16, 32, 105])
def test_other_sizes_go_through_the_normaliser(digits: Examples, side: int) -> None:
    images = np.stack([cv2.resize(crop, (side, side)) for crop in digits.crops])
    crops = as_crops(np.asarray(images, np.uint8))
    for crop in crops:
        _, _, width, height = cv2.boundingRect(crop)
        assert max(width, height) == 20
    assert np.abs(crops.astype(float) - digits.crops).mean() < 16  # of 255


def test_a_digit_in_a_corner_of_a_crop_is_framed_anew(digits: Examples) -> None:
    small = cv2.resize(digits.crops[0], (14, 14), interpolation=cv2.INTER_AREA)
    image = np.full((28, 28), 3, np.uint8)  # noise of a scanner
    image[:14, :14] = np.maximum(small, 3)
    _, _, width, height = cv2.boundingRect(as_crops(image[None])[0])
    assert max(width, height) == 20


def test_parts_as_keras_writes_them(tmp_path: Path, digits: Examples) -> None:
    source = archive(
        tmp_path, x_train=digits.crops[:15], y_train=digits.labels[:15],
        x_test=digits.crops[15:], y_test=digits.labels[15:],
    )  # fmt: skip
    assert len(load_set(source).examples) == len(load_set(source, "train").examples) == 15
    np.testing.assert_array_equal(load_set(source, "test").examples.labels, digits.labels[15:])


def test_mnist_comes_in_its_parts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    crops, labels = np.zeros((5, 28, 28), np.uint8), np.arange(5, dtype=np.uint8)
    (tmp_path / "datasets").mkdir()
    np.savez(
        tmp_path / "datasets" / "mnist.npz",
        x_train=crops, y_train=labels, x_test=crops[:2], y_test=labels[:2],
    )  # fmt: skip
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert len(load_set("mnist").examples) == 5
    assert len(load_set("mnist", "test").examples) == 2


@pytest.fixture
def folder(tmp_path: Path, digits: Examples) -> Path:
    """A folder with two 3s, one of them deeper and bright on dark, an x and another file."""
    root = tmp_path / "own"
    dark = 255 - np.kron(digits.crops, np.ones((2, 2), np.uint8))
    for name, image in (
        ("3/a.png", dark[0]),
        ("3/deep/b.png", 255 - dark[1]),
        ("x/c.jpg", dark[2]),
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(root / name)
    (root / "3" / "notes.txt").write_text("no image")
    (root / "7").mkdir()
    return root


def test_a_folder_of_digit_folders(folder: Path, digits: Examples) -> None:
    found = load_set(str(folder))
    assert found.examples.labels.tolist() == [3, 3, 10]
    assert found.sizes is not None
    assert found.sizes.tolist() == [[56, 56]] * 3
    likeness = np.corrcoef(found.examples.crops.reshape(3, -1), digits.crops[:3].reshape(3, -1))
    assert likeness[:3, 3:].argmax(axis=1).tolist() == [0, 1, 2]  # each is its own digit
    assert likeness[:3, 3:].diagonal().min() > 0.6  # and bright on black


def test_each_page_of_a_file_is_an_example(tmp_path: Path, digits: Examples) -> None:
    (tmp_path / "5").mkdir()
    first, *others = (Image.fromarray(255 - crop) for crop in digits.crops[:3])
    first.save(tmp_path / "5" / "pages.tif", save_all=True, append_images=others)
    assert load_set(str(tmp_path)).examples.labels.tolist() == [5, 5, 5]


def test_corrections_come_from_their_own_reader(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, digits: Examples
) -> None:
    path = tmp_path / "corrections.csv"
    path.touch()
    asked = list[Path]()
    monkeypatch.setattr(corrections, "load_corrections", lambda p, _: asked.append(p) or digits)
    found = load_set(str(path))
    assert asked == [path]
    assert found.examples is digits
    assert found.sizes is None


def test_images_without_ink_stay_and_are_told_of(
    tmp_path: Path, digits: Examples, caplog: pytest.LogCaptureFixture
) -> None:
    images = digits.crops.copy()
    images[4] = 0
    assert len(load_set(archive(tmp_path, images=images, labels=digits.labels)).examples) == 20
    assert "1 of 20 images show no ink" in caplog.text


def test_a_set_that_is_not_there(tmp_path: Path) -> None:
    refused(str(tmp_path / "none.npz"), "no such file")
    refused("x" * 5000, "no such file")


def test_damaged_archives(tmp_path: Path, digits: Examples) -> None:
    path = tmp_path / "digits.npz"
    np.savez_compressed(path, images=digits.crops, labels=digits.labels)
    whole = bytearray(path.read_bytes())
    for damaged in (b"", b"no archive", bytes(whole[: len(whole) // 2])):
        path.write_bytes(damaged)
        refused(str(path), "cannot be read as an .npz")
    for place in range(60, len(whole), 97):
        broken = whole.copy()
        broken[place] ^= 0xFF
        path.write_bytes(broken)
        try:
            load_set(str(path))  # a flipped byte that no checksum covers may pass
        except NoInputError as error:
            assert str(error).startswith(str(path))


def test_a_single_array_and_objects_are_no_archives(tmp_path: Path, digits: Examples) -> None:
    path = tmp_path / "single.npy"
    np.save(path, digits.crops)
    refused(str(path), "cannot be read as an .npz")
    objects = np.array([None] * 20)
    refused(archive(tmp_path, images=objects, labels=digits.labels), "cannot be read as an .npz")


def test_missing_arrays_are_named(tmp_path: Path, digits: Examples) -> None:
    source = archive(tmp_path, images=digits.crops, targets=digits.labels)
    refused(source, "needs arrays `images` and `labels`.*Received: images, targets")
    with zipfile.ZipFile(tmp_path / "empty.npz", "w"):
        pass
    refused(str(tmp_path / "empty.npz"), "Received: none")


def wrong_images() -> list[Any]:
    ink = np.zeros((20, 28, 28), np.uint8)
    ink[:, 8:20, 10:18] = 255
    lacking = ink.astype(np.float32)
    lacking[3, 3, 3] = np.nan
    cases = {
        "NaN": (lacking, "NaN"),
        "float": (ink / 255, "multiply by 255"),
        "bool": (ink > 0, "multiply by 255"),
        "int": (ink.astype(np.int32), "astype"),
        "text": (np.array(["0"] * 20), "uint8"),
        "colour": (np.stack([ink] * 3, axis=-1), "without an axis for colours"),
        "flat": (ink.reshape(20, -1), "height, width"),
        "none": (ink[:0], "no images"),
        "no pixels": (ink[:, :0], "no images"),
        "all black": (np.zeros_like(ink), "nearly black"),
        "0 and 1": (ink // 255, "brightest pixel is 1"),
        "dark on bright": (255 - ink, "255 - images"),
        "dark on grey": (160 - ink // 2, "255 - images"),
        "too few": (ink[:-1], "19 images and 20 labels"),
    }
    return [pytest.param(*case, id=name) for name, case in cases.items()]


@pytest.mark.parametrize(("images", "message"), wrong_images())
def test_images_that_are_refused(tmp_path: Path, images: npt.NDArray[Any], message: str) -> None:
    refused(archive(tmp_path, images=images, labels=np.zeros(20, np.uint8)), message)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.full(20, 11), "Received: 11 at index 0"),
        (np.full(20, -1), "Received: -1"),
        (np.full(20, 300), "Received: 300"),
        (np.zeros(20), "whole numbers"),
        (np.zeros((20, 10), np.uint8), "whole numbers"),
        (np.array(["1"] * 20), "whole numbers"),
    ],
)
def test_labels_that_are_refused(
    tmp_path: Path, digits: Examples, labels: npt.NDArray[Any], message: str
) -> None:
    refused(archive(tmp_path, images=digits.crops, labels=labels), message)


def test_noise_is_not_taken_for_paper(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (50, 28, 28), np.uint8)
    found = load_set(archive(tmp_path, images=noise, labels=np.zeros(50, np.uint8)))
    assert len(found.examples) == 50


def test_folders_that_are_refused(tmp_path: Path) -> None:
    refused(str(tmp_path), "has no folders of digits")
    (tmp_path / "4").mkdir()
    refused(str(tmp_path), "no page file")


def test_a_damaged_image_is_named(folder: Path) -> None:
    (folder / "7" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nno more")
    with pytest.raises(NoInputError, match=r"7.broken\.png: the PNG data ends early.*or remove it"):
        load_set(str(folder))


def strokes_of(*digits: list[list[tuple[int, int]]]) -> dict[str, Any]:
    """The arrays of a file with these digits, each a list of strokes; writers take turns."""
    strokes = [stroke for digit in digits for stroke in digit]
    return {
        "points": np.array([point for stroke in strokes for point in stroke], np.int16),
        "stroke_starts": np.cumsum([0, *map(len, strokes)]),
        "digit_strokes": np.cumsum([0, *map(len, digits)]),
        "labels": np.arange(len(digits)) % 10,
        "writer": np.arange(len(digits)) % 3,
    }


ONE = [[(0, 300), (300, 0), (300, 1000)]]
PLUS = [[(500, 0), (500, 1000)], [(0, 500), (1000, 500)]]


def test_pen_strokes_are_drawn_with_several_pens(tmp_path: Path) -> None:
    found = load_set(archive(tmp_path, **strokes_of(ONE, PLUS)))
    assert found.examples.labels.tolist() == [0, 1] * 3
    assert found.writers is not None
    assert found.writers.tolist() == [0, 1] * 3
    crops = found.examples.crops
    inked = (crops > 128).sum(axis=(1, 2))
    assert len(set(inked[1::2].tolist())) > 1  # pens differ
    for plus in crops[1::2]:
        rows, columns = np.nonzero(plus > 128)
        assert min(np.ptp(rows), np.ptp(columns)) >= 17  # as large as the normaliser frames it
        assert plus[12:16, 12:16].max() > 180
        assert plus[5, 5] == 0
    assert (crops[0] > 128).sum() < (crops[1] > 128).sum()


@pytest.mark.parametrize(
    "change",
    [{"labels": np.arange(3)}, {"digit_strokes": np.array([0, 1, 1])}, {"writer": np.zeros(1)}],
)
def test_strokes_that_do_not_fit_are_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    refused(archive(tmp_path, **strokes_of(ONE, PLUS) | change), "do not fit")


def test_strokes_without_writers_are_refused(tmp_path: Path) -> None:
    arrays = strokes_of(ONE)
    del arrays["writer"]
    refused(archive(tmp_path, **arrays), "no digits as pen strokes")
