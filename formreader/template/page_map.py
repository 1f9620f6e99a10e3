"""The map from a form's reference page to a page: a projective transform, and the paper's bend.

Points may cover only a part of the page, as a title and a few labels do, and then so many free
numbers would bend the rest of it at will. So whatever is more than a turn, a shift and a change of
size needs evidence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from formreader.core.geometry import Transform, map_points

Floats: TypeAlias = npt.NDArray[np.float64]

_BEND_TERMS = 7
"""Terms of the second and third degree in x and y."""

_USUAL_STRETCH = 0.004
"""Stretch, shear, perspective and bend of a usual scan, as the share of its distance from the
middle by which they move a point. Much more is hardly less likely (a Cauchy distribution): a
photograph."""

_POINT_NOISE = 1.0
"""Standard deviation, in pixels, of the places of points that are right."""

_MAX_INDEPENDENT = 40
"""Points that tell no less than all of them: those near one another err alike."""

_ROUNDS = 10
"""Fits, each with new weights for the points."""

_BACK_ROUNDS = 12
"""Steps in which the way back is found: each leaves at most half of the error, as paper is bent by
less than half."""

_LEAST_BEND = 1e-6
"""Share of the page below which paper counts as flat."""

_APART = np.zeros((4, 8))
_APART[0, [0, 4]] = 1, -1
_APART[1, [1, 3]] = 1, 1
_APART[2, 6] = _APART[3, 7] = 1
"""What is 0 of the numbers of a transform that is a turn, a shift and a change of size: the
stretch, the shear and twice the perspective."""


@dataclass(frozen=True, slots=True, eq=False)
class PageMap:
    """Maps points of a reference page to a page.

    `transform` is its projective part. To what that makes of a point, before the division, `bend`,
    (7, 2) in pixels, adds terms of the second and third degree in the distance from `middle`, (2,),
    in units of `span` pixels.
    """

    transform: Transform
    bend: Floats
    middle: Floats
    span: float

    @classmethod
    def flat(cls, transform: Transform) -> PageMap:
        """A projective transform alone."""
        return cls(transform, np.zeros((_BEND_TERMS, 2)), np.zeros(2), 1.0)

    @property
    def is_flat(self) -> bool:
        return not np.abs(self.bend).max() > _LEAST_BEND * self.span

    def map(self, points: npt.ArrayLike) -> Floats:
        """Map points (n, 2) of the reference page to the page."""
        xy = np.asarray(points, np.float64).reshape(-1, 2)
        if self.is_flat:
            return map_points(self.transform, xy)
        lifted = np.column_stack([xy, np.ones(len(xy))]) @ self.transform.T
        lifted[:, :2] += _bend_terms((xy - self.middle) / self.span) @ self.bend
        return np.asarray(lifted[:, :2] / lifted[:, 2:])

    def back(self, points: npt.ArrayLike) -> Floats:
        """Map points (n, 2) of the page to the reference page."""
        inverse = np.asarray(np.linalg.inv(self.transform), np.float64)
        wanted = map_points(inverse, points)
        found = wanted
        if not self.is_flat:
            for _ in range(_BACK_ROUNDS):
                found = found + wanted - map_points(inverse, self.map(found))
        return found


def fit_map(
    source: Floats,
    target: Floats,
    start: PageMap,
    *,
    span: float,
    misses: tuple[float, float],
    bent: bool,
) -> PageMap | None:
    """Fit a map to pairs of points (n, 2), some of which are wrong.

    It is fitted by iteratively reweighted least squares (weights of Geman and McClure) from
    `start`: points that miss it by more than about `misses[0]` pixels count little at first, and
    those by more than `misses[1]` at last.

    Args:
        source: n points.
        target: where they are on the other picture.
        start: a map that is about right.
        span: half the diagonal of the page, in pixels of the source.
        misses: see above.
        bent: the paper may be bent.

    Returns:
        None if the points fit no map.
    """
    middle = source.mean(axis=0)
    its_place = start.map(middle)[0]
    size = span * _scale(start, middle)
    if not size > 0:
        return None
    into = np.array([[span, 0, middle[0]], [0, span, middle[1]], [0, 0, 1]])
    out_of = np.array([[size, 0, its_place[0]], [0, size, its_place[1]], [0, 0, 1]])
    near, (u, v) = (source - middle) / span, ((target - its_place) / size).T
    terms, places = _equations(near, u, v, bent=bent), np.concatenate([u, v])
    doubt = max(1.0, len(source) / _MAX_INDEPENDENT) * (_POINT_NOISE / size) ** 2
    apart = np.eye(4 + terms.shape[1] - 8, terms.shape[1], 4)
    apart[:4, :8] = _APART
    inner = np.linalg.inv(out_of) @ start.transform @ into
    numbers = np.append((inner / inner[2, 2]).ravel()[:8], np.zeros(terms.shape[1] - 8))
    distance = np.linalg.norm(start.map(source) - target, axis=1)
    for miss in np.geomspace(*misses, _ROUNDS):
        weights = (miss**2 / (miss**2 + distance**2)) ** 2
        weighted = terms * np.concatenate([weights, weights])[:, None]
        unusual = _USUAL_STRETCH**2 + (apart @ numbers) ** 2
        normal = weighted.T @ terms + (apart.T * (doubt / unusual)) @ apart
        try:
            numbers = np.linalg.solve(normal, weighted.T @ places)
        except np.linalg.LinAlgError:
            return None
        if not np.isfinite(numbers).all():
            return None
        missed = np.hypot(*(terms @ numbers - places).reshape(2, -1))
        distance = size * missed / np.abs(near @ numbers[6:8] + 1)
    transform = out_of @ np.append(numbers[:8], 1.0).reshape(3, 3) @ np.linalg.inv(into)
    if not (transform[2, 2] and np.isfinite(distance).all()):
        return None
    bend = np.zeros((_BEND_TERMS, 2))
    if bent:
        bend = numbers[8:].reshape(2, _BEND_TERMS).T * size / transform[2, 2]
    return PageMap(np.asarray(transform / transform[2, 2]), bend, middle, span)


def _equations(near: Floats, u: Floats, v: Floats, *, bent: bool) -> Floats:
    """(2 n, k) factors of the k numbers of a map, in the equations for u, then for v."""
    x, y = near.T
    one, none = np.ones_like(x), np.zeros_like(x)
    terms = np.concatenate(
        [
            np.column_stack([x, y, one, none, none, none, -x * u, -y * u]),
            np.column_stack([none, none, none, x, y, one, -x * v, -y * v]),
        ]
    )
    if not bent:
        return terms
    bends = _bend_terms(near)
    nothing = np.zeros_like(bends)
    return np.hstack([terms, np.vstack([bends, nothing]), np.vstack([nothing, bends])])


def _bend_terms(near: Floats) -> Floats:
    """(n, 7) the terms of the bend at points (n, 2)."""
    x, y = near.T
    return np.column_stack([x * x, x * y, y * y, x**3, x * x * y, x * y * y, y**3])


def _scale(page_map: PageMap, point: Floats) -> float:
    """By how much a map makes what is around a point larger."""
    here, right, below = page_map.map(point + np.array([(0, 0), (1, 0), (0, 1)]))
    return float(np.sqrt(abs(np.linalg.det(np.array([right - here, below - here])))))
