"""From doubt to a certified table, played through: `python tests/benchmarks/review_loop.py`.

Renders batches of forms, each page by a hand of its own. Of each batch: scans it, has an oracle
that knows the truth answer all of the report in headless Chromium, once one by one and once on
walls, puts that into the table by `formreader correct`, kills that at random moments (each time the
table must be the old or the new one, and the same command must finish), draws an audit and has the
oracle answer it. Then `formreader improve` learns from all batches, and pages that nobody has
corrected are scanned with the model before and, if one was handed over, with the one after it.
Prints digits wrong before and after, the share accepted, the errors that confidences expect against
the true ones, keys pressed, the time from a key to the next crop, and the audit's bound against the
truth. Exit code 1 where a promise is broken: table and kills, more than one key a digit, walls that
cost more keys, errors among all accepted digits by far more than expected, or a model handed over
that accepts fewer digits or errs more than expected on the other pages.

Boxes that were found where no true one is, and numbers in cells, are left out of all counts: the
oracle calls what is read there right.
"""

from __future__ import annotations

import argparse
import csv
import math
import os
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from accuracy import render_pages
from headless import chromium
from result_file import Figure, Figures, add_json_option, write_result
from scoring import MIN_OVERLAP, Row, overlaps
from selenium import webdriver

import formreader

_FAR = 3.0
"""Standard deviations by which errors may exceed what confidences expect: chance alone does it once
in some hundred batches, as few errors are expected."""

_SIDES = ("x", "y", "width", "height")

# [key of the field, box, file, number of the field, place of the box] of all that is asked.
_ASKED = """
const done = arguments[0];
(async () => {
    const { review } = await session, asked = [];
    for (const field of review.fields) {
        if (!field.loaded) await parts.load(field.part);
        for (const i of field.review) {
            const { x, y, width, height } = field.boxes[i];
            asked.push([field.key, i, field.file, field.number, x, y, width, height]);
        }
    }
    done([asked, review.expected]);
})();
"""

# Someone presses the keys that a report needs. `truth` is the answer of each box, by key and box.
# One by one: the time of a key is until the next crop is drawn. On walls: a tile is pointed at.
_PLAY = """
const [truth, walls, done] = arguments;
const drawn = () => new Promise((resolve) => requestAnimationFrame(() => {
    const channel = new MessageChannel();
    channel.port1.onmessage = resolve;
    channel.port2.postMessage(0);
}));
(async () => {
    const played = await session, { review, one } = played, times = [];
    let keys = 0;
    const press = (key) => {
        keys += 1;
        document.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
    };
    const said = (field, i) => truth[`${field.key}/${i}`];
    const keyOf = (answer) => ({ [BLANK]: "b", [UNREADABLE]: "u" })[answer] ?? answer;
    if (walls) {
        press("w");
        await played.walls.ready;
        while (played.walls.wall.items.length > 0) {
            const { wall } = played.walls;
            wall.items.forEach((item, i) => {
                const answer = said(item.field, item.box);
                if (answer === wall.group) return;
                played.walls.choose(i);
                press(keyOf(answer));
            });
            press("Enter");
            await played.walls.ready;
        }
        press("Escape");
    }
    while (!review.done) {
        const { field, box } = review, open = field.open(), began = performance.now();
        const right = said(field, box) === field.guessAsAnswer(box) && !BLIND;
        const noNumber = open.length > 1 && open.length === field.boxes.length &&
            open.every((i) => said(field, i) === UNREADABLE);
        press(noNumber ? "n" : right ? "Enter" : keyOf(said(field, box)));
        while (one.busy) await new Promise((resolve) => setTimeout(resolve));
        await drawn();
        times.push(performance.now() - began);
    }
    const text = await correctionsCsv(review.fields, review.job);
    review.markUnsaved(false);
    done([keys, times, text]);
})();
"""


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

    def answer(self, page: Page, read: list[Row], *, walls: bool = False) -> Played:
        """Answer all that a report asks, from its beginning.

        `read` is what the table says, where the oracle knows no better.
        """
        known = {(row["file"], row["field"], row["box"]): row["digit"] for row in read}
        asked, expected = page.opened()
        truth = dict[str, str]()
        for key, i, file, number, *place in asked:
            said = self.symbol({"file": file} | dict(zip(_SIDES, map(str, place), strict=True)))
            said = known[file, str(number), str(i + 1)] if said is None else said
            truth[f"{key}/{i}"] = said or "_"
        keys, times, text = page.browser.execute_async_script(_PLAY, truth, walls)
        return Played(len(asked), keys, sorted(times), text, expected)


@dataclass(frozen=True, slots=True)
class Page:
    """A report in a browser."""

    browser: webdriver.Chrome
    path: Path

    def opened(self) -> Any:
        """Open it without answers; return what it asks, and how many values it calls wrong."""
        self.browser.get(self.path.as_uri())
        self.browser.execute_script("localStorage.clear()")
        self.browser.get(self.path.as_uri())
        return self.browser.execute_async_script(_ASKED)


