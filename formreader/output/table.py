r"""The table: one row per field or digit, the same bytes for the same readings.

As CSV it is UTF-8 without a byte order mark, with commas and `\n` line ends, which
spreadsheets, pandas and `csv` can all read. Coordinates are whole page pixels.

A spreadsheet treats a cell that begins with `=`, `+`, `-` or `@` as a formula, which a file from a
stranger could misuse by its name. Such a name is written as `./=name.png`: the same path for a
program, but plain text for a spreadsheet.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from formreader.core.geometry import Box
from formreader.core.locations import Place
from formreader.core.options import Rows
from formreader.core.printable import printable
from formreader.core.records import DigitReading, FieldReading, PageReading, PageRemark, Status
from formreader.output.columns import (
    DIGIT_HEADER,
    FIELD_HEADER,
    NAMED_DIGIT_HEADER,
    NAMED_FIELD_HEADER,
    PAGE_COLUMNS,
)
from formreader.output.table_formats import Row, write_rows

_FORMULA = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
"""Beginnings of formulas in spreadsheets, with the full-width signs of Excel in Asia."""

_FORMULA_INSIDE = re.compile("(;\\s*)(?=[=+\\-@\uff1d\uff0b\uff0d\uff20])")
"""Where a cell becomes two, the second a formula: in spreadsheets of countries whose lists have
semicolons."""


def write_table(place: Place, pages: Iterable[PageReading], rows: Rows) -> None:
    """Write the readings of `pages`, in their order, as they come.

    The suffix of `place` decides the format. A page with an error, a notice, or no fields has a
    row of its own with `field` 0 and the reason in `message`: every page is in the table.

    Raises:
        OutputError: the file cannot be written; what was there before is kept.
        UsageError: the suffix is that of an unsupported format.
    """
    header, page_rows = TABLES[rows]
    write_rows(place, header.split(","), (row for page in pages for row in page_rows(page)))


def write_form_table(
    place: Place, pages: Iterable[PageReading], rows: Rows, forms: Mapping[str, Sequence[str]]
) -> None:
    """Write the readings of `pages` of known forms, as `write_table` does.

    Args:
        place: the file.
        pages: the pages, also those of no known form.
        rows: what a row is. Rows of fields and of digits name the form and the field.
        forms: the names of the fields of each form, by its name.

    Raises:
        OutputError, UsageError: as `write_table`.
    """
    if rows == "page":
        names = list(dict.fromkeys(name for fields in forms.values() for name in fields))
        columns = [*PAGE_COLUMNS, *names, "message"]
        write_rows(place, columns, (page_row(page, names) for page in pages))
        return
    header = NAMED_DIGIT_HEADER if rows == "digit" else NAMED_FIELD_HEADER
    page_rows = TABLES[rows][1]
    named = (_named(page, row) for page in pages for row in page_rows(page))
    write_rows(place, header.split(","), named)


def page_row(page: PageReading, names: Sequence[str]) -> Row:
    """Return the row of a page: `PAGE_COLUMNS`, the values of the fields `names`, the message.

    A page of no known form has no values there.
    """
    fields = {field.name: field for field in _readable(page)} if page.form else {}
    doubtful = [field.name for field in fields.values() if _is_doubtful(field)]
    remark = page.remark
    if remark is not None:
        status = remark.status
    elif doubtful:
        status = Status.REVIEW
    else:
        blank = all(field.status is Status.BLANK for field in fields.values())
        status = Status.BLANK if blank else Status.OK
    rules = "; ".join(dict.fromkeys(text for one in fields.values() for text in one.broken))
    first: Row = [file_cell(page.file), page.number + 1, text_cell(page.form), status.value]
    values = [fields[name].value if name in fields else "" for name in names]
    return [*first, text_cell("; ".join(doubtful)), *values, _message(page, remark, rules=rules)]


def _is_doubtful(field: FieldReading) -> bool:
    """Whether to look at a field; at a blank one if it breaks a rule by that."""
    return field.status is Status.REVIEW or (field.status is Status.BLANK and bool(field.broken))


def _named(page: PageReading, row: Row) -> Row:
    """Return a row of a field or a digit with the form, and the field's name for its number."""
    file, number, field, *rest = row
    known = page.form and isinstance(field, int) and field > 0
    name = _readable(page)[field - 1].name if known and isinstance(field, int) else str(field)
    return [file, number, text_cell(page.form), text_cell(name), *rest]


