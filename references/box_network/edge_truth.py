"""Tell which edges of found cells cut what is written, given the true cells."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from box_network.page_pieces import TrainingPage
from formreader.detect.edge_decision import edge_places, ink_of

_Floats: TypeAlias = npt.NDArray[np.float64]
_Flags: TypeAlias = npt.NDArray[np.bool_]

_TOP, _BOTTOM, _LEFT, _RIGHT = range(4)

_MIN_COMMON = 0.3
"""Share of the smaller of a found cell and a true one from which they are the same."""

_TOLERANCE = 0.18
"""Distance of an edge from the true one, in heights of the true cell, that cuts nothing."""

_LINE = (3, 2)
"""Pixels at the true edge and at the found one that may be lines."""

_INSET = 0.12
"""Share of the edge at each end where other lines may be."""

_MIN_INKED = 2
"""Pixels across the edge in which there is ink where something is written."""


def whole_edges(page: TrainingPage, found: _Floats) -> tuple[_Flags, _Flags]:
    """Tell which edges of n found cells, (n, 4, 2), cut nothing, and which cells are for numbers.

    An edge cuts something where there is ink between it and the true edge: of the cell's own
    number, or of the next cell's.

    Returns:
        (n, 4) for the upper, lower, left and right edge; and (n,).
    """
    whole, numbers = np.ones((len(found), 4), np.bool_), np.zeros(len(found), np.bool_)
    true = edge_places(page.cells.astype(np.float64))
    if not len(page.cells):
        return whole, numbers
    ink = ink_of(page.image)
    own = edge_places(found)
    common = np.stack([_common(own, true, one) for one in ((_TOP, _BOTTOM), (_LEFT, _RIGHT))])
    area = np.clip(common, 0, None).prod(axis=0)
    smaller = np.minimum(_areas(own)[:, None], _areas(true))
    for i, k in enumerate(area.argmax(axis=1).tolist()):
        if area[i, k] >= _MIN_COMMON * smaller[i, k]:
            numbers[i] = True
            others = np.arange(len(page.cells)) != k
            beside = common[:, i] > _TOLERANCE * (true[_BOTTOM, k] - true[_TOP, k])
            reached = others & beside.all(axis=0)
            for edge in range(4):
                whole[i, edge] = not _cuts(ink, own[:, i], true[:, k], true[:, reached], edge)
    return whole, numbers


def _cuts(ink: _Flags, own: _Floats, true: _Floats, reached: _Floats, edge: int) -> bool:
    """Whether there is ink between a cell's edge and the true one.

    `reached`, (4, m), are the other true cells that the found one has a part of.
    """
    outwards = 1 if edge in (_BOTTOM, _RIGHT) else -1
    beyond = outwards * (own[edge] - true[edge])
    tolerance = _TOLERANCE * (true[_BOTTOM] - true[_TOP])
    if abs(beyond) <= tolerance:
        return False
    if beyond > 0 and not (outwards * (reached[edge] - true[edge]) > 0).any():
        return False  # it reaches into what is no cell
    first, last = (_LEFT, _RIGHT) if edge in (_TOP, _BOTTOM) else (_TOP, _BOTTOM)
    start, end = max(own[first], true[first]), min(own[last], true[last])
    inset = _INSET * (end - start)
    at_true, at_own = _LINE
    low, high = sorted((true[edge], own[edge]))
    if true[edge] < own[edge]:
        low, high = low + at_true, high - at_own
    else:
        low, high = low + at_own, high - at_true
    part = ink if edge in (_LEFT, _RIGHT) else ink.T
    rows, columns = (
        slice(max(round(a), 0), max(round(b), 0))
        for a, b in ((start + inset, end - inset), (low, high))
    )
    return int(part[rows, columns].any(axis=0).sum()) >= _MIN_INKED


def _common(own: _Floats, true: _Floats, ends: tuple[int, int]) -> _Floats:
    """(n, m) the common length of cells along one axis; negative where they are apart."""
    first, last = ends
    high = np.minimum(own[last][:, None], true[last])
    return np.asarray(high - np.maximum(own[first][:, None], true[first]))


def _areas(place: _Floats) -> _Floats:
    return np.asarray((place[_BOTTOM] - place[_TOP]) * (place[_RIGHT] - place[_LEFT]))
