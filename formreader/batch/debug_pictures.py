"""Pictures of pages: for `--debug` with boxes, readings and crops, for the service as they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.classes import Crops
from formreader.core.errors import OutputError, PageError, UsageError
from formreader.core.geometry import Box
from formreader.core.records import (
    DigitBox,
    DigitReading,
    Discarded,
    GreyImage,
    InputFile,
    PageCrops,
    PageReading,
    Status,
)
from formreader.input.open_page import read_page
from formreader.output.atomic_writing import atomic_stream, check_writable
from formreader.output.table import digit_text, whole_percent

Picture: TypeAlias = npt.NDArray[np.uint8]
"""(h, w, 3) uint8; blue, green, red, as in OpenCV."""

_COLOURS: Mapping[Status, tuple[int, int, int]] = {
    Status.OK: (60, 150, 0),
    Status.REVIEW: (0, 60, 230),
    Status.BLANK: (200, 130, 30),
}
_GREY, _DARK_GREY, _WHITE = (150, 150, 150), (90, 90, 90), (255, 255, 255)
"""Blue, green, red: of discarded boxes, of their reasons, and of the halo around these."""

_PAGE_JPEG_QUALITY = 80
"""Quality of pages as they are: handwriting stays legible. A choice, not measured."""

_FONT = cv2.FONT_HERSHEY_SIMPLEX

_OUTLINES_PER_BOX_HEIGHT = 30
"""The outline of a box is as thick as its height over this, at least 1 px. By eye."""

_BOX_WIDTH_AT_SCALE_1 = 100
"""Pixels: on a box of this width the confidence has font scale 1, so that `100 %` fits. By eye."""

_DIGIT_SCALE = 1.3
"""Font scale of a digit above its box over that of the confidence below. By eye: on the samples,
the two texts between rows of boxes stay apart."""

_MIN_CONFIDENCE_SCALE, _MIN_REASON_SCALE = 0.25, 0.35
"""Font scales: smaller text is not legible. By eye."""

_PAGE_SIDE_AT_SCALE_1 = 3000
"""Pixels: on a page with this long side, reasons of discarded boxes have font scale 1. By eye."""

_READING_GAP, _REASON_GAP = 2, 6
"""Pixels between an outline and the reading or the reason beside it. By eye."""

_HALO_THICKNESS = 4
"""Pixels: thickness of the white strokes under a reason; the text itself has 1. By eye."""

_SHEET_COLUMNS = 16
_SHEET_CELL_SIDE, _SHEET_CROP_MARGIN = 64, 2
_SHEET_CAPTION_HEIGHT, _SHEET_CAPTION_GAP, _SHEET_CAPTION_SCALE = 22, 7, 0.42
"""The contact sheet: crops in a row; pixels of a cell's side, of the margin around its crop, of the
caption below it, and from the caption's baseline to the lower edge; font scale. By eye."""


@dataclass(frozen=True, slots=True)
class DebugFolder:
    """The folder given by `--debug`."""

    path: Path

    @classmethod
    def make(cls, path: Path, inputs: Sequence[str]) -> DebugFolder:
        """Return the folder at `path`, created if missing.

        Raises:
            UsageError: one of the `inputs` is inside it, and would not be read.
            OutputError: it cannot be created or written to.
        """
        for name in inputs:
            if Path(name).resolve().is_relative_to(path.resolve()):
                raise UsageError(
                    f"--debug {path}: the input {name} is inside this folder. Choose another folder"
                )
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"{path}: the folder cannot be created: {error.strerror}. "
                "Choose another with --debug"
            ) from error
        check_writable(path / "page.png", "--debug")
        return cls(path)

    def write(
        self, file: InputFile, page: PageCrops, reading: PageReading, warn: Callable[[str], None]
    ) -> None:
        """Write the pictures of a page that could be read; a failure is only told to `warn`."""
        if page.error:
            return
        digits = [digit for field in reading.fields for digit in field.digits]
        try:
            image = read_page(file, page.number).image
            stem = self.path / f"{relative_path(page.file)}.page{page.number + 1}"
            _save(
                stem.with_name(f"{stem.name}.png"),
                draw_overlay(image, page.boxes, digits, page.discarded),
            )
            if digits:
                crops = np.concatenate([field.crops for field in page.fields])
                _save(stem.with_name(f"{stem.name}.crops.png"), draw_crops(crops, digits))
        except (OSError, OutputError, PageError) as error:
            warn(f"--debug: no picture of {page.file}, page {page.number + 1}: {error}")


