"""Find the most probable path through a lattice of segments, and its segments' posteriors.

The segments of a cell that may be digits are a lattice. Dynamic programming (Viterbi) finds
the most probable path from its left to its right end; the forward-backward algorithm gives
the posterior of each segment, its probability given all paths (Rabiner, "A tutorial on hidden
Markov models", 1989).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from formreader.core.records import Segment


def best_path(
    segments: Sequence[Segment], scores: npt.NDArray[np.float64]
) -> tuple[list[int], npt.NDArray[np.float64]]:
    """Find the most probable path through a lattice, and the posteriors of its segments.

    Args:
        segments: n segments that together cover all pieces.
        scores: (n,) log probability of each.

    Returns:
        Indices of the k segments of the path from left to right, and (k,) the probability that
        each is part of the right path.
    """
    pieces = max(segment.end for segment in segments)
    best = np.full(pieces + 1, -np.inf)
    forward, backward = best.copy(), best.copy()
    best[0] = forward[0] = backward[pieces] = 0.0
    arrived_by = np.zeros(pieces + 1, np.int64)
    order = sorted(range(len(segments)), key=lambda i: (segments[i].end, segments[i].start))
    for i in order:
        start, end = segments[i].start, segments[i].end
        forward[end] = np.logaddexp(forward[end], forward[start] + scores[i])
        if best[start] + scores[i] > best[end]:
            best[end], arrived_by[end] = best[start] + scores[i], i
    for i in sorted(order, key=lambda i: -segments[i].start):
        start, end = segments[i].start, segments[i].end
        backward[start] = np.logaddexp(backward[start], backward[end] + scores[i])
    path: list[int] = []
    place = pieces
    while place > 0:
        path.append(int(arrived_by[place]))
        place = segments[path[-1]].start
    path.reverse()
    log_posteriors = [
        forward[segments[i].start] + scores[i] + backward[segments[i].end] - forward[pieces]
        for i in path
    ]
    return path, np.exp(np.minimum(log_posteriors, 0.0))
