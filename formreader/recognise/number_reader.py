"""The network that reads a whole number from the strip of its cell, as it ships."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from formreader.core.graph_trial import GraphTrial
from formreader.core.model_folder import (
    NUMBER_MODEL,
    QUICK_FILE,
    card_errors,
    card_hashes,
    load_graph,
    model_folder,
    read_card_file,
)
from formreader.recognise.ctc import (
    CTC_CLASSES,
    NO_CHARACTER,
    NOTHING_WRITTEN,
    Places,
    Spelling,
    best_spellings,
    log_probabilities,
    place_probabilities,
)
from formreader.recognise.model_card import CalibrationRow, calibration_rows
from formreader.recognise.vote_weights import VoteWeights, vote_weights
from formreader.segment.number_strip import STRIP_HEIGHT, Strip

if TYPE_CHECKING:
    import onnxruntime

NUMBER_CARD_SCHEMA = 2
"""Version of the card's layout; a card of another version is refused."""

COLUMNS_PER_PLACE = 2
"""Columns of the strip for each place that the network decides on."""

_STRIP_WIDTH_STEP, _MIN_STRIP_PADDING = 32, 8
"""Strips are padded to multiples of the first width, so that many have the same and are read at
once, by at least the second, so that the last digit is never at the end."""

_STRIPS_PER_CALL = 32
"""Strips that are read at once; with more the maps do not stay in the processor's cache. Not
measured."""

_TRIAL_WIDTH = 2 * _STRIP_WIDTH_STEP
"""Width of the strip that the network is tried on, in pixels."""

NUMBER_TRIAL = GraphTrial(
    {"strips": np.tri(STRIP_HEIGHT, _TRIAL_WIDTH, dtype=np.uint8)[None] * 255},
    "logits",
    (1, _TRIAL_WIDTH // COLUMNS_PER_PLACE, CTC_CLASSES),
)
"""A strip, which the network must be able to read."""

LogitsOf: TypeAlias = Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.float32]]
"""Runs the network: strips (n, STRIP_HEIGHT, w) of one width to logits (n, w / 2, CTC_CLASSES)."""


@dataclass(frozen=True, slots=True, eq=False)
class HeardNumber:
    """What the network reads on a strip.

    `places` is (t, CTC_CLASSES), the probabilities at each place; `spelling` the most probable
    characters, and `probability` that of their string. `blank` is the probability that nothing is
    written.
    """

    places: npt.NDArray[np.float32]
    spelling: Spelling
    probability: float
    blank: float

    def probability_of(self, text: str) -> float:
        """The probability of another string of characters."""
        return float(np.exp(log_probabilities(self.places[None], [text])[0]))


class NumberReader:
    """Reads strips in batches; a strip gives the same result in a batch of any other strips."""

    def __init__(
        self,
        logits_of: LogitsOf,
        weights: VoteWeights,
        calibration: tuple[CalibrationRow, ...] = (),
    ) -> None:
        self._logits_of = logits_of
        self.weights, self.calibration = weights, calibration

    @classmethod
    def load(cls, folder: Path) -> NumberReader:
        """Load a model folder, to run in one thread.

        Raises:
            ModelError: the folder's card or graph is missing, damaged or of another version.
        """
        with card_errors(folder):
            card = read_card_file(folder, NUMBER_CARD_SCHEMA)
            hashes, weights = card_hashes(card), vote_weights(card)
            calibration = calibration_rows(card)
        return cls(
            logits_of_graph(load_graph(folder, hashes, 1, NUMBER_TRIAL, QUICK_FILE)),
            weights,
            calibration,
        )

    def read(self, strips: Sequence[Strip]) -> list[HeardNumber]:
        """Read the numbers on strips."""
        heard: dict[int, HeardNumber] = {}
        for chosen, places in read_places(strips, self._logits_of):
            heard |= zip(chosen, _heard(places), strict=True)
        return [heard[i] for i in range(len(strips))]


def logits_of_graph(session: onnxruntime.InferenceSession) -> LogitsOf:
    """Run an exported network."""

    def logits_of(strips: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        (logits,) = session.run(["logits"], {"strips": strips})
        return np.asarray(logits, np.float32)

    return logits_of


def read_places(strips: Sequence[Strip], logits_of: LogitsOf) -> list[tuple[list[int], Places]]:
    """Read strips in groups of one padded width: the strips' indices, and their places."""
    groups = defaultdict[int, tuple[list[int], list[npt.NDArray[np.float32]]]](lambda: ([], []))
    for chosen, stack in stacks_of(strips):
        indices, logits = groups[stack.shape[2]]
        indices += chosen
        logits.append(logits_of(stack))
    return [
        (indices, place_probabilities(np.concatenate(logits)))
        for indices, logits in groups.values()
    ]


def stacks_of(strips: Sequence[Strip]) -> Iterator[tuple[list[int], npt.NDArray[np.uint8]]]:
    """The strips as the network reads them: the indices of some, and these padded to one width."""
    by_width = defaultdict[int, list[int]](list)
    for i, strip in enumerate(strips):
        by_width[padded_width(strip.shape[1])].append(i)
    for width, of_width in sorted(by_width.items()):
        for start in range(0, len(of_width), _STRIPS_PER_CALL):
            chosen = of_width[start : start + _STRIPS_PER_CALL]
            yield chosen, padded([strips[i] for i in chosen], width)


def padded_width(width: int) -> int:
    """The width that a strip of this width is padded to: it depends on no other strip."""
    return -(-(width + _MIN_STRIP_PADDING) // _STRIP_WIDTH_STEP) * _STRIP_WIDTH_STEP


def padded(strips: Sequence[Strip], width: int) -> npt.NDArray[np.uint8]:
    """Strips in one array, (n, STRIP_HEIGHT, width), with paper on their right."""
    stack = np.zeros((len(strips), STRIP_HEIGHT, width), np.uint8)
    for row, strip in zip(stack, strips, strict=True):
        row[:, : strip.shape[1]] = strip
    return stack


def _heard(places: Places) -> list[HeardNumber]:
    """What is read on n strips of one width."""
    spellings, n = best_spellings(places), len(places)
    texts = [*(spelling.text for spelling in spellings), *[NOTHING_WRITTEN] * n]
    logs = log_probabilities(np.concatenate([places, places]), texts)
    said_blank = np.exp(logs[n:])
    unsaid = places[:, :, NO_CHARACTER].prod(axis=1, dtype=np.float64)
    numbers = zip(places, spellings, np.exp(logs[:n]), said_blank + unsaid, strict=True)
    return [HeardNumber(*one[:2], float(one[2]), float(one[3])) for one in numbers]


def number_calibration() -> tuple[CalibrationRow, ...]:
    """The calibration of the network that ships with the program, without loading it.

    Raises:
        ModelError: its card is missing, damaged or of another version.
    """
    folder = model_folder(NUMBER_MODEL)
    with card_errors(folder):
        return calibration_rows(read_card_file(folder, NUMBER_CARD_SCHEMA))


@cache
def shipped_reader() -> NumberReader:
    """The network that ships with the program, loaded once per process."""
    return NumberReader.load(model_folder(NUMBER_MODEL))
