"""All options and their defaults. The command line derives its own from here."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

Rows: TypeAlias = Literal["field", "digit"]
Device: TypeAlias = Literal["auto", "cpu", "gpu"]

DEFAULT_MODEL = "digits"
"""Name of the model folder that ships with the program."""


def usable_cores() -> int:
    """Number of processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class ScanOptions:
    """Options of `formreader scan`.

    `review_below`: digits with a lower confidence than this are for review.
    `report`: file of the review report; None beside the CSV; `"none"` for no report.
    `workers`: processes for page work. `batch`: crops a call of the network.
    `debug`: folder for pages with the found boxes drawn on them.
    """

    paths: tuple[str, ...]
    out: Path = Path("results.csv")
    rows: Rows = "field"
    review_below: float = 0.95
    model: str = DEFAULT_MODEL
    report: str | None = None
    workers: int = field(default_factory=usable_cores)
    device: Device = "auto"
    batch: int = 1024
    fresh: bool = False
    debug: Path | None = None


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """Options of `formreader train`.

    `validation`: share of the writers (of the images where writers are unknown)
    held out to choose the checkpoint and fit the temperature. `writers`: table of
    MNIST's writers, for a split without a writer on both sides. `nondigits`: own
    examples of marks that are no digits. `base`: name or folder of a model of the
    same network whose weights training begins with.
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
