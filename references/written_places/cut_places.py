"""Cut the boxes, rows of boxes and cells of a drawn page out of it, labelled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.classes import NOT_A_DIGIT
from formreader.core.geometry import quads_of, quarters_to_upright
from formreader.core.image_pyramid import Pyramid
from formreader.core.records import DigitBox
from formreader.crop.box_crops import crop_boxes
from formreader.crop.number_strips import Strip, cut_cells
from formreader.look.erased_print import without_print
from formreader.look.page_look import look_at
from formreader.preprocess.straighten import straighten
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
"""A mark that may pass for a one, so that it is no example of either."""


@dataclass(frozen=True, slots=True, eq=False)
class CutPlaces:
    """What a page holds: crops (n, 28, 28) of boxes and their labels (n,); strips and targets."""

    crops: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.uint8]
    strips: tuple[Strip, ...]
    targets: tuple[str, ...]


def cut_places(page: RenderedPage, rng: np.random.Generator) -> CutPlaces:
    """Cut all places of a page, each placed about as well as a found one."""
    grey = page.image if page.image.ndim == 2 else cv2.cvtColor(page.image, cv2.COLOR_RGB2GRAY)
    pyramid = Pyramid(np.asarray(grey, np.uint8))
    shown = _apart([box for box in page.truth if _is_inside(box, pyramid.shape)])
    quads = np.array([box.corners for box in shown], np.float64).reshape(-1, 4, 2)
    if not len(quads):
        return CutPlaces(np.zeros((0, 28, 28), np.uint8), np.zeros(0, np.uint8), (), ())
    straight = straighten(pyramid, quarters_to_upright(quads))
    look = look_at(straight)
    rows, cells = _rows(shown), [box for box in shown if box.is_number_cell]
    boxes = [box for row in rows for box in row]
    found = [_displaced(box, rng) for box in boxes]
    crops, blank, _ = crop_boxes(without_print(pyramid, look, found), found)
    labels = np.array([_label(box.symbol) for box in boxes], np.uint8)
    wanted = ~blank & np.array([_is_wanted(box, rng) for box in boxes], np.bool_)
    lines = [_union(row, rng) for row in rows] + [_displaced(cell, rng) for cell in cells]
    texts = ["".join(box.symbol for box in row) for row in rows] + [one.symbol for one in cells]
    strips, targets = list[Strip](), list[str]()
    for field, text in zip(cut_cells(pyramid, look.writing, lines), texts, strict=True):
        target = _target(text)
        kept = target and (target != NOTHING_WRITTEN or rng.random() < _BLANKS_KEPT)
        if kept and field.strip is not None:
            strips.append(field.strip.darkness)
            targets.append(target)
    return CutPlaces(crops[wanted], labels[wanted], tuple(strips), tuple(targets))


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


def _rows(boxes: Sequence[TruthBox]) -> list[list[TruthBox]]:
    """The boxes for digits by row."""
    rows = list[list[TruthBox]]()
    for box in boxes:
        if not box.is_number_cell:
            if not rows or box.box != rows[-1][-1].box + 1:
                rows.append([])
            rows[-1].append(box)
    return rows


def _is_inside(box: TruthBox, shape: tuple[int, int]) -> bool:
    corners = np.array(box.corners)
    return bool((corners >= 0).all() and (corners <= (shape[1] - 1, shape[0] - 1)).all())


def _is_wanted(box: TruthBox, rng: np.random.Generator) -> bool:
    if box.symbol == _LIKE_A_DIGIT:
        return False
    return _label(box.symbol) != NOT_A_DIGIT or rng.random() < _MARKS_KEPT


def _label(symbol: str) -> int:
    """The label of a box's symbol; ink in a blank box is print or the rest of a line."""
    return int(symbol) if symbol and symbol in DIGITS else NOT_A_DIGIT


def _target(text: str) -> str:
    """What is to be read of a text; "" if nobody can say."""
    if not text:
        return NOTHING_WRITTEN
    read = ""
    for one in text.replace(" ", ""):
        if one == _LIKE_A_DIGIT:
            return ""
        character = one if one in CHARACTERS else NOT_A_NUMBER
        if character != NOT_A_NUMBER or not read.endswith(NOT_A_NUMBER):
            read += character
    return read.replace("--", "-")


def _displaced(box: TruthBox, rng: np.random.Generator) -> DigitBox:
    return DigitBox(quads_of(_moved(np.array(box.corners), rng)[None])[0])


def _union(row: Sequence[TruthBox], rng: np.random.Generator) -> DigitBox:
    """The place of a whole row, from its first to its last box."""
    first, last = np.array(row[0].corners), np.array(row[-1].corners)
    return DigitBox(
        quads_of(_moved(np.stack([first[0], last[1], last[2], first[3]]), rng)[None])[0]
    )


def _moved(corners: npt.NDArray[np.float64], rng: np.random.Generator) -> npt.NDArray[np.float64]:
    height = float(np.linalg.norm(corners[3] - corners[0]))
    shift = np.clip(rng.normal(0, _SHIFT_SIGMA, (4, 2)), -_MAX_SHIFT, _MAX_SHIFT)
    return np.asarray(corners + height * shift, np.float64)
