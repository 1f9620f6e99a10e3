"""Lines that PDF pages draw: strokes, sides of rectangles, and filled areas as thin as lines."""

from __future__ import annotations

import io

import pytest
from fillable_pdf import fillable_pdf

from formreader.core.records import Line
from formreader.input.pdf import RENDER_DPI, read_pdf

SCALE = RENDER_DPI / 72


def lines_of(content: str, keys: str = "/MediaBox[0 0 595 842]") -> list[Line]:
    """The lines of a page in points from its upper left corner, each from its lower end."""
    lines = read_pdf(
        io.BytesIO(fillable_pdf([(content, [])], page_keys=keys)), 0, 2**26, with_lines=True
    ).lines
    told = ([(end + 0.5) / SCALE for end in line] for line in lines)
    ends = (sorted((one[:2], one[2:])) for one in told)
    return [(*first, *last) for first, last in ends]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("100 742 m 200 742 l S", [(100, 100, 200, 100)]),
        ("1 0 0 1 10 0 cm 2 0 0 1 0 0 cm 50 742 m 50 642 l S", [(110, 100, 110, 200)]),
        ("100 741.5 50 1 re f", [(100, 100, 150, 100)]),
        ("100 642 1 100 re f", [(100.5, 100, 100.5, 200)]),
        ("100 742 m 200 642 l S", []),
        ("100 742 m 120 742 140 700 160 742 c S", []),
        ("100 742 m 200 742 l n", []),
    ],
    ids=["line", "moved", "level area", "upright area", "slanted", "curve", "not drawn"],
)
def test_lines(content: str, expected: list[Line]) -> None:
    found = lines_of(content)
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert one == pytest.approx(other, abs=0.2)


def test_sides_of_a_rectangle_on_a_turned_page() -> None:
    found = lines_of("100 600 60 40 re S", "/MediaBox[0 0 595 842]/Rotate 90")
    assert len(found) == 4
    assert {round(x) for line in found for x in line[::2]} == {600, 640}
    assert {round(y) for line in found for y in line[1::2]} == {100, 160}


def test_very_many_paths_end() -> None:
    assert 0 < len(lines_of("1 1 m 9 1 l S\n" * 60_000)) <= 25_000
