"""What the benchmark of forms counts: true fields against the columns that a scan gives them.

A box of the form has a *slot* on a page: the form, the column and the place in it under which the
table has what stands there. The slot that it has on most pages is its usual one.
"""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias, TypeVar

import numpy as np
from scoring import MIN_OVERLAP, Row, overlaps

from formreader.synth import TruthBox

_T = TypeVar("_T")

Slot: TypeAlias = tuple[str, str, int]
"""Form, column and box in it, counted from 1; 0 for a whole number in a cell."""

STRANGE = -1
"""Number of the form of pages that are none of the forms."""


@dataclass(frozen=True, slots=True)
class DrawnPage:
    """A page that was drawn: its file, the number of its form, and the truth about its boxes."""

    file: str
    form: int
    truth: tuple[TruthBox, ...]
    dpi: float


@dataclass(slots=True)
class ReadPage:
    """What a scan read on a page: rows of the tables of digits and of fields."""

    form: str = ""
    digits: list[Row] = field(default_factory=list)
    fields: list[Row] = field(default_factory=list)
    remark: str = ""


def read_pages(by_digit: Path, by_field: Path) -> dict[str, ReadPage]:
    """The pages of a scan by their files, from both of its tables."""
    pages: dict[str, ReadPage] = defaultdict(ReadPage)
    for path in (by_digit, by_field):
        with path.open(newline="", encoding="utf-8") as stream:
            for row in csv.DictReader(stream):
                page = pages[row["file"]]
                page.form = row.get("form", "")
                if row["field"] == "0":
                    page.remark = row["message"]
                elif row["width"]:
                    (page.digits if path == by_digit else page.fields).append(row)
    return pages


@dataclass(slots=True)
class Seen:
    """A page with the slot and the row of each of its true boxes, None where there is none."""

    page: DrawnPage
    read: ReadPage
    slots: list[Slot | None]
    rows: list[Row | None]

    @classmethod
    def of(cls, page: DrawnPage, read: ReadPage) -> Seen:
        """Look for the true boxes of a page in what was read."""
        slots: list[Slot | None] = [None] * len(page.truth)
        rows: list[Row | None] = [None] * len(page.truth)
        for is_cell, found in ((False, read.digits), (True, read.fields)):
            true = [i for i, box in enumerate(page.truth) if box.is_number_cell == is_cell]
            for i, row in _matched(page.truth, true, found):
                box = 0 if is_cell else int(row["box"])
                slots[i], rows[i] = (read.form, row["field"], box), row
        # A cell that only ever holds one digit may have been taken for a box.
        true = [i for i, row in enumerate(rows) if row is None and page.truth[i].is_number_cell]
        known = {id(row) for row in rows}
        free = [row for row in read.digits if id(row) not in known]
        for i, row in _matched(page.truth, true, free):
            slots[i], rows[i] = (read.form, row["field"], int(row["box"])), row
        return cls(page, read, slots, rows)


def _matched(
    truth: Sequence[TruthBox], true: Sequence[int], found: Sequence[Row]
) -> list[tuple[int, Row]]:
    """The true boxes with these indices that were found, with their rows, likest first."""
    if not true or not found:
        return []
    boxes = [truth[i].upright for i in true]
    places = [
        {"x": f"{b.left}", "y": f"{b.top}", "width": f"{b.width}", "height": f"{b.height}"}
        for b in boxes
    ]
    overlap, pairs = overlaps(places, found), list[tuple[int, Row]]()
    while overlap.max() >= MIN_OVERLAP:
        i, k = np.unravel_index(int(overlap.argmax()), overlap.shape)
        pairs.append((true[int(i)], found[int(k)]))
        overlap[i], overlap[:, k] = 0, 0
    return pairs


