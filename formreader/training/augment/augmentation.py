"""Augmentation: one crop becomes another hand, another pen, another scanner.

All work happens on a canvas with two pixels for each pixel of a crop, so that
strokes can grow or shrink by half a pixel. Whatever changes the shape comes
first, then the digit is framed again (long side 20 pixels, centre of mass in the
middle), because that is what the normaliser does to every crop it makes.

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

SCALE = 2
CANVAS = 64
FAINTEST = 40
"""Grey value below which a trace is no ink."""

KEPT_CLEAN = 0.25
"""Share of the crops that only change their shape."""
KEPT_IN_PLACE = 0.08
"""Share of the crops that are not framed again."""

SCANNED_FREEDOM = 0.5
"""How far crops from pages are bent, as a share of how far the others are."""

_STRETCHED, _STRETCH = 0.12, 1.5
"""Share of the crops that are stretched along one side, and by how much at most: some forms
and data sets fill the box with every digit."""
_FELT = 0.06
"""Share of the degraded crops that are written with a felt pen."""

Damage: TypeAlias = Callable[[Canvas, np.random.Generator], Canvas]

_DAMAGES: tuple[tuple[Damage, float], ...] = (
    (stroke_damage.cut_gap, 0.05),
    (stroke_damage.starve, 0.05),
    (stroke_damage.halftone, 0.03),
    (stroke_damage.erase_band, 0.05),
    (stroke_damage.cut_off, 0.06),
    (stroke_damage.roughen, 0.06),
)
"""What may befall the strokes of a degraded crop, and how often: one at most, as two of them
leave nothing that can be read."""
_DIRT: tuple[tuple[Damage, float], ...] = (
    (stroke_damage.add_line_residue, 0.12),
    (stroke_damage.add_neighbour, 0.06),
    (stroke_damage.add_specks, 0.06),
)
"""What may stand beside the strokes, each for itself."""
_DAMAGE_BOUNDS = np.cumsum([share for _, share in _DAMAGES])

_KNOTS = 4
_GRID = (np.mgrid[0:CANVAS, 0:CANVAS].astype(np.float32) - (CANVAS - 1) / 2) / SCALE


def augment(
    crops: Crops, rng: np.random.Generator, scanned: npt.NDArray[np.bool_] | None = None
) -> Crops:
    """A new variant of each crop; (n, 28, 28) uint8 in and out.

    Where `scanned` (n,) the crop comes from a page: it only changes its shape, and less than
    the others, because page and scanner have been at it. The same crops, `scanned` and state
    of `rng` give the same bytes.
    """
    n = len(crops)
    rough = np.ones(n, np.bool_) if scanned is None else ~scanned
    freedom = np.where(rough, 1.0, SCANNED_FREEDOM)
    affine = _affine_maps(freedom, rng)
    strength = (freedom * rng.uniform(0.0, 1.3, n)).astype(np.float32)[:, None, None, None]
    waves = strength * rng.standard_normal((n, _KNOTS, _KNOTS, 2), np.float32)
    rough &= rng.random(n) >= KEPT_CLEAN
    out = np.empty_like(crops)
    for i, crop in enumerate(crops):
        canvas = _warp(crop, affine[i], waves[i])
        out[i] = _degraded(canvas, rng) if rough[i] else framed(canvas)
    return out


def enlarge(crop: npt.NDArray[np.uint8]) -> Canvas:
    """A crop (28, 28) in the middle of a canvas, twice as large."""
    large = cv2.resize(crop, None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_CUBIC)
    margin = (CANVAS - SCALE * CROP_SIDE) // 2
    return cv2.copyMakeBorder(large, *(margin,) * 4, cv2.BORDER_CONSTANT)  # type: ignore[return-value]


def framed(ink: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Ink of any size, bright on black, as the normaliser frames it, (28, 28) uint8.

    Traces fainter than the normaliser gets to see are left out. No ink gives an
    empty crop.
    """
    return normalise(np.where(ink < FAINTEST, np.uint8(0), ink))


