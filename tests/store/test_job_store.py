from __future__ import annotations

import io
import os
import re
import signal
import sqlite3
import subprocess
import sys
import tracemalloc
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from page_results import PageResult, add_pages
from PIL import Image

from formreader.core.classes import Crops
from formreader.core.doubts import Doubt, reason
from formreader.core.errors import ExitCode, OutputError, UsageError
from formreader.core.geometry import Box
from formreader.core.records import (
    DigitBox,
    DigitReading,
    FieldCrops,
    FieldReading,
    PageCrops,
    PageReading,
    PageRemark,
    ReviewField,
    Status,
    Thumbnail,
)
from formreader.output.table import field_rows
from formreader.store.answers import Answer
from formreader.store.job_sql import JOB_FORMAT
from formreader.store.job_store import FileRecord, JobStore, RunRecord

MakeField = Callable[..., ReviewField]

RUN = RunRecord("0.3.0", "digits 2", "ab" * 32, {"--review-below": "0.95"})


def record(label: str, pages: int = 1, content: str = "", duplicate_of: str = "") -> FileRecord:
    """An input file; its hash comes from `content`, or from its name."""
    sha256 = (content or label).encode("utf-8", "surrogatepass").hex()
    return FileRecord(label, f"/scans/{label}", 10, 20, sha256, pages, duplicate_of)


def crops_of(field: ReviewField) -> Crops:
    """The crops of a field's boxes, (n, 28, 28), from their picture."""
    sprite = np.asarray(Image.open(io.BytesIO(field.sprite)))
    return np.stack(np.hsplit(sprite, len(field.reading.digits)))


def boxes_of(reading: FieldReading) -> tuple[DigitBox, ...]:
    """One arbitrary box a digit: the job stores the boxes of the reading."""
    return (DigitBox(((0, 0), (9, 0), (9, 9), (0, 9))),) * len(reading.digits)


def result(fields: Iterable[ReviewField], file: str = "a.png", page: int = 0) -> PageResult:
    """A page with these fields."""
    found = list(fields)
    crops = tuple(
        FieldCrops(
            boxes_of(field.reading),
            crops_of(field),
            np.zeros(len(field.reading.digits), np.bool_),
            field.thumbnail,
        )
        for field in found
    )
    worked = PageCrops(file, page, crops, seconds={"decode": 0.25, "find": 0.5})
    return PageResult(worked, PageReading(file, page, tuple(field.reading for field in found)))


def failed(file: str, reason: str, page: int = 0) -> PageResult:
    crops = PageCrops(file, page, error=reason)
    return PageResult(crops, PageReading(file, page, error=reason))


@contextmanager
def job(folder: Path, *files: FileRecord, run: RunRecord = RUN) -> Iterator[JobStore]:
    """The job in a folder, new or continued, with its input files set if any are given."""
    with JobStore.open(folder / "results.sqlite", run, fresh=False) as store:
        if files:
            store.set_files(files)
        yield store


@pytest.fixture
def page(make_field: MakeField) -> PageResult:
    """A page with a sure field, one for review and a blank one."""
    cells = ("12.", [0.99, 0.98, 1]), ("?7", [0, 0.5]), ("..", [1, 1])
    return result(make_field(*cell) for cell in cells)


def named(page: PageResult, file: str, number: int = 0) -> PageResult:
    return PageResult(page.page, replace(page.reading, file=file, number=number))


# --- what is read equals what was added


_numbers = st.floats(-1e6, 1e6).map(lambda x: x + 0.0)  # SQLite knows no negative zero
_sides = st.floats(1e-3, 1e5)
_boxes = st.builds(Box, _numbers, _numbers, _sides, _sides)
_shares = st.floats(0, 1).map(lambda x: x + 0.0)
_statuses = st.sampled_from([Status.OK, Status.REVIEW, Status.BLANK])
_digit = st.none() | st.integers(0, 9)
_digits = st.builds(DigitReading, _boxes, _digit, _shares, _statuses, _digit, _shares)
_fields_read = st.builds(
    FieldReading,
    st.lists(_digits, min_size=1, max_size=4).map(tuple),
    st.text("0123456789?", max_size=4),
    st.text("0123456789?.", max_size=4),
    _shares,
    _statuses,
    st.none() | _boxes,
)
_fields = _fields_read.map(
    lambda field: replace(field, lowest=min(digit.confidence for digit in field.digits))
)
_texts = st.text(st.characters(), max_size=20)  # surrogates of broken file names among them
_labels = st.lists(_texts, min_size=1, max_size=4, unique=True)


