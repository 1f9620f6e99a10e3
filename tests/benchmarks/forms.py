"""Do many scans become one named table? `python tests/benchmarks/forms.py [--pages N] [--part P]`.

Draws three piles, reads each by the program, and compares the tables with the truth:

- `mixed`: twelve forms, `--pages` pages of each in all kinds of scan, in any order, and one page in
  twenty that is a form of its own; scanned with `--template auto` and without a template. How far
  the places of the forms are from the true ones is told in pixels of the copies at about 100 dpi,
  and what recognising and aligning costs against decoding.
- `ten`: ten forms that are filled in six times each, in 14 kinds of scan; `--template auto`.
- `dates`: `--dates` clean scans of one form with seven rows, skewed by up to 2 degrees, with a bold
  title that has a year in it; four rows are dates dd mm yyyy with gaps of 5 mm. With
  `--template auto` and without a template.

Times are processor time. `--faults` names pages and fields at fault.
"""

from __future__ import annotations

import argparse
import pickle
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from drawn_forms import render_any_form
from form_scoring import STRANGE, DrawnPage, FormCounts, ReadPage, count_forms, read_pages
from PIL import Image
from scanning import scan

from formreader.core.geometry import map_points
from formreader.core.image_pyramid import Pyramid
from formreader.input.grey import grey_of
from formreader.look.page_network import shipped_page_network
from formreader.preprocess.straighten import straighten
from formreader.synth import (
    KINDS,
    Filling,
    Form,
    FormSpec,
    Hand,
    HandSource,
    Kind,
    Layout,
    LineStyle,
    Pen,
    Plan,
    Rect,
    RenderedPage,
    RowStyle,
    Scan,
    Sheet,
    Writer,
    finish,
)
from formreader.synth.render import map_in_processes
from formreader.template.form_book import FormBook
from formreader.template.page_layout import PageLayout
from formreader.template.page_map import Floats

DPI = 150
TEN: tuple[Layout, ...] = (
    "comb", "table", "date", "mixed", "varied", "sheet", "frames", "groups", "tally", "open",
)  # fmt: skip
TWELVE: tuple[Layout, ...] = (*TEN, "separate", "panel")
TEN_KINDS: tuple[Kind, ...] = KINDS[:14]
STRANGERS_EVERY = 20
DATE_ROWS = 4
"""Rows of the form of dates that are dates; three others are numbers."""


@dataclass(frozen=True, slots=True)
class Order:
    """A page to draw into `folder`; `form` is `STRANGE` for one that is like no other."""

    file: str
    form: int
    seed: int
    filling: int
    layout: Layout
    kind: Kind


