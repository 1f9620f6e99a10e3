"""How right formreader is here: `python tests/benchmarks/accuracy.py [--pages N] [--seed S]`.

Renders N random forms of combinations of layout and scan that no training page has
(`sample_spec` with `held_back`); with `--each` N of each of the named layouts and kinds. Scans
them as people do, and prints by kind and by layout: boxes; recall and precision of the finder
(a box is found where it shares half of its union with the true one); digits right where found;
digits accepted without review, and how many of these are wrong; blank boxes called blank; marks
that are no digits yet accepted as one; fields of which all boxes are found and right; of cells
for whole numbers: numbers right, accepted, and wrong although accepted, blank cells called blank
(or not found), and marks accepted as a number. Then the worst pages.

`--digits mnist` has the forms filled with MNIST's test digits instead of the stroke
model's. `--shared FOLDER` scores the hand-checked sets there, with the scorer there.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import product
from pathlib import Path

import numpy as np
from drawn_forms import render_any_form
from PIL import Image
from result_file import Figures, add_json_option, write_result
from scoring import HEADINGS, Counts, Row, score

import formreader
from formreader.synth import (
    KINDS,
    LAYOUTS,
    ArraySource,
    DigitSource,
    Filling,
    FormSpec,
    Hand,
    HandSource,
    Plan,
    sample_spec,
    truth_rows,
)
from formreader.training.data.examples import load_mnist

FILLING = Filling(blanks=0.15, marks=0.04)


def mnist_source(dpi: float, seed: int) -> DigitSource:
    """MNIST's test digits, and marks by a hand of the stroke model."""
    _, test = load_mnist()
    marks = HandSource(Hand.sample(np.random.default_rng(seed)), dpi)
    return ArraySource(test.crops, test.labels.astype(np.int64), marks)


def specs(options: argparse.Namespace) -> Iterator[tuple[int, FormSpec]]:
    """Seeds and what to render from them."""
    if options.each:
        for kind, layout in product(options.kinds, options.layouts):
            for seed in range(options.seed, options.seed + options.pages):
                yield seed, FormSpec(layout, kind, dpi=options.dpi, plan=Plan(filling=FILLING))
        return
    for seed in range(options.seed, options.seed + options.pages):
        yield seed, sample_spec(np.random.default_rng(seed), held_back=True)


def render_pages(folder: Path, options: argparse.Namespace) -> list[Row]:
    """Fill `folder` with forms named kind/layout_seed; returns the truth about them."""
    truth: list[Row] = []
    for seed, spec in specs(options):
        source = mnist_source(spec.dpi, seed) if options.digits == "mnist" else None
        page = render_any_form(seed, spec, source)
        file = f"{spec.kind}/{spec.layout}_{seed:04d}.png"
        (folder / spec.kind).mkdir(exist_ok=True)
        Image.fromarray(page.image).save(folder / file, dpi=(page.dpi, page.dpi))
        for box, row in zip(page.truth, truth_rows(page, file), strict=True):
            more = {"open": "1" if box.is_number_cell else "", "corners": json.dumps(box.corners)}
            truth.append({k: str(v) for k, v in row.items()} | more)
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


def print_table(title: str, groups: dict[str, Counts]) -> None:
    """One line a group of pages."""
    print(f"\n{title:<32}" + "".join(f"{heading:>9}" for heading in HEADINGS))
    for name, counts in groups.items():
        print(f"{name:<32}{counts.line()}")


def summed(pages: dict[str, Counts], group: Callable[[str], str]) -> dict[str, Counts]:
    """Counts of groups of pages, and of all of them."""
    groups: dict[str, Counts] = defaultdict(Counts)
    for file, counts in pages.items():
        groups[group(file)] += counts
    return groups | {"all": sum(pages.values(), Counts())}


def kind_of(file: str) -> str:
    return file.split("/")[0]


def layout_of(file: str) -> str:
    return file.split("/")[1].rsplit("_", 1)[0]


def measure_rendered(options: argparse.Namespace, place: Path) -> Figures:
    """Render, scan, and print the tables; returns their figures."""
    folder = place / "rendered"
    folder.mkdir()
    truth = by_page(render_pages(folder, options))
    found = by_page(scan(folder, place / "rendered.csv", options))
    pages = {file: score(rows, found.get(file, [])) for file, rows in truth.items()}
    groups = {"scan": summed(pages, kind_of), "layout": summed(pages, layout_of)}
    for name, counts in groups.items():
        print_table(name, counts)
    worst = sorted(pages, key=lambda file: pages[file].lost_share, reverse=True)
    print_table("worst pages", {file: pages[file] for file in worst[: options.worst]})
    return {
        f"{part} by {name}": {group: one.figures()[part] for group, one in counts.items()}
        for name, counts in groups.items()
        for part in ("Boxes", "Whole numbers")
    }


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
    parser.add_argument("--pages", type=int, default=100, help="forms; of each pair with --each")
    parser.add_argument("--each", action="store_true", help="forms of each layout and kind")
    parser.add_argument("--seed", type=int, default=2_000_000, help="of the first form")
    parser.add_argument("--digits", choices=("strokes", "mnist"), default="strokes")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--layouts", nargs="+", choices=LAYOUTS, default=LAYOUTS)
    parser.add_argument("--dpi", type=float, default=200)
    parser.add_argument("--model", default="digits")
    parser.add_argument("--worst", type=int, default=10, help="pages to name")
    parser.add_argument("--overlays", type=Path, help="folder for pictures of what was found")
    parser.add_argument("--shared", type=Path, help="folder with bench/score.py and data")
    add_json_option(parser)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        if options.pages:
            write_result(options.json, measure_rendered(options, Path(place)))
        if options.shared:
            measure_shared(options, Path(place))


if __name__ == "__main__":
    main()
