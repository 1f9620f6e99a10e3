"""Estimate how much darker than the paper each pixel of a patch is, and the noise of the paper."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.paper import INK_OVER_NOISE, paper_under_ink
from formreader.crop.patches import PATCH_SIDE, Patches, mosaic, side_by_side, upright

_PAPER_BLOCK = 4
_PAPER_CLOSING_RADIUS = 4
_PAPER_BLUR_RADIUS = 2
"""The paper is estimated in blocks of 4 x 4 pixels: a closing over 9 x 9 blocks, which is wider
than any stroke, then a mean over 5 x 5. Checked on rendered pages."""

_BLOCK_RIM = 2 * _PAPER_CLOSING_RADIUS + _PAPER_BLUR_RADIUS + 1
"""Blocks added around each patch, so that its neighbours in the mosaic do not affect it."""

_MIN_DARKNESS_OF_BOX_INK = 14.0
"""Least darkness of ink, in grey values below the paper. Checked on rendered pages."""

_QUANTILE_SAMPLE_STEP = 3
"""Quantiles use every third pixel across and down, to save time. There is no record of how far they
differ from those of all pixels."""

_MAX_FLOOR_OF_SMOOTH_PAPER = 34.0
_ROUGH_PATCH_BLUR_SIGMA = 1.2
"""A patch with a higher floor, in grey values, is blurred with this sigma, in pixels. Checked on
rendered pages."""


@dataclass(frozen=True, slots=True, eq=False)
class Darkness:
    """How much darker than the paper each pixel of n patches is, in grey values.

    `values` up to `floor`, (n,), are paper and noise.
    """

    values: Patches
    floor: npt.NDArray[np.float64]


def measure_darkness(patches: Patches) -> Darkness:
    """Measure the darkness of patches with dark ink on bright paper.

    Patches on rough paper (halftone, a noisy copy) are blurred first.
    """
    darkness = _measure(patches)
    rough = np.flatnonzero(darkness.floor > _MAX_FLOOR_OF_SMOOTH_PAPER)
    if len(rough):
        again = _measure(_smooth(patches[rough]))
        darkness.values[rough] = again.values
        darkness.floor[rough] = np.maximum(again.floor, _MAX_FLOOR_OF_SMOOTH_PAPER / 2)
    return darkness


def _measure(patches: Patches) -> Darkness:
    darkness = np.maximum(_paper(patches), patches)
    darkness -= patches
    return Darkness(darkness, _floor(patches, darkness))


def _smooth(patches: Patches) -> Patches:
    """Blur the patches, to reduce their noise."""
    reach = math.ceil(3 * _ROUGH_PATCH_BLUR_SIGMA)
    padded = np.pad(patches, ((0, 0), (reach, reach), (0, 0)), "reflect")
    size = (2 * reach + 1,) * 2
    smooth = np.asarray(
        cv2.GaussianBlur(side_by_side(padded), size, _ROUGH_PATCH_BLUR_SIGMA), np.uint8
    )
    return np.ascontiguousarray(upright(smooth, len(patches))[:, reach:-reach])


def _paper(patches: Patches) -> Patches:
    """Estimate the grey value of the paper at each pixel by a wide closing."""
    blocks, n = PATCH_SIDE // _PAPER_BLOCK, len(patches)
    coarse = cv2.resize(mosaic(patches), (blocks, n * blocks), interpolation=cv2.INTER_AREA)
    rim = ((0, 0), (_BLOCK_RIM, _BLOCK_RIM), (0, 0))
    padded = np.pad(np.asarray(coarse, np.uint8).reshape(-1, blocks, blocks), rim, "edge")
    closed = paper_under_ink(side_by_side(padded), 2 * _PAPER_CLOSING_RADIUS + 1)
    kernel = (2 * _PAPER_BLUR_RADIUS + 1,) * 2
    even = cv2.blur(closed, kernel, borderType=cv2.BORDER_REPLICATE)
    inner = upright(np.asarray(even, np.uint8), n)[:, _BLOCK_RIM - 1 : 1 - _BLOCK_RIM]
    size = (PATCH_SIDE, n * (blocks + 2) * _PAPER_BLOCK)
    fine = cv2.resize(mosaic(inner), size, interpolation=cv2.INTER_LINEAR)
    return np.asarray(fine, np.uint8).reshape(-1, PATCH_SIDE + 2 * _PAPER_BLOCK, PATCH_SIDE)[
        :, _PAPER_BLOCK:-_PAPER_BLOCK
    ]


def _floor(patches: Patches, darkness: Patches) -> npt.NDArray[np.float64]:
    """Return the highest darkness, (n,), of paper and noise.

    The noise is the difference between a patch and a slightly blurred copy. Its median, and the
    lower quartile of the darkness, measure paper only, as strokes and lines cover less than half of
    a box.
    """
    grain = cv2.absdiff(mosaic(patches), cv2.blur(mosaic(patches), (3, 3)))
    rough = np.asarray(grain, np.uint8).reshape(patches.shape)
    noise, paper = _quantile(rough, 0.5), _quantile(darkness, 0.25)
    return np.maximum(_MIN_DARKNESS_OF_BOX_INK, paper + INK_OVER_NOISE * noise)


def _quantile(values: Patches, share: float) -> npt.NDArray[np.uint8]:
    """Return an approximate quantile of each patch's pixels, (n,)."""
    sample = values[:, ::_QUANTILE_SAMPLE_STEP, ::_QUANTILE_SAMPLE_STEP].reshape(len(values), -1)
    # A stable sort of bytes is a radix sort, which is faster than a partition.
    return np.sort(sample, axis=1, kind="stable")[:, math.ceil(share * sample.shape[1]) - 1]
