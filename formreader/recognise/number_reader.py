"""The network that reads a whole number on the strip of its cell, as it ships."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from formreader.core.classes import CLASSES, NOT_A_DIGIT, Probabilities
from formreader.core.model_folder import (
    HAND_FILE,
    NUMBER_MODEL,
    QUICK_FILE,
    GraphTrial,
    card_errors,
    card_hashes,
    load_graph,
    model_folder,
    read_card_file,
    try_graph,
)
from formreader.crop.number_strips import STRIP_HEIGHT, Strip
from formreader.recognise.ctc import (
    CHARACTERS,
    CTC_CLASSES,
    NO_CHARACTER,
    NOT_A_NUMBER,
    NOTHING_WRITTEN,
    Alignment,
    Places,
    best_alignments,
    log_probabilities,
    place_probabilities,
)
from formreader.recognise.model_card import CalibrationRow, calibration_rows
from formreader.recognise.number_confidence import ConfidenceModel
from formreader.recognise.page_hand import Features, PageHand

if TYPE_CHECKING:
    import onnxruntime

NUMBER_CARD_SCHEMA = 3
"""Version of the card's layout; a card of another version is refused."""

COLUMNS_PER_PLACE, PLACES_PER_FEATURES = 2, 2
"""Columns of the strip per place of the output, and places per column of the feature map."""

_STRIP_WIDTH_STEP, _MIN_STRIP_PADDING = 32, 8
"""Strips are padded to multiples of the first, in pixels, so that many have one width and are read
at once. The padding is at least the second, so that no digit is at the very end."""

_STRIPS_PER_CALL = 32
"""Strips in one call of the network. With more, its maps do not stay in the processor's cache. Not
measured."""

_TRIAL_WIDTH = 2 * _STRIP_WIDTH_STEP
"""Width of the strip that the network is tried on, in pixels."""

NUMBER_TRIAL = GraphTrial(
    {"strips": np.tri(STRIP_HEIGHT, _TRIAL_WIDTH, dtype=np.uint8)[None] * 255},
    "logits",
    (1, _TRIAL_WIDTH // COLUMNS_PER_PLACE, CTC_CLASSES),
)
"""A strip, which the network must be able to read."""


def _features_trial(hand: PageHand) -> GraphTrial:
    """The same strip, to check that the network gives as many features as the hand has."""
    columns = _TRIAL_WIDTH // COLUMNS_PER_PLACE // PLACES_PER_FEATURES
    return replace(NUMBER_TRIAL, output="last_features", shape=(1, columns, hand.features))


Outputs: TypeAlias = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]
"""Logits (n, w / 2, CTC_CLASSES) of the places along n strips of width w, and the input (n, w / 4,
f) of the network's last layer, for each column of its map; f is 0 if nobody needs these
features."""

OutputsOf: TypeAlias = Callable[[npt.NDArray[np.uint8]], Outputs]
"""Runs the network on strips (n, STRIP_HEIGHT, w) of one width."""


@dataclass(frozen=True, eq=False)
class NumberHypothesis:
    """The network's hypothesis for a strip.

    `places` (t, CTC_CLASSES) are the probabilities at each place. `alignment` has the most probable
    characters, and `probability` is that of their string. `blank` is the probability that nothing
    is written. `features` (k, f) are those of its k digits; f is 0 without writer adaptation.
    """

    places: npt.NDArray[np.float32]
    alignment: Alignment
    probability: float
    blank: float
    features: Features = field(default_factory=lambda: np.zeros((0, 0), np.float32))

    @cached_property
    def digits(self) -> list[int]:
        """Indices of the digits among the characters of the alignment."""
        return [i for i, one in enumerate(self.alignment.text) if one.isdecimal()]

    @cached_property
    def digit_probabilities(self) -> Probabilities:
        """The class probabilities (k, 11) of each digit at its clearest place."""
        rows = np.zeros((len(self.digits), len(CLASSES)), np.float32)
        clearest = _digit_places(self.places, self.alignment)
        rows[:, :NOT_A_DIGIT] = self.places[clearest, :NOT_A_DIGIT]
        rows[:, NOT_A_DIGIT] = np.maximum(1.0 - rows.sum(axis=1), 0.0)
        return rows

    def probability_of(self, text: str) -> float:
        """The probability of another string of characters."""
        return float(np.exp(log_probabilities(self.places[None], [text])[0]))


class NumberReader:
    """Reads strips in batches. The result of a strip does not depend on the other strips.

    With a `hand` the readings are adapted to the writer of the page.
    """

    def __init__(
        self,
        outputs_of: OutputsOf,
        confidence: ConfidenceModel,
        calibration: tuple[CalibrationRow, ...] = (),
        hand: PageHand | None = None,
    ) -> None:
        self.outputs_of = outputs_of
        self.confidence, self.calibration, self.hand = confidence, calibration, hand

    @classmethod
    def load(cls, folder: Path) -> NumberReader:
        """Load a model folder, to run in one thread.

        Raises:
            ModelError: the folder's card or graph is missing, damaged or of another version.
        """
        with card_errors(folder):
            card = read_card_file(folder, NUMBER_CARD_SCHEMA)
            hashes, model = card_hashes(card), ConfidenceModel.from_card(card)
            calibration = calibration_rows(card)
        hand = PageHand.load(folder, hashes) if HAND_FILE in hashes else None
        session = load_graph(folder, hashes, 1, NUMBER_TRIAL, QUICK_FILE)
        if hand is not None:
            try_graph(session, _features_trial(hand), folder, QUICK_FILE)
        return cls(outputs_of_graph(session, hand is not None), model, calibration, hand)

    def read(self, strips: Sequence[Strip]) -> list[NumberHypothesis]:
        """Read the numbers on strips."""
        read: dict[int, NumberHypothesis] = {}
        for chosen, places, features in read_places(strips, self.outputs_of):
            read |= zip(chosen, hypotheses_of(places, features), strict=True)
        return [read[i] for i in range(len(strips))]


