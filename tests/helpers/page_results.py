"""Pages that tests store in a job, as crops and readings, which they can change."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from formreader.core.records import PageCrops, PageReading
from formreader.store.job_rows import page_rows
from formreader.store.job_store import JobStore


@dataclass(frozen=True, slots=True, eq=False)
class PageResult:
    """A page that was read; `copy` is kept where its form is yet to be learned."""

    page: PageCrops
    reading: PageReading
    copy: tuple[bytes, str] | None = None


def add_pages(store: JobStore, pages: Iterable[PageResult]) -> None:
    """Store pages as a scan does."""
    store.add(page_rows(one.page, one.reading, one.copy) for one in pages)
