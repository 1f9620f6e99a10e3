"""Connected components of ink, few or very many."""

from __future__ import annotations

import numpy as np
import pytest

from formreader.preprocess.page_print import connected_parts


@pytest.mark.parametrize("side", [5, 6, 7, 520, 521])
def test_the_largest_possible_number_of_parts_has_distinct_labels(side: int) -> None:
    ink = np.zeros((side, side), np.uint8)
    ink[::2, ::2] = 1
    labels, stats = connected_parts(ink)
    n = np.count_nonzero(ink)
    assert len(stats) == n + 1
    assert np.unique(labels[ink > 0]).tolist() == list(range(1, n + 1))
    assert not labels[ink == 0].any()


def test_parts_touch_by_their_corners() -> None:
    labels, stats = connected_parts(np.eye(4, dtype=np.uint8))
    assert len(stats) == 2
    assert (labels == np.eye(4)).all()
