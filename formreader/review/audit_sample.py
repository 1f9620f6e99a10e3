"""The sample of an audit, and what it proves.

The sample is drawn at random from the accepted fields, without replacement, and is kept beside the
table. The bound of wrong values is exact for finite populations: the largest number of them with
which a sample as good as this one has a probability of more than 5 %. With two strata it is the
largest over all ways in which the wrong values may lie in them (Wendell and Schmee, "Exact
inference for proportions from a stratified finite population", JASA 91, 1996); samples are ordered
by the estimated number of wrong values. With one stratum this is the hypergeometric form of the
bound of Clopper and Pearson.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from typing import Self

import numpy as np

from formreader.core.errors import NoInputError
from formreader.core.hypergeometric import hypergeometric
from formreader.core.records import DigitReading, ReviewField, Status
from formreader.core.user_files import parse_json, read_regular
from formreader.output.atomic_writing import atomic_writer
from formreader.store.job_store import JobStore

AUDIT_CERTAINTY = 0.95
"""Certainty of the upper bound: the usual one, and that of the models' calibrations."""

_ERROR_LEVEL = 1 - AUDIT_CERTAINTY

_NEARLY = 1e-9
"""Estimates that differ by less are equal, but for rounding."""


@dataclass(frozen=True, slots=True)
class StratumCount:
    """Of `population` accepted values `sampled` were looked at; `wrong` of these are wrong."""

    population: int
    sampled: int
    wrong: int = 0
    name: str = ""

    @property
    def estimate(self) -> float:
        """The estimated number of wrong values."""
        return self.population * self.wrong / self.sampled


def upper_bound(strata: Sequence[StratumCount]) -> int:
    """The number of wrong values that, with 95 % certainty, is not exceeded in one or two strata.

    Raises:
        ValueError: there are no strata or more than two, or one has no sample.
    """
    if not 1 <= len(strata) <= 2 or not all(one.sampled for one in strata):
        raise ValueError(f"one or two strata with a sample are needed. Received: {strata}")
    if len(strata) == 1:
        return _bound_of_one(strata[0])
    first, second = strata
    best = 0
    # More wrong values in the first stratum leave fewer for the second: a staircase.
    in_second = second.population - (second.sampled - second.wrong)
    for in_first in range(first.wrong, first.population - (first.sampled - first.wrong) + 1):
        while in_second >= 0 and _probability(strata, (in_first, in_second)) <= _ERROR_LEVEL:
            in_second -= 1
        if in_second < 0:
            break
        best = max(best, in_first + in_second)
    return max(best, first.wrong + second.wrong)


def _bound_of_one(only: StratumCount) -> int:
    low, high = only.wrong, only.population - (only.sampled - only.wrong)
    while low < high:  # the probability falls with each wrong value more
        middle = (low + high + 1) // 2
        if _probability([only], (middle,)) > _ERROR_LEVEL:
            low = middle
        else:
            high = middle - 1
    return low


def _probability(strata: Sequence[StratumCount], wrong: tuple[int, ...]) -> float:
    """The probability of a sample at most as bad, if each stratum has so many wrong values."""
    seen = sum(one.estimate for one in strata)
    ranges = (
        range(math.floor((seen + _NEARLY) * one.sampled / one.population) + 1) for one in strata
    )
    return math.fsum(
        math.prod(
            hypergeometric(one.population, bad, one.sampled, found)
            for one, bad, found in zip(strata, wrong, founds, strict=True)
        )
        for founds in product(*ranges)
        if sum(
            one.population * found / one.sampled for one, found in zip(strata, founds, strict=True)
        )
        <= seen + _NEARLY
    )


def needed_sample(population: int, max_error: float) -> int:
    """The smallest sample that shows `max_error` of a population if nothing in it is wrong."""
    allowed = math.floor(max_error * population)
    low, high = 1, population
    while low < high:
        middle = (low + high) // 2
        if upper_bound([StratumCount(population, middle)]) <= allowed:
            high = middle
        else:
            low = middle + 1
    return low


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
    numbers. `populations` are the numbers of accepted fields of the strata: of the less sure half,
    then of the surer one.
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
