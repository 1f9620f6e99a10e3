"""One form filled in several times: the same print, other digits."""

from __future__ import annotations

import numpy as np
import pytest

from formreader.synth import FormSpec, Layout
from shared.number_forms import render_any_form

LAYOUTS: tuple[Layout, ...] = ("comb", "mixed", "varied", "sheet")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_fillings_of_a_seed_are_one_form(layout: Layout) -> None:
    first, second = (
        render_any_form(3, FormSpec(layout, "clean", dpi=100), filling=filling)
        for filling in (1, 2)
    )
    places = [[(box.field, box.box, box.corners) for box in page.truth] for page in (first, second)]
    assert places[0] == places[1]
    assert [box.symbol for box in first.truth] != [box.symbol for box in second.truth]


def test_the_same_filling_is_the_same_page() -> None:
    first, second = (
        render_any_form(3, FormSpec("comb", "fax", dpi=100), filling=4) for _ in range(2)
    )
    assert np.array_equal(first.image, second.image)
    assert first.truth == second.truth


def test_another_seed_is_another_form() -> None:
    first, second = (
        render_any_form(seed, FormSpec("comb", "clean", dpi=100), filling=1) for seed in (1, 2)
    )
    assert [box.corners for box in first.truth] != [box.corners for box in second.truth]
