"""What the benchmark of accuracy counts: true boxes against those in the results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Row: TypeAlias = dict[str, str]
"""A row of a table: of the results by digit, or of the truth with a column `open` as well."""

MIN_OVERLAP = 0.5
HEADINGS = (
    "boxes", "recall", "precis.", "right", "accept.", "wrong", "blanks", "marks ok", "fields",
    "open",
)  # fmt: skip


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
    open_fields: int = 0
    open_right: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    @property
    def lost_share(self) -> float:
        """What a user would have to mend, against the boxes and open fields there are."""
        unread = self.digits - self.right + self.blanks - self.blank_right
        unread += self.open_fields - self.open_right
        lost = self.missed + self.false + unread + self.marks_accepted
        return lost / max(self.boxes + self.open_fields, 1)

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
            share(self.open_right, self.open_fields),
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
    open_fields = [row for row in truth if row["open"]]
    counts, outside = score_open(open_fields, found)
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


def score_open(truth: Sequence[Row], found: Sequence[Row]) -> tuple[Counts, list[Row]]:
    """Judge open fields by the digits read in them; also what was found outside of them."""
    counts, outside = Counts(), list(found)
    for field in truth:
        left, top, width, height = (float(field[k]) for k in ("x", "y", "width", "height"))
        inside = [
            row
            for row in outside
            if 0 <= float(row["x"]) + float(row["width"]) / 2 - left <= width
            and 0 <= float(row["y"]) + float(row["height"]) / 2 - top <= height
        ]
        outside = [row for row in outside if row not in inside]
        inside.sort(key=lambda row: float(row["x"]))
        counts.open_fields += 1
        counts.open_right += "".join(row["digit"] for row in inside) == field["digit"]
    return counts, outside


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
