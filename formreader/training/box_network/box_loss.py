"""How wrong the box network's maps are."""

from __future__ import annotations

import keras
from keras import ops

from formreader.training.box_network.box_targets import (
    HEAT,
    HEAT_WEIGHT,
    OFFSETS,
    SHAPE_WEIGHT,
    SIDES,
)

# A box is found by its sides as much as by its centre, and sides are the harder to tell.
_OFFSET_WEIGHT = 1.0
_SIDE_WEIGHT = 2.0


def box_loss(target: keras.KerasTensor, maps: keras.KerasTensor) -> keras.KerasTensor:
    """The loss of CenterNet (Zhou et al. 2019) over a batch: focal for centres, L1 for the rest.

    `target` is (n, h, w, 7) as from `draw_targets`, `maps` the network's (n, h, w, 5). A scalar.
    """
    weight = target[..., SHAPE_WEIGHT]
    offset, sides = (
        ops.sum(weight[..., None] * ops.abs(maps[..., part] - target[..., part]))
        for part in (OFFSETS, SIDES)
    )
    shape = (_OFFSET_WEIGHT * offset + _SIDE_WEIGHT * sides) / (ops.sum(weight) + 1.0)
    return _centre_loss(target[..., HEAT], target[..., HEAT_WEIGHT], maps[..., HEAT]) + shape


def _centre_loss(
    heat: keras.KerasTensor, weight: keras.KerasTensor, logit: keras.KerasTensor
) -> keras.KerasTensor:
    """Focal loss a centre; near a centre (where `heat` is high) a false one is hardly wrong."""
    yes = ops.sigmoid(logit)
    log_yes, log_no = -ops.softplus(-logit), -ops.softplus(logit)
    centre = ops.cast(heat >= 1.0, "float32")
    missed = -centre * (1 - yes) ** 2 * log_yes
    false = -(1 - centre) * weight * (1 - heat) ** 4 * yes**2 * log_no
    return ops.sum(missed + false) / (ops.sum(centre) + 1.0)
