"""Find the places for writing, digit boxes and cells, in the output of the page network.

The constants below were measured together, with the network that ships, on 80 pages with forms of
issuers that it was not trained on: 93.8 % of the digit boxes are found, and 89.2 % of those found
are boxes; of cells it is 71.1 % and 72.9 %.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.classes import Layer
from formreader.core.records import DigitBox
from formreader.detect.field_finder import digit_boxes
from formreader.look.page_maps import LAYER_STRIDE, PageMaps, inset_of_core, probabilities
from formreader.preprocess.straighten import StraightPage

_MIN_CORE_SCORE = 0.65
"""Least mean probability of a core over its pixels. Set on held-out training pages."""

_MIN_CORE_SIDE = 4.0
"""Least shorter side of a core, in pixels of the page: that of a box of 9 pixels."""

_FULL_COLUMN = 0.5
"""Columns of a core lower than this share of its mean column are spurs, which do not count."""

_LEVEL_WIDTH = 50.0
"""The slope of a place of this width, in pixels of the page, is halved. Narrow places are assumed
to be level, as the page is straightened."""

_SNAP_REACH, _SNAP_SIGMA = 5, 2.5
"""A place's side is moved onto a line at most this many pixels away. The second is the standard
deviation of that distance, in pixels. Set on held-out training pages."""

_SNAP_SAMPLES = np.linspace(0.08, 0.92, 24)
"""Points along a side at which the map of lines is sampled, as shares of its length."""

_MIN_RULED_SIDE = 0.35
"""Least mean probability of a line that a side is moved onto."""

_SAME_PLACE = 0.3
"""Two places are one from this intersection over the smaller area on; the likelier one is kept."""


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Places of one kind.

    `corners` (n, 4, 2) are in pixels of the straightened page, clockwise from the top left.
    `scores` (n,) are the probabilities that the places are real.
    """

    corners: npt.NDArray[np.float64]
    scores: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.scores)

    def on_page(self, straight: StraightPage) -> tuple[DigitBox, ...]:
        """The places in pixels of the page as stored."""
        return digit_boxes(straight, self.corners, self.scores)

    def chosen(self, which: npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> Places:
        """The places selected by flags (n,) or indices."""
        return Places(self.corners[which], self.scores[which])


def find_places(maps: PageMaps) -> tuple[Places, Places]:
    """Find the digit boxes and the cells of a page.

    Each is a connected component of the core map, grown by the inset of its core. Then its sides
    are moved onto ruled lines.
    """
    logits = maps.layers[[Layer.RULED_DOWN, Layer.RULED_ACROSS]]
    boxes, cells = _settled(*map(_of_cores, maps.cores))
    ruled = probabilities(logits)
    return _on_lines(boxes, ruled), _on_lines(cells, ruled)


def _of_cores(logits: npt.NDArray[np.float32]) -> Places:
    """The places of one kind, from the logits of their cores, (h / 2, w / 2)."""
    labels = cv2.connectedComponents((logits > 0).astype(np.uint8), connectivity=4)[1]
    rows, columns = np.nonzero(labels)
    label = labels[rows, columns] - 1
    n, width = int(labels.max()), labels.shape[1]
    sure = probabilities(logits[rows, columns])
    score = np.bincount(label, sure, n) / np.maximum(np.bincount(label, minlength=n), 1)
    # For each core and column of the page: the number of rows, and their centre.
    place = label.astype(np.int64) * width + columns
    counts = np.bincount(place, minlength=n * width).reshape(n, width).astype(np.float64)
    middles = np.bincount(place, rows, n * width).reshape(n, width) / np.maximum(counts, 1)
    usual = (counts**2).sum(axis=1) / counts.sum(axis=1)
    full = counts >= np.maximum(_FULL_COLUMN * usual, 1)[:, None]
    left, right = full.argmax(axis=1), width - 1 - full[:, ::-1].argmax(axis=1)
    share = full / full.sum(axis=1, keepdims=True)
    height = (counts * share).sum(axis=1)
    x, y = share @ np.arange(width), (share * middles).sum(axis=1)
    along, across = np.arange(width) - x[:, None], middles - y[:, None]
    spread = (share * along**2).sum(axis=1)
    level = (_LEVEL_WIDTH / LAYER_STRIDE) ** 2 / 12
    slope = (share * along * across).sum(axis=1) / (spread + level)
    core = LAYER_STRIDE * np.stack([right - left + 1, height], axis=1)
    half = core / 2 + inset_of_core(core.min(axis=1))[:, None]
    middle = LAYER_STRIDE * np.stack([(left + right) / 2, y], axis=1) + (LAYER_STRIDE - 1) / 2
    signs = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    corners = middle[:, None] + signs * half[:, None]
    corners[..., 1] += slope[:, None] * (signs[:, 0] * half[:, :1])
    real = (core.min(axis=1) >= _MIN_CORE_SIDE) & (score >= _MIN_CORE_SCORE)
    return Places(corners, score).chosen(real)


def _settled(boxes: Places, cells: Places) -> tuple[Places, Places]:
    """Non-maximum suppression: of places that overlap, keep the likeliest."""
    corners = np.concatenate([boxes.corners, cells.corners])
    scores = np.concatenate([boxes.scores, cells.scores])
    low, high = corners.min(axis=1), corners.max(axis=1)
    shared = np.minimum(high[:, None], high) - np.maximum(low[:, None], low)
    area = (high - low).prod(axis=1)
    overlap = np.maximum(shared, 0).prod(axis=2) / np.minimum(area[:, None], area)
    np.fill_diagonal(overlap, 0)
    kept = np.ones(len(scores), np.bool_)
    first, second = np.nonzero(np.triu(overlap > _SAME_PLACE))
    order = np.argsort(-np.maximum(scores[first], scores[second]))
    for i, k in zip(first[order].tolist(), second[order].tolist(), strict=True):
        if kept[i] and kept[k]:
            kept[k if scores[i] >= scores[k] else i] = False
    n = len(boxes)
    return boxes.chosen(kept[:n]), cells.chosen(kept[n:])


def _on_lines(places: Places, ruled: npt.NDArray[np.float32]) -> Places:
    """Move each side of the places onto a ruled line near it, if there is one.

    `ruled`, (2, h / 2, w / 2), are the probabilities of vertical and of horizontal lines.
    """
    if not len(places):
        return places
    corners = places.corners
    starts, ends = corners[:, [3, 0, 1, 2]], corners  # left, top, right, bottom: (n, 4, 2)
    outwards = np.array([[-1.0, 0.0], [0.0, -1.0], [1.0, 0.0], [0.0, 1.0]])
    offsets = np.arange(-_SNAP_REACH, _SNAP_REACH + 1)
    along = starts[:, :, None] + (ends - starts)[:, :, None] * _SNAP_SAMPLES[:, None]
    points = along[:, :, None] + outwards[:, None, None] * offsets[:, None, None]
    seen = np.stack([_sampled(ruled[side % 2], points[:, side]) for side in range(4)], axis=1)
    line = seen.mean(axis=3)  # (n, 4, offsets)
    likely = line * np.exp(-0.5 * (offsets / _SNAP_SIGMA) ** 2)
    best = likely.argmax(axis=2)
    near = np.abs(offsets - offsets[best][..., None]) <= 1
    weight = likely * near
    centre = (weight * offsets).sum(axis=2) / np.maximum(weight.sum(axis=2), 1e-9)
    strength = np.take_along_axis(line, best[..., None], axis=2)[..., 0]
    shift = np.where(strength >= _MIN_RULED_SIDE, centre, 0.0)[..., None] * outwards  # (n, 4, 2)
    # A corner moves with both of its sides.
    return Places(corners + shift + np.roll(shift, -1, axis=1), places.scores)


def _sampled(
    image: npt.NDArray[np.float32], points: npt.NDArray[np.float64]
) -> npt.NDArray[np.float32]:
    """Sample the map of a layer at points of the page, (n, a, b, 2)."""
    flat = ((points.reshape(len(points), -1, 2) + 0.5) / LAYER_STRIDE - 0.5).astype(np.float32)
    seen = cv2.remap(image, flat[..., 0], flat[..., 1], cv2.INTER_LINEAR, borderValue=(0,))
    return np.asarray(seen, np.float32).reshape(points.shape[:-1])
