"""Immutable records of files, pages, boxes, fields and readings.

Coordinates are pixels of the page, after its file's orientation tag: origin top left, y down,
unless a name says otherwise. Numbers are 0-based here, 1-based in all that people see.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from formreader.core.classes import CROP_SIDE, Crops
from formreader.core.doubts import Doubt, reason
from formreader.core.form_fields import FormField
from formreader.core.geometry import Box, Quad, Transform

GreyImage: TypeAlias = npt.NDArray[np.uint8]
"""(height, width) uint8, bright paper and dark ink."""


Line: TypeAlias = tuple[float, float, float, float]
"""The ends x, y, x, y of a line in pixels."""


class Status(StrEnum):
    """The status of a row of the results."""

    OK = "ok"
    REVIEW = "review"
    CHECKED = "checked"
    BLANK = "blank"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class InputFile:
    """One file to read: where it is, and its `label` in the results, relative to the folder."""

    path: str
    label: str


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """One page of a file.

    `image` is grey, (height, width) uint8, C-contiguous. `dpi` is the scan resolution that the
    file states; if it states none, or an absurd one, it is estimated from the page's size.
    `form_fields` are the text fields of a fillable PDF, `lines` the level and upright lines that a
    PDF draws, if asked for.
    """

    file: str
    number: int
    image: GreyImage
    dpi: float
    form_fields: tuple[FormField, ...] = ()
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True)
class DigitBox:
    """One printed box for one digit.

    `corners` are in page pixels, clockwise from the top left of the upright form; `box` bounds
    them. `score` in 0..1 is the probability that this is a digit box, before it is read; of a cell,
    the network's score. `loose_ink`: writing in it or beside it is in no digit. `place` is the
    probability, by the print, that a box is here and not the cell that was found in the same place;
    of a cell it is less than 1 if only the lines around it show it.
    """

    corners: Quad
    score: float = 1.0
    loose_ink: bool = False
    place: float = 1.0

    @property
    def box(self) -> Box:
        return Box.around_points(self.corners)

    @property
    def is_likely(self) -> bool:
        """Whether it is more likely a digit box than not."""
        return self.score >= 0.5

    def __reduce__(self) -> tuple[type[DigitBox], tuple[object, ...]]:
        # A page has hundreds of boxes; the default of dataclasses with slots is half as fast.
        return DigitBox, (self.corners, self.score, self.loose_ink, self.place)


def mark_boxes(boxes: Sequence[DigitBox], loose: npt.NDArray[np.bool_]) -> tuple[DigitBox, ...]:
    """The n boxes, with `loose_ink` set where `loose`, (n,), is true."""
    pairs = zip(boxes, loose.tolist(), strict=True)
    return tuple(replace(box, loose_ink=True) if is_loose else box for box, is_loose in pairs)


@dataclass(frozen=True, slots=True)
class Discarded:
    """Candidate boxes that were rejected, and why."""

    boxes: tuple[DigitBox, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A picture of a field and its surroundings, for the report.

    `jpeg` is grey and upright, by `turned` clockwise quarter turns. It shows the `area` in page
    pixels, at a `scale` of picture pixels per page pixel.
    """

    jpeg: bytes
    area: Box
    scale: float
    turned: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class NumberStrip:
    """The writing in a cell for a whole number, as one picture of a fixed height.

    `darkness` is (h, w) uint8: 0 is paper, 255 the darkest ink. `ink`, of the same shape, is the
    ink of the number alone, bright on black, without the cell's lines. `to_page` maps pixels to
    those of the page.
    """

    darkness: npt.NDArray[np.uint8]
    ink: npt.NDArray[np.uint8]
    to_page: Transform

    @property
    def has_ink(self) -> bool:
        return bool(self.ink.any())


