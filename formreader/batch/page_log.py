"""What a scan reports while it runs: to the progress display, and page by page to a log file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol, TypeAlias, runtime_checkable

from formreader.core.errors import OutputError
from formreader.core.records import PageCrops, PageReading, Status


@dataclass(frozen=True, slots=True)
class PageFigures:
    """How one page (from 1) went, with the seconds of each stage of its page work.

    `digits` counts the boxes with ink, `review` the digits to review. `worst_confidence` is None
    without digits. `retried`: the process that first worked on the page died.
    """

    file: str
    page: int
    seconds: Mapping[str, float]
    boxes: int
    digits: int
    review: int
    worst_confidence: float | None
    error: str
    retried: bool = False

    @classmethod
    def of(cls, page: PageCrops, reading: PageReading) -> PageFigures:
        """Return the figures of a page, from its crops and its reading."""
        digits = [digit for field in reading.fields for digit in field.digits]
        written = [digit for digit in digits if digit.status is not Status.BLANK]
        return cls(
            file=page.file,
            page=page.number + 1,
            seconds={stage: round(seconds, 4) for stage, seconds in page.seconds.items()},
            boxes=len(digits),
            digits=len(written),
            review=sum(digit.status is Status.REVIEW for digit in written),
            worst_confidence=min((round(d.confidence, 4) for d in written), default=None),
            error=reading.error,
            retried=page.retried,
        )

    def __str__(self) -> str:
        """One line for the user."""
        name = f"{self.file}, page {self.page}"
        if self.error:
            return f"{name}: {self.error}"
        stages = ", ".join(f"{stage} {spent:.3f}" for stage, spent in self.seconds.items())
        line = f"{name}: {stages} s; {self.boxes} boxes, {self.review} to review"
        if self.retried:
            line += ", at the second try"
        if self.worst_confidence is None:
            return line
        return f"{line}, worst confidence {self.worst_confidence:.4f}"


@runtime_checkable
class ScanProgress(Protocol):
    """Receives the progress of a scan; what is not overridden is not shown."""

    def checking(self, files: int) -> None:
        """The files are listed; now each is checked for changes."""
        return

    def file_checked(self) -> None:
        """A file was checked."""
        return

    def started(self, files: int, pages: int, done: int) -> None:
        """All pages are counted; `done` of them were read before, and work on the others begins."""
        return

    def page_done(self, figures: PageFigures) -> None:
        """A page is read and stored."""
        return

    def message(self, text: str) -> None:
        """Something else happened that the user should know."""
        return

    def stopped(self) -> bool:
        """Whether the user stopped the scan: begin no more pages, save those done."""
        return False


PageLog: TypeAlias = Callable[[Iterable[PageFigures]], None]
"""Adds a line for each page to a file: a JSON object that other programs can read at once."""


@contextmanager
def open_page_log(path: Path | None, *, fresh: bool) -> Iterator[PageLog | None]:
    """Open the log at `path`, emptied if `fresh`; else new lines go to its end. None without one.

    Raises:
        OutputError: the file cannot be opened, or later not be written.
    """
    if path is None:
        yield None
        return
    with _output_errors(path):
        stream = path.open("w" if fresh else "a", encoding="utf-8", newline="\n")

    def write(pages: Iterable[PageFigures]) -> None:
        with _output_errors(path):
            stream.writelines(f"{json.dumps(asdict(page))}\n" for page in pages)
            stream.flush()

    try:
        yield write
    finally:
        with suppress(OSError):  # all was flushed before, or the failure is already reported
            stream.close()


@contextmanager
def _output_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"{path}: cannot be written: {error.strerror or error}. Check the disk, or choose "
            "another place with --log-json"
        ) from error
