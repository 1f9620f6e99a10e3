"""Where the report finds the scanned pages themselves, to show them whole."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

_FOUND = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".pdf", ".tif", ".tiff")
"""Suffixes of what every browser shows, or opens by a link: a PDF at a page, and TIFF, which most
browsers hand to the program that shows it."""


def page_sources(files: Iterable[tuple[str, str]], report: Path) -> dict[str, str]:
    """The address of each file that browsers show or open, relative to the report, by its label.

    `files` are (label, path). So a page costs no space in the report and no time when it is
    written, is shown as sharp as it was scanned, and is still found when scans and report move
    together.
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
