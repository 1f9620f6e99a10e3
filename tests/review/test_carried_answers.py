"""Answers when files are read anew: each at its place, and none at another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from page_results import PageResult

from formreader.core.errors import NoInputError
from formreader.core.geometry import Box
from formreader.core.records import (
    DigitReading,
    FieldReading,
    Status,
    Thumbnail,
    cells_of,
    field_status,
)
from formreader.review.carried_answers import (
    Carried,
    carry_over,
    keep_answers,
    keep_answers_of_discarded,
    waiting_answers,
)
from formreader.store.answers import WHOLE_FIELD, Answer
from formreader.store.job_store import FileRecord, JobStore

MakePage = Callable[..., PageResult]
MakeJob = Callable[[Path, Sequence[FileRecord], Sequence[PageResult]], None]

SIDE = 40
CELL = Box(0, 200, 300, 60)
ME = ("Ann", "2026-11-25T10:00:00+00:00")


def row_of(columns: Sequence[int], top: int, mark: str = "7", name: str = "") -> FieldReading:
    """A field of boxes, all of them for review."""
    boxes = [Box(SIDE * column, top, SIDE, SIDE) for column in columns]
    digits = tuple(DigitReading(box, int(mark), 0.5, Status.REVIEW) for box in boxes)
    cells, status = cells_of(digits), field_status(digits)
    return FieldReading(digits, cells, cells, 0.5, status, None, 0.5, name)


def cell(place: Box, value: str) -> FieldReading:
    """A cell for a number whose digits stand near its middle."""
    marks = [mark for mark in value if mark.isdecimal()]
    digits = tuple(
        DigitReading(Box(place.left + 90 + 30 * i, place.top + 5, 25, 50), int(mark), 0.5,
                     Status.REVIEW)
        for i, mark in enumerate(marks)
    )  # fmt: skip
    return FieldReading(digits, value, "".join(marks), 0.5, Status.REVIEW, place, 0.5)


@pytest.fixture
def read(
    tmp_path: Path, make_page: MakePage, make_job: MakeJob, thumbnail: Thumbnail
) -> Callable[..., Path]:
    """Reads a.png as the given fields, in a folder of its own; returns the job."""

    def job(name: str, *fields: FieldReading, sha256: str = "ab" * 32) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        file = FileRecord("a.png", str(folder / "a.png"), 1, 1, sha256, 1, "", "")
        make_job(folder, [file], [make_page(fields, thumbnail)])
        return folder / "results.sqlite"

    return job


@pytest.fixture
def thumbnail() -> Thumbnail:
    return Thumbnail(b"\xff\xd8\xff", Box(0, 0, 10, 10), 1.0, 0)


def answer(job: Path, *said: tuple[int, int, str]) -> None:
    with JobStore.open_finished(job) as store:
        store.answer([Answer("a.png", 1, *one, *ME) for one in said])


def carried(first: Path, second: Path) -> tuple[Carried, dict[int, dict[int, str]]]:
    """What comes of the answers of the first job in the second: counts, and by field and box."""
    with JobStore.open_finished(first) as store:
        keep_answers(store, second)
    with JobStore.open_finished(second) as store:
        counts = carry_over(store, second)
        for page in store.answered_pages():
            assert set(page.signed.values()) == {ME}
        return counts, {field: answers for (_, _, field), answers in store.answers().items()}


def test_answers_go_to_their_places_whatever_the_fields_are_called(
    read: Callable[..., Path],
) -> None:
    first = read("first", row_of([0, 1, 2], 0), row_of([0, 1], 100), cell(CELL, "25"))
    answer(first, (1, 2, "4"), (1, 3, ""), (2, WHOLE_FIELD, "90"), (3, WHOLE_FIELD, "2.5"))
    moved = replace(CELL, left=CELL.left + 8, width=CELL.width - 4)
    second = read(  # in another order, a row in two parts, all of it moved a little
        "second", cell(moved, "26"), row_of([0], 106, name="a"), row_of([1], 106, name="b"),
        row_of([0, 1, 2], 3, name="c"),
    )  # fmt: skip
    counts, answers = carried(first, second)
    assert counts == Carried(over=4, lost=0)
    assert answers == {
        1: {WHOLE_FIELD: "2.5"}, 2: {1: "9"}, 3: {1: "0"}, 4: {2: "4", 3: ""},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "sha256"),
    [
        ([row_of([0, 1, 2], 0)], "cd" * 32),  # another file of the same name
        ([row_of([3, 4, 5], 0)], "ab" * 32),  # beside it
        ([row_of([0, 1, 2], SIDE)], "ab" * 32),  # below it
        ([cell(Box(0, 0, 7 * SIDE, SIDE), "123")], "ab" * 32),  # part of a longer cell
        ([cell(CELL, "123")], "ab" * 32),
    ],
)
def test_no_answer_goes_to_another_place(
    read: Callable[..., Path], fields: list[FieldReading], sha256: str
) -> None:
    first = read("first", row_of([0, 1, 2], 0))
    answer(first, (1, WHOLE_FIELD, "456"))
    counts, answers = carried(first, read("second", *fields, sha256=sha256))
    assert (counts, answers) == (Carried(over=0, lost=1), {})


def test_the_value_of_a_cell_is_not_that_of_a_wider_one(read: Callable[..., Path]) -> None:
    first = read("first", cell(CELL, "25"))
    answer(first, (1, WHOLE_FIELD, "2.5"))
    wider = replace(CELL, width=CELL.width + 80)
    counts, answers = carried(first, read("second", cell(wider, "25")))
    assert (counts, answers) == (Carried(over=0, lost=1), {})


def test_what_is_answered_already_stays(read: Callable[..., Path]) -> None:
    first, second = (read(name, row_of([0, 1], 0)) for name in ("first", "second"))
    answer(first, (1, 1, "4"), (1, 2, "5"))
    answer(second, (1, 1, "6"))
    assert carried(first, second) == (Carried(), {1: {1: "6"}})


def test_answers_of_a_discarded_job_wait_through_a_kill(read: Callable[..., Path]) -> None:
    job = read("first", row_of([0, 1], 0))
    answer(job, (1, 1, "4"))
    keep_answers_of_discarded(job)
    waiting = waiting_answers(job).read_bytes()
    with JobStore.open_finished(job) as store:
        store.take_back()
    keep_answers_of_discarded(job)  # a second try, after the job had lost them
    assert waiting_answers(job).read_bytes() == waiting
    with JobStore.open_finished(job) as store:
        assert carry_over(store, job) == Carried(over=1)
    waiting_answers(job).write_text("[{}]", encoding="utf-8")
    with JobStore.open_finished(job) as store, pytest.raises(NoInputError, match="Delete it"):
        carry_over(store, job)
    job.write_bytes(b"no job")
    keep_answers_of_discarded(job)
