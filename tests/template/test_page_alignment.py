"""Pages are recognised and aligned however they are turned; strangers are told."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
import pytest

from formreader.core.geometry import map_points
from formreader.core.image_pyramid import Pyramid
from formreader.core.records import GreyImage
from formreader.preprocess.straighten import StraightPage, straighten
from formreader.synth import FormSpec, Kind, RenderedPage
from formreader.template.landmark_index import LandmarkIndex
from formreader.template.landmarks import find_landmarks
from formreader.template.page_alignment import Reference
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


@cache
def references() -> tuple[Reference, ...]:
    return tuple(Reference(straight(rendered(seed, 0, "clean")).image) for seed in SEEDS)


@cache
def library() -> ReferenceLibrary:
    return ReferenceLibrary(references())


@pytest.mark.parametrize("kind", ["skew", "turned", "fax", "photo", "noisy", "curl"])
@pytest.mark.parametrize("number", range(len(SEEDS)))
def test_a_page_is_aligned_with_its_own_form(kind: Kind, number: int) -> None:
    page = rendered(SEEDS[number], 1, kind)
    copy = straight(page)
    found = library().best_alignment(copy.image, find_landmarks(copy.image))
    assert found is not None and found[0] == number
    first = rendered(SEEDS[number], 0, "clean")
    on_form, on_page = corners(first, straight(first)), corners(page, copy)
    error = np.linalg.norm(found[1].map(on_form) - on_page, axis=1)
    assert np.median(error) < 1.0 and np.quantile(error, 0.9) < 3.0
    assert kind == "curl" or error.max() < 5.0
    back = np.linalg.norm(found[1].back(on_page) - on_form, axis=1)
    assert np.median(back) < 1.0


def test_votes_find_the_form_among_many() -> None:
    pages = [rendered(seed, 0, "clean") for seed in (*SEEDS, 31, 32, 33)]
    landmarks = [find_landmarks(straight(page).image) for page in pages]
    index = LandmarkIndex(landmarks)
    for number in range(len(SEEDS)):
        filled = find_landmarks(straight(rendered(SEEDS[number], 1, "clean")).image)
        assert int(index.votes(filled).argmax()) == number


@pytest.mark.parametrize("quarters", range(4))
def test_the_way_up_is_known(quarters: int) -> None:
    even: GreyImage = np.ascontiguousarray(np.rot90(references()[0].image, quarters))
    found = library().best_alignment(even, find_landmarks(even))
    assert found is not None
    assert quarters_turned(found[1]) == quarters


def test_strangers_are_told() -> None:
    for seed in (31, 32, 33):
        even = straight(rendered(seed, 0, "clean")).image
        assert library().best_alignment(even, find_landmarks(even)) is None
    blank = np.full((900, 700), 255, np.uint8)
    assert library().best_alignment(blank, find_landmarks(blank)) is None
    assert ReferenceLibrary(()).best_alignment(blank, find_landmarks(blank)) is None


def test_a_page_of_a_pixel_has_no_landmarks() -> None:
    assert len(find_landmarks(np.zeros((1, 1), np.uint8))) == 0
