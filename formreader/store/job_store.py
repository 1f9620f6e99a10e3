"""The job, on disk: all that was read, to continue and write a scan; see docs/job-store.md."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Self

import numpy as np

from formreader.core.doubts import Doubt, all_of, reason
from formreader.core.errors import NoInputError, OutputError, UsageError
from formreader.core.records import FieldReading, PageReading, PageRemark, ReviewField, Status
from formreader.store import job_sql as sql
from formreader.store.answers import Answer, answered, latest
from formreader.store.job_checksums import (
    drop_damaged,
    has_damage,
    row_checksum,
    run_is_whole,
    seal_page,
    seal_run,
)
from formreader.store.job_file import JobFile, damaged_job
from formreader.store.job_records import (
    AnsweredPage,
    FileRecord,
    JobView,
    LearnedForms,
    Learning,
    PageCopy,
    PageLayout,
    RunRecord,
)
from formreader.store.job_rows import PageRows, encode, read_fields, read_picture

__all__ = (
    "FileRecord", "JobStore", "JobView", "LearnedForms", "Learning", "PageCopy", "PageLayout",
    "PageRows", "RunRecord",
)  # fmt: skip

NOTHING_BROKEN: Mapping[int, tuple[str, ...]] = {}
"""Where no field breaks other rules than before."""


class JobStore:
    """The job of one scan, locked for this process while it is open (`with` closes it).

    Iterators over pages load one page at a time, so that memory does not grow with the job; add
    nothing while one is in use. Any method may raise OutputError, if the file cannot be written
    or read or is damaged: what was added before remains.

    `damaged` is the number of pages and files that were not as an earlier run had stored them. They
    were deleted, and are read again. `replaced` is the view of the job that this one replaced,
    None if there was none.
    """

    def __init__(self, file: JobFile, damaged: int = 0, replaced: JobView | None = None) -> None:
        self._file = file
        self.damaged = damaged
        self.replaced = replaced

    @classmethod
    def open(cls, path: Path, run: RunRecord, *, fresh: bool) -> Self:
        """Start a new job at `path`, or continue the one that is there.

        `run` must equal the job's run, unless no page was stored yet. `fresh`: delete the job that
        is there, whatever its run was.

        Raises:
            UsageError: the job is of another run, another process has it open, or the file is
                not a job of this format; it is not changed.
            OutputError: the file cannot be written or is damaged.
        """
        file = JobFile.open(path)
        try:
            if fresh or file.is_new or not list(file.query(sql.ANY_PAGE)):
                replaced = None if file.is_new else _view(file)
                file.recreate(partial(_add_run, run=run))
                return cls(file, replaced=replaced)
            with file.transaction() as connection:
                _check_whole(path, connection)
            if differences := "; ".join(run.differences(_stored_run(path, file))):
                raise UsageError(
                    f"{path}: it is the job of another scan ({differences}). Choose another table "
                    "with --out, or scan as before to continue that job; --fresh would delete it"
                )
            with file.transaction() as connection:
                return cls(file, drop_damaged(connection))
        except BaseException:
            file.close()
            raise

    @classmethod
    def open_finished(cls, path: Path) -> Self:
        """Open the job that a scan left at `path`.

        Raises:
            NoInputError: there is none, or no scan has written its table yet.
            UsageError: another process has it open, or the file is not a job of this format.
            OutputError: the file cannot be written or is damaged.
        """
        if not path.is_file():
            raise NoInputError(
                f"{path}: there is no such job. Keep it beside the table that the scan wrote, and "
                "name that table"
            )
        file = JobFile.open(path)
        if file.is_new or not all(view for _, view in file.query(sql.IDENTITY)):
            file.close()
            raise NoInputError(f"{path}: no scan has written its table yet. Scan again")
        try:
            with file.transaction() as connection:
                _check_whole(path, connection)
                if has_damage(connection):
                    raise OutputError(
                        f"{path}: some of its records are damaged. Scan as before: those pages are "
                        "read again, and answers to the others stay. And check the disk"
                    )
        except BaseException:
            file.close()
            raise
        return cls(file)

    @property
    def name(self) -> str:
        """What tells this job from all others: 16 hexadecimal digits, drawn at random."""
        ((name, _),) = self._file.query(sql.IDENTITY)
        return str(name)

    def run(self) -> RunRecord:
        """What read the pages."""
        (row,) = self._file.query(sql.RUN)
        return RunRecord.of_row(row)

    def view(self) -> JobView | None:
        """How the job was last written; None for a new one."""
        return _view(self._file)

    def written_view(self) -> JobView:
        """How the job was last written; it was, as `open_finished` has made sure."""
        view = self.view()
        assert view is not None, "open_finished checks it"
        return view

    def set_view(
        self, view: JobView, judged: Callable[[FieldReading], FieldReading] | None = None
    ) -> None:
        """Set how the job is written; `judged` gives readings the statuses of other thresholds."""
        with self._file.transaction() as connection:
            if judged is not None:
                for (page,) in connection.execute(sql.PAGE_IDS).fetchall():
                    _judge_page(connection, page, judged)
            connection.execute(sql.SET_VIEW, (view.to_json(),))
            seal_run(connection)

    def set_broken(
        self,
        found: Mapping[tuple[str, int], Mapping[int, tuple[str, ...]]],
        judged: Callable[[FieldReading], FieldReading],
    ) -> None:
        """Set the rules that fields break, by (file, 0-based page) and number, and judge them."""
        with self._file.transaction() as connection:
            for (file, number), broken in found.items():
                key = encode(file), number + 1
                for (page,) in connection.execute(sql.PAGE_ID, key).fetchall():
                    _judge_page(connection, page, judged, broken)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def known_pages(self) -> dict[str, int]:
        """SHA-256 -> pages, of files counted before: a failed count would delete stored pages."""
        return dict(self._file.query(sql.KNOWN_PAGES))

    def set_files(self, files: Sequence[FileRecord]) -> None:
        """Set the input files of this run, in order.

        Stored pages are deleted if their file is not among them, is now a duplicate, or is not
        known to have the same content.

        Raises:
            ValueError: two of them have the same label.
        """
        if len({file.label for file in files}) < len(files):
            raise ValueError("each input file needs a label of its own")
        with self._file.transaction() as connection:
            connection.execute(sql.EXPECT_NO_FILE)
            for position, file in enumerate(files, 1):
                values = file.values(position)
                connection.execute(sql.FORGET_IF_CHANGED, values)
                connection.execute(sql.PUT_FILE, values)
            connection.execute(sql.FORGET_OTHERS)

    def done(self) -> set[tuple[str, int]]:
        """(label, 0-based number) of each page that need not be read again.

        Those with an error are: they may have failed for lack of time, memory or permission.
        """
        return {(label, number - 1) for label, number in self._file.query(sql.DONE)}

    def stored(self) -> set[tuple[str, int]]:
        """(label, 0-based number) of each page that was read or could not be read."""
        return {(label, number - 1) for label, number in self._file.query(sql.STORED_PAGES)}

    def forms_found(self) -> list[str]:
        """The forms that pages were recognised as."""
        return [form for (form,) in self._file.query(sql.FORMS_FOUND)]

    def learned(self) -> LearnedForms:
        """The forms that this scan has learned of its own pages."""
        ((text,),) = self._file.query(sql.LEARNED)
        return LearnedForms.of_json(text)

    def layouts(self) -> Iterator[PageLayout]:
        """Where the fields of each page are, in the order of the inputs."""
        for page, rows in groupby(self._file.query(sql.LAYOUTS), itemgetter(0)):
            x, y, heights, kinds = np.array([row[1:] for row in rows], np.float64).T
            yield PageLayout(page, np.stack([x, y], axis=1), heights, kinds.astype(np.int64))

    def set_differences(self, differences: Mapping[int, str]) -> None:
        """Set how pages, by their ids, differ from pages like them; the others do not."""
        with self._file.transaction() as connection:
            for page, before in connection.execute(sql.DIFFERENCES).fetchall():
                if (now := differences.get(page, "")) != before:
                    connection.execute(sql.SET_DIFFERENCE, (now, page))
                    seal_page(connection, page)

    def copies(self) -> Iterator[PageCopy]:
        """The pages whose form is not known yet, without those that people have answered about."""
        for page, label, number, png, fields, notice in self._file.query(sql.COPIES):
            yield PageCopy(label, number - 1, png, fields, page, notice)

    def to_read_again(self) -> set[tuple[str, int]]:
        """(label, 0-based number) of the pages that are to be read anew, as forms since learned."""
        return {(label, number - 1) for label, number in self._file.query(sql.TO_READ_AGAIN)}

    def learn(self, learning: Learning) -> None:
        """Store what was learned, all or nothing."""
        with self._file.transaction() as connection:
            for page, (form, names) in learning.named.items():
                connection.execute(sql.NAME_FORM, (encode(form), page))
                for number, name in enumerate(names, 1):
                    connection.execute(sql.NAME_FIELD, (encode(name), page, number))
            for page, form in learning.again.items():
                connection.execute(sql.READ_AGAIN, (encode(form), page))
            for page in (*learning.named, *learning.forgotten):
                connection.execute(sql.DROP_COPY, (page,))
            for page in {*learning.named, *learning.again, *learning.forgotten}:
                seal_page(connection, page)
            connection.execute(sql.SET_LEARNED, (learning.learned.to_json(),))
            seal_run(connection)

    def add(self, pages: Iterable[PageRows]) -> None:
        """Store pages, all or none; pages that were stored before are replaced.

        Raises:
            OutputError: the disk is full or the file is gone; the job is unchanged.
            ValueError: this run's inputs do not include a page.
        """
        with self._file.transaction() as connection:
            for page in pages:
                _add_page(connection, page)

    def readings(
        self, *, as_read: bool = False, pages: Container[tuple[str, int]] | None = None
    ) -> Iterator[PageReading]:
        """All pages in the order of the inputs, exactly as they were added, but for answers.

        A duplicate has the pages of the file that was read instead. `as_read` leaves out what
        people answered; `pages` are the (file, 0-based page) to give, None for all.
        """
        for page, reading in self._pages():
            if pages is not None and (reading.file, reading.number) not in pages:
                continue
            fields = self._fields(page, as_read=as_read)
            yield replace(reading, fields=fields)

    def field_readings(self, *, forms: Container[str] | None = None) -> Iterator[PageReading]:
        """Like `readings` but without digits, three times as fast; `frame` is each field's box.

        Pages of other forms than `forms` come without their fields.
        """
        for page, reading in self._pages():
            if forms is not None and reading.form not in forms:
                yield reading
                continue
            fields = read_fields(self._file.query(sql.FIELDS_WITH_BOXES, page), ())
            if page is not None and (answers := self._answers(page)):
                fields = tuple(
                    replace(self._answered(page, i, field, answers[i]), digits=())
                    if i in answers
                    else field
                    for i, field in enumerate(fields, 1)
                )
            yield replace(reading, fields=fields)

    def review_fields(self) -> Iterator[ReviewField]:
        """All fields still to review, in the order of `readings`."""
        for page, reading in self._pages(sql.WITH_REVIEW):
            if page is None:
                continue
            answers = self._answers(page)
            rows = list(self._file.query(sql.FIELDS_IN_DOUBT, page))
            fields = read_fields(rows, self._file.query(sql.DIGITS_IN_DOUBT, page))
            for (number, *_), field in zip(rows, fields, strict=True):
                now = answered(field, answers.get(number, {}))
                if now.status is Status.REVIEW:
                    yield self._with_picture(page, reading, number - 1, now)

    def sampled_fields(self, places: AbstractSet[tuple[str, int, int]]) -> Iterator[ReviewField]:
        """The written fields at (file, 0-based page, 0-based number), as `readings` orders them."""
        pages = {(file, page) for file, page, _ in places}
        for page, reading in self._pages():
            if page is None or (reading.file, reading.number) not in pages:
                continue
            for number, field in enumerate(self._fields(page)):
                if (reading.file, reading.number, number) in places:
                    yield self._with_picture(page, reading, number, field)

    def _fields(self, page: int | None, *, as_read: bool = False) -> tuple[FieldReading, ...]:
        digits = self._file.query(sql.DIGITS, page)
        fields = read_fields(self._file.query(sql.FIELDS, page), digits)
        answers = {} if page is None or as_read else self._answers(page)
        return tuple(answered(field, answers.get(i, {})) for i, field in enumerate(fields, 1))

    def _answers(self, page: int) -> dict[int, dict[int, str]]:
        """The answers that count on a page: by field, by box."""
        return latest(self._file.query(sql.ANSWERS, page))

    def _answered(
        self, page: int, number: int, field: FieldReading, answers: dict[int, str]
    ) -> FieldReading:
        """A field that was read without digits, as answered."""
        digits = self._file.query(sql.DIGITS_OF_FIELD, page, number)
        (with_digits,) = read_fields(self._file.query(sql.FIELD, page, number), digits)
        return replace(answered(with_digits, answers), frame=field.frame)

    def _with_picture(
        self, page: int, reading: PageReading, number: int, field: FieldReading
    ) -> ReviewField:
        (row,) = self._file.query(sql.PICTURE, page, number + 1)
        return ReviewField(reading.file, reading.number, number, field, *read_picture(row))

    def remarks(self) -> Iterator[PageRemark]:
        """The remarks on whole pages, in the order of `readings`."""
        told = set[str]()
        for _, reading in self._pages(sql.WITH_REMARK):
            if reading.same_as:
                if reading.file not in told:
                    told.add(reading.file)
                    yield PageRemark(reading.file, 0, reading.origin, failed=False)
            elif reading.remark is not None:
                yield reading.remark

    def counts(self) -> Counter[str]:
        """Counts of what is stored, and of its pages and digits by what became of them.

        `digits` are boxes with ink, `blank` without, `review` digits to review, `checked` answered
        ones. `failed` pages could not be read; `duplicates` stand for one duplicate file each.
        """
        ((pages, failed, fields, duplicates),) = self._file.query(sql.COUNT_PAGES)
        states = Status.BLANK.value, Status.REVIEW.value
        ((boxes, blank, review),) = self._file.query(sql.COUNT_DIGITS, *states)
        counts = Counter(pages=pages + duplicates, fields=fields, failed=failed)
        counts.update(duplicates=duplicates, blank=blank, review=review, checked=0)
        for (page,) in list(self._file.query(sql.ANSWERED_PAGES)):
            answers = self._answers(page)
            for i, field in enumerate(self._fields(page, as_read=True), 1):
                if i in answers:
                    now = answered(field, answers[i])
                    counts["checked"] += sum(d.status is Status.CHECKED for d in now.digits)
                    for name in (Status.BLANK, Status.REVIEW):
                        counts[name.value] += sum(d.status is name for d in now.digits)
                        counts[name.value] -= sum(d.status is name for d in field.digits)
        counts["digits"] = boxes - counts["blank"]
        return counts

    def accepted(self) -> tuple[int, float]:
        """The number of accepted fields that nobody answered, and how many should be wrong."""
        ((fields, wrong),) = self._file.query(sql.COUNT_ACCEPTED, Status.OK.value)
        return int(fields), float(wrong)

    @contextmanager
    def all_or_nothing(self) -> Iterator[None]:
        """Keep all that the `with` block stores, at its end; nothing where it raises."""
        with self._file.transaction():
            yield

    def answer(self, answers: Sequence[Answer]) -> None:
        """Store answers, all or none, in one batch that `take_back` undoes.

        Raises:
            ValueError: the job has no such page.
        """
        with self._file.transaction() as connection:
            (batch,) = connection.execute(sql.NEXT_BATCH).fetchone()
            for one in answers:
                key = encode(one.file), one.page
                page = connection.execute(sql.PAGE_ID, key).fetchone()
                if page is None:
                    raise ValueError(f"{one.file}, page {one.page}: it is not in the job")
                said = one.field, one.box, batch, one.text, one.given_by, one.given_at
                checksum = row_checksum((one.file, one.page, *said))
                connection.execute(sql.PUT_ANSWER, (*page, *said, checksum))

    def take_back(self) -> int:
        """Delete the answers stored last; return their number. What they replaced counts again."""
        with self._file.transaction() as connection:
            return connection.execute(sql.FORGET_LAST_BATCH).rowcount

    def answers(self) -> dict[tuple[str, int, int], dict[int, str]]:
        """The answers that count: (file, 0-based page, field from 1) -> by box."""
        ids = {page for (page,) in self._file.query(sql.ANSWERED_PAGES)}
        found = dict[tuple[str, int, int], dict[int, str]]()
        for page, reading in self._pages():
            if page in ids and page is not None and not reading.same_as:
                for field, answers in self._answers(page).items():
                    found[reading.file, reading.number, field] = answers
        return found

    def answered_pages(self) -> Iterator[AnsweredPage]:
        """The pages about which people said something, in the order of `readings`."""
        ids = {page for (page,) in self._file.query(sql.ANSWERED_PAGES)}
        for page, reading in self._pages():
            if page is not None and page in ids and not reading.same_as:
                as_read = replace(reading, fields=self._fields(page, as_read=True))
                sprites = dict(self._file.query(sql.SPRITES, page))
                signed = {
                    (field, box): (by, at)
                    for field, box, by, at in self._file.query(sql.SIGNED, page)
                }
                yield AnsweredPage(as_read, self._answers(page), sprites, signed)

    def pages(self) -> Iterator[PageReading]:
        """All pages in the order of `readings`, without their fields."""
        for _, reading in self._pages():
            yield reading

    def files(self) -> list[FileRecord]:
        """The input files, in the order of the results."""
        return [FileRecord(*row) for row in self._file.query(sql.FILES)]

    def _pages(self, condition: str = "TRUE") -> Iterator[tuple[int | None, PageReading]]:
        """Id and reading of each page, without its fields; None is the id of one not read yet."""
        for page, label, number, error, notice, twin, form, differs in self._file.query(
            sql.PAGES.format(condition)
        ):
            if page is None:
                reading = PageReading(label, 0, notice=reason(Doubt.NOT_READ_YET, twin))
            else:
                told = all_of(notice, differs)
                reading = PageReading(label, number - 1, error=error, notice=told, form=form)
            yield page, replace(reading, same_as=twin)


def _add_run(connection: sqlite3.Connection, run: RunRecord) -> None:
    connection.execute(sql.ADD_RUN, run.row())
    seal_run(connection)


def _check_whole(path: Path, connection: sqlite3.Connection) -> None:
    """Refuse a job whose record of its scan is not as it was stored."""
    if not run_is_whole(connection):
        raise damaged_job(path, "the record of its scan changed on the disk")


def _stored_run(path: Path, file: JobFile) -> RunRecord:
    try:
        (row,) = file.query(sql.RUN)
        return RunRecord.of_row(row)
    except ValueError as error:  # not one row, no text, no JSON
        raise damaged_job(path, f"the record of its scan: {error}") from error


def _add_page(connection: sqlite3.Connection, rows: PageRows) -> None:
    (label, number, *texts, _), tables = rows.unpacked()
    file = connection.execute(sql.TO_READ, (encode(label), number)).fetchone()
    if file is None:
        raise ValueError(f"{label}, page {number}: it is not among the inputs of this run")
    key = *file, number
    connection.execute(sql.FORGET_PAGE, key)
    values = *map(encode, texts), rows.seconds, rows.checksum
    page = connection.execute(sql.ADD_PAGE, (*key, *values)).lastrowid
    for statement, own in zip(sql.ADD_ROWS, tables, strict=True):
        connection.executemany(statement, ((page, *row) for row in own))


def _view(file: JobFile) -> JobView | None:
    views = [view for _, view in file.query(sql.IDENTITY) if view]
    return JobView.of_json(views[0]) if views else None


def _judge_page(
    connection: sqlite3.Connection,
    page: int,
    judged: Callable[[FieldReading], FieldReading],
    broken: Mapping[int, tuple[str, ...]] = NOTHING_BROKEN,
) -> None:
    """Judge the fields of a page anew; `broken` has the rules of fields that break others now."""
    fields = connection.execute(sql.FIELDS, (page,)).fetchall()
    before = read_fields(fields, connection.execute(sql.DIGITS, (page,)).fetchall())
    for number, field in enumerate(before, 1):
        after = judged(replace(field, broken=broken.get(number, field.broken)))
        if (after.status, after.broken) != (field.status, field.broken):
            values = after.status.value, "\n".join(after.broken)
            connection.execute(sql.SET_FIELD_STATUS, (*values, page, number))
        pairs = zip(field.digits, after.digits, strict=True)
        for box, (old, new) in enumerate(pairs, 1):
            if old.status is not new.status:
                connection.execute(sql.SET_DIGIT_STATUS, (new.status.value, page, number, box))
    seal_page(connection, page)
