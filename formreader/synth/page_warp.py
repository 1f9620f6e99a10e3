"""The geometry of scans and photos: how a flat sheet and points on it are turned and warped."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from formreader.synth.paper_sheet import Colour, Picture
from formreader.synth.strokes import Points

SHEET_MARGIN = 0.035
"""Width of the margins without boxes, as a share of the sheet's side; scans may cut them off."""


@dataclass(frozen=True, slots=True, eq=False)
class Warp:
    """A bend of the paper, then a plane projection.

    The bend shifts a point at x down by `bend` pixels times a sine of x over the sheet's `width`,
    with this `phase` in half turns. `curl`: paper that rolls away from the viewer at its right
    (positive) or left (negative) side looks narrower there, at the very edge by this share.
    `matrix` is the homography from the bent sheet to the image, (3, 3). `size` is the image's
    width and height. Pixel centres lie at whole numbers.
    """

    matrix: npt.NDArray[np.float64]
    width: float
    size: tuple[int, int]
    bend: float = 0.0
    phase: float = 0.0
    curl: float = 0.0

    def points(self, points: Points) -> Points:
        """Image positions of sheet positions, (n, 2)."""
        bent = points.astype(np.float64).copy()
        bent[:, 1] += self._shift(bent[:, 0])
        bent[:, 0] = self._rolled(bent[:, 0])
        lifted = np.column_stack([bent, np.ones(len(bent))]) @ self.matrix.T
        return np.asarray(lifted[:, :2] / lifted[:, 2:])

    def image(self, image: Picture, border: Colour) -> Picture:
        """The warped image; `border` around the sheet."""
        w, h = self.size
        value = border if image.ndim == 3 else (border[0],)
        if not self.bend and not self.curl:
            return cv2.warpPerspective(
                image, self.matrix, (w, h), flags=cv2.INTER_LINEAR, borderValue=value
            ).astype(np.uint8)
        back = np.linalg.inv(self.matrix).astype(np.float32)
        xs, ys = np.arange(w, dtype=np.float32)[None, :], np.arange(h, dtype=np.float32)[:, None]
        depth = back[2, 0] * xs + back[2, 1] * ys + back[2, 2]
        u = (back[0, 0] * xs + back[0, 1] * ys + back[0, 2]) / depth
        v = (back[1, 0] * xs + back[1, 1] * ys + back[1, 2]) / depth
        if self.curl:
            u = self._unrolled(u)
        v -= self._shift(u)
        return cv2.remap(
            image, u, v.astype(np.float32), cv2.INTER_LINEAR, borderValue=value
        ).astype(np.uint8)

    def _rolled(self, x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Where x of the flat sheet lies after the curl."""
        t = np.clip(x / self.width, 0, 1)
        lost = t**3 if self.curl > 0 else 1 - (1 - t) ** 3
        return x - abs(self.curl) * self.width / 3 * lost

    def _unrolled(self, x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """The inverse of `_rolled`."""
        flat = np.linspace(-1, 2, 769) * self.width
        return np.interp(x, self._rolled(flat), flat).astype(np.float32)

    def _shift(self, x: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        t = np.clip(np.asarray(x, np.float64) / self.width, 0, 1)
        return self.bend * np.sin(np.pi * (1.3 * t + self.phase))


def skewed(width: int, height: int, degrees: float) -> Warp:
    """A sheet turned about its middle; positive degrees are counter-clockwise.

    The image grows as far as needed to show all of the sheet within its margins.
    """
    angle = np.deg2rad(abs(degrees))
    inside = np.array([width, height]) * (1 - 2 * SHEET_MARGIN)
    needed = np.array([[np.cos(angle), np.sin(angle)], [np.sin(angle), np.cos(angle)]]) @ inside
    size = (max(width, int(np.ceil(needed[0]))), max(height, int(np.ceil(needed[1]))))
    centre = ((width - 1) / 2, (height - 1) / 2)
    matrix = np.vstack([cv2.getRotationMatrix2D(centre, degrees, 1.0), [0, 0, 1]])
    matrix[:2, 2] += [(size[0] - width) / 2, (size[1] - height) / 2]
    return Warp(matrix, width, size)


def photographed(
    width: int, height: int, tilt: float, bend: float, degrees: float, rng: np.random.Generator
) -> Warp:
    """A sheet on a desk, photographed with a hand-held camera.

    `tilt`: range over which the corners move inwards, as a share of the sides. `bend`: of the
    paper, as a share of the height. `degrees`: turn in the picture's plane.
    """
    flat = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
    inward = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]], np.float64)
    moves = (0.025 + tilt * rng.random((4, 2))) * (width, height)
    corners = flat + inward * moves
    angle, middle = np.deg2rad(degrees), np.array([width / 2, height / 2])
    rotation = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    placed = (corners - middle) @ rotation.T
    # Shrunk where needed, so that the whole sheet is in the picture.
    placed *= min(1.0, float((0.99 * middle / np.abs(placed).max(axis=0)).min()))
    placed += middle
    matrix = cv2.getPerspectiveTransform(flat.astype(np.float32), placed.astype(np.float32))
    phase = float(rng.uniform(-0.3, 0.3))
    return Warp(np.asarray(matrix, np.float64), width, (width, height), bend * height, phase)


def turn(image: Picture, points: Points, quarters: int) -> tuple[Picture, Points]:
    """Turn image and points counter-clockwise by `quarters` times 90 degrees."""
    for _ in range(quarters % 4):
        width = image.shape[1]
        image = np.rot90(image)
        points = np.column_stack([points[:, 1], width - 1 - points[:, 0]])
    return np.ascontiguousarray(image), points


def resize(image: Picture, points: Points, fx: float, fy: float) -> tuple[Picture, Points]:
    """Scale image and points by about `fx` and `fy`, to whole pixels."""
    h, w = image.shape[:2]
    size = (max(1, round(w * fx)), max(1, round(h * fy)))
    scale = np.array([size[0] / w, size[1] / h])
    interpolation = cv2.INTER_AREA if scale.max() < 1 else cv2.INTER_LINEAR
    scaled = cv2.resize(image, size, interpolation=interpolation).astype(np.uint8)
    return scaled, (points + 0.5) * scale - 0.5