def field_rows(page: PageReading) -> Iterator[Row]:
    """Yield the rows of one page, with the columns of `FIELD_HEADER`."""
    page_cells: Row = [file_cell(page.file), page.number + 1]
    if remark := page.remark:
        nothing: Row = [0, "", 0.0, remark.status.value, "", 0, 0, 0, 0, 0.0]
        yield [*page_cells, *nothing, _message(page, remark)]
    for number, reading in enumerate(_readable(page), 1):
        confidence = _probability(reading.confidence)
        read: Row = [reading.value, confidence, reading.status.value, reading.cells]
        rest: Row = [
            *whole_pixels(reading.box),
            _probability(reading.lowest),
            _message(page, None, reading),
        ]
        yield [*page_cells, number, *read, *rest]


def digit_rows(page: PageReading) -> Iterator[Row]:
    """Yield the rows of one page, with the columns of `DIGIT_HEADER`."""
    page_cells: Row = [file_cell(page.file), page.number + 1]
    if remark := page.remark:
        nothing: Row = [0, 0, 0, 0, 0, 0, "", 0.0, remark.status.value, "", None]
        yield [*page_cells, *nothing, _message(page, remark)]
    for number, reading in enumerate(_readable(page), 1):
        for box_number, digit in enumerate(reading.digits, 1):
            place: Row = [number, box_number, *whole_pixels(digit.box)]
            yield [*page_cells, *place, *_digit_cells(digit), _message(page, None, reading)]


def file_cell(label: str) -> str:
    """Return a file's name as written in the results: printable, and never a formula."""
    name = printable(label)
    return f"./{name}" if name.lstrip().startswith(_FORMULA) else name


def text_cell(text: str) -> str:
    """Return a text as written in the results: on one printable line, and never a formula."""
    line = _FORMULA_INSIDE.sub(r"\1'", printable(" ".join(text.split())))
    return f"'{line}" if line.startswith(_FORMULA) else line


def digit_text(digit: DigitReading) -> str:
    """Return a digit as written in the results: 0-9, `?` if none is plausible, "" for a blank."""
    if digit.status is Status.BLANK:
        return ""
    return "?" if digit.digit is None else str(digit.digit)


def whole_percent(confidence: float) -> str:
    """Return a confidence in whole percent, rounded down, as the overlay and the report show it.

    So it is never `100 %` for less than certainty, nor a percent more than the table says. A chance
    below one percent is `< 1 %`. `percent` in report_view.js does the same.
    """
    hundredths = round(confidence * 10_000)  # the table has four decimals
    return "< 1 %" if 0 < hundredths < 100 else f"{hundredths // 100} %"


def whole_pixels(box: Box) -> tuple[int, int, int, int]:
    """Return (x, y, width, height) with rounded edges, so that boxes that touch still touch."""
    x, y = round(box.left), round(box.top)
    return x, y, max(1, round(box.right) - x), max(1, round(box.bottom) - y)


TABLES: Mapping[Rows, tuple[str, Callable[[PageReading], Iterator[Row]]]] = MappingProxyType(
    {"field": (FIELD_HEADER, field_rows), "digit": (DIGIT_HEADER, digit_rows)}
)
"""Kind of rows -> the header, and the function that gives the rows of one page."""


def _readable(page: PageReading) -> tuple[FieldReading, ...]:
    return () if page.error else page.fields


def _message(
    page: PageReading,
    remark: PageRemark | None = None,
    field: FieldReading | None = None,
    rules: str = "",
) -> str:
    """Return the last column of a row: remarks about the page, its field, the source of its values.

    `rules` are those that the page's values break.
    """
    of_field = () if field is None else (*field.broken, field.remark)
    parts = (remark.reason if remark else "", rules, *of_field, page.origin)
    return text_cell("; ".join(filter(None, parts)))


def _digit_cells(digit: DigitReading) -> Row:
    second = "" if digit.second is None else str(digit.second)
    second_confidence = _probability(digit.second_confidence) if second else None
    confidence = _probability(digit.confidence)
    return [digit_text(digit), confidence, digit.status.value, second, second_confidence]


def _probability(value: float) -> float:
    return round(float(value), 4)
