"""Pages that differ from the others of their batch: a field more or less than pages like them.

Without a template nothing else shows a title taken for a field, or a row that was split.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from formreader.core.doubts import Doubt, all_of, reason
from formreader.store.job_store import PageLayout

Floats: TypeAlias = npt.NDArray[np.float64]
Complex: TypeAlias = npt.NDArray[np.complex128]
Integers: TypeAlias = npt.NDArray[np.int64]

_MIN_FIELDS = 3
"""Fields that a page must have, and share with another, to be compared."""

_MIN_SHARED, _MIN_SHARED_OF_LARGER = 0.5, 0.4
"""Shares of the fields, of the page with fewer and of that with more, that two pages of one form
have in the same places. On 60 drawn pages of ten forms no two forms were taken for one."""

_ENOUGH_SHARED = 0.9
"""Share of the fields from which no better way to lay one page over another is looked for."""

_MIN_SIBLINGS = 5
"""Pages of a form from which it shows what is usual."""

_USUAL, _UNUSUAL = 0.8, 0.2
"""A field is usual that at least this share of the pages has, unusual one that at most that share
has. Between them are cells that are often left blank."""

_MAX_TILT, _MAX_SCALE = 0.2, 2.0
"""Radians and ratio by which pages of one form may lie differently."""

_NEAR, _PLACE = 1.5, 0.5
"""Distance of the middles of fields that may be, and that are, in one place, in field heights."""

_MAX_TRIES = 6
"""Pairs of fields by which one page is laid over another."""

_MAX_WAYS = 40
"""Ways to lay one page over another that are tried."""

_MAX_COMPARED = 4
"""Forms that a page is compared with: those whose numbers of boxes are most like its own."""


@dataclass(slots=True)
class _Siblings:
    """Pages of one form: the first one, and the fields of all as seen from it.

    `places` are the middles (n, 2) of all fields that any page has, `kinds` (n,) their numbers of
    boxes, and `seen` which of the pages, by their indices, have them. `counts` are the fields of
    the first page by their number of boxes.
    """

    counts: Counter[int]
    places: Floats
    kinds: Integers
    seen: list[dict[int, int]]
    pages: list[PageLayout]


def odd_pages(layouts: Iterable[PageLayout]) -> dict[int, str]:
    """How pages differ from at least four that are like them, as reasons by the pages' ids."""
    groups = list[_Siblings]()
    for page in layouts:
        if len(page.kinds) >= _MIN_FIELDS:
            _add(groups, page)
    told = dict[int, str]()
    for group in groups:
        if len(group.pages) >= _MIN_SIBLINGS:
            told |= _differences(group)
    return told


def _add(groups: list[_Siblings], page: PageLayout) -> None:
    """Add a page to the pages like it."""
    counts = Counter[int](page.kinds.tolist())
    alike = [_kinds_shared(counts, group.counts) for group in groups]
    for i in sorted(range(len(groups)), key=lambda i: -alike[i])[:_MAX_COMPARED]:
        if (mapped := _laid_over(page, groups[i].pages[0], alike[i])) is not None:
            _note(groups[i], page, mapped)
            return
    seen = [{0: number} for number in range(1, len(page.kinds) + 1)]
    groups.append(_Siblings(counts, page.middles, page.kinds, seen, [page]))


def _note(group: _Siblings, page: PageLayout, mapped: Floats) -> None:
    """Note a page with its fields' middles (n, 2) as seen from the first page of its form."""
    index = len(group.pages)
    group.pages.append(page)
    near = _PLACE * float(np.median(group.pages[0].heights))
    distance = _distances(mapped, page.kinds, group.places, group.kinds)
    new = list[int]()
    for field, place in enumerate(distance.argmin(axis=1).tolist()):
        if distance[field, place] <= near and index not in group.seen[place]:
            group.seen[place][index] = field + 1
        else:
            group.seen.append({index: field + 1})
            new.append(field)
    group.places = np.concatenate([group.places, mapped[new]])
    group.kinds = np.concatenate([group.kinds, page.kinds[new]])


def _differences(group: _Siblings) -> dict[int, str]:
    """What pages have more or less than the others of their form."""
    pages = len(group.pages)
    told = dict[int, str]()
    usual = [seen for seen in group.seen if len(seen) >= _USUAL * pages]
    unusual = [seen for seen in group.seen if len(seen) <= _UNUSUAL * pages]
    for i, page in enumerate(group.pages):
        lacking = sum(i not in seen for seen in usual)
        own = sorted(seen[i] for seen in unusual if i in seen)
        if lacking or own:
            told[page.page] = all_of(
                reason(Doubt.FIELDS_MORE, pages - 1, ", ".join(map(str, own))) if own else "",
                reason(Doubt.FIELDS_FEWER, pages - 1, lacking) if lacking else "",
            )
    return told