def draw_overlay(
    image: GreyImage,
    boxes: Sequence[DigitBox],
    digits: Sequence[DigitReading],
    discarded: Sequence[Discarded] = (),
) -> Picture:
    """Draw each box on the page (h, w) uint8, in the colour of its status, with its reading.

    Discarded boxes are grey, with their reason at the first of them, where it hides no reading.
    """
    picture = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    for kind in discarded:
        cv2.polylines(picture, [_outline(box) for box in kind.boxes], True, _GREY, 1)
    taken: list[Box] = []
    for box, digit in zip(boxes, digits, strict=True):
        taken += [box.box, *_draw_reading(picture, box, digit)]
    for kind in discarded:
        if kind.boxes:
            taken.append(_draw_reason(picture, kind, taken))
    return np.asarray(picture, np.uint8)


def _outline(box: DigitBox) -> npt.NDArray[np.int32]:
    return np.round(box.corners).astype(np.int32)


def _draw_reading(picture: cv2.typing.MatLike, box: DigitBox, digit: DigitReading) -> Iterator[Box]:
    """Draw a box, its digit above and its confidence below; yield where the two texts are."""
    colour, area = _COLOURS[digit.status], box.box
    thickness = max(1, round(area.height / _OUTLINES_PER_BOX_HEIGHT))
    cv2.polylines(picture, [_outline(box)], True, colour, thickness)
    if digit.status is Status.BLANK:
        return
    scale = max(_MIN_CONFIDENCE_SCALE, area.width / _BOX_WIDTH_AT_SCALE_1)
    gap = thickness / 2 + _READING_GAP
    confidence = whole_percent(digit.confidence)
    _, height = _text_size(confidence, scale)
    texts = (
        (digit_text(digit), area.top - gap, _DIGIT_SCALE * scale),
        (confidence, area.bottom + gap + height, scale),
    )
    for text, baseline, font_scale in texts:
        place = _text_box(text, area.left + 1, baseline, font_scale)
        _draw_text(picture, text, place, font_scale, colour)
        yield place


def _draw_reason(picture: cv2.typing.MatLike, kind: Discarded, taken: Sequence[Box]) -> Box:
    """Draw why boxes were discarded, beside the first of them; return where the text is."""
    scale = max(_MIN_REASON_SCALE, max(picture.shape) / _PAGE_SIDE_AT_SCALE_1)
    area = kind.boxes[0].box
    width, height = _text_size(kind.reason, scale)
    middle = area.top + (area.height + height) / 2
    above, below = area.top - _REASON_GAP, area.bottom + _REASON_GAP + height
    right, left = area.right + _REASON_GAP, area.left - _REASON_GAP - width
    page = Box(0, 0, picture.shape[1], picture.shape[0])
    aligned = max(0, min(area.left, page.right - width))
    places = [
        _text_box(kind.reason, x, baseline, scale)
        for x, baseline in ((aligned, above), (right, middle), (aligned, below), (left, middle))
    ]
    free = (
        place
        for place in places
        if Box.around((page, place)) == page and not any(place.overlap(other) for other in taken)
    )
    place = next(free, places[0])
    # The halo keeps it legible on lines and, where no place is free, on other text.
    _draw_text(picture, kind.reason, place, scale, _WHITE, _HALO_THICKNESS)
    _draw_text(picture, kind.reason, place, scale, _DARK_GREY)
    return place


