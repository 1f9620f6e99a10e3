"""What small files that cost much do: `python tests/benchmarks/attacks.py [--pages N]`.

Scans each file of `page_bombs.py` alone, then all of them together with good pages, under a limit
of memory. Each file must have a row with the reason, all good pages must be read, and no worker may
take more than the limit and what it takes between two looks at it. Prints what became of each,
the most memory of the main process and of a worker, and the seconds; exit code 1 where something is
wrong. Linux only.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from page_bombs import BOMBS, write_sparse_png
from scanning import READ, fill_folder, messages, peak_memory, small_pages, started

_OVERSHOOT = 256
"""MiB that a worker may take over its limit, in the hundredths of a second until it is looked at.
On one of two busy cores up to 60 were seen."""

_SAMPLE_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Attack:
    """A scan: seconds, the most MiB of the main process and of one worker, its rows."""

    seconds: float
    main: float
    worker: float
    rows: list[dict[str, str]]


def attack(folder: Path, out: Path, *options: str | float) -> Attack:
    """Scan a folder, and watch its processes; SystemExit if the batch does not end well."""
    began, peaks = time.perf_counter(), dict[int, float]()
    with started(out, folder, "--report", "none", *map(str, options)) as process:
        while process.poll() is None:
            peaks |= peak_memory(process.pid)
            time.sleep(_SAMPLE_SECONDS)
        main = peaks.pop(process.pid, 0.0)
        if process.wait() not in READ:
            raise SystemExit(f"exit code {process.returncode}: {messages(out)}")
    with out.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    return Attack(time.perf_counter() - began, main, max(peaks.values(), default=0.0), rows)


def write_bombs(folder: Path, names: Sequence[str]) -> None:
    """Write some of the files to a new folder."""
    folder.mkdir()
    for name in names:
        if name in BOMBS:
            (folder / name).write_bytes(BOMBS[name]())
        else:
            write_sparse_png(folder / name)


def _told(name: str, done: Attack) -> str:
    """What became of a file."""
    rows = [row for row in done.rows if row["file"] == name]
    if not rows:
        return "no row"
    return f"{rows[0]['status']}: {rows[0]['message'] or rows[0]['value']}"


def main() -> None:
    """Run the attacks and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = [*BOMBS, "sparse.png"]
    parser.add_argument("--pages", type=int, default=100, help="good pages beside the bombs")
    parser.add_argument("--names", nargs="+", choices=names, default=names, metavar="NAME")
    parser.add_argument("--memory", type=float, default=0.75, help="GiB of a worker")
    parser.add_argument("--page-timeout", type=float, default=20)
    parser.add_argument("--model", default="digits")
    parser.add_argument("--together", action="store_true", help="not each file alone")
    given = parser.parse_args()
    options = ("--memory", given.memory, "--page-timeout", given.page_timeout)
    options = (*options, "--model", given.model)
    wrong = list[str]()
    with tempfile.TemporaryDirectory() as folder:
        top = Path(folder)
        for name in [] if given.together else given.names:
            write_bombs(top / f"only {name}", [name])
            done = attack(top / f"only {name}", top / f"{name}.csv", *options)
            line = f"{name}: {done.seconds:.1f} s, main {done.main:.0f} MiB, worker "
            print(f"{line}{done.worker:.0f} MiB; {_told(name, done)}", flush=True)
            wrong += _faults(name, done, given.memory)
        write_bombs(top / "all", given.names)
        fill_folder(top / "all/good", small_pages(min(given.pages, 4)), given.pages)
        done = attack(top / "all", top / "all.csv", *options)
        good = {r["file"] for r in done.rows if r["file"].startswith("good/") and r["value"]}
        print(
            f"together: {len(good)} of {given.pages} good pages read, {done.seconds:.1f} s, "
            f"main {done.main:.0f} MiB, worker {done.worker:.0f} MiB"
        )
        for name in given.names:
            wrong += _faults(name, done, given.memory)
    if len(good) < given.pages:
        wrong.append("good pages were not read")
    if wrong:
        raise SystemExit("\n".join(wrong))


def _faults(name: str, done: Attack, memory: float) -> list[str]:
    faults = list[str]()
    if not _told(name, done).startswith("error: "):
        faults.append(f"{name}: {_told(name, done)}")
    if done.worker > memory * 1024 + _OVERSHOOT:
        faults.append(f"{name}: a worker took {done.worker:.0f} MiB")
    return faults


if __name__ == "__main__":
    main()
