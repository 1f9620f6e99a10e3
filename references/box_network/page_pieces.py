"""Cut random pieces from rendered pages and degrade them, to train the box network.

There is no record of a measurement for the ranges below.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from box_network.box_targets import Targets
from box_network.cell_targets import draw_all_targets
from formreader.core.records import GreyImage
from shared.piece_damage import Darkness, degrade

PIECE_SIDE = 384
"""Side in pixels of the square pieces: about a row of boxes and its surroundings."""

_SHOWN_BOX_SIDES = (9.0, 66.0)
"""Sides in pixels that boxes are enlarged or reduced to."""
_SMALL_BOX_EXPONENT = 1.6
"""Exponent of the random number that chooses the side: above 1 small boxes are more frequent."""
_PIECE_SCALES = (0.4, 2.0)
"""Limits of the enlargement of a page: beyond them it does not look like a scan."""
_PIECE_SCALES_WITHOUT_BOXES = (0.6, 1.6)
"""The same for pages without boxes."""
_MIN_LONG_CELL_ASPECT = 1.6
"""Width per height from which only the height of a quad counts for its size."""
_OTHER_SIDES = 0.8, 1.2
"""Range of a further factor of the side of some boxes."""

_PIECES_NEAR_A_BOX = 0.75
"""Share of the pieces around a box or a cell; the others are from anywhere on the page."""
_MAX_BOX_OFFSET = 0.45
"""How far a piece's middle may be from that, as a share of the piece's side."""

_MIN_UNSMOOTHED_SCALE = 0.8
"""Enlargement below which the page is smoothed first: reducing it would drop hairlines."""
_REDUCTION_BLUR_SIGMA = 0.45
"""Standard deviation of that blur, in pixels of the piece."""

_TURN_SIGMA, _LARGE_TURN_SIGMA = 0.012, 0.035
"""Standard deviation of the rotation that straightening leaves, in radians, and that of pages that
it leaves more skewed."""
_STRETCH_SIGMA = 0.08
"""Standard deviation of the logarithm of the stretch."""
_PIECE_SHEAR_SIGMA = 0.012
"""Standard deviation of the shear."""

_USUAL_SHARE = 0.7
"""Share of the pieces in the usual case of each choice: linear interpolation, no further factor of
the side, a small rotation."""


@dataclass(frozen=True, slots=True, eq=False)
class TrainingPage:
    """A straightened page, its boxes and its cells for whole numbers.

    `image` is (h, w) uint8 grey, `quads` (n, 4, 2) the corners of its boxes in pixels, clockwise
    from the top left, and `cells` (m, 4, 2) those of its cells.
    """

    image: GreyImage
    quads: npt.NDArray[np.float32]
    cells: npt.NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 4, 2), np.float32))


def sample_piece(page: TrainingPage, rng: np.random.Generator) -> tuple[Darkness, Targets]:
    """Cut a random piece of a page: darkness, (PIECE_SIDE, PIECE_SIDE) uint8, and its targets."""
    matrix = _place(page, rng)
    method = cv2.INTER_LINEAR if rng.random() < _USUAL_SHARE else cv2.INTER_CUBIC
    piece = cut_piece(page.image, matrix, method)
    boxes, cells = moved(page.quads, matrix), moved(page.cells, matrix)
    return degrade(255 - piece, rng), draw_all_targets(boxes, cells, PIECE_SIDE, PIECE_SIDE)


def cut_piece(
    image: GreyImage, matrix: npt.NDArray[np.float64], method: int = cv2.INTER_LINEAR
) -> GreyImage:
    """Cut a piece, (PIECE_SIDE, PIECE_SIDE) uint8 grey, by a (2, 3) affine map from the page.

    Beyond the page it is white. `method` is OpenCV's for interpolation.
    """
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    if scale < _MIN_UNSMOOTHED_SCALE:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), _REDUCTION_BLUR_SIGMA / scale), np.uint8)
    piece = cv2.warpAffine(
        image, matrix, (PIECE_SIDE, PIECE_SIDE), flags=method, borderValue=(255,)
    )
    return np.asarray(piece, np.uint8)


def moved(
    quads: npt.NDArray[np.float32], matrix: npt.NDArray[np.float64]
) -> npt.NDArray[np.float32]:
    """Quads (n, 4, 2) of the page in pixels of a piece, by the (2, 3) affine map that cuts it."""
    return np.asarray(quads @ matrix[:, :2].T + matrix[:, 2], np.float32)


def _place(page: TrainingPage, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """A random (2, 3) affine map from the page to a piece."""
    height, width = page.image.shape
    middle = rng.uniform(0, 1, 2) * (width, height)
    scale = float(np.exp(rng.uniform(*np.log(_PIECE_SCALES_WITHOUT_BOXES))))
    quads = np.concatenate([page.quads, page.cells])
    if len(quads):
        quad = quads[int(rng.integers(len(quads)))]
        if rng.random() < _PIECES_NEAR_A_BOX:
            middle = (
                quad.mean(axis=0) + rng.uniform(-_MAX_BOX_OFFSET, _MAX_BOX_OFFSET, 2) * PIECE_SIDE
            )
        scale = _scale_for(quad, rng)
    linear = float(np.clip(scale, *_PIECE_SCALES)) * _distortion(rng)
    return np.column_stack([linear, PIECE_SIDE / 2 - linear @ middle])


def _scale_for(quad: npt.NDArray[np.float32], rng: np.random.Generator) -> float:
    """Random factor to enlarge a page by, given one of its boxes or cells, (4, 2) pixels."""
    width, height = np.ptp(quad, axis=0).tolist()
    # A long cell is no larger than the digits in it.
    side = height if width > _MIN_LONG_CELL_ASPECT * height else math.sqrt(width * height)
    low, high = np.log(_SHOWN_BOX_SIDES)
    wanted = float(np.exp(low + (high - low) * rng.random() ** _SMALL_BOX_EXPONENT))
    varied = 1.0 if rng.random() < _USUAL_SHARE else float(rng.uniform(*_OTHER_SIDES))
    return wanted / max(side, 1.0) * varied


def _distortion(rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """A slight random rotation, stretch and shear, (2, 2)."""
    angle = float(rng.normal(0, _TURN_SIGMA if rng.random() < _USUAL_SHARE else _LARGE_TURN_SIGMA))
    stretch = float(np.exp(rng.normal(0, _STRETCH_SIGMA)))
    shear = float(rng.normal(0, _PIECE_SHEAR_SIGMA))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.asarray(turn @ np.array([[stretch, shear], [0.0, 1 / stretch]]))
