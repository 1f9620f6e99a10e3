"""results.html: the review report, which needs no network.

It contains each field with a digit to review, and pictures of it, those first whose answers are
worth most. A large one is an index, and parts in the folder results_files beside it. Fields are
written one by one, so that memory does not grow with the batch.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO
from urllib.parse import quote

from markupsafe import Markup

from formreader.core.errors import OutputError
from formreader.core.locations import Place, is_url
from formreader.core.records import PageRemark, ReviewField
from formreader.output.atomic_writing import atomic_writer
from formreader.output.report.report_fields import ReviewOrder
from formreader.output.web_page import page_code, page_environment
from formreader.output.wording import page_words

_PACKAGE = "formreader.output.report"

SCRIPTS = (
    "report_answers.js", "report_parts.js", "report_model.js", "report_checks.js",
    "report_wall.js", "report_view.js", "report.js",
)  # fmt: skip
"""In the order in which they need one another. A server that keeps answers itself replaces the
first."""

ONE_FILE_BYTES = 16_000_000
"""A report with more records and pictures is an index and parts. About 1,200 fields;
browsers open them in less than a second."""

_FOUND = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".pdf", ".tif", ".tiff")
"""Suffixes of what every browser shows, or opens by a link: a PDF at a page, and TIFF, which most
browsers hand to the program that shows it."""

_PART_NAME = re.compile(r"part-[0-9a-f]{8}-\d{4,}\.js|\.formreader-[0-9a-f]{12}\.part")
"""A part, or one that a killed run was writing."""


@dataclass(frozen=True, slots=True)
class ReportSummary:
    """What was scanned, for the top of the report; counts as of `JobStore.counts`.

    `job` is the name of the job, which corrections carry. `options` are names and values as given.
    `accepted` fields need no look; `accepted_wrong` of them are expected to be wrong. `language` is
    that of the page, "" for that of the browser.
    """

    files: int
    pages: int
    fields: int
    digits: int
    blank: int
    review: int
    failed: int
    review_below: float
    made: datetime
    version: str
    model: str
    csv_name: str
    options: tuple[tuple[str, str], ...] = ()
    checked: int = 0
    job: str = ""
    accepted: int = 0
    accepted_wrong: float = 0.0
    language: str = ""


def write_report(
    path: Place,
    summary: ReportSummary,
    fields: Iterable[ReviewField],
    remarks: Iterable[PageRemark] = (),
    *,
    blind: bool = False,
    sources: Mapping[str, str] | None = None,
    gains: Mapping[tuple[str, int, int], float] | None = None,
) -> None:
    """Write the review report, with one field in memory at a time.

    Fields without a digit to review are left out. corrections.csv has the order of `fields`; the
    browser shows first what is worth most, also by `gains`: the wrong values elsewhere that an
    answer shows, by (file, 0-based page, number). `blind`, for audits: the page shows no reading,
    and saves audit.csv. `sources` are the addresses of scanned files by their names in the results.

    Over `ONE_FILE_BYTES` it is an index, and parts in a folder beside it (results_files); at a URL
    it is one file. The index is replaced last; parts of an earlier report are removed after that.

    Raises:
        OutputError: the file cannot be written; what was there before is kept.
    """
    edition = secrets.token_hex(4)
    local = None if is_url(path) else Path(path)
    files = None if local is None else PartFiles(local, edition)
    is_written = False
    try:
        with atomic_writer(path, "--report") as stream:
            folder = None if local is None else local.resolve().parent
            with closing(ReviewOrder(folder, blind=blind)) as order:
                order.take(fields, sources or {}, gains or {})
                large = files is not None and order.size > ONE_FILE_BYTES
                stream.writelines(
                    _page(summary, remarks, order, edition, files if large else None, blind=blind)
                )
        is_written = True
    finally:
        if files is not None:
            files.remove(own=not is_written)


def _page(
    summary: ReportSummary,
    remarks: Iterable[PageRemark],
    order: ReviewOrder,
    edition: str,
    files: PartFiles | None,
    *,
    blind: bool,
) -> Iterator[str]:
    """Yield the page piece by piece; the parts that are `files` are written meanwhile."""
    template = page_environment(_PACKAGE).get_template("report.html.j2")
    with TemporaryFile() as entries:
        yield from template.generate(
            summary=summary,
            blind=blind,
            remarks=remarks,
            parts=_parts(order, files, entries),
            entries=_entries(entries),
            edition=edition if files else "",
            folder="" if files is None else files.folder.name,
            nonce=secrets.token_urlsafe(16) if files else "",
            words=page_words(summary.language, "reasons", "report"),
            code=page_code(_PACKAGE, SCRIPTS, (_PACKAGE, "report.css")),
        )


def _parts(order: ReviewOrder, files: PartFiles | None, entries: IO[bytes]) -> Iterator[Markup]:
    """Write each part to `files`, or yield its JSON; write the fields of the index to `entries`.

    The lines of `entries` are [part, slot, ...] of each field, `slot` being its place in the part.
    """
    for number, (fields, records) in enumerate(order.parts(), 1):
        for slot, entry in enumerate(fields):
            entries.write(f"[{number},{slot},{entry[1:]}\n".encode("ascii"))
        if files is None:
            yield Markup(_in_html(f"[{','.join(records)}]"))
        else:
            files.write(number, records)


def _entries(entries: IO[bytes]) -> Iterator[Markup]:
    """Yield the lines of `entries`, when the page comes to them."""
    entries.seek(0)
    for line in entries:
        yield Markup(_in_html(line.decode("ascii").rstrip("\n")))


def _in_html(text: str) -> str:
    """Return JSON that can end no script, as the filter `tojson` does."""
    for mark in "<>&'":
        text = text.replace(mark, f"\\u{ord(mark):04x}")
    return text


class PartFiles:
    """The parts of a large report: scripts, as a page from disk may load these but not fetch.

    `edition` (8 hexadecimal digits) names one writing. Parts of others stay until the report itself
    is replaced: any report that is there has its parts.
    """

    def __init__(self, report: Path, edition: str) -> None:
        self.folder = report.with_name(f"{report.stem}_files")
        self._edition = edition

    def write(self, number: int, records: Sequence[str]) -> None:
        """Write a part, counted from 1.

        Raises:
            OutputError: it cannot be written.
        """
        try:
            self.folder.mkdir(exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"{self.folder}: the parts of the report cannot be written there: "
                f"{error.strerror}. Choose another report with --report"
            ) from error
        part = self.folder / f"part-{self._edition}-{number:04}.js"
        with atomic_writer(part, "--report") as stream:
            stream.write(f'reportPart("{self._edition}",{number},[\n')
            stream.write(",\n".join(records))
            stream.write("\n]);\n")

    def remove(self, *, own: bool) -> None:
        """Remove the parts of this edition (`own`) or of all others, and the folder if empty."""
        with suppress(OSError):  # no folder; or a part that is open: the next report removes it
            for path in self.folder.iterdir():
                if _PART_NAME.fullmatch(path.name) and (self._edition in path.name) == own:
                    path.unlink()
            self.folder.rmdir()


def page_sources(files: Iterable[tuple[str, str]], report: Path) -> dict[str, str]:
    """The addresses, relative to the report, of the `files` (label, path) that browsers show.

    Linked pages cost no space or time, and are still found when scans and report move together.
    """
    folder = report.resolve().parent
    shown = ((label, Path(path)) for label, path in files)
    return {
        label: address
        for label, path in shown
        if path.suffix.lower() in _FOUND and (address := _address(path, folder))
    }


def _address(path: Path, folder: Path) -> str:
    """The path from a folder as the address of a link; "" where there is none."""
    try:
        relative = os.path.relpath(path, folder)
    except ValueError:  # another drive of Windows
        return ""
    return quote(os.fsencode(relative.replace(os.sep, "/")))
