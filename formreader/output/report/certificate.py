"""The certificate of an audit: a page that an office prints and files."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from formreader.output.atomic_writing import atomic_writer
from formreader.output.web_page import page_environment


@dataclass(frozen=True, slots=True)
class CertifiedStratum:
    """Of `population` accepted fields `sampled` were looked at; `wrong` of these are wrong."""

    name: str
    population: int
    sampled: int
    wrong: int


@dataclass(frozen=True, slots=True)
class Certificate:
    """What an audit found.

    `estimate` of the accepted fields are wrong, with 95 % certainty at most `bound`. `max_error`
    is the share that may be, None where none was named. `hashes` are names and SHA-256 of files.
    """

    table: str
    made: datetime
    strata: tuple[CertifiedStratum, ...]
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


def write_certificate(path: Path, certificate: Certificate) -> None:
    """Write the page.

    Raises:
        OutputError: it cannot be written; what was there before is kept.
    """
    page = (
        page_environment("formreader.output.report")
        .get_template("certificate.html.j2")
        .render(certificate=certificate)
    )
    with atomic_writer(path, "RESULTS") as stream:
        stream.write(page)
