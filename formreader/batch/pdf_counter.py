"""Checks files in other processes: pdfium may crash or hang on a PDF, a server send without end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import ParamSpec, Self, TypeVar

from formreader.batch.page_pool import explain, start_workers
from formreader.batch.process_executor import ProcessExecutor
from formreader.core.errors import PageError
from formreader.core.records import InputFile
from formreader.input.open_page import count_pages

_P = ParamSpec("_P")
_T = TypeVar("_T")

_URL_PROCESSES = 2
"""Processes that check files at URLs: most of the time they wait for servers. A choice, not
measured."""


class PdfCounter:
    """Counts the pages of PDFs in a process, and checks files at URLs in others.

    The first PDF and the first URL start them, and the end of `with` ends them.

    A count that takes more than `seconds`, or than `memory` GiB (as of `start_workers`), fails.
    """

    def __init__(self, seconds: float, memory: float | None = None) -> None:
        self._seconds = seconds
        self._memory = memory
        self._executor: ProcessExecutor | None = None
        self._for_urls: ProcessExecutor | None = None
        self._lock = threading.Lock()  # guards the start of both

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for executor in (self._executor, self._for_urls):
            if executor is not None:
                executor.shutdown(cancel_futures=True)

    def __call__(self, file: InputFile) -> int:
        """Return the number of pages of `file`, as `count_pages` does; several threads may call.

        Raises:
            PageError: the pages cannot be counted, for whatever reason.
            UsageError: no process can be started.
        """
        with self._lock:
            if self._executor is None:
                self._executor = start_workers(1, self._seconds, self._memory)
        try:
            return self._executor.submit(count_pages, file).result()
        except PageError:
            raise
        except Exception as error:
            raise PageError(f"its pages cannot be counted: {explain(error)}") from error

    def check_url(self, check: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Return the result of `check`, a function that fetches a file; several threads may call.

        Raises:
            PageError: it takes too long, or too much memory.
            UsageError: no process can be started.
        """
        with self._lock:
            if self._for_urls is None:
                self._for_urls = start_workers(_URL_PROCESSES, self._seconds, self._memory)
        try:
            return self._for_urls.submit(check, *args, **kwargs).result()
        except PageError:
            raise
        except Exception as error:
            raise PageError(f"it cannot be fetched: {explain(error)}") from error
