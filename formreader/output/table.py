r"""The table: one row per field or digit, the same bytes for the same readings.

As CSV it is UTF-8 without a byte order mark, with commas and `\n` line ends. Coordinates are whole
page pixels. A spreadsheet treats a cell that begins with `=`, `+`, `-` or `@` as a formula, so the
name of a stranger's file is written as `./=name.png`: the same path for a program.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from formreader.core.doubts import Doubt, all_of
from formreader.core.geometry import Box
from formreader.core.locations import Place
from formreader.core.options import Rows
from formreader.core.printable import printable
from formreader.core.records import DigitReading, FieldReading, PageReading, PageRemark, Status
from formreader.output.columns import DIGIT_HEADER, FIELD_HEADER, NAMED_HEADERS
from formreader.output.table_formats import Row, write_rows
from formreader.output.wording import sentence

_FORMULA = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
"""Beginnings of formulas in spreadsheets, with the full-width signs of Excel in Asia."""

_ODD_SEMICOLON = re.compile(r";(?! \w)")
"""A semicolon that no word follows. In countries whose lists have semicolons a spreadsheet begins a
cell after it: a formula, or one whose quote swallows the next rows."""


def write_table(
    place: Place,
    pages: Iterable[PageReading],
    rows: Rows,
    language: str = "",
    *,
    named: bool = False,
) -> None:
    """Write the readings of `pages`, in their order, as they come.

    The suffix of `place` decides the format, `language` the words of `message`. If `named`, rows
    have their form and the field's name. A page with an error, a notice, or no fields has a row of
    its own with `field` 0 and the reason in `message`: every page is in the table.
    `write_page_table` writes rows of pages.

    Raises:
        OutputError: the file cannot be written; what was there before is kept.
        UsageError: the suffix is that of an unsupported format.
    """
    header, page_rows = TABLES[rows]
    header = NAMED_HEADERS[header] if named else header
    table = ((page, row) for page in pages for row in page_rows(page, language))
    cells = (_named(page, row) if named else row for page, row in table)
    write_rows(place, header.split(","), cells)


def _named(page: PageReading, row: Row) -> Row:
    """Return a row of a field or a digit with the form, and the field's name for its number."""
    file, number, field, *rest = row
    known = page.form and isinstance(field, int) and field > 0
    name = _readable(page)[field - 1].name if known and isinstance(field, int) else str(field)
    return [file, number, text_cell(page.form), text_cell(name), *rest]


def field_rows(page: PageReading, language: str = "") -> Iterator[Row]:
    """Yield the rows of one page, with the columns of `FIELD_HEADER`."""
    page_cells: Row = [file_cell(page.file), page.number + 1]
    if remark := page.remark:
        nothing: Row = [0, "", 0.0, remark.status.value, "", 0, 0, 0, 0, 0.0]
        yield [*page_cells, *nothing, _message(page, language, remark)]
    for number, reading in enumerate(_readable(page), 1):
        confidence = _probability(reading.confidence)
        read: Row = [reading.value, confidence, reading.status.value, reading.cells]
        message = _message(page, language, None, reading)
        rest: Row = [*whole_pixels(reading.box), _probability(reading.lowest), message]
        yield [*page_cells, number, *read, *rest]


def digit_rows(page: PageReading, language: str = "") -> Iterator[Row]:
    """Yield the rows of one page, with the columns of `DIGIT_HEADER`."""
    page_cells: Row = [file_cell(page.file), page.number + 1]
    if remark := page.remark:
        nothing: Row = [0, 0, 0, 0, 0, 0, "", 0.0, remark.status.value, "", None]
        yield [*page_cells, *nothing, _message(page, language, remark)]
    for number, reading in enumerate(_readable(page), 1):
        message = _message(page, language, None, reading)
        for box_number, digit in enumerate(reading.digits, 1):
            place: Row = [number, box_number, *whole_pixels(digit.box)]
            yield [*page_cells, *place, *_digit_cells(digit), message]


def file_cell(label: str) -> str:
    """Return a file's name as written in the results: printable, and never a formula."""
    name = printable(label)
    return f"./{name}" if name.lstrip().startswith(_FORMULA) else name


def text_cell(text: str) -> str:
    """Return a text as written in the results: on one printable line, and never a formula.

    Headings are written so as well. Another formula gives another text, as columns must stay apart.
    """
    line = _ODD_SEMICOLON.sub(r"\\x3b", printable(" ".join(text.split())))
    return f"'{line}" if line.lstrip("'").startswith(_FORMULA) else line


def digit_text(digit: DigitReading) -> str:
    """Return a digit as written in the results: 0-9, `?` if none is plausible, "" for a blank."""
    if digit.status is Status.BLANK:
        return ""
    return "?" if digit.digit is None else str(digit.digit)


def whole_percent(confidence: float) -> str:
    """Return a confidence in whole percent, rounded down, as the overlay and the report show it.

    It is never `100 %` for less than certainty, nor more than the table says. Less than one percent
    is `< 1 %`. `percent` in report_view.js does the same.
    """
    hundredths = round(confidence * 10_000)  # the table has four decimals
    return "< 1 %" if 0 < hundredths < 100 else f"{hundredths // 100} %"


def whole_pixels(box: Box) -> tuple[int, int, int, int]:
    """Return (x, y, width, height) with rounded edges, so that boxes that touch still touch."""
    x, y = round(box.left), round(box.top)
    return x, y, max(1, round(box.right) - x), max(1, round(box.bottom) - y)


TABLES: Mapping[Rows, tuple[str, Callable[[PageReading, str], Iterator[Row]]]] = {
    "field": (FIELD_HEADER, field_rows),
    "digit": (DIGIT_HEADER, digit_rows),
}
"""Kind of rows -> the header, and the function that gives the rows of one page."""


def _readable(page: PageReading) -> tuple[FieldReading, ...]:
    return () if page.error else page.fields


def _message(
    page: PageReading,
    language: str,
    remark: PageRemark | None = None,
    field: FieldReading | None = None,
) -> str:
    """Return the last column of a row: remarks on the page, its field, the source of its values."""
    of_field: tuple[str, ...] = ()
    if field is not None:
        # An answer settles what the remark is about; of a mark that is blank, nobody needs to ask.
        told = (
            field.status is Status.REVIEW
            or (field.status is Status.BLANK and field.remark == Doubt.MARK_FOR_NOTHING)
            or (field.status is Status.OK and field.remark == Doubt.TYPED)
        )
        of_field = (*field.broken, field.remark if told else "")
    reasons = all_of(remark.reason if remark else "", *of_field, page.origin)
    return text_cell(sentence(reasons, language))


def _digit_cells(digit: DigitReading) -> Row:
    second = "" if digit.second is None else str(digit.second)
    second_confidence = _probability(digit.second_confidence) if second else None
    confidence = _probability(digit.confidence)
    return [digit_text(digit), confidence, digit.status.value, second, second_confidence]


def _probability(value: float) -> float:
    return round(float(value), 4)
