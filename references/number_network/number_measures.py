"""Measure the number network on strips with known content."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from formreader.recognise.ctc import best_alignments
from formreader.recognise.number_reader import OutputsOf, read_places
from number_network.strip_pool import LabelledStrip


@dataclass(frozen=True, slots=True)
class NumberFigures:
    """Counts of strips with a number and those read right, and of others and those read right."""

    numbers: int
    right: int
    others: int
    others_right: int

    @property
    def wrong_share(self) -> float:
        """Share of all strips that are read wrong."""
        strips = self.numbers + self.others
        return (strips - self.right - self.others_right) / max(strips, 1)


def read_texts(strips: Sequence[LabelledStrip], outputs_of: OutputsOf) -> list[str]:
    """What the network reads on each strip."""
    texts = [""] * len(strips)
    for chosen, places, _ in read_places([one.strip for one in strips], outputs_of):
        for i, alignment in zip(chosen, best_alignments(places), strict=True):
            texts[i] = alignment.text
    return texts


def measure_numbers(strips: Sequence[LabelledStrip], outputs_of: OutputsOf) -> NumberFigures:
    """Count the strips whose every character is read right."""
    counts = {True: [0, 0], False: [0, 0]}
    for one, text in zip(strips, read_texts(strips, outputs_of), strict=True):
        is_number = any(map(str.isdecimal, one.target))
        counts[is_number][0] += 1
        counts[is_number][1] += text == one.target
    return NumberFigures(*counts[True], *counts[False])
