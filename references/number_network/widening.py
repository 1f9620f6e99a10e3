"""Start a wide network as a narrow one that was trained: it computes the same, and learns more.

After Chen, Goodfellow and Shlens, "Net2Net: Accelerating Learning via Knowledge Transfer", 2016.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

_NOISE = 0.02
"""Deviation of what is added to copied weights, in deviations of these: copies that were equal
would stay so."""

_KERNEL_DIMENSIONS = 4
"""Dimensions of a convolution's kernel: rows, columns, channels in and channels out."""

Weights = npt.NDArray[np.float32]


def widened(weights: Sequence[Weights], shapes: Sequence[tuple[int, ...]]) -> list[Weights]:
    """The weights of a chain of convolutions with more channels, which computes the same.

    Args:
        weights: the narrow chain's, in its order: of each convolution its kernel, then vectors
            of one number a channel, such as those of its normalisation.
        shapes: the shapes of the wide chain's weights.

    Raises:
        ValueError: the chains differ in more than their numbers of channels.
    """
    if len(weights) != len(shapes):
        raise ValueError(f"needs {len(shapes)} arrays of weights. Received: {len(weights)}")
    rng = np.random.default_rng(0)
    wide = list[Weights]()
    # Of each channel of the wide chain the one that it is a copy of.
    kept = np.arange(shapes[0][2])
    for old, shape in zip(weights, shapes, strict=True):
        if old.ndim != len(shape) or old.shape[:-2] != shape[:-2] or old.shape[-1] > shape[-1]:
            raise ValueError(f"needs weights of {shape} or narrower. Received: {old.shape}")
        if old.ndim != _KERNEL_DIMENSIONS:
            wide.append(old[kept])
            continue
        if not np.array_equal(np.unique(kept), np.arange(old.shape[2])):
            raise ValueError(f"needs {len(kept)} channels in. Received: {old.shape}")
        entering, kept = kept, _copied(old.shape[3], shape[3], rng)
        copies = np.bincount(entering, minlength=old.shape[2])
        kernel = old[:, :, entering][..., kept] / copies[entering][:, None]
        if shape != old.shape:
            kernel = kernel + rng.normal(0, _NOISE * float(kernel.std()), kernel.shape)
        wide.append(np.asarray(kernel, np.float32))
    return wide


def _copied(narrow: int, wide: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """(wide,) which of `narrow` channels each is a copy of: all of them once, then some again."""
    again = rng.permutation(narrow)
    return np.concatenate([np.arange(narrow), np.resize(again, wide - narrow)])
