"""What a scan does with a page that was read, as far as whoever read it can prepare it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from formreader.batch.page_log import PageFigures
from formreader.core.records import PageCrops, PageReading
from formreader.store.job_rows import PageRows, page_rows


@dataclass(frozen=True, slots=True)
class StoredPage:
    """A page that was read, as the job stores it, with its figures and the seconds of its stages.

    It has no objects for digits: the main process would take longer to unpickle them than to store
    the page.
    """

    rows: PageRows
    figures: PageFigures
    seconds: Mapping[str, float]


def stored_page(page: PageCrops, reading: PageReading) -> StoredPage:
    """Prepare what is stored of a page; runs where the page is read."""
    copy = None
    if page.copy is not None:
        from formreader.batch.pile_pages import copy_to_keep  # only where forms are learned

        copy = copy_to_keep(page)
    return StoredPage(page_rows(page, reading, copy), PageFigures.of(page, reading), page.seconds)
