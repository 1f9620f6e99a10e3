"""results.html: the review report, one file that needs no network.

It contains each field with a digit to review, and pictures of it. Its scripts sort the fields by
confidence, lowest first, and show one at a time. Fields are written one by one, so that memory does
not grow with the batch.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from importlib import resources
from typing import TypeAlias

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from formreader.core.locations import Place
from formreader.core.records import DigitReading, PageRemark, ReviewField, Status
from formreader.output.atomic_writing import atomic_writer
from formreader.output.table import digit_text, file_cell, whole_pixels

_PACKAGE = "formreader.output.report"
SCRIPTS = ("report_model.js", "report_view.js", "report.js")

Json: TypeAlias = "str | int | float | list[Json]"


@dataclass(frozen=True, slots=True)
class ReportSummary:
    """What was scanned, for the top of the report.

    `digits` counts the boxes with ink and `blank` those without; `review` counts the digits to
    review, `checked` those that people answered, and `failed` the pages that could not be read.
    `job` is the name of the job, which corrections carry. `options` are names and values as the
    user gave them. `csv_name` is the name of the table that the report belongs to.
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


def write_report(
    path: Place,
    summary: ReportSummary,
    fields: Iterable[ReviewField],
    remarks: Iterable[PageRemark] = (),
    *,
    blind: bool = False,
) -> None:
    """Write the review report, with one field in memory at a time.

    Fields without a digit to review are left out. corrections.csv has the fields in the order of
    `fields`; the browser shows those with the lowest confidence first. `blind` is for audits: the
    page asks what stands there, shows no reading and confirms none, and saves audit.csv.

    Raises:
        OutputError: the file cannot be written; what was there before is kept.
    """
    style = page_asset(_PACKAGE, "report.css")
    script = "".join(page_asset(_PACKAGE, name) for name in SCRIPTS)
    template = report_environment().get_template("report.html.j2")
    chunks = template.generate(
        summary=summary,
        blind=blind,
        remarks=remarks,
        fields=_field_records(fields),
        style=Markup(style),  # our own file, not data
        script=Markup(script),
        style_hash=csp_hash(style),
        script_hash=csp_hash(script),
    )
    with atomic_writer(path, "--report") as stream:
        stream.writelines(chunks)


def report_environment(package: str = _PACKAGE) -> Environment:
    """The templates of the pages in a package; what they show is escaped."""
    environment = Environment(
        loader=FunctionLoader(partial(page_asset, package)),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":")}
    environment.filters["file_cell"] = file_cell
    return environment


def page_asset(package: str, name: str) -> str:
    """The text of a file that pages are made of."""
    return resources.files(package).joinpath(name).read_text(encoding="utf-8")


def csp_hash(text: str) -> str:
    """Return the hash by which the page's content security policy allows a script or style."""
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"


def _field_records(fields: Iterable[ReviewField]) -> Iterator[tuple[Json, Json]]:
    """Yield (record, pictures) of each field to review.

    The pictures are the JPEG of the thumbnail and the PNG of the crops, in base64.
    """
    for field in fields:
        if field.reading.status is not Status.REVIEW:
            continue
        pictures = (field.thumbnail.jpeg, field.sprite)
        yield _record(field), [base64.b64encode(picture).decode("ascii") for picture in pictures]


def _record(field: ReviewField) -> list[Json]:
    """Return what report_model.js needs to know of a field; its `ReviewField` names the parts."""
    read = field.reading
    area: list[Json] = list(whole_pixels(field.thumbnail.area))
    boxes: list[Json] = [_box_record(digit) for digit in read.digits]
    name: list[Json] = [file_cell(field.file), field.page + 1, field.number + 1]
    whole: list[Json] = [list(whole_pixels(read.box)), read.value, round(read.confidence, 4)]
    return [*name, area, boxes, _key(field), *whole, int(read.frame is not None)]


def _key(field: ReviewField) -> str:
    """Return what browsers keep a field's answers under: the same as long as its writing is.

    So answers outlive a resumed scan, another threshold and corrections that were applied.
    """
    places = [whole_pixels(digit.box) for digit in field.reading.digits]
    name = json.dumps([file_cell(field.file), field.page, field.number, places])
    return hashlib.sha256(name.encode("ascii") + field.sprite).hexdigest()[:_KEY_DIGITS]


_KEY_DIGITS = 12
"""Hexadecimal digits of a field's key: 48 bits tell the fields of one job apart."""


def _box_record(digit: DigitReading) -> list[Json]:
    """Return [x, y, width, height, guess, confidence, status, second guess, its confidence]."""
    second = "" if digit.second is None else str(digit.second)
    return [
        *whole_pixels(digit.box),
        digit_text(digit),
        round(digit.confidence, 4),
        digit.status.value,
        second,
        round(digit.second_confidence, 4),
    ]
