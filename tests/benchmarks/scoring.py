"""What the benchmark of accuracy counts: true boxes against those in the results."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
from result_file import Figures

Row: TypeAlias = dict[str, str]
"""A row of a table: of the results by digit, or of the truth.

The truth has the columns `open` as well, "1" for a cell for a whole number, and `corners`, as JSON.
"""

MIN_OVERLAP = 0.5
HEADINGS = (
    "boxes", "recall", "precis.", "right", "accept.", "wrong", "blanks", "marks ok", "fields",
    "numbers", "right", "accept.", "wrong", "blanks", "marks ok",
)  # fmt: skip
"""Of boxes and of the fields they make; then of cells with a number, blank, or with a mark."""


@dataclass(slots=True)
class Counts:
    """What became of the boxes of some pages."""

    boxes: int = 0
    missed: int = 0
    false: int = 0
    digits: int = 0
    right: int = 0
    accepted: int = 0
    wrong: int = 0
    blanks: int = 0
    blank_right: int = 0
    marks: int = 0
    marks_accepted: int = 0
    fields: int = 0
    fields_right: int = 0
    numbers: int = 0
    numbers_right: int = 0
    numbers_accepted: int = 0
    numbers_wrong: int = 0
    blank_cells: int = 0
    blank_cells_right: int = 0
    marked_cells: int = 0
    marked_cells_accepted: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    @property
    def lost_share(self) -> float:
        """What a user would have to mend, against the boxes and cells there are."""
        unread = self.digits - self.right + self.blanks - self.blank_right
        unread += self.numbers - self.numbers_right + self.blank_cells - self.blank_cells_right
        marks = self.marks_accepted + self.marked_cells_accepted
        places = self.boxes + self.numbers + self.blank_cells + self.marked_cells
        return (self.missed + self.false + unread + marks) / max(places, 1)

    def figures(self) -> dict[str, Figures]:
        """The same as `line` as counts, in words."""
        found = self.boxes - self.missed
        boxes: Figures = {
            "boxes found": [found, self.boxes],
            "false boxes": self.false,
            "digits right where found": [self.right, self.digits],
            "accepted": [self.accepted, self.digits],
            "accepted but wrong": [self.wrong, self.accepted],
            "blanks right": [self.blank_right, self.blanks],
            "marks accepted as a digit": [self.marks_accepted, self.marks],
            "fields right": [self.fields_right, self.fields],
        }
        numbers: Figures = {
            "numbers right": [self.numbers_right, self.numbers],
            "accepted": [self.numbers_accepted, self.numbers],
            "accepted but wrong": [self.numbers_wrong, self.numbers_accepted],
            "blank cells right": [self.blank_cells_right, self.blank_cells],
            "marks accepted as a number": [self.marked_cells_accepted, self.marked_cells],
        }
        return {"Boxes": boxes, "Whole numbers": numbers}

    def line(self) -> str:
        """The columns of `HEADINGS`."""
        found = self.boxes - self.missed
        shares = (
            share(found, self.boxes),
            share(found, found + self.false),
            share(self.right, self.digits),
            share(self.accepted, self.digits),
            f"{self.wrong}",
            share(self.blank_right, self.blanks),
            f"{self.marks_accepted}/{self.marks}",
            share(self.fields_right, self.fields),
            f"{self.numbers}",
            share(self.numbers_right, self.numbers),
            share(self.numbers_accepted, self.numbers),
            f"{self.numbers_wrong}",
            share(self.blank_cells_right, self.blank_cells),
            f"{self.marked_cells_accepted}/{self.marked_cells}",
        )
        return f"{self.boxes:>9}" + "".join(f"{text:>9}" for text in shares)


def share(part: int, whole: int) -> str:
    """A share in per cent, "-" of nothing."""
    return f"{100 * part / whole:.2f}" if whole else "-"


def overlaps(truth: Sequence[Row], found: Sequence[Row]) -> npt.NDArray[np.float64]:
    """(n, m) intersection over union of the boxes of two tables."""
    a, b = (
        np.array([[float(row[k]) for k in ("x", "y", "width", "height")] for row in rows])
        for rows in (truth, found)
    )
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum((a[:, :2] + a[:, 2:])[:, None], (b[:, :2] + b[:, 2:])[None])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    areas = a[:, 2:].prod(axis=1)[:, None] + b[:, 2:].prod(axis=1)[None]
    return np.asarray(shared / (areas - shared))


def score(truth: Sequence[Row], found: Sequence[Row]) -> Counts:
    """Compare the true boxes of one page with those in the results."""
    counts, outside = score_cells([row for row in truth if row["open"]], found)
    boxes = [row for row in truth if not row["open"]]
    counts += Counts(boxes=len(boxes), missed=len(boxes), false=len(outside))
    right = dict.fromkeys((row["field"] for row in boxes), 0)
    if boxes and outside:
        overlap = overlaps(boxes, outside)
        while overlap.max() >= MIN_OVERLAP:
            i, k = np.unravel_index(int(overlap.argmax()), overlap.shape)
            overlap[i], overlap[:, k] = 0, 0
            counts.missed -= 1
            counts.false -= 1
            right[boxes[int(i)]["field"]] += judge(boxes[int(i)]["digit"], outside[int(k)], counts)
    sizes = Counter(row["field"] for row in boxes)
    counts.fields = len(sizes)
    counts.fields_right = sum(right[field] == size for field, size in sizes.items())
    return counts


def score_cells(truth: Sequence[Row], found: Sequence[Row]) -> tuple[Counts, list[Row]]:
    """Judge cells for whole numbers by the fields in them; also what was found outside of all.

    A field is in the cell that holds most of its digits.
    """
    counts, outside = Counts(), list[Row]()
    fields: dict[str, list[Row]] = defaultdict(list)
    places: dict[str, Counter[int]] = defaultdict(Counter)
    corners = [np.array(json.loads(cell["corners"]), np.float32) for cell in truth]
    for row in found:
        held = (cv2.pointPolygonTest(quad, _centre(row), False) >= 0 for quad in corners)
        cell = next((i for i, inside in enumerate(held) if inside), None)
        fields[row["field"]].append(row)
        if cell is None:
            outside.append(row)
        else:
            places[row["field"]][cell] += 1
    owned: dict[int, list[list[Row]]] = defaultdict(list)
    for field, cells in places.items():
        owned[cells.most_common(1)[0][0]].append(fields[field])
    for i, cell in enumerate(truth):
        judge_cell(cell["digit"], owned[i], counts)
    return counts, outside


def _centre(row: Row) -> tuple[float, float]:
    x, y, width, height = (float(row[name]) for name in ("x", "y", "width", "height"))
    return x + width / 2, y + height / 2


def judge_cell(content: str, fields: Sequence[Sequence[Row]], counts: Counts) -> None:
    """Count what was read in a cell for a whole number, given the rows of its fields.

    It is right as the value of one field, and wrong if any accepted field has another value.
    """
    values = ["".join(row["digit"] for row in rows) for rows in fields]
    accepted = [
        value
        for value, rows in zip(values, fields, strict=True)
        if value and all(row["status"] in ("ok", "blank") for row in rows)
    ]
    if not content:
        counts.blank_cells += 1
        statuses = {row["status"] for rows in fields for row in rows}
        counts.blank_cells_right += statuses <= {"blank"}
    elif content.isdecimal():
        counts.numbers += 1
        counts.numbers_right += values == [content]
        counts.numbers_accepted += bool(accepted)
        counts.numbers_wrong += any(value != content for value in accepted)
    else:
        counts.marked_cells += 1
        counts.marked_cells_accepted += bool(accepted)


def judge(symbol: str, row: Row, counts: Counts) -> bool:
    """Count what was read in a box that holds `symbol`; whether it is right or flagged."""
    accepted = row["status"] == "ok"
    if not symbol:
        counts.blanks += 1
        right = row["status"] == "blank"
        counts.blank_right += right
    elif symbol.isdecimal():
        right = row["digit"] == symbol
        counts.digits += 1
        counts.right += right
        counts.accepted += accepted
        counts.wrong += accepted and not right
    else:
        right = not accepted
        counts.marks += 1
        counts.marks_accepted += accepted
    return right
