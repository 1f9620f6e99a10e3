"""How right formreader is here: `python tests/benchmarks/accuracy.py [--pages N] [--seed S]`.

Renders N forms of each layout and kind of scan from seeds, scans them as people do, and
prints by kind, by layout, and for each of both together: boxes; recall and precision of
the finder (a box is found where it shares half of its union with the true one); digits
right where found; digits accepted without review, and how many of these are wrong; blank
boxes called blank; marks that are no digits yet accepted as one. Then the worst pages.

`--digits mnist` has the forms filled with MNIST's test digits instead of the stroke
model's. `--shared FOLDER` scores the hand-checked sets there, with the scorer there.
"""

from __future__ import annotations

import argparse
import csv
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

import formreader
from formreader.training.data import load_mnist
from formreader.training.render import (
    KINDS,
    LAYOUTS,
    ArraySource,
    DigitSource,
    Filling,
    FormSpec,
    Hand,
    HandSource,
    Plan,
    render_form,
    truth_rows,
)

Row = dict[str, str]

FILLING = Filling(blanks=0.15, marks=0.04)
MIN_OVERLAP = 0.5
HEADINGS = ("boxes", "recall", "precis.", "right", "accept.", "wrong", "blanks", "marks ok")


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

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    @property
    def losses(self) -> int:
        """Boxes that a user would have to mend."""
        unread = self.digits - self.right + self.blanks - self.blank_right
        return self.missed + self.false + unread + self.marks_accepted

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
        )
        return f"{self.boxes:>10}" + "".join(f"{text:>10}" for text in shares)


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
    counts = Counts(boxes=len(truth), missed=len(truth), false=len(found))
    if not truth or not found:
        return counts
    overlap = overlaps(truth, found)
    while overlap.max() >= MIN_OVERLAP:
        i, k = np.unravel_index(int(overlap.argmax()), overlap.shape)
        overlap[i], overlap[:, k] = 0, 0
        counts.missed -= 1
        counts.false -= 1
        judge(truth[int(i)]["digit"], found[int(k)], counts)
    return counts


def judge(symbol: str, row: Row, counts: Counts) -> None:
    """Count what was read in a box that holds `symbol`."""
    accepted = row["status"] == "ok"
    if not symbol:
        counts.blanks += 1
        counts.blank_right += row["status"] == "blank"
    elif symbol.isdecimal():
        right = row["digit"] == symbol
        counts.digits += 1
        counts.right += right
        counts.accepted += accepted
        counts.wrong += accepted and not right
    else:
        counts.marks += 1
        counts.marks_accepted += accepted


def mnist_source(dpi: float, seed: int) -> DigitSource:
    """MNIST's test digits, and marks by a hand of the stroke model."""
    _, test = load_mnist()
    marks = HandSource(Hand.sample(np.random.default_rng(seed)), dpi)
    return ArraySource(test.crops, test.labels.astype(np.int64), marks)


def render_pages(folder: Path, options: argparse.Namespace) -> list[Row]:
    """Fill `folder` with forms named kind/layout_seed; returns the truth about them."""
    truth: list[Row] = []
    for kind in options.kinds:
        (folder / kind).mkdir()
        for layout in options.layouts:
            for seed in range(options.seed, options.seed + options.pages):
                source = mnist_source(options.dpi, seed) if options.digits == "mnist" else None
                spec = FormSpec(layout, kind, dpi=options.dpi, plan=Plan(filling=FILLING))
                page = render_form(seed, spec, source)
                file = f"{kind}/{layout}_{seed:04d}.png"
                Image.fromarray(page.image).save(folder / file, dpi=(page.dpi, page.dpi))
                truth += [{k: str(v) for k, v in row.items()} for row in truth_rows(page, file)]
    return truth


def scan(folder: Path, out: Path, options: argparse.Namespace) -> list[Row]:
    """Scan a folder with the program as it is; returns the rows of its boxes."""
    environment = os.environ | {"PYTHONPATH": str(Path(formreader.__file__).parents[1])}
    command = [
        *(sys.executable, "-m", "formreader", "scan", folder, "--out", out),
        *("--rows", "digit", "--report", "none", "--model", options.model, "--quiet"),
    ]
    if options.overlays:
        command += ["--debug", options.overlays / folder.name]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 10):
        raise SystemExit(done.stderr)
    with out.open(newline="", encoding="utf-8") as stream:
        return [row for row in csv.DictReader(stream) if row["width"]]


def by_page(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Rows by their file; the pages rendered here have one page a file."""
    pages: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        pages[row["file"]].append(row)
    return pages


def print_table(title: str, pages: dict[str, Counts], group: Callable[[str], str] = str) -> None:
    """One line a group of pages, and one for all unless each page is a group."""
    groups: dict[str, Counts] = defaultdict(Counts)
    for file, counts in pages.items():
        groups[group(file)] += counts
    print(f"\n{title:<24}" + "".join(f"{heading:>10}" for heading in HEADINGS))
    for name, counts in groups.items():
        print(f"{name:<24}{counts.line()}")
    if 1 < len(groups) < len(pages):
        print(f"{'all':<24}{sum(groups.values(), Counts()).line()}")


def kind_of(file: str) -> str:
    return file.split("/")[0]


def layout_of(file: str) -> str:
    return file.split("/")[1].rsplit("_", 1)[0]


def measure_rendered(options: argparse.Namespace, place: Path) -> None:
    """Render, scan, and print the tables."""
    folder = place / "rendered"
    folder.mkdir()
    truth = by_page(render_pages(folder, options))
    found = by_page(scan(folder, place / "rendered.csv", options))
    pages = {file: score(rows, found.get(file, [])) for file, rows in truth.items()}
    print_table("kind", pages, kind_of)
    print_table("layout", pages, layout_of)
    print_table("layout, kind", pages, lambda file: f"{layout_of(file)} {kind_of(file)}")
    worst = sorted(pages, key=lambda file: pages[file].losses / pages[file].boxes)
    print_table("worst pages", {f: pages[f] for f in worst[: -1 - options.worst : -1]})


def measure_shared(options: argparse.Namespace, place: Path) -> None:
    """Score the hand-checked sets with their own scorer."""
    scorer = options.shared / "bench" / "score.py"
    if not scorer.is_file():
        raise SystemExit(f"{scorer}: no scorer there. Give --shared the folder that holds bench")
    for name, extra in (("forms", []), ("rendered", ["--complete"])):
        out, data = place / f"shared_{name}.csv", options.shared / "data" / name
        scan(data, out, options)
        print(f"\n{name}", flush=True)
        command = [sys.executable, scorer, out, data / "truth.csv", "--by", "folder", *extra]
        subprocess.run(command, check=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pages", type=int, default=2, help="forms of each layout and kind")
    parser.add_argument("--seed", type=int, default=1000, help="of the first form of each")
    parser.add_argument("--digits", choices=("strokes", "mnist"), default="strokes")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--layouts", nargs="+", choices=LAYOUTS, default=LAYOUTS)
    parser.add_argument("--dpi", type=float, default=200)
    parser.add_argument("--model", default="digits")
    parser.add_argument("--worst", type=int, default=10, help="pages to name")
    parser.add_argument("--overlays", type=Path, help="folder for pictures of what was found")
    parser.add_argument("--shared", type=Path, help="folder with bench/score.py and data")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        if options.pages:
            measure_rendered(options, Path(place))
        if options.shared:
            measure_shared(options, Path(place))


if __name__ == "__main__":
    main()
