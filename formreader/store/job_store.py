"""The job: everything read so far, on disk, to continue a scan and to write its results.

The format is described in docs/job-store.md.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from formreader.core.errors import UsageError
from formreader.core.records import PageReading, PageRemark, ReviewField, Status
from formreader.store import job_sql as sql
from formreader.store.job_file import JobFile
from formreader.store.job_records import FileRecord, PageResult, RunRecord
from formreader.store.job_rows import (
    digit_rows,
    encode,
    field_rows,
    read_fields,
    read_picture,
    review_rows,
)

__all__ = ("FileRecord", "JobStore", "PageResult", "RunRecord")


class JobStore:
    """The job of one scan, locked for this process while it is open (`with` closes it).

    Iterators over pages load one page at a time, so that memory does not grow with the job; add
    nothing while one is in use. Any method may raise OutputError, if the file cannot be written
    or read or turns out to be damaged: what was added before remains.
    """

    def __init__(self, file: JobFile) -> None:
        """Take over an open file that holds a job, as `JobStore.open` makes it."""
        self._file = file

    @classmethod
    def open(cls, path: Path, run: RunRecord, *, fresh: bool) -> Self:
        """Start a new job at `path`, or continue the one that is there.

        Args:
            run: must equal the job's run, unless no page was stored yet.
            fresh: delete the job that is there, whatever its run was.

        Raises:
            UsageError: the job is of another run, another process has it open, or the file is
                not a job of this format; it is not changed.
            OutputError: the file cannot be written or is damaged.
        """
        file = JobFile.open(path)
        try:
            if fresh or file.is_new or not list(file.query(sql.ANY_PAGE)):
                file.recreate(sql.ADD_RUN, run.row())
            else:
                (row,) = file.query(sql.RUN)
                _check_run(path, RunRecord.of_row(row), run)
        except BaseException:
            file.close()
            raise
        return cls(file)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._file.close()

    def known_pages(self) -> dict[str, int]:
        """SHA-256 of the content -> number of pages, of the files that an earlier run counted.

        Counting again would take time and, if it failed, delete stored pages.
        """
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
                values = file.values() | {"position": position}
                connection.execute(sql.FORGET_IF_CHANGED, values)
                connection.execute(sql.PUT_FILE, values)
            connection.execute(sql.FORGET_OTHERS)

    def done(self) -> set[tuple[str, int]]:
        """(label, 0-based number) of each page that need not be read again.

        Pages with an error are read again even if their file is the same: they may have failed
        for lack of time, memory or permission, and trying a damaged one again is quick.
        """
        return {(label, number - 1) for label, number in self._file.query(sql.DONE)}

    def add(self, results: Sequence[PageResult]) -> None:
        """Store pages, all or none; pages that were stored before are replaced.

        Raises:
            OutputError: the disk is full or the file is gone; the job is unchanged.
            ValueError: this run's inputs do not include a page, or a page's crops and reading
                have different boxes.
        """
        with self._file.transaction() as connection:
            for result in results:
                _add_page(connection, result)

    def readings(self) -> Iterator[PageReading]:
        """All pages in the order of the inputs, exactly as they were added.

        A duplicate has the pages of the file that was read instead.
        """
        for page, reading in self._pages():
            fields = self._file.query(sql.FIELDS, page)
            yield replace(reading, fields=read_fields(fields, self._file.query(sql.DIGITS, page)))

    def field_readings(self) -> Iterator[PageReading]:
        """Like `readings` but without digits, three times as fast; `frame` is each field's box."""
        for page, reading in self._pages():
            fields = self._file.query(sql.FIELDS_WITH_BOXES, page)
            yield replace(reading, fields=read_fields(fields, ()))

    def review_fields(self) -> Iterator[ReviewField]:
        """All fields to review, in the order of `readings`."""
        for page, reading in self._pages(sql.WITH_REVIEW):
            fields = read_fields(
                self._file.query(sql.REVIEW_FIELDS, page),
                self._file.query(sql.REVIEW_DIGITS, page),
            )
            for row, field in zip(self._file.query(sql.REVIEW, page), fields, strict=True):
                place = reading.file, reading.number, row[0] - 1
                yield ReviewField(*place, field, *read_picture(row))

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
        """Counts of `pages`, `fields`, `digits`, `blank`, `review`, `failed` and `duplicates`.

        `digits` are boxes with ink, `blank` boxes without, `review` digits to review. Of the
        pages, `failed` could not be read, and `duplicates` stand for one duplicate file each.
        """
        (row,) = self._file.query(sql.COUNT_PAGES)
        pages, failed, fields, duplicates = row
        (row,) = self._file.query(sql.COUNT_DIGITS, Status.BLANK.value, Status.REVIEW.value)
        boxes, blank, review = row
        return Counter(
            pages=pages + duplicates,
            fields=fields,
            digits=boxes - blank,
            blank=blank,
            review=review,
            failed=failed,
            duplicates=duplicates,
        )

    def _pages(self, condition: str = "TRUE") -> Iterator[tuple[int | None, PageReading]]:
        """Id and reading of each page, without its fields; None is the id of one not read yet."""
        for page, label, number, error, notice, twin, form in self._file.query(
            sql.PAGES.format(condition)
        ):
            if page is None:
                yield None, PageReading(label, 0, notice=f"{twin} is not read yet", same_as=twin)
            else:
                yield (
                    page,
                    PageReading(
                        label, number - 1, error=error, notice=notice, same_as=twin, form=form
                    ),
                )


def _check_run(path: Path, earlier: RunRecord, run: RunRecord) -> None:
    """Refuse to continue a job of an `earlier` run that differs from `run`."""
    if differences := "; ".join(run.differences(earlier)):
        raise UsageError(
            f"{path}: it is the job of another scan ({differences}). Choose another table with "
            "--out, or scan as before to continue that job; --fresh would delete it"
        )


def _add_page(connection: sqlite3.Connection, result: PageResult) -> None:
    reading = result.reading
    number = reading.number + 1
    file = connection.execute(sql.TO_READ, (encode(reading.file), number)).fetchone()
    if file is None:
        raise ValueError(f"{reading.file}, page {number}: it is not among the inputs of this run")
    key = *file, number
    connection.execute(sql.FORGET_PAGE, key)
    seconds = json.dumps(dict(result.page.seconds))
    values = encode(reading.error), encode(reading.notice), seconds, encode(reading.form)
    connection.execute(sql.ADD_PAGE, (*key, *values))
    (page,) = connection.execute(sql.LAST_ID).fetchone()
    connection.executemany(sql.ADD_FIELD, field_rows(page, reading))
    connection.executemany(sql.ADD_DIGIT, digit_rows(page, reading))
    connection.executemany(sql.ADD_REVIEW, review_rows(page, result.page, reading))
