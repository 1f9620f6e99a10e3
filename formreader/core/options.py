"""The options of all commands and their defaults, which the command line uses."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from formreader.core.errors import UsageError
from formreader.core.locations import Place, as_place

Rows: TypeAlias = Literal["field", "digit", "page"]
Device: TypeAlias = Literal["auto", "cpu", "gpu"]
Architecture: TypeAlias = Literal["mlp", "lenet", "cnn", "resnet"]
Method: TypeAlias = Literal[Architecture, "knn", "svm"]
SecondReaderName: TypeAlias = Literal["rapidocr"]
WatchJobs: TypeAlias = Literal["day", "folder"]

DEFAULT_MODEL = "digits"
"""Name of the model folder that ships with the program."""


def usable_cores() -> int:
    """Number of processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


_MANY = 10**9
"""More than any count that makes sense, and less than what overflows."""

NUMBER_RANGES: Mapping[str, tuple[float, float]] = {
    "averaging": (0.0, 0.999999),
    "batch": (1, _MANY),
    "epochs": (1, _MANY),
    "examples": (0, _MANY),
    "keep_days": (0.0, 36_525.0),
    "learning_rate": (1e-9, 1.0),
    "max_error": (1e-6, 0.999999),
    "max_pages": (1, _MANY),
    "max_queue": (1, _MANY),
    "max_queue_client": (1, _MANY),
    "max_size": (1e-6, 1e6),
    "max_upload": (1e-6, 1e6),
    "memory": (0.1, 1e6),
    "minutes": (1.0, 1e6),
    "page_timeout": (0.01, 1e6),
    "pages": (0, _MANY),
    "patience": (1, _MANY),
    "port": (0, 65_535),
    "review_below": (0.0, 1.0),
    "sample": (1, _MANY),
    "seed": (0, 2**32 - 1),
    "smoothing": (0.0, 0.999999),
    "validation": (0.001, 0.9),
    "workers": (1, 10_000),
}
"""Least and largest value of each option that is a number: NaN and infinity are none. Within them
nothing divides by zero or overflows; a worker cannot start with less than 0.1 GiB of memory, and
Keras takes no larger seed."""


def check_number(name: str, value: float | None) -> None:
    """Check the value of an option in `NUMBER_RANGES`; None is one that is not given.

    Raises:
        UsageError: it is out of range.
    """
    least, most = NUMBER_RANGES[name]
    if value is not None and not least <= value <= most:  # so that NaN is refused
        raise UsageError(
            f"--{name.replace('_', '-')} must be from {least:,g} to {most:,g}. Received: {value!r}"
        )


class _Checked:
    """Options whose numbers are in their ranges; else UsageError."""

    __slots__ = ()

    def __post_init__(self) -> None:
        for name in NUMBER_RANGES:
            check_number(name, getattr(self, name, None))


@dataclass(frozen=True, slots=True)
class Option:
    """What is known of an option beside its name, its type, its default and its range.

    `reads`: readings, or which are accepted, depend on it; workers get these options only. In the
    `help`, `metavar` stands for its value, and `default` for one that does not speak for itself.
    `parse` makes its value from text, one of `choices` if any. `negative` turns a flag off.
    """

    help: str
    _: KW_ONLY
    reads: bool
    metavar: str | None = None
    default: str | None = None
    parse: Callable[[str], object] | None = None
    choices: tuple[str, ...] = ()
    negative: str | None = None


def _option(value: Any, told: str, **known: Any) -> Any:
    """Declare an option: its default, or a function that makes it, its help, what `Option` has."""
    option = {"option": Option(told, **known)}
    if callable(value):
        return field(default_factory=value, metadata=option)
    return field(default=value, metadata=option)


def _as_template(text: str) -> Path | Literal["auto"]:
    """What --template names; a folder called auto is ./auto."""
    return "auto" if text == "auto" else Path(text)