@dataclass(frozen=True, slots=True, eq=False)
class FieldCrops:
    """A field: n boxes that are read together, left to right, and their crops.

    `crops` is (n, 28, 28) uint8; `blank`, (n,) bool, is true for boxes without ink. `cell` is the
    printed rectangle of a number without boxes of its own, `strip` the picture of what is written
    in it. `name` is that of a template's field. `doubt` is why it is for review whatever is read.
    `typed` is what was typed into it, as the PDF says; it is then not read. For boxes it has one
    character each, "." for a blank.

    Raises:
        ValueError: there is no box, or not exactly one crop and one flag per box.
    """

    boxes: tuple[DigitBox, ...]
    crops: Crops
    blank: npt.NDArray[np.bool_]
    thumbnail: Thumbnail | None = None
    cell: DigitBox | None = None
    strip: NumberStrip | None = None
    name: str = ""
    doubt: str = ""
    typed: str = ""

    def __post_init__(self) -> None:
        n = len(self.boxes)
        if not n or self.crops.shape != (n, CROP_SIDE, CROP_SIDE) or self.blank.shape != (n,):
            raise ValueError(
                f"a field needs boxes, a crop each and a flag each. Received: {n} boxes, crops "
                f"{self.crops.shape}, blank {self.blank.shape}"
            )

    @property
    def outer_boxes(self) -> tuple[DigitBox, ...]:
        """The printed outline of the field: its cell, or its boxes."""
        return self.boxes if self.cell is None else (self.cell,)

    @property
    def box(self) -> Box:
        if self.cell is not None:
            return self.cell.box
        return Box.around([box.box for box in self.boxes])

    @property
    def written(self) -> Crops:
        """The crops with ink, (m, 28, 28)."""
        return self.crops[~self.blank]


@dataclass(frozen=True, slots=True, eq=False)
class StraightCopy:
    """A page's upright, evenly lit copy, for learning its form.

    `png` is the encoded grey picture, about 100 dpi; `to_page` maps its pixels to the page's.
    `blank_cells` are the cells in which nothing is written; `form_fields` and `lines` are those of
    a `Page`. All are in pixels of the page.
    """

    png: bytes
    to_page: Transform
    blank_cells: tuple[DigitBox, ...] = ()
    form_fields: tuple[FormField, ...] = ()
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class PageCrops:
    """The result of page work on one page: everything but the page image itself.

    `fields` are in reading order. A page that could not be read has an `error` and no fields.
    `notice` is a reason to look at a page that was read. `discarded` holds rejected candidates for
    digit boxes. `seconds` has the time of each stage in the worker: decode, straighten, find, crop
    and, if it read the page, recognise. `upright`: its print shows that the page is upright.
    `form` is the template's form that the page was recognised as, "" for none. `copy` is only
    there if it was asked for. `retried`: the process that first worked on the page died.
    """

    file: str
    number: int
    fields: tuple[FieldCrops, ...] = ()
    error: str = ""
    notice: str = ""
    discarded: tuple[Discarded, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)
    upright: bool = False
    form: str = ""
    copy: StraightCopy | None = None
    retried: bool = False

    @property
    def boxes(self) -> list[DigitBox]:
        """The boxes of all fields, in their order."""
        return [box for field in self.fields for box in field.boxes]


@dataclass(frozen=True, slots=True)
class DigitReading:
    """The reading of one box.

    `digit` is None if the box is blank or no digit is plausible. `confidence` is the probability
    that the reading is right. `second` is the second most probable digit. `status` is ok, review
    or blank, and checked if a person said what the digit is. `acceptable`: a threshold may accept
    it; if not, it is for review however sure. A reading without a digit but with confidence and a
    second guess is a mark that counts as blank by a template's rule.
    """

    box: Box
    digit: int | None
    confidence: float
    status: Status
    second: int | None = None
    second_confidence: float = 0.0
    acceptable: bool = True

    @property
    def is_mark(self) -> bool:
        """Whether it is a mark that counts as blank; unlike a blank, it might be a digit."""
        return self.digit is None and self.second is not None and self.confidence > 0

    def with_status(self, status: Status) -> DigitReading:
        """The same reading with another status; `replace` takes three times as long."""
        return DigitReading(
            self.box,
            self.digit,
            self.confidence,
            status,
            self.second,
            self.second_confidence,
            self.acceptable,
        )


