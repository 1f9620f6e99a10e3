"""Hands to compose numbers of: writers of MNIST, other sets of digits, and the stroke model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from formreader.synth.strokes import draw_strokes
from formreader.training.augment.digit_styles import STYLED_SHARES, restyle
from formreader.training.augment.pen_strokes import quick_hand
from formreader.training.augment.stroke_damage import ink_bounds
from formreader.training.data.digit_sets import load_set
from formreader.training.data.examples import Examples, held_out, load_mnist, load_writers

Glyph: TypeAlias = npt.NDArray[np.uint8]
"""(h, w) uint8, bright ink on black, cut to its ink."""

MARKS = "-XABDEFGHKLMNPRTUVWY"
"""Marks and letters that the stroke model writes beside digits."""

_VALIDATION_SHARE = 0.06
"""Share of the hands that are held back, by writers where these are known."""

_DRAWN_HANDS, _DRAWN_VARIANTS = 500, 2
"""Hands of the stroke model, and how often each writes every symbol. More take time to draw."""
_DRAWN_HEIGHT = 44.0
"""Height in pixels of a digit of the stroke model."""

_MIN_DIGITS_OF_WRITER = 8
"""A writer with fewer kinds of digits lends none: too many would come from other hands."""
_WRITER_OF_NOBODY = 100
"""Digits of a set without writers that are taken for those of one hand: neighbours in the file
often are. No record of a measurement."""

_ANONYMOUS_SHARE, _WRITERS_SHARE = 0.1, 0.4
"""Shares of a further set of digits without and with writers, beside MNIST's 0.4. Set by eye."""

_STYLED_AMERICANS = 0.4
"""Share of MNIST's writers that get a second hand, with flagged ones, crossed sevens and the like
in place of their own."""


@dataclass(frozen=True, slots=True, eq=False)
class NumberHand:
    """One person's glyphs by symbol, each at least once for every digit."""

    glyphs: dict[str, list[Glyph]]


@dataclass(frozen=True, slots=True)
class HandSets:
    """Hands by their origin, with the share of the numbers that each origin writes."""

    groups: list[tuple[float, list[NumberHand]]] = field(default_factory=list)

    def pick(self, rng: np.random.Generator) -> NumberHand:
        """A random hand."""
        weights = np.array([share for share, _ in self.groups])
        _, hands = self.groups[int(rng.choice(len(weights), p=weights / weights.sum()))]
        return hands[int(rng.integers(len(hands)))]


def load_hands(
    writers: Path | None, digits: Sequence[str], seed: int, *, held_back: bool = False
) -> HandSets:
    """Load the hands to train with, or with `held_back` those to validate with.

    `writers` is a table of MNIST's writers and `digits` are further sets, both as
    `formreader train` takes them.

    Raises:
        NoInputError: a set is missing or invalid.
    """
    rng = np.random.default_rng(seed)
    mnist, _ = load_mnist()
    names = None if writers is None else load_writers(writers, len(mnist.labels))
    hands = HandSets()
    american = list(_by_writer(_part(mnist, names, seed, held_back)))
    hands.groups.append((0.4, american))
    hands.groups.append(
        (0.2, [_restyled(one, rng) for one in american[:: round(1 / _STYLED_AMERICANS)]])
    )
    for source in digits:
        found = load_set(source)
        part = _part(found.examples, found.writers, seed, held_back)
        share = _ANONYMOUS_SHARE if found.writers is None else _WRITERS_SHARE
        hands.groups.append((share, list(_by_writer(part))))
    drawn = round(_DRAWN_HANDS * (_VALIDATION_SHARE if held_back else 1))
    # Another seed for other hands; no seed of a training is as large.
    strokes = np.random.default_rng((seed, int(held_back)))
    hands.groups.append((0.2, [drawn_hand(strokes) for _ in range(drawn)]))
    return hands


def _part(
    examples: Examples, writers: npt.NDArray[np.int64] | None, seed: int, held_back: bool
) -> tuple[Examples, npt.NDArray[np.int64] | None]:
    """The examples of the hands that are held back, or of the others, and their writers."""
    rng = np.random.default_rng(seed)
    out = held_out(len(examples.labels), _VALIDATION_SHARE, rng, writers)
    chosen = out if held_back else ~out
    part = Examples(examples.crops[chosen], examples.labels[chosen])
    return part, None if writers is None else writers[chosen]


def _by_writer(part: tuple[Examples, npt.NDArray[np.int64] | None]) -> Iterator[NumberHand]:
    """Sort digits by their writers; a hand that lacks a digit borrows one of the hand before."""
    examples, writers = part
    if writers is None:
        writers = np.arange(len(examples.labels)) // _WRITER_OF_NOBODY
    borrowed = {str(label): _tight(crop) for crop, label in zip(*_all(examples), strict=True)}
    order = np.argsort(writers, kind="stable")
    for own in np.split(order, np.flatnonzero(np.diff(writers[order])) + 1):
        glyphs: dict[str, list[Glyph]] = {}
        for crop, label in zip(examples.crops[own], examples.labels[own].tolist(), strict=True):
            glyphs.setdefault(str(label), []).append(_tight(crop))
        if len(glyphs) >= _MIN_DIGITS_OF_WRITER:
            yield NumberHand({s: glyphs.get(s) or [borrowed[s]] for s in "0123456789"})


def _all(examples: Examples) -> tuple[npt.NDArray[np.uint8], list[int]]:
    """The last digit of each label: crops (k, 28, 28) and labels."""
    last = [int(np.flatnonzero(examples.labels == label)[-1]) for label in range(10)]
    return examples.crops[last], list(range(10))


def _restyled(hand: NumberHand, rng: np.random.Generator) -> NumberHand:
    """The hand with digits in the styles of other countries where they suit it."""
    glyphs = dict(hand.glyphs)
    for label in STYLED_SHARES:
        styled = restyle(np.stack([_framed(g) for g in glyphs[str(label)]]), label, rng)
        if len(styled):
            glyphs[str(label)] = [_tight(crop) for crop in styled]
    return NumberHand(glyphs)


def _framed(glyph: Glyph) -> Glyph:
    """A glyph of at most 28 pixels in the middle of 28 x 28."""
    canvas = np.zeros((28, 28), np.uint8)
    h, w = glyph.shape
    top, left = (28 - h) // 2, (28 - w) // 2
    canvas[top : top + h, left : left + w] = glyph
    return canvas


def drawn_hand(rng: np.random.Generator) -> NumberHand:
    """A random hand of the stroke model."""
    write = quick_hand(rng)
    pen = float(rng.uniform(0.05, 0.15)) * _DRAWN_HEIGHT
    glyphs = {}
    for symbol in (*"0123456789", *MARKS):
        written = (write(symbol) for _ in range(_DRAWN_VARIANTS))
        drawn = (draw_strokes(strokes, _DRAWN_HEIGHT, 1.0, pen) for strokes in written)
        glyphs[symbol] = [_tight(np.asarray(255 * mask, np.uint8)) for mask in drawn]
    return NumberHand(glyphs)


def _tight(image: npt.NDArray[np.uint8]) -> Glyph:
    x, y, width, height = ink_bounds(image)
    return np.ascontiguousarray(image[y : y + max(height, 1), x : x + max(width, 1)])
