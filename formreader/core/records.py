"""The words of the field as immutable records.

Coordinates are pixels of the page *as stored in the file after its own
orientation tag*, origin top left, x to the right, y down, unless a name says
otherwise. Page and box numbers are 0-based here and 1-based for people.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from formreader.core.classes import CROP_SIDE, Crops
from formreader.core.geometry import Box, Quad

GreyImage: TypeAlias = npt.NDArray[np.uint8]
"""(height, width) uint8, paper bright and ink dark."""

NO_BOXES = "no digit boxes found"
"""Notice of a page on which there is nothing to read."""


class Status(StrEnum):
    """What a row of the results says of itself."""

    OK = "ok"
    REVIEW = "review"
    BLANK = "blank"
    ERROR = "error"


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

    corners: Quad
    score: float = 1.0

    @property
    def box(self) -> Box:
        return Box.around_points(self.corners)

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
class Thumbnail:
    """A picture of a field with what is around it, for the report.

    `jpeg` is the encoded grey picture; `area` is what it shows, in page pixels, and
    `scale` is picture pixels per page pixel.
    """

    jpeg: bytes
    area: Box
    scale: float


@dataclass(frozen=True, slots=True, eq=False)
class FieldCrops:
    """A field: n boxes that are read together, left to right, and what stands in them.

    `crops` is (n, 28, 28) uint8 with one crop a box, `blank` (n,) bool tells the boxes
    without ink. `cell` is the printed rectangle of a number that has no boxes of its own.

    Raises:
        ValueError: there is no box, or not one crop and one flag a box.
    """

    boxes: tuple[DigitBox, ...]
    crops: Crops
    blank: npt.NDArray[np.bool_]
    thumbnail: Thumbnail | None = None
    cell: DigitBox | None = None

    def __post_init__(self) -> None:
        n = len(self.boxes)
        if not n or self.crops.shape != (n, CROP_SIDE, CROP_SIDE) or self.blank.shape != (n,):
            raise ValueError(
                f"a field needs boxes, a crop each and a flag each. Received: {n} boxes, crops "
                f"{self.crops.shape}, blank {self.blank.shape}"
            )

    @property
    def outer_boxes(self) -> tuple[DigitBox, ...]:
        """What is printed of the field: its cell, or its boxes."""
        return self.boxes if self.cell is None else (self.cell,)

    @property
    def box(self) -> Box:
        return Box.around([box.box for box in self.outer_boxes])

    @property
    def written(self) -> Crops:
        """The crops with ink, (m, 28, 28)."""
        return self.crops[~self.blank]


@dataclass(frozen=True, slots=True, eq=False)
class SegmentedField(FieldCrops):
    """A number in a cell that is cut into all segments that may be its digits.

    Its boxes are around the segments and overlap. Which of them are the digits is told
    when they are read, and a plain field takes its place.

    Raises:
        ValueError: there is not one segment a box.
    """

    segments: tuple[Segment, ...] = ()

    def __post_init__(self) -> None:
        # Not super(): a dataclass with slots is another class than the one it was made from.
        FieldCrops.__post_init__(self)
        if len(self.segments) != len(self.boxes):
            raise ValueError(
                f"each segment needs one box. Received: {len(self.segments)} segments, "
                f"{len(self.boxes)} boxes"
            )


@dataclass(frozen=True, slots=True, eq=False)
class PageCrops:
    """What page work makes of one page: everything but the page image itself.

    `fields` are in reading order. A page that could not be read has `error` set and no
    fields. `notice` is a reason to look at the page although it was read. `discarded` tells
    what was taken for no digit box. `seconds` holds the stages' times: decode, straighten,
    find, crop.
    """

    file: str
    number: int
    fields: tuple[FieldCrops, ...] = ()
    error: str = ""
    notice: str = ""
    discarded: tuple[Discarded, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def boxes(self) -> list[DigitBox]:
        """The boxes of all fields, one after another."""
        return [box for field in self.fields for box in field.boxes]


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
    has one character a box, `.` for a blank. `frame` is the printed rectangle of a number
    whose digits have no boxes of their own.
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

    @property
    def remark(self) -> PageRemark | None:
        """What is to be said of the page as a whole, if anything is."""
        reason = self.error or self.notice or ("" if self.fields else NO_BOXES)
        return PageRemark(self.file, self.number, reason, bool(self.error)) if reason else None


@dataclass(frozen=True, slots=True)
class PageRemark:
    """A page to look at: it could not be read (`failed`), or was read with a notice."""

    file: str
    page: int
    reason: str
    failed: bool

    @property
    def status(self) -> Status:
        return Status.ERROR if self.failed else Status.REVIEW


@dataclass(frozen=True, slots=True, eq=False)
class ReviewField:
    """One field with digits to review, and what people need to see of it.

    `page` and `number` (of the field on its page) are 0-based. `sprite` is a PNG with the
    crops of its boxes, blank ones included, side by side: 28 px high, 28 px wide a box.
    """

    file: str
    page: int
    number: int
    reading: FieldReading
    thumbnail: Thumbnail
    sprite: bytes
