"""Words to print on forms, in several languages, in plain Latin letters for the built-in fonts."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np

_WORDS = tomllib.loads(Path(__file__).with_name("words.toml").read_text(encoding="utf-8"))

LABELS, TITLES, NOTES, _ONSETS, _NUCLEI, _CODAS = (
    tuple(map(str, _WORDS[name]))
    for name in ("labels", "titles", "notes", "onsets", "nuclei", "codas")
)
"""Labels of fields, titles of forms, notes to who fills them in; parts of made-up syllables."""


def pick(choices: tuple[str, ...], rng: np.random.Generator) -> str:
    """One of the choices."""
    return choices[int(rng.integers(len(choices)))]


def filler(n: int, rng: np.random.Generator) -> str:
    """A sentence of `n` random words."""
    return " ".join(rng.choice(_WORDS["filler"].split(), n).tolist()).capitalize() + "."


def made_up(rng: np.random.Generator) -> str:
    """A made-up word of one to four syllables."""
    parts = []
    for _ in range(int(rng.integers(1, 5))):
        parts += [pick(_ONSETS, rng), pick(_NUCLEI, rng), pick(_CODAS, rng)]
    return "".join(parts)


def caption(rng: np.random.Generator) -> str:
    """A label of a field, a column or a row, sometimes numbered."""
    name = pick(LABELS, rng)
    if rng.random() < 0.3:
        name = " ".join(made_up(rng) for _ in range(int(rng.integers(1, 4)))).capitalize()
    kind = rng.random()
    if kind < 0.1:
        return f"{int(rng.integers(1, 30))}. {name}"
    if kind < 0.15:
        return f"{name} ({made_up(rng)})"
    if kind < 0.25:
        return name.upper()
    return name + (":" if kind > 0.8 else "")


def prose(n: int, rng: np.random.Generator) -> str:
    """A sentence of `n` words, some of them made up, some numbers."""
    words = filler(n, rng).rstrip(".").split()
    for i in range(1, len(words)):
        kind = rng.random()
        if kind < 0.25:
            words[i] = made_up(rng)
        elif kind < 0.3:
            words[i] = str(rng.integers(10 ** int(rng.integers(1, 5))))
    return " ".join(words) + "."
