"""Batches of strips of like widths, each strip changed anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
import numpy.typing as npt

from formreader.crop.number_strips import MAX_STRIP_WIDTH, STRIP_HEIGHT, Strip
from formreader.recognise.ctc import CHARACTERS
from formreader.recognise.number_reader import padded, padded_width
from number_network.strip_pool import MAX_TARGET_LENGTH, LabelledStrip
from shared.batches import Batch

_SORTED_BATCHES = 16
"""Batches of which strips are drawn for one that has a part of them, of like widths, so that little
of it is padding."""


def strip_batches(
    strips: Sequence[LabelledStrip], batch: int, width_step: int = 1
) -> Callable[[np.random.Generator], Batch]:
    """What makes batches: darkness (batch, STRIP_HEIGHT, w, 1) in bytes, and their targets.

    w is a multiple of `width_step`.
    """
    widths = np.array([one.strip.shape[1] for one in strips])

    def make(rng: np.random.Generator) -> Batch:
        drawn = rng.integers(len(strips), size=(_SORTED_BATCHES * batch))
        by_width = drawn[np.argsort(widths[drawn], kind="stable")]
        chosen = by_width.reshape(_SORTED_BATCHES, batch)[rng.integers(_SORTED_BATCHES)]
        changed = [varied(strips[i].strip, rng) for i in chosen]
        width = max(padded_width(strip.shape[1]) for strip in changed)
        width = -(-width // width_step) * width_step
        darkness = padded(changed, width)[..., None]
        return darkness, as_targets([strips[i].target for i in chosen])

    return make


def varied(strip: Strip, rng: np.random.Generator) -> Strip:
    """The strip moved, stretched, with another contrast or more noise: each time another one."""
    width = strip.shape[1]
    stretch, tall = np.exp(rng.normal(0, (0.06, 0.03))).tolist()
    wide = int(np.clip(np.ceil(width * stretch), 4, MAX_STRIP_WIDTH))
    if wide < width:  # not below the places that the target needs
        wide, stretch = width, 1.0
    down = (1 - tall) * STRIP_HEIGHT / 2 + float(rng.normal(0, 0.7))
    place = np.array([[stretch, 0, 0], [0, tall, down]])
    moved = cv2.warpAffine(
        strip, place, (wide, STRIP_HEIGHT), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    if rng.random() < 0.5:
        ramp = np.linspace(0, 1, 256) ** float(np.exp(rng.normal(0, 0.25)))
        table = np.clip(255 * ramp * float(rng.uniform(0.7, 1.15)), 0, 255).astype(np.uint8)
        moved = cv2.LUT(moved, table)
    if rng.random() < 0.25:
        noise = rng.standard_normal(moved.shape, dtype=np.float32) * np.float32(rng.uniform(2, 16))
        moved = np.clip(moved + noise, 0, 255).astype(np.uint8)
    return np.asarray(moved, np.uint8)


def as_targets(texts: Sequence[str]) -> npt.NDArray[np.int32]:
    """Targets of texts, (n, MAX_TARGET_LENGTH): classes plus one, and 0 behind the last."""
    targets = np.zeros((len(texts), MAX_TARGET_LENGTH), np.int32)
    for row, text in zip(targets, texts, strict=True):
        row[: len(text)] = [CHARACTERS.index(c) + 1 for c in text]
    return targets
