"""Digits of a user's own pages: what people said of them, and their crops as the jobs keep them."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import eq
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.classes import CROP_SIDE, NOT_A_DIGIT, Crops
from formreader.core.errors import NoInputError
from formreader.core.locations import Place, job_path
from formreader.core.records import FieldReading, Status
from formreader.core.user_files import open_regular_text
from formreader.store.answers import (
    BLANK_ANSWER,
    NO_DIGIT_ANSWER,
    WHOLE_FIELD,
    FieldAnswers,
    answered,
    texts_of_boxes,
)
from formreader.store.job_records import AnsweredPage
from formreader.store.job_store import JobStore
from formreader.training.data.examples import Examples

_Mask: TypeAlias = npt.NDArray[np.bool_]

_TESTED_SHARE, _CHOOSING_SHARE = 0.3, 0.2
"""Shares of the checked digits on whose pages a model is judged, and on whose pages weights are
chosen and confidences calibrated. Large, as there are few of them; not tuned."""


@dataclass(frozen=True, slots=True, eq=False)
class OwnDigits:
    """Labelled digits of a user's own pages.

    `groups` (n,) tells what may not be torn apart: the digits of a page, or of a writer's pages.
    `checked` (n,) is where a person said what it is; the others were accepted, on pages on which
    people left nothing to review. `models` are the names and versions of the models that read the
    jobs, `review_below` is the highest of their thresholds.
    """

    examples: Examples
    groups: npt.NDArray[np.int64]
    checked: _Mask
    models: tuple[str, ...]
    review_below: float

    def __len__(self) -> int:
        return len(self.examples)


@dataclass(frozen=True, slots=True)
class OwnDigit:
    """A crop, (28, 28) uint8, its class, and whether a person said so."""

    crop: Crops
    label: int
    checked: bool


def load_own_digits(tables: Sequence[Place], writers: Path | None = None) -> OwnDigits:
    """Load the digits of all pages about which people said something.

    A box called blank or unreadable is an example of a non-digit; boxes without ink are left out,
    as are fields whose value has another number of digits than boxes were found, and numbers in
    cells whose boxes do not fit what was said of them. A page that is in several jobs counts once,
    as it was answered most.

    Args:
        tables: the tables of the scans; their jobs lie beside them.
        writers: a CSV of `file`, as in the results, and `writer`.

    Raises:
        NoInputError: a job or the table of writers is missing or damaged.
        UsageError, OutputError: as of `JobStore.open_finished`.
    """
    writer_of = _read_writers(writers) if writers else {}
    pages = dict[tuple[str, int], tuple[str, list[OwnDigit]]]()
    models, thresholds = set[str](), list[float]()
    for path in map(job_path, tables):
        with JobStore.open_finished(path) as store:
            view = store.written_view()
            models.add(store.run().model)
            thresholds.append(view.review_below)
            contents = {file.label: file.sha256 for file in store.files()}
            for page in store.answered_pages():
                label, number = page.reading.file, page.reading.number
                key, found = (contents[label], number), list(labelled_digits(page))
                if key not in pages or _checked(found) > _checked(pages[key][1]):
                    pages[key] = writer_of.get(label, ""), found
    names = [f"writer {writer}" if writer else f"page {key}" for key, (writer, _) in pages.items()]
    numbers = {name: i for i, name in enumerate(dict.fromkeys(names))}
    digits = [
        (numbers[name], digit)
        for name, (_, found) in zip(names, pages.values(), strict=True)
        for digit in found
    ]
    crops = [digit.crop for _, digit in digits]
    return OwnDigits(
        Examples(
            np.stack(crops) if crops else np.zeros((0, CROP_SIDE, CROP_SIDE), np.uint8),
            np.array([digit.label for _, digit in digits], np.uint8),
        ),
        np.array([number for number, _ in digits], np.int64),
        np.array([digit.checked for _, digit in digits], bool),
        tuple(sorted(models)),
        max(thresholds),
    )


def split_groups(own: OwnDigits, rng: np.random.Generator) -> tuple[_Mask, _Mask, _Mask]:
    """Which digits to train on, to choose and calibrate on, and to judge on; each (n,) bool.

    No group is in two of them. The shares are of the checked digits.

    Raises:
        ValueError: there are fewer than three groups with checked digits.
    """
    groups = np.unique(own.groups[own.checked])
    if len(groups) < 3:
        raise ValueError(f"three groups are needed. Received: {len(groups)}")
    order = rng.permutation(groups)
    reached = np.cumsum([(own.checked & (own.groups == group)).sum() for group in order])
    share = reached / reached[-1]
    tested = min(int(np.searchsorted(share, _TESTED_SHARE)) + 1, len(order) - 2)
    chosen = int(np.searchsorted(share, _TESTED_SHARE + _CHOOSING_SHARE)) + 1
    chosen = min(max(chosen, tested + 1), len(order) - 1)
    testing = np.isin(own.groups, order[:tested])
    choosing = np.isin(own.groups, order[tested:chosen])
    return ~testing & ~choosing, choosing, testing


def _checked(digits: Sequence[OwnDigit]) -> int:
    return sum(digit.checked for digit in digits)


def labelled_digits(page: AnsweredPage) -> Iterator[OwnDigit]:
    """The labelled digits of a page."""
    fields = list(enumerate(page.reading.fields, 1))
    done = not any(
        digit.status is Status.REVIEW
        for number, field in fields
        for digit in answered(field, page.answers.get(number, {})).digits
    )
    for number, field in fields:
        if number not in page.sprites:
            continue
        texts = _texts(field, page.answers.get(number, {}))
        if texts is None:
            continue
        crops = _cut(page.sprites[number])
        for box, (digit, crop) in enumerate(zip(field.digits, crops, strict=True), 1):
            if not crop.any():
                continue
            if box in texts:
                yield OwnDigit(crop, _label(texts[box]), checked=True)
            elif done and digit.status is Status.OK and digit.digit is not None:
                yield OwnDigit(crop, digit.digit, checked=False)


def _texts(field: FieldReading, answers: FieldAnswers) -> FieldAnswers | None:
    """What people said of each box; None where the boxes are not those of the value's digits."""
    if WHOLE_FIELD not in answers:
        return answers
    value = answers[WHOLE_FIELD]
    texts = texts_of_boxes(field, value)
    if texts is None or (field.frame is not None and not _boxes_fit(field, value, texts)):
        return None
    return dict(enumerate(texts, 1))


