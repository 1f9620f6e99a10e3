"""Sets of labelled digits: MNIST, an .npz, a folder of digit folders, or corrections.

All of them become crops as the normaliser makes them when pages are scanned.
"""

from __future__ import annotations

import itertools
import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.classes import CLASSES, CROP_SIDE, NOT_A_DIGIT, Crops
from formreader.core.errors import NoInputError, PageError
from formreader.core.records import GreyImage, InputFile
from formreader.crop.box_crops import crop_single
from formreader.crop.normaliser import normalise
from formreader.input.input_files import list_files
from formreader.input.open_page import count_pages, read_page
from formreader.synth.strokes import SUBPIXEL_BITS, SUBPIXELS, Mask
from formreader.training.augment.augmentation import MIN_TRACE_GREY, framed
from formreader.training.data.examples import DAMAGED, Examples, load_mnist, read_arrays

Part: TypeAlias = Literal["train", "test"]

CLASS_FOLDERS = {str(digit): digit for digit in range(NOT_A_DIGIT)} | {
    "x": NOT_A_DIGIT,
    "not_a_digit": NOT_A_DIGIT,
}
"""Folder name -> label of the images in it."""

_BRIGHT_BORDER = 0.6
"""How bright the border must be to be paper, as a share of the range of the image's tones: a
little over half, as the border of mere noise lies in the middle."""
_MIN_PAPER_IMAGES = 0.5
"""Share of images with paper at their border above which a set shows dark ink on bright paper."""

_DRAWN_SIDE = 44.0
"""Pixels of the longer side of a digit that is drawn from strokes."""
_PEN_WIDTHS = 2.0, 8.0
"""Range of the pens that draw it, in pixels."""
_PENS_PER_DIGIT = 3
"""Augmentation varies shapes and pens anew in each epoch, but does not make thick pens thin."""

_log = logging.getLogger(__name__)

STROKE_ARRAYS = ("points", "stroke_starts", "digit_strokes", "labels", "writer")
"""Names of the arrays in a file of strokes."""

_SCANNED_CROPS = "scanned_crops"
"""Name of the array of crops that were cut out of scans."""

STROKE_UNIT = 1000.0
"""Length of the longer side of a digit in the file."""

Path2D = npt.NDArray[np.float64]
"""(n, 2) x and y of the points of a stroke, y down."""


@dataclass(frozen=True, slots=True, eq=False)
class PenStrokes:
    """Digits of many writers.

    `paths[i]` are the strokes of digit i, in `STROKE_UNIT`; `labels` and `writer` are (n,).
    """

    paths: list[list[Path2D]]
    labels: npt.NDArray[np.uint8]
    writer: npt.NDArray[np.int64]

    @classmethod
    def load(cls, file: Path) -> PenStrokes:
        """Read an .npz with `STROKE_ARRAYS`.

        `points` are (p, 2); stroke i has those from `stroke_starts[i]` on, digit k the strokes from
        `digit_strokes[k]` on, each up to where the next begins; both end with the count of all.

        Raises:
            NoInputError: the file is missing or damaged.
        """
        try:
            points, starts, digits, labels, writer = read_arrays(file, *STROKE_ARRAYS)
            strokes = np.split(points.astype(np.float64), starts[1:-1])
            paths = [strokes[a:b] for a, b in itertools.pairwise(digits)]
        except DAMAGED as error:
            raise NoInputError(f"{file}: no digits as pen strokes ({error})") from error
        if not len(paths) == len(labels) == len(writer) or not all(paths):
            raise NoInputError(f"{file}: strokes, labels and writers do not fit")
        return cls(paths, labels.astype(np.uint8), writer.astype(np.int64))

    def save(self, file: Path) -> None:
        """Write an .npz as `load` reads it; coordinates are rounded down to whole numbers."""
        strokes = [stroke for digit in self.paths for stroke in digit]
        np.savez_compressed(
            file,
            points=np.concatenate(strokes).astype(np.int16),
            stroke_starts=np.cumsum([0, *map(len, strokes)]),
            digit_strokes=np.cumsum([0, *map(len, self.paths)]),
            labels=self.labels,
            writer=self.writer,
        )


def draw_paths(paths: Sequence[Path2D], pen: float) -> Mask:
    """Draw paths in pixels with a round pen, `pen` px wide; a tight (h, w) mask with a margin."""
    points = np.concatenate(paths)
    origin = points.min(axis=0) - pen - 1
    width, height = np.ceil(points.max(axis=0) - origin + pen + 1).astype(int)
    mask = np.zeros((height, width), np.uint8)
    for path in paths:
        fixed = np.rint((path - origin) * SUBPIXELS).astype(np.int32)
        cv2.polylines(mask, [fixed], False, (255,), max(1, round(pen)), cv2.LINE_AA, SUBPIXEL_BITS)
    return mask.astype(np.float32) * np.float32(min(pen, 1.0) / 255)


