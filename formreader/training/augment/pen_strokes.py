"""Measure the width of a digit's strokes, and draw new strokes."""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

Point: TypeAlias = npt.NDArray[np.float64]
"""(2,) float64, x and y in pixels."""

MIN_STROKE_GREY = 96
"""Grey value above which a pixel belongs to a stroke. No record of a measurement."""

_FRACTION_BITS = 4
"""Binary places of the coordinates that OpenCV gets: it draws to a sixteenth of a pixel."""


def stroke_width(ink: npt.NDArray[np.uint8]) -> float:
    """Mean width in pixels of the strokes in `ink`, (h, w) bright on black; 0 without ink.

    Across a stroke of width w the mean distance of the pixels from its edge is w / 4; the
    distance transform adds half a pixel.
    """
    solid = (ink > MIN_STROKE_GREY).view(np.uint8)
    depth = cv2.distanceTransform(solid, cv2.DIST_L2, 3)
    pixels = cv2.countNonZero(solid)
    return 4 * (float(depth.sum()) / pixels - 0.5) if pixels else 0.0


def draw_curve(ink: npt.NDArray[np.uint8], points: npt.ArrayLike, width: float) -> None:
    """Draw a polyline through `points` (m, 2), x and y in pixels, into `ink`, in place."""
    dots = np.rint(np.asarray(points, np.float64) * (1 << _FRACTION_BITS)).astype(np.int32)
    pen = max(1, round(width))
    cv2.polylines(ink, [dots], False, 255, pen, cv2.LINE_AA, shift=_FRACTION_BITS)


def rounded(points: npt.ArrayLike, times: int = 2) -> npt.NDArray[np.float64]:
    """Cut the corners of a polyline (m, 2), keeping its ends (Chaikin 1974).

    A point that is given twice stays a corner.
    """
    curve = np.asarray(points, np.float64)
    for _ in range(times):
        cuts = np.stack(
            [0.75 * curve[:-1] + 0.25 * curve[1:], 0.25 * curve[:-1] + 0.75 * curve[1:]]
        )
        middle = cuts.transpose(1, 0, 2).reshape(-1, 2)
        curve = np.concatenate([curve[:1], middle[1:-1], curve[-1:]])
    return curve


_LETTER_HEIGHT = 44.0
"""Height of a letter in pixels; its canvas is three times as large."""

