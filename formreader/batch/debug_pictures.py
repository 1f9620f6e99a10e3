"""`--debug`: what was found and read, drawn on the pages, and the crops it was read from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.classes import Crops
from formreader.core.errors import OutputError, PageError, UsageError
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
from formreader.output.atomic_writing import check_writable
from formreader.output.table import digit_text

Picture: TypeAlias = npt.NDArray[np.uint8]
"""(h, w, 3) uint8, blue, green, red as OpenCV has them."""

_COLOURS: Mapping[Status, tuple[int, int, int]] = MappingProxyType(
    {Status.OK: (60, 150, 0), Status.REVIEW: (0, 60, 230), Status.BLANK: (200, 130, 30)}
)
_GREY = (150, 150, 150)
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_COLUMNS, _CELL, _CAPTION = 16, 64, 22


@dataclass(frozen=True, slots=True)
class DebugFolder:
    """The folder that `--debug` names."""

    path: Path

    @classmethod
    def make(cls, path: Path, inputs: Sequence[str]) -> DebugFolder:
        """The folder, made where it is missing.

        Raises:
            UsageError: one of the `inputs` lies in it, which would then not be read.
            OutputError: it cannot be made or written to.
        """
        for name in inputs:
            if Path(name).resolve().is_relative_to(path.resolve()):
                raise UsageError(f"--debug {path}: {name} lies in it. Name a folder of its own")
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"{path}: the folder cannot be made: {error.strerror}. Choose another with --debug"
            ) from error
        check_writable(path / "page.png", "--debug")
        return cls(path)

    def write(
        self,
        file: InputFile,
        page: PageCrops,
        reading: PageReading,
        tell: Callable[[str], None],
    ) -> None:
        """Write the overlay of a page and the sheet of its crops, if it could be read.

        A picture that cannot be written is no reason to lose the results: `tell` says so.
        """
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
        except (OSError, PageError) as error:
            tell(f"--debug: no picture of {page.file}, page {page.number + 1}: {error}")


def draw_overlay(
    image: GreyImage,
    boxes: Sequence[DigitBox],
    digits: Sequence[DigitReading],
    discarded: Sequence[Discarded] = (),
) -> Picture:
    """The page (h, w) uint8 with each box in its status's colour, and what was read beside it.

    What was discarded is outlined in grey, with the reason at the first of each kind's boxes.
    """
    picture = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    for kind in discarded:
        _draw_discarded(picture, kind)
    for box, digit in zip(boxes, digits, strict=True):
        colour = _COLOURS[digit.status]
        outline = np.round(box.corners).astype(np.int32)
        thickness = max(1, round(box.box.height / 30))
        cv2.polylines(picture, [outline], True, colour, thickness)
        if digit.status is not Status.BLANK:
            size = max(0.25, box.box.width / 100)  # four characters are as wide as the box
            above, below = box.box.top - 3, box.box.bottom + 22 * size + thickness
            confidence = f"{digit.confidence:.0%}"
            for text, y, scale in ((digit_text(digit), above, 1.5), (confidence, below, 1)):
                at = (round(box.box.left) + 1, round(y))
                cv2.putText(picture, text, at, _FONT, scale * size, colour, 1, cv2.LINE_AA)
    return np.asarray(picture, np.uint8)


def _draw_discarded(picture: cv2.typing.MatLike, kind: Discarded) -> None:
    outlines = [np.round(box.corners).astype(np.int32) for box in kind.boxes]
    cv2.polylines(picture, outlines, True, _GREY, 1)
    size = max(0.35, max(picture.shape) / 3000)
    for outline in outlines[:1]:
        at = (int(outline[:, 0].min()), int(outline[:, 1].min()) - 4)
        cv2.putText(picture, kind.reason, at, _FONT, size, _GREY, 1, cv2.LINE_AA)


def draw_crops(crops: Crops, digits: Sequence[DigitReading]) -> Picture:
    """A contact sheet of crops (n, 28, 28), n > 0, in reading order with what was read."""
    cells = [_cell(crop, digit) for crop, digit in zip(crops, digits, strict=True)]
    rows = list(_rows(cells))
    return np.vstack(rows)


def _rows(cells: list[Picture]) -> Iterator[Picture]:
    columns = min(_COLUMNS, len(cells))
    empty = np.full_like(cells[0], 255)
    for start in range(0, len(cells), columns):
        row = cells[start : start + columns]
        yield np.hstack(row + [empty] * (columns - len(row)))


def _cell(crop: npt.NDArray[np.uint8], digit: DigitReading) -> Picture:
    cell = np.full((_CELL + _CAPTION, _CELL, 3), 255, np.uint8)
    side = _CELL - 4
    large = cv2.resize(crop, (side, side), interpolation=cv2.INTER_NEAREST)
    cell[2 : 2 + side, 2 : 2 + side] = large[..., None]
    at = (3, _CELL + _CAPTION - 7)
    cv2.putText(cell, _caption(digit), at, _FONT, 0.42, _COLOURS[digit.status], 1, cv2.LINE_AA)
    return cell


def _caption(digit: DigitReading) -> str:
    text = digit_text(digit)
    return f"{text} {digit.confidence:.2f}" if text else "blank"


def relative_path(label: str) -> PurePosixPath:
    """A file's label as a path that stays inside a folder on any system."""
    parts = (part.replace(":", "_") for part in label.split("/") if part not in ("", "."))
    return PurePosixPath(*("__" if part == ".." else part for part in parts))


def _save(path: Path, picture: Picture) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not `imwrite`: it knows no names beyond ASCII on Windows, and hides what went wrong.
    path.write_bytes(cv2.imencode(".png", picture)[1].tobytes())
