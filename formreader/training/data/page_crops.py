"""Crops as scanning makes them: digits written into forms, scanned, and cut out again.

What MNIST's makers did to a digit differs from what a printed box, a scanner and our own
cropping do to it: strokes come out thicker or broken, remains of lines stay, the box is a
little displaced. So the digits go that whole way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.classes import NOT_A_DIGIT
from formreader.core.geometry import Point
from formreader.core.image_pyramid import Pyramid
from formreader.core.records import DigitBox, GreyImage
from formreader.crop.box_crops import crop_boxes
from formreader.synth import (
    DIGITS,
    ArraySource,
    Filling,
    FormSpec,
    Hand,
    HandSource,
    RenderedPage,
    TruthBox,
    render_form,
    sample_spec,
)
from formreader.synth.parallel_rendering import map_in_processes
from formreader.training.data.examples import Examples, joined

_FILLING = Filling(blanks=0.06, marks=0.06)
_STROKE_MODEL = 0.25
"""Share of the pages that are written by the stroke model instead."""
_DPI, _FINER = (100.0, 260.0), 0.7
"""Finer resolutions than boxes are searched in, and on how many pages."""
_OTHER_THAN_LETTERS = 0.7
"""Share of the forms for letters that are passed over."""
_KEPT_MARKS = 0.5
"""Share of the marks and letters that is kept: whole forms of letters would outweigh the digits."""
_LIKE_DIGITS = "/~"
"""Marks that may pass for a digit: neither a digit nor surely none."""
_MISPLACED = 0.02, 0.05, 0.1
"""How far corners stray, as a share of the box's sides: mostly, now and then, and how often."""


def page_crops(
    digits: Examples, pages: int, seed: int, tell: Callable[[str], None] | None = None
) -> Examples:
    """Digits written into `pages` forms and cut out again, with marks that are no digits.

    Args:
        digits: images of digits 0-9 to write; the stroke model writes those that are missing.
        pages: forms to render, about 60 boxes each.
        seed: the same seed gives the same crops, on any number of cores.
        tell: hears how it goes.
    """
    make = partial(_crops_of_page, digits, seed)
    parts = map_in_processes(make, range(pages), tell)
    return joined(Examples(np.zeros((0, 28, 28), np.uint8), np.zeros(0, np.uint8)), *parts)


def _crops_of_page(digits: Examples, seed: int, number: int) -> Examples:
    rng = np.random.default_rng([seed, number])
    spec = _spec(rng)
    source = None
    if rng.random() >= _STROKE_MODEL:
        marks = HandSource(Hand.sample(rng), spec.dpi)
        size = float(rng.uniform(0.6, 0.84))
        source = ArraySource(digits.crops, digits.labels, marks, size)
    page = render_form(int(rng.integers(2**31)), spec, source)
    return _cut(page, rng)


def _spec(rng: np.random.Generator) -> FormSpec:
    """A random form with a digit in nearly every box, in the resolutions of scanners."""
    spec = sample_spec(rng)
    while spec.layout == "letters" and rng.random() < _OTHER_THAN_LETTERS:
        spec = sample_spec(rng)
    finer = float(rng.uniform(*_DPI)) if rng.random() < _FINER else spec.dpi
    plan = replace(spec.plan, filling=_FILLING)
    return replace(spec, plan=plan, dpi=max(spec.dpi, finer), variants=0)


def _cut(page: RenderedPage, rng: np.random.Generator) -> Examples:
    """The crops of a page's boxes that are not blank, by boxes about as good as found ones."""
    image = page.image
    if image.ndim == 3:
        image = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)
    truth = [box for box in page.truth if _is_wanted(box, rng) and _is_inside(box, image)]
    crops, blank = crop_boxes(Pyramid(image), [_found(box, rng) for box in truth])
    labels = np.array([_label(box.symbol) for box in truth], np.uint8)
    return Examples(crops[~blank], labels[~blank])


def _is_wanted(box: TruthBox, rng: np.random.Generator) -> bool:
    """Whether what stands in the box is one digit, or one of the marks to be kept."""
    if box.is_number_cell or box.symbol in _LIKE_DIGITS:
        return False
    return box.symbol in DIGITS or rng.random() < _KEPT_MARKS


def _is_inside(box: TruthBox, image: GreyImage) -> bool:
    """Whether no corner of the box was cut off by the scan."""
    (height, width), corners = image.shape, np.array(box.corners)
    return bool((corners >= 0).all() and (corners <= (width - 1, height - 1)).all())


def _found(box: TruthBox, rng: np.random.Generator) -> DigitBox:
    """The box as a finder would have it: displaced a little, each corner for itself."""
    corners = np.array(box.corners)
    sides = np.array([np.ptp(corners[:, 0]), np.ptp(corners[:, 1])])
    usual, far, often = _MISPLACED
    reach = far if rng.random() < often else usual
    moved = corners + sides * (rng.normal(0, reach, 2) + rng.normal(0, usual / 2, (4, 2)))
    return DigitBox(_points(moved))


def _points(corners: npt.NDArray[np.float64]) -> tuple[Point, Point, Point, Point]:
    a, b, c, d = ((float(x), float(y)) for x, y in corners)
    return a, b, c, d


def _label(symbol: str) -> int:
    """The label of what stands in a box; remains of lines in a blank one are no digit."""
    return int(symbol) if symbol and symbol in DIGITS else NOT_A_DIGIT