_LETTERS: dict[str, tuple[str, ...]] = {
    "A": (
        "0,100 20,20 32,0! 42,40 58,100; 10,62 48,60",
        "0,100 4,40 30,0 54,40 58,100; 2,60 56,60",
    ),
    "B": ("4,-4! 4,104; -8,2 34,0 46,22 30,46 4,48! 40,52 54,78 36,100 -6,102",),
    "C": ("58,14 34,-2 4,22 0,60 16,98 44,104 64,88", "50,2 10,4 0,50 10,98 52,98"),
    "D": (
        "4,0! 4,100; -10,2! 30,0 60,24 60,76 30,100 -10,100",
        "0,0! 36,4 62,50 36,98! 0,100! 0,0",
        "6,0! 6,100! 30,96 58,60 50,20 -8,-4",
    ),
    "E": (
        "50,4 10,0 2,24 16,46 36,46! 4,52 0,86 20,102 54,92",
        "54,0! 0,0! 0,100! 56,100; 0,48 36,48",
    ),
    "F": ("0,-4! 2,104; 0,0 62,-4; 0,46 42,42", "-8,6 20,0 62,2; 26,2 24,70 6,100; 12,50 44,46"),
    "G": ("60,14 34,-2 4,22 0,60 16,98 44,100 58,84 58,54! 30,54; 58,54! 58,106",),
    "H": ("0,0 2,100; 54,-4 52,104; 0,52 54,46",),
    "J": ("10,0! 66,0; 42,0! 42,70 30,102 6,100 -2,76",),
    "K": ("2,0 2,100; 54,0 4,54! 56,102",),
    "L": ("2,-2! 0,100! 60,98", "6,0 4,98! 52,102! 52,86"),
    "M": ("0,100! 2,0! 34,60! 66,0! 68,100", "0,100 6,10 20,6 32,60! 38,10 56,6 64,100"),
    "N": ("0,100! 0,0! 52,100! 54,-4", "0,100 8,10 24,30 42,98! 60,0"),
    "P": ("2,0! 2,104; -8,4 36,-4 58,24 40,52 2,54",),
    "Q": ("30,0 2,20 0,70 30,100 58,72 56,18 30,0; 34,66! 72,116",),
    "R": ("2,0! 2,102; -6,4 36,-4 54,22 38,46 4,50! 58,104",),
    "T": ("-4,0! 64,0; 30,0! 30,104", "-6,10! -4,0! 66,0! 66,12; 30,0! 30,100; 16,100! 46,100"),
    "U": ("0,0 0,76 28,106 56,76 56,0", "0,4 6,0 4,80 30,100 52,70 52,0! 52,90 62,100"),
    "V": ("0,0! 28,102! 58,-2",),
    "W": ("0,0! 16,100! 34,30! 52,100! 70,0", "0,0 4,80 20,100 34,40! 38,90 56,100 68,0"),
    "X": ("0,4 16,0 40,96 60,100; 58,0 2,100",),
    "Y": ("0,0! 28,46! 58,-2; 28,46! 28,104",),
    "AE": ("0,100! 34,0! 70,0; 36,0! 38,100! 72,100; 14,62! 66,50",),
    "a": ("44,44 10,40 0,70 10,98 34,90 46,50! 46,96 58,98",),
    "d": ("44,50 8,44 0,80 20,102 42,80! 46,-6! 46,96 56,98",),
    "f": ("50,6 32,-4 22,20 20,110; 0,42! 44,40",),
    "h": ("4,0! 2,100! 6,60 28,42 42,60 42,100",),
    "k": ("2,0! 2,100; 40,40 4,70! 44,102",),
    "m": ("0,44! 0,100! 4,52 20,42 30,56 30,100! 34,52 50,42 62,56 62,100",),
    "r": ("0,44! 2,100! 4,60 20,42 42,46",),
    "t": ("22,4! 20,84 34,102 48,90; 0,36! 46,34",),
    "w": ("0,44! 16,100! 32,54! 48,100! 66,44",),
    "alpha": ("60,40 40,80 20,102 0,76 16,46 36,56 46,84 62,102",),
    "Gamma": ("0,100! 0,0! 56,0",),
    "gamma": ("0,44 14,40 28,74 26,120 18,122 24,76 46,40",),
    "Delta": ("0,100! 32,0! 64,100! 0,100",),
    "epsilon": ("46,44 14,38 4,58 28,70! 0,74 6,100 50,96",),
    "eta": ("0,48 8,44 10,98! 14,58 34,42 44,60 42,130",),
    "theta": ("28,0 4,20 0,60 24,100 48,64 46,18 28,0; 2,50! 48,50",),
    "kappa": ("4,44! 4,100; 44,44 4,74! 46,100",),
    "lambda": ("0,4 12,0 24,40 50,100; 26,46! 0,100",),
    "mu": ("4,120! 4,44! 4,86 24,100 42,80 44,44! 44,92 54,100",),
    "Xi": ("0,0! 56,0; 8,50! 48,50; 0,100! 56,100",),
    "pi": ("-4,50 14,42 66,42; 16,44! 12,100; 46,44! 44,90 58,100",),
    "Pi": ("0,100! 0,0! 56,0! 56,100",),
    "Sigma": ("58,4! 0,0! 34,50! 0,100! 60,98",),
    "tau": ("0,48 14,42 52,42; 28,44 26,92 42,100",),
    "phi": ("30,30 2,44 6,84 34,88 60,72 56,38 30,30; 34,-8! 28,124",),
    "chi": ("0,44 14,42 44,112 60,110; 54,42! 2,116",),
    "psi": ("0,40 8,76 32,88 58,72 60,36; 34,10! 30,124",),
    "omega": ("12,44 0,60 6,98 28,92 32,64! 36,96 58,96 64,60 52,44",),
    "Omega": ("0,100! 22,98! 4,60 8,12 32,0 58,14 60,60 42,98! 64,100",),
    "?": ("2,20 20,-2 46,10 40,40 24,56 24,74; 24,98 25,99",),
    "[": ("26,0! 0,0! 0,104! 26,104",),
    "%": ("58,0! 2,100; 14,4 2,16 14,30 26,16 14,4; 46,70 34,84 46,98 58,84 46,70",),
    "+": ("30,10! 30,90; -6,50! 66,50",),
    "=": ("0,34! 64,32; 0,68! 64,66",),
    "->": ("0,50! 90,50; 66,26! 92,50! 66,74",),
    "up": ("30,100! 30,0; 6,26! 30,-2! 54,26",),
    "&": ("64,100 20,40 14,12 32,0 44,18 4,64 8,96 34,98 60,60",),
    "#": ("20,0! 10,100; 50,0! 40,100; -6,34! 66,34; -6,68! 66,68",),
    "*": ("30,10! 30,90; 0,26! 60,76; 60,26! 0,76",),
    "...": ("0,98 1,99; 30,98 31,99; 60,98 61,99",),
    "~": ("0,56 16,40 34,56 50,68 68,48",),
    "euro": ("56,10 34,0 12,24 8,60 22,98 52,98; -6,40! 44,40; -6,60! 40,60",),
}
"""Name -> forms. Strokes are separated by `;`, points are `x,y` in hundredths of the height, and
`!` marks a corner."""

LETTERS = tuple(_LETTERS)
"""Names of all letters and signs."""


def draw_letter(name: str, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Draw a letter or sign of `LETTERS` by a new hand, (132, 132) uint8, bright ink.

    Form, slant, proportions and pen, from a hairline to a felt pen, are random.

    Raises:
        KeyError: there is no such letter.
    """
    forms = _LETTERS[name]
    side = round(3 * _LETTER_HEIGHT)
    ink = np.zeros((side, side), np.uint8)
    pen = _LETTER_HEIGHT * rng.uniform(0.035, 0.17)
    shape = _hand(rng)
    for stroke in forms[rng.integers(len(forms))].split(";"):
        points = _points(stroke, rng) - (0.3, 0.5)
        moved = points @ shape.T + rng.normal(0, 0.012, 2)
        draw_curve(
            ink, rounded(moved, 3) * _LETTER_HEIGHT + side / 2, pen * rng.uniform(0.85, 1.15)
        )
    return ink


def _hand(rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """A random slant, rotation and proportion, (2, 2)."""
    slant, turn = np.clip(rng.normal(0.06, 0.16), -0.3, 0.45), rng.normal(0, 0.06)
    wide = rng.uniform(0.7, 1.35)
    return np.array([[wide, turn - slant], [-turn, 1.0]])


def _points(stroke: str, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Control points (m, 2) of a stroke, each shifted a little; corners are there twice."""
    words = stroke.split()
    places = np.array([word.rstrip("!").split(",") for word in words], np.float64) / 100
    shaken = places + rng.normal(0, 0.03, places.shape)
    return np.repeat(shaken, [1 + word.endswith("!") for word in words], axis=0)
