"""Leave out the hands that trainings hold back: only then do they tell how strangers are read."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from formreader.training.data.examples import held_out
from page_network.hands import HandBook

_HELD_BACK: tuple[tuple[float, int | list[int]], ...] = ((0.1, [7, 0]), (0.06, 20_000))
"""Shares and seeds by which digits (`formreader train --seed 7`) and numbers hold hands back."""


def kept_hands(book: HandBook) -> HandBook:
    """The book without the writers that either training holds back."""
    return _with(book, kept=True)


def held_back_hands(book: HandBook) -> HandBook:
    """The book with the writers alone that either training holds back."""
    return _with(book, kept=False)


def _with(book: HandBook, *, kept: bool) -> HandBook:
    return replace(
        book,
        stroke_writers=_chosen(book.stroke_writers, len(book.strokes.labels), kept),
        by_writer=_chosen(book.by_writer, len(book.labels), kept),
    )


def _chosen(writers: list[npt.NDArray[np.intp]], n: int, kept: bool) -> list[npt.NDArray[np.intp]]:
    name = np.empty(n, np.int64)
    for i, own in enumerate(writers):
        name[own] = i
    out = np.zeros(n, np.bool_)
    for share, seed in _HELD_BACK:
        out |= held_out(n, share, np.random.default_rng(seed), name)
    return [own for own in writers if out[own[0]] != kept]
