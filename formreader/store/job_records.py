"""Records that a job stores: the run, its input files, and the pages that were read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, field
from typing import Self

import numpy as np
import numpy.typing as npt

from formreader.core.records import PageReading
from formreader.store.job_checksums import Row, row_checksum
from formreader.store.job_rows import encode

_SHOWN_HASH_DIGITS = 12
"""Hexadecimal digits of a hash in messages: enough to tell models apart."""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What must be the same to continue a job: version, model and options that affect readings.

    `model` is its name and version; `model_sha256` is of the cards, which have hashes of files.
    """

    version: str
    model: str
    model_sha256: str
    options: Mapping[str, str]

    def row(self) -> Row:
        """The values of `RUN_COLUMNS`."""
        options = json.dumps(dict(self.options))  # JSON escapes what UTF-8 cannot encode
        return self.version, self.model, self.model_sha256, options

    @classmethod
    def of_row(cls, row: Row) -> Self:
        """The run of a row of `RUN_COLUMNS`: the inverse of `row`."""
        version, model, model_sha256, options = row
        return cls(version, model, model_sha256, json.loads(options))

    def differences(self, earlier: RunRecord) -> Iterator[str]:
        """Say for people what differs from an `earlier` run."""
        if self.version != earlier.version:
            yield f"version {earlier.version}, now {self.version}"
        if self.model != earlier.model:
            yield f"model {earlier.model}, now {self.model}"
        elif self.model_sha256 != earlier.model_sha256:
            then, now = (run.model_sha256[:_SHOWN_HASH_DIGITS] for run in (earlier, self))
            yield f"model {self.model} with hash {then}, now {now}"
        for name in sorted({*self.options, *earlier.options}):
            then, now = (run.options.get(name, "not given") for run in (earlier, self))
            if then != now:
                yield f"{name} {then}, now {now}"


@dataclass(frozen=True, slots=True)
class JobView:
    """How a job was last written: all that writing its table and report again needs.

    `out` is the place of the table, `report` that of the report, "" for none, `rows` the kind of
    the table's rows. `thresholds` identifies what was accepted, `review_below` is the threshold of
    single digits. `options` are names and values as the user gave them. `forms` are the names of
    the fields of each form, by its name; None without templates. `rules` are the rules of each form
    that has some, as text (`rules_text`). `documents` are the forms of the pages of each document,
    in order, by the name of the first. `split`: whether a table of pages is written as one for
    each form; None: if there are several. `parts` are the names of those files, which may lie
    beside `out`. `language` is that of messages and report, "" for English and that of the browser.
    `found` are the forms that pages were recognised as; None before it is known.
    """

    out: str
    report: str
    rows: str
    thresholds: str
    review_below: float
    files: int
    options: tuple[tuple[str, str], ...]
    forms: Mapping[str, Sequence[str]] | None = None
    rules: Mapping[str, str] = field(default_factory=dict)
    documents: Mapping[str, Sequence[str]] = field(default_factory=dict)
    split: bool | None = False
    parts: tuple[str, ...] = ()
    language: str = ""
    found: Sequence[str] | None = None

    def to_json(self) -> str:
        """As text, to be stored."""
        return json.dumps(asdict(self))

    @classmethod
    def of_json(cls, text: str) -> Self:
        """The inverse of `to_json`."""
        values = json.loads(text)
        options = tuple((name, value) for name, value in values.pop("options"))
        return cls(**values | {"parts": tuple(values.get("parts", ()))}, options=options)


@dataclass(frozen=True, slots=True)
class AnsweredPage:
    """A page about which people said something, as it was read.

    `answers`: number of the field, from 1, -> by box. `sprites` are PNGs of the crops of a field's
    boxes side by side, by its number. `signed`: (field, box) -> who said so, and when.
    """

    reading: PageReading
    answers: Mapping[int, Mapping[int, str]]
    sprites: Mapping[int, bytes]
    signed: Mapping[tuple[int, int], tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FileRecord:
    """One input file.

    `label` is unique in the job. `size` is in bytes, `mtime_ns` the time of its last change in ns
    since 1970. `sha256` is "" if it cannot be opened; its one page then has its `error`.
    `duplicate_of` is the label of the file with the same content that is read instead.
    """

    label: str
    path: str
    size: int
    mtime_ns: int
    sha256: str
    pages: int
    duplicate_of: str = ""
    error: str = ""

    def values(self, position: int) -> dict[str, bytes | str | int]:
        """Its values, by column name; `position` is its place in the results, from 1."""
        names = ("label", "path", "duplicate_of", "error")
        encoded = {name: encode(getattr(self, name)) for name in names}
        checksum = row_checksum((position, *astuple(self)))
        return asdict(self) | encoded | {"position": position, "checksum": checksum}


@dataclass(frozen=True, slots=True)
class LearnedForms:
    """The templates that a scan learned: names, hash, and how many pages were stored then."""

    forms: tuple[str, ...] = ()
    templates_hash: str = ""
    pages: int = 0

    def to_json(self) -> str:
        """As text, to be stored."""
        return json.dumps(asdict(self))

    @classmethod
    def of_json(cls, text: str) -> Self:
        """The inverse of `to_json`; nothing was learned where the text is empty."""
        values = json.loads(text) if text else {}
        return cls(**(values | {"forms": tuple(values.get("forms", ()))}))


@dataclass(frozen=True, slots=True)
class PageCopy:
    """A page's straight copy, kept until its form is learned; `number` is 0-based.

    `png` is grey, `fields` the text of those found. Once stored it has a `page` id and a `notice`.
    """

    file: str
    number: int
    png: bytes
    fields: str
    page: int = 0
    notice: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class PageLayout:
    """Where the n fields of the `page` with this id are, in reading order, in pixels of the page.

    `middles` are (n, 2), `heights` (n,), and `kinds`, (n,), numbers of boxes, 0 for a cell.
    """

    page: int
    middles: npt.NDArray[np.float64]
    heights: npt.NDArray[np.float64]
    kinds: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Learning:
    """What learning changes in a job, by ids of pages.

    `named` have their form and the names of their fields, pages to be read `again` their form.
    The copies of those `forgotten` go.
    """

    learned: LearnedForms
    named: Mapping[int, tuple[str, Sequence[str]]]
    again: Mapping[int, str]
    forgotten: Sequence[int] = ()
