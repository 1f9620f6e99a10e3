"""Fit the projective transform between two pictures of a page to pairs of points on both.

Where the points cover only a part of the page, as a title and a few labels do, eight free numbers
bend the rest of it at will. So stretch, shear and perspective need evidence: without any, the
transform is a turn, a shift and a change of size.
"""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.geometry import Transform, map_points

_Floats: TypeAlias = npt.NDArray[np.float64]

_USUAL_STRETCH = 0.004
"""Stretch, shear and perspective of a usual scan, as the share of its distance from the middle by
which they move a point. Much more is hardly less likely (a Cauchy distribution): a photograph."""

_POINT_NOISE = 1.0
"""Standard deviation, in pixels, of the places of points that are right."""

_MAX_INDEPENDENT = 40
"""Points that tell no less than all of them: those near one another err alike."""

_ROUNDS = 10
"""Fits, each with new weights for the points."""

_APART = np.zeros((4, 9))
_APART[0, [0, 4]] = 1, -1
_APART[1, [1, 3]] = 1, 1
_APART[2, 6] = _APART[3, 7] = 1
"""What is 0 of the nine numbers of a transform that is a turn, a shift and a change of size: the
stretch, the shear and twice the perspective."""


def similar_transform(
    source: _Floats, target: _Floats, max_miss: float
) -> tuple[Transform, npt.NDArray[np.bool_]] | None:
    """Find a turn, shift and change of size that many pairs of points (n, 2) agree upon.

    Returns the transform and (n,) which pairs miss it by at most `max_miss` pixels; None if there
    is none.
    """
    found, inside = cv2.estimateAffinePartial2D(
        source, target, method=cv2.RANSAC, ransacReprojThreshold=max_miss, maxIters=2000
    )
    if found is None:
        return None
    return np.vstack([found, (0, 0, 1)]).astype(np.float64), inside.ravel() > 0


def fit_transform(
    source: _Floats, target: _Floats, start: Transform, *, span: float, misses: tuple[float, float]
) -> Transform | None:
    """Fit a projective transform to pairs of points (n, 2), some of which are wrong.

    It is fitted by iteratively reweighted least squares (weights of Geman and McClure) from
    `start`: points that miss it by more than about `misses[0]` pixels count little at first, and
    those by more than `misses[1]` at last.

    Args:
        source: n points.
        target: where they are on the other picture.
        start: a transform that is about right.
        span: half the diagonal of the page, in pixels of the source.
        misses: see above.

    Returns:
        None if the points fit no transform.
    """
    middle = source.mean(axis=0)
    its_place = map_points(start, middle)[0]
    size = span * _scale(start, middle)
    if not size > 0:
        return None
    into = np.array([[span, 0, middle[0]], [0, span, middle[1]], [0, 0, 1]])
    out_of = np.array([[size, 0, its_place[0]], [0, size, its_place[1]], [0, 0, 1]])
    (x, y), (u, v) = ((source - middle) / span).T, ((target - its_place) / size).T
    one, none = np.ones_like(x), np.zeros_like(x)
    terms = np.stack([
        np.column_stack([x, y, one, none, none, none, -x * u, -y * u]),
        np.column_stack([none, none, none, x, y, one, -x * v, -y * v]),
    ])  # (2, n, 8)
    doubt = max(1.0, len(source) / _MAX_INDEPENDENT) * (_POINT_NOISE / size) ** 2
    inner = _unit(np.linalg.inv(out_of) @ start @ into)
    for miss in np.geomspace(*misses, _ROUNDS):
        fitted = out_of @ inner @ np.linalg.inv(into)
        distance = np.linalg.norm(map_points(fitted, source) - target, axis=1)
        weighted = terms * ((miss**2 / (miss**2 + distance**2)) ** 2)[:, None]
        unusual = _USUAL_STRETCH**2 + (_APART @ inner.ravel()) ** 2
        normal = np.einsum("knp,knq->pq", weighted, terms)
        normal += (_APART[:, :8].T * (doubt / unusual)) @ _APART[:, :8]
        try:
            numbers = np.linalg.solve(normal, weighted[0].T @ u + weighted[1].T @ v)
        except np.linalg.LinAlgError:
            return None
        inner = np.append(numbers, 1.0).reshape(3, 3)
    fitted = _unit(out_of @ inner @ np.linalg.inv(into))
    return fitted if np.isfinite(fitted).all() else None


def _unit(transform: Transform) -> Transform:
    """The same transform with its last number 1."""
    return np.asarray(transform / transform[2, 2], np.float64)


def _scale(transform: Transform, point: _Floats) -> float:
    """By how much a transform makes what is around a point larger."""
    here, right, below = map_points(transform, point + np.array([(0, 0), (1, 0), (0, 1)]))
    return float(np.sqrt(abs(np.linalg.det(np.array([right - here, below - here])))))
