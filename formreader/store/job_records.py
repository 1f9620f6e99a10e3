"""What a job is told: the run, the files to read, the pages that were read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Self

from formreader.core.records import PageCrops, PageReading
from formreader.store.job_rows import Row, encode

_HASH_DIGITS = 12
"""Digits of a hash that are enough to tell two models apart for people."""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What must be the same to go on with a job.

    `model` is name and version, `model_sha256` a hash over all that the model is. `options`
    has those that change results, by the names that the user knows.
    """

    version: str
    model: str
    model_sha256: str
    options: Mapping[str, str]

    def row(self) -> Row:
        """Its row of `RUN_COLUMNS`."""
        options = json.dumps(dict(self.options))  # which escapes what UTF-8 cannot hold
        return self.version, self.model, self.model_sha256, options

    @classmethod
    def of_row(cls, row: Row) -> Self:
        """The inverse of `row`."""
        version, model, model_sha256, options = row
        return cls(version, model, model_sha256, json.loads(options))

    def differences(self, earlier: RunRecord) -> Iterator[str]:
        """What is not as it was in an `earlier` run, for people."""
        if self.version != earlier.version:
            yield f"version {earlier.version}, now {self.version}"
        if self.model != earlier.model:
            yield f"model {earlier.model}, now {self.model}"
        elif self.model_sha256 != earlier.model_sha256:
            then, now = (run.model_sha256[:_HASH_DIGITS] for run in (earlier, self))
            yield f"model {self.model} with hash {then}, now {now}"
        for name in sorted({*self.options, *earlier.options}):
            before, here = (run.options.get(name, "not given") for run in (earlier, self))
            if before != here:
                yield f"{name} {before}, now {here}"


@dataclass(frozen=True, slots=True)
class FileRecord:
    """One input file.

    `label` is its name in the results, unlike any other's. `size` is in bytes, `sha256` that
    of its content, "" where it cannot be opened. `error` says why it cannot be read: it then
    has one page, which is added with this error. `duplicate_of` is the label of the file of the
    same content that is read in its stead.
    """

    label: str
    path: str
    size: int
    mtime_ns: int
    sha256: str
    pages: int
    duplicate_of: str = ""
    error: str = ""

    def values(self) -> dict[str, bytes | str | int]:
        """Its values by the names of their columns."""
        return {
            "label": encode(self.label),
            "path": encode(self.path),
            "size": self.size,
            "mtime_ns": self.mtime_ns,
            "sha256": self.sha256,
            "pages": self.pages,
            "duplicate_of": encode(self.duplicate_of),
            "error": encode(self.error),
        }


@dataclass(frozen=True, slots=True, eq=False)
class PageResult:
    """One page to store: what was read, and the crops that it was read from."""

    page: PageCrops
    reading: PageReading
