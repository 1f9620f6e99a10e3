"""A page of a pile: its straight copy, and the fields that were found on it, as text and back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np

from formreader.core.form_fields import FormField
from formreader.core.records import GreyImage
from formreader.template.page_layout import PageLayout
from formreader.template.page_map import Floats

_DECIMALS = 2
"""Decimals of places on a copy that are kept, in pixels."""


@dataclass(frozen=True, eq=False)
class PilePage:
    """A page of the pile.

    `png` is its upright, evenly lit copy. `fields` has the corners (n, 4, 2) of the boxes of each
    field that was found on it, in reading order, in pixels of the copy, and whether it is a cell,
    n = 1. `blank_cells` are the corners (4, 2) of cells in which nothing is written; they are only
    kept where there are no other cells. `values` are those that were read in the fields, in their
    order, where they are to tell of which kind these are; () where not. `form_fields` are those of
    a fillable PDF, in pixels of the copy.
    """

    label: str
    png: bytes
    fields: tuple[tuple[Floats, bool], ...]
    blank_cells: tuple[Floats, ...] = ()
    values: tuple[str, ...] = ()
    form_fields: tuple[FormField, ...] = ()

    @property
    def even(self) -> GreyImage:
        """The copy, (h, w) uint8: decoded each time, since a pile has hundreds."""
        image = cv2.imdecode(np.frombuffer(self.png, np.uint8), cv2.IMREAD_GRAYSCALE)
        return np.asarray(image, np.uint8)

    @property
    def layout(self) -> PageLayout:
        """What is ruled and printed on the copy."""
        return replace(self._without_copy, even=self.even)

    @cached_property
    def _without_copy(self) -> PageLayout:
        """The same without the copy, which is the largest part of it."""
        return replace(PageLayout.of(self.even), even=np.zeros((0, 0), np.uint8))

    @property
    def rows(self) -> list[Floats]:
        """The corners (n, 4, 2) of the boxes of each field that is no cell."""
        return [corners for corners, is_cell in self.fields if not is_cell]

    @property
    def cells(self) -> list[Floats]:
        """The corners (4, 2) of each cell."""
        return [corners[0] for corners, is_cell in self.fields if is_cell] or list(self.blank_cells)

    def fields_text(self) -> str:
        """The fields as text, to be kept."""
        return json.dumps(
            {
                "fields": [(_rounded(corners), is_cell) for corners, is_cell in self.fields],
                "blank_cells": _rounded(self.blank_cells),
            }
        )

    @classmethod
    def of_text(cls, label: str, png: bytes, fields: str) -> PilePage:
        """The page whose `fields_text` is `fields`."""
        kept = json.loads(fields)
        return cls(
            label,
            png,
            tuple((np.array(corners, np.float64), is_cell) for corners, is_cell in kept["fields"]),
            tuple(np.array(corners, np.float64) for corners in kept["blank_cells"]),
        )


def _rounded(corners: Floats | Sequence[Floats]) -> list[object]:
    return np.round(np.asarray(corners, np.float64), _DECIMALS).tolist()  # type: ignore[no-any-return]