@dataclass(frozen=True, slots=True)
class Played:
    """What came of a review: digits asked, keys pressed, times in ms, and its corrections.csv.

    `expected` is how many values the report said to be wrong before it.
    """

    digits: int
    keys: int
    times: list[float]
    text: str
    expected: float


@dataclass(frozen=True, slots=True)
class Accepted:
    """Digits accepted of those in true boxes; of these wrong ones, and as confidences expect."""

    digits: int = 0
    accepted: int = 0
    wrong: int = 0
    expected: float = 0.0
    variance: float = 0.0

    def __add__(self, other: Accepted) -> Accepted:
        return Accepted(
            self.digits + other.digits,
            self.accepted + other.accepted,
            self.wrong + other.wrong,
            self.expected + other.expected,
            self.variance + other.variance,
        )

    @property
    def surprise(self) -> float:
        """How far the errors are above the expected ones, in standard deviations."""
        return (self.wrong - self.expected) / max(math.sqrt(self.variance), 1e-9)

    def __str__(self) -> str:
        return (
            f"{self.accepted} of {self.digits} digits accepted "
            f"({self.accepted / max(self.digits, 1):.1%}), {self.expected:.1f} of these expected "
            f"to be wrong, {self.wrong} are ({self.surprise:+.1f} standard deviations)"
        )


def accepted(rows: list[Row], oracle: Oracle) -> Accepted:
    """What a scan accepts of the digits that were written, before anybody looks at it."""
    written = [row for row in rows if oracle.symbol(row) not in (None, "")]
    ok = [row for row in rows if row["status"] == "ok" and oracle.symbol(row) is not None]
    chances = [1 - float(row["confidence"]) for row in ok]
    variance = sum(chance * (1 - chance) for chance in chances)
    return Accepted(len(written), len(ok), len(wrong(ok, oracle)), sum(chances), variance)


def digits(table: Path) -> list[Row]:
    """The rows of boxes of a table of digits."""
    with table.open(newline="", encoding="utf-8") as stream:
        return [row for row in csv.DictReader(stream) if row["field"] != "0"]


def wrong(rows: list[Row], oracle: Oracle) -> list[Row]:
    """The rows that do not say what stands in a true box."""
    return [row for row in rows if oracle.symbol(row) not in (None, row["digit"])]


