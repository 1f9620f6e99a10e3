"""How small writing in large frames is read: `python tests/benchmarks/plain_frames.py [--pages N]`.

Draws N pages of plain frames, 8 to 25 mm high and 15 to 80 mm wide, with numbers of one to six
digits, 2 to 9 mm high, anywhere in them, and some blank ones; scans them in five kinds of scan.
Prints by kind: numbers read right, accepted, wrong although accepted, not seen, called blank; and
blank frames called blank. `--digits mnist` writes with MNIST's test digits.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
from accuracy import mnist_source
from drawn_forms import fill_number_cell
from PIL import Image

from formreader.core.geometry import Box
from formreader.synth import (
    Form,
    Hand,
    HandSource,
    Kind,
    Pen,
    Rect,
    RenderedPage,
    Sheet,
    Writer,
    finish,
    sample_scan,
)
from formreader.synth.paper_sheet import BLACK

KINDS: tuple[Kind, ...] = ("clean", "skew", "noisy", "fax", "photo")
DPI = 200.0


def draw(seed: int, kind: Kind, digits: str) -> RenderedPage:
    """One page of frames; its truth has the number in each."""
    rng = np.random.default_rng(seed)
    hand = Hand.sample(rng)
    source = mnist_source(DPI, seed) if digits == "mnist" else HandSource(hand, DPI)
    form = Form(Sheet(210, 297, DPI), Writer(source, Pen.sample(hand.pen, rng), hand.wander), rng)
    y = 15.0
    while True:
        height = float(np.exp(rng.uniform(np.log(8), np.log(25))))
        if y + height > 285:
            return finish(form, sample_scan(kind, rng))
        x, width = 15.0, float(np.exp(rng.uniform(np.log(15), np.log(80))))
        while x + width < 195:
            frame = Rect(x, y, width, height)
            form.sheet.frame(frame, float(rng.uniform(0.2, 0.6)), BLACK)
            fill(form, frame, rng)
            x += width + float(rng.uniform(3, 10))
        y += height + float(rng.uniform(3, 8))


def fill(form: Form, frame: Rect, rng: np.random.Generator) -> None:
    """Write a number into a frame, or leave it blank."""
    if rng.random() < 0.15:
        fill_number_cell(form, frame, "")
        return
    tall = min(float(np.exp(rng.uniform(np.log(2.0), np.log(9.0)))), 0.8 * frame.h)
    fitting = max(1, int((frame.w - 2) / (0.8 * tall)))
    number = "".join(str(d) for d in rng.integers(10, size=int(rng.integers(1, 7))))[:fitting]
    width = min(0.8 * tall * len(number) + 0.4 * tall, frame.w - 1)
    place = Rect(
        frame.x + 0.5 + float(rng.uniform(0, 1)) * (frame.w - 1 - width),
        frame.y + 0.1 * frame.h + float(rng.uniform(0, 1)) * (0.8 * frame.h - tall),
        width, tall / 0.72,
    )  # fmt: skip
    fill_number_cell(form, frame, number, place)


def main() -> None:
    """Draw, scan, count."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=4, help="pages of each kind")
    parser.add_argument("--seed", type=int, default=2_500_000)
    parser.add_argument("--digits", choices=["model", "mnist"], default="model")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder, truth = Path(name) / "pages", dict[str, list[tuple[Box, str]]]()
        folder.mkdir()
        for kind in KINDS:
            for seed in range(options.seed, options.seed + options.pages):
                page = draw(seed, kind, options.digits)
                file = f"{kind}_{seed}.png"
                Image.fromarray(page.image).save(folder / file, dpi=(page.dpi, page.dpi))
                truth[file] = [(one.upright, one.symbol) for one in page.truth]
        out = Path(name) / "results.csv"
        command = [sys.executable, "-m", "formreader", "scan", str(folder), "--out", str(out)]
        subprocess.run([*command, "--rows", "digit", "--report", "none", "-q"], check=True)
        with out.open(newline="") as file:
            rows = [row for row in csv.DictReader(file) if row["field"] != "0"]
    total = Counter[str]()
    for kind in KINDS:
        counts = Counter[str]()
        for name, frames in truth.items():
            if name.startswith(kind):
                counts += count([row for row in rows if row["file"] == name], frames)
        total += counts
        print(f"{kind:8s} {line(counts)}")
    print(f"{'all':8s} {line(total)}")


def count(rows: list[dict[str, str]], frames: list[tuple[Box, str]]) -> Counter[str]:
    """What became of the frames of one page."""
    counts = Counter[str]()
    for frame, number in frames:
        inside = [row for row in rows if frame.holds(centre(row))]
        inside.sort(key=lambda row: float(row["x"]))
        read = "".join(row["digit"] for row in inside)
        sure = bool(read) and all(row["status"] in ("ok", "blank") for row in inside)
        if not number:
            counts["blanks"] += 1
            counts["blank"] += not read and all(row["status"] == "blank" for row in inside)
            continue
        counts["numbers"] += 1
        counts["right"] += read == number
        counts["accepted"] += sure
        counts["wrong"] += sure and read != number
        counts["unseen"] += not inside
        counts["blanked"] += bool(inside) and all(row["status"] == "blank" for row in inside)
    return counts


def centre(row: dict[str, str]) -> tuple[float, float]:
    """The middle of a digit's box."""
    x, y, width, height = (float(row[name]) for name in ("x", "y", "width", "height"))
    return x + width / 2, y + height / 2


def line(counts: Counter[str]) -> str:
    """Counts as a line."""
    n = max(counts["numbers"], 1)
    return (
        f"{counts['numbers']} numbers: right {100 * counts['right'] / n:.1f} %, accepted "
        f"{100 * counts['accepted'] / n:.1f} %, wrong {counts['wrong']}, unseen "
        f"{counts['unseen']}, said blank {counts['blanked']}; blank {counts['blank']} of "
        f"{counts['blanks']}"
    )


if __name__ == "__main__":
    main()