@dataclass(slots=True)
class FormCounts:
    """What became of the pages of some forms. All are sums over pages but `strange`, `taken`."""

    pages: int = 0
    right: int = 0
    other: int = 0
    strange: int = 0
    taken: int = 0
    boxes: int = 0
    in_column: int = 0
    stable: int = 0
    fields: int = 0
    own: int = 0
    joined: int = 0
    split: int = 0
    values: int = 0
    values_right: int = 0
    digits: int = 0
    digits_right: int = 0
    digits_ok: int = 0
    digits_wrong_ok: int = 0
    ok: int = 0
    ok_wrong: int = 0
    ok_elsewhere: int = 0
    why: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """The figures, one a line."""
        why = ", ".join(f"{reason} {n}" for reason, n in self.why.most_common())
        pages = f"pages with their form {_share(self.right, self.pages)}, with another {self.other}"
        columns = f"boxes and cells with a column {_share(self.in_column, self.boxes)}"
        own = f"fields in a column of their own {_share(self.own, self.fields)}"
        digits = f"digits right {_share(self.digits_right, self.digits)}"
        told = _share(self.strange - self.taken, self.strange)
        joined, split = _share(self.joined, self.fields), _share(self.split, self.fields)
        return [
            f"{pages}, strangers told {told}",
            f"{columns}, of these in the usual one {_share(self.stable, self.in_column)}",
            f"{own}, in one with others {joined}, split {split}",
            f"values right, in one column a field {_share(self.values_right, self.values)}",
            f"other values: {why or 'none'}",
            f"{digits}, accepted {_share(self.digits_ok, self.digits)}",
            f"digits wrong among the accepted {self.digits_wrong_ok}",
            f"values `ok` {self.ok:,}: with a wrong digit {self.ok_wrong}",
            f"values `ok` in a column that usually holds other boxes {self.ok_elsewhere}",
        ]


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.2%} of {whole:,}" if whole else "- of 0"


def count_forms(pages: Sequence[DrawnPage], read: dict[str, ReadPage]) -> FormCounts:
    """Compare all pages of a scan with the truth."""
    counts, forms = FormCounts(), defaultdict[int, list[Seen]](list)
    for page in pages:
        forms[page.form].append(Seen.of(page, read.get(page.file, ReadPage())))
    usual_forms = {form: _usual([one.read.form for one in seen]) for form, seen in forms.items()}
    known = {name for form, name in usual_forms.items() if form != STRANGE and name}
    for form, seen in sorted(forms.items()):
        if form == STRANGE:
            counts.strange += len(seen)
            counts.taken += sum(one.read.form in known for one in seen)
            continue
        _count_form(counts, usual_forms[form] or "", seen)
    return counts


def _count_form(counts: FormCounts, name: str, seen: Sequence[Seen]) -> None:
    counts.pages += len(seen)
    counts.right += sum(one.read.form == name for one in seen)
    for one in seen:
        if one.read.form != name:
            counts.other += one.read.form != ""
            counts.faults.append(f"{one.page.file}: {one.read.form or 'no form'}, not {name}")
    usual = [_usual([one.slots[i] for one in seen]) for i in range(len(seen[0].slots))]
    columns = defaultdict[tuple[str, str], set[int]](set)
    for i, slot in enumerate(usual):
        if slot is not None:
            columns[slot[:2]].add(i)
    fields = defaultdict[int, list[int]](list)
    for i, box in enumerate(seen[0].page.truth):
        fields[box.field].append(i)
    whole = {number: _column_of(boxes, usual) for number, boxes in fields.items()}
    for number, boxes in fields.items():
        counts.fields += 1
        column = whole[number]
        own = column is not None and columns[column] == set(boxes)
        slots = [usual[i] for i in boxes]
        is_split = None not in slots and column is None
        counts.own += own
        counts.joined += column is not None and not own
        counts.split += is_split
        if not own:
            state = "joined" if column else "split" if is_split else "lost"
            places = [slot[1:] if slot else None for slot in slots]
            counts.faults.append(f"{name}: field {number} {state}: {places}")
    for one in seen:
        _count_page(counts, name, one, usual, fields, whole, columns)


def _column_of(boxes: Sequence[int], usual: Sequence[Slot | None]) -> tuple[str, str] | None:
    """The column that has all boxes of a field, one after the other; None if none has."""
    slots = [usual[i] for i in boxes]
    found = [slot for slot in slots if slot is not None]
    if len(found) < len(slots) or len({slot[:2] for slot in found}) > 1:
        return None
    places = [slot[2] for slot in found]
    return found[0][:2] if places == list(range(places[0], places[0] + len(places))) else None


