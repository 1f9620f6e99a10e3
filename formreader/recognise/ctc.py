"""CTC: from class probabilities along a strip to a string and its probability.

At each place along the strip the network gives the probability of each character and of "no
character". The probability of a string is the sum over all alignments of its characters
(connectionist temporal classification: Graves et al., "Connectionist temporal classification",
2006).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

NOT_A_NUMBER, NOTHING_WRITTEN = "?", "_"
"""Characters for writing that is no number (struck out, a letter, a scribble) and for a blank
cell."""

CHARACTERS = "0123456789.,-" + NOT_A_NUMBER + NOTHING_WRITTEN
"""The characters that the network recognises. The index of a character is its class."""

NO_CHARACTER = len(CHARACTERS)
"""Class of the places between characters."""

CTC_CLASSES = len(CHARACTERS) + 1
"""Number of the network's classes."""

_MIN_PLACE_PROBABILITY = 1e-12
"""Keeps the logarithm of a probability finite."""

_MIN_CHARACTER_PROBABILITY = 1e-4
"""The beam search skips characters with a lower probability at a place. A choice for speed: such a
text would be a thousandth as probable as any that a rule considers. Not measured."""

Places: TypeAlias = npt.NDArray[np.float32]
"""(n, t, CTC_CLASSES) float32 probabilities of the classes at t places along each of n strips."""


@dataclass(frozen=True, slots=True, eq=False)
class Alignment:
    """The characters read along a strip: `text`, and where each stands.

    `starts` and `ends` (k,) are the first place of each character and the place after its last.
    `peaks` (k,) are the highest probabilities.
    """

    text: str
    starts: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    peaks: npt.NDArray[np.float64]


def place_probabilities(logits: npt.NDArray[np.float32]) -> Places:
    """The softmax of logits (n, t, CTC_CLASSES)."""
    powers = np.exp(logits - logits.max(axis=2, keepdims=True))
    return np.asarray(powers / powers.sum(axis=2, keepdims=True), np.float32)


def best_alignments(places: Places) -> list[Alignment]:
    """The alignment of each of n strips by its most probable classes (best path decoding)."""
    best = places.argmax(axis=2)  # (n, t)
    peaks = places.max(axis=2)
    return [_alignment(row, peak) for row, peak in zip(best, peaks, strict=True)]


def _alignment(best: npt.NDArray[np.int64], peaks: npt.NDArray[np.float32]) -> Alignment:
    """Join equal neighbours of the classes (t,) and drop the places without a character."""
    runs = list[tuple[int, int, int]]()
    start = 0
    for character, run in groupby(best.tolist()):
        end = start + sum(1 for _ in run)
        if character != NO_CHARACTER:
            runs.append((character, start, end))
        start = end
    highest = peaks.tolist()
    return Alignment(
        "".join(CHARACTERS[character] for character, _, _ in runs),
        np.array([start for _, start, _ in runs], np.int64),
        np.array([end for _, _, end in runs], np.int64),
        np.array([max(highest[start:end]) for _, start, end in runs], np.float64),
    )


def log_probabilities(places: Places, texts: Sequence[str]) -> npt.NDArray[np.float64]:
    """The natural logarithm of each text's probability on its strip, (n,).

    By the forward algorithm; -inf for a text that is too long for its strip.
    """
    n, steps, _ = places.shape
    longest = max(map(len, texts), default=0)
    states = np.full((n, 2 * longest + 1), NO_CHARACTER, np.int64)
    for row, text in zip(states, texts, strict=True):
        row[1 : 2 * len(text) : 2] = [CHARACTERS.index(c) for c in text]
    # "No character" between two characters may be skipped if they differ.
    skips = np.zeros(states.shape, np.bool_)
    skips[:, 2:] = (states[:, 2:] != NO_CHARACTER) & (states[:, 2:] != states[:, :-2])
    emitted = np.take_along_axis(places.astype(np.float64), states[:, None, :], axis=2)
    emitted = np.maximum(emitted, _MIN_PLACE_PROBABILITY)
    ends = 2 * np.array([len(text) for text in texts], np.int64)
    emitted *= (np.arange(states.shape[1]) <= ends[:, None])[:, None]
    reached = np.zeros(states.shape)
    reached[:, :2] = 1.0
    log_scale = np.zeros(n)
    for step in range(steps):
        if step:
            before = reached.copy()
            reached[:, 1:] += before[:, :-1]
            reached[:, 2:] += before[:, :-2] * skips[:, 2:]
        reached *= emitted[:, step]
        # Scaled by the largest: unlike a rounded sum it does not depend on the other strips.
        scale = reached.max(axis=1)
        reached /= scale[:, None]
        log_scale += np.log(scale)
    rows = np.arange(n)
    last = reached[rows, ends] + np.where(ends > 0, reached[rows, np.maximum(ends - 1, 0)], 0.0)
    with np.errstate(divide="ignore"):
        return np.asarray(log_scale + np.log(last), np.float64)


def likely_texts(places: npt.NDArray[np.float32], beam: int = 12) -> list[tuple[str, float]]:
    """The most probable texts of one strip with their probabilities, the most probable first.

    By prefix beam search (Hannun and others, "First-Pass Large Vocabulary Continuous Speech
    Recognition using Bi-Directional Recurrent DNNs", 2014), which sums over alignments. At each
    place only the `beam` most probable texts are kept. So the probabilities are lower bounds, which
    are tight for the first texts.

    Args:
        places: (t, CTC_CLASSES) probabilities along the strip.
        beam: number of texts.
    """
    # For each prefix: the probability of ending with "no character", and with its last character.
    reached: dict[str, tuple[float, float]] = {"": (1.0, 0.0)}
    for row in places.astype(np.float64):
        chosen = np.flatnonzero(row[:NO_CHARACTER] > _MIN_CHARACTER_PROBABILITY)
        characters = [(CHARACTERS[c], float(row[c])) for c in chosen.tolist()]
        between = float(row[NO_CHARACTER])
        following = defaultdict[str, list[float]](lambda: [0.0, 0.0])
        for text, (ended, inside) in reached.items():
            following[text][0] += (ended + inside) * between
            for character, probability in characters:
                if text.endswith(character):
                    following[text][1] += inside * probability
                    following[text + character][1] += ended * probability
                else:
                    following[text + character][1] += (ended + inside) * probability
        ranked = sorted(following.items(), key=lambda one: (-sum(one[1]), one[0]))
        reached = {text: (a, b) for text, (a, b) in ranked[:beam]}
    return [(text, sum(parts)) for text, parts in reached.items() if sum(parts)]
