"""How scans grow with the number of files: `python tests/benchmarks/many_files.py [--files N]`.

Fills a folder with small files: a tenth of `--files`, then all of them. They are links to one page,
so that only one is read, and all the rest is seen: listing, hashing, planning, the job, the table
and the report; then, with `--pages`, so many files that are read each. Prints for each size the
seconds of the wall and of the processors, the most memory of the main process and of a worker, and
the size of the job, and what a file more costs of each. Exit code 1 where a file more costs more
than a limit, or a file has no row. Linux only.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, PngImagePlugin
from scanning import READ, messages, peak_memory, started

from formreader.synth import FormSpec, render_form

_DPI = 75
_FOLDERS = 100
"""The files lie in so many folders, as those of a scanner do."""

_MAX_LINKS = 60_000
"""Links to one file: ext4 allows 65,000."""

_SAMPLE_SECONDS = 0.1

_MOST_SECONDS, _MOST_KB = 0.005, 8.0
"""Seconds of the processors and kB of memory that one file more may take, where it is not read."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a scan took: seconds, seconds of all processors, MiB, and bytes of the job."""

    files: int
    seconds: float
    processors: float
    main: float
    worker: float
    job: int


def small_page(folder: Path) -> Path:
    """A page with a row of boxes, of some kB."""
    page = render_form(3, FormSpec(dpi=_DPI, width=100, height=60))
    path = folder / "page.png"
    Image.fromarray(page.image).convert("L").quantize(16).save(path, dpi=(_DPI, _DPI))
    return path


def fill(folder: Path, page: Path, files: int, *, linked: bool) -> None:
    """Fill a new folder with links to a page, or with copies whose bytes differ."""
    image = None if linked else Image.open(page)
    original = page
    for index in range(files):
        if index and index % _MAX_LINKS == 0:
            original = Path(shutil.copy(page, page.with_stem(f"{page.stem} {index}")))
        path = folder / f"{index % _FOLDERS:03}" / f"scan {index}.png"
        if index < _FOLDERS:
            path.parent.mkdir(parents=True)
        if image is None:
            os.link(original, path)
        else:
            note = PngImagePlugin.PngInfo()
            note.add_text("number", str(index))
            image.save(path, dpi=(_DPI, _DPI), pnginfo=note)


def measured(folder: Path, out: Path, files: int, model: str) -> Cost:
    """Scan a folder, and check that each file has a row."""
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    peaks = dict[int, float]()
    with started(out, folder, "--model", model, "--quiet") as process:
        while process.poll() is None:
            peaks |= peak_memory(process.pid)
            time.sleep(_SAMPLE_SECONDS)
        if process.returncode not in READ:
            raise SystemExit(f"exit code {process.returncode}: {messages(out)}")
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    processors = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    with out.open("rb") as stream:
        named = {line.partition(b",")[0] for line in stream}
    if len(named) != files + 1:  # and the header
        raise SystemExit(f"{len(named) - 1} of {files} files have rows. See {out}")
    main = peaks.pop(process.pid)
    job = out.with_suffix(".sqlite").stat().st_size
    return Cost(files, seconds, processors, main, max(peaks.values(), default=0.0), job)


def grown(place: Path, files: int, model: str, *, linked: bool) -> tuple[float, float]:
    """Scan a tenth of the files and all; print; return seconds and kB that one more costs."""
    page, costs = small_page(place), list[Cost]()
    for count in (files // 10, files):
        folder = place / f"{'linked' if linked else 'read'}-{count}"
        fill(folder, page, count, linked=linked)
        cost = measured(folder, place / f"{folder.name}.csv", count, model)
        shutil.rmtree(folder)
        costs.append(cost)
        print(
            f"{count} {'links to one page' if linked else 'files that are read'}: "
            f"{cost.seconds:.1f} s, {cost.processors:.1f} s of the processors, main "
            f"{cost.main:.0f} MiB, worker {cost.worker:.0f} MiB, job {cost.job >> 20} MiB",
            flush=True,
        )
    few, many = costs
    more = many.files - few.files
    seconds = (many.processors - few.processors) / more
    memory = (many.main - few.main) * 1024 / more
    size = (many.job - few.job) / more
    print(
        f"one more: {seconds * 1000:.2f} ms, {memory:.2f} kB of memory, {size:.0f} bytes in the job"
    )
    return seconds, memory


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--pages", type=int, default=0, help="files that are read each")
    parser.add_argument("--model", default="digits")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="formreader-many-") as folder:
        seconds, memory = grown(Path(folder), given.files, given.model, linked=True)
        if given.pages:
            grown(Path(folder), given.pages, given.model, linked=False)
    if seconds > _MOST_SECONDS or memory > _MOST_KB:
        raise SystemExit("FAULT: a file more costs too much")


if __name__ == "__main__":
    main()
