"""What is written into a cell, and what a reader should make of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

Mark: TypeAlias = Literal[
    "", "struck", "struck, then written", "word", "scribble", "tick", "print", "beside print",
    "line", "cross",
]  # fmt: skip
"""What is in a cell besides a number, or in its place."""

_MAX_NUMBER_LENGTH = 12
"""Longest number in digits."""

_ENDINGS = (".-", ".-", ",-", ".--", "=", "-", ".=")
"""What people write behind a number so that nobody adds to it."""


@dataclass(frozen=True, slots=True)
class CellText:
    """What is written: `text` in symbols of a hand, ` ` for a gap, and a `mark`.

    `target` is what is to be read, in the characters of `recognise.ctc`.
    """

    text: str
    target: str
    mark: Mark = ""


def sample_text(rng: np.random.Generator) -> CellText:
    """A random content of a cell."""
    shares = np.array([share for _, share in _KINDS])
    sample, _ = _KINDS[int(rng.choice(len(_KINDS), p=shares / shares.sum()))]
    return sample(rng)


def _digits(n: int, rng: np.random.Generator) -> str:
    """Random digits; repeated ones and zeros are more frequent than by chance."""
    digits = rng.integers(0, 10, n)
    if rng.random() < 0.12:
        digits[rng.random(n) < 0.6] = digits[0]
    if rng.random() < 0.1:
        digits[-int(rng.integers(1, n + 1)) :] = 0
    if rng.random() < 0.1:
        digits[rng.random(n) < 0.5] = 1
    if rng.random() < 0.15:  # a one beside the cell's line
        digits[-1 if rng.random() < 0.7 else 0] = 1
    return "".join(map(str, digits.tolist()))


def _length(rng: np.random.Generator) -> int:
    """Most numbers are short."""
    if rng.random() < 0.12:
        return int(rng.integers(6, _MAX_NUMBER_LENGTH + 1))
    return int(rng.integers(1, 7))


def _plain(rng: np.random.Generator) -> CellText:
    text = _digits(_length(rng), rng)
    return CellText(text, text)


def _grouped(rng: np.random.Generator) -> CellText:
    """A number with dots, commas or gaps between the thousands."""
    digits = _digits(int(rng.integers(4, 10)), rng)
    separator = (".", ".", ",", " ")[int(rng.integers(4))]
    head = (len(digits) - 1) % 3 + 1
    groups = [digits[:head], *(digits[i : i + 3] for i in range(head, len(digits), 3))]
    text = separator.join(groups)
    return CellText(text, text.replace(" ", ""))


def _decimal(rng: np.random.Generator) -> CellText:
    whole, part = _digits(int(rng.integers(1, 5)), rng), _digits(int(rng.integers(1, 4)), rng)
    text = whole + ".,"[int(rng.integers(2))] + part
    return CellText(text, text)


def _ended(rng: np.random.Generator) -> CellText:
    """A number with a sign behind it that it is complete; both strokes of `=` are one dash."""
    number = (_plain, _plain, _grouped)[int(rng.integers(3))](rng)
    ending = _ENDINGS[int(rng.integers(len(_ENDINGS)))]
    return CellText(number.text + ending, number.target + _read_ending(ending))


def _read_ending(ending: str) -> str:
    return ending.replace("--", "-").replace("=", "-")


def _negative(rng: np.random.Generator) -> CellText:
    number = (_plain, _plain, _decimal)[int(rng.integers(3))](rng)
    return CellText("-" + number.text, "-" + number.target)


def _blank(rng: np.random.Generator) -> CellText:
    return CellText("", "_")


def _dash(rng: np.random.Generator) -> CellText:
    n = int(rng.choice(3, p=(0.75, 0.2, 0.05))) + 1
    return CellText(" ".join("-" * n), "-" * n)


def _long_dash(rng: np.random.Generator) -> CellText:
    """A stroke through an empty cell, which may be long and slanted."""
    return CellText("", "-", "line")


def _cross(rng: np.random.Generator) -> CellText:
    return CellText("X", "?") if rng.random() < 0.3 else CellText("", "?", "cross")


def _struck(rng: np.random.Generator) -> CellText:
    return CellText(_plain(rng).text, "?", "struck")


def _corrected(rng: np.random.Generator) -> CellText:
    """A number struck out with another one beside it."""
    second = _digits(int(rng.integers(1, 5)), rng)
    return CellText(
        _digits(int(rng.integers(1, 4)), rng) + " " + second, "?" + second, "struck, then written"
    )


def _word(rng: np.random.Generator) -> CellText:
    return CellText("", "?", "word")


def _with_unit(rng: np.random.Generator) -> CellText:
    """A number and letters beside it."""
    number = _digits(int(rng.integers(1, 4)), rng)
    return CellText(number, number + "?", "word")


def _with_slashes(rng: np.random.Generator) -> CellText:
    """A date, a fraction, a number out of others: no single number, and a slash is no one."""
    parts = [_digits(int(rng.integers(1, 5)), rng) for _ in range(int(rng.choice((2, 2, 3))))]
    return CellText("/".join(parts), "?".join(parts))


def _scribble(rng: np.random.Generator) -> CellText:
    return CellText("", "?", "scribble")


def _tick(rng: np.random.Generator) -> CellText:
    return CellText("", "?", "tick")


def _print(rng: np.random.Generator) -> CellText:
    """Print alone: nothing is written."""
    return CellText("", "_", "print")


def _beside_print(rng: np.random.Generator) -> CellText:
    """A number beside print, which is no part of it: a unit, a currency, a label, `00`."""
    number = (_plain, _plain, _plain, _decimal)[int(rng.integers(4))](rng)
    return CellText(number.text, number.target, "beside print")


_KINDS: tuple[tuple[Callable[[np.random.Generator], CellText], float], ...] = (
    (_plain, 0.58),
    (_grouped, 0.07),
    (_decimal, 0.05),
    (_ended, 0.06),
    (_negative, 0.03),
    (_blank, 0.07),
    (_dash, 0.015),
    (_long_dash, 0.012),
    (_cross, 0.022),
    (_struck, 0.045),
    (_corrected, 0.01),
    (_word, 0.02),
    (_with_unit, 0.005),
    (_with_slashes, 0.03),
    (_scribble, 0.008),
    (_tick, 0.007),
    (_print, 0.08),
    (_beside_print, 0.13),
)
"""Share of each kind of content. No record of a measurement."""
