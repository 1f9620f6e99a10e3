"""The columns of the table: their order, and what each holds. Every format derives from this."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from types import MappingProxyType


class ColumnKind(Enum):
    """What a column holds; a `SHARE` is a probability, which `OPTIONAL_SHARE` may lack."""

    TEXT = auto()
    INTEGER = auto()
    SHARE = auto()
    OPTIONAL_SHARE = auto()
    STATUS = auto()


COLUMN_KINDS: Mapping[str, ColumnKind] = MappingProxyType(
    {
        "file": ColumnKind.TEXT,
        "page": ColumnKind.INTEGER,
        "field": ColumnKind.INTEGER,
        "box": ColumnKind.INTEGER,
        "value": ColumnKind.TEXT,
        "digit": ColumnKind.TEXT,
        "confidence": ColumnKind.SHARE,
        "status": ColumnKind.STATUS,
        "cells": ColumnKind.TEXT,
        "x": ColumnKind.INTEGER,
        "y": ColumnKind.INTEGER,
        "width": ColumnKind.INTEGER,
        "height": ColumnKind.INTEGER,
        "second": ColumnKind.TEXT,
        "second_confidence": ColumnKind.OPTIONAL_SHARE,
        "lowest": ColumnKind.SHARE,
        "message": ColumnKind.TEXT,
    }
)

FIELD_HEADER = "file,page,field,value,confidence,status,cells,x,y,width,height,lowest,message"
DIGIT_HEADER = (
    "file,page,field,box,x,y,width,height,digit,confidence,status,second,second_confidence,message"
)

EARLIER_HEADERS = (
    "file,page,field,value,confidence,status,cells,x,y,width,height",
    "file,page,field,box,x,y,width,height,digit,confidence,status,second,second_confidence",
)
"""Headers of tables that earlier versions wrote and `load_results` still reads: of fields and of
digits before 0.6.0. A new column adds today's headers here."""
