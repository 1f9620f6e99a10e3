"""What the files to read are found to be, and PDFs whose pages cannot be counted."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from formreader.batch import input_checks, page_pool, process_executor
from formreader.batch.input_checks import PdfCounter
from formreader.batch.job_plan import input_records
from formreader.core.errors import PageError, UsageError
from formreader.core.records import InputFile

LONG = 600.0
"""Seconds that no test takes."""


def saved(path: Path, pages: int, kind: str) -> InputFile:
    image = Image.new("L", (40, 30), pages)
    image.save(path, kind, save_all=True, append_images=[image] * (pages - 1))
    return InputFile(str(path), path.name)


@pytest.fixture
def pdf(tmp_path: Path) -> InputFile:
    """A PDF of three pages."""
    return saved(tmp_path / "three.pdf", 3, "PDF")


def test_only_pdfs_are_counted_apart(tmp_path: Path, pdf: InputFile) -> None:
    asked: list[InputFile] = []

    def count_pdf(file: InputFile) -> int:
        asked.append(file)
        return 7

    tiff = saved(tmp_path / "two.tif", 2, "TIFF")
    copy = InputFile(pdf.path, "copy.pdf")
    text = InputFile(str(tmp_path / "text"), "text")
    Path(text.path).write_text("no page")
    gone = InputFile(str(tmp_path / "gone"), "gone")
    records = list(input_records([tiff, pdf, copy, text, gone], {}, count_pdf))
    assert asked == [pdf]
    assert [record.pages for record in records] == [2, 7, 1, 1, 1]
    assert [record.duplicate_of for record in records] == ["", "", "three.pdf", "", ""]
    assert [bool(record.sha256) for record in records] == [True, True, True, True, False]
    assert records[3].error.startswith("it is not a PNG")
    assert records[4].error.startswith("the file is gone")


def test_a_pdf_that_cannot_be_counted_has_an_error(pdf: InputFile) -> None:
    def count_pdf(file: InputFile) -> int:
        raise PageError(f"{file.label}: it needs a password")

    (record,) = input_records([pdf], {}, count_pdf)
    assert (record.pages, record.error) == (1, "it needs a password")


def test_what_an_earlier_run_counted_is_not_counted_again(pdf: InputFile) -> None:
    sha256 = hashlib.sha256(Path(pdf.path).read_bytes()).hexdigest()
    (record,) = input_records([pdf], {sha256: 3}, lambda _: pytest.fail("counted again"))
    assert (record.pages, record.error) == (3, "")


class _Deadly(InputFile):
    """A file that ends the process that unpacks it."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os._exit, (3,)


class _Endless(InputFile):
    """A file that takes ten minutes to unpack."""

    def __reduce__(self) -> tuple[Any, ...]:
        return time.sleep, (LONG,)


@pytest.mark.slow
def test_counting_survives_what_ends_or_stops_it(pdf: InputFile) -> None:
    with PdfCounter(seconds=2) as count_pdf:
        with pytest.raises(PageError, match=r"cannot be counted: .* died twice \(exit code 3\)"):
            count_pdf(_Deadly(pdf.path, pdf.label))
        with pytest.raises(PageError, match=r"cannot be counted: it took more than 2 s"):
            count_pdf(_Endless(pdf.path, pdf.label))
        with pytest.raises(PageError, match=r"^gone\.pdf: the file is gone"):
            count_pdf(InputFile("gone.pdf", "gone.pdf"))
        assert count_pdf(pdf) == 3


def test_no_process_is_started_where_nothing_is_to_be_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def start(*_: object) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr(input_checks, "start_workers", start)
    with PdfCounter(LONG):
        pass


def test_no_process_at_all_ends_the_run(monkeypatch: pytest.MonkeyPatch, pdf: InputFile) -> None:
    monkeypatch.setattr(process_executor, "_START_PAUSE", 0)
    monkeypatch.setattr(page_pool, "start_worker", os._exit)
    with PdfCounter(LONG) as count_pdf, pytest.raises(UsageError, match="can be started"):
        count_pdf(pdf)