def _laid_over(page: PageLayout, other: PageLayout, alike: float) -> Floats | None:
    """The middles (n, 2) of a page's fields as seen from another page; None if unlike."""
    fewer, more = sorted((len(page.kinds), len(other.kinds)))
    wanted = max(_MIN_FIELDS, _MIN_SHARED * fewer, _MIN_SHARED_OF_LARGER * more)
    if alike * more < wanted:
        return None
    best, most = None, 0
    for mapped in _ways(page, other):
        fitted, shared = _refined(page, other, mapped)
        if shared > most:
            best, most = fitted, shared
        if most >= _ENOUGH_SHARED * fewer:
            break
    return best if most >= wanted else None


def _kinds_shared(page: Counter[int], other: Counter[int]) -> float:
    """Share of the fields, of the page with more, that may be the same by their number of boxes."""
    return (page & other).total() / max(page.total(), other.total())


def _ways(page: PageLayout, other: PageLayout) -> Iterator[Floats]:
    """Yield middles (n, 2) of a page laid over another by two like fields, least moved first."""
    points: Complex = page.middles @ np.array([1, 1j])
    targets: Complex = other.middles @ np.array([1, 1j])
    found: Complex = np.zeros((0, len(points)), np.complex128)
    for first, second in _pairs(page):
        starts = np.flatnonzero(other.kinds == page.kinds[first])
        ends = np.flatnonzero(other.kinds == page.kinds[second])
        span = points[second] - points[first]
        if not (starts.size and ends.size and span):
            continue
        turns = (targets[ends] - targets[starts, None]) / span
        size = np.abs(turns)
        plausible = (size > 1 / _MAX_SCALE) & (size < _MAX_SCALE)
        plausible &= np.abs(np.angle(turns)) <= _MAX_TILT
        start, end = np.nonzero(plausible)
        around = points - points[first]
        ways = targets[starts[start], None] + turns[start, end, None] * around
        found = np.concatenate([found, ways])
        order = np.argsort(np.abs(found - points).mean(axis=1), kind="stable")
        found = found[order[:_MAX_WAYS]]
    for mapped in found:
        yield np.stack([mapped.real, mapped.imag], axis=1)


def _pairs(page: PageLayout) -> list[tuple[int, int]]:
    """Pairs of fields far from one another, each field with its own partner."""
    distance = np.linalg.norm(page.middles[:, None] - page.middles[None], axis=2)
    order = np.argsort(-distance.max(axis=1), kind="stable")[:_MAX_TRIES]
    return [(int(i), int(distance[i].argmax())) for i in order]


def _refined(page: PageLayout, other: PageLayout, mapped: Floats) -> tuple[Floats, int]:
    """The middles, fitted affinely to the fields that they lie on; and how many those are."""
    for reach in (_NEAR, _PLACE):
        at, on = _matched(mapped, page, other, reach)
        if len(at) < _MIN_FIELDS or reach == _PLACE:
            break
        around = page.middles - page.middles[at].mean(axis=0)
        known = np.column_stack([around, np.ones(len(around))])
        fit, *_ = np.linalg.lstsq(known[at], other.middles[on], rcond=1e-6)
        mapped = known @ fit
    return mapped, len(at)


def _distances(middles: Floats, kinds: Integers, others: Floats, other_kinds: Integers) -> Floats:
    """Distances (n, m) of fields from others, by middles (n, 2) and (m, 2); inf for other kinds."""
    x, y = middles.T[:, :, None] - others.T[:, None]
    distance: Floats = np.sqrt(x * x + y * y)  # five times as fast as norm along an axis of two
    distance[kinds[:, None] != other_kinds] = np.inf
    return distance


def _matched(
    mapped: Floats, page: PageLayout, other: PageLayout, reach: float
) -> tuple[Integers, Integers]:
    """Fields of a page and those of another, nearest to each other, within `reach` heights."""
    distance = _distances(mapped, page.kinds, other.middles, other.kinds)
    nearest = distance.argmin(axis=1)
    mutual = distance.argmin(axis=0)[nearest] == np.arange(len(mapped))
    near = distance.min(axis=1) <= reach * float(np.median(other.heights))
    at = np.flatnonzero(mutual & near)
    return at, nearest[at]
