"""Pages that have a field more or less than pages like them."""

from __future__ import annotations

import numpy as np
import pytest

from formreader.batch.odd_pages import odd_pages
from formreader.output.wording import sentence
from formreader.store.job_store import PageLayout

ROWS = [(300.0 + 40 * (i % 2), 200.0 + 150 * i, 5 + i % 3) for i in range(7)]
"""Middle and number of boxes of each field of a form: seven rows."""


def layout(
    page: int, fields: list[tuple[float, float, int]], seed: int, turn: float = 0.0
) -> PageLayout:
    """A page with these fields, skewed by `turn` degrees, shifted and a little shaken."""
    rng = np.random.default_rng(seed)
    way = np.exp(1j * np.radians(turn)) * rng.uniform(0.97, 1.03)
    points = (np.array([x + 1j * y for x, y, _ in fields])) * way + complex(
        *rng.uniform(-40, 40, 2)
    )
    middles = np.stack([points.real, points.imag], axis=1) + rng.normal(0, 1.5, (len(fields), 2))
    kinds = np.array([kind for *_, kind in fields])
    return PageLayout(page, middles, np.full(len(fields), 40.0), kinds)


def batch(odd: list[tuple[float, float, int]]) -> list[PageLayout]:
    """Nine pages of one form, another form in between, and page 99 with `odd` fields."""
    other = [(x + 300, 1500 - y * 0.7, kind + 3) for x, y, kind in ROWS]
    pages = [layout(i, ROWS, i, turn=i % 5 - 2) for i in range(9)]
    return [*pages[:4], layout(50, other, 20), *pages[4:], layout(99, odd, 30, turn=1.5)]


@pytest.mark.parametrize(
    ("odd", "told"),
    [
        pytest.param(ROWS, "", id="as the others"),
        pytest.param(
            [(500.0, 90.0, 4), *ROWS],
            "9 pages like this one do not have these fields of it: 1; please look",
            id="a title taken for a field",
        ),
        pytest.param(
            [*ROWS[:2], (260.0, 500.0, 3), (420.0, 500.0, 4), *ROWS[3:]],
            "of it: 3, 4; please look; 9 pages like this one have fields that it lacks (1)",
            id="a split row",
        ),
        pytest.param(
            [ROWS[0], *ROWS[3:]],
            "9 pages like this one have fields that it lacks (2): please look",
            id="two lost rows",
        ),
    ],
)  # fmt: skip
def test_a_page_that_differs_from_its_batch_says_so(
    odd: list[tuple[float, float, int]], told: str
) -> None:
    found = odd_pages(batch(odd))
    assert set(found) == ({99} if told else set())
    assert told in sentence(found.get(99, ""))


def test_a_field_that_half_of_the_pages_have_is_nothing_odd() -> None:
    pages = [layout(i, ROWS if i % 2 else ROWS[1:], i) for i in range(10)]
    assert odd_pages(pages) == {}


def test_few_pages_do_not_show_what_is_usual() -> None:
    pages = [layout(i, ROWS, i) for i in range(3)]
    assert odd_pages([*pages, layout(9, [(500.0, 90.0, 4), *ROWS], 9)]) == {}
