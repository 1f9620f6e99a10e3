"""The words of the field as immutable records.

Coordinates are pixels of the page *as stored in the file after its own
orientation tag*, origin top left, x to the right, y down, unless a name says
otherwise. Page and box numbers are 0-based here and 1-based for people.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

GreyImage: TypeAlias = npt.NDArray[np.uint8]
"""(height, width) uint8, paper bright and ink dark."""

Crops: TypeAlias = npt.NDArray[np.uint8]
"""(n, 28, 28) uint8, ink bright on black, as MNIST."""

Point: TypeAlias = tuple[float, float]
"""(x, y) in pixels."""


class Status(StrEnum):
    """What a row of the results says of itself."""

    OK = "ok"
    REVIEW = "review"
    BLANK = "blank"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Box:
    """An upright rectangle in pixels, origin top left.

    Raises:
        ValueError: a side is not positive, or a number is not finite.
    """

    left: float
    top: float
    width: float
    height: float

    def __post_init__(self) -> None:
        if not all(map(math.isfinite, (self.left, self.top, self.width, self.height))):
            raise ValueError(f"a box needs finite numbers. Received: {self}")
        if self.width <= 0 or self.height <= 0:
            raise ValueError(f"a box needs positive sides. Received: {self}")

    @property
    def right(self) -> float:
        return self.left + self.width

    @property
    def bottom(self) -> float:
        return self.top + self.height

    @property
    def centre(self) -> Point:
        return self.left + self.width / 2, self.top + self.height / 2

    def overlap(self, other: Box) -> float:
        """The area shared with another box as a share of that of both: intersection over union."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        shared = max(width, 0) * max(height, 0)
        return shared / (self.width * self.height + other.width * other.height - shared)

    def is_as_large_as(self, other: Box, tolerance: float = 0.1) -> bool:
        """Whether width and height are those of another box, but for a share of them."""
        sides = ((self.width, other.width), (self.height, other.height))
        return all(max(a, b) <= (1 + tolerance) * min(a, b) for a, b in sides)

    @classmethod
    def around(cls, boxes: list[Box]) -> Box:
        """The smallest box that holds all of `boxes` (at least one)."""
        left, top = min(b.left for b in boxes), min(b.top for b in boxes)
        right, bottom = max(b.right for b in boxes), max(b.bottom for b in boxes)
        return cls(left, top, right - left, bottom - top)


@dataclass(frozen=True, slots=True)
class InputFile:
    """One file to read: where it is, and its name in the results.

    `label` is relative to the scanned folder, with `/`.
    """

    path: str
    label: str


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """One image of a file.

    `image` is grey, (height, width) uint8, C-contiguous. `dpi` is the scan
    resolution that the file states; where it states none or an absurd one it is
    estimated from the page's size, and `dpi_estimated` is true.
    """

    file: str
    number: int
    image: GreyImage
    dpi: float
    dpi_estimated: bool = False


@dataclass(frozen=True, slots=True)
class DigitBox:
    """One printed cell for one digit.

    `corners` are the four corners in page pixels, clockwise from the top left of
    the upright form; `box` is their upright bounding box. `score` in 0..1 says
    how sure the finder is that this is a digit box.
    """

    corners: tuple[Point, Point, Point, Point]
    score: float = 1.0

    @property
    def box(self) -> Box:
        xs, ys = zip(*self.corners, strict=True)
        left, top = min(xs), min(ys)
        return Box(left, top, max(xs) - left, max(ys) - top)

    def __reduce__(self) -> tuple[type[DigitBox], tuple[object, ...]]:
        # A page has hundreds, and dataclasses with slots pickle two times as slowly.
        return DigitBox, (self.corners, self.score)


@dataclass(frozen=True, slots=True)
class Discarded:
    """What looked like boxes but was not taken for digit boxes, and why."""

    boxes: tuple[DigitBox, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Segment:
    """Neighbouring pieces of a number's ink that may be one digit.

    The pieces are `start` up to but without `end`, from the left of the field.
    `log_prior` is how likely they are one digit by size and cuts, before they are read.
    """

    start: int
    end: int
    log_prior: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end:
            raise ValueError(f"a segment needs at least one piece. Received: {self}")


@dataclass(frozen=True, slots=True)
class Field:
    """Boxes that are read together, left to right (at least one).

    `frame` is the printed rectangle of an open field, which has no boxes of its own:
    until it is read, `segments` tells for each of its boxes which part of the ink it
    is around, and the boxes overlap; then those of the likeliest digits remain.
    """

    boxes: tuple[DigitBox, ...]
    frame: DigitBox | None = None
    segments: tuple[Segment, ...] = ()

    def __post_init__(self) -> None:
        if self.segments and len(self.segments) != len(self.boxes):
            raise ValueError(
                f"each segment needs one box. Received: {len(self.segments)} segments, "
                f"{len(self.boxes)} boxes"
            )

    @property
    def box(self) -> Box:
        return self.frame.box if self.frame else Box.around([b.box for b in self.boxes])


@dataclass(frozen=True, slots=True)
class Surroundings:
    """A picture of a field with what is around it, for the report.

    `jpeg` is the encoded grey picture; `area` is what it shows, in page pixels, and
    `scale` is picture pixels per page pixel.
    """

    jpeg: bytes
    area: Box
    scale: float


@dataclass(frozen=True, slots=True, eq=False)
class PageCrops:
    """What page work makes of one page: everything but the page image itself.

    `crops` is (n, 28, 28) uint8 with one crop a box, in the order of `fields` and
    their boxes; `blank` is (n,) bool; `surroundings` has one entry a field.
    A page that could not be read has `error` set and no boxes. `notice` is a reason
    to look at the page although it was read. `discarded` tells what was taken for no
    digit box. `seconds` holds the stages' times: decode, straighten, find, crop.
    """

    file: str
    number: int
    fields: tuple[Field, ...] = ()
    crops: Crops = field(default_factory=lambda: np.zeros((0, 28, 28), np.uint8))
    blank: npt.NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))
    surroundings: tuple[Surroundings, ...] = ()
    error: str = ""
    notice: str = ""
    discarded: tuple[Discarded, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DigitReading:
    """What was read in one box.

    `digit` is None where the box is blank or nothing plausible was found;
    `confidence` is the probability that the reading is right. `second` is the next
    best digit. `status` is ok, review or blank.
    """

    box: Box
    digit: int | None
    confidence: float
    status: Status
    second: int | None = None
    second_confidence: float = 0.0


@dataclass(frozen=True, slots=True)
class FieldReading:
    """The digits of one field, left to right, and what they say together.

    `value` has the digits without the blanks, `?` where none is plausible; `cells`
    has one character a box, `.` for a blank. `frame` is the printed rectangle of an open
    field, whose digits have no boxes of their own.
    """

    digits: tuple[DigitReading, ...]
    value: str
    cells: str
    confidence: float
    status: Status
    frame: Box | None = None

    @property
    def box(self) -> Box:
        return self.frame or Box.around([d.box for d in self.digits])


@dataclass(frozen=True, slots=True)
class PageReading:
    """All fields of one page, or the reason why there are none.

    `error`: the page could not be read. `notice`: it could, but needs a look (no
    boxes found, doubtful boxes).
    """

    file: str
    number: int
    fields: tuple[FieldReading, ...] = ()
    error: str = ""
    notice: str = ""