@st.composite
def _readings(draw: st.DrawFn) -> list[PageReading]:
    readings = []
    for label in draw(_labels):
        fields = st.lists(_fields, max_size=3).map(tuple)
        pages = draw(st.lists(st.tuples(fields, _texts, _texts), max_size=2))
        readings += [PageReading(label, number, *rest) for number, rest in enumerate(pages)]
    return readings


def _of_reading(reading: PageReading) -> PageResult:
    picture = Thumbnail(b"jpeg", Box(1, 2, 3, 4), 0.5)
    fields = tuple(
        FieldCrops(
            boxes_of(field),
            np.zeros((len(field.digits), 28, 28), np.uint8),
            np.zeros(len(field.digits), np.bool_),
            picture,
        )
        for field in reading.fields
    )
    return PageResult(PageCrops(reading.file, 0, fields), reading)


@settings(max_examples=20, deadline=None)  # each example waits for the disk
@given(_readings())
def test_readings_come_back_bit_for_bit_and_in_order(readings: list[PageReading]) -> None:
    files = [record(label, pages=2) for label in dict.fromkeys(r.file for r in readings)]
    with TemporaryDirectory() as folder:
        with job(Path(folder), *files) as store:
            add_pages(store, [_of_reading(reading) for reading in reversed(readings)])
        with job(Path(folder)) as store:
            assert [repr(reading) for reading in store.readings()] == list(map(repr, readings))
            brief = list(store.field_readings())
    assert [list(field_rows(reading)) for reading in brief] == [
        list(field_rows(reading)) for reading in readings
    ]
    assert not any(field.digits for reading in brief for field in reading.fields)


def test_fields_to_review_come_back_with_their_pictures(
    tmp_path: Path, make_field: MakeField
) -> None:
    sure = make_field("12.", [0.99, 0.98, 1], page=1)
    doubtful = make_field("?7.", [0, 0.5, 1], page=1, number=1)
    with job(tmp_path, record("a.png", pages=2)) as store:
        add_pages(store, [result([sure, doubtful], page=1), result([sure])])
        (back,) = store.review_fields()
    assert (back.file, back.page, back.number) == ("a.png", 1, 1)
    assert (back.reading, back.thumbnail) == (doubtful.reading, doubtful.thumbnail)
    np.testing.assert_array_equal(crops_of(back), crops_of(doubtful))


def test_numbers_of_numpy_are_stored_as_numbers(tmp_path: Path) -> None:
    single = np.float32(0.1)
    box = Box(single, single, single, single)  # type: ignore[arg-type]
    digit = DigitReading(box, 1, single, Status.REVIEW, 2, single)  # type: ignore[arg-type]
    read = "1", "1", single, Status.REVIEW, box, single
    field = FieldReading((digit,), *read)  # type: ignore[arg-type]
    reading = PageReading("a.png", 0, (field,))
    with job(tmp_path, record("a.png")) as store:
        add_pages(store, [_of_reading(reading)])
        assert list(store.readings()) == [reading]


def test_counts_and_remarks_are_those_of_all_pages(tmp_path: Path, page: PageResult) -> None:
    files = [record(name) for name in ("a.png", "b.png", "c.png")]
    with job(tmp_path, *files, record("d.png", duplicate_of="a.png")) as store:
        add_pages(store, [page, failed("b.png", "the file is empty"), result([], "c.png")])
        assert store.counts() == {
            "pages": 4, "fields": 3, "digits": 4, "blank": 3, "review": 2, "checked": 0,
            "failed": 1, "duplicates": 1,
        }  # fmt: skip
        assert list(store.remarks()) == [
            PageRemark("b.png", 0, "the file is empty", failed=True),
            PageRemark("c.png", 0, Doubt.NO_BOXES, failed=False),
            PageRemark("d.png", 0, reason(Doubt.SAME_CONTENT, "a.png"), failed=False),
        ]


def test_page_numbers_are_known_of_files_that_were_counted(tmp_path: Path) -> None:
    counted = replace(record("a.pdf"), sha256="a", pages=7)
    failed_now = replace(record("b.pdf"), sha256="b", error="its pages cannot be counted")
    copy = replace(record("c.pdf", duplicate_of="a.pdf"), sha256="a")
    gone = replace(record("d.pdf"), sha256="", error="the file is gone")
    with job(tmp_path, counted, failed_now, copy, gone) as store:
        assert store.known_pages() == {"a": 7}


