"""Places where people write: the digit boxes and cells of a page, from what the network says."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.page_layers import Layer
from formreader.look.page_maps import CORE_KINDS, LAYER_STRIDE, STRIDE, PageMaps

_MIN_CORE_CELLS = 2
"""Cells of the smallest core: a box of 9 px has four."""

_MIN_CORE_LOGITS = (1.0, 1.0)
"""Logits of being in the core of a box and of a cell from which a place is in it, where nothing is
ruled: a ruled line divides cores. Set on held-out training pages."""

_SURE_DISTANCE = 6.0
"""A side is told best by the core's cells near to it: the weight of a distance d is that of
1 / (d + 6 px)^2. Set on held-out training pages."""

_SLOPE_PRIOR = 100.0**2
"""Variance of x, px^2, from which the slope of a place's upper and lower side is trusted by half:
short sides are level, as the page is straight."""

_SNAP_REACH, _SNAP_SIGMA = 5, 2.5
"""Pixels on both sides of a place's side in which its line is looked for, and the standard
deviation of how far off it is. Set on held-out training pages."""

_SNAP_SAMPLES = np.linspace(0.08, 0.92, 24)
"""Where along a side the map of lines is looked at, as shares of its length."""

_MIN_RULED_SIDE = 0.35
"""Mean probability of being ruled from which there is a line that a side is moved onto."""

_SAME_PLACE = 0.3
"""Intersection over the smaller area from which two places are one, and the likelier is kept."""


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Some places of one kind.

    `corners` (n, 4, 2) are in pixels of the straightened page, clockwise from the top left, and
    `scores` (n,) the probability that each is there.
    """

    corners: npt.NDArray[np.float64]
    scores: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.scores)

    def chosen(self, which: npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> Places:
        """Some of the places."""
        return Places(self.corners[which], self.scores[which])


def find_places(maps: PageMaps) -> tuple[Places, Places]:
    """Find the digit boxes and the cells of a page.

    Each is a connected core; the cells of the map in it tell where its sides are.
    """
    logits = maps.layers[[Layer.RULED_DOWN, Layer.RULED_ACROSS]]
    unruled = logits.max(axis=0) <= 0
    boxes, cells = _settled(*(_of_kind(maps, kind, unruled) for kind in range(CORE_KINDS)))
    ruled = np.asarray(1 / (1 + np.exp(-logits)), np.float32)
    return _on_lines(boxes, ruled), _on_lines(cells, ruled)


def _of_kind(maps: PageMaps, kind: int, unruled: npt.NDArray[np.bool_]) -> Places:
    """The places of one kind; `unruled` is where no line is, on the grid of the layers."""
    inside = (maps.cores[kind] > _MIN_CORE_LOGITS[kind]) & unruled
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        inside.astype(np.uint8), connectivity=4
    )
    rows, columns = np.nonzero(labels)
    label = np.asarray(labels[rows, columns], np.int32)
    n = count
    sure = 1 / (1 + np.exp(-maps.cores[kind][rows, columns].astype(np.float64)))
    score = np.bincount(label, sure, n) / np.maximum(np.bincount(label, minlength=n), 1)
    # Sides are told by the cell of the coarser map that a place of the grid lies in.
    at = rows * LAYER_STRIDE // STRIDE, columns * LAYER_STRIDE // STRIDE
    y, x = (STRIDE * v + (STRIDE - 1) / 2 for v in at)
    left, top, right, bottom = maps.sides[:, at[0], at[1]].astype(np.float64)
    first = LAYER_STRIDE * stats[label, cv2.CC_STAT_LEFT]
    last = first + LAYER_STRIDE * (stats[label, cv2.CC_STAT_WIDTH] - 1)
    # Distances to far sides are not taught: of a wide core its ends tell where they are.
    left_at = _mean(label, n, x - left, x - first)
    right_at = _mean(label, n, x + right, last - x)
    middle = (left_at + right_at) / 2
    tops = _sloped(label, n, x - middle[label], y - top, top, right_at - left_at)
    bottoms = _sloped(label, n, x - middle[label], y + bottom, bottom, right_at - left_at)
    corners = np.stack(
        [
            np.stack([left_at, tops[0]], axis=1), np.stack([right_at, tops[1]], axis=1),
            np.stack([right_at, bottoms[1]], axis=1), np.stack([left_at, bottoms[0]], axis=1),
        ],
        axis=1,
    )  # fmt: skip
    real = stats[:, cv2.CC_STAT_AREA] >= _MIN_CORE_CELLS
    real[0] = False
    sizes = corners[:, 2] - corners[:, 0]
    real &= (sizes > STRIDE).all(axis=1)
    return Places(corners[real], score[real])


def _weight(distance: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return 1 / (np.maximum(distance, 0) + _SURE_DISTANCE) ** 2


def _mean(
    label: npt.NDArray[np.int32],
    n: int,
    value: npt.NDArray[np.float64],
    distance: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """(n,) the weighted mean of the values of each label."""
    weight = _weight(distance)
    total = np.maximum(np.bincount(label, weight, n), 1e-9)
    return np.asarray(np.bincount(label, weight * value, n) / total)


def _sloped(
    label: npt.NDArray[np.int32],
    n: int,
    x: npt.NDArray[np.float64],
    value: npt.NDArray[np.float64],
    distance: npt.NDArray[np.float64],
    width: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """(n,) the values at the left and right end of a line through each label's values.

    `x` counts from the middle of each place, whose `width` is (n,).
    """
    weight = _weight(distance)
    total = np.maximum(np.bincount(label, weight, n), 1e-9)
    x_mean, mean = (np.bincount(label, weight * v, n) / total for v in (x, value))
    dx, dv = x - x_mean[label], value - mean[label]
    variance = np.bincount(label, weight * dx**2, n) / total
    slope = np.bincount(label, weight * dx * dv, n) / total / (variance + _SLOPE_PRIOR / 12)
    middle = mean - slope * x_mean
    return middle - slope * width / 2, middle + slope * width / 2


def _settled(boxes: Places, cells: Places) -> tuple[Places, Places]:
    """Of places that overlap, keep the likelier one."""
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
    """The places with each side moved onto the ruled line next to it, if there is one.

    `ruled`, (2, h / 2, w / 2), are the probabilities of lines down and across.
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
    """The map of a layer at points of the page, (n, a, b, 2)."""
    flat = ((points.reshape(len(points), -1, 2) + 0.5) / LAYER_STRIDE - 0.5).astype(np.float32)
    seen = cv2.remap(image, flat[..., 0], flat[..., 1], cv2.INTER_LINEAR, borderValue=(0,))
    return np.asarray(seen, np.float32).reshape(points.shape[:-1])
