"""Digits that people checked in a scan's report, as examples to train on.

The table that the report saves says where each box is and what stands in it. The crops are
made anew, by reading the pages as the scan did: only so is a page that lay on its side
turned, a skewed box cut upright, and the number in an open field cut into its digits. The
box of a correction is then told by its place.
"""

from __future__ import annotations

import csv
import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from formreader.batch.page_pool import open_pool
from formreader.batch.page_work import PageTask
from formreader.batch.read_tasks import read_tasks
from formreader.core.classes import CLASSES, NO_CROPS, NOT_A_DIGIT
from formreader.core.errors import NoInputError
from formreader.core.geometry import Box
from formreader.core.options import ScanOptions
from formreader.core.records import InputFile, PageCrops
from formreader.core.stopwatch import Stopwatch
from formreader.input.input_files import list_files
from formreader.output.table import whole_pixels
from formreader.recognise.load_recogniser import load_recogniser
from formreader.training.data.examples import Examples, joined

COLUMNS = ("file", "page", "x", "y", "width", "height", "digit")
"""What is needed of the columns of corrections.csv."""

_MARKS = ("", "?")
"""What stands in `digit` for a box that was marked as blank, and as unreadable."""

_SAME_BOX = 0.5
"""Intersection over union from which a box is found again, as wherever boxes are measured: with
the version that scanned it is 1, and with a later one a box may be found a little aside."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Correction:
    """What a person saw in a box: `label` is 0-9, or 10 where it is no digit or blank.

    `file` is the name in the results, `page` is 0-based, `box` in whole pixels of the page.
    """

    file: str
    page: int
    box: Box
    label: int


def load_corrections(path: Path) -> Examples:
    """The crops of the digits that were checked in a scan's report.

    A box marked as blank or as unreadable is an example of what is no digit. Boxes in which
    no ink is found are left out.

    Args:
        path: corrections.csv as the report saved it, put into the folder that was scanned
            or one above it.

    Raises:
        NoInputError: it is no such table or there is nothing to learn from in it, or a
            page is missing, cannot be told from another, or cannot be read.
        ModelError: the model that ships with the program, which reads the pages, is damaged.
    """
    corrections = read_corrections(path)
    parts, unmatched = list[Examples](), 0
    for page, corrected in _pages_again(path, corrections):
        examples, lost = _examples(page, corrected)
        parts.append(examples)
        unmatched += lost
    if unmatched:
        _log.warning("%s: %d of %d boxes are not found again", path, unmatched, len(corrections))
    if not any(map(len, parts)):
        raise NoInputError(
            f"{path}: none of its {len(corrections)} boxes is found again with ink in it. Scan "
            "the pages with this version of formreader, and check digits in the new report."
        )
    return joined(*parts)


def read_corrections(path: Path) -> list[Correction]:
    """The rows of a corrections.csv, at least one.

    Raises:
        NoInputError: the file cannot be read, lacks columns or rows, or has a row that is wrong.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:  # spreadsheets add a mark
            reader = csv.DictReader(stream)
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise NoInputError(
                    f"{path}: has no column {', '.join(missing)}. Give the corrections.csv that "
                    "the report of `formreader scan` saved, as it was saved."
                )
            corrections = [_correction(path, reader.line_num, row) for row in reader]
    except (OSError, UnicodeError, csv.Error) as error:
        cause = getattr(error, "strerror", None) or str(error)
        raise NoInputError(
            f"{path}: the corrections cannot be read ({cause}). Save them again in the report."
        ) from error
    if not corrections:
        raise NoInputError(
            f"{path}: holds no corrections. Check digits in the report, then save with S."
        )
    return corrections


def _correction(path: Path, line: int, row: Mapping[str, str]) -> Correction:
    """One row, whose cells are None where the line is too short."""
    try:
        page = int(row["page"])
        if not row["file"] or page < 1:
            raise ValueError("it names no page")
        left, top, width, height = (int(row[side]) for side in ("x", "y", "width", "height"))
        return Correction(
            PurePosixPath(row["file"]).as_posix(),
            page - 1,
            Box(left, top, width, height),
            _label(row["digit"]),
        )
    except (TypeError, ValueError) as error:
        raise NoInputError(
            f"{path}, line {line}: {error}. Mend or delete the line, or save again in the report."
        ) from error


