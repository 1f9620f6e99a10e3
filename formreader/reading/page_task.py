"""What is to be read: one page of a file; and the record of a page that cannot be read."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Literal, TypeAlias

from formreader.core.errors import PageError
from formreader.core.records import InputFile, PageCrops

_log = logging.getLogger(__name__)

PageKind: TypeAlias = Literal["page", "digit", "number"]
"""What an image shows: the page of a form, or only one digit or one number."""


@dataclass(frozen=True, slots=True)
class PageTask:
    """One page to read; `number` is 0-based.

    `quarters` is the number of clockwise quarter turns that bring the stored page upright. None
    if not known yet: then its print shows how it lies, or where that is not clear, its digits.
    `error` is set if the file was found to be unreadable; then the page is not read. `templates`
    is the folder of the forms that the page may be; "" to look for fields without. `forms` are the
    names of those that a scan has learned so far; None for all in the folder. `keep_copy`: the
    page's straight copy is returned, too, unless it is a known form.
    """

    file: InputFile
    number: int
    quarters: int | None = None
    error: str = ""
    templates: str = ""
    forms: tuple[str, ...] | None = None
    keep_copy: bool = False
    kind: PageKind = "page"

    @property
    def name(self) -> str:
        """The name of the page in messages."""
        label = self.file.label
        return label if self.number == 0 else f"{label}, page {self.number + 1}"

    def failed(self, reason: str) -> PageCrops:
        """The record of the page if it cannot be read."""
        return PageCrops(self.file.label, self.number, error=" ".join(reason.split()))

    def faulty(self, error: Exception) -> PageCrops:
        """The record of the page if reading it raised an error."""
        match error:
            case PageError():
                # Results have columns for file and page, so the message need not name them.
                return self.failed(str(error).removeprefix(f"{self.name}: "))
            case MemoryError():
                return self.failed("too large for the memory. Use fewer --workers")
            case _:
                _log.debug("%s", self.name, exc_info=error)
                return self.failed(f"internal error: {type(error).__name__}: {error}")
