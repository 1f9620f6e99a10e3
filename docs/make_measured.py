"""Make docs/measured.md of the result files: `python docs/make_measured.py [--out FILE]`.

The result files are what the benchmarks in tests/benchmarks write with `--json`, and lie in
tests/benchmarks/results. All must be of the version of this repository. What has no file stands on
the page as not run. A test compares the committed page with what this script makes.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from formreader.core.version import __version__

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "tests" / "benchmarks" / "results"

Figures: TypeAlias = Mapping[str, Any]
"""Figures by name, or rows of figures by name, or tables by name."""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page: the result file's stem, a title, what is measured, and how to run it.

    `command` goes on after `.venv/bin/python tests/benchmarks/`.
    """

    stem: str
    title: str
    what: str
    command: str


BOARD = Section(
    "board",
    "Reading",
    """\
A *value* is all that is written in one row of boxes or in one cell. It is right when each digit is right and none is
missing or added. It is *accepted* when its status is `ok` at the default `--review-below 0.95`, so that nobody looks at
it. The forms are scanned without a template.

- **Blank forms of others, filled by a program**: tax, court, school and benefit forms of Australia, Germany, India,
  the UK and the USA. A program wrote digits of people into their places, and made seven kinds of scans of them: clean,
  in colour, faint, faxed, noisy, photographed, skewed. Neither the forms nor the writers were trained on. All
  writing is known, so that print which is taken for digits is counted, too.
- **Filled forms of others**: real pages as people filled them in, scans and photos. Nothing of them was trained on,
  but rules were mended while looking at the tallies, electoral records and sudokus. New forms may be read less well.
- **Composed forms**: drawn by another program than formreader's own, with MNIST's *training* digits, which the
  networks have seen. They measure finding and cutting. The amounts are those of real cheques, on the patterned paper of
  the cheques; they were not trained on.

A box counts as found from an intersection over union of 0.5.""",
    "board_results.py BOARD.json --data $FORMREADER_SHARED --version VERSION",
)
"""The first section: its first table begins the page."""

SECTIONS = (
    BOARD,
    Section(
        "digits",
        "Single digits",
        """\
Crops of single digits, read one by one by the network that ships, as by `formreader evaluate`. *Right*: the most
probable of the ten digits is the true one, with the exact 95 % confidence interval. *ECE* is the expected calibration
error. No digit of these sets was trained on. optdigits and USPS are the sets' test parts; CVL is by students in
Vienna.""",
        "single_digits.py --data $FORMREADER_SHARED/digits",
    ),
    Section(
        "accuracy",
        "Random forms, drawn",
        """\
Forms that formreader draws at random, of combinations of layout and scan that no network was trained on. *Marks* are
strokes that are no digits.""",
        "accuracy.py --pages 120",
    ),
    Section(
        "accuracy_numbers",
        "Tables of whole numbers, drawn",
        """\
Tables and frames that formreader draws at random in all kinds of scan, filled with MNIST's *test* digits of mixed writers.""",
        "accuracy.py --each --layouts sheet frames --pages 2 --seed 8910000 --digits mnist",
    ),
    Section(
        "throughput",
        "Pages a second",
        "Many A4 pages of 300 dpi, JPEG, about 100 digits each, half of them noisy; memory of all processes together.",
        "throughput.py --parts ratio parent memory",
    ),
    Section(
        "speed",
        "Start and stages",
        """\
The command as people run it, on copies of the samples. Then processor time for an A4 page of 300 dpi in one thread, by
kind of scan: in milliseconds, and all of it over decoding the JPEG.""",
        "speed.py",
    ),
    Section(
        "recogniser",
        "Digits a second",
        "The network alone on the CPU, best of some rounds, against Keras' own `predict`.",
        "recogniser.py",
    ),
    Section(
        "review_loop",
        "Review",
        """\
Drawn pages by as many writers are scanned, reviewed by a program that knows the truth and types in a browser, corrected,
and audited. `correct` is killed at random moments on the way.""",
        "review_loop.py --batches 2 --pages 12 --no-improve",
    ),
    Section(
        "improve",
        "Improve",
        "A drawn writer who is read badly: some of its digits are corrected, then `improve` trains on them.",
        "improve.py",
    ),
    Section(
        "large_report",
        "A large report",
        "A report with very many digits to review, in headless Chromium.",
        "large_report.py",
    ),
    Section(
        "kills",
        "Killed scans",
        "Scans that are killed or stopped at random moments and gone on with: each must write the bytes of one that is not.",
        "kills.py",
    ),
)

PYTHON = ".venv/bin/python tests/benchmarks/"


def read_results(folder: Path) -> dict[str, dict[str, Any]]:
    """The result files by their stems.

    Raises:
        SystemExit: a file is of another version, or of no section.
    """
    results = {}
    for path in sorted(folder.glob("*.json")):
        result = json.loads(path.read_text(encoding="utf-8"))
        if result["version"] != __version__:
            raise SystemExit(
                f"{path.name}: of version {result['version']}, this is {__version__}. Run its benchmark again, or "
                "delete the file: its section is then told as not run"
            )
        if path.stem not in {section.stem for section in SECTIONS}:
            raise SystemExit(f"{path.name}: no section of docs/make_measured.py has this name")
        results[path.stem] = result
    return results


