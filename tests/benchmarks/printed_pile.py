"""Do filled printed forms become one table? `python tests/benchmarks/printed_pile.py --data DATA`.

Fills in `--forms` pages of `DATA/printed/dev`, of all issuers in turn, `--pages` times each: each
time in the digits of another writer of `DATA/digits/cvl.npz`, 3 to 5 mm high, in any kind of scan.
Reads the pile with `--template auto`, and compares the table with the truth as `forms.py` does.
Both are only measured, so no network, and no constant, may be chosen on this pile.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from form_scoring import DrawnPage
from forms import drawn, read, saved, show

from formreader.core.geometry import MM_PER_INCH
from formreader.synth import (
    KINDS,
    ArraySource,
    Form,
    Hand,
    HandSource,
    Pen,
    Rect,
    Writer,
    finish,
    sample_scan,
)
from page_network.filling import Filling
from page_network.printed_forms import PrintedForm, PrintedPage

_RESOLUTIONS = (150, 200, 200, 300)
_MIN_PLACES = 8
"""Least number of places of a form: less is no pile for a table."""

_PAPER_OF_IMAGES = 70
"""Images of digits are on grey; what is less bright is no ink of theirs."""

_EMPTY = 0.25
"""Share of the fields in which nobody writes."""

_CAP_HEIGHT = 0.72
"""Height of a digit as a share of the box that it is written for."""


class PlainFilling(Filling):
    """How a careful person fills in numbers: each place is a field, with digits or nothing."""

    def __init__(self, form: Form, pen: float, rng: np.random.Generator) -> None:
        super().__init__(form, pen, rng)
        self._height = float(rng.uniform(3, 5))
        self._at_right = bool(rng.integers(2))

    def tick(self, rect: Rect) -> None:
        """Leave all check boxes blank."""

    def leave_marks(self) -> None:
        """Leave marks that differ from page to page."""
        self._form.rng = self._rng
        super().leave_marks()

    def comb(self, cells: list[Rect], free: list[int]) -> None:
        """Write digits into all, or the first or the last, of the boxes that are free."""
        form, rng = self._form, self._rng
        symbols = [""] * len(cells)
        if free and rng.random() > _EMPTY:
            n = len(free) if rng.random() < 0.5 else int(rng.integers(1, len(free) + 1))
            for i in free[-n:] if self._at_right else free[:n]:
                symbols[i] = str(rng.integers(10))
        height = cells[0].h * float(np.clip(self._height / _CAP_HEIGHT / cells[0].h, 0.6, 1))
        for i, (cell, symbol) in enumerate(zip(cells, symbols, strict=True)):
            if symbol:
                y = cell.y + (cell.h - height) * float(rng.uniform(0.3, 0.7))
                form.writer.write(form.sheet, Rect(cell.x, y, cell.w, height), symbol, rng)
            form.record(i, cell, symbol)
        form.fields += 1

    def cell(self, cell: Rect, room: Rect | None = None) -> None:
        """Write a number that fits into the room of a cell."""
        form, rng = self._form, self._rng
        room = cell if room is None or min(room.w, room.h) < 2 else room
        height = min(self._height * float(np.exp(rng.normal(0, 0.1))), 0.85 * room.h)
        most = int((room.w - 0.3 * height) / (0.85 * height))
        number = ""
        if height >= 1.5 and most >= 1 and rng.random() > _EMPTY:
            n = int(rng.integers(1, min(7, most) + 1))
            number = "".join(str(digit) for digit in rng.integers(10, size=n))
            width = min((0.9 * n + 0.5) * height, room.w)
            x = room.x + float(rng.choice([0.05, rng.uniform(0, 1), 0.95])) * (room.w - width)
            rise = float(np.clip(rng.normal(0.6, 0.2), 0.05, 0.95))
            line = Rect(x, room.y + (room.h - height) * rise, width, height / _CAP_HEIGHT)
            form.writer.write_line(form.sheet, line, number, rng)
        form.record(0, cell, number, is_number_cell=True)
        form.fields += 1


@dataclass(frozen=True, slots=True)
class Pile:
    """The forms of a pile, how often each is filled in, and where data and pages are."""

    data: Path
    folder: Path
    forms: int
    pages: int
    seed: int

    def chosen(self) -> list[PrintedPage]:
        """Forms of all issuers in turn, in any order."""
        rng, by_issuer = np.random.default_rng(self.seed), defaultdict[str, list[PrintedPage]](list)
        for pdf in sorted((self.data / "printed" / "dev").glob("*.pdf")):
            page = PrintedPage.load(pdf)
            cells = [cell for cell in page.facts["cells"] if cell["write"] == "yes"]
            if len(page.facts["combs"]) + len(cells) >= _MIN_PLACES:
                by_issuer[page.facts["issuer_id"]].append(page)
        issuers = [list(rng.permutation(np.array(own, object))) for own in by_issuer.values()]
        return list(_in_turn(issuers))[: self.forms]

    def draw(self, number: int) -> DrawnPage:
        """Fill in and save a page; the print of a form is the same each time."""
        form, filling = divmod(number, self.pages)
        rng = np.random.default_rng([self.seed, form, filling])
        with np.load(self.data / "digits" / "cvl.npz") as cvl:
            own = cvl["writer"] == rng.choice(np.unique(cvl["writer"]))
            images, labels = cvl["images"][own], cvl["labels"][own]
        images[images < _PAPER_OF_IMAGES] = 0
        kind, dpi = KINDS[int(rng.integers(len(KINDS)))], float(rng.choice(_RESOLUTIONS))
        hand = Hand.sample(rng)
        source = ArraySource(images, labels, HandSource(hand, dpi))
        writer = Writer(source, Pen.sample(hand.pen, rng), hand.wander)
        of_form = np.random.default_rng([self.seed, form])
        sheet = PrintedForm(self.chosen()[form], dpi, writer, of_form)
        plain = PlainFilling(sheet, hand.width_mm * dpi / MM_PER_INCH, rng)
        sheet.fill_in(plain, more_signs=False)
        page = finish(sheet, sample_scan(kind, rng))
        return saved(self.folder, page, f"{form:02d}_{filling}_{kind}.png", form)


def _in_turn(piles: list[list[PrintedPage]]) -> Iterator[PrintedPage]:
    """One of each pile, then the second of each, and so on."""
    for i in range(max(map(len, piles))):
        yield from (pile[i] for pile in piles if i < len(pile))


def main() -> None:
    """Draw, read, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--forms", type=int, default=20)
    parser.add_argument("--pages", type=int, default=4)
    parser.add_argument("--seed", type=int, default=3200)
    parser.add_argument("--faults", action="store_true", help="name pages and fields at fault")
    parser.add_argument("--folder", type=Path, help="keep pages and tables here; drawn once")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = options.folder or Path(place)
        folder.mkdir(parents=True, exist_ok=True)
        pile = Pile(options.data, folder / "pile", options.forms, options.pages, options.seed)
        pages = drawn(pile.folder, partial(Pile.draw, pile), options.forms * options.pages)
        auto = read(pile.folder, pages, folder / "pile.csv", "--template", "auto")
        show(f"{len(pages)} pages, --template auto", auto, faults=options.faults)


if __name__ == "__main__":
    main()
