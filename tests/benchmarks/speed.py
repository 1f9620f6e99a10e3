"""How fast formreader is here: `python tests/benchmarks/speed.py [FOLDER] [--copies N]`.

`--parts stages` prints what each stage of a page costs against decoding it, in milliseconds of
processor time, for forms of boxes and tables of whole numbers in each kind of scan (see ratio.py).

`--parts command`, for the command as people run it (a process of its own each time, best of
several runs): the time of `--help`; of one page; pages/s and the peak memory of a folder of copies
of the pages, by number of workers; and each stage's time a page. Nothing else should run then.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from ratio import stage_table
from result_file import Figure, Figures, add_json_option, write_result

import formreader
from formreader.batch.worker_process import keep_to_one_thread
from formreader.core.options import usable_cores
from formreader.input.input_files import list_files
from formreader.synth import KINDS

SAMPLES = Path(__file__).parents[2] / "samples"
PARTS = ("stages", "command")


@dataclass(frozen=True, slots=True)
class Run:
    """Wall time in seconds and what the program told of itself."""

    seconds: float
    told: str


def run(*arguments: str | Path) -> Run:
    """Run formreader once, in a process of its own."""
    environment = os.environ | {"PYTHONPATH": str(Path(formreader.__file__).parents[1])}
    command = [sys.executable, "-m", "formreader", *map(str, arguments)]
    began = time.perf_counter()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - began
    if done.returncode not in (0, 10):
        raise SystemExit(done.stderr)
    return Run(seconds, done.stderr)


def copies(folder: Path, n: int, target: Path) -> None:
    """Fill `target` with `n` copies of each page file of `folder`."""
    for number in range(n):
        for file in list_files([str(folder)]).files:
            path = target / str(number) / file.label
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file.path, path)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=SAMPLES)
    parser.add_argument("--copies", type=int, default=8)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--pages", type=int, default=3, help="forms of boxes of each kind of scan")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=("clean", "noisy", "photo"))
    add_json_option(parser)
    options = parser.parse_args()
    print(f"{usable_cores()} cores, Python {sys.version.split()[0]}")
    keep_to_one_thread()
    figures: dict[str, Figure | Figures] = {}
    if "stages" in options.parts:
        for name, numbers in (("A page of boxes", False), ("A page of whole numbers", True)):
            print(name)
            figures[name] = stage_table(options.kinds, options.pages, options.runs, numbers=numbers)
    if "command" in options.parts:
        with tempfile.TemporaryDirectory() as place:
            figures |= measure(options.folder, options.copies, options.runs, Path(place))
    write_result(options.json, figures)


def measure(folder: Path, n: int, runs: int, place: Path) -> Figures:
    """All measurements, in files below `place`; prints and returns them."""
    figures: dict[str, Figure | Figures] = {}
    figures["--help, s"] = min(run("--help").seconds for _ in range(runs))
    print(f"--help          {figures['--help, s']:.2f} s")
    page = SAMPLES / "separate_boxes.jpg"
    scans = [run("scan", page, "--out", place / "one.csv").seconds for _ in range(runs)]
    figures["one page of 200 dpi, start of Python included, s"] = min(scans)
    print(f"one page        {min(scans):.2f} s (200 dpi, start of Python included)")
    copies(folder, n, place / "pages")
    for workers in sorted({1, usable_cores()}):
        out = place / f"{workers}.csv"
        done = run("scan", place / "pages", "--out", out, "--workers", workers, "-v")
        summary = re.search(r"(([\d,]+) pages with .*), in ", done.told)
        assert summary, done.told
        speed = int(summary[2].replace(",", "")) / done.seconds
        print(f"{workers} workers       {speed:.1f} pages/s ({summary[1]})")
        stages = re.findall(r"(\w+): ([\d.]+) ms a page", done.told)
        for stage, spent in stages:
            print(f"    {stage:<12}{spent} ms a page")
        times = {f"{stage}, ms a page": float(spent) for stage, spent in stages}
        figures[f"{workers} workers"] = {"pages a second, start included": speed, **times}
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print(f"peak memory     {peak / 1024:.0f} MiB in the largest process")
    return {**figures, "memory of the largest process, MiB": peak / 1024}


if __name__ == "__main__":
    main()
