"""Batches that processes make for a training on a GPU."""

from __future__ import annotations

import os

import numpy as np
import pytest

from gpu_training.made_batches import MadeBatches, seeded
from shared.batches import Batch


def test_batches_come_in_order_and_depend_on_the_seed_and_their_step_alone() -> None:
    def make(rng: np.random.Generator) -> Batch:
        return rng.integers(0, 256, (2, 3, 3, 1)).astype(np.uint8), np.array([os.getpid()])

    by_seed = seeded(make, 4)
    with MadeBatches(by_seed, processes=2) as made:
        found = list(made.batches(3, 200))
    assert len(found) == 197
    assert os.getpid() not in {int(targets[0]) for _, targets in found}
    for step in (3, 57, 199):
        np.testing.assert_array_equal(found[step - 3][0], by_seed(step)[0])
    assert not np.array_equal(found[0][0], seeded(make, 5)(3)[0])


def test_a_batch_that_cannot_be_made_ends_the_training() -> None:
    def make(step: int) -> Batch:
        raise ValueError(f"step {step}")

    with MadeBatches(make, processes=1) as made, pytest.raises(ValueError, match="step 7"):
        next(made.batches(7, 9))