def _boxes_fit(field: FieldReading, value: str, texts: Sequence[str]) -> bool:
    """Whether the boxes of a cell seem to be those of the digits that a person said.

    They need not be where as many were found: a digit may be read as two and another missed. Then
    more of what was read fits what was said with a place between them. Of a cell without a number
    nothing is known of its boxes, which may be of digits that were struck out.
    """
    if value in (BLANK_ANSWER, NO_DIGIT_ANSWER):
        return False
    read = [None if digit.digit is None else str(digit.digit) for digit in field.digits]
    in_place, *moved = (
        sum(map(eq, *pair)) for pair in ((read, texts), (read[1:], texts), (read, texts[1:]))
    )
    return bool(in_place >= max(moved))


def _label(text: str) -> int:
    return NOT_A_DIGIT if text in (BLANK_ANSWER, NO_DIGIT_ANSWER) else int(text)


def _cut(sprite: bytes) -> Crops:
    """The crops (n, 28, 28) of a picture of crops side by side."""
    picture = cv2.imdecode(np.frombuffer(sprite, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert picture is not None, "the job's checksums are right"
    crops = picture.reshape(CROP_SIDE, -1, CROP_SIDE).transpose(1, 0, 2)
    return np.ascontiguousarray(crops, np.uint8)


def _read_writers(path: Path) -> Mapping[str, str]:
    """Who wrote each file.

    Raises:
        NoInputError: the table cannot be read or lacks a column.
    """
    try:
        with open_regular_text(path, encoding="utf-8-sig", newline="") as stream:
            table = csv.DictReader(stream)
            if missing := {"file", "writer"} - set(table.fieldnames or ()):
                raise ValueError(f"no column {min(missing)}")
            return {row["file"]: row["writer"] for row in table}
    except (OSError, ValueError, KeyError, csv.Error) as error:
        raise NoInputError(
            f"{path}: not a table of writers ({error}). It needs the columns file, as in the "
            "results, and writer"
        ) from error
