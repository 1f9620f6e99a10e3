"""How much darker than its paper each pixel of a patch is, and how much of that is noise."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.paper import INK_OVER_NOISE, paper_under_ink
from formreader.crop.patches import PATCH, Patches, mosaic, side_by_side, upright

_CELL = 4
_REACH = 4
"""Paper is judged in cells of 4 x 4 pixels; a closing over 9 of them spans any stroke."""

_SPREAD = 3
"""The paper is evened out over 5 cells."""

_RIM = 2 * _REACH + _SPREAD
"""Cells by which a patch is prolonged so that its neighbours in the mosaic stay out."""

_MIN_DARKNESS = 14.0
"""Ink is darker than the paper by this much at least."""

_SAMPLE_STEP = 3
"""Every third pixel across and down tells paper and noise as well as all do."""

_ROUGH = 34.0
_SMOOTHING = 1.2
"""Floor above which paper is smoothed, and how wide, in pixels."""


@dataclass(frozen=True, slots=True, eq=False)
class Darkness:
    """`values`: how much darker than the paper. `floor` (n,): up to there it is paper and noise."""

    values: Patches
    floor: npt.NDArray[np.float64]


def measure_darkness(patches: Patches) -> Darkness:
    """The darkness of patches, dark ink on bright paper.

    Where the paper is rough (halftone, a noisy copy) it is smoothed first.
    """
    darkness = _measure(patches)
    rough = np.flatnonzero(darkness.floor > _ROUGH)
    if len(rough):
        again = _measure(_smooth(patches[rough]))
        darkness.values[rough] = again.values
        darkness.floor[rough] = np.maximum(again.floor, _ROUGH / 2)
    return darkness


def _measure(patches: Patches) -> Darkness:
    darkness = np.maximum(_paper(patches), patches)
    darkness -= patches
    return Darkness(darkness, _floor(patches, darkness))


def _smooth(patches: Patches) -> Patches:
    """The patches with their noise blurred."""
    reach = math.ceil(3 * _SMOOTHING)
    padded = np.pad(patches, ((0, 0), (reach, reach), (0, 0)), "reflect")
    size = (2 * reach + 1,) * 2
    smooth = np.asarray(cv2.GaussianBlur(side_by_side(padded), size, _SMOOTHING), np.uint8)
    return np.ascontiguousarray(upright(smooth, len(patches))[:, reach:-reach])


def _paper(patches: Patches) -> Patches:
    """The paper around each pixel, which is what a wide closing leaves."""
    cells, n = PATCH // _CELL, len(patches)
    coarse = cv2.resize(mosaic(patches), (cells, n * cells), interpolation=cv2.INTER_AREA)
    rim = ((0, 0), (_RIM, _RIM), (0, 0))
    padded = np.pad(np.asarray(coarse, np.uint8).reshape(-1, cells, cells), rim, "edge")
    closed = paper_under_ink(side_by_side(padded), 2 * _REACH + 1)
    even = cv2.blur(closed, (2 * _SPREAD - 1,) * 2, borderType=cv2.BORDER_REPLICATE)
    inner = upright(np.asarray(even, np.uint8), n)[:, _RIM - 1 : 1 - _RIM]
    size = (PATCH, n * (cells + 2) * _CELL)
    fine = cv2.resize(mosaic(inner), size, interpolation=cv2.INTER_LINEAR)
    return np.asarray(fine, np.uint8).reshape(-1, PATCH + 2 * _CELL, PATCH)[:, _CELL:-_CELL]


def _floor(patches: Patches, darkness: Patches) -> npt.NDArray[np.float64]:
    """(n,) darkness below which there is only paper and noise.

    The noise is what a small blur takes away; strokes and lines cover less than half
    of a box, so the median does not see them.
    """
    grain = cv2.absdiff(mosaic(patches), cv2.blur(mosaic(patches), (3, 3)))
    rough = np.asarray(grain, np.uint8).reshape(patches.shape)
    noise, paper = _quantile(rough, 0.5), _quantile(darkness, 0.25)
    return np.maximum(_MIN_DARKNESS, paper + INK_OVER_NOISE * noise)


def _quantile(values: Patches, share: float) -> npt.NDArray[np.uint8]:
    """(n,) the value that about `share` of each patch's pixels do not exceed."""
    sample = values[:, ::_SAMPLE_STEP, ::_SAMPLE_STEP].reshape(len(values), -1)
    # A stable sort of bytes is a radix sort, which is faster than to partition them.
    return np.sort(sample, axis=1, kind="stable")[:, math.ceil(share * sample.shape[1]) - 1]
