"""Names that clients give to files: kept as text for people, never used as paths."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from formreader.core.printable import printable_name
from formreader.input.file_formats import PAGE_SUFFIXES

ZIP_SUFFIX = ".zip"

_MAX_LABEL = 400
"""Characters of a file's name in the results: folders of a phone or an archive nest far less."""

_DRIVE = re.compile(r"^[A-Za-z]:")


def label_of(name: str) -> str:
    """Return a file's name in the results: relative, with `/`, without `..`, and printable.

    What a client calls a file is only shown; on disk it has a number.
    """
    parts = [part.strip() for part in _DRIVE.sub("", name.replace("\\", "/")).split("/")]
    kept = [part for part in parts if part not in ("", ".", "..")]
    return printable_name("/".join(kept))[-_MAX_LABEL:] or "page"


def suffix_of_label(label: str) -> str:
    """Return the suffix in lower case, with its dot; "" where it has none."""
    return PurePosixPath(label).suffix.lower()


def is_page_file(label: str) -> bool:
    """Whether a file of this name is read as pages, as in a folder that `scan` is given."""
    return suffix_of_label(label) in PAGE_SUFFIXES


def is_hidden(label: str) -> bool:
    """Whether a file is one that `scan` leaves out of folders, or a Mac adds to archives."""
    return any(part.startswith((".", "__MACOSX")) for part in PurePosixPath(label).parts)


def unique(label: str, taken: set[str]) -> str:
    """Return `label`, with a number before its suffix if it is taken; it is taken from now on."""
    path, number = PurePosixPath(label), 2
    found = label
    while found in taken:
        found = str(path.with_name(f"{path.stem} ({number}){path.suffix}"))
        number += 1
    taken.add(found)
    return found
