"""Crops as scans have them: digits written into rendered forms and cut out again.

A printed box, a scanner and our own cropping change a digit in other ways than MNIST's makers
did: strokes come out thicker or broken, remains of lines stay, and the box is a little displaced.
There is no record of a measurement for the shares below.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from formreader.core.classes import CROP_SIDE, NOT_A_DIGIT
from formreader.core.geometry import quads_of
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
from formreader.synth.damage import to_grey
from formreader.synth.form_spec import CELL_LAYOUTS
from formreader.synth.render import map_in_processes
from formreader.training.data.examples import Examples, joined

CROPS_OF_PAGE = 52
"""Crops that a page gives, on average: 41,987 came from 800 pages."""

_CROP_FILLING = Filling(blanks=0.06, marks=0.06)
"""Shares of the boxes that stay blank or hold another mark: nearly all hold a digit."""
_STROKE_MODEL_PAGES = 0.25
"""Share of the pages that the stroke model fills, not the given digits."""
_WRITTEN_HEIGHTS = 0.6, 0.84
"""Range of the digits' height, as a share of the box's height."""
_FINER_DPI, _FINER_PAGES = (100.0, 260.0), 0.7
"""Resolutions of scanners in dpi, and the share of the pages that has one. The box network is
trained on coarser pages."""
_LETTER_FORMS_SKIPPED = 0.7
"""Share of the forms for letters that is skipped."""
_MARKS_KEPT = 0.5
"""Share of the non-digits that is kept: whole forms of letters would outweigh the digits."""
NO_CROPS = Examples(np.zeros((0, CROP_SIDE, CROP_SIDE), np.uint8), np.zeros(0, np.uint8))
_LIKE_DIGITS = "/~"
"""Marks that may pass for a digit, so that they are no example of either."""
_SHIFT_SIGMA, _FAR_SHIFT_SIGMA, _FAR_SHIFT_SHARE = 0.02, 0.05, 0.1
"""Standard deviation of a box's displacement, as a share of its sides; a larger one; and the share
of the boxes that has the larger one. Each corner also moves by half of the first."""


def page_crops(
    digits: Examples,
    pages: int,
    seed: int,
    tell: Callable[[str], None] | None = None,
    *,
    processes: bool = True,
) -> Examples:
    """Write digits into `pages` forms and cut them out again, with some non-digits.

    Args:
        digits: images of digits 0-9 to write; the stroke model writes those that are missing.
        pages: forms to render, about 60 boxes each.
        seed: the same seed gives the same crops, on any number of cores.
        tell: called with a message as the work goes on.
        processes: whether to render in a process for each core, or in this one.
    """
    make = partial(_crops_of_page, digits, seed)
    parts = map_in_processes(make, range(pages), tell) if processes else map(make, range(pages))
    return joined(NO_CROPS, *parts)


def _crops_of_page(digits: Examples, seed: int, number: int) -> Examples:
    """Render page `number` and cut out its boxes; a form with none need not be drawn."""
    rng = np.random.default_rng([seed, number])
    spec = _spec(rng)
    if spec.layout in CELL_LAYOUTS:
        return NO_CROPS
    source = None
    if rng.random() >= _STROKE_MODEL_PAGES:
        marks = HandSource(Hand.sample(rng), spec.dpi)
        size = float(rng.uniform(*_WRITTEN_HEIGHTS))
        source = ArraySource(digits.crops, digits.labels, marks, size)
    page = render_form(int(rng.integers(2**31)), spec, source)
    return _cut(page, rng)


def _spec(rng: np.random.Generator) -> FormSpec:
    """A random form with a digit in nearly every box, mostly at the resolution of a scanner."""
    spec = sample_spec(rng)
    while spec.layout == "letters" and rng.random() < _LETTER_FORMS_SKIPPED:
        spec = sample_spec(rng)
    finer = float(rng.uniform(*_FINER_DPI)) if rng.random() < _FINER_PAGES else spec.dpi
    plan = replace(spec.plan, filling=_CROP_FILLING)
    return replace(spec, plan=plan, dpi=max(spec.dpi, finer), variants=0)


def _cut(page: RenderedPage, rng: np.random.Generator) -> Examples:
    """Cut out what is in a page's boxes, placed about as well as found ones; without blanks."""
    image = to_grey(page.image)
    truth = [box for box in page.truth if _is_wanted(box, rng) and _is_inside(box, image)]
    crops, blank, _ = crop_boxes(Pyramid(image), [_displaced(box, rng) for box in truth])
    labels = np.array([_label(box.symbol) for box in truth], np.uint8)
    return Examples(crops[~blank], labels[~blank])


def _is_wanted(box: TruthBox, rng: np.random.Generator) -> bool:
    """Whether the box holds a digit, or a non-digit to keep."""
    if box.symbol in _LIKE_DIGITS:
        return False
    return box.symbol in DIGITS or rng.random() < _MARKS_KEPT


def _is_inside(box: TruthBox, image: GreyImage) -> bool:
    """Whether the scan shows all corners of the box."""
    (height, width), corners = image.shape, np.array(box.corners)
    return bool((corners >= 0).all() and (corners <= (width - 1, height - 1)).all())


def _displaced(box: TruthBox, rng: np.random.Generator) -> DigitBox:
    """The box as a finder might place it: shifted a little, and each corner a little more."""
    corners = np.array(box.corners)
    sides = np.array([np.ptp(corners[:, 0]), np.ptp(corners[:, 1])])
    sigma = _FAR_SHIFT_SIGMA if rng.random() < _FAR_SHIFT_SHARE else _SHIFT_SIGMA
    moved = corners + sides * (rng.normal(0, sigma, 2) + rng.normal(0, _SHIFT_SIGMA / 2, (4, 2)))
    return DigitBox(quads_of(moved)[0])


def _label(symbol: str) -> int:
    """The label of a box's symbol; ink in a blank box is the remains of lines, so a non-digit."""
    return int(symbol) if symbol and symbol in DIGITS else NOT_A_DIGIT
