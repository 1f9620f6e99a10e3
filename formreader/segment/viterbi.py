"""The likeliest way through a lattice of segments, and how probable each of its segments is.

The pieces of a field's ink are a lattice of segments that may be digits. The most
probable way from its left to its right end is found by dynamic programming (Viterbi),
and how probable each of its segments is against all other ways by the forward-backward
algorithm (Rabiner, "A tutorial on hidden Markov models", 1989).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from formreader.core.records import Segment


def best_way(
    segments: Sequence[Segment], scores: npt.NDArray[np.float64]
) -> tuple[list[int], npt.NDArray[np.float64]]:
    """The most probable way through a lattice, and the probability of each of its segments.

    Args:
        segments: n segments that leave no piece out.
        scores: (n,) log probability of each.

    Returns:
        Indices of the k segments of the way from left to right, and (k,) how probable it is
        that they are segments of the right way, against all others.
    """
    pieces = max(segment.end for segment in segments)
    best = np.full(pieces + 1, -np.inf)
    forward, backward = best.copy(), best.copy()
    best[0] = forward[0] = backward[pieces] = 0.0
    came = np.zeros(pieces + 1, np.int64)
    order = sorted(range(len(segments)), key=lambda i: (segments[i].end, segments[i].start))
    for i in order:
        start, end = segments[i].start, segments[i].end
        forward[end] = np.logaddexp(forward[end], forward[start] + scores[i])
        if best[start] + scores[i] > best[end]:
            best[end], came[end] = best[start] + scores[i], i
    for i in sorted(order, key=lambda i: -segments[i].start):
        start, end = segments[i].start, segments[i].end
        backward[start] = np.logaddexp(backward[start], backward[end] + scores[i])
    way: list[int] = []
    place = pieces
    while place > 0:
        way.append(int(came[place]))
        place = segments[way[-1]].start
    way.reverse()
    log_share = [
        forward[segments[i].start] + scores[i] + backward[segments[i].end] - forward[pieces]
        for i in way
    ]
    return way, np.exp(np.minimum(log_share, 0.0))
