"""Measure the width of a digit's strokes; draw new strokes, letters and quickly written digits."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from formreader.synth.strokes import STROKES, Allograph, Hand, Stroke, parse_strokes

Point: TypeAlias = npt.NDArray[np.float64]
"""(2,) float64, x and y in pixels."""

MIN_STROKE_GREY = 96
"""Grey value above which a pixel belongs to a stroke. No record of a measurement."""

_FRACTION_BITS = 4
"""Binary places of the coordinates that OpenCV gets: it draws to a sixteenth of a pixel."""

_LETTER_HEIGHT = 44.0
"""Height of a letter in pixels; its canvas is three times as large."""

_LETTERS: dict[str, list[str]] = STROKES["nondigits"]
"""Name -> forms; `strokes.toml` tells how they are written."""

LETTERS = tuple(_LETTERS)
"""Names of all letters and signs."""

_QUICK_SHARE = 0.45
"""Share of its digits that a quick hand writes in such a way."""

_QUICK_HANDS = 0.5
"""Share of the hands that write some of their digits so."""

_BEND = 0.035
"""Standard deviation by which a hand moves the control points of its quick digits, in digit
heights: twice a drawn page's. Chosen by eye."""

_WIDTHS = 0.85, 1.45
"""Range of a quick hand's factor of the width of digits. Chosen by eye."""


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


def quick_habits(rng: np.random.Generator) -> dict[str, Allograph]:
    """The digits that one hand writes quickly, each in one way, bent as its own."""
    width = float(rng.uniform(*_WIDTHS))
    return {
        digit: _bent(parse_strokes(ways[int(rng.integers(len(ways)))]), width, rng)
        for digit, ways in STROKES["quick"].items()
        if rng.random() < _QUICK_SHARE
    }


def quick_hand(rng: np.random.Generator) -> Callable[[str], list[Stroke]]:
    """What writes a symbol once, by a random hand of the stroke model; half of these are quick."""
    hand = Hand.sample(rng)
    quick = quick_habits(rng) if rng.random() < _QUICK_HANDS else {}

    def write(symbol: str) -> list[Stroke]:
        if symbol in quick:
            return hand.write(quick[symbol], f"quick {symbol}", rng)
        return hand.symbol(symbol, rng)

    return write


def _bent(strokes: Allograph, width: float, rng: np.random.Generator) -> Allograph:
    """The strokes in another width, their points moved; corners, a point twice, stay corners."""
    moved = {
        point: (point[0] * width + rng.normal(0, _BEND), point[1] + rng.normal(0, _BEND))
        for stroke in strokes
        for point in stroke
    }
    return tuple(tuple(moved[point] for point in stroke) for stroke in strokes)
