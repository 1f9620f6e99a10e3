"""Cut the boxes, rows of boxes and cells of a drawn page out of it, labelled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.classes import NOT_A_DIGIT
from formreader.core.geometry import quads_of, quarters_to_upright
from formreader.core.image_pyramid import Pyramid
from formreader.core.records import DigitBox, FieldCrops
from formreader.crop.number_strips import Strip, cut_cells
from formreader.look.erased_print import without_print
from formreader.look.page_look import PageLook, look_at
from formreader.preprocess.straighten import straighten
from formreader.reading.page_places import crop_rows
from formreader.recognise.ctc import CHARACTERS, NOT_A_NUMBER, NOTHING_WRITTEN
from formreader.synth import DIGITS, RenderedPage, TruthBox

_SHIFT_SIGMA, _MAX_SHIFT = 0.025, 0.08
"""Standard deviation and limit of a found corner's distance from the printed one, in heights of the
box. Set by eye beside found boxes."""
_MARKS_KEPT = 0.5
"""Share of the non-digits in boxes that is kept: rows of letters would outweigh the digits."""
_BLANKS_KEPT = 0.25
"""Share of the blank cells and rows that is kept."""
_MAX_OVERLAP = 0.2
"""Places that share more of the smaller one's area are one place that is known twice."""
_LIKE_A_DIGIT = "/"
"""A mark that may pass for a one, so that it is no example of either; in a number it is known by
its neighbours."""


@dataclass(frozen=True, slots=True, eq=False)
class CutPlaces:
    """What a page holds: crops (n, 28, 28) of boxes and their labels (n,); strips and targets."""

    crops: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.uint8]
    strips: tuple[Strip, ...]
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class CutRow:
    """A row of n boxes as it is cut for reading, and the symbol in each, "" for none."""

    field: FieldCrops
    symbols: tuple[str, ...]

    @property
    def labels(self) -> npt.NDArray[np.uint8]:
        """(n,) the label of each box."""
        known = [int(one) if one and one in DIGITS else NOT_A_DIGIT for one in self.symbols]
        return np.array(known, np.uint8)

    @property
    def is_printed(self) -> bool:
        """Whether there is print in a box in which nobody wrote.

        No network learns from it: single printed digits look like neat handwriting. A number
        network that was to pass over them passed over one clear digit in many rows.
        """
        pairs = zip(self.symbols, self.field.blank.tolist(), strict=True)
        return any(not symbol and not is_blank for symbol, is_blank in pairs)


@dataclass(frozen=True, slots=True, eq=False)
class _Sheet:
    """A page, the look at it, and its places that are shown whole and overlap no other."""

    page: Pyramid
    look: PageLook
    places: list[TruthBox]

    @classmethod
    def of(cls, page: RenderedPage) -> _Sheet | None:
        """None for a page without such places."""
        grey = page.image if page.image.ndim == 2 else cv2.cvtColor(page.image, cv2.COLOR_RGB2GRAY)
        pyramid = Pyramid(np.asarray(grey, np.uint8))
        places = _apart([box for box in page.truth if _is_inside(box, pyramid.shape)])
        if not places:
            return None
        quarters = quarters_to_upright(np.array([box.corners for box in places], np.float64))
        return cls(pyramid, look_at(straighten(pyramid, quarters)), places)

    def rows(self, rng: np.random.Generator) -> list[CutRow]:
        """Cut the rows of boxes, each box placed about as well as a found one."""
        known = list[list[TruthBox]]()
        for box in self.places:
            if not box.is_number_cell:
                if not known or box.box != known[-1][-1].box + 1:
                    known.append([])
                known[-1].append(box)
        if not known:
            return []
        rows = [tuple(_displaced(box, rng) for box in row) for row in known]
        clean = without_print(self.page, self.look, [box for row in rows for box in row])
        lines = [_union(row) for row in rows]
        strips = [one.strip for one in cut_cells(self.page, self.look.writing, lines)]
        fields = [
            replace(field, strip=strip)
            for field, strip in zip(crop_rows(clean, rows), strips, strict=True)
        ]
        return [
            CutRow(field, tuple(box.symbol for box in row))
            for field, row in zip(fields, known, strict=True)
        ]

    def cells(self, rng: np.random.Generator) -> list[tuple[FieldCrops, str]]:
        """Cut the cells for numbers, and tell what is in each."""
        cells = [box for box in self.places if box.is_number_cell]
        found = [_displaced(cell, rng) for cell in cells]
        fields = cut_cells(self.page, self.look.writing, found)
        return list(zip(fields, (cell.symbol for cell in cells), strict=True))


