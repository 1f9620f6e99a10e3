"""Pages are recognised and aligned however they are turned; strangers are told."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
import pytest

from formreader.core.doubts import Doubt
from formreader.core.geometry import Box, map_points
from formreader.core.image_pyramid import Pyramid
from formreader.core.records import GreyImage
from formreader.output.wording import sentence
from formreader.preprocess.straighten import StraightPage, straighten
from formreader.synth import (
    Form,
    FormSpec,
    Hand,
    HandSource,
    Kind,
    LineStyle,
    Pen,
    Rect,
    RenderedPage,
    RowStyle,
    Scan,
    Sheet,
    Writer,
    finish,
)
from formreader.template.form_book import FormBook, KnownForm
from formreader.template.form_template import FieldPlace, FormTemplate
from formreader.template.page_alignment import Reference
from formreader.template.page_layout import ITS_OWN, SCALES, PageLayout, Profiles, heights
from formreader.template.placed_fields import quarters_turned
from formreader.template.reference_library import ReferenceLibrary
from shared.number_forms import render_any_form

SEEDS = (100, 104)


@cache
def rendered(seed: int, filling: int, kind: Kind) -> RenderedPage:
    return render_any_form(seed, FormSpec("varied", kind, dpi=100), filling=filling)


def straight(page: RenderedPage) -> StraightPage:
    image = page.image
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) if image.ndim == 3 else image
    return straighten(Pyramid(np.asarray(grey, np.uint8)))


def corners(page: RenderedPage, copy: StraightPage) -> np.ndarray:
    return map_points(np.linalg.inv(copy.to_page), [box.corners for box in page.truth])


def layout(page: RenderedPage) -> PageLayout:
    return PageLayout.of(straight(page).image)


@cache
def references() -> tuple[Reference, ...]:
    return tuple(Reference(layout(rendered(seed, 0, "clean"))) for seed in SEEDS)


@cache
def library() -> ReferenceLibrary:
    return ReferenceLibrary(references())


@pytest.mark.parametrize("kind", ["skew", "turned", "fax", "photo", "noisy", "curl"])
@pytest.mark.parametrize("number", range(len(SEEDS)))
def test_a_page_is_aligned_with_its_own_form(kind: Kind, number: int) -> None:
    page = rendered(SEEDS[number], 1, kind)
    copy = straight(page)
    found = library().best_alignment(PageLayout.of(copy.image))
    assert found is not None and found[0] == number and found[1].fault is None
    first = rendered(SEEDS[number], 0, "clean")
    on_form, on_page = corners(first, straight(first)), corners(page, copy)
    error = np.linalg.norm(found[1].map(on_form) - on_page, axis=1)
    assert np.median(error) < 1.0 and np.quantile(error, 0.9) < 3.0
    assert kind == "curl" or error.max() < 5.0
    back = np.linalg.norm(found[1].back(on_page) - on_form, axis=1)
    assert np.median(back) < 1.0


def test_profiles_find_the_form_among_many() -> None:
    pages = [rendered(seed, 0, "clean") for seed in (*SEEDS, 31, 32, 33)]
    forms = [Profiles.of(layout(page), ITS_OWN) for page in pages]
    for number in range(len(SEEDS)):
        filled = Profiles.of(layout(rendered(SEEDS[number], 1, "clean")), SCALES[0])
        assert int(heights(forms, filled).argmax()) == number


@pytest.mark.parametrize("quarters", range(4))
def test_the_way_up_is_known(quarters: int) -> None:
    even: GreyImage = np.ascontiguousarray(np.rot90(references()[0].image, quarters))
    found = library().best_alignment(PageLayout.of(even))
    assert found is not None and found[1].fault is None
    assert quarters_turned(found[1]) == quarters


def test_strangers_are_told() -> None:
    for seed in (31, 32, 33):
        found = library().best_alignment(layout(rendered(seed, 0, "clean")))
        assert found is None or found[1].fault is not None
    for shape in ((900, 700), (1, 1)):
        blank = PageLayout.of(np.full(shape, 255, np.uint8))
        assert library().best_alignment(blank) is None
        assert ReferenceLibrary(()).best_alignment(blank) is None


def grid(title: str, filling: int, *, rows: int = 16, columns: int = 11) -> StraightPage:
    """A page of nothing but a grid of digits and a title; "" for none."""
    own = np.random.default_rng(filling)
    hand = Hand.sample(own)
    writer = Writer(HandSource(hand, 100), Pen.sample(hand.pen, own), hand.wander, own)
    form = Form(Sheet(210, 297, 100), writer, own)
    if title:
        form.sheet.text(20, 14, title, 5)
    line = LineStyle(width=0.3)
    digits = [[str(own.integers(10)) for _ in range(columns)] for _ in range(rows)]
    form.grid(Rect(18, 26, 9, 11), digits, RowStyle(outer=line, inner=line))
    return straight(finish(form, Scan(skew=0.7, noise=1.5, blur=0.5)))


@pytest.mark.parametrize(
    ("title", "rows", "fault"),
    [
        ("Water levels", 16, None),
        ("Hours worked", 16, Doubt.OTHER_PRINT),
        ("", 16, Doubt.OTHER_PRINT),
    ],
)
def test_a_grid_is_told_by_its_lines_and_by_its_title(
    title: str, rows: int, fault: Doubt | None
) -> None:
    form = Reference(PageLayout.of(grid("Water levels", 1).image))
    found = ReferenceLibrary([form]).best_alignment(PageLayout.of(grid(title, 2, rows=rows).image))
    assert found is not None and found[1].fault == fault
    corners = np.array([(90.0, 120), (700, 120), (700, 900), (90, 900)])
    # As it was drawn, but for the skew.
    assert fault is not None or np.abs(found[1].map(corners) - corners).max() < 12


def test_a_stranger_is_told_with_the_form_that_is_nearest() -> None:
    reference = Reference(PageLayout.of(grid("Water levels", 1).image))
    height, width = reference.image.shape
    template = FormTemplate("water", (width, height), (FieldPlace("A", cell=Box(72, 104, 35, 43)),))
    book = FormBook([KnownForm(template, reference, reference.image)])
    same, other = (
        book.recognise(PageLayout.of(grid(title, 2).image))
        for title in ("Water levels", "Hours worked")
    )
    assert same is not None and same.difference == ""
    assert other is not None and sentence(other.difference) == (
        "the nearest form is water, but other things are printed on it"
    )


def test_blank_grids_are_told_by_their_lines() -> None:
    form = Reference(PageLayout.of(grid("", 1).image))
    faults = []
    for rows, columns in ((16, 11), (12, 8)):
        page = PageLayout.of(grid("", 2, rows=rows, columns=columns).image)
        found = ReferenceLibrary([form]).best_alignment(page)
        faults.append(Doubt.OTHER_LINES if found is None else found[1].fault)
    assert faults == [None, Doubt.OTHER_LINES]


def test_the_reference_page_has_no_writing() -> None:
    copy = grid("Water levels", 1)
    clean = PageLayout.of(copy.image).clean
    inside = np.s_[300:700, 200:500]
    assert np.mean(clean[inside] < 128) < 0.6 * np.mean(copy.image[inside] < 128)
    title = np.s_[50:80, 70:300]
    assert (clean[title] == copy.image[title]).mean() > 0.99
