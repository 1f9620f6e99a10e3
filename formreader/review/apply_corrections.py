"""Puts corrections into the job beside the table: all of them or none."""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import PurePosixPath

from formreader.core.errors import UsageError
from formreader.core.locations import is_url
from formreader.core.records import FieldReading, PageReading
from formreader.output.table import digit_text, file_cell, whole_pixels
from formreader.review.corrections_file import Correction, shown
from formreader.store.answers import WHOLE_FIELD, Answer, FieldAnswers, answered
from formreader.store.job_store import FileRecord, JobStore

_MAX_LISTED_PROBLEMS = 20
"""Corrections that do not fit are listed one by one up to this number. By eye: a screen."""

_PageKey = tuple[str, int]


@dataclass(slots=True)
class AnswerPlan:
    """What corrections come to: the new answers, how many are known already, and what is wrong."""

    answers: list[Answer] = field(default_factory=list)
    known: int = 0
    problems: list[str] = field(default_factory=list)


def apply_corrections(
    store: JobStore, corrections: Sequence[Correction], *, by: str = "", replace_earlier: bool
) -> AnswerPlan:
    """Store the answers that `corrections` give, in one transaction.

    Answers that the job has already change nothing. `by` answered, if the corrections do not say
    who. With `replace_earlier` an answer may replace a different one that the job has.

    Raises:
        UsageError: one of them belongs to another job, to a file that has changed, to a box or a
            reading that is not there, or contradicts another. Nothing is stored.
        OutputError: the job cannot be written.
    """
    plan = fitting_answers(store, corrections)
    settle_plan(store, plan, by=by, replace_earlier=replace_earlier)
    return plan


def settle_plan(store: JobStore, plan: AnswerPlan, *, by: str, replace_earlier: bool) -> None:
    """Store the answers of a plan that the job does not have; `apply_corrections` says how."""
    plan.answers = _without_contradictions(plan, store.answers(), replace_earlier=replace_earlier)
    if plan.problems:
        count = len(plan.problems)
        do = "1 correction does" if count == 1 else f"{count:,} corrections do"
        raise UsageError(listed_problems(f"{do} not fit, so nothing was changed:", plan.problems))
    now = datetime.now(UTC).isoformat(timespec="seconds")
    signed = [
        replace(one, given_by=one.given_by or by, given_at=one.given_at or now)
        for one in plan.answers
    ]
    if signed:
        store.answer(signed)


def fitting_answers(store: JobStore, corrections: Sequence[Correction]) -> AnswerPlan:
    """What `corrections` say in a job, and those that do not fit it; nothing is stored."""
    plan, name = AnswerPlan(), store.name
    fitting = list[Correction]()
    for one in corrections:
        if one.job and one.job != name:
            plan.problems.append(f"{one.source}: it was saved from the report of another job")
        else:
            fitting.append(one)
    by_page = _by_page(store.files(), fitting, plan.problems)
    plan.problems += _changed_files(store.files(), {file for file, _ in by_page})
    given = store.answers()
    for reading in store.readings(as_read=True, pages=by_page.keys()):
        _plan_page(plan, reading, by_page.pop((reading.file, reading.number)), given)
    plan.problems += [
        f"{one.source}: no such page was read" for on in by_page.values() for one in on
    ]
    return plan


def _by_page(
    files: Sequence[FileRecord], corrections: Iterable[Correction], problems: list[str]
) -> dict[_PageKey, list[Correction]]:
    """The corrections of each page; those of a copy belong to the file that was read."""
    labels = {cell_name(file.label): file.duplicate_of or file.label for file in files}
    by_page = defaultdict[_PageKey, list[Correction]](list)
    for one in corrections:
        if one.file in labels:
            by_page[labels[one.file], one.page].append(one)
        else:
            problems.append(f"{one.source}: the job has no file {shown(one.file)}")
    return by_page


def cell_name(label: str) -> str:
    """The name of a file as corrections have it: as in the results, without a leading `./`."""
    return PurePosixPath(file_cell(label)).as_posix()


def _changed_files(files: Sequence[FileRecord], corrected: set[str]) -> Iterator[str]:
    """A problem for each corrected file whose content is no longer the one that was read.

    A file that was moved away is taken to be the same: the job has what was read.
    """
    for file in files:
        if file.label not in corrected or is_url(file.path) or not os.path.isfile(file.path):
            continue
        there = os.stat(file.path)
        if (there.st_size, there.st_mtime_ns) == (file.size, file.mtime_ns):
            continue
        with open(file.path, "rb") as stream:
            if hashlib.file_digest(stream, "sha256").hexdigest() != file.sha256:
                yield f"{file.label}: the file has changed since it was read. Scan again first"