def field_status(digits: Sequence[DigitReading]) -> Status:
    """The status of a field: that of its digit that most needs a person."""
    statuses = {digit.status for digit in digits}
    urgent = (Status.REVIEW, Status.CHECKED, Status.OK)
    return next((status for status in urgent if status in statuses), Status.BLANK)


def cells_of(digits: Sequence[DigitReading]) -> str:
    """One character a box: its digit, `.` for a blank, `?` where no digit is plausible."""
    return "".join(map(_cell, digits))


def _cell(digit: DigitReading) -> str:
    if digit.status is Status.BLANK or digit.is_mark:
        return "."
    return "?" if digit.digit is None else str(digit.digit)


@dataclass(frozen=True, slots=True)
class FieldReading:
    """The digits of one field, left to right, and their combined value.

    `value` has the digits without blanks, `?` if no digit is plausible. In a cell for a whole
    number it also has what is written between the digits. `cells` has one character per box, `.`
    for a blank. `frame` is the printed rectangle of a number whose digits have no boxes of their
    own. `confidence` is the probability that all of the value is right, `lowest` the confidence of
    its least sure digit. `name` is that of a template's field. `broken` has the template's rules
    that the value breaks; such a field is for review. `remark` says why the field is for review
    however confident, or why its value is not the one that the ink alone gives.
    """

    digits: tuple[DigitReading, ...]
    value: str
    cells: str
    confidence: float
    status: Status
    frame: Box | None = None
    lowest: float = 1.0
    name: str = ""
    broken: tuple[str, ...] = ()
    remark: str = ""

    @property
    def box(self) -> Box:
        return self.frame or Box.around([d.box for d in self.digits])


@dataclass(frozen=True, slots=True, repr=False)
class PageReading:
    """All fields of one page, or the reason why there are none.

    `error` is why the page could not be read. `notice` is why a person should look at a page
    that was read (no boxes found, doubtful boxes). `same_as` names the file of the same content
    that was read instead. `form` is the form that it was recognised as, "" for none.
    """

    file: str
    number: int
    fields: tuple[FieldReading, ...] = ()
    error: str = ""
    notice: str = ""
    same_as: str = ""
    form: str = ""

    def __repr__(self) -> str:
        waiting = sum(field.status is Status.REVIEW for field in self.fields)
        notes = ("form", self.form), ("error", self.error), ("notice", self.notice)
        told = [f"{self.file!r}", f"page {self.number + 1}", f"{len(self.fields)} fields"]
        told += [f"{waiting} for review"] * (waiting > 0)
        told += [f"{name} {text!r}" for name, text in notes if text]
        return f"<PageReading {', '.join(told)}>"

    @property
    def origin(self) -> str:
        """Why a duplicate has the values of another file; "" for a page that was read itself."""
        return reason(Doubt.SAME_CONTENT, self.same_as) if self.same_as else ""

    @property
    def remark(self) -> PageRemark | None:
        """The error or notice about the page as a whole; None where there is neither."""
        error = " ".join(self.error.split())  # reasons are a line each
        told = error or self.notice or ("" if self.fields else Doubt.NO_BOXES)
        return PageRemark(self.file, self.number, told, bool(self.error)) if told else None


@dataclass(frozen=True, slots=True)
class PageRemark:
    """A page that could not be read (`failed`), or was read with a notice, and the reason."""

    file: str
    page: int
    reason: str
    failed: bool

    @property
    def status(self) -> Status:
        return Status.ERROR if self.failed else Status.REVIEW


@dataclass(frozen=True, slots=True, eq=False)
class ReviewField:
    """A field to review and its pictures; `page` and `number` (on the page) are 0-based.

    `sprite` is a PNG of the crops of all its boxes side by side, 28 px high, 28 px wide each.
    """

    file: str
    page: int
    number: int
    reading: FieldReading
    thumbnail: Thumbnail
    sprite: bytes
