"""Digits that people checked in a scan's report, as examples to train on.

The table that the report saves gives the place of each box and what a person saw in it. The
pages are read again as the scan read them: that turns sideways pages, cuts skewed boxes upright
and splits the number in a cell into its digits. Each correction then gets the crop of the box at
its place.
"""

from __future__ import annotations

import logging
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path, PurePath, PurePosixPath

import numpy as np

from formreader.batch.page_pool import open_pool
from formreader.core.classes import NO_CROPS
from formreader.core.errors import NoInputError
from formreader.core.geometry import Box
from formreader.core.options import ScanOptions
from formreader.core.records import InputFile, PageCrops
from formreader.core.stopwatch import Stopwatch
from formreader.input.input_files import list_files
from formreader.output.table import whole_pixels
from formreader.reading.page_task import PageTask
from formreader.recognise.load_recogniser import load_recogniser
from formreader.review.corrections_file import Correction, read_corrections, shown
from formreader.training.data.examples import Examples, joined

_MIN_SAME_BOX_OVERLAP = 0.5
"""Intersection over union from which two boxes are the same, as wherever boxes are measured. With
the version that made the scan it is 1; a later version may shift boxes a little."""

_MAX_LISTED_PLACES = 3
"""Places of a file that a message lists."""

_log = logging.getLogger(__name__)


def load_corrections(path: Path, root: Path | None = None) -> Examples:
    """Load the crops of the digits that were checked in a scan's report.

    A box marked as blank or as unreadable is an example of a non-digit. Boxes without ink are
    left out.

    Args:
        path: corrections.csv as the report saved it, in the folder that was scanned or in one
            above it.
        root: folder that pages may lie in as well; none other than that of `path` if None.

    Raises:
        NoInputError: the table is damaged or none of its boxes is found again, or a page is
            missing, ambiguous or unreadable.
        ModelError: the shipped model, which reads the pages again, is damaged.
    """
    corrections = [row for row in read_corrections(path) if row.value is None]
    parts, unmatched = list[Examples](), 0
    for page, on_page in _corrected_pages(path, root, corrections):
        examples, lost = _examples(page, on_page)
        parts.append(examples)
        unmatched += lost
    if unmatched:
        _log.warning("%s: %d of %d boxes were not found again", path, unmatched, len(corrections))
    if not any(map(len, parts)):
        raise NoInputError(
            f"{path}: none of its {len(corrections)} boxes is found again with ink in it. Scan "
            "the pages with this version of formreader, and check digits in the new report."
        )
    return joined(*parts)


def find_files(
    folder: Path, names: Iterable[str], root: Path | None = None
) -> dict[str, InputFile]:
    """Find the files that a scan's results name, in `folder` or else in any folder below it.

    A name that leads out of `folder` is refused, unless the file is somewhere in `root`. Links in
    `folder` are followed, as by a scan.

    Raises:
        NoInputError: a file is in none of these folders, or in several.
    """
    wanted = sorted(names)
    for name in wanted:
        _check_place(folder, name, root)
    places = {name: [folder / name] for name in wanted if os.path.isfile(folder / name)}
    if len(places) < len(wanted):
        places = _places_below(folder, wanted) | places
    missing = [name for name in wanted if name not in places]
    if missing:
        raise NoInputError(
            f"{folder}: {len(missing)} of {len(wanted)} page files are not there, the first is "
            f"{shown(missing[0])}. Put corrections.csv into the folder that was scanned."
        )
    for name, found in places.items():
        if len(found) > 1:
            raise NoInputError(
                f"{shown(name)} may be {' or '.join(map(str, found[:_MAX_LISTED_PLACES]))}. "
                "Put corrections.csv into the folder that was scanned."
            )
    return {name: InputFile(str(place), name) for name, (place,) in places.items()}


def _check_place(folder: Path, name: str, root: Path | None) -> None:
    """Refuse the name of a file that lies neither in `folder` nor in `root`.

    Raises:
        NoInputError: it does not.
    """
    path = PurePath(name)
    if not path.is_absolute() and ".." not in path.parts:
        return
    if root is not None:
        with suppress(OSError, ValueError):  # names that no file can have
            if (folder / name).resolve().is_relative_to(root.resolve()):
                return
    raise NoInputError(
        f"{shown(name)}: it is not in {root or folder}. Put corrections.csv into the folder "
        "that was scanned, or allow the pages' folder with train --root"
    )


def _places_below(folder: Path, names: Iterable[str]) -> dict[str, list[Path]]:
    """The files below `folder` whose path ends with one of `names`, by name."""
    by_last_part = defaultdict[str, list[InputFile]](list)
    with suppress(NoInputError):
        for file in list_files([str(folder)]).files:
            by_last_part[PurePosixPath(file.label).name].append(file)
    places = {
        name: [
            Path(file.path)
            for file in by_last_part[PurePosixPath(name).name]
            if f"/{file.label}".endswith(f"/{name}")
        ]
        for name in names
    }
    return {name: found for name, found in places.items() if found}


def _corrected_pages(
    path: Path, root: Path | None, corrections: Sequence[Correction]
) -> Iterator[tuple[PageCrops, list[Correction]]]:
    """Each corrected page, read again as by a scan with default options, with its corrections."""
    files = find_files(path.parent, {correction.file for correction in corrections}, root)
    by_page = defaultdict[PageTask, list[Correction]](list)
    for correction in corrections:
        by_page[PageTask(files[correction.file], correction.page)].append(correction)
    for page, on_page in zip(_read_again(list(by_page)), by_page.values(), strict=True):
        if page.error:
            raise NoInputError(
                f"{path}: {page.file}, page {page.number + 1}: {page.error}. "
                "Put the file there as it was scanned, or delete its rows."
            )
        yield page, on_page


def _read_again(tasks: Sequence[PageTask]) -> Iterator[PageCrops]:
    """Read the pages of `tasks` as a scan does, up to their crops."""
    options = ScanOptions(paths=())
    recogniser = load_recogniser(options.model, "cpu", options.batch)
    with open_pool(options.workers, len(tasks), options.page_timeout) as pool:
        for page, _ in pool.read(pool.work(tasks), recogniser, options, Stopwatch()):
            yield page


def _examples(page: PageCrops, corrections: Sequence[Correction]) -> tuple[Examples, int]:
    """The crops of the corrected boxes that have ink, and the number of boxes not found again."""
    places = [Box(*whole_pixels(box.box)) for box in page.boxes]
    crops = np.concatenate([NO_CROPS, *(field.crops for field in page.fields)])
    blank = [bool(is_blank) for field in page.fields for is_blank in field.blank]
    chosen, labels, unmatched = list[int](), list[int](), 0
    for correction in corrections:
        overlaps = [correction.place.overlap(place) for place in places]
        best = int(np.argmax(overlaps)) if overlaps else 0
        if not overlaps or overlaps[best] < _MIN_SAME_BOX_OVERLAP:
            unmatched += 1
        elif not blank[best]:
            chosen.append(best)
            labels.append(correction.label)
    return Examples(crops[chosen], np.array(labels, np.uint8)), unmatched
