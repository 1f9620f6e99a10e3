"""Counts the pages of PDFs in another process: pdfium may crash or hang on a damaged file."""

from __future__ import annotations

from typing import Self

from formreader.batch.page_pool import explain, start_workers
from formreader.batch.process_executor import ProcessExecutor
from formreader.core.errors import PageError
from formreader.core.records import InputFile
from formreader.input.open_page import count_pages


class PdfCounter:
    """Counts the pages of PDFs in a process, which the first PDF starts and the end of `with` ends.

    A count that takes more than `seconds`, or than `memory` GiB (as of `start_workers`), fails.
    """

    def __init__(self, seconds: float, memory: float | None = None) -> None:
        self._seconds = seconds
        self._memory = memory
        self._executor: ProcessExecutor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._executor is not None:
            self._executor.shutdown(cancel_futures=True)

    def __call__(self, file: InputFile) -> int:
        """Return the number of pages of `file`, as `count_pages` does.

        Raises:
            PageError: the pages cannot be counted, for whatever reason.
            UsageError: no process can be started.
        """
        if self._executor is None:
            self._executor = start_workers(1, self._seconds, self._memory)
        try:
            return self._executor.submit(count_pages, file).result()
        except PageError:
            raise
        except Exception as error:
            raise PageError(f"its pages cannot be counted: {explain(error)}") from error
