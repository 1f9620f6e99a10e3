"""Crops of many pages in large batches through the network, and back to their pages.

On the way pages are found that lie upside down or on their side: turned digits read badly.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from formreader.core.options import ScanOptions
from formreader.core.records import Crops, Field, PageCrops, PageReading
from formreader.preprocess.text_direction import quarters_to_upright
from formreader.recognise.arbitration import (
    DOUBTFUL_BOXES,
    has_doubtful_boxes,
    in_sure_boxes,
    without_contradictions,
    without_words,
)
from formreader.recognise.architectures import CLASSES
from formreader.recognise.decisions import NOT_A_DIGIT, read_fields
from formreader.recognise.recogniser import Probabilities, Recogniser
from formreader.recognise.risk_control import acceptance
from formreader.segment.viterbi import settle_fields, with_doubt

TurnPages: TypeAlias = Callable[[Mapping[int, int]], Sequence[PageCrops]]
"""Does page work anew: index of the page -> quarter turns clockwise that bring it upright."""

MAYBE_TURNED = "it may lie upside down or on its side: turn the page upright and scan it again"

_LEAST = 0.02
"""Least probability in a sum of logarithms, so that no single cross or blot decides."""

_WELL_READ = -0.25
"""Mean logarithm of the best digits' probability above which no page is upside down.

Upside down, pages came to -0.4 to -1.9, as 0, 1 and 8 stay what they are and 6 and 9 swap;
on their side to -1.4 and less; upright pages to 0 to -0.7, with crosses and blots to -1.4.
"""

_NOT_ON_SIDE = -1.0
"""The same for pages on their side."""

_READABLE = -1.0
"""Mean logarithm below which a page is not laid on its other side: letters that were taken for
digits read alike either way."""

_TURNED_EVIDENCE = 6.0
_UPRIGHT_EVIDENCE = 3.0
"""Least logarithms of the odds, all digits of a page together: to turn it, to trust it unturned."""

_MOST_AGAINST = 0.5
"""Evidence against a turn at most, as a share of that for it. Where more digits contradict one
another, what was read are hardly digits: writing that shows through from the back of the page.
Upright pages full of crosses and letters come to more, but need no turn."""

_WITH_DIRECTION = (0, 2, 3, 4, 5, 6, 7, 8, 9)
"""Digits that count as evidence: any dash or rest of a line is a 1 if it is turned so."""

_Floats: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Orientation:
    """How a page's digits say that it lies.

    `quarters` is by how many quarter turns clockwise it has still to be turned, 0 unless
    that is certain; `sure` is false where another way would do about as well.
    """

    quarters: int = 0
    sure: bool = True


def read_pages(
    pages: Iterable[PageCrops],
    recogniser: Recogniser,
    options: ScanOptions,
    stages: dict[str, float],
    turn: TurnPages | None = None,
) -> Iterator[tuple[PageCrops, PageReading]]:
    """Read pages, in their order, in batches of `options.batch` crops across pages.

    Pages that prove to be turned are replaced by what `turn` makes of them; where it is
    None all pages are read as they are. The time that the network takes is added to
    `stages`.

    Raises:
        ModelError: the model cannot promise `options.max_error`.
    """
    review_below = acceptance(recogniser.card, options).review_below
    network = _Network(recogniser, stages)
    done = 0
    for unread in _groups(pages, options.batch):
        group, read = network.read(unread)
        lies = [Orientation()] * len(group)
        if turn is not None:
            lies = [network.orientation(page, p) for page, p in zip(group, read, strict=True)]
            turned = [i for i, orientation in enumerate(lies) if orientation.quarters]
            again = turn({done + i: _upright(group[i], lies[i]) for i in turned}) if turned else []
            for i, page, p in zip(turned, *network.read(again), strict=True):
                group[i], read[i] = page, p
                lies[i] = _confirmed(network.orientation(page, p))
        done += len(group)
        for found, probabilities, orientation in zip(group, read, lies, strict=True):
            # Only now: what is no digit may be one on a page that was turned.
            page, kept = without_contradictions(*without_words(found, probabilities))
            yield page, _page_reading(page, kept, orientation, review_below)


def _page_reading(
    page: PageCrops, probabilities: Probabilities, lies: Orientation, review_below: float
) -> PageReading:
    """The page's reading; all digits of a page that may be turned are for review."""
    notices = [page.notice]
    if has_doubtful_boxes(page):
        notices.append(DOUBTFUL_BOXES)
    if not lies.sure:
        notices.append(MAYBE_TURNED)
        review_below = math.inf
    fields = read_fields(page.fields, probabilities, page.blank, review_below)
    notice = "; ".join(filter(None, notices))
    return PageReading(page.file, page.number, fields, page.error, notice)