def _count_page(
    counts: FormCounts,
    name: str,
    one: Seen,
    usual: Sequence[Slot | None],
    fields: dict[int, list[int]],
    whole: dict[int, tuple[str, str] | None],
    columns: dict[tuple[str, str], set[int]],
) -> None:
    truth = one.page.truth
    for i, slot in enumerate(one.slots):
        counts.boxes += 1
        counts.in_column += usual[i] is not None
        counts.stable += usual[i] is not None and slot == usual[i]
        if truth[i].symbol.isdecimal() and not truth[i].is_number_cell:
            row = one.rows[i]
            right, ok = _is_right(truth[i], row), row is not None and row["status"] == "ok"
            counts.digits += 1
            counts.digits_right += right
            counts.digits_ok += ok
            counts.digits_wrong_ok += ok and not right
    for number, boxes in fields.items():
        counts.values += 1
        if reason := _why_not(one, boxes, usual, lost=whole[number] is None):
            counts.why[reason] += 1
            counts.faults.append(f"{one.page.file}: field {number} {reason}: {_told(one, boxes)}")
        else:
            counts.values_right += 1
    for row in one.read.fields:
        if row["status"] == "ok" and one.read.form == name:
            _count_accepted(counts, one, row, columns)


def _why_not(one: Seen, boxes: Sequence[int], usual: Sequence[Slot | None], *, lost: bool) -> str:
    """Why the value of a field is not right on a page; "" if it is."""
    if lost:
        return "no column"
    if any(one.slots[i] != usual[i] for i in boxes):
        here = next((slot for i in boxes if (slot := one.slots[i])), None)
        other = here is None or here[0] != next(slot for i in boxes if (slot := usual[i]))[0]
        return "page or place not found" if other else "in another column"
    wrong = [i for i in boxes if not _is_right(one.page.truth[i], one.rows[i])]
    if not wrong:
        return "print in the same column read" if _strange_digits(one, one.slots[boxes[0]]) else ""
    if any(one.page.truth[i].symbol for i in wrong):
        return "digit misread"
    return "blank box read"


def _strange_digits(one: Seen, slot: Slot | None) -> list[Row]:
    """Digits in a column of boxes that stand in none of the true ones."""
    if slot is None or slot[2] == 0:
        return []
    true = {id(row) for row in one.rows if row is not None}
    return [
        row for row in one.read.digits
        if row["field"] == slot[1] and row["status"] != "blank" and id(row) not in true
    ]  # fmt: skip


def _told(one: Seen, boxes: Sequence[int]) -> str:
    """What is written in a field and what was read."""
    true = "|".join(one.page.truth[i].symbol for i in boxes)
    rows = [one.rows[i] for i in boxes]
    read = [
        row.get("digit", row.get("value", "")) + row["status"][0] if row else "-" for row in rows
    ]
    return f"{true} as {'|'.join(read)}"


def _count_accepted(
    counts: FormCounts, one: Seen, row: Row, columns: dict[tuple[str, str], set[int]]
) -> None:
    """Count an accepted value: whether its digits are right and those that its column holds."""
    column = (one.read.form, row["field"])
    held = {i for i, slot in enumerate(one.slots) if slot is not None and slot[:2] == column}
    others = _strange_digits(one, one.slots[min(held)]) if held else []
    wrong = any(not _is_right(one.page.truth[i], one.rows[i]) for i in held)
    counts.ok += 1
    counts.ok_wrong += wrong
    elsewhere = held != columns.get(column, set()) or bool(others)
    counts.ok_elsewhere += elsewhere
    if wrong or elsewhere:
        told = "wrong" if wrong else "elsewhere"
        counts.faults.append(f"{one.page.file}: {row['field']} ok {told}: {row['value']!r}")


def _is_right(box: TruthBox, row: Row | None) -> bool:
    """Whether what was read is what was written; a mark is right if it is not accepted."""
    if row is None:
        return False
    value = row["digit" if "digit" in row else "value"]
    if not box.symbol:
        return row["status"] == "blank"
    return value == box.symbol if box.symbol.isdecimal() else row["status"] != "ok"


def _usual(values: Sequence[_T | None]) -> _T | None:
    """The value that most have, None only where none has any."""
    return next(iter([one for one, _ in Counter(v for v in values if v).most_common(1)]), None)