def _label(digit: str) -> int:
    if digit in _MARKS:
        return NOT_A_DIGIT
    if digit not in CLASSES[:NOT_A_DIGIT]:
        raise ValueError(f"`digit` must be 0 to 9, ? or nothing. Received: {digit}")
    return CLASSES.index(digit)


def find_files(folder: Path, names: Iterable[str]) -> dict[str, InputFile]:
    """The files that a scan's results name, in `folder` or else in any folder below it.

    Raises:
        NoInputError: some are in none of these folders, or one is in several.
    """
    wanted = sorted(names)
    places = {name: [folder / name] for name in wanted if (folder / name).is_file()}
    if len(places) < len(wanted):
        places = _places_below(folder, wanted) | places
    missing = [name for name in wanted if name not in places]
    if missing:
        raise NoInputError(
            f"{folder}: {len(missing)} of {len(wanted)} page files are not there, the first is "
            f"{missing[0]}. Put corrections.csv into the folder that was scanned."
        )
    for name, found in places.items():
        if len(found) > 1:
            raise NoInputError(
                f"{name} may be {' or '.join(map(str, found))}. "
                "Put corrections.csv into the folder that was scanned."
            )
    return {name: InputFile(str(place), name) for name, (place,) in places.items()}


def _places_below(folder: Path, names: Iterable[str]) -> dict[str, list[Path]]:
    """The files below `folder` whose path ends with one of `names`; none where there is none."""
    with_ending = defaultdict[str, list[InputFile]](list)
    with suppress(NoInputError):
        for file in list_files([str(folder)]).files:
            with_ending[PurePosixPath(file.label).name].append(file)
    places = {
        name: [
            Path(file.path)
            for file in with_ending[PurePosixPath(name).name]
            if f"/{file.label}".endswith(f"/{name}")
        ]
        for name in names
    }
    return {name: found for name, found in places.items() if found}


def _pages_again(
    path: Path, corrections: Sequence[Correction]
) -> Iterator[tuple[PageCrops, list[Correction]]]:
    """Each page of the corrections, as a scan with its defaults reads it, with those on it."""
    files = find_files(path.parent, {correction.file for correction in corrections})
    by_page = defaultdict[PageTask, list[Correction]](list)
    for correction in corrections:
        by_page[PageTask(files[correction.file], correction.page)].append(correction)
    for page, corrected in zip(_read_again(list(by_page)), by_page.values(), strict=True):
        if page.error:
            raise NoInputError(
                f"{path}: {page.file}, page {page.number + 1}: {page.error}. "
                "Put the file there as it was scanned, or delete its rows."
            )
        yield page, corrected


def _read_again(tasks: Sequence[PageTask]) -> Iterator[PageCrops]:
    """The pages of `tasks`, found, turned and cut as a scan does."""
    options = ScanOptions(paths=())
    recogniser = load_recogniser(options.model, "cpu", options.batch)
    with open_pool(options.workers, len(tasks), options.page_timeout) as pool:
        for page, _ in read_tasks(tasks, pool, recogniser, options, Stopwatch()):
            yield page


def _examples(page: PageCrops, corrections: Sequence[Correction]) -> tuple[Examples, int]:
    """The crops with ink of the boxes corrected, and how many of the boxes the page lacks."""
    places = [Box(*whole_pixels(box.box)) for box in page.boxes]
    crops = np.concatenate([NO_CROPS, *(field.crops for field in page.fields)])
    blank = [bool(is_blank) for field in page.fields for is_blank in field.blank]
    chosen, labels, unmatched = list[int](), list[int](), 0
    for correction in corrections:
        overlaps = [correction.box.overlap(place) for place in places]
        best = int(np.argmax(overlaps)) if overlaps else 0
        if not overlaps or overlaps[best] < _SAME_BOX:
            unmatched += 1
        elif not blank[best]:
            chosen.append(best)
            labels.append(correction.label)
    return Examples(crops[chosen], np.array(labels, np.uint8)), unmatched
