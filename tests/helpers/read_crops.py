"""Pages of which there are only crops are read as those of a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from formreader.core.options import ScanOptions
from formreader.core.records import InputFile, PageCrops, PageReading
from formreader.core.stopwatch import Stopwatch
from formreader.reading.one_page import CropTasks, read_pages
from formreader.reading.page_task import PageTask
from formreader.recognise.recogniser import Recogniser


def read_crops(
    pages: Iterable[PageCrops],
    recogniser: Recogniser,
    options: ScanOptions | None = None,
    crop: CropTasks | None = None,
) -> Iterator[tuple[PageCrops, PageReading]]:
    """Read pages whose files nobody opens; `crop` gives those that are turned."""
    tasks = ((PageTask(InputFile("", page.file), page.number), page) for page in pages)
    return read_pages(tasks, recogniser, options or ScanOptions(()), Stopwatch(), crop)
