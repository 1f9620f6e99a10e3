"""The sample of an audit: drawn at random from the accepted fields, kept beside the table."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np

from formreader.core.errors import NoInputError
from formreader.core.records import DigitReading, ReviewField, Status
from formreader.core.user_files import parse_json, read_regular
from formreader.output.atomic_writing import atomic_writer
from formreader.store.job_store import JobStore


@dataclass(frozen=True, slots=True)
class SampledField:
    """One field of the sample: `page` and `field` count from 1; `value` is what was accepted."""

    file: str
    page: int
    field: int
    stratum: int
    value: str


@dataclass(frozen=True, slots=True)
class AuditSample:
    """A stratified sample of the accepted fields of a job.

    `job` is the job's name, `size` the number of fields asked for, `seed` that of the random
    numbers. `populations` are the numbers of
    accepted fields of the strata: of the less sure half, then of the surer one.
    """

    job: str
    size: int
    seed: int
    populations: tuple[int, ...]
    fields: tuple[SampledField, ...]

    def sampled(self) -> list[int]:
        """The number of sampled fields of each stratum."""
        strata = range(len(self.populations))
        return [sum(one.stratum == stratum for one in self.fields) for stratum in strata]

    def write(self, path: Path) -> None:
        """Keep it for the day when the answers come."""
        with atomic_writer(path, "RESULTS") as stream:
            json.dump(asdict(self), stream, indent=1)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read what `write` wrote.

        Raises:
            NoInputError: there is none, or it is damaged.
        """
        try:
            values = parse_json(read_regular(path))
            fields = tuple(SampledField(**one) for one in values["fields"])
            drawn = values["job"], values["size"], values["seed"]
            return cls(*drawn, tuple(values["populations"]), fields)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise NoInputError(
                f"{path}: the sample of the audit cannot be read ({error}). Draw one with "
                "`formreader audit RESULTS --sample N`"
            ) from error


def draw_sample(store: JobStore, size: int, seed: int) -> AuditSample:
    """Draw `size` of the accepted fields of a job, in proportion from both halves by confidence.

    Proportions give the lowest bound if nothing is wrong, wherever the wrong values may lie.

    Raises:
        NoInputError: no field was accepted.
    """
    accepted = [
        (field.lowest, page.file, page.number, number, field.value)
        for page in store.field_readings()
        if not page.same_as
        for number, field in enumerate(page.fields)
        if field.status is Status.OK
    ]
    if not accepted:
        raise NoInputError("No field of the job was accepted, so there is nothing to audit")
    order = sorted(range(len(accepted)), key=lambda i: (accepted[i][0], i))
    half = len(order) // 2
    strata = [part for part in (order[:half], order[half:]) if part]
    random = np.random.default_rng(seed)
    total = min(size, len(accepted))
    drawn = list[tuple[int, int]]()
    for stratum, part in enumerate(strata):
        share = max(1, math.ceil(total * len(part) / len(accepted)))
        chosen = random.choice(len(part), min(share, len(part)), replace=False)
        drawn += [(part[i], stratum) for i in chosen.tolist()]
    fields = tuple(
        SampledField(file, page + 1, number + 1, stratum, value)
        for i, stratum in sorted(drawn)
        for _, file, page, number, value in [accepted[i]]
    )
    return AuditSample(store.name, size, seed, tuple(map(len, strata)), fields)


def blind_fields(store: JobStore, fields: Sequence[SampledField]) -> Iterator[ReviewField]:
    """The sampled fields with their pictures, and nothing of what was read in them."""
    places = {(one.file, one.page - 1, one.field - 1) for one in fields}
    for field in store.sampled_fields(places):
        digits = tuple(map(_hidden, field.reading.digits))
        reading = replace(
            field.reading, digits=digits, value="", cells="?" * len(digits), confidence=0.0,
            status=Status.REVIEW, lowest=0.0,
        )  # fmt: skip
        yield replace(field, reading=reading)


def _hidden(digit: DigitReading) -> DigitReading:
    return DigitReading(digit.box, None, 0.0, Status.REVIEW)