def test_an_empty_job_has_nothing(tmp_path: Path) -> None:
    with job(tmp_path, record("a.png")) as store:
        assert not any(store.counts().values())
        assert not [*store.readings(), *store.review_fields(), *store.remarks(), *store.done()]


def peak_memory(stream: Iterable[object]) -> int:
    """The most bytes of Python objects held while a stream is consumed."""
    tracemalloc.start()
    deque(stream, maxlen=0)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


@pytest.mark.slow
@pytest.mark.parametrize("stream", [JobStore.readings, JobStore.review_fields, JobStore.remarks])
def test_memory_does_not_grow_with_the_pages(
    tmp_path: Path, make_field: MakeField, stream: Callable[[JobStore], Iterator[object]]
) -> None:
    plain = result([make_field("7", [0.5])])
    page = PageResult(plain.page, replace(plain.reading, notice="look at it"))
    peaks = []
    with job(tmp_path) as store:
        for pages in (10, 1000):
            labels = [f"{number:0500}.png" for number in range(pages)]
            store.set_files([record(label) for label in labels])
            add_pages(store, [named(page, label) for label in labels])
            assert sum(1 for _ in stream(store)) == pages
            peaks.append(peak_memory(stream(store)))
    # The names of all pages take 500 kB; Python itself keeps 100 kB of tuples for later use.
    assert peaks[1] < peaks[0] + 200_000


# --- continuing a job


def test_what_is_done_is_known_when_the_job_is_opened_again(
    tmp_path: Path, page: PageResult
) -> None:
    files = record("a.png", pages=2), record("b.png")
    with job(tmp_path, *files) as store:
        add_pages(store, [page, named(page, "b.png")])
    with job(tmp_path, *files) as store:
        assert store.done() == {("a.png", 0), ("b.png", 0)}


def test_pages_that_failed_are_tried_again_and_replaced(tmp_path: Path, page: PageResult) -> None:
    with job(tmp_path, record("a.png")) as store:
        add_pages(store, [failed("a.png", "took over 60 s")])
    with job(tmp_path, record("a.png")) as store:
        assert store.done() == set()
        assert store.counts()["failed"] == 1  # until then it is in the results
        add_pages(store, [page])
        assert list(store.readings()) == [page.reading]


@pytest.mark.parametrize(
    "now",
    [
        (record("a.png", content="other"), record("b.png")),
        (record("a.png", pages=2), record("b.png")),
        (record("b.png"), record("a.png", duplicate_of="b.png")),
        (record("b.png"),),
    ],
    ids=["changed", "more pages", "a duplicate", "gone"],
)
def test_pages_of_files_that_changed_are_deleted(
    tmp_path: Path, page: PageResult, now: tuple[FileRecord, ...]
) -> None:
    with job(tmp_path, record("a.png"), record("b.png")) as store:
        add_pages(store, [page, named(page, "b.png")])
        store.set_files(now)
        assert store.done() == {("b.png", 0)}
        own = [reading for reading in store.readings() if reading.fields and not reading.same_as]
        assert own == [named(page, "b.png").reading]
        assert (store.counts()["fields"], len(list(store.review_fields()))) == (3, 1)


def test_files_that_moved_keep_their_pages_in_the_new_order(
    tmp_path: Path, page: PageResult
) -> None:
    with job(tmp_path, record("a.png"), record("b.png")) as store:
        add_pages(store, [page, named(page, "b.png")])
        store.set_files([record("b.png"), replace(record("a.png"), path="/moved/a.png")])
        assert [reading.file for reading in store.readings()] == ["b.png", "a.png"]


def test_a_file_without_a_hash_is_not_known_to_be_the_same(
    tmp_path: Path, page: PageResult
) -> None:
    unreadable = replace(record("a.png"), sha256="", error="no permission")
    with job(tmp_path, unreadable) as store:
        add_pages(store, [page])  # it could be read after all
        assert store.done() == {("a.png", 0)}
        store.set_files([unreadable])
        assert store.done() == set()


COPIES = record("a.tif", pages=3), record("copy \udcff.tif", duplicate_of="a.tif"), record("z.png")
"""A file of three pages, a copy of it with a name of broken encoding, and another file."""


