"""What tests of corrections and audits share: a job with results, and what reports save."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from page_results import PageResult, add_pages

from formreader.core.records import (
    DigitBox,
    FieldCrops,
    FieldReading,
    PageCrops,
    PageReading,
    Thumbnail,
)
from formreader.review.job_results import write_results
from formreader.store.job_store import FileRecord, JobStore, JobView, RunRecord

SaveCorrections = Callable[[Path, Iterable[Mapping[str, str]]], Path]
MakePage = Callable[..., PageResult]
MakeJob = Callable[[Path, Sequence[FileRecord], Sequence[PageResult]], None]

_HEADER = "file,page,field,box,x,y,width,height,guess,confidence,digit,value,job"


@pytest.fixture
def save_corrections() -> SaveCorrections:
    """Writes rows as the report saves them."""

    def save(path: Path, rows: Iterable[Mapping[str, str]]) -> Path:
        with path.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, _HEADER.split(","))
            writer.writeheader()
            writer.writerows(rows)
        return path

    return save


@pytest.fixture
def scan_run() -> RunRecord:
    """The scan that made a job."""
    return RunRecord("0.6.0", "digits 3", "ab" * 32, {"PATHS": "scans"})


@pytest.fixture
def make_page() -> MakePage:
    """Makes a page as a job takes it, with an arbitrary box and crop for each digit."""

    def make(
        readings: Iterable[FieldReading], thumbnail: Thumbnail, file: str = "a.png"
    ) -> PageResult:
        fields = tuple(readings)
        crops = tuple(
            FieldCrops(
                (DigitBox(((0, 0), (9, 0), (9, 9), (0, 9))),) * len(field.digits),
                np.zeros((len(field.digits), 28, 28), np.uint8),
                np.zeros(len(field.digits), np.bool_),
                thumbnail,
            )
            for field in fields
        )
        return PageResult(PageCrops(file, 0, crops), PageReading(file, 0, fields))

    return make


@pytest.fixture
def make_job(scan_run: RunRecord) -> MakeJob:
    """Makes the job of a finished scan in a folder, with its table and report."""

    def make(folder: Path, files: Sequence[FileRecord], pages: Sequence[PageResult]) -> None:
        table, report = str(folder / "results.csv"), str(folder / "results.html")
        view = JobView(table, report, "field", "", 0.95, len(files), ())
        with JobStore.open(folder / "results.sqlite", scan_run, fresh=False) as store:
            store.set_files(files)
            add_pages(store, pages)
            store.set_view(view)
            write_results(store, view)

    return make
