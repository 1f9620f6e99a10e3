"""Pieces of rendered pages, placed and degraded at random, as the box network learns from them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.records import GreyImage
from formreader.training.box_network.box_targets import Targets, draw_targets
from formreader.training.box_network.piece_damage import Darkness, degrade

PIECE = 384
"""Side in pixels of the square pieces: a row of boxes with what stands around it."""

# Boxes are shown with sides of so many pixels, small ones more often; pages are enlarged
# or reduced for that within limits, past which they look like no scan.
_BOX_SIDES = (9.0, 66.0)
_SMALL_BOXES = 1.6
_SCALES = (0.4, 2.0)
_SCALES_WITHOUT_BOXES = (0.6, 1.6)

_NEAR_A_BOX = 0.75  # share of the pieces about a box; the others are from anywhere on the page
_AWAY = 0.45  # how far from such a piece's middle its box may be, in sides of the piece

# Scales below this drop every other hairline unless the page is smoothed before.
_SMOOTH_BELOW = 0.8
_SMOOTHING = 0.45

# Standard deviations of what straightening leaves: a turn in radians (some pages are left with
# more), stretch as a logarithm, and shear.
_TURN, _LARGE_TURN = 0.012, 0.035
_STRETCH = 0.08
_SHEAR = 0.012

_USUALLY = 0.7


@dataclass(frozen=True, slots=True, eq=False)
class TrainingPage:
    """A straightened page and its boxes.

    `image` is (h, w) uint8 grey, `quads` (n, 4, 2) its boxes' corners in pixels, clockwise
    from the top left.
    """

    image: GreyImage
    quads: npt.NDArray[np.float32]


def sample_piece(page: TrainingPage, rng: np.random.Generator) -> tuple[Darkness, Targets]:
    """A piece of a page as darkness, (PIECE, PIECE) uint8, and its targets."""
    matrix = _place(page, rng)
    method = cv2.INTER_LINEAR if rng.random() < _USUALLY else cv2.INTER_CUBIC
    piece, quads = cut_piece(page, matrix, method)
    return degrade(255 - piece, rng), draw_targets(quads, PIECE, PIECE)


def cut_piece(
    page: TrainingPage, matrix: npt.NDArray[np.float64], method: int = cv2.INTER_LINEAR
) -> tuple[GreyImage, npt.NDArray[np.float32]]:
    """What a (2, 3) affine map from the page to a piece shows, and where the boxes are there.

    The piece is (PIECE, PIECE) uint8 grey, white beyond the page; the boxes are (n, 4, 2)
    pixels of the piece. `method` is OpenCV's for interpolation.
    """
    image = page.image
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    if scale < _SMOOTH_BELOW:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), _SMOOTHING / scale), np.uint8)
    piece = cv2.warpAffine(image, matrix, (PIECE, PIECE), flags=method, borderValue=(255,))
    quads = page.quads @ matrix[:, :2].T + matrix[:, 2]
    return np.asarray(piece, np.uint8), quads.astype(np.float32)


def _place(page: TrainingPage, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """A random (2, 3) affine map from the page to a piece."""
    height, width = page.image.shape
    middle = rng.uniform(0, 1, 2) * (width, height)
    scale = float(np.exp(rng.uniform(*np.log(_SCALES_WITHOUT_BOXES))))
    if len(page.quads):
        quad = page.quads[int(rng.integers(len(page.quads)))]
        if rng.random() < _NEAR_A_BOX:
            middle = quad.mean(axis=0) + rng.uniform(-_AWAY, _AWAY, 2) * PIECE
        scale = _scale_for(quad, rng)
    linear = float(np.clip(scale, *_SCALES)) * _distortion(rng)
    return np.column_stack([linear, PIECE / 2 - linear @ middle])


def _scale_for(quad: npt.NDArray[np.float32], rng: np.random.Generator) -> float:
    """By how much to enlarge a page on which boxes are like this one, (4, 2) pixels."""
    side = float(np.sqrt(np.ptp(quad, axis=0).prod()))
    low, high = np.log(_BOX_SIDES)
    wanted = float(np.exp(low + (high - low) * rng.random() ** _SMALL_BOXES))
    varied = 1.0 if rng.random() < _USUALLY else float(rng.uniform(0.8, 1.2))
    return wanted / max(side, 1.0) * varied


def _distortion(rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """A slight turn, stretch and shear. (2, 2)."""
    angle = float(rng.normal(0, _TURN if rng.random() < _USUALLY else _LARGE_TURN))
    stretch = float(np.exp(rng.normal(0, _STRETCH)))
    shear = float(rng.normal(0, _SHEAR))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.asarray(turn @ np.array([[stretch, shear], [0.0, 1 / stretch]]))