def _affine_maps(
    freedom: npt.NDArray[np.float64], rng: np.random.Generator
) -> npt.NDArray[np.float32]:
    """Maps from canvas to crop, (n, 2, 3): rotation, shear, aspect, size and place.

    `freedom` (n,) scales how far each goes; with less than 1 none is stretched.
    """
    n = len(freedom)
    angle = freedom * np.radians(np.clip(rng.normal(0, 7, n), -18, 18))
    shear = freedom * np.clip(rng.normal(0, 0.14, n), -0.4, 0.4)
    wide, high = np.exp(freedom * rng.normal(0, 0.11, (2, n)))
    stretched = (rng.random(n) < _STRETCHED) & (freedom >= 1)
    wide = np.where(stretched, wide * _STRETCH ** rng.uniform(-1, 1, n), wide)
    cos, sin = np.cos(angle), np.sin(angle)
    maps = np.empty((n, 2, 3), np.float32)
    maps[:, 0, 0], maps[:, 0, 1] = wide * cos, -wide * sin + wide * shear * cos
    maps[:, 1, 0], maps[:, 1, 1] = high * sin, high * cos + high * shear * sin
    maps[:, :, 2] = (CROP_SIDE - 1) / 2 + rng.uniform(-1.2, 1.2, (n, 2))
    return maps


def _warp(
    crop: npt.NDArray[np.uint8], affine: npt.NDArray[np.float32], wave: npt.NDArray[np.float32]
) -> Canvas:
    """The crop on a canvas, turned, sheared, stretched and waved, in one sampling."""
    y, x = _GRID
    bent = cv2.resize(wave, (CANVAS, CANVAS), interpolation=cv2.INTER_CUBIC)
    from_x = affine[0, 0] * x + affine[0, 1] * y + affine[0, 2] + bent[..., 0]
    from_y = affine[1, 0] * x + affine[1, 1] * y + affine[1, 2] + bent[..., 1]
    return cv2.remap(crop, from_x, from_y, cv2.INTER_CUBIC)  # type: ignore[return-value]


def _degraded(canvas: Canvas, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Another pen, dirt, a poor scanner, and the frame of the normaliser."""
    chance = rng.random(5)
    damaged = chance[4] < _DAMAGE_BOUNDS[-1]
    if chance[0] < _FELT:
        canvas = stroke_damage.write_with_felt(canvas, rng)
    elif chance[0] < 0.65:
        canvas = stroke_damage.change_thickness(canvas, rng.uniform(-0.7 if damaged else -2.2, 1.5))
    if damaged:
        canvas = _DAMAGES[np.searchsorted(_DAMAGE_BOUNDS, chance[4], side="right")][0](canvas, rng)
    for (soil, share), luck in zip(_DIRT, rng.random(len(_DIRT)), strict=True):
        if luck < share:
            canvas = soil(canvas, rng)
    if chance[1] < KEPT_IN_PLACE:
        margin = (CANVAS - SCALE * CROP_SIDE) // 2
        inner = canvas[margin:-margin, margin:-margin]
        crop: npt.NDArray[np.uint8] = cv2.resize(
            inner, (CROP_SIDE, CROP_SIDE), interpolation=cv2.INTER_AREA
        )  # type: ignore[assignment]
    else:
        if chance[2] < 0.35 and not damaged:
            threshold = rng.uniform(0.25, 0.6) if chance[3] < 0.5 else None
            canvas = stroke_damage.sample_coarsely(canvas, int(rng.integers(10, 22)), threshold)
        crop = _jittered(framed(canvas), rng)
    return stroke_damage.change_tone(crop, rng)


def _jittered(crop: npt.NDArray[np.uint8], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """The crop up to a pixel aside and, now and then, up to a tenth larger or smaller."""
    size = rng.uniform(0.9, 1.06) if rng.random() < 0.4 else 1.0
    shift = rng.integers(-1, 2, 2)
    middle = (CROP_SIDE - 1) / 2
    move = np.array([[size, 0, 0], [0, size, 0]], np.float32)
    move[:, 2] = middle - size * middle + shift
    return cv2.warpAffine(crop, move, (CROP_SIDE, CROP_SIDE))  # type: ignore[return-value]