def test_a_duplicate_has_all_pages_of_the_file_that_was_read(
    tmp_path: Path, page: PageResult, make_field: MakeField
) -> None:
    doubtful = result([make_field("?7", [0, 0.5])], "a.tif", 1)
    unread = failed("a.tif", "took over 60 s", 2)
    pages = [named(page, "a.tif"), doubtful, unread]
    with job(tmp_path, *COPIES) as store:
        add_pages(store, [*pages, named(page, "z.png")])
        own = [one.reading for one in pages]
        copies = [replace(reading, file="copy \udcff.tif", same_as="a.tif") for reading in own]
        assert list(store.readings()) == [*own, *copies, named(page, "z.png").reading]
        brief = list(store.field_readings())
    assert [list(field_rows(reading)) for reading in brief[3:6]] == [
        list(field_rows(reading)) for reading in copies
    ]
    assert [[field.lowest for field in reading.fields] for reading in brief[:2]] == [
        [0.98, 0, 1], [0]
    ]  # fmt: skip


def test_a_report_has_the_fields_of_a_duplicate_once_and_one_remark(
    tmp_path: Path, page: PageResult, make_field: MakeField
) -> None:
    doubtful = result([make_field("?7", [0, 0.5])], "a.tif", 1)
    with job(tmp_path, *COPIES) as store:
        add_pages(store, [named(page, "a.tif"), doubtful, failed("a.tif", "took over 60 s", 2)])
        shown = [(field.file, field.page, field.number) for field in store.review_fields()]
        assert shown == [("a.tif", 0, 1), ("a.tif", 1, 0)]
        assert list(store.remarks()) == [
            PageRemark("a.tif", 2, "took over 60 s", failed=True),
            PageRemark("copy \udcff.tif", 0, reason(Doubt.SAME_CONTENT, "a.tif"), failed=False),
        ]


def test_a_duplicate_of_what_is_not_read_yet_is_a_page_that_says_so(
    tmp_path: Path, page: PageResult
) -> None:
    with job(tmp_path, *COPIES) as store:
        add_pages(store, [named(page, "z.png")])
        copy, other = store.readings()
        assert (copy.file, copy.number, copy.fields, copy.error) == ("copy \udcff.tif", 0, (), "")
        assert (copy.notice, copy.same_as) == (reason(Doubt.NOT_READ_YET, "a.tif"), "a.tif")
        assert other == named(page, "z.png").reading
        assert next(store.field_readings()) == copy
        assert [remark.file for remark in store.remarks()] == ["copy \udcff.tif"]
        add_pages(store, [named(page, "a.tif", 1)])  # the second of three pages
        found = [(reading.file, reading.number) for reading in store.readings()]
        assert found == [("a.tif", 1), ("copy \udcff.tif", 1), ("z.png", 0)]


@pytest.mark.parametrize("file", ["unknown.png", "duplicate.png", "one page.png"])
def test_pages_outside_the_inputs_are_refused(tmp_path: Path, page: PageResult, file: str) -> None:
    duplicate = record("duplicate.png", duplicate_of="a.png")
    with job(tmp_path, record("a.png"), record("one page.png"), duplicate) as store:
        with pytest.raises(ValueError, match="not among the inputs"):
            add_pages(store, [page, named(page, file, number=1 if "one" in file else 0)])
        assert store.done() == set()  # all or none


def test_crops_of_another_reading_are_refused(tmp_path: Path, page: PageResult) -> None:
    with (
        job(tmp_path, record("a.png")) as store,
        pytest.raises(ValueError, match="other boxes than"),
    ):
        add_pages(store, [PageResult(PageCrops("a.png", 0), page.reading)])


def test_files_need_labels_of_their_own(tmp_path: Path) -> None:
    with job(tmp_path) as store, pytest.raises(ValueError, match="label of its own"):
        store.set_files([record("a.png"), record("a.png")])


@pytest.mark.parametrize(
    ("other", "cause"),
    [
        (replace(RUN, version="0.4.0"), "version 0.3.0, now 0.4.0"),
        (replace(RUN, model="own 1"), "model digits 2, now own 1"),
        (replace(RUN, model_sha256="cd" * 32), "digits 2 with hash abababababab, now cdcdcdcdcdcd"),
        (replace(RUN, options={"--review-below": "0.9"}), "--review-below 0.95, now 0.9"),
        (replace(RUN, options={}), "--review-below 0.95, now not given"),
    ],
)
def test_the_job_of_another_scan_is_refused_and_kept(
    tmp_path: Path, page: PageResult, other: RunRecord, cause: str
) -> None:
    with job(tmp_path, record("a.png")) as store:
        add_pages(store, [page])
    with pytest.raises(
        UsageError, match=rf"results\.sqlite: .*{cause}.*--out.*--fresh would delete it"
    ) as caught:
        JobStore.open(tmp_path / "results.sqlite", other, fresh=False)
    assert caught.value.exit_code is ExitCode.USAGE
    with job(tmp_path) as store:
        assert list(store.readings()) == [page.reading]


