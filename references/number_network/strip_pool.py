"""Compose the strips to train or to measure on, with a process for each core."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from itertools import pairwise
from pathlib import Path

import numpy as np

from formreader.core.image_pyramid import Pyramid
from formreader.core.records import FieldCrops
from formreader.crop.number_strips import Strip, cut_cells
from formreader.synth.render import map_in_processes
from number_network.cell_composing import CellComposer, ComposedCell
from number_network.number_hands import load_hands

STRIPS_PER_SHEET = 64
"""Strips that are composed at a time, from one seed; they share their neighbours' ink."""

_PLACES_PER_PIXEL = 0.5
"""Places along the strip that the network decides on, for each of its columns."""


@dataclass(frozen=True, slots=True, eq=False)
class LabelledStrip:
    """A strip and the characters of `recognise.ctc` that are to be read from it."""

    strip: Strip
    target: str


@dataclass(frozen=True, slots=True)
class HandSource:
    """Which hands write: the sets of `load_hands`, its seed, and whether they are held back."""

    writers: Path | None
    digits: tuple[str, ...]
    seed: int
    held_back: bool = False


def compose_strips(
    source: HandSource, first_seed: int, count: int, tell: Callable[[str], None]
) -> list[LabelledStrip]:
    """Compose `count` strips from the seeds that follow `first_seed`, with all cores."""
    sheets = -(-count // STRIPS_PER_SHEET)
    compose = partial(compose_sheet, source)
    made = map_in_processes(compose, range(first_seed, first_seed + sheets), tell)
    return [strip for sheet in made for strip in sheet][:count]


def compose_sheet(source: HandSource, seed: int) -> list[LabelledStrip]:
    """Compose strips from one seed; a number that is too narrow to be read is left out."""
    cells = composer(source).compose(STRIPS_PER_SHEET, np.random.default_rng(seed))
    strips = [(cut_composed(one).strip, one.target) for one in cells]
    labelled = (LabelledStrip(strip.darkness, target) for strip, target in strips if strip)
    return [one for one in labelled if fits(one)]


def cut_composed(one: ComposedCell) -> FieldCrops:
    """Cut a composed cell as those of pages are cut."""
    (field,) = cut_cells(Pyramid(one.image), one.writing, [one.cell])
    return field


@cache
def composer(source: HandSource) -> CellComposer:
    """The composer of a source, made once per process."""
    hands = load_hands(source.writers, source.digits, source.seed, held_back=source.held_back)
    return CellComposer(hands)


def fits(one: LabelledStrip) -> bool:
    """Whether a strip has a place for each character and between equal ones."""
    equal = sum(a == b for a, b in pairwise(one.target))
    return len(one.target) + equal <= int(_PLACES_PER_PIXEL * one.strip.shape[1])