@dataclass(frozen=True, slots=True)
class ScanOptions(_Checked):
    """Options of `formreader scan`; the one place where they are declared.

    Ranges of numbers are in `NUMBER_RANGES`. None stands for: `report` one beside the table,
    `memory` a share of the machine's memory, `cluster` processes on this machine, `max_error` no
    promise: then `review_below` holds. `tls_ca_file`, `tls_cert` and `tls_key` are given all or
    none. A template does not count as an option that reads: each page brings its own.
    """

    paths: tuple[str, ...]
    out: Place = _option(
        Path("results.csv"), "Table of the results: .csv, .jsonl, .parquet or .xlsx, on this "
        "machine or at a URL; - prints it as CSV and saves nothing.",
        reads=False, metavar="FILE", parse=as_place,
    )  # fmt: skip
    rows: Rows = _option(
        "field", "What one row of the table is: a field, a single digit or, with --template, a "
        "page.",
        reads=True, choices=get_args(Rows),
    )  # fmt: skip
    review_below: float = _option(
        0.95, "Values with a lower confidence are marked for review.", reads=True, metavar="P"
    )
    model: str = _option(
        DEFAULT_MODEL, "Name of a shipped model, or a folder that `formreader train` wrote.",
        reads=True, metavar="FOLDER", parse=str,
    )  # fmt: skip
    report: str | None = _option(
        None, "Report for reviewing doubtful digits; none for no report.  [default: beside the "
        "table, as .html]",
        reads=False, metavar="FILE|none", parse=str,
    )  # fmt: skip
    workers: int = _option(
        usable_cores, "Number of processes that read pages.",
        reads=False, metavar="N", default="one per core",
    )  # fmt: skip
    device: Device = _option(
        "auto", "Where the network runs; auto takes a GPU if TensorFlow can use one.",
        reads=True, choices=get_args(Device),
    )  # fmt: skip
    batch: int = _option(
        1024, "Number of digits that the network reads at a time.", reads=True, metavar="N"
    )
    fresh: bool = _option(
        False, "Start afresh: discard what earlier scans into the same table read. Answers of "
        "people are carried over where the same page still has their box or field.",
        reads=False,
    )  # fmt: skip
    debug: Path | None = _option(
        None, "Write a picture of each page with its boxes and readings drawn on it; not of pages "
        "that an earlier scan read.",
        reads=False, metavar="FOLDER", parse=Path,
    )  # fmt: skip
    max_error: float | None = _option(
        None, "Largest share of wrong values to allow among those not marked for review, such as "
        "0.01: of fields in a table of fields, of digits in a table of digits. The models' "
        "calibrations then choose the thresholds, instead of --review-below.",
        reads=True, metavar="E",
    )  # fmt: skip
    page_timeout: float = _option(
        60.0, "Time limit in seconds; a page that takes longer fails.", reads=False, metavar="S"
    )
    cluster: str | None = _option(
        None, "Read the pages on the workers of this Dask scheduler, such as tcp://host:8786.",
        reads=False, metavar="ADDRESS",
    )  # fmt: skip
    log_json: Path | None = _option(
        None, "Write a line for each page when it is done: a JSON object with its times and "
        "counts.",
        reads=False, metavar="FILE", parse=Path,
    )  # fmt: skip
    memory: float | None = _option(
        None, "Limit of memory for each worker in GiB; a page that takes more fails.",
        reads=False, metavar="GIB", default="a share of the machine's memory",
    )  # fmt: skip
    max_pages: int = _option(5000, "A file with more pages is not read.", reads=False, metavar="N")
    max_size: float = _option(
        1.0, "A file that is larger, in GiB, is not read.", reads=False, metavar="GIB"
    )
    template: Path | Literal["auto"] | None = _option(
        None, "Template of the form, or folder of templates: fields are read where the form has "
        "them, and have names (see formreader template). auto learns the forms from the pages "
        "themselves, and keeps the templates beside the table.",
        reads=False, metavar="FOLDER|auto", parse=_as_template,
    )  # fmt: skip
    split_forms: bool | None = _option(
        None, "With --rows page: write one table for each form, results.FORM.csv beside --out, "
        "which then has the pages of no known form; or one for all forms.  [default: "
        "--split-forms where the pages are of several forms]",
        reads=False, negative="one_table",
    )  # fmt: skip
    tls_ca_file: Path | None = _option(
        None, "Certificate (PEM) of the authority that the cluster's machines trust, for tls:// "
        "ones.",
        reads=False, metavar="FILE", parse=Path,
    )  # fmt: skip
    tls_cert: Path | None = _option(
        None, "This machine's certificate (PEM) for the cluster.",
        reads=False, metavar="FILE", parse=Path,
    )  # fmt: skip
    tls_key: Path | None = _option(
        None, "The key (PEM) of --tls-cert.", reads=False, metavar="FILE", parse=Path
    )
    second_reader: SecondReaderName | None = _option(
        None, "Ask this reader, which others made, about doubtful numbers in cells; needs pip "
        "install 'formreader[labels]'.",
        reads=True, choices=get_args(SecondReaderName),
    )  # fmt: skip
    language: str | None = _option(
        None, "Language of the table's messages and of pages in the browser.  [default: English "
        "in tables, on pages that of the browser]",
        reads=False, parse=str,
    )  # fmt: skip

    def for_reading(self) -> ScanOptions:
        """The options that what reads pages is given; the others have their defaults."""
        names = (name for name, option in SCAN_OPTIONS.items() if option.reads)
        return ScanOptions(paths=(), **{name: getattr(self, name) for name in names})


SCAN_OPTIONS: Mapping[str, Option] = {
    one.name: one.metadata["option"] for one in fields(ScanOptions) if one.name != "paths"
}
"""The options of a scan, by their names."""