def mixed_orders(forms: int, pages: int, seed: int) -> list[Order]:
    """Some pages of each of the forms and strangers, in any order."""
    orders = [
        Order("", form, seed + form, n, TWELVE[form], KINDS[(form + n) % len(KINDS)])
        for form in range(forms)
        for n in range(pages)
    ]
    for n in range(len(orders) // STRANGERS_EVERY):
        layout, kind = TWELVE[n % len(TWELVE)], KINDS[n % len(KINDS)]
        orders.append(Order("", STRANGE, seed + 500 + n, 0, layout, kind))
    return _shuffled(orders, seed)


def ten_orders(seed: int) -> list[Order]:
    """Ten forms, filled in six times each."""
    kinds = [TEN_KINDS[i % len(TEN_KINDS)] for i in range(6 * len(TEN))]
    orders = [
        Order("", form, seed + form, n, layout, kinds[6 * form + n])
        for form, layout in enumerate(TEN)
        for n in range(6)
    ]
    return _shuffled(orders, seed)


def _shuffled(orders: Sequence[Order], seed: int) -> list[Order]:
    order = np.random.default_rng(seed).permutation(len(orders)).tolist()
    return [replace(orders[k], file=f"{i:04d}.png") for i, k in enumerate(order)]


def draw(folder: Path, orders: Sequence[Order], number: int) -> DrawnPage:
    """Draw and save a page."""
    order = orders[number]
    plan = Plan(filling=Filling(blanks=0.1))
    spec = FormSpec(order.layout, order.kind, dpi=DPI, plan=plan, variants=4)
    page = render_any_form(order.seed, spec, filling=order.filling)
    return saved(folder, page, order.file, order.form)


def draw_dates(folder: Path, seed: int, number: int) -> DrawnPage:
    """Draw and save a filled page of the form of dates."""
    own = np.random.default_rng([seed, number])
    hand = Hand.sample(own)
    writer = Writer(HandSource(hand, DPI), Pen.sample(hand.pen, own), hand.wander, own)
    form = Form(Sheet(210, 297, DPI), writer, np.random.default_rng(seed))
    form.sheet.text(25, 22, "REGISTRATION 2025", 9, bold=True)
    form.sheet.text(25, 36, "Please write one digit into each box.", 3.5)
    line = LineStyle(width=0.3)
    style = RowStyle(outer=line, inner=line)
    labels = ("Date of birth", "Date of entry", "Number", "Valid from", "Amount", "Until", "Code")
    for row, label in enumerate(labels):
        y = 55 + 24 * row
        form.sheet.text(25, y + 2.5, label, 3.5)
        digits = "".join(str(d) for d in own.integers(10, size=8))
        if row in (0, 1, 3, 5):
            _date_row(form, y, digits, style)
        else:
            form.row(Rect(75, y, 6, 8), digits[: 5 + row % 3], style)
    page = finish(form, Scan(skew=float(own.uniform(-2, 2)), noise=1.5, blur=0.5))
    return saved(folder, page, f"{number:04d}.png", 0)


def _date_row(form: Form, y: float, digits: str, style: RowStyle) -> None:
    """Two, two and four boxes with gaps of 5 mm; the truth has them as one field."""
    x, begun, field = 75.0, len(form.truth), form.truth[-1].field + 1 if form.truth else 0
    for first, n in ((0, 2), (2, 2), (4, 4)):
        x = form.row(Rect(x, y, 6, 8), digits[first : first + n], style) + 5
    for i, box in enumerate(form.truth[begun:]):
        form.truth[begun + i] = replace(box, field=field, box=i)


def saved(folder: Path, page: RenderedPage, file: str, form: int) -> DrawnPage:
    """Save a drawn page of a form, and return what is known of it."""
    Image.fromarray(page.image).save(folder / file, dpi=(page.dpi, page.dpi))
    return DrawnPage(file, form, page.truth, page.dpi)


@dataclass(frozen=True, slots=True)
class Read:
    """What a scan gave."""

    pages: dict[str, ReadPage]
    counts: FormCounts


def read(folder: Path, pages: Sequence[DrawnPage], out: Path, *options: str) -> Read:
    """Scan a folder, and compare both tables with the truth."""
    scan(out, folder, "--rows", "digit", "--report", "none", "--quiet", "--fresh", *options)
    by_digit = out.with_suffix(".digits.csv")
    out.replace(by_digit)
    scan(out, folder, "--rows", "field", "--report", "none", "--quiet", *options)
    found = read_pages(by_digit, out)
    return Read(found, count_forms(pages, found))


@dataclass(slots=True)
class Aligned:
    """A page that was recognised: true corners (n, 2) on its copy, and as they lie on the form."""

    form: str
    true: Floats
    on_form: Floats


def measure_alignment(folder: Path, pages: Sequence[DrawnPage], templates: Path) -> None:
    """Print how far mapped places are from the true ones, and what recognising costs."""
    book, aligned = FormBook.load(templates), list[tuple[DrawnPage, Aligned]]()
    kept, decoding, recognising = {}, list[float](), list[float]()
    cv2.setNumThreads(1)
    book.recognise(PageLayout.of(np.full((300, 200), 255, np.uint8)))  # looks at the forms
    for page in pages:
        begun = time.process_time()
        grey = grey_of(Image.open(folder / page.file))
        decoding.append(time.process_time() - begun)
        straight = straighten(Pyramid(grey))
        maps = shipped_page_network().look(straight.image)
        begun = time.process_time()
        found = book.recognise(PageLayout.of(straight.image, maps))
        recognising.append(time.process_time() - begun)
        if found is None or found.difference or page.form == STRANGE:
            continue
        corners = np.array([box.corners for box in page.truth], np.float64).reshape(-1, 2)
        true = map_points(np.asarray(np.linalg.inv(straight.to_page), np.float64), corners)
        here = Aligned(found.form.template.name, true, found.alignment.back(true))
        aligned.append((page, here))
        kept[page.file] = found.alignment
    errors = list[Floats]()
    for form, name in {(page.form, one.form) for page, one in aligned}:
        group = [(p, one) for p, one in aligned if (p.form, one.form) == (form, name)]
        place = np.median([one.on_form for _, one in group], axis=0)
        for page, one in group:
            errors.append(np.linalg.norm(kept[page.file].map(place) - one.true, axis=1))
    all_errors = np.concatenate(errors)
    middle, last = np.median(all_errors), np.quantile(all_errors, 0.99)
    print(
        f"  mapped corners of boxes are off by {middle:.2f} px (median), {last:.2f} px (99th "
        f"percentile), {all_errors.max():.1f} px (most)"
    )
    print(
        f"  recognising and aligning {1000 * np.mean(recognising):.0f} ms a page (median "
        f"{1000 * np.median(recognising):.0f}), decoding {1000 * np.mean(decoding):.0f} ms"
    )


def show(title: str, read: Read, *, faults: bool) -> None:
    print(title)
    for line in read.counts.lines():
        print(f"  {line}")
    if faults:
        for line in read.counts.faults:
            print(f"    {line}")


def measure_mixed(place: Path, options: argparse.Namespace) -> None:
    """The pile of twelve forms."""
    orders = mixed_orders(options.forms, options.pages, options.seed)
    pages = drawn(place / "mixed", partial(draw, place / "mixed", orders), len(orders))
    auto = read(place / "mixed", pages, place / "mixed.csv", "--template", "auto")
    show(f"mixed, {len(pages)} pages, --template auto", auto, faults=options.faults)
    measure_alignment(place / "mixed", pages, place / "mixed.templates")
    plain = read(place / "mixed", pages, place / "plain.csv")
    show("mixed, without a template", plain, faults=False)


def measure_ten(place: Path, options: argparse.Namespace) -> None:
    """Ten forms, six pages each."""
    orders = ten_orders(options.seed + 10_000)
    pages = drawn(place / "ten", partial(draw, place / "ten", orders), len(orders))
    auto = read(place / "ten", pages, place / "ten.csv", "--template", "auto")
    show("ten forms, six pages each, --template auto", auto, faults=options.faults)


def measure_dates(place: Path, options: argparse.Namespace) -> None:
    """Many scans of one form."""
    folder = place / "dates"
    pages = drawn(folder, partial(draw_dates, folder, options.seed), options.dates)
    auto = read(folder, pages, place / "dates.csv", "--template", "auto")
    show(f"dates, {len(pages)} pages, --template auto", auto, faults=options.faults)
    _show_rows(auto)
    plain = read(folder, pages, place / "dates_plain.csv")
    show("dates, without a template", plain, faults=False)
    _show_rows(plain)
    expected = len({box.field for box in pages[0].truth})
    odd = [name for name, page in plain.pages.items() if len(page.fields) != expected]
    told = [name for name, page in plain.pages.items() if page.remark]
    print(
        f"  pages with another number of fields than {expected}: {len(odd)}; that say so in a row "
        f"of field 0: {len(set(odd) & set(told))}; others that do: {len(set(told) - set(odd))}"
    )


def _show_rows(read: Read) -> None:
    sizes = Counter(len(page.fields) for page in read.pages.values())
    print(f"  pages by their number of fields: {dict(sorted(sizes.items()))}")


def drawn(folder: Path, draw: Callable[[int], DrawnPage], number: int) -> list[DrawnPage]:
    """Draw pages 0..number - 1 into a folder, unless an earlier run did; return their truth."""
    kept = folder.with_suffix(".truth")
    if kept.exists():
        with kept.open("rb") as stream:
            return list(pickle.load(stream))
    folder.mkdir()
    pages = map_in_processes(draw, range(number))
    with kept.open("wb") as stream:
        pickle.dump(pages, stream)
    return pages


PARTS = {"mixed": measure_mixed, "ten": measure_ten, "dates": measure_dates}


def main() -> None:
    """Draw, read, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    parser.add_argument("--part", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--forms", type=int, default=len(TWELVE), help="forms of `mixed`")
    parser.add_argument("--pages", type=int, default=25, help="pages of each form of `mixed`")
    parser.add_argument("--dates", type=int, default=200, help="pages of `dates`")
    parser.add_argument("--seed", type=int, default=8_400_000)
    parser.add_argument("--faults", action="store_true", help="name pages and fields at fault")
    parser.add_argument("--folder", type=Path, help="keep pages and tables here; drawn once")
    options = parser.parse_args()
    if options.forms > len(TWELVE):
        parser.error(f"--forms: at most {len(TWELVE)}")
    with tempfile.TemporaryDirectory() as place:
        folder = options.folder or Path(place)
        folder.mkdir(parents=True, exist_ok=True)
        for part in options.part:
            PARTS[part](folder, options)


if __name__ == "__main__":
    main()