@dataclass(frozen=True, slots=True, eq=False)
class DigitSet:
    """Labelled digits as the network sees them, the sizes of their images, and their writers.

    `sizes` is (n, 2), height and width of each image in pixels, `writers` (n,); None where unknown.
    `scanned`: the images are crops of scanned boxes.
    """

    examples: Examples
    sizes: npt.NDArray[np.int64] | None = None
    writers: npt.NDArray[np.int64] | None = None
    scanned: bool = False


def load_set(source: str, part: Part = "train", root: Path | None = None) -> DigitSet:
    """Load the labelled digits of `source` as crops, with the sizes of their images.

    Args:
        source: `mnist`; an .npz with `images` (n, h, w) uint8, ink bright on black, and
            `labels` (n,), or with `x_train`, `y_train`, `x_test`, `y_test` of the same kind, or
            with `scanned_crops` (n, 28, 28), which were cut out of scans, and `labels`, or with
            pen strokes (see `PenStrokes`), each drawn with several pens; a folder with
            folders `0` to `9` and `x` of images; or a corrections.csv.
        part: the digits to train on or those to test with, in sets that have both.
        root: as of `load_corrections`.

    Raises:
        NoInputError: there is no such set, or it is invalid.
    """
    if source == "mnist":
        examples = load_mnist()[part == "test"]
        return DigitSet(examples, _equal_sizes(examples.crops))
    path = Path(source)
    if not os.path.exists(source):  # `path.exists()` may raise
        raise NoInputError(
            f"{source}: there is no such file or folder. Give mnist, an .npz, or a folder with "
            "folders 0 to 9."
        )
    if path.is_dir():
        found = _load_folder(path)
    elif path.suffix.lower() == ".csv":
        from formreader.training.data.corrections import load_corrections

        found = DigitSet(load_corrections(path, root))
    else:
        found = _load_archive(path, part)
    _warn_of_blanks(source, found.examples.crops)
    return found


def as_crops(images: npt.NDArray[np.uint8]) -> Crops:
    """Frame images (n, h, w) uint8, ink bright on black, as the normaliser does, (n, 28, 28).

    Crops like MNIST's stay unchanged: 59,985 of MNIST's 60,000 byte for byte, the others but for
    a grey edge or a slight shift. Other images lose traces too faint for ink before they are
    framed.
    """
    crops = np.empty((len(images), CROP_SIDE, CROP_SIDE), np.uint8)
    for i, image in enumerate(images):
        crop = normalise(image)
        crops[i] = crop if np.array_equal(crop, image) else framed(image)
    return crops


def _load_archive(path: Path, part: Part) -> DigitSet:
    """Load the digits of an .npz."""
    names = _names_in(path)
    if STROKE_ARRAYS[0] in names:
        return _drawn_strokes(PenStrokes.load(path))
    scanned = _SCANNED_CROPS in names
    images, labels = _read_archive(path, part)
    _check_images(path, images)
    _check_labels(path, labels, len(images))
    crops = images if scanned and images.shape[1:] == (CROP_SIDE, CROP_SIDE) else as_crops(images)
    return DigitSet(Examples(crops, labels.astype(np.uint8)), _equal_sizes(images), scanned=scanned)


def _names_in(path: Path) -> list[str]:
    """The names of the arrays in an .npz; none where it is damaged."""
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            return list(file.files)
    except DAMAGED:
        return []  # what is wrong is told where it is read


def _drawn_strokes(strokes: PenStrokes) -> DigitSet:
    """Draw each digit with `_PENS_PER_DIGIT` pens, from hairline to felt, as crops."""
    rng = np.random.default_rng(len(strokes.paths))
    crops = [
        framed((255 * draw_paths(_sized(paths), rng.uniform(*_PEN_WIDTHS))).astype(np.uint8))
        for _ in range(_PENS_PER_DIGIT)
        for paths in strokes.paths
    ]
    labels = np.tile(strokes.labels, _PENS_PER_DIGIT)
    writers = np.tile(strokes.writer, _PENS_PER_DIGIT)
    return DigitSet(Examples(np.stack(crops), labels), writers=writers)


def _sized(paths: list[Path2D]) -> list[Path2D]:
    return [path * (_DRAWN_SIDE / STROKE_UNIT) for path in paths]


