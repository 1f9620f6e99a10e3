"""Places of printed forms that were filled in by hand, cut out as scans cut them."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Self

import numpy as np
import pytest

from formreader.synth import TruthBox
from formreader.training.data.digit_sets import PenStrokes, load_set
from number_network.strip_pool import strips_of_places
from page_network.hands import HandBook, bent
from page_network.printed_forms import PrintedPage
from page_network.training_pages import filled_page
from written_places import __main__ as program
from written_places import pages
from written_places.bent_strokes import bent_strokes
from written_places.cut_places import CutPlaces, cut_places


@pytest.fixture(scope="module")
def cut(printed: PrintedPage, book: HandBook) -> list[CutPlaces]:
    """What 16 fillings of the printed form give."""
    rngs = [np.random.default_rng(seed) for seed in range(16)]
    return [cut_places(filled_page([printed], book, 150.0, rng), rng) for rng in rngs]


def test_boxes_give_digits_and_rows_and_cells_give_strips(cut: list[CutPlaces]) -> None:
    assert all(one.crops.shape == (len(one.labels), 28, 28) for one in cut)
    labels = np.concatenate([one.labels for one in cut])
    assert len(labels) > 10
    assert len({*labels.tolist()} - {10}) > 3
    strips = [strip for one in cut for strip in one.strips]
    targets = [target for one in cut for target in one.targets]
    assert len(strips) == len(targets) > 10
    assert {strip.shape[0] for strip in strips} == {32}
    assert any(target.isdecimal() and len(target) > 1 for target in targets)
    assert all(targets)


def test_a_place_that_a_form_has_twice_is_left_out(printed: PrintedPage, book: HandBook) -> None:
    page = filled_page([printed], book, 150.0, np.random.default_rng(0))
    box = page.truth[-1]
    twice = TruthBox(7, 0, "1", box.corners, is_number_cell=True)
    alone, both = (
        cut_places(replace(page, truth=truth), np.random.default_rng(3))
        for truth in ((twice,), (box, twice))
    )
    assert alone.targets == ("1",)
    assert both.targets == ()
    assert not len(both.labels)


@pytest.mark.parametrize(
    ("text", "targets"),
    [("8/45", ("8?45",)), ("1.5", ("1.5",)), ("/", ()), ("X", ("?",)), ("--", ("-",))],
)
def test_a_slash_is_no_digit_of_a_number(
    text: str, targets: tuple[str, ...], printed: PrintedPage, book: HandBook
) -> None:
    page = filled_page([printed], book, 150.0, np.random.default_rng(0))
    cell = TruthBox(7, 0, text, page.truth[-1].corners, is_number_cell=True)
    cut = cut_places(replace(page, truth=(cell,)), np.random.default_rng(3))
    assert cut.targets == targets


def test_the_program_writes_what_both_trainings_read(
    tmp_path: Path, printed: PrintedPage, book: HandBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one process; the digits are a set of `formreader train`."""

    class Pool:
        def __init__(self, initializer: object, initargs: object) -> None:
            pages._of_process.update(pages=[printed], book=book)

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None: ...

        def map(self, call: object, of: list[list[int]], chunksize: int) -> object:
            return map(call, of)  # type: ignore[call-overload]

    monkeypatch.setattr(program, "ProcessPoolExecutor", Pool)
    out = tmp_path / "places.npz"
    options = ["--data", str(tmp_path), "--pages", "12", "--seed", "3", "--out", str(out)]
    monkeypatch.setattr(sys, "argv", ["written_places", *options])
    program.main()
    digits, strips = load_set(str(out)), strips_of_places(out)
    assert len(digits.examples) > 5
    assert digits.scanned
    assert len(strips) > 5
    assert all(one.target for one in strips)


def test_a_bent_stroke_is_another_shape_that_starts_where_it_did() -> None:
    stroke = np.array([[100.0, 0.0], [500.0, 500.0], [400.0, 1000.0]])
    dot = np.array([[10.0, 10.0], [12.0, 11.0]])
    one, same = bent([stroke, dot], np.random.default_rng(1))
    assert one[0] == pytest.approx(stroke[0])
    assert same == pytest.approx(dot)
    other = bent([stroke], np.random.default_rng(2))[0]
    ends = [np.linalg.norm(path[-1] - stroke[-1]) for path in (one, other)]
    assert min(ends) > 0
    assert max(ends) < 700
    assert np.linalg.norm(np.diff(one, axis=0), axis=1).max() < 100


def test_bent_digits_keep_their_size_labels_and_writers() -> None:
    stroke = np.array([[0.0, 0.0], [500.0, 500.0], [400.0, 1000.0]])
    labels = np.array([7, 1], np.uint8)
    strokes = PenStrokes([[stroke], [stroke, stroke / 2]], labels, np.array([3, 4]))
    other = bent_strokes(strokes, seed=1)
    assert (other.labels.tolist(), other.writer.tolist()) == ([7, 1], [3, 4])
    assert [len(digit) for digit in other.paths] == [1, 2]
    for digit in other.paths:
        points = np.concatenate(digit)
        assert np.ptp(points, axis=0).max() == pytest.approx(1000)
        assert points.min() == pytest.approx(0)
