"""Which segments of an open field are its digits: the likeliest way through a lattice.

The pieces of a field's ink are a lattice of segments that may be digits. The most
probable way from its left to its right end is found by dynamic programming (Viterbi),
and how probable each of its segments is against all other ways by the forward-backward
algorithm (Rabiner, "A tutorial on hidden Markov models", 1989).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from formreader.core.records import Discarded, Field, PageCrops, Segment, Surroundings
from formreader.recognise.decisions import NOT_A_DIGIT
from formreader.segment.handwriting_filter import (
    is_handwritten_size,
    may_be_separators,
    printed_fields,
)

NO_NUMBER = "no handwritten number in it"
"""Why a rectangle is no open field after all."""

_LEAST_PROBABILITY = 1e-6
"""Keeps logarithms finite."""

_LEAST_DIGITS = 0.65
"""Mean probability of being a digit from which segments are a number, not a word or a tick."""

_MOST_DIGITS = 12

_SEPARATOR_DOUBT = 0.5
"""What remains of a 1's probability where it may be a separator that was not found."""

_CELL_ASPECT = 1.3
"""Width per height up to which the rectangle of a single digit is its box."""


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


@dataclass(frozen=True, slots=True, eq=False)
class _Settled:
    """A field as it remains: the rows of its boxes among the page's, and their shares, (m,).

    `digits` is the mean probability that the boxes hold digits, 0 for a blank open field.
    """

    field: Field
    rows: npt.NDArray[np.int64]
    shares: npt.NDArray[np.float64]
    picture: Surroundings
    digits: float = 0.0


def settle_fields(
    page: PageCrops, drafts: npt.NDArray[np.float32]
) -> tuple[PageCrops, npt.NDArray[np.float64]]:
    """Keep of each open field the segments that are its digits; drop what holds no number.

    Args:
        page: a page of n boxes, those of its open fields still all segments.
        drafts: (n, 11) probabilities of its boxes, the digits 0-9 and "not a digit"; those
            of boxes that are no segments are not looked at.

    Returns:
        The page with the m boxes that remain, and how probable it is that they are rightly
        cut, (m,).
        Open fields that are blank or hardly read remain where a number stands in one of the
        same size.
    """
    if not any(field.frame for field in page.fields):
        return page, np.ones(len(page.blank))
    settled = _without_words(list(_settle(page, drafts)))
    kept = {one.field.frame for one in settled}
    frames = [field.frame for field in page.fields if field.frame]
    dropped = tuple(frame for frame in frames if frame not in kept)
    rows = np.concatenate([np.zeros(0, np.int64), *(one.rows for one in settled)])
    shares = np.concatenate([np.zeros(0), *(one.shares for one in settled)])
    remaining = replace(
        page,
        fields=tuple(_with_cell(one.field) for one in settled),
        crops=page.crops[rows],
        blank=page.blank[rows],
        surroundings=tuple(one.picture for one in settled),
        discarded=page.discarded + ((Discarded(dropped, NO_NUMBER),) if dropped else ()),
    )
    return remaining, shares


def _settle(page: PageCrops, drafts: npt.NDArray[np.float32]) -> Iterator[_Settled]:
    """The fields of a page with the boxes that are digits, without what is too much or small."""
    first = 0
    for field, picture in zip(page.fields, page.surroundings, strict=True):
        rows = np.arange(first, first + len(field.boxes))
        first += len(rows)
        if not field.segments:
            yield _Settled(field, rows, np.ones(len(rows)), picture)
            continue
        best = drafts[rows, :NOT_A_DIGIT].max(axis=1).astype(np.float64)
        priors = np.array([segment.log_prior for segment in field.segments])
        scores = priors + np.log(np.maximum(best, _LEAST_PROBABILITY))
        way, shares = best_way(field.segments, scores)
        digits = replace(
            field,
            boxes=tuple(field.boxes[i] for i in way),
            segments=tuple(field.segments[i] for i in way),
        )
        if len(way) <= _MOST_DIGITS and is_handwritten_size(digits):
            doubts = np.where(may_be_separators(digits), _SEPARATOR_DOUBT, 1.0)
            yield _Settled(digits, rows[way], shares * doubts, picture, float(best[way].mean()))


def _without_words(settled: Sequence[_Settled]) -> list[_Settled]:
    """The fields without the open ones that hold print or words, or are of no number's kind."""
    legible = [one for one in settled if one.digits >= _LEAST_DIGITS]
    printed = printed_fields([one.field for one in legible])
    sizes = [one.field.box for one, is_print in zip(legible, printed, strict=True) if not is_print]
    print_ = {id(one) for one, is_print in zip(legible, printed, strict=True) if is_print}
    return [
        one
        for one in settled
        if one.field.frame is None
        or (id(one) not in print_ and any(map(one.field.box.is_as_large_as, sizes)))
    ]


def _with_cell(field: Field) -> Field:
    """A field without its segments; the box of a lone digit is the rectangle, if that is a cell."""
    box = field.box
    if field.frame and len(field.boxes) == 1 and box.width <= _CELL_ASPECT * box.height:
        return replace(field, boxes=(field.frame,), segments=())
    return replace(field, segments=())


def with_doubt(
    probabilities: npt.NDArray[np.float32], shares: npt.NDArray[np.float64]
) -> npt.NDArray[np.float32]:
    """Probabilities (m, 11) of boxes that are rightly cut with probability `shares`, (m,).

    What speaks for another cut goes over to "not a digit", so that a doubtful cut is for review.
    """
    doubted = probabilities * shares[:, None]
    doubted[:, NOT_A_DIGIT] += 1 - shares
    return np.asarray(doubted, np.float32)