_COMMAND = "```sh\n.venv/bin/python docs/make_measured.py\n```"
"""What makes the page; each page of the docs begins with an example."""


def page(results: Mapping[str, Mapping[str, Any]]) -> str:
    """The page in Markdown."""
    parts = ["# Measured", _COMMAND, *_first(results.get(BOARD.stem))]
    for section in SECTIONS:
        if section.stem in results:
            parts += _section(section, results[section.stem])
    missing = [section for section in SECTIONS if section.stem not in results]
    if missing:
        parts += ["## Not run for this version", "\n".join(_missing(missing))]
    return "\n\n".join(parts) + "\n"


def _first(board: Mapping[str, Any] | None) -> Iterator[str]:
    """What matters most: values on forms that were not drawn by this project."""
    if board is None:
        yield f"How well version {__version__} reads forms of others was not measured."
    else:
        (title, rows), *_ = board["figures"].items()
        yield f"{title}, with version {__version__}:"
        yield "\n".join(_summary(name, row) for name, row in rows.items() if ":" not in name)
        yield (
            "*Accepted* are the values that nobody looks at (status `ok`). [Below](#reading) stands how the forms were "
            "filled and what is counted."
        )
        yield _table("forms", rows)
    yield (
        "This page is made by `docs/make_measured.py` from the result files in `tests/benchmarks/results`, all of version "
        f"{__version__}. No figure is typed by hand, and none is of an older version. \"3 of 420\" are counts: the "
        "fewer there are, the less a share says. \"–\" is what was not counted or cannot occur."
    )


def _summary(name: str, row: Figures) -> str:
    """What became of the values of one set, in a sentence."""
    told = (
        f"- **{name[0].upper()}{name[1:]}**: of {row['values']:,} values, {_of(row['right'])} are right and "
        f"{_of(row['accepted'])} are accepted; {_of(row['accepted but wrong'])} of the accepted are wrong."
    )
    false = row["digits accepted where nobody wrote"]
    return told if false is None else f"{told} Besides, {false:,} digits were accepted where nobody wrote."


def _of(pair: Sequence[int]) -> str:
    """A count and its share, where the whole is told already."""
    return f"{pair[0]:,} ({_percent(*pair)})"


def _percent(part: int, whole: int) -> str:
    """A share in per cent; with two digits where there are enough for these to say something."""
    if not whole:
        return "–"
    share = 100 * part / whole
    return f"{share:.2f} %" if whole >= 1000 and not 1 <= share <= 99 else f"{share:.1f} %"


def _section(section: Section, result: Mapping[str, Any]) -> Iterator[str]:
    """Title, what was measured, when and on what, and the tables."""
    yield f"## {section.title}"
    yield section.what
    yield f"Measured on {result['date']}, {result['machine']}:"
    yield f"```sh\n{PYTHON}{result['command'].removeprefix('tests/benchmarks/')}\n```"
    figures = result["figures"]
    if section is BOARD:  # its first table begins the page
        figures = dict(list(figures.items())[1:])
    yield from _tables(figures)


def _tables(figures: Figures) -> Iterator[str]:
    """Figures alone as a table of two columns, rows of them as a table, tables with their titles."""
    alone = {name: value for name, value in figures.items() if not isinstance(value, dict)}
    rows, tables = {}, {}
    for name, value in figures.items():
        if isinstance(value, dict):
            deep = any(isinstance(one, dict) for one in value.values())
            (tables if deep else rows)[name] = value
    if alone:
        yield _lines(["what", "measured"], [[name, shown(value)] for name, value in alone.items()])
    if rows:
        yield _table("", rows)
    for title, table in tables.items():
        if any(_is_known(value) for row in table.values() for value in row.values()):
            yield f"### {title}"
            yield from _tables(table)


def _table(head: str, rows: Figures) -> str:
    """A table of one row a name, that of all first; a row or column without any figure is left out."""
    ordered = sorted(rows.items(), key=lambda item: item[0] != "all")
    rows = {title: row for title, row in ordered if any(map(_is_known, row.values()))}
    names = list(dict.fromkeys(name for row in rows.values() for name in row))
    known = [name for name in names if any(_is_known(row.get(name)) for row in rows.values())]
    return _lines(
        [head, *known], [[title, *(shown(row.get(name)) for name in known)] for title, row in rows.items()]
    )


def _is_known(value: Any) -> bool:
    return value is not None and value != [0, 0]


def _lines(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows])


def shown(value: Any) -> str:
    """A figure as people read it: counts with their share, numbers with three digits."""
    match value:
        case None | [_, 0]:
            return "–"
        case [part, whole]:
            return f"{part:,} of {whole:,} ({_percent(part, whole)})"
        case float() if abs(value) < 100:
            return f"{value:.3g}"
        case float() | int():
            return f"{value:,.0f}"
    return str(value)


def _missing(sections: Sequence[Section]) -> Iterator[str]:
    """What was not run, and with which command it is."""
    for section in sections:
        yield (
            f"- {section.title}: `{PYTHON}{section.command} --json tests/benchmarks/results/{section.stem}.json`"
        )


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=RESULTS, metavar="FOLDER", help="the result files")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "measured.md", metavar="FILE", help="the page")
    options = parser.parse_args()
    options.out.write_text(page(read_results(options.results)), encoding="utf-8", newline="\n")
    sys.stdout.write(f"{options.out}\n")


if __name__ == "__main__":
    main()
