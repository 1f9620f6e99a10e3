"""results.csv as a pandas table, with every column of the type that it means."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from pandas.api.extensions import ExtensionDtype

from formreader.errors import NoInputError
from formreader.results.table import DIGIT_HEADER, FIELD_HEADER
from formreader.types import Status

_TYPES: dict[str, str | ExtensionDtype] = {
    "file": "string", "page": "int64", "field": "int64", "box": "int64", "value": "string",
    "confidence": "float64", "cells": "string", "digit": "string",
    "x": "int64", "y": "int64", "width": "int64", "height": "int64",
    "second": "string", "second_confidence": "float64",
    "status": pd.CategoricalDtype([status.value for status in Status]),
}  # fmt: skip


def load_results(path: Path) -> pd.DataFrame:
    """Read a table that `formreader scan` wrote, of fields or of digits.

    Read with its defaults, pandas takes digits for numbers and drops their leading zeros,
    and takes a blank for a missing value. Here they stay text.

    Raises:
        NoInputError: the file cannot be read, or is no such table.
    """
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            header = stream.readline().rstrip("\r\n")
            if header not in (FIELD_HEADER, DIGIT_HEADER):
                raise NoInputError(f"{path}: not a table that `formreader scan` wrote")
            stream.seek(0)
            return pd.read_csv(
                stream,
                dtype={name: _TYPES[name] for name in header.split(",")},
                keep_default_na=False,
                na_values={"second_confidence": [""]},
            )
    except (OSError, ValueError) as error:
        raise NoInputError(f"{path}: cannot be read as a table ({error})") from error