def _text_size(text: str, scale: float) -> tuple[int, int]:
    """Return the width and the height above the baseline of a text, in pixels."""
    (width, height), _ = cv2.getTextSize(text, _FONT, scale, 1)
    return width, height


def _text_box(text: str, left: float, baseline: float, scale: float) -> Box:
    """Return the bounding box of a text, without what hangs below the baseline."""
    width, height = _text_size(text, scale)
    return Box(left, baseline - height, width, height)


def _draw_text(
    picture: cv2.typing.MatLike,
    text: str,
    place: Box,
    scale: float,
    colour: tuple[int, int, int],
    thickness: int = 1,
) -> None:
    at = (round(place.left), round(place.bottom))
    cv2.putText(picture, text, at, _FONT, scale, colour, thickness, cv2.LINE_AA)


def draw_crops(crops: Crops, digits: Sequence[DigitReading]) -> Picture:
    """Draw a contact sheet of crops (n, 28, 28), n > 0, in reading order with their readings."""
    cells = [_sheet_cell(crop, digit) for crop, digit in zip(crops, digits, strict=True)]
    columns = min(_SHEET_COLUMNS, len(cells))
    cells += [np.full_like(cells[0], 255)] * (-len(cells) % columns)
    starts = range(0, len(cells), columns)
    return np.vstack([np.hstack(cells[start : start + columns]) for start in starts])


def _sheet_cell(crop: npt.NDArray[np.uint8], digit: DigitReading) -> Picture:
    """Draw a crop (28, 28), enlarged, with its caption."""
    margin, bottom = _SHEET_CROP_MARGIN, _SHEET_CELL_SIDE + _SHEET_CAPTION_HEIGHT
    cell = np.full((bottom, _SHEET_CELL_SIDE, 3), 255, np.uint8)
    side = _SHEET_CELL_SIDE - 2 * margin
    large = cv2.resize(crop, (side, side), interpolation=cv2.INTER_NEAREST)
    cell[margin : margin + side, margin : margin + side] = large[..., None]
    text, scale = digit_text(digit), _SHEET_CAPTION_SCALE
    text = f"{text} {whole_percent(digit.confidence)}" if text else "blank"
    place = _text_box(text, margin + 1, bottom - _SHEET_CAPTION_GAP, scale)
    _draw_text(cell, text, place, scale, _COLOURS[digit.status])
    return cell


def relative_path(label: str) -> PurePosixPath:
    """Return a file's label as a relative path that stays inside its folder on any system."""
    parts = (part.replace(":", "_") for part in label.split("/") if part not in ("", "."))
    return PurePosixPath(*("__" if part == ".." else part for part in parts))


def _save(path: Path, picture: Picture) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not `imwrite`: on Windows it cannot write to non-ASCII names, and it hides why it failed.
    with atomic_stream(path, "--debug") as stream:
        stream.write(cv2.imencode(".png", picture)[1].tobytes())


@dataclass(frozen=True, slots=True)
class PagePicture:
    """A picture of a page as JPEG, and the page's own (width, height) in pixels."""

    jpeg: bytes
    size: tuple[int, int]


def draw_page(file: InputFile, number: int, width: int) -> PagePicture:
    """Return a picture of page `number`, from 0, at most `width` pixels wide; it is never enlarged.

    Workers draw it: no page is decoded in the main process.

    Raises:
        PageError: the page cannot be read.
    """
    image = read_page(file, number).image
    page_height, page_width = image.shape
    if width < page_width:
        height = max(1, round(page_height * width / page_width))
        small = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
        image = np.asarray(small, np.uint8)
    jpeg = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, _PAGE_JPEG_QUALITY])[1].tobytes()
    return PagePicture(jpeg, (page_width, page_height))
