"""Augmentation: vary a crop as other hands, pens and scanners would.

All work happens on a canvas with two pixels for each pixel of a crop, so that strokes can grow
or shrink by half a pixel. Changes of shape come first. Then the digit is framed again (long side
20 pixels, centre of mass in the middle), as the normaliser frames every crop. There is no
record of a measurement of how far and how often crops are best varied.

Elastic deformation follows Simard, Steinkraus and Platt, "Best Practices for
Convolutional Neural Networks Applied to Visual Document Analysis" (2003).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.classes import CROP_SIDE, Crops
from formreader.crop.normaliser import normalise
from formreader.training.augment import stroke_damage

Canvas: TypeAlias = npt.NDArray[np.uint8]
"""(64, 64) uint8, ink bright on black, two pixels for each pixel of a crop."""

CANVAS_SCALE = 2
"""Pixels of a canvas for each pixel of a crop."""
CANVAS_SIDE = 64
"""Pixels: an enlarged crop and a margin of 4 around it."""
MIN_TRACE_GREY = 40
"""Grey value below which a trace does not count as ink."""

_SHAPE_ONLY_SHARE = 0.25
"""Share of the crops that only change their shape."""
_UNFRAMED_SHARE = 0.08
"""Share of the degraded crops that are not framed again."""

_SCANNED_FREEDOM = 0.5
"""How far crops from pages are distorted, relative to the others."""

_ROTATION_SIGMA, _MAX_ROTATION = 7, 18
"""Standard deviation and limit of the rotation, in degrees."""
_CROP_SHEAR_SIGMA, _MAX_CROP_SHEAR = 0.14, 0.4
"""Standard deviation and limit of the horizontal shear, in pixels a pixel of height."""
_SIDE_SIGMA = 0.11
"""Standard deviation of the logarithm of either side's factor."""
_STRETCHED_SHARE, _MAX_SIDE_STRETCH = 0.12, 1.5
"""Share of the crops that are also stretched or squeezed along one side, and the largest factor:
some forms and data sets fill the box with every digit."""
_MAX_CROP_SHIFT = 1.2
"""Pixels of a crop, along either axis."""
_MAX_WAVE_SIGMA = 1.3
"""Largest standard deviation of the elastic displacement at its knots, in pixels of a crop."""

_FELT_SHARE = 0.06
"""Share of the degraded crops that are written with a felt pen."""
_OTHER_WIDTH_SHARE = 0.59
"""Share of the degraded crops that have thicker or thinner strokes."""
_MAX_THINNING, _MAX_THINNING_OF_DAMAGED, _MAX_THICKENING = 2.2, 0.7, 1.5
"""Canvas pixels off or onto each edge of a stroke."""
_COARSE_SHARE = 0.35
"""Share of the undamaged crops that are sampled coarsely, half of them in black and white."""

Damage: TypeAlias = Callable[[Canvas, np.random.Generator], Canvas]

_DAMAGES: tuple[tuple[Damage, float], ...] = (
    (stroke_damage.cut_gap, 0.05),
    (stroke_damage.starve, 0.05),
    (stroke_damage.halftone, 0.03),
    (stroke_damage.erase_band, 0.05),
    (stroke_damage.cut_off, 0.06),
    (stroke_damage.roughen, 0.06),
)
"""Damage to the strokes of a degraded crop, with its share. A crop gets one at most: after two
it could often not be read."""
_DIRT: tuple[tuple[Damage, float], ...] = (
    (stroke_damage.add_line_residue, 0.12),
    (stroke_damage.add_neighbour, 0.06),
    (stroke_damage.add_specks, 0.06),
)
"""Dirt beside the strokes, with its share; a crop may get several."""
_DAMAGE_BOUNDS = np.cumsum([share for _, share in _DAMAGES])

_WAVE_KNOTS = 4
"""Knots of the elastic displacement along either axis."""
_CANVAS_GRID = (
    np.mgrid[0:CANVAS_SIDE, 0:CANVAS_SIDE].astype(np.float32) - (CANVAS_SIDE - 1) / 2
) / CANVAS_SCALE
"""y and x of each canvas pixel from the middle, in pixels of a crop, (2, 64, 64)."""


def augment(
    crops: Crops, rng: np.random.Generator, scanned: npt.NDArray[np.bool_] | None = None
) -> Crops:
    """Return a new variant of each crop; (n, 28, 28) uint8 in and out.

    Crops marked in `scanned` (n,) come from pages. They only change their shape, and less than
    the others, as page and scanner have already degraded them. The same crops, `scanned` and
    state of `rng` give the same bytes.
    """
    n = len(crops)
    rough = np.ones(n, np.bool_) if scanned is None else ~scanned
    freedom = np.where(rough, 1.0, _SCANNED_FREEDOM)
    affine = _affine_maps(freedom, rng)
    strength = (freedom * rng.uniform(0.0, _MAX_WAVE_SIGMA, n)).astype(np.float32)[
        :, None, None, None
    ]
    waves = strength * rng.standard_normal((n, _WAVE_KNOTS, _WAVE_KNOTS, 2), np.float32)
    rough &= rng.random(n) >= _SHAPE_ONLY_SHARE
    out = np.empty_like(crops)
    for i, crop in enumerate(crops):
        canvas = _warp(crop, affine[i], waves[i])
        out[i] = _degraded(canvas, rng) if rough[i] else framed(canvas)
    return out


