"""Answers of people, carried over when the same files are read anew, with a template for instance.

An answer belongs to a place on a page: to the same content of the file, the same page of it, and
the same box or field there, whatever the field is called now. An answer whose place is no longer
a box or a field is not given to another.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from formreader.core.errors import FormreaderError, NoInputError
from formreader.core.geometry import Box
from formreader.core.records import FieldReading, PageReading
from formreader.core.user_files import parse_json, read_regular
from formreader.output.atomic_writing import atomic_writer
from formreader.store.answers import WHOLE_FIELD, Answer, texts_of_boxes
from formreader.store.job_records import AnsweredPage
from formreader.store.job_store import JobStore

_SAME_BOX = 0.5
"""Intersection over union above which two boxes are the same: of boxes that do not overlap each
other, only one can be as near to a place."""

_SAME_SIDE = 0.25
"""How far a side of a field may have moved, as a share of the field's shorter side. A field with a
box more or less moves by far more: the value of its boxes is another. A choice, not measured."""


@dataclass(frozen=True, slots=True)
class PlacedAnswer:
    """An answer by its place: `sha256` is of the file, `page` is 0-based, boxes in its pixels.

    `field` is the field whose value is `text`, None for an answer about a box. `boxes` are the
    answered box, or those of the field, each with what stands in it; a cell for a number has none.
    """

    sha256: str
    page: int
    field: Box | None
    text: str
    boxes: tuple[tuple[Box, str], ...]
    by: str
    at: str

    @classmethod
    def of_json(cls, values: dict[str, Any]) -> Self:
        """The inverse of `asdict`."""
        field, boxes = values.pop("field"), values.pop("boxes")
        return cls(
            **values,
            field=Box(**field) if field else None,
            boxes=tuple((Box(**box), str(text)) for box, text in boxes),
        )


@dataclass(frozen=True, slots=True)
class Carried:
    """How many answers were carried over, and how many have no place any more."""

    over: int = 0
    lost: int = 0


def waiting_answers(job: Path) -> Path:
    """Where answers wait while their files are read anew: beside the job that will have them."""
    return job.with_suffix(".answers.json")


def keep_answers(store: JobStore, job: Path) -> None:
    """Let the answers of one job wait for another, before those that wait for it already.

    Raises:
        OutputError: they cannot be written.
        NoInputError: those that wait already cannot be read.
    """
    hashes = {file.label: file.sha256 for file in store.files()}
    pages = store.answered_pages()
    found = [one for page in pages for one in _placed(page, hashes[page.reading.file])]
    if found:
        path = waiting_answers(job)
        with atomic_writer(path, "--out") as stream:
            json.dump([asdict(one) for one in (*found, *_waiting(path))], stream)


def keep_answers_of_discarded(job: Path) -> None:
    """Let the answers of a job wait for the one that takes its place.

    What is no job, or none that can be read, has none.
    """
    try:
        store = JobStore.open_finished(job)
    except FormreaderError:
        return
    with store:
        keep_answers(store, job)


def carry_over(store: JobStore, job: Path) -> Carried:
    """Give a job the answers that wait for it, each at its place; fields with answers keep them.

    Raises:
        OutputError: the job cannot be written.
        NoInputError: the answers cannot be read.
    """
    if not (before := _waiting(waiting_answers(job))):
        return Carried()
    waiting = defaultdict[tuple[str, int], list[PlacedAnswer]](list)
    labels = {file.sha256: file.label for file in store.files() if not file.duplicate_of}
    for one in before:
        waiting[labels.get(one.sha256, ""), one.page].append(one)
    given, answers, over, lost = store.answers(), dict[tuple[str, int, int, int], Answer](), 0, 0
    for page in store.readings(as_read=True, pages=waiting.keys()):
        if page.same_as:
            continue
        for one in waiting.pop((page.file, page.number)):
            found = list(_at_its_place(one, page))
            new = [own for own in found if (page.file, page.number, own.field) not in given]
            for own in new:
                answers.setdefault(own.place, own)
            over += bool(new)
            lost += not found
    lost += sum(map(len, waiting.values()))
    if answers:
        store.answer(list(answers.values()))
    return Carried(over, lost)


def _placed(page: AnsweredPage, sha256: str) -> Iterator[PlacedAnswer]:
    for number, answers in page.answers.items():
        field = page.reading.fields[number - 1]
        for box, text in answers.items():
            about, boxes = None, [(field.digits[box - 1].box, text)] if box != WHOLE_FIELD else []
            if box == WHOLE_FIELD:
                about, texts = field.box, texts_of_boxes(field, text)
                if field.frame is None and texts is not None:
                    boxes = [(d.box, t) for d, t in zip(field.digits, texts, strict=True)]
            where, said = (sha256, page.reading.number), page.signed[number, box]
            yield PlacedAnswer(*where, about, text, tuple(boxes), *said)


def _at_its_place(one: PlacedAnswer, page: PageReading) -> Iterator[Answer]:
    """Yield what an answer comes to on a page that was read anew; nothing without its place."""
    where, said = (page.file, page.number + 1), (one.by, one.at)
    for number, field in enumerate(page.fields, 1):
        if one.field is not None and _is_same_field(one.field, field.box):
            yield Answer(*where, number, WHOLE_FIELD, one.text, *said)
            return
    found = [(_same_box(box, page.fields), text) for box, text in one.boxes]
    for place, text in found if all(place for place, _ in found) else ():
        assert place is not None
        yield Answer(*where, *place, text, *said)


def _same_box(wanted: Box, fields: Sequence[FieldReading]) -> tuple[int, int] | None:
    """The numbers of the field and of the box at a place; None where there is none."""
    places = (
        (number, box)
        for number, field in enumerate(fields, 1)
        for box, digit in enumerate(field.digits, 1)
        if digit.box.overlap(wanted) > _SAME_BOX
    )
    return next(places, None)


def _is_same_field(one: Box, other: Box) -> bool:
    """Whether two fields have the same sides, up to what finding one anew moves them."""
    most = _SAME_SIDE * min(one.width, one.height)
    sides = zip(
        (one.left, one.top, one.right, one.bottom),
        (other.left, other.top, other.right, other.bottom),
        strict=True,
    )
    return all(abs(before - now) <= most for before, now in sides)


def _waiting(path: Path) -> list[PlacedAnswer]:
    """The answers in a file that `keep_answers` wrote (or NoInputError); none without a file."""
    if not path.exists():
        return []
    try:
        return [PlacedAnswer.of_json(values) for values in parse_json(read_regular(path))]
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise NoInputError(
            f"{path}: the answers of the earlier scan cannot be read ({error}). Delete it to go on "
            "without them"
        ) from error
