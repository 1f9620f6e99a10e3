"""From doubt to a certified table, played through: `python tests/benchmarks/review_loop.py`.

Renders forms by several hands, scans them, has an oracle that knows the truth answer all of the
report, puts that into the table by `formreader correct`, draws an audit, has the oracle answer it,
and scans again. Prints digits wrong before and after, the errors that the confidences of accepted
digits expect against the true ones, keys pressed, and the audit's bound against the truth. Then
kills `correct` at random moments: each time the table must be the old or the new one, and the
same command must finish. Exit code 1 where anything of this fails.

Boxes that were found where no true one is, and numbers in cells, are left out of all counts: the
oracle calls what is read there right.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from accuracy import render_pages
from scoring import MIN_OVERLAP, Row, overlaps

import formreader

_HEADER = "file,page,field,box,x,y,width,height,guess,confidence,digit,value,job"
_RECORD = re.compile(r'<script type="application/json">(\["[^\n]*?)</script><script')
_JOB = re.compile(r'id="job">"(\w+)"')
_SIDES = ("x", "y", "width", "height")


def command(*arguments: str | Path | int) -> subprocess.Popen[str]:
    """The program, begun."""
    environment = os.environ | {"PYTHONPATH": str(Path(formreader.__file__).parents[1])}
    return subprocess.Popen(
        [sys.executable, "-m", "formreader", *map(str, arguments)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(*arguments: str | Path | int) -> str:
    """Run the program; return its messages, or end with them where it fails."""
    process = command(*arguments)
    _, told = process.communicate()
    if process.returncode not in (0, 10):
        raise SystemExit(f"FAULT: {arguments[0]}: {told}")
    return told


def require(kept: bool, fault: str) -> None:
    if not kept:
        raise SystemExit(f"FAULT: {fault}")


class Oracle:
    """Someone who knows what stands in each box."""

    def __init__(self, truth: list[Row]) -> None:
        self._pages: dict[str, list[Row]] = {}
        for row in truth:
            self._pages.setdefault(row["file"], []).append(row)

    def symbol(self, box: Row) -> str | None:
        """What stands in a box of the results: a digit, "" or "?"; None where there is no box."""
        true = self._pages[box["file"]]
        shared = overlaps(true, [box])[:, 0]
        best = int(shared.argmax())
        if shared[best] < MIN_OVERLAP or true[best]["open"]:
            return None
        symbol = true[best]["digit"]
        return symbol if symbol in ("", *"0123456789") else "?"

    def answer(
        self, report: Path, out: Path, asked: Callable[[list[Any]], bool], read: list[Row]
    ) -> int:
        """Answer the boxes of a report that are `asked`; return the number of keys pressed.

        `read` is what the table says, where the oracle knows no better.
        """
        known = {(row["file"], row["field"], row["box"]): row["digit"] for row in read}
        page = report.read_text(encoding="utf-8")
        (job,) = _JOB.findall(page)
        keys = 0
        with out.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow(_HEADER.split(","))
            for record in map(json.loads, _RECORD.findall(page)):
                file, number, field, _, boxes = record[:5]
                for i, box in enumerate(boxes, 1):
                    if not asked(box):
                        continue
                    place = dict(zip(_SIDES, map(str, box), strict=False))
                    said = self.symbol({"file": file} | place)
                    said = known[file, str(field), str(i)] if said is None else said
                    writer.writerow(
                        [file, number, field, i, *box[:4], box[4], f"{box[5]:.4f}", said, "", job]
                    )
                    keys += 1
        return keys


def digits(table: Path) -> list[Row]:
    """The rows of boxes of a table of digits."""
    with table.open(newline="", encoding="utf-8") as stream:
        return [row for row in csv.DictReader(stream) if row["field"] != "0"]


def wrong(rows: list[Row], oracle: Oracle) -> list[Row]:
    """The rows that do not say what stands in a true box."""
    return [row for row in rows if oracle.symbol(row) not in (None, row["digit"])]


def review(place: Path, oracle: Oracle) -> None:
    """Scan, review, correct, and scan again."""
    table = place / "results.csv"
    scan = ("scan", place / "pages", "--out", table, "--rows", "digit", "--quiet")
    run(*scan)
    before = digits(table)
    accepted = [row for row in before if row["status"] == "ok" and oracle.symbol(row) is not None]
    errors = wrong(accepted, oracle)
    expected = sum(1 - float(row["confidence"]) for row in accepted)
    print(
        f"{len(before)} boxes; {len(accepted)} digits accepted: {expected:.1f} of them expected to "
        f"be wrong, {len(errors)} are; {len(wrong(before, oracle))} boxes wrong before review"
    )
    report = table.with_suffix(".html")
    keys = oracle.answer(report, place / "corrections.csv", lambda box: box[6] == "review", before)
    print(f"reviewed with {keys} keys, {keys / len({row['file'] for row in before}):.1f} a page")
    kill_corrections(place, table)
    after = digits(table)
    left = wrong(after, oracle)
    require(not any(row["status"] == "review" for row in after), "something is left to review")
    require(len(left) <= len(errors) + len(wrong_blanks(before, oracle)), "review made it worse")
    print(f"{len(left)} boxes wrong after it")
    corrected = table.read_bytes()
    run(*scan)
    require(table.read_bytes() == corrected, "a scan that goes on lost answers")


def wrong_blanks(rows: list[Row], oracle: Oracle) -> list[Row]:
    return wrong([row for row in rows if row["status"] == "blank"], oracle)


def kill_corrections(place: Path, table: Path, kills: int = 8) -> None:
    """Kill `correct` at random moments, from the same state each time; then let it finish."""
    names = ("results.csv", "results.html", "results.sqlite")
    old = {name: (place / name).read_bytes() for name in names}
    began = time.perf_counter()
    run("correct", place / "corrections.csv")
    seconds, new = time.perf_counter() - began, table.read_bytes()
    moments = random.Random(1)
    olds = 0
    for _ in range(kills):
        for name, content in old.items():
            (place / name).write_bytes(content)
        (place / "results.sqlite-journal").unlink(missing_ok=True)
        process = command("correct", place / "corrections.csv")
        time.sleep(moments.uniform(0.3, 1) * seconds)
        process.kill()
        process.communicate()
        require(table.read_bytes() in (old["results.csv"], new), "a kill left half a table")
        olds += table.read_bytes() == old["results.csv"]
        run("correct", place / "corrections.csv")
        require(table.read_bytes() == new, "correct did not finish after a kill")
    print(f"{kills} kills of correct: {olds} left the old table, {kills - olds} the new one")


def audit(place: Path, oracle: Oracle, sample: int) -> None:
    """Draw a sample, answer it, and compare the bound with the truth."""
    table = place / "results.csv"
    run("audit", table, "--sample", sample)
    read = digits(table)
    keys = oracle.answer(place / "results.audit.html", place / "audit.csv", lambda _: True, read)
    told = run("audit", table, "--answers", place / "audit.csv")
    fields: dict[tuple[str, str], list[Row]] = {}
    for row in read:
        fields.setdefault((row["file"], row["field"]), []).append(row)
    truly = sum(
        bool(wrong(rows, oracle))
        for rows in fields.values()
        if {row["status"] for row in rows} <= {"ok", "blank"}
        and any(row["status"] == "ok" for row in rows)
    )
    print(*told.splitlines()[-2:], sep="\n")
    print(f"truly wrong: {truly} of the accepted fields; {keys} keys for the audit")


def main() -> None:
    """Render, review, correct, kill, audit, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pages", type=int, default=24)
    parser.add_argument("--seed", type=int, default=7000)
    parser.add_argument("--sample", type=int, default=120, help="fields of the audit")
    options = parser.parse_args()
    options.digits, options.each = "strokes", False
    with tempfile.TemporaryDirectory(prefix="formreader-review-") as folder:
        place = Path(folder)
        (place / "pages").mkdir()
        oracle = Oracle(render_pages(place / "pages", options))
        review(place, oracle)
        audit(place, oracle, options.sample)


if __name__ == "__main__":
    main()
