"""Whether a full disk does harm: `python tests/benchmarks/full_disk.py [--moments N] [--training]`.

Gives each command that writes a small disk (a tmpfs in a name space of its own, so no root is
needed) with ever more space on it: none at all, a few kB, up to nearly what the command takes. Each
time the command must end with exit code 6 and one message that says what to do, or do all of its
work; every file that was there before is as it was or, in a job, holds no less; no half a table, no
temporary file is left. Then there is space again, and the same command must write what it writes
undisturbed. `--temporary` puts temporary files on that disk as well. Prints a line a command; exit
code 1 where anything differs. Linux only.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import formreader
from formreader.core.errors import ExitCode

SAMPLES = Path(__file__).parents[2] / "samples"
_PAGES = ("comb.png", "grid.png", "blanks_and_crosses.png")

_DISK_MIB = 64
_BLOCK = 4096
"""Size of the disk, and of a block of it in bytes: the least by which space differs."""

_SAMPLE_SECONDS = 0.01

_IN_NAME_SPACE = "FORMREADER_FULL_DISK"

_SMALL_PARTS = "import formreader.output.report.report as r; r.ONE_FILE_BYTES = 1000; "
_PROGRAM = "import sys; from formreader.cli.main import main; main()"

_CHANGING = re.compile(
    # These say when they were made, or are named at random.
    r"(results|audit|certificate|edit|disputes).*\.html$|_files/part-|results\.audit\.json$"
)


@dataclass(frozen=True, slots=True)
class Case:
    """A command, given in the folder of the disk.

    `before` are commands that fill the disk before it is full. `code` runs before the program.
    `slow`: it imports TensorFlow. `answers`: it finds answers of two people to what the table asks.
    `more`: it finds one page more than `before` did.
    """

    name: str
    command: str
    before: tuple[str, ...] = ()
    code: str = ""
    slow: bool = False
    answers: bool = False
    more: bool = False


_SCAN = "scan pages --workers 1 --out results.csv"
_TALL = f"{_SCAN} --report none"
CASES = (
    Case("scan: table, report, job, log", f"{_SCAN} --log-json log.jsonl"),
    Case("scan: report in parts", _SCAN, code=_SMALL_PARTS),
    Case("scan: Parquet", "scan pages --workers 1 --out results.parquet --report none"),
    Case("scan: Excel", "scan pages --workers 1 --out results.xlsx --report none"),
    Case("scan: JSON Lines", "scan pages --workers 1 --out results.jsonl --report none"),
    Case("scan: forms learned", f"{_TALL} --template auto --rows page --split-forms"),
    Case("scan: another threshold", f"{_SCAN} --review-below 0.5", (_SCAN,)),
    Case("scan: one more page", _SCAN, (_SCAN,), more=True),
    Case("scan: afresh", f"{_SCAN} --rows digit --fresh", (_SCAN,)),
    Case("scan: pictures", f"{_TALL} --debug pictures"),
    Case("correct", "correct corrections.csv", (_SCAN,), answers=True),
    Case("correct: parts", "correct corrections.csv", (_SCAN,), _SMALL_PARTS, answers=True),
    Case(
        "correct: taken back",
        "correct --undo --to results.csv",
        (_SCAN, "correct corrections.csv"),
        answers=True,
    ),
    Case(
        "correct: two people",
        "correct corrections.csv --second second.csv",
        (_SCAN,),
        answers=True,
    ),
    Case("audit: sample", "audit results.csv --sample 5", (_SCAN,)),
    Case("template learn", "template learn pages --workers 1 --out templates"),
    Case("template new", "template new pages/comb.png --workers 1 --out templates/comb"),
    Case(
        "template edit",
        "template edit templates/comb",
        ("template new pages/comb.png --workers 1 --out templates/comb",),
    ),
    Case(
        "template check",
        "template check templates/comb --draw drawn",
        ("template new pages/comb.png --workers 1 --out templates/comb",),
    ),
    Case("inspect", "inspect --data digits --out inspection", slow=True),
    Case("evaluate", "evaluate --data digits --out evaluation", slow=True),
    Case("explain", "explain digits/1/0.png --out explained.png", slow=True),
    Case(
        "train",
        "train --data digits.npz --epochs 1 --out own",
        slow=True,
    ),
)


class Disk:
    """A small disk, that can be made full but for some bytes.

    `most`: the most bytes that were used while the last command ran.
    """

    def __init__(self, folder: Path, *, temporary: bool) -> None:
        self.folder = folder
        self._filler = folder / ".filler"
        self._temporary = temporary
        self.most = 0

    def clear(self) -> None:
        for path in self.folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def fill(self, free: int) -> None:
        """Leave about `free` bytes."""
        state = os.statvfs(self.folder)
        size = state.f_bavail * state.f_frsize - free
        with self._filler.open("wb") as file:
            while size > 0:
                try:
                    os.posix_fallocate(file.fileno(), 0, size)
                    return
                except OSError:  # the file itself takes a block, and counts are not exact
                    size -= _BLOCK

    def empty(self) -> None:
        self._filler.unlink(missing_ok=True)

    def used(self) -> int:
        state = os.statvfs(self.folder)
        return (state.f_blocks - state.f_bavail) * state.f_frsize

    def run(self, command: str, code: str = "") -> tuple[int, str]:
        """Run the program in the disk's folder; its exit code and messages."""
        environment = os.environ | {"PYTHONPATH": str(Path(formreader.__file__).parents[1])}
        if self._temporary:
            environment["TMPDIR"] = str(self.folder)
        with tempfile.TemporaryFile("w+") as told:
            process = subprocess.Popen(
                [sys.executable, "-c", code + _PROGRAM, *command.split()],
                cwd=self.folder,
                env=environment,
                stdout=subprocess.DEVNULL,
                stderr=told,
            )
            self.most = self.used()
            while process.poll() is None:
                self.most = max(self.most, self.used())
                time.sleep(_SAMPLE_SECONDS)
            told.seek(0)
            return process.returncode, told.read()

    def state(self) -> dict[str, str]:
        """Name -> hash of each file."""
        return {
            str(path.relative_to(self.folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(self.folder.rglob("*"))
            if path.is_file() and path != self._filler
        }


def prepare(disk: Disk, case: Case) -> None:
    """Empty the disk, and put there what a command finds."""
    disk.empty()
    disk.clear()
    (disk.folder / "pages").mkdir()
    for name in _PAGES:
        shutil.copy(SAMPLES / name, disk.folder / "pages" / name)
    if case.slow:
        _write_digits(disk.folder)
    for command in case.before:
        if command.startswith("correct"):
            _write_answers(disk.folder)
        _require_done(disk.run(command), command)
    if case.more:
        shutil.copy(SAMPLES / "skewed.jpg", disk.folder / "pages/skewed.jpg")
    if case.answers:
        _write_answers(disk.folder)


def _write_answers(folder: Path) -> None:
    """Corrections of the fields for review, by two people."""
    names = ["file", "page", "field", "box", "x", "y", "width", "height", "guess", "digit"]
    with (folder / "results.csv").open(newline="", encoding="utf-8") as stream:
        rows = [r for r in csv.DictReader(stream) if r["status"] == "review"]
    for file, last in (("corrections.csv", "1"), ("second.csv", "2")):
        with (folder / file).open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, [*names, "value"])
            writer.writeheader()
            for row in rows:
                place = {name: row[name] for name in names if name in row}
                value = row["value"].replace("?", last)
                writer.writerow(place | {"box": "0", "guess": row["value"], "value": value})


def _write_digits(folder: Path) -> None:
    """Labelled digits, as a folder and as a file."""
    import cv2
    import numpy as np

    from formreader.synth import Hand
    from formreader.synth.strokes import draw_strokes
    from formreader.training.augment.augmentation import framed

    rng = np.random.default_rng(1)
    crops, labels = [], []
    for index in range(400):
        hand, label = Hand.sample(rng, "ball"), index % 10
        mask = draw_strokes(hand.digit(str(label), rng), 44.0, 1.0, 4.0)
        crops.append(framed((mask * 255).astype(np.uint8)))
        labels.append(label)
        if index < 50:
            path = folder / "digits" / str(label) / f"{index // 10}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), crops[-1])
    np.savez(folder / "digits.npz", images=np.stack(crops), labels=np.array(labels, np.uint8))


def _require_done(done: tuple[int, str], command: str) -> None:
    code, told = done
    if code not in (ExitCode.DONE, ExitCode.PAGES_FAILED):
        raise SystemExit(f"{command}: exit code {code}: {told}")


def check(disk: Disk, case: Case, moments: int) -> list[str]:
    """Run a command with ever more space; what is wrong."""
    prepare(disk, case)
    before = disk.used()
    _require_done(disk.run(case.command, case.code), case.command)
    whole, needs = disk.state(), disk.most - before
    codes, faults = Counter[int](), list[str]()
    for moment in range(moments):
        free = round(needs * (moment / moments) ** 1.5) // _BLOCK * _BLOCK
        prepare(disk, case)
        old = disk.state()
        disk.fill(free)
        code, told = disk.run(case.command, case.code)
        codes[code] += 1
        where = f"{case.name}, {free} bytes free"
        faults += [f"{where}: {one}" for one in _faults(disk, old, whole, code, told)]
        disk.empty()
        code, told = disk.run(case.command, case.code)
        if code:
            faults.append(f"{where}: with space again exit code {code}: {told}")
        else:
            faults += [f"{where}: {name} differs at the end" for name in _differing(disk, whole)]
    counts = ", ".join(f"{count} with code {code}" for code, count in sorted(codes.items()))
    print(f"{case.name}: takes {needs >> 10} KiB; {counts}; {len(faults)} faults", flush=True)
    return faults


def _faults(
    disk: Disk, old: Mapping[str, str], whole: Mapping[str, str], code: int, told: str
) -> list[str]:
    """What a run on a full disk did wrong."""
    faults = list[str]()
    lines = [one for one in told.splitlines() if one.strip()]
    if "Traceback" in told or "a bug" in told:
        faults.append(f"no message but: {told}")
    if code not in (ExitCode.OUTPUT, ExitCode.DONE):
        faults.append(f"exit code {code}: {told}")
    elif code and not (lines and re.search(r"[Ff]ree some space|Check the disk", lines[-1])):
        faults.append(f"the last line says no remedy: {told}")
    now = disk.state()
    for name, digest in now.items():
        done = digest == whole.get(name) or _CHANGING.search(name)
        if ".part" in name or name.startswith("tmp"):
            faults.append(f"{name} is left")
        elif name not in old and not done and not _grows(name):
            faults.append(f"{name} is half written")
        elif old.get(name, digest) != digest and not done and not _grows(name):
            faults.append(f"{name} was changed")
    faults += [f"{name} is gone" for name in old.keys() - now.keys() if not _grows(name)]
    return faults


def _grows(name: str) -> bool:
    """Whether a file grows page by page, and may hold a part: a job, a log, a training's state."""
    return name.endswith((".sqlite", ".sqlite-journal", ".jsonl")) or name.startswith("own/")


def _differing(disk: Disk, whole: Mapping[str, str]) -> list[str]:
    """The results that are not those of an undisturbed run."""
    now = disk.state()
    kept = [name for name in whole if not _CHANGING.search(name) and not _grows(name)]
    return [name for name in kept if now.get(name) != whole[name]]


def _in_name_space() -> None:
    """Start this program once more where it may mount a disk that nobody else sees."""
    if os.environ.get(_IN_NAME_SPACE):
        return
    user = [] if os.geteuid() == 0 else ["--map-root-user"]
    os.environ[_IN_NAME_SPACE] = "1"
    os.execvp("unshare", ["unshare", "--mount", *user, sys.executable, *sys.argv])


def main() -> None:
    """Run all cases and print."""
    _in_name_space()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--moments", type=int, default=8, help="sizes of the disk for each command")
    parser.add_argument("--names", nargs="+", help="only commands whose name holds one of these")
    parser.add_argument("--training", action="store_true", help="commands of TensorFlow as well")
    parser.add_argument("--temporary", action="store_true", help="temporary files there as well")
    given = parser.parse_args()
    faults = list[str]()
    with tempfile.TemporaryDirectory(prefix="formreader-disk-") as folder:
        mount = ["mount", "-t", "tmpfs", "-o", f"size={_DISK_MIB}m", "tmpfs", folder]
        subprocess.run(mount, check=True)
        try:
            disk = Disk(Path(folder), temporary=given.temporary)
            for case in CASES:
                if given.names and not any(name in case.name for name in given.names):
                    continue
                if case.slow and not (given.training or given.names):
                    continue
                faults += check(disk, case, given.moments)
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True)
    if faults:
        raise SystemExit("\n".join(["FAULTS", *faults]))


if __name__ == "__main__":
    main()
