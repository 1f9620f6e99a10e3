"""Read pages with the new core: `python tests/benchmarks/look_board.py FOLDER --out R.csv`.

Writes a table with a row for each digit, as `formreader scan FOLDER --rows digit` does with the old
core, so that both can be scored alike. Pages must lie upright. Scans do not use the new core yet;
see "The new core" in docs/architecture.md.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from pathlib import Path

from formreader.batch.page_work import keep_to_one_thread
from formreader.core.errors import PageError
from formreader.core.options import ScanOptions
from formreader.core.records import InputFile, PageReading
from formreader.core.stopwatch import Stopwatch
from formreader.input.open_page import read_page
from formreader.look.look_page import crop_page
from formreader.recognise.load_recogniser import load_recogniser
from formreader.recognise.page_reading import read_pages
from formreader.recognise.recogniser import Recogniser

COLUMNS = (
    "file", "page", "field", "box", "x", "y", "width", "height", "digit", "confidence", "status",
)  # fmt: skip
SUFFIXES = {".png", ".jpg", ".jpeg", ".tif", ".tiff"}


@cache
def recogniser() -> Recogniser:
    """The network for digits, loaded once per process."""
    return load_recogniser(threads=1)


def read(path: Path, folder: Path) -> PageReading | None:
    """Read the first page of a file; None where it cannot be read."""
    file = InputFile(str(path), path.relative_to(folder).as_posix())
    try:
        cropped = crop_page(read_page(file, 0))
    except PageError as error:
        print(error)
        return None
    ((_, reading),) = read_pages([cropped], recogniser(), ScanOptions(paths=()), Stopwatch())
    return reading


def rows(reading: PageReading) -> Iterator[list[object]]:
    """The rows of a page."""
    for field, one in enumerate(reading.fields, start=1):
        for number, digit in enumerate(one.digits, start=1):
            box = digit.box
            sides = [f"{side:.1f}" for side in (box.left, box.top, box.width, box.height)]
            what = "" if digit.digit is None else digit.digit
            place = [reading.file, reading.number + 1, field, number, *sides]
            yield [*place, what, f"{digit.confidence:.4f}", digit.status]


def main() -> None:
    """Read all pages of a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    files = sorted(path for path in options.folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    with (
        ProcessPoolExecutor(initializer=keep_to_one_thread) as pool,
        options.out.open("w", newline="") as out,
    ):
        table = csv.writer(out)
        table.writerow(COLUMNS)
        for reading in pool.map(partial(read, folder=options.folder), files):
            if reading is not None:
                table.writerows(rows(reading))


if __name__ == "__main__":
    main()
