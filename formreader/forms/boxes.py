"""Digit boxes of an upright page: rows of equal boxes, on their printed lines."""

from __future__ import annotations

from formreader.forms.box_network import shipped_network
from formreader.forms.detector import find_peaks
from formreader.forms.lattice import rows_of
from formreader.forms.refine import refine_rows
from formreader.forms.rows import Row
from formreader.types import GreyImage


def find_rows(even: GreyImage) -> list[Row]:
    """Rows of equal boxes on an upright, evenly lit page, (h, w) uint8, in any order."""
    maps = shipped_network().maps(even)
    return refine_rows(even, rows_of(find_peaks(maps), maps))