def test_a_job_without_pages_is_replaced_by_any_run(tmp_path: Path) -> None:
    with job(tmp_path, record("a.png")):
        pass
    with job(tmp_path, run=replace(RUN, version="0.4.0")):
        pass
    with job(tmp_path, run=replace(RUN, version="0.4.0")) as store:
        assert store.counts()["pages"] == 0


def test_fresh_deletes_any_job_and_frees_its_space(tmp_path: Path, page: PageResult) -> None:
    path = tmp_path / "results.sqlite"
    labels = [f"{number}.png" for number in range(200)]
    with job(tmp_path, *map(record, labels)) as store:
        add_pages(store, [named(page, label) for label in labels])
    before = path.stat().st_size
    other = replace(RUN, version="0.4.0")
    with JobStore.open(path, other, fresh=True) as store:
        assert not list(store.readings())
        store.set_files([record("a.png")])
        add_pages(store, [page])
        store.set_files([])
        assert not list(store.review_fields())  # pages are still deleted with their files
    assert path.stat().st_size < before / 5
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


# --- other files, and damaged jobs


def _sqlite(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


@pytest.mark.parametrize("fresh", [False, True])
@pytest.mark.parametrize(
    "statement", ["PRAGMA application_id = 7", "CREATE TABLE t (x)", None], ids=str
)
def test_a_file_that_is_not_a_job_is_not_changed(
    tmp_path: Path, statement: str | None, fresh: bool
) -> None:
    path = tmp_path / "results.sqlite"
    if statement is None:
        path.write_text("notes of somebody\n" * 100)
    else:
        _sqlite(path, statement)
    before = path.read_bytes()
    with pytest.raises(UsageError, match=r"results\.sqlite: it is not a job of formreader.*--out"):
        JobStore.open(path, RUN, fresh=fresh)
    assert path.read_bytes() == before


@pytest.mark.parametrize("fresh", [False, True])
def test_a_job_of_a_newer_format_is_not_changed(tmp_path: Path, fresh: bool) -> None:
    path = tmp_path / "results.sqlite"
    with job(tmp_path):
        pass
    _sqlite(path, f"PRAGMA user_version = {JOB_FORMAT + 1}")
    before = path.read_bytes()
    with pytest.raises(
        UsageError, match=rf"results\.sqlite: it is a job of format {JOB_FORMAT + 1}.*--out"
    ):
        JobStore.open(path, RUN, fresh=fresh)
    assert path.read_bytes() == before


def test_a_job_that_another_version_of_sqlite_seems_to_have_made_is_damaged(tmp_path: Path) -> None:
    """A flipped bit in its header: SQLite calls that an error of the statement."""
    path = tmp_path / "results.sqlite"
    with job(tmp_path):
        pass
    data = bytearray(path.read_bytes())
    data[47] = 127  # the format of the schema
    path.write_bytes(data)
    with pytest.raises(
        OutputError, match=r"results\.sqlite: the job is damaged \(unsupported file"
    ):
        JobStore.open(path, RUN, fresh=False)


def test_an_empty_file_is_a_new_job(tmp_path: Path) -> None:
    (tmp_path / "results.sqlite").touch()  # as left by a run that was killed at once
    with job(tmp_path) as store:
        assert store.counts()["pages"] == 0


@pytest.mark.parametrize("damage", ["cut", "zeros", "a table is missing"])
def test_a_damaged_job_is_reported_when_it_is_opened(
    tmp_path: Path, page: PageResult, damage: str
) -> None:
    path = tmp_path / "results.sqlite"
    labels = [f"{number}.png" for number in range(50)]
    with job(tmp_path, *map(record, labels)) as store:
        add_pages(store, [named(page, label) for label in labels])
    size = path.stat().st_size
    if damage == "cut":
        os.truncate(path, size // 2)
    elif damage == "zeros":
        with path.open("r+b") as stream:
            stream.seek(4096)
            stream.write(bytes(size - 8192))
    else:
        _sqlite(path, "DROP TABLE picture")
    with pytest.raises(
        OutputError, match=r"results\.sqlite: the job is damaged.*Delete it.*--out"
    ) as caught:
        JobStore.open(path, RUN, fresh=False)
    assert caught.value.exit_code is ExitCode.OUTPUT


# --- failures to write


def test_a_full_disk_leaves_the_job_unchanged(tmp_path: Path, page: PageResult) -> None:
    others = [named(page, f"{number}.png") for number in range(50)]
    files = [record("a.png"), *(record(other.reading.file) for other in others)]
    with job(tmp_path, *files) as store:
        add_pages(store, [page])
        connection = store._file._connection
        (used,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {used + 4}")
        with pytest.raises(OutputError, match=r"results\.sqlite: .*is full\. Free some space"):
            add_pages(store, others)
        assert list(store.readings()) == [page.reading]
    with job(tmp_path, *files) as store:
        assert list(store.readings()) == [page.reading]
        add_pages(store, others)  # there is space again
        assert store.counts()["pages"] == 51


@pytest.mark.skipif(sys.platform == "win32", reason="files in use stay in their place there")
@pytest.mark.parametrize("put_another", [False, True])
def test_a_job_that_was_moved_is_reported(
    tmp_path: Path, page: PageResult, put_another: bool
) -> None:
    folder, moved = tmp_path / "out", tmp_path / "moved"
    folder.mkdir()
    with job(folder, record("a.png"), record("b.png")) as store:
        add_pages(store, [page])
        folder.rename(moved)
        if put_another:
            folder.mkdir()
            (folder / "results.sqlite").touch()
        with pytest.raises(OutputError, match=r"results\.sqlite: .*moved or deleted.*--out"):
            add_pages(store, [named(page, "b.png")])
    with job(moved) as store:
        assert list(store.readings()) == [page.reading]


def test_a_missing_folder_is_reported(tmp_path: Path) -> None:
    with (
        pytest.raises(OutputError, match=r"results\.sqlite: .*folder exists.*--out"),
        job(tmp_path / "nowhere"),
    ):
        pass


# --- other processes, some of which are killed

CHILD = """
import sys
from pathlib import Path
from formreader.store.job_rows import page_rows
from formreader.store.job_store import FileRecord, JobStore, RunRecord
from formreader.core.records import *
import numpy as np

GROUP = 8
box = Box(0, 0, 9, 9)
digit = DigitReading(box, None, 0.0, Status.REVIEW, 3, 0.04)
field = FieldReading((digit,), "?", "?", 0.0, Status.REVIEW, lowest=0.0)
picture = Thumbnail(bytes(range(256)) * 64, box, 1.0)
boxes = (DigitBox(((0, 0), (9, 0), (9, 9), (0, 9))),)
crops = FieldCrops(boxes, np.zeros((1, 28, 28), np.uint8), np.zeros(1, np.bool_), picture)

def page(number):
    crop = PageCrops("a.tif", number, (crops,))
    return page_rows(crop, PageReading("a.tif", number, (field,)))

def report(*words):
    print(*words, flush=True)

path = Path(sys.argv[1])
run = RunRecord("0.3.0", "digits 2", "ab" * 32, {"--review-below": "0.95"})
store = JobStore.open(path, run, fresh=False)
store.set_files([FileRecord("a.tif", "a.tif", 10, 20, "ab", 1000)])
first = len(store.done())
"""

WAIT = "report('open'); sys.stdin.read()"

STALL = """
store.add([page(number) for number in range(GROUP)])
before = path.stat().st_size
store._file._connection.execute("PRAGMA cache_size = 10")  # pages of 4 KiB

def half():
    yield from (page(GROUP + number) for number in range(GROUP // 2))
    report(path.stat().st_size - before)
    sys.stdin.read()

store.add(half())
"""

ADD_ALL = """
for start in range(first, 1000, GROUP):
    store.add([page(start + number) for number in range(GROUP)])
    report(start + GROUP)
"""


@contextmanager
def child(path: Path, work: str) -> Iterator[subprocess.Popen[str]]:
    """A process with the job open, which is killed at the end."""
    command = [sys.executable, "-c", CHILD + work, str(path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def stored(path: Path) -> int:
    with JobStore.open(path, RUN, fresh=False) as store:
        done = store.done()
        assert done == {("a.tif", number) for number in range(len(done))}
        assert len(list(store.review_fields())) == len(done)
        return len(done)


@pytest.mark.slow
@pytest.mark.parametrize("fresh", [False, True])
def test_a_job_is_locked_by_one_process_until_it_dies(tmp_path: Path, fresh: bool) -> None:
    path = tmp_path / "results.sqlite"
    with child(path, WAIT) as other:
        assert line(other) == "open"
        with pytest.raises(UsageError, match=r"results\.sqlite: another scan.*has it open.*--out"):
            JobStore.open(path, RUN, fresh=fresh)
    JobStore.open(path, RUN, fresh=fresh).__exit__(None, None, None)


def test_a_job_is_opened_once_in_a_process(tmp_path: Path) -> None:
    with job(tmp_path), pytest.raises(UsageError, match="has it open"):
        JobStore.open(tmp_path / "results.sqlite", RUN, fresh=False)


def test_jobs_in_one_folder_do_not_disturb_each_other(tmp_path: Path, page: PageResult) -> None:
    with (
        JobStore.open(tmp_path / "one.sqlite", RUN, fresh=False) as one,
        JobStore.open(tmp_path / "two.sqlite", RUN, fresh=False) as two,
    ):
        for store in (one, two):
            store.set_files([record("a.png")])
            add_pages(store, [page])
        assert list(one.readings()) == list(two.readings()) == [page.reading]


def test_a_process_killed_while_adding_leaves_whole_groups(tmp_path: Path) -> None:
    path = tmp_path / "results.sqlite"
    with child(path, STALL) as writing:
        assert int(line(writing)) > 0  # a part of the group is in the file already
        os.kill(writing.pid, signal.SIGKILL if sys.platform != "win32" else signal.SIGTERM)
    assert stored(path) == 8


@pytest.mark.slow
def test_a_process_killed_at_any_moment_loses_nothing_that_was_added(tmp_path: Path) -> None:
    path = tmp_path / "results.sqlite"
    kept = 0
    for groups in (1, 2, 4):
        with child(path, ADD_ALL) as writing:
            reported = [int(line(writing)) for _ in range(groups)]
        kept, before = stored(path), kept
        assert kept % 8 == 0
        assert kept >= reported[-1] == before + 8 * groups


# --- the document

DOCUMENT = Path(__file__).parents[2] / "docs" / "job-store.md"


@pytest.fixture
def tables(tmp_path: Path, page: PageResult) -> Iterator[sqlite3.Connection]:
    """A job of two pages, one of which could not be read, as others open it."""
    with job(tmp_path, record("a.png"), record("b.png")) as store:
        add_pages(store, [page, failed("b.png", "the file is empty")])
    with closing(sqlite3.connect(tmp_path / "results.sqlite")) as connection:
        connection.create_function("writefile", 2, lambda _, data: len(data))
        yield connection


def test_the_document_names_all_tables_and_columns(tables: sqlite3.Connection) -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    documented = {
        table: re.findall(r"`(\w+)`", "".join(re.findall(r"^\|([^|]*)\|", part, re.MULTILINE)))
        for table, part in re.findall(
            r"^\*\*(\w+)\*\*,(.*?)(?=^\*\*|^## )", text, re.MULTILINE | re.DOTALL
        )
    }
    there = {
        table: [column for _, column, *_ in tables.execute(f"PRAGMA table_info({table})")]
        for (table,) in tables.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    }
    assert documented == there


@pytest.mark.parametrize("pragma", ["application_id", "user_version"])
def test_the_document_states_the_format(tables: sqlite3.Connection, pragma: str) -> None:
    (value,) = tables.execute(f"PRAGMA {pragma}").fetchone()
    text = DOCUMENT.read_text(encoding="utf-8")
    assert re.search(rf"`PRAGMA {pragma}`\D*\b{value}\b", text)


def test_the_queries_of_the_document_return_rows(tables: sqlite3.Connection) -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    queries = re.findall(r"```sql\n(.*?)```", text, re.DOTALL)
    assert queries
    for query in queries:
        assert tables.execute(query).fetchall(), query


# --- bits that flipped on the disk

FLIPS = {
    "digit": "UPDATE digit SET digit = (digit + 1) % 10",
    "value": "UPDATE field SET value = value || '1'",
    "confidence": "UPDATE digit SET confidence = 0.999",
    "no text": "UPDATE field SET value = CAST(x'ff' AS TEXT)",
    "notice": "UPDATE page SET notice = 'x'",
    "number": "UPDATE page SET number = 2",
    "field gone": "DELETE FROM field",
    "picture": "UPDATE picture SET jpeg = x'00'",
    # One bit of a row's header.
    "text as blob": "UPDATE field SET value = CAST(value AS BLOB)",
    "blob as text": "UPDATE picture SET jpeg = CAST(jpeg AS TEXT)",
    "difference": "UPDATE page SET differs = 'x'",
    "copy": "UPDATE copy SET fields = '[0]'",
    "copy's form": "UPDATE copy SET form = 'x'",
    "answer": "UPDATE answer SET text = '8'",
    "answer's box": "UPDATE answer SET box = 1",
    "answer as blob": "UPDATE answer SET text = CAST(text AS BLOB)",
    "answer of no page": "UPDATE answer SET page = 9",
    "pages": "UPDATE file SET pages = 3",
    "label": "UPDATE file SET label = 'b.png'",
    "twin": "UPDATE file SET duplicate_of = 'whole.png'",
    "position": "UPDATE file SET position = 7",
}


@pytest.mark.parametrize("flip", FLIPS.values(), ids=FLIPS)
def test_a_page_that_changed_on_the_disk_is_read_again(
    tmp_path: Path, page: PageResult, flip: str
) -> None:
    files = record("a.png", pages=2), record("whole.png")
    with job(tmp_path, *files) as store:
        copied = b"png", "[]"
        add_pages(store, [replace(page, copy=copied), named(page, "whole.png")])
        store.answer([Answer("a.png", 1, 2, 2, "7"), Answer("whole.png", 1, 2, 2, "7")])
        whole = [reading for reading in store.readings() if reading.file == "whole.png"]
    with closing(sqlite3.connect(tmp_path / "results.sqlite")) as connection:
        kept = (
            "WHERE page = 1" if "UPDATE page" not in flip and "file" not in flip else "WHERE id = 1"
        )
        assert connection.execute(f"{flip} {kept}").rowcount
        connection.commit()
    with JobStore.open(tmp_path / "results.sqlite", RUN, fresh=False) as store:
        assert store.damaged == 1
        store.set_files(files)
        # The answer that lost its page is all that it takes along.
        lost = set() if "answer SET page" not in flip else {("a.png", 0)}
        assert store.done() - lost == {("whole.png", 0)}
        assert store.known_pages().get(files[0].sha256) in (None, 2)
        assert [one for one in store.readings() if one.file != "a.png"] == whole
    with JobStore.open(tmp_path / "results.sqlite", RUN, fresh=False) as store:
        assert store.damaged == 0


@settings(max_examples=20, deadline=None)  # each waits for the disk
@given(st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), min_size=1))
def test_bytes_that_flip_change_no_reading_silently(flips: list[tuple[float, int]]) -> None:
    """Anywhere in the file: the job is refused, or the page is known to be damaged, or is whole."""
    digit = DigitReading(Box(1, 2, 3, 4), 1, 0.5, Status.REVIEW, 7, 0.25)
    fields = FieldReading((digit,) * 4, "1111", "1111", 0.5, Status.REVIEW, Box(1, 2, 3, 4), 0.5)
    with TemporaryDirectory() as folder:
        path = Path(folder, "results.sqlite")
        files = [record(f"{number}.png") for number in range(20)]
        with job(Path(folder), *files) as store:
            readings = [PageReading(file.label, 0, (fields,) * 9) for file in files]
            add_pages(store, list(map(_of_reading, readings)))
        data = bytearray(path.read_bytes())
        for place, change in flips:
            data[int(place * len(data))] ^= change
        path.write_bytes(data)
        try:
            with JobStore.open(path, RUN, fresh=False) as store:
                store.set_files(files)
                done, left = store.done(), list(store.readings())
        except (OutputError, UsageError):
            return
        wanted = [one for one in readings if (one.file, 0) in done]
        assert left == wanted


def test_a_job_whose_columns_changed_on_the_disk_is_reported(
    tmp_path: Path, page: PageResult
) -> None:
    with job(tmp_path, record("a.png")) as store:
        add_pages(store, [page])
    path = tmp_path / "results.sqlite"
    data = path.read_bytes()
    assert data.count(b"second_confidence") >= 1
    path.write_bytes(data.replace(b"second_confidence", b"second_confidencf"))
    with pytest.raises(OutputError, match=r"the job is damaged.*other columns"):
        JobStore.open(path, RUN, fresh=False)


@pytest.mark.parametrize(
    "change",
    [
        "options = '{'",
        "options = CAST(x'ff' AS TEXT)",
        "view = '{}'",
        "job = 'x'",
        "learned = '{}'",
    ],
)
def test_a_job_whose_run_changed_on_the_disk_is_reported(
    tmp_path: Path, page: PageResult, change: str
) -> None:
    with job(tmp_path, record("a.png")) as store:
        add_pages(store, [page])
    _sqlite(tmp_path / "results.sqlite", f"UPDATE run SET {change}")
    with pytest.raises(OutputError, match="the job is damaged"):
        JobStore.open(tmp_path / "results.sqlite", RUN, fresh=False)
