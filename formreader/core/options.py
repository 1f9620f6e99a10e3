"""The options of all commands and their defaults, which the command line uses."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Literal, TypeAlias, get_args

from formreader.core.errors import UsageError
from formreader.core.locations import Place

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

NUMBER_RANGES: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
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
)
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


def _check_numbers(options: object) -> None:
    for name in NUMBER_RANGES:
        check_number(name, getattr(options, name, None))


@dataclass(frozen=True, slots=True)
class ScanOptions:
    """Options of `formreader scan`.

    `out`: file of the table, as a path or, for a URL, as text.
    `review_below`: digits in boxes, and numbers in cells, with a lower confidence are marked for
    review. `max_error`: share of the accepted fields that may be wrong, or of the accepted digits
    in a table of digits; thresholds that keep it are taken from the models' cards and replace
    `review_below`.
    `report`: file of the review report; None for one beside the table, `"none"` for no report.
    `workers`: number of processes for page work. `batch`: number of crops in one call of the
    network. `fresh`: discard the job of an earlier run and begin anew.
    `debug`: folder for pictures of the pages with the found boxes. `page_timeout`: seconds
    after which a page is given up. `memory`: GiB after which it is; None for a share of the
    machine's memory. `max_pages`, `max_size`: files with more pages, or larger ones in GiB, are
    refused. `cluster`: address of a Dask scheduler whose workers do the
    page work; None for processes on this machine. `tls_ca_file`, `tls_cert`, `tls_key`: files of
    the certificates with which it and this program know each other; all or none.
    `log_json`: file for one JSON object per page.
    `template`: folder of a template, or of several; "auto" to learn the forms from the pages
    themselves; None to look for fields without.
    `second_reader`: a reader made by others, asked about doubtful numbers in cells.
    """

    paths: tuple[str, ...]
    out: Place = Path("results.csv")
    rows: Rows = "field"
    review_below: float = 0.95
    model: str = DEFAULT_MODEL
    report: str | None = None
    workers: int = field(default_factory=usable_cores)
    device: Device = "auto"
    batch: int = 1024
    fresh: bool = False
    debug: Path | None = None
    max_error: float | None = None
    page_timeout: float = 60.0
    cluster: str | None = None
    log_json: Path | None = None
    memory: float | None = None
    max_pages: int = 5000
    max_size: float = 1.0
    template: Path | Literal["auto"] | None = None
    split_forms: bool | None = None
    tls_ca_file: Path | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    second_reader: SecondReaderName | None = None

    def __post_init__(self) -> None:
        _check_numbers(self)


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """Options of `formreader train`.

    `data`: sets of labelled digits to train on: `mnist`, an .npz, a folder of digit folders,
    or a corrections.csv. `pages`: number of rendered pages whose crops are added to the data.
    `validation`: share of the writers (of the images where writers are unknown) held out to
    choose the checkpoint and to fit the temperature. `writers`: table of MNIST's writers, so
    that no writer is on both sides of the split. `nondigits`: own examples of marks that are
    not digits. `base`: name or folder of a model of the same architecture whose weights
    training starts from. `averaging`: momentum of the moving average of the weights, 0 for
    none. `smoothing`: label smoothing, the share of each label spread over all classes.
    `minutes`: time for all of it; pages and epochs are then as many as fit, up to those given, and
    each epoch goes through `epoch_share` of the data, so that the time is used up.
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

    def __post_init__(self) -> None:
        _check_numbers(self)


@dataclass(frozen=True, slots=True)
class ImproveOptions:
    """Options of `formreader improve`.

    `jobs`: the tables of the scans whose corrections are learned from; their jobs lie beside them.
    `out`: folder for the model. `model`: name or folder of the model to start from; None for the
    shipped one, if that read the pages. `writers`: table of who wrote which file.
    """

    jobs: tuple[Place, ...]
    out: Path = Path("models/own")
    model: str | None = None
    writers: Path | None = None
    epochs: int = 4
    learning_rate: float = 5e-4
    seed: int = 1

    def __post_init__(self) -> None:
        _check_numbers(self)


@dataclass(frozen=True, slots=True)
class EvaluateOptions:
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

    def __post_init__(self) -> None:
        _check_numbers(self)


@dataclass(frozen=True, slots=True)
class InspectOptions:
    """Options of `formreader inspect`: `data` as for training, `out` the folder for pictures."""

    data: str = "mnist"
    writers: Path | None = None
    out: Path = Path("inspection")
    seed: int = 1

    def __post_init__(self) -> None:
        _check_numbers(self)


@dataclass(frozen=True, slots=True)
class ExplainOptions:
    """Options of `formreader explain`: `image` shows one digit, `out` is the picture to write."""

    image: str
    model: str = DEFAULT_MODEL
    out: Path | None = None


@dataclass(frozen=True, slots=True)
class CompareOptions:
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

    def __post_init__(self) -> None:
        _check_numbers(self)


@dataclass(frozen=True, slots=True)
class ServeOptions:
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

    def __post_init__(self) -> None:
        _check_numbers(self)