def cut_places(page: RenderedPage, rng: np.random.Generator) -> CutPlaces:
    """Cut all places of a page, each placed about as well as a found one."""
    sheet = _Sheet.of(page)
    rows = sheet.rows(rng) if sheet else []
    crops, labels = [np.zeros((0, 28, 28), np.uint8)], [np.zeros(0, np.uint8)]
    for row in rows:
        wanted = ~row.field.blank & [
            one not in ("", _LIKE_A_DIGIT) and (label != NOT_A_DIGIT or rng.random() < _MARKS_KEPT)
            for one, label in zip(row.symbols, row.labels, strict=True)
        ]
        crops.append(row.field.crops[wanted])
        labels.append(row.labels[wanted])
    texts = [(row.field, "".join(row.symbols)) for row in rows if not row.is_printed]
    texts = [one for one in texts if _LIKE_A_DIGIT not in one[1]]
    strips, targets = list[Strip](), list[str]()
    for field, text in texts + (sheet.cells(rng) if sheet else []):
        target = _target(text)
        kept = target and (target != NOTHING_WRITTEN or rng.random() < _BLANKS_KEPT)
        if kept and field.strip is not None:
            strips.append(field.strip.darkness)
            targets.append(target)
    return CutPlaces(np.concatenate(crops), np.concatenate(labels), tuple(strips), tuple(targets))


def _apart(boxes: Sequence[TruthBox]) -> list[TruthBox]:
    """The places that overlap no other: some forms have a field twice, and both were written in."""
    sides = np.array([[b.left, b.top, b.right, b.bottom] for b in (one.upright for one in boxes)])
    if not len(sides):
        return []
    low, high = (
        np.maximum(sides[:, None, :2], sides[:, :2]),
        np.minimum(sides[:, None, 2:], sides[:, 2:]),
    )
    shared = np.clip(high - low, 0, None).prod(axis=2)
    area = shared.diagonal()
    overlap = shared / np.minimum(area[:, None], area)
    np.fill_diagonal(overlap, 0)
    return [
        one for one, most in zip(boxes, overlap.max(axis=1), strict=True) if most < _MAX_OVERLAP
    ]


def _is_inside(box: TruthBox, shape: tuple[int, ...]) -> bool:
    corners = np.array(box.corners)
    return bool((corners >= 0).all() and (corners <= (shape[1] - 1, shape[0] - 1)).all())


def _target(text: str) -> str:
    """What is to be read of a text; "" if nobody can say."""
    if text == _LIKE_A_DIGIT:
        return ""
    if not text:
        return NOTHING_WRITTEN
    read = ""
    for one in text.replace(" ", ""):
        character = one if one in CHARACTERS else NOT_A_NUMBER
        if character != NOT_A_NUMBER or not read.endswith(NOT_A_NUMBER):
            read += character
    return read.replace("--", "-")


def _displaced(box: TruthBox, rng: np.random.Generator) -> DigitBox:
    corners = np.array(box.corners)
    height = float(np.linalg.norm(corners[3] - corners[0]))
    shift = np.clip(rng.normal(0, _SHIFT_SIGMA, (4, 2)), -_MAX_SHIFT, _MAX_SHIFT)
    return DigitBox(quads_of((corners + height * shift)[None])[0])


def _union(row: Sequence[DigitBox]) -> DigitBox:
    """The place of a whole row, from its first to its last box."""
    first, last = np.array(row[0].corners), np.array(row[-1].corners)
    return DigitBox(quads_of(np.stack([first[0], last[1], last[2], first[3]])[None])[0])
