"""The columns of the table: their order, and what each holds. Every format derives from this."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum, auto


class ColumnKind(Enum):
    """What a column holds; a `SHARE` is a probability, which `OPTIONAL_SHARE` may lack."""

    TEXT = auto()
    INTEGER = auto()
    SHARE = auto()
    OPTIONAL_SHARE = auto()
    STATUS = auto()


_NAMES = {
    ColumnKind.TEXT: "file value digit cells second message form review",
    ColumnKind.INTEGER: "page field box x y width height",
    ColumnKind.SHARE: "confidence lowest",
    ColumnKind.OPTIONAL_SHARE: "second_confidence",
    ColumnKind.STATUS: "status",
}

COLUMN_KINDS: Mapping[str, ColumnKind] = {
    name: kind for kind, names in _NAMES.items() for name in names.split()
}

FIELD_HEADER = "file,page,field,value,confidence,status,cells,x,y,width,height,lowest,message"
DIGIT_HEADER = (
    "file,page,field,box,x,y,width,height,digit,confidence,status,second,second_confidence,message"
)

NAMED_HEADERS = {
    header: header.replace("file,page,field", "file,page,form,field")
    for header in (FIELD_HEADER, DIGIT_HEADER)
}
"""The headers with a template: `field` is then the field's name."""

PAGE_COLUMNS = ("file", "page", "form", "status", "review")
"""The first columns of a table of pages. Those of the fields follow, then `message`."""

PAGE_KEYS = (*PAGE_COLUMNS, "values", "message")
"""The keys of a page in JSON Lines: `review` is a list, `values` has the fields by their names."""

EARLIER_HEADERS = (
    "file,page,field,value,confidence,status,cells,x,y,width,height",
    "file,page,field,box,x,y,width,height,digit,confidence,status,second,second_confidence",
)
"""Headers of tables that earlier versions wrote and `load_results` still reads: of fields and of
digits before 0.6.0. A new column adds today's headers here."""


def is_table(columns: Sequence[str], *, more: bool = False) -> bool:
    """Return whether a scan wrote a table with these columns, and, with `more`, others behind them.

    A person may have taken the columns of forms and `message` out of a table of pages.
    """
    if is_page_table(columns) or (more and tuple(columns[: len(PAGE_COLUMNS)]) == PAGE_COLUMNS):
        return True
    known = (*NAMED_HEADERS, *NAMED_HEADERS.values(), *EARLIER_HEADERS)
    lists = (header.split(",") for header in known)
    return any(list(columns[: len(one)] if more else columns) == one for one in lists)


def column_kinds(columns: Sequence[str]) -> dict[str, ColumnKind]:
    """Return what each column of a table holds; columns without a kind of their own are fields."""
    kinds = dict.fromkeys(columns, ColumnKind.TEXT)
    if is_page_table(columns):
        own = (*PAGE_COLUMNS, "message")
        return kinds | {name: COLUMN_KINDS[name] for name in own}
    kinds |= {name: COLUMN_KINDS[name] for name in columns}
    if "form" in kinds:  # fields then have names
        kinds["field"] = ColumnKind.TEXT
    return kinds


def is_page_table(columns: Sequence[str]) -> bool:
    """Return whether these are the columns of a table of pages."""
    return tuple(columns[: len(PAGE_COLUMNS)]) == PAGE_COLUMNS and columns[-1] == "message"