def enlarge(crop: npt.NDArray[np.uint8]) -> Canvas:
    """Return a canvas with a crop (28, 28) in its middle, twice as large."""
    large = cv2.resize(crop, None, fx=CANVAS_SCALE, fy=CANVAS_SCALE, interpolation=cv2.INTER_CUBIC)
    margin = (CANVAS_SIDE - CANVAS_SCALE * CROP_SIDE) // 2
    return cv2.copyMakeBorder(large, *(margin,) * 4, cv2.BORDER_CONSTANT)  # type: ignore[return-value]


def framed(ink: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Frame ink of any size, bright on black, as the normaliser does; returns (28, 28) uint8.

    Drops traces that are fainter than any ink that reaches the normaliser. Without ink the crop
    is empty.
    """
    return normalise(np.where(ink < MIN_TRACE_GREY, np.uint8(0), ink))


def _affine_maps(
    freedom: npt.NDArray[np.float64], rng: np.random.Generator
) -> npt.NDArray[np.float32]:
    """Random affine maps from canvas to crop, (n, 2, 3): rotation, shear, aspect, size, shift.

    `freedom` (n,) scales their strength; crops with less than 1 are never stretched.
    """
    n = len(freedom)
    angle = freedom * np.radians(
        np.clip(rng.normal(0, _ROTATION_SIGMA, n), -_MAX_ROTATION, _MAX_ROTATION)
    )
    shear = freedom * np.clip(
        rng.normal(0, _CROP_SHEAR_SIGMA, n), -_MAX_CROP_SHEAR, _MAX_CROP_SHEAR
    )
    wide, high = np.exp(freedom * rng.normal(0, _SIDE_SIGMA, (2, n)))
    stretched = (rng.random(n) < _STRETCHED_SHARE) & (freedom >= 1)
    wide = np.where(stretched, wide * _MAX_SIDE_STRETCH ** rng.uniform(-1, 1, n), wide)
    cos, sin = np.cos(angle), np.sin(angle)
    maps = np.empty((n, 2, 3), np.float32)
    maps[:, 0, 0], maps[:, 0, 1] = wide * cos, -wide * sin + wide * shear * cos
    maps[:, 1, 0], maps[:, 1, 1] = high * sin, high * cos + high * shear * sin
    maps[:, :, 2] = (CROP_SIDE - 1) / 2 + rng.uniform(-_MAX_CROP_SHIFT, _MAX_CROP_SHIFT, (n, 2))
    return maps


def _warp(
    crop: npt.NDArray[np.uint8], affine: npt.NDArray[np.float32], wave: npt.NDArray[np.float32]
) -> Canvas:
    """Draw the crop on a canvas, rotated, sheared, stretched and bent, in one resampling."""
    y, x = _CANVAS_GRID
    bent = cv2.resize(wave, (CANVAS_SIDE, CANVAS_SIDE), interpolation=cv2.INTER_CUBIC)
    from_x = affine[0, 0] * x + affine[0, 1] * y + affine[0, 2] + bent[..., 0]
    from_y = affine[1, 0] * x + affine[1, 1] * y + affine[1, 2] + bent[..., 1]
    return cv2.remap(crop, from_x, from_y, cv2.INTER_CUBIC)  # type: ignore[return-value]


def _degraded(canvas: Canvas, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Apply another pen, damage, dirt and a poor scanner, then frame the digit again."""
    chance = rng.random(5)
    damaged = chance[4] < _DAMAGE_BOUNDS[-1]
    if chance[0] < _FELT_SHARE:
        canvas = stroke_damage.write_with_felt(canvas, rng)
    elif chance[0] < _FELT_SHARE + _OTHER_WIDTH_SHARE:
        thinning = _MAX_THINNING_OF_DAMAGED if damaged else _MAX_THINNING
        canvas = stroke_damage.change_thickness(canvas, rng.uniform(-thinning, _MAX_THICKENING))
    if damaged:
        canvas = _DAMAGES[np.searchsorted(_DAMAGE_BOUNDS, chance[4], side="right")][0](canvas, rng)
    for (soil, share), luck in zip(_DIRT, rng.random(len(_DIRT)), strict=True):
        if luck < share:
            canvas = soil(canvas, rng)
    if chance[1] < _UNFRAMED_SHARE:
        margin = (CANVAS_SIDE - CANVAS_SCALE * CROP_SIDE) // 2
        inner = canvas[margin:-margin, margin:-margin]
        crop: npt.NDArray[np.uint8] = cv2.resize(
            inner, (CROP_SIDE, CROP_SIDE), interpolation=cv2.INTER_AREA
        )  # type: ignore[assignment]
    else:
        if chance[2] < _COARSE_SHARE and not damaged:
            threshold = rng.uniform(0.25, 0.6) if chance[3] < 0.5 else None
            canvas = stroke_damage.sample_coarsely(canvas, int(rng.integers(10, 22)), threshold)
        crop = _jittered(framed(canvas), rng)
    return stroke_damage.change_tone(crop, rng)


def _jittered(crop: npt.NDArray[np.uint8], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Shift the crop by up to a pixel and, in two crops of five, scale it by up to a tenth."""
    size = rng.uniform(0.9, 1.06) if rng.random() < 0.4 else 1.0
    shift = rng.integers(-1, 2, 2)
    middle = (CROP_SIDE - 1) / 2
    move = np.array([[size, 0, 0], [0, size, 0]], np.float32)
    move[:, 2] = middle - size * middle + shift
    return cv2.warpAffine(crop, move, (CROP_SIDE, CROP_SIDE))  # type: ignore[return-value]