def _plan_page(
    plan: AnswerPlan,
    page: PageReading,
    corrections: Iterable[Correction],
    given: Mapping[tuple[str, int, int], FieldAnswers],
) -> None:
    today = dict[int, FieldReading]()  # the fields with the answers that the job has
    for one in corrections:
        number = _field_number(page, one)
        if number is None:
            plan.problems.append(f"{one.source}: there is no such field on the page")
            continue
        read = page.fields[number - 1]
        if number not in today:
            today[number] = answered(read, given.get((page.file, page.number, number), {}))
        now = today[number]
        box = WHOLE_FIELD if one.value is not None else _box_number(read, one)
        if box is None:
            plan.problems.append(f"{one.source}: there is no such box in the field")
        elif not (_is_of(read, box, one) or _is_of(now, box, one)):
            plan.problems.append(
                f"{one.source}: what was read there has changed since the corrections were saved. "
                "Check it again in the new report"
            )
        else:
            text = one.digit if one.value is None else one.value
            place = page.file, page.number + 1, number, box
            plan.answers.append(Answer(*place, text, one.by, one.at))


def _field_number(page: PageReading, one: Correction) -> int | None:
    """The number of the field that a correction is about: its own, or that of the box there."""
    if one.field is not None:
        return one.field if 1 <= one.field <= len(page.fields) else None
    found = (i for i, read in enumerate(page.fields, 1) if _box_at(read, one) is not None)
    return next(found, None)


def _box_number(read: FieldReading, one: Correction) -> int | None:
    at = _box_at(read, one)
    return at if one.box in (None, at) else None


def _box_at(read: FieldReading, one: Correction) -> int | None:
    place = _sides(one)
    boxes = enumerate(read.digits, 1)
    return next((i for i, digit in boxes if whole_pixels(digit.box) == place), None)


def _sides(one: Correction) -> tuple[int, int, int, int]:
    box = one.place
    return int(box.left), int(box.top), int(box.width), int(box.height)


def _is_of(read: FieldReading, box: int, one: Correction) -> bool:
    """Whether a correction was made when a field was read like this."""
    if box == WHOLE_FIELD:
        confidence, guess, at = read.confidence, read.value, whole_pixels(read.box)
        if at != _sides(one):
            return False
    else:
        digit = read.digits[box - 1]
        confidence, guess = digit.confidence, digit_text(digit)
    said = float(one.confidence) if one.confidence else None
    return (one.guess is None or one.guess == guess) and (
        said is None or abs(said - confidence) < _SAME_CONFIDENCE
    )


_SAME_CONFIDENCE = 0.0001
"""Confidences in tables have four decimals, and browsers round halves in another way."""


def _without_contradictions(
    plan: AnswerPlan, given: Mapping[tuple[str, int, int], FieldAnswers], *, replace_earlier: bool
) -> list[Answer]:
    """The planned answers, each once, without those that the job has."""
    new = dict[tuple[str, int, int, int], Answer]()
    kinds = defaultdict[tuple[str, int, int], set[bool]](set)
    for one in plan.answers:
        kinds[one.place[:3]].add(one.box == WHOLE_FIELD)
        before = given.get((one.file, one.page - 1, one.field), {})
        earlier = new.get(one.place)
        if earlier is not None and earlier.text != one.text:
            plan.problems.append(f"{_named(one)}: both {_told(earlier)} and {_told(one)}")
        elif before.get(one.box) == one.text:
            plan.known += 1
        elif earlier is not None:
            continue
        elif (
            before
            and (one.box in before or (WHOLE_FIELD in before) != (one.box == WHOLE_FIELD))
            and not replace_earlier
        ):
            was = before.get(one.box, before.get(WHOLE_FIELD, "box by box"))
            plan.problems.append(
                f"{_named(one)}: it was answered {was or 'blank'} earlier, and now {_told(one)}. "
                "Take the earlier answer back with --undo, or give --replace"
            )
        else:
            new[one.place] = one
    plan.problems += [
        f"{file}, page {page}, field {number}: answered both as a whole and box by box"
        for (file, page, number), both in kinds.items()
        if len(both) > 1
    ]
    return list(new.values())


def _named(one: Answer) -> str:
    box = f", box {one.box}" if one.box else ""
    return f"{one.file}, page {one.page}, field {one.field}{box}"


def _told(one: Answer) -> str:
    return one.text or "blank"


def listed_problems(title: str, problems: Sequence[str]) -> str:
    """A message with the first problems, a line each, and the number of the others."""
    listed = list(problems[:_MAX_LISTED_PROBLEMS])
    if more := len(problems) - len(listed):
        listed.append(f"and {more:,} more")
    return "\n  ".join([title, *listed])