@dataclass(frozen=True, slots=True)
class TrainOptions(_Checked):
    """Options of `formreader train`.

    `data`: sets of labelled digits to train on: `mnist`, an .npz, a folder of digit folders,
    or a corrections.csv. `pages`: number of rendered pages whose crops are added to the data.
    `validation`: share of the writers (of the images where writers are unknown) held out to
    choose the checkpoint and to fit the temperature. `writers`: table of MNIST's writers, so
    that no writer is on both sides of the split. `nondigits`: own examples of marks that are
    not digits. `base`: name or folder of a model of the same architecture whose weights
    training starts from. `averaging`: momentum of the moving average of the weights, 0 for
    none. `smoothing`: label smoothing, the share of each label spread over all classes.
    `minutes`: time for all of it. Pages and epochs are then as many as fit, at most those given.
    `epoch_share`: share of the data in each epoch.
    `root`: folder that the pages of a corrections.csv may lie in; None for its own.
    `fresh`: begin anew rather than resume an interrupted run.
    """

    out: Path = Path("models/own")
    augment: bool = True
    epochs: int = 30
    batch: int = 128
    learning_rate: float = 2e-3
    validation: float = 0.1
    patience: int = 8
    seed: int = 1
    writers: Path | None = None
    nondigits: Path | None = None
    base: str | None = None
    arch: Architecture = "cnn"
    data: tuple[str, ...] = ("mnist",)
    pages: int = 800
    averaging: float = 0.999
    smoothing: float = 0.0
    minutes: float | None = None
    epoch_share: float = 1.0
    root: Path | None = None
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class ImproveOptions(_Checked):
    """Options of `formreader improve`.

    `jobs` are the tables of scans with corrections. `out`: folder for the model. `model` is the one
    to start from; None for the shipped one, if that read the pages. `writers`: who wrote what.
    """

    jobs: tuple[Place, ...]
    out: Path = Path("models/own")
    model: str | None = None
    writers: Path | None = None
    epochs: int = 4
    learning_rate: float = 5e-4
    seed: int = 1


@dataclass(frozen=True, slots=True)
class EvaluateOptions(_Checked):
    """Options of `formreader evaluate`.

    `data`: `mnist` (its test set), an .npz or a folder of digit folders. `out`: folder for the
    pictures. `json`: file for the measured figures.
    """

    model: str = DEFAULT_MODEL
    data: str = "mnist"
    out: Path = Path("evaluation")
    json: Path | None = None
    device: Device = "auto"
    batch: int = 1024


@dataclass(frozen=True, slots=True)
class InspectOptions(_Checked):
    """Options of `formreader inspect`: `data` as for training, `out` the folder for pictures."""

    data: str = "mnist"
    writers: Path | None = None
    out: Path = Path("inspection")
    seed: int = 1


@dataclass(frozen=True, slots=True)
class ExplainOptions:
    """Options of `formreader explain`: `image` shows one digit, `out` is the picture to write."""

    image: str
    model: str = DEFAULT_MODEL
    out: Path | None = None


@dataclass(frozen=True, slots=True)
class CompareOptions(_Checked):
    """Options of `formreader compare`.

    `examples`: number of digits to train each method on; 0 for all (slow for an SVM).
    `augment`: augment the digits that networks are trained on.
    """

    methods: tuple[Method, ...] = get_args(Architecture) + ("knn", "svm")
    out: Path = Path("comparison")
    data: tuple[str, ...] = ("mnist",)
    epochs: int = 5
    batch: int = 128
    examples: int = 10_000
    augment: bool = False
    seed: int = 1
    writers: Path | None = None


@dataclass(frozen=True, slots=True)
class ServeOptions(_Checked):
    """Options of `formreader serve`; sizes are in GiB.

    `scan` has the options that all jobs share: model, device, workers, limits of pages, thresholds
    and the template; its `paths`, `out` and `report` are those of each job. `data` is the folder
    that holds jobs and templates. `token_file` has the secret that clients must give.
    `hosts` are the names by which clients may call the service, besides its address. `keep_days`:
    days after which a finished job is deleted, 0 for never. `max_upload` limits an upload,
    also unpacked; `max_queue` the jobs that wait or run, `max_queue_client` those of one address.
    `watch` is a folder whose new files are read; `watch_move`: they are moved, else they stay.
    `watch_jobs`: they go to one job a day, or one for each folder below it.
    """

    scan: ScanOptions = field(default_factory=lambda: ScanOptions(paths=()))
    host: str = "127.0.0.1"
    port: int = 8000
    data: Path = Path("formreader-data")
    token_file: Path | None = None
    hosts: tuple[str, ...] = ()
    keep_days: float = 30.0
    max_upload: float = 1.0
    max_queue: int = 1000
    max_queue_client: int = 250
    watch: Path | None = None
    watch_move: bool = True
    watch_jobs: WatchJobs = "day"