@dataclass(frozen=True, slots=True)
class _Network:
    """The recogniser, with the time that it takes."""

    recogniser: Recogniser
    stages: dict[str, float]

    def read(self, pages: Sequence[PageCrops]) -> tuple[list[PageCrops], list[Probabilities]]:
        """The pages with one box a digit, and what was read in their boxes.

        Returns:
            The pages, with their open fields cut into digits, and for each the class
            probabilities of its boxes, (n, 11); zeros for blank ones.
        """
        if not pages:
            return [], []
        settled, shares = self._settled(pages)
        written = self.probabilities(np.concatenate([page.crops[~page.blank] for page in settled]))
        ends = np.cumsum([np.count_nonzero(~page.blank) for page in settled])[:-1]
        read = list[Probabilities]()
        for page, part, share in zip(settled, np.split(written, ends), shares, strict=True):
            probabilities = np.zeros((len(page.blank), len(CLASSES)), np.float32)
            probabilities[~page.blank] = part
            read.append(with_doubt(probabilities, share))
        return settled, read

    def _settled(self, pages: Sequence[PageCrops]) -> tuple[list[PageCrops], list[_Floats]]:
        """What `settle_fields` makes of pages, by drafts: most segments are no digits."""
        segments = [_are_segments(page) for page in pages]
        crops = [page.crops[chosen] for page, chosen in zip(pages, segments, strict=True)]
        read = self._timed(self.recogniser.drafts, np.concatenate(crops))
        settled, shares = list[PageCrops](), list[_Floats]()
        parts = np.split(read, np.cumsum([len(part) for part in crops])[:-1])
        for page, chosen, part in zip(pages, segments, parts, strict=True):
            drafts = np.zeros((len(chosen), len(CLASSES)), np.float32)
            drafts[chosen] = part
            page_settled = settle_fields(page, drafts)
            settled.append(page_settled[0])
            shares.append(page_settled[1])
        return settled, shares

    def orientation(self, page: PageCrops, probabilities: Probabilities) -> Orientation:
        """How a page lies. Its crops are read turned only where they read badly as they are."""
        written = ~page.blank
        trusted = written & in_sure_boxes(page)
        chosen = trusted if trusted.any() else written
        crops, unturned = page.crops[chosen], probabilities[chosen]
        if not len(crops):
            return Orientation()
        well_read = float(log_best(unturned).mean())
        text_turned = quarters_of(page.fields) != 0  # nothing yet says which of the two ways
        if well_read > _WELL_READ and not text_turned:
            return Orientation()
        quarters = (1, 2, 3) if text_turned or well_read < _NOT_ON_SIDE else (2,)
        others = {q: self.probabilities(_turned(crops, q)) for q in quarters}
        evidence = {q: log_best(read, _WITH_DIRECTION) for q, read in others.items()}
        return judge_orientation(log_best(unturned, _WITH_DIRECTION), evidence)

    def probabilities(self, crops: Crops) -> Probabilities:
        return self._timed(self.recogniser.probabilities, crops)

    def _timed(self, read: Callable[[Crops], Probabilities], crops: Crops) -> Probabilities:
        began = time.perf_counter()
        probabilities = read(crops)
        spent = time.perf_counter() - began
        self.stages["recognise"] = self.stages.get("recognise", 0.0) + spent
        return probabilities


def _are_segments(page: PageCrops) -> npt.NDArray[np.bool_]:
    """Which boxes of a page are segments of open fields, (n,)."""
    counts = [len(field.boxes) for field in page.fields]
    return np.repeat(np.array([bool(field.segments) for field in page.fields], np.bool_), counts)


def log_best(probabilities: Probabilities, digits: Sequence[int] = range(NOT_A_DIGIT)) -> _Floats:
    """(n,) logarithms of the best digit's probability, of class probabilities (n, 11)."""
    best = probabilities[:, list(digits)].max(axis=1, initial=0.0)
    return np.asarray(np.log(np.maximum(best, _LEAST)), np.float64)


def judge_orientation(unturned: _Floats, others: Mapping[int, _Floats]) -> Orientation:
    """How a page lies, from how well its n crops read as they are and otherwise turned.

    Args:
        unturned: (n,) from `log_best`.
        others: quarter turns clockwise -> (n,) for crops that are so turned.
    """
    ways = {0: unturned, **others}
    best, second = sorted(ways, key=lambda quarters: -float(ways[quarters].sum()))[:2]
    gain = ways[best] - ways[second]
    speaks_for, against = gain[gain > 0].sum(), -gain[gain < 0].sum()
    lead = speaks_for - against
    if best == 0:
        return Orientation(sure=bool(lead >= _UPRIGHT_EVIDENCE))
    one_sided = against <= _MOST_AGAINST * speaks_for
    readable = best % 2 == 0 or others[best].mean() >= _READABLE
    if one_sided and readable and lead >= _TURNED_EVIDENCE:
        return Orientation(best)
    return Orientation(sure=False)


def quarters_of(fields: Sequence[Field]) -> int:
    """By how many quarter turns clockwise the stored page came upright, from its boxes."""
    corners = np.array([box.corners for field in fields for box in field.boxes]).reshape(-1, 4, 2)
    return quarters_to_upright(corners)


def _upright(page: PageCrops, lies: Orientation) -> int:
    return (quarters_of(page.fields) + lies.quarters) % 4


def _confirmed(lies: Orientation) -> Orientation:
    """How a page lies that was turned; what asks for another turn is not sure of itself."""
    return Orientation(sure=lies.sure and lies.quarters == 0)


def _turned(crops: Crops, quarters: int) -> Crops:
    return np.ascontiguousarray(np.rot90(crops, -quarters, axes=(1, 2)))


def _groups(pages: Iterable[PageCrops], crops: int) -> Iterator[list[PageCrops]]:
    """Pages that together have at least `crops` crops with ink; the last ones have less."""
    group: list[PageCrops] = []
    waiting = 0
    for page in pages:
        group.append(page)
        waiting += int(np.count_nonzero(~page.blank))
        if waiting >= crops:
            yield group
            group, waiting = [], 0
    if group:
        yield group