def outputs_of_graph(
    session: onnxruntime.InferenceSession, with_features: bool = True
) -> OutputsOf:
    """Run an exported network. One without writer adaptation may give no features."""

    def outputs_of(strips: npt.NDArray[np.uint8]) -> Outputs:
        if not with_features:
            (logits,) = session.run(["logits"], {"strips": strips})
            return logits, no_features(strips)
        logits, features = session.run(["logits", "last_features"], {"strips": strips})
        return logits, features

    return outputs_of


def no_features(strips: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Empty features of strips, (n, w / 4, 0), if nobody needs them."""
    columns = strips.shape[2] // (COLUMNS_PER_PLACE * PLACES_PER_FEATURES)
    return np.zeros((len(strips), columns, 0), np.float32)


def read_places(
    strips: Sequence[Strip], outputs_of: OutputsOf
) -> list[tuple[list[int], Places, npt.NDArray[np.float32]]]:
    """Read strips in groups of one padded width; yields their indices, places and features."""
    groups = defaultdict[int, tuple[list[int], list[Outputs]]](lambda: ([], []))
    for chosen, stack in stacks_of(strips):
        indices, outputs = groups[stack.shape[2]]
        indices += chosen
        outputs.append(outputs_of(stack))
    read = []
    for indices, outputs in groups.values():
        logits, features = map(np.concatenate, zip(*outputs, strict=True))
        read.append((indices, place_probabilities(logits), features))
    return read


def stacks_of(strips: Sequence[Strip]) -> Iterator[tuple[list[int], npt.NDArray[np.uint8]]]:
    """Batches of strips for the network: their indices, and the strips padded to one width."""
    by_width = defaultdict[int, list[int]](list)
    for i, strip in enumerate(strips):
        by_width[padded_width(strip.shape[1])].append(i)
    for width, of_width in sorted(by_width.items()):
        for start in range(0, len(of_width), _STRIPS_PER_CALL):
            chosen = of_width[start : start + _STRIPS_PER_CALL]
            yield chosen, padded([strips[i] for i in chosen], width)


def padded_width(width: int) -> int:
    """The width that a strip is padded to. It depends on no other strip."""
    return -(-(width + _MIN_STRIP_PADDING) // _STRIP_WIDTH_STEP) * _STRIP_WIDTH_STEP


def padded(strips: Sequence[Strip], width: int) -> npt.NDArray[np.uint8]:
    """Strips in one array, (n, STRIP_HEIGHT, width), with paper on their right."""
    stack = np.zeros((len(strips), STRIP_HEIGHT, width), np.uint8)
    for row, strip in zip(stack, strips, strict=True):
        row[:, : strip.shape[1]] = strip
    return stack


def hypotheses_of(places: Places, features: npt.NDArray[np.float32]) -> list[NumberHypothesis]:
    """The hypotheses of n strips of one width, with the features (n, c, f) of their columns.

    Where most of what is written are digits, the others are taken for doubtful ones.
    """
    alignments, n = best_alignments(places), len(places)
    doubtful = [i for i, one in enumerate(alignments) if _is_doubtful_number(one.text)]
    named = places[doubtful]
    named[:, :, CHARACTERS.index(NOT_A_NUMBER)] = 0
    for i, alignment in zip(doubtful, best_alignments(named), strict=True):
        alignments[i] = alignment
    texts = [*(alignment.text for alignment in alignments), *[NOTHING_WRITTEN] * n]
    logs = log_probabilities(np.concatenate([places, places]), texts)
    said_blank = np.exp(logs[n:])
    unsaid = places[:, :, NO_CHARACTER].prod(axis=1, dtype=np.float64)
    numbers = zip(places, alignments, np.exp(logs[:n]), said_blank + unsaid, features, strict=True)
    return [
        NumberHypothesis(
            row, alignment, float(number), float(blank), _of_digits(row, alignment, columns)
        )
        for row, alignment, number, blank, columns in numbers
    ]


def _is_doubtful_number(text: str) -> bool:
    """Whether some of a text's characters are no digits, but more are."""
    return 0 < text.count(NOT_A_NUMBER) < sum(map(str.isdecimal, text))


def _digit_places(places: npt.NDArray[np.float32], alignment: Alignment) -> list[int]:
    """The clearest place of each digit of an alignment, given the probabilities (t, classes)."""
    clearest = places[:, :NOT_A_DIGIT].max(axis=1)
    return [
        int(start + clearest[start:end].argmax())
        for one, start, end in zip(alignment.text, alignment.starts, alignment.ends, strict=True)
        if one.isdecimal()
    ]


def _of_digits(
    places: npt.NDArray[np.float32], alignment: Alignment, features: npt.NDArray[np.float32]
) -> Features:
    """The features of the digits, (k, f), from those of the columns of the map, (c, f)."""
    if not features.shape[1]:
        return np.zeros((0, 0), np.float32)
    return features[np.array(_digit_places(places, alignment), np.int64) // PLACES_PER_FEATURES]


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