def _read_archive(path: Path, part: Part) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Read images and labels of an .npz, unchecked."""
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            for images, labels in (
                ("images", "labels"), (_SCANNED_CROPS, "labels"), (f"x_{part}", f"y_{part}"),
            ):  # fmt: skip
                if images in file.files and labels in file.files:
                    return file[images], file[labels]
            names = ", ".join(file.files) or "none"
    except DAMAGED as error:
        cause = str(error) or type(error).__name__
        raise NoInputError(
            f"{path}: cannot be read as an .npz ({cause}). Save it again with numpy.savez."
        ) from error
    raise NoInputError(
        f"{path}: needs arrays `images` and `labels`, or `x_{part}` and `y_{part}`. "
        f"Received: {names}."
    )


def _check_images(path: Path, images: npt.NDArray[Any]) -> None:
    """Refuse images that are not (n, h, w) uint8 with bright ink on black.

    Raises:
        NoInputError: they are not.
    """
    received = f"Received: {images.shape} {images.dtype}."
    if images.dtype.kind == "f" and np.isnan(images).any():
        raise NoInputError(f"{path}: the images hold NaN (not a number). Repair or remove these.")
    if images.dtype.kind in "fb":
        raise NoInputError(
            f"{path}: the images must be uint8, 0 to 255. {received} Where they lie in 0 to 1, "
            "multiply by 255; then convert them with .astype(numpy.uint8)."
        )
    if images.dtype != np.uint8:
        raise NoInputError(
            f"{path}: the images must be uint8. {received} Convert them with .astype(numpy.uint8)."
        )
    if images.ndim != 3:
        raise NoInputError(
            f"{path}: the images must be (n, height, width), grey, without an axis for colours. "
            f"{received}"
        )
    if images.size == 0:
        raise NoInputError(f"{path}: holds no images. {received}")
    if images.max() < MIN_TRACE_GREY:
        raise NoInputError(
            f"{path}: the images are nearly black (the brightest pixel is {images.max()}). Scale "
            "them to 0 to 255, with ink at 255."
        )
    if _is_dark_on_bright(images):
        raise NoInputError(
            f"{path}: the images show dark ink on bright paper. Invert them: 255 - images."
        )


def _is_dark_on_bright(images: npt.NDArray[np.uint8]) -> bool:
    """Whether the border of most images (n, h, w) is as bright as paper."""
    edges = (images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1])
    border = np.median(np.concatenate(edges, axis=1), axis=1)
    darkest, brightest = (images.min(axis=(1, 2)), images.max(axis=(1, 2)))
    paper = border > darkest + _BRIGHT_BORDER * (brightest.astype(np.float64) - darkest)
    return bool(paper.mean() > _MIN_PAPER_IMAGES)


def _check_labels(path: Path, labels: npt.NDArray[Any], n: int) -> None:
    """Refuse labels that are not (n,) whole numbers from 0 to 10.

    Raises:
        NoInputError: they are not.
    """
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise NoInputError(
            f"{path}: the labels must be (n,) whole numbers, one an image. "
            f"Received: {labels.shape} {labels.dtype}."
        )
    if len(labels) != n:
        raise NoInputError(f"{path}: {n} images and {len(labels)} labels do not fit.")
    wrong = (labels < 0) | (labels >= len(CLASSES))
    if wrong.any():
        place = int(wrong.argmax())
        raise NoInputError(
            f"{path}: labels must be 0 to 9, or {NOT_A_DIGIT} for a non-digit. "
            f"Received: {labels[place]} at index {place} ({wrong.sum()} such labels)."
        )


def _load_folder(folder: Path) -> DigitSet:
    """Load all images in the folders `0` to `9`, `x` and `not_a_digit` of `folder`."""
    found = [folder / name for name in CLASS_FOLDERS if (folder / name).is_dir()]
    if not found:
        raise NoInputError(
            f"{folder}: has no folders of digits. It needs folders named 0 to 9 with images of "
            "these digits, and x with images of non-digits."
        )
    crops, labels, sizes = [], list[int](), list[tuple[int, ...]]()
    for file in list_files([str(path) for path in found]).files:
        label = CLASS_FOLDERS[Path(file.path).relative_to(folder).parts[0]]
        for image in _images(InputFile(file.path, file.path)):
            crops.append(crop_single(image)[0])
            labels.append(label)
            sizes.append(image.shape)
    return DigitSet(
        Examples(np.stack(crops), np.array(labels, np.uint8)), np.array(sizes, np.int64)
    )


def _images(file: InputFile) -> Iterator[GreyImage]:
    """All pages of an image file, one digit each.

    Raises:
        NoInputError: the file cannot be read.
    """
    try:
        for page in range(count_pages(file)):
            yield read_page(file, page).image
    except PageError as error:
        raise NoInputError(f"{error}, or remove it.") from error


def _equal_sizes(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Heights and widths of images (n, h, w), which all have the same, (n, 2)."""
    return np.tile(np.array(images.shape[1:], np.int64), (len(images), 1))


def _warn_of_blanks(source: str, crops: Crops) -> None:
    """Warn of images without ink. They stay in the set: without them all figures would improve."""
    blank = int((~crops.any(axis=(1, 2))).sum())
    if blank:
        _log.warning("%s: %d of %d images show no ink", source, blank, len(crops))
