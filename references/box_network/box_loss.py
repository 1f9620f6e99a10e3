"""The loss of the box network."""

from __future__ import annotations

import keras
from keras import ops

from box_network.box_targets import (
    HEAT,
    HEAT_WEIGHT,
    OFFSETS,
    SHAPE_WEIGHT,
    SIDES,
)
from box_network.cell_targets import (
    CORE,
    CORE_WEIGHT,
    EDGE_WEIGHTS,
    EDGES,
)
from formreader.detect.cell_maps import CELL_CHANNELS

_OFFSET_WEIGHT, _SIDE_WEIGHT = 1.0, 2.0
"""Weights of the errors of offsets and sides, beside 1 for the centres. The overlap with a box
depends on its sides as much as on its centre, and sides are harder to estimate. No record of a
measurement."""


_ENTROPY_WEIGHT, _EDGE_WEIGHT = 5.0, 2.0
"""Weights of the cross entropy of cores, a mean over all places, and of the distances of edges,
beside 1 for the overlap of cores. No record of a measurement."""


def page_loss(target: keras.KerasTensor, maps: keras.KerasTensor) -> keras.KerasTensor:
    """The loss of boxes and cells together. A scalar.

    `target` is (n, h, w, 17) as from `draw_all_targets`, `maps` the network's (n, h, w, 10).
    """
    return box_loss(target, maps) + cell_loss(target, maps)


def cell_loss(target: keras.KerasTensor, maps: keras.KerasTensor) -> keras.KerasTensor:
    """The loss of the cells: cross entropy and Dice for their cores, L1 for their edges. A scalar.

    Cores are few on some pieces and many on others. Dice (Milletari et al. 2016) weighs them as a
    share of all.
    """
    core, weight = target[..., CORE], target[..., CORE_WEIGHT]
    logit = maps[..., CELL_CHANNELS.start]
    entropy = ops.softplus(logit) - core * logit
    yes = ops.sigmoid(logit) * weight
    shared, both = ops.sum(yes * core), ops.sum(yes) + ops.sum(weight * core)
    dice = 1 - (2 * shared + 1) / (both + 1)
    edges = maps[..., CELL_CHANNELS.start + 1 : CELL_CHANNELS.stop]
    near = target[..., EDGE_WEIGHTS]
    apart = ops.sum(near * ops.abs(edges - target[..., EDGES])) / (ops.sum(near) + 1.0)
    return _ENTROPY_WEIGHT * ops.mean(weight * entropy) + dice + _EDGE_WEIGHT * apart


def box_loss(target: keras.KerasTensor, maps: keras.KerasTensor) -> keras.KerasTensor:
    """The loss of CenterNet (Zhou et al. 2019) over a batch: focal for centres, L1 for the rest.

    `target` is (n, h, w, 7 or more) as from `draw_targets`, `maps` the network's (n, h, w, 5 or
    more). A scalar.
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
    """Focal loss per centre; false centres near a true one, where `heat` is high, count little."""
    yes = ops.sigmoid(logit)
    log_yes, log_no = -ops.softplus(-logit), -ops.softplus(logit)
    centre = ops.cast(heat >= 1.0, "float32")
    missed = -centre * (1 - yes) ** 2 * log_yes
    false = -(1 - centre) * weight * (1 - heat) ** 4 * yes**2 * log_no
    return ops.sum(missed + false) / (ops.sum(centre) + 1.0)