def review(
    place: Path, oracle: Oracle, browser: webdriver.Chrome, figures: dict[str, Figure]
) -> Accepted:
    """Scan, review, correct, and go on with the scan; return what it accepted by itself."""
    table = place / "results.csv"
    scan = ("scan", place / "pages", "--out", table, "--rows", "digit", "--quiet")
    run(*scan)
    before = digits(table)
    found = accepted(before, oracle)
    for row in wrong([row for row in before if row["status"] == "ok"], oracle):
        said = f"{row['digit']!r}, is {oracle.symbol(row)!r}"
        print(f"accepted: {row['file']}, field {row['field']}, box {row['box']}: read {said}")
    print(f"{len(before)} boxes, {len(wrong(before, oracle))} wrong before review; {found}")
    page = Page(browser, table.with_suffix(".html"))
    pages = len({row["file"] for row in before})
    walls, single = (oracle.answer(page, before, walls=walls) for walls in (True, False))
    require(sorted(walls.text.split()) == sorted(single.text.split()), "walls say something else")
    for name, played in (("one by one", single), ("on walls", walls)):
        print(
            f"{played.digits} digits {name}: {played.keys} keys, {played.keys / pages:.1f} a page, "
            f"{played.keys / played.digits:.2f} a digit"
        )
    require(single.keys <= single.digits, "one by one takes more than a key a digit")
    require(walls.keys < single.keys, "walls take more keys")
    late = single.times[int(0.99 * len(single.times))]
    print(
        f"from a key to the next crop: {single.times[len(single.times) // 2]:.0f} ms (median), "
        f"{late:.0f} (99 %), {single.times[-1]:.0f} at most"
    )
    wrong_values = {
        (row["file"], row["field"])
        for row in before
        if row["status"] == "review" and (row["digit"] == "?" or wrong([row], oracle))
    }
    print(
        f"values to review that are wrong or unread: {single.expected:.1f} expected, "
        f"{len(wrong_values)} are"
    )
    (place / "corrections.csv").write_text(single.text, encoding="utf-8")
    olds, kills = kill_corrections(place, table)
    after = digits(table)
    left = wrong(after, oracle)
    require(not any(row["status"] == "review" for row in after), "something is left to review")
    require(len(left) <= found.wrong + len(wrong_blanks(before, oracle)), "review made it worse")
    print(f"{len(left)} boxes wrong after it")
    figures |= {
        "pages": pages,
        "digits accepted by the scan": [found.accepted, found.digits],
        "accepted and expected to be wrong": found.expected,
        "accepted but wrong": [found.wrong, found.accepted],
        "digits to review": single.digits,
        "keys a digit, one by one": single.keys / single.digits,
        "keys a digit, on walls": walls.keys / walls.digits,
        "values to review expected to be wrong or unread": single.expected,
        "values to review that are wrong or unread": len(wrong_values),
        "boxes wrong before the review": len(wrong(before, oracle)),
        "boxes wrong after it": len(left),
        "kills of correct that left the old table": [olds, kills],
        "kills of correct that left the new table": [kills - olds, kills],
        "key to next crop, median, ms": single.times[len(single.times) // 2],
        "key to next crop, 99 %, ms": late,
    }
    corrected = table.read_bytes()
    run(*scan)
    require(table.read_bytes() == corrected, "a scan that goes on lost answers")
    return found


def wrong_blanks(rows: list[Row], oracle: Oracle) -> list[Row]:
    return wrong([row for row in rows if row["status"] == "blank"], oracle)


def kill_corrections(place: Path, table: Path, kills: int = 8) -> tuple[int, int]:
    """Kill `correct` at random moments, from the same state each time; then let it finish.

    Returns how many of the kills left the old table, and how many there were.
    """
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
    return olds, kills


def audit(place: Path, oracle: Oracle, browser: webdriver.Chrome, sample: int) -> None:
    """Draw a sample, answer it, and compare the bound with the truth."""
    table = place / "results.csv"
    run("audit", table, "--sample", sample)
    read = digits(table)
    played = oracle.answer(Page(browser, place / "results.audit.html"), read)
    (place / "audit.csv").write_text(played.text, encoding="utf-8")
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
    print(f"truly wrong: {truly} of the accepted fields; {played.keys} keys for the audit")


def improve(place: Path, tables: list[Path], others: Path, oracle: Oracle) -> None:
    """Learn from all corrections; scan other pages with the model before and after."""
    began = time.perf_counter()
    print(run("improve", *tables, "--out", place / "own", "--quiet").strip())
    print(f"improve took {time.perf_counter() - began:.0f} s")
    models = ["digits", *(str(one) for one in [place / "own"] if one.is_dir())]
    told = list[Accepted]()
    for model in models:
        table = place / f"{Path(model).name}.csv"
        scan = ("--out", table, "--rows", "digit", "--report", "none", "--model", model)
        run("scan", others, *scan, "--quiet")
        told.append(accepted(digits(table), oracle))
        print(f"other pages, {Path(model).name}: {told[-1]}")
    require(told[-1].accepted >= told[0].accepted, "the new model accepts less")
    require(told[-1].wrong <= told[0].wrong or told[-1].surprise <= _FAR, "the new model errs")


def batch(folder: Path, pages: int, seed: int) -> Oracle:
    """Fill a folder with forms, each by a hand of its own."""
    folder.mkdir(parents=True)
    options = argparse.Namespace(digits="strokes", each=False, pages=pages, seed=seed)
    return Oracle(render_pages(folder, options))


def main() -> None:
    """Render, review, correct, kill, audit, improve, scan again, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--batches", type=int, default=3)
    parser.add_argument("--pages", type=int, default=24, help="of each batch, and of the others")
    parser.add_argument("--seed", type=int, default=7000)
    parser.add_argument("--sample", type=int, default=120, help="fields of each audit")
    parser.add_argument("--no-improve", action="store_true", help="without the training")
    add_json_option(parser)
    options = parser.parse_args()
    batches: dict[str, dict[str, Figure]] = {}
    seeds = range(options.seed, options.seed + 1000 * options.batches, 1000)
    with tempfile.TemporaryDirectory(prefix="formreader-review-") as folder:
        home, total = Path(folder), Accepted()
        browser = chromium(home / "profile")
        browser.set_script_timeout(110)
        try:
            for seed in seeds:
                print(f"batch {seed}")
                place = home / str(seed)
                oracle = batch(place / "pages", options.pages, seed)
                reviewed: dict[str, Figure] = {}
                total += review(place, oracle, browser, reviewed)
                batches[f"batch {len(batches) + 1}"] = reviewed
                audit(place, oracle, browser, options.sample)
        finally:
            browser.quit()
        print(f"all batches: {total}")
        names = next(iter(batches.values()))
        figures: Figures = {
            name: {batch: reviewed[name] for batch, reviewed in batches.items()} for name in names
        }
        write_result(options.json, figures)
        if not options.no_improve:
            oracle = batch(home / "others", options.pages, seeds.stop)
            tables = [home / str(seed) / "results.csv" for seed in seeds]
            improve(home, tables, home / "others", oracle)
        require(total.surprise <= _FAR, "far more is wrong than expected")


if __name__ == "__main__":
    main()
