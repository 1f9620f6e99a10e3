"""Cut random pieces from training pages, with the targets of the network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from formreader.look.page_maps import CORE_KINDS, LAYER_STRIDE, LAYERS, core_inset
from page_network.training_pages import TrainingPage
from shared.piece_damage import degrade

PIECE_SIDE = 384
"""Side in pixels of the square pieces."""

LAYER_BITS = slice(0, 4 * LAYERS)
"""Targets of the layers: each has the four pixels of its grid that lie in a cell of the map."""
CORES = slice(4 * LAYERS, 4 * (LAYERS + CORE_KINDS))
"""Whether a pixel of that grid is in the core of a digit box, and of a cell for a number."""
CORE_WEIGHTS = slice(CORES.stop, CORES.stop + 4)
TARGETS = CORE_WEIGHTS.stop

_SCALE_SIGMA, _SCALES = 0.25, (0.6, 1.9)
"""Pages are enlarged by a log-normal factor, within limits."""
_NEAR_A_PLACE = 0.7
"""Share of the pieces around a place."""
_TURN_SIGMA, _STRETCH_SIGMA, _SHEAR_SIGMA = 0.012, 0.06, 0.012

Piece = tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]
"""Darkness (PIECE_SIDE, PIECE_SIDE) and targets (PIECE_SIDE / 4, PIECE_SIDE / 4, TARGETS)."""


def sample_piece(page: TrainingPage, rng: np.random.Generator) -> Piece:
    """Cut a random piece of a page, turned, stretched and damaged a little."""
    matrix = _place(page, rng)
    size = (PIECE_SIDE, PIECE_SIDE)
    image, scale = page.image, float(np.sqrt(np.linalg.det(matrix[:, :2])))
    if scale < 0.85:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), 0.45 / scale), np.uint8)
    piece = cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR, borderValue=(255,))
    warped = cv2.warpAffine(page.layers, matrix, size, flags=cv2.INTER_NEAREST)
    layers = np.asarray(warped, np.uint8)
    half = layers[::2, ::2] | layers[1::2, ::2] | layers[::2, 1::2] | layers[1::2, 1::2]
    bits = np.stack([(half >> k) & 1 for k in range(LAYERS)], axis=-1)
    cores = np.zeros((*half.shape, CORE_KINDS), np.float32)
    weights = np.ones((*half.shape, 1), np.float32)
    for kind, quads in enumerate((page.boxes, page.cells)):
        for quad, lines in _with_lines(_moved(quads, matrix)):
            window, distances = _seen(quad, lines)
            shortest = np.linalg.norm(quad - np.roll(quad, 1, axis=0), axis=1).min()
            cores[window][distances.min(axis=0) >= core_inset(shortest), kind] = 1
    for quad, lines in _with_lines(_moved(page.blind, matrix)):
        window, distances = _seen(quad, lines)
        weights[window][distances.min(axis=0) > 0] = 0
    targets = np.concatenate(
        [in_fours(bits), in_fours(cores), in_fours(weights)], axis=-1, dtype=np.float32
    )
    return degrade(255 - np.asarray(piece, np.uint8), rng), targets


def _place(page: TrainingPage, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """A random (2, 3) affine map from the page to a piece."""
    height, width = page.image.shape
    middle = rng.uniform(0, 1, 2) * (width, height)
    quads = np.concatenate([page.boxes, page.cells])
    if len(quads) and rng.random() < _NEAR_A_PLACE:
        quad = quads[int(rng.integers(len(quads)))]
        along = rng.uniform(0, 1, 2)
        middle = quad[0] + (quad[2] - quad[0]) * along + rng.uniform(-0.45, 0.45, 2) * PIECE_SIDE
    scale = float(np.clip(np.exp(rng.normal(0, _SCALE_SIGMA)), *_SCALES))
    angle, shear = float(rng.normal(0, _TURN_SIGMA)), float(rng.normal(0, _SHEAR_SIGMA))
    stretch = float(np.exp(rng.normal(0, _STRETCH_SIGMA)))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = scale * turn @ np.array([[stretch, shear], [0.0, 1 / stretch]])
    return np.column_stack([linear, PIECE_SIDE / 2 - linear @ middle])


def _moved(
    quads: npt.NDArray[np.float32], matrix: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """The quads that lie at least partly on the piece, in its pixels."""
    moved = quads @ matrix[:, :2].T + matrix[:, 2]
    low, high = moved.min(axis=1), moved.max(axis=1)
    return np.asarray(moved[((high > 0) & (low < PIECE_SIDE)).all(axis=1)])


def in_fours(grid: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """(2 * rows, 2 * columns, n) of half the resolution as (rows, columns, 4 * n)."""
    rows, columns, n = grid.shape[0] // 2, grid.shape[1] // 2, grid.shape[2]
    parts = grid.reshape(rows, 2, columns, 2, n).transpose(0, 2, 4, 1, 3)
    return parts.reshape(rows, columns, 4 * n)


def _with_lines(
    quads: npt.NDArray[np.float64],
) -> Iterator[tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]]:
    """Each quad with its left, top, right and bottom line: (4, 3) a, b and c of a x + b y + c.

    That is the distance of a point from the line, above 0 inside of the quad.
    """
    starts, ends = quads[:, [3, 0, 1, 2]], quads
    along = (ends - starts) / np.linalg.norm(ends - starts, axis=2, keepdims=True)
    inwards = np.stack([-along[..., 1], along[..., 0]], axis=2)
    lines = np.concatenate([inwards, -(inwards * starts).sum(axis=2, keepdims=True)], axis=2)
    return zip(quads, lines, strict=True)


def _seen(
    quad: npt.NDArray[np.float64], lines: npt.NDArray[np.float64]
) -> tuple[tuple[slice, slice], npt.NDArray[np.float64]]:
    """The window around a quad on the grid of half the resolution, and the distances in it.

    They are (4, rows, columns) pixels from the middle of each square of the grid to the quad's
    sides.
    """
    low = np.floor(quad.min(axis=0) / LAYER_STRIDE).astype(int)
    high = np.ceil(quad.max(axis=0) / LAYER_STRIDE).astype(int) + 1
    (left, top), (right, bottom) = np.clip([low, high], 0, PIECE_SIDE // LAYER_STRIDE)
    x, y = (LAYER_STRIDE * np.arange(*r) + 0.5 for r in ((left, right), (top, bottom)))
    a, b, c = lines.T[..., None, None]
    return (slice(top, bottom), slice(left, right)), a * x + b * y[:, None] + c
