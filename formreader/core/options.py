"""All options and their defaults. The command line derives its own from here."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from formreader.core.locations import Place

Rows: TypeAlias = Literal["field", "digit"]
Device: TypeAlias = Literal["auto", "cpu", "gpu"]
Architecture: TypeAlias = Literal["mlp", "lenet", "cnn", "resnet"]
Method: TypeAlias = Literal[Architecture, "knn", "svm"]

DEFAULT_MODEL = "digits"
"""Name of the model folder that ships with the program."""


def usable_cores() -> int:
    """Number of processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class ScanOptions:
    """Options of `formreader scan`.

    `out`: the table; a URL is text, not a path.
    `review_below`: digits with a lower confidence than this are for review. `max_error`: share
    of the accepted digits that may be wrong; the model card tells the threshold that keeps it,
    which then takes the place of `review_below`.
    `report`: file of the review report; None beside the CSV; `"none"` for no report.
    `workers`: processes for page work. `batch`: crops a call of the network.
    `debug`: folder for pages with the found boxes drawn on them. `page_timeout`: seconds after
    which a page is given up. `cluster`: address of a Dask scheduler whose workers do the page
    work; None for processes of this machine. `log_json`: file for a JSON object a page.
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


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """Options of `formreader train`.

    `data`: sets of labelled digits to train on: `mnist`, an .npz, a folder of digit folders,
    or a corrections.csv. `pages`: rendered pages whose crops are trained on as well.
    `validation`: share of the writers (of the images where writers are unknown)
    held out to choose the checkpoint and fit the temperature. `writers`: table of
    MNIST's writers, for a split without a writer on both sides. `nondigits`: own
    examples of marks that are no digits. `base`: name or folder of a model of the
    same network whose weights training begins with. `averaging`: momentum of the moving
    average of the weights, 0 for none. `smoothing`: share of each label that is spread over
    all classes. `fresh`: begin anew where an interrupted run could be gone on with.
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
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class EvaluateOptions:
    """Options of `formreader evaluate`.

    `data`: `mnist` (its test set), an .npz or a folder of digit folders. `out`: folder for the
    pictures. `json`: file for the figures.
    """

    model: str = DEFAULT_MODEL
    data: str = "mnist"
    out: Path = Path("evaluation")
    json: Path | None = None
    device: Device = "auto"
    batch: int = 1024


@dataclass(frozen=True, slots=True)
class InspectOptions:
    """Options of `formreader inspect`: `data` as in training, `out` the folder for pictures."""

    data: str = "mnist"
    writers: Path | None = None
    out: Path = Path("inspection")
    seed: int = 1


@dataclass(frozen=True, slots=True)
class ExplainOptions:
    """Options of `formreader explain`: an image of one digit, and the picture to write."""

    image: str
    model: str = DEFAULT_MODEL
    out: Path | None = None


@dataclass(frozen=True, slots=True)
class CompareOptions:
    """Options of `formreader compare`.

    `examples`: digits to train each method on, all where 0 (an SVM then takes long). `augment`:
    vary the digits that networks are trained on.
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
