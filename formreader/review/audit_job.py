"""The work of `formreader audit`: a blind sample first, then what its answers certify."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from formreader.core.errors import NoInputError, UsageError
from formreader.core.locations import Place, is_url, job_path
from formreader.core.user_files import open_regular
from formreader.output.atomic_writing import atomic_writer, check_writable
from formreader.output.report.report import write_report
from formreader.output.web_page import page_environment
from formreader.review.apply_corrections import cell_name
from formreader.review.audit_sample import (
    AuditSample,
    SampledField,
    StratumCount,
    blind_fields,
    draw_sample,
    needed_sample,
    upper_bound,
)
from formreader.review.corrections_file import Correction, read_corrections
from formreader.review.job_results import report_summary, scanned_files
from formreader.store.job_store import JobStore

_MAX_LISTED_FIELDS = 20
"""Fields without an answer are listed up to this number. By eye: a screen."""

_STRATA = ("less sure half", "surer half")


@dataclass(frozen=True, slots=True)
class AuditPlan:
    """A sample that was drawn, and where it is to be answered.

    `bound` is how many of `accepted` fields may be wrong if none of the `sampled` is; `needed`
    is the sample that shows the allowed share, 0 where none was named.
    """

    accepted: int
    sampled: int
    bound: int
    needed: int
    report: Path


@dataclass(frozen=True, slots=True)
class Certificate:
    """What an audit found: a page that an office prints and files.

    `estimate` of the accepted fields are wrong, with 95 % certainty at most `bound`. `max_error`
    is the share that may be, None where none was named. `hashes` are names and SHA-256 of files.
    """

    table: str
    made: datetime
    strata: tuple[StratumCount, ...]
    estimate: float
    bound: int
    max_error: float | None
    model: str
    model_sha256: str
    version: str
    review_below: float
    job: str
    seed: int
    hashes: tuple[tuple[str, str], ...]

    @property
    def accepted(self) -> int:
        """All accepted fields."""
        return sum(one.population for one in self.strata)

    @property
    def sampled(self) -> int:
        """The fields that people looked at."""
        return sum(one.sampled for one in self.strata)

    @property
    def wrong(self) -> int:
        """Those of them that are wrong."""
        return sum(one.wrong for one in self.strata)

    @property
    def passed(self) -> bool | None:
        """Whether at most the allowed share is wrong; None where none was named."""
        return None if self.max_error is None else self.bound <= self.max_error * self.accepted


@dataclass(frozen=True, slots=True)
class AuditOutcome:
    """What the answers say, each wrong field as text, and the page that certifies it."""

    certificate: Certificate
    wrong: tuple[str, ...]
    page: Path


def plan_audit(table: Place, size: int, seed: int, max_error: float | None) -> AuditPlan:
    """Draw a sample of the accepted fields, and write the blind report beside the table.

    Raises:
        NoInputError: there is no job beside the table, or nothing was accepted.
        OutputError: sample or report cannot be written.
    """
    report, plan = _beside(table, ".audit.html"), _beside(table, ".audit.json")
    with JobStore.open_finished(job_path(table)) as store:
        view = store.written_view()
        sample = draw_sample(store, size, seed)
        for path in (report, plan):
            check_writable(path, "RESULTS")
        sample.write(plan)
        top = report_summary(store, view, store.counts())
        fields, sources = blind_fields(store, sample.fields), scanned_files(store, report)
        write_report(report, top, fields, blind=True, sources=sources)
    accepted = sum(sample.populations)
    none_wrong = [
        StratumCount(*pair) for pair in zip(sample.populations, sample.sampled(), strict=True)
    ]
    needed = 0 if max_error is None else needed_sample(accepted, max_error)
    return AuditPlan(accepted, len(sample.fields), upper_bound(none_wrong), needed, report)


def finish_audit(table: Place, answers: Path, max_error: float | None) -> AuditOutcome:
    """Compare the answers with what was accepted, and write the certificate beside the table.

    A field that cannot be read counts as wrong.

    Raises:
        NoInputError: the sample, the job or the answers are missing or damaged.
        UsageError: the answers are of another job, or fields of the sample have none.
        OutputError: the certificate cannot be written.
    """
    page = _beside(table, ".certificate.html")
    sample = AuditSample.read(_beside(table, ".audit.json"))
    given = read_corrections(answers)
    with JobStore.open_finished(job_path(table)) as store:
        if {store.name} != {sample.job, *(one.job for one in given if one.job)}:
            raise UsageError(f"{answers}: it is not of the last audit of {table}")
        if draw_sample(store, sample.size, sample.seed) != sample:
            raise UsageError(
                f"{table}: which fields are accepted has changed since the sample was drawn. Draw "
                "another with --sample"
            )
        said = _values(store, sample, given)
        run, view = store.run(), store.written_view()
    missing = [_named(one) for one in sample.fields if one not in said]
    if missing:
        more = f" and {len(missing) - _MAX_LISTED_FIELDS:,} more" * (
            len(missing) > _MAX_LISTED_FIELDS
        )
        raise UsageError(
            f"{answers}: {len(missing):,} of {len(sample.fields):,} sampled fields have no "
            "complete answer, and leaving fields out would make the figures better than they are. "
            f"Answer them in the report: {'; '.join(missing[:_MAX_LISTED_FIELDS])}{more}"
        )
    wrong = [one for one in sample.fields if not same_value(one.value, said[one])]
    strata = len(sample.populations)
    counts = tuple(
        StratumCount(*pair, sum(one.stratum == i for one in wrong), _STRATA[i - strata])
        for i, pair in enumerate(zip(sample.populations, sample.sampled(), strict=True))
    )
    certificate = Certificate(
        table=str(table),
        made=datetime.now(),
        strata=counts,
        estimate=sum(one.estimate for one in counts),
        bound=upper_bound(counts),
        max_error=max_error,
        model=run.model,
        model_sha256=run.model_sha256,
        version=run.version,
        review_below=view.review_below,
        job=sample.job,
        seed=sample.seed,
        hashes=tuple(_hash(path) for path in (table, answers) if not is_url(path)),
    )
    template = page_environment("formreader.output.report").get_template("certificate.html.j2")
    with atomic_writer(page, "RESULTS") as stream:
        stream.write(template.render(certificate=certificate))
    told = tuple(
        f"{_named(one)}: accepted {one.value}, answered {said[one] or 'blank'}" for one in wrong
    )
    return AuditOutcome(certificate, told, page)


def same_value(accepted: str, said: str) -> bool:
    """Whether an answer is the accepted value; separators count only where both have them."""
    if _digits(said) == said.lstrip("-"):
        return accepted.startswith("-") == said.startswith("-") and _digits(accepted) == _digits(
            said
        )
    return accepted == said


def _digits(value: str) -> str:
    return "".join(mark for mark in value if mark.isdecimal() or mark == "?")


def _values(
    store: JobStore, sample: AuditSample, given: Sequence[Correction]
) -> dict[SampledField, str]:
    """What people said of each sampled field all of whose boxes they answered."""
    by_field = dict[tuple[str, int, int], list[Correction]]()
    for answer in given:
        place = answer.file, answer.page + 1, answer.field or 0
        by_field.setdefault(place, []).append(answer)
    pages = {(one.file, one.page - 1) for one in sample.fields}
    read = {(page.file, page.number + 1): page for page in store.readings(pages=pages)}
    said = dict[SampledField, str]()
    for one in sample.fields:
        answers = by_field.get((cell_name(one.file), one.page, one.field), [])
        whole = [answer.value for answer in answers if answer.value is not None]
        boxes = {answer.box or 0: answer.digit for answer in answers if answer.value is None}
        page = read.get((one.file, one.page))
        if page is None or one.field > len(page.fields):
            raise UsageError(f"{_named(one)}: it was read anew since the sample. Draw another")
        count = len(page.fields[one.field - 1].digits)
        if whole:
            said[one] = whole[-1]
        elif all(box in boxes for box in range(1, count + 1)):
            said[one] = "".join(boxes[box] for box in range(1, count + 1))
    return said


def _named(one: SampledField) -> str:
    return f"{one.file}, page {one.page}, field {one.field}"


def _beside(table: Place, suffix: str) -> Path:
    """A file of the audit: beside the job, which is beside the table."""
    return job_path(table).with_suffix(suffix)


def _hash(path: Place) -> tuple[str, str]:
    try:
        with open_regular(path) as stream:
            return Path(path).name, hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise NoInputError(f"{path}: cannot be read ({error.strerror})") from error
