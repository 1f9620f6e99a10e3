"""Digits of MNIST rewritten in the styles of other countries.

A style adds, bends or opens strokes of the given digit, in the width of its pen. Digits that a
style does not suit are left out, so that every result still deserves its label. There is
no record of a measurement for the proportions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.classes import Crops
from formreader.training.augment.augmentation import Canvas, enlarge, framed
from formreader.training.augment.european import cross_seven, flag_one
from formreader.training.augment.pen_strokes import (
    MIN_STROKE_GREY,
    draw_curve,
    rounded,
    stroke_width,
)

Style: TypeAlias = Callable[[Canvas, np.random.Generator], Canvas | None]
"""Rewrites one digit; None where the style does not suit it."""

_MIN_SLASHED_HOLE = 0.5
"""Smallest hole of a slashed zero, in squares of the pen's width: smaller ones look like a blot."""
_MIN_FLAT_TOP, _MIN_BELLY = 0.3, 0.05
"""Shortest top stroke of a flat three, and how far its belly reaches beyond the junction; as
shares of its height."""
_MIN_OPEN_HEIGHT = 0.2
"""Height over which the arm and the stem of a four must be apart, as a share of its height."""
_BAR_REACH = 3.5, 0.8
"""How far below the open part and to the right of the stem a four's bar is looked for, in widths
of the pen."""
_MAX_GAP_BELOW_BAR = 0.45
"""Lowest end of the gap between bar and body of a five, as a share of its height."""
_MAX_CUT_STROKE = 2.2
"""Widest stroke that may be cut between bar and body of a five, in widths of the pen."""


def restyle(digits: Crops, label: int, rng: np.random.Generator) -> Crops:
    """Rewrite digits of one `label` in another style, (n, 28, 28) to (m, 28, 28), m <= n.

    Raises:
        KeyError: there is no style for `label`; `STYLED_SHARES` lists the labels that have one.
    """
    style = _STYLES[label]
    drawn = [style(enlarge(digit), rng) for digit in digits]
    crops = [framed(canvas) for canvas in drawn if canvas is not None]
    return np.stack(crops) if crops else np.zeros((0, *digits.shape[1:]), np.uint8)


def slash_zero(zero: Canvas, rng: np.random.Generator) -> Canvas | None:
    """Strike through a zero from the upper right to the lower left, as programmers write it."""
    left, top, width, height = _bounds(zero)
    if _holes(zero) != 1 or width > height:
        return None
    beyond = rng.uniform(-0.05, 0.15, 2)
    start = left + width * (0.85 + beyond[0]), top + height * (0.1 - beyond[0])
    end = left + width * (0.15 - beyond[1]), top + height * (0.9 + beyond[1])
    drawn = _with_stroke(zero, [start, end], rng)
    areas = _hole_areas(drawn)
    blot = len(areas) < 2 or min(areas) < _MIN_SLASHED_HOLE * stroke_width(zero) ** 2
    return None if blot else drawn


def flatten_three(three: Canvas, rng: np.random.Generator) -> Canvas | None:
    """Replace the upper half of a three by that of a Z."""
    _, top, width, height = _bounds(three)
    if height == 0 or _holes(three):
        return None
    ends = [_last_ink(three[row]) for row in range(top, top + height)]
    waist = round(0.3 * height) + int(np.argmin(ends[round(0.3 * height) : round(0.55 * height)]))
    junction = np.array([ends[waist] - stroke_width(three) / 2, top + waist])
    upper = np.flatnonzero((three[top : top + waist] > MIN_STROKE_GREY).any(axis=0))
    drawn = three.copy()
    drawn[: top + waist] = 0
    rise = rng.uniform(-0.06, 0.06) * height
    start = np.array([upper[0], top + rise])
    corner = np.array([max(ends[:waist]) - rng.uniform(0, 0.1) * width, top - rise])
    belly = max(ends[waist:]) - junction[0]
    too_short = corner[0] - start[0] < _MIN_FLAT_TOP * height
    if too_short or junction[0] > corner[0] or belly < _MIN_BELLY * height:
        return None
    turn = (corner + junction) / 2 + rng.normal(0, 0.02 * height, 2)
    back = junction - (rng.uniform(0.0, 0.12) * width, 0)
    draw_curve(drawn, [start, corner, turn, back, junction], stroke_width(three))
    return drawn


def close_four(four: Canvas, rng: np.random.Generator) -> Canvas | None:
    """Close an open four: lean its arm over to the tip of the stem."""
    _, top, _, height = _bounds(four)
    if height == 0 or _holes(four):
        return None
    runs = [_runs(four[row]) for row in range(top, top + round(0.8 * height))]
    is_open = [len(found) == 2 for found in runs] + [False]
    first = is_open.index(True) if any(is_open) else 0
    last = is_open.index(False, first) - 1
    if last - first < _MIN_OPEN_HEIGHT * height or not _passes_stem(
        four, top + last, runs[last][1]
    ):
        return None
    drawn = four.copy()
    drawn[: top + first] = 0
    overlap = 0.5 * stroke_width(four)
    for i in range(first, last + 1):
        (start, end), (stem, _) = runs[i]
        arm = four[top + i, max(start - 1, 0) : end + 1]
        moved = start + round((last - i) / (last - first) * (stem - end + overlap))
        drawn[top + i, :stem] = 0
        room = drawn[top + i, moved : moved + len(arm)]
        np.maximum(room, arm[: len(room)], out=room)
    return drawn if _holes(drawn) == 1 else None


def _passes_stem(four: Canvas, row: int, stem: tuple[int, int]) -> bool:
    """Whether the bar goes on to the right of the stem; without that a closed four is a nine."""
    pen = stroke_width(four)
    down, right = (round(reach * pen) for reach in _BAR_REACH)
    bar = four[row : row + down] > MIN_STROKE_GREY
    return bool(bar[:, min(stem[1] + right, four.shape[1] - 1)].any())


def detach_bar(five: Canvas, rng: np.random.Generator) -> Canvas | None:
    """Move the bar of a five away from its body, as where it was written last."""
    _, top, _, height = _bounds(five)
    if height == 0:
        return None
    pen = stroke_width(five)
    row = top + round(1.3 * pen + rng.uniform(0, 0.08) * height)
    gap = max(2, round(rng.uniform(0.04, 0.12) * height))
    if row + gap > top + _MAX_GAP_BELOW_BAR * height or any(
        len(_runs(line)) != 1 for line in five[row : row + gap]
    ):
        return None
    if max(np.ptp(_runs(line)[0]) for line in five[row : row + gap]) > _MAX_CUT_STROKE * pen:
        return None
    drawn = five.copy()
    drawn[row : row + gap] = 0
    aside, up = round(rng.uniform(-0.06, 0.16) * height), rng.uniform(-0.1, 0.1)
    move = np.array([[1, 0, aside], [-up, 1, up * five.shape[1] / 2]], np.float32)
    drawn[:row] = cv2.warpAffine(drawn[:row], move, (five.shape[1], row))
    return drawn


def open_eight(eight: Canvas, rng: np.random.Generator) -> Canvas | None:
    """Open the upper ring of an eight at the top or the upper right."""
    left, top, width, height = _bounds(eight)
    if _holes(eight) != 2:
        return None
    angle = np.radians(rng.uniform(0, 65))  # clockwise from the top: eights begin and end there
    middle = np.array([left + width / 2, top + 0.27 * height])
    reach = np.array([np.sin(angle), -np.cos(angle)]) * 0.5 * height
    drawn = eight.copy()
    gap = max(2, round(rng.uniform(0.05, 0.1) * height))
    start, end = np.rint([middle, middle + reach]).astype(int).tolist()
    cv2.line(drawn, start, end, 0, gap, cv2.LINE_AA)
    return drawn if _holes(drawn) == 1 else None


def curl_nine(nine: Canvas, rng: np.random.Generator) -> Canvas | None:
    """Give the tail of a nine a foot to the left, straight or curled up a little."""
    _, top, _, height = _bounds(nine)
    if height == 0 or _holes(nine) != 1:
        return None
    end = _first_ink(nine[::-1])
    end[1] = len(nine) - 1 - end[1]
    if len(_runs(nine[top + round(0.75 * height)])) != 1:
        return None
    start = end - (0, 0.5 * stroke_width(nine))
    reach = rng.uniform(0.25, 0.55) * height
    turn = start + (-0.5 * reach, rng.uniform(0.0, 0.12) * reach)
    tip = start + (-reach, -rng.uniform(0.0, 0.35) * reach)
    drawn = _with_stroke(nine, rounded([start, turn, tip]), rng)
    return drawn if _holes(drawn) == 1 else None  # with two it is an eight


def _with_stroke(digit: Canvas, points: npt.ArrayLike, rng: np.random.Generator) -> Canvas:
    drawn = digit.copy()
    draw_curve(drawn, points, stroke_width(digit) * rng.uniform(0.75, 1.0))
    return drawn


def _bounds(digit: Canvas) -> tuple[int, int, int, int]:
    """Bounding box of the ink: left, top, width, height."""
    left, top, width, height = cv2.boundingRect((digit > MIN_STROKE_GREY).view(np.uint8))
    return left, top, width, height


def _holes(digit: Canvas) -> int:
    """Number of holes: areas of paper enclosed by ink."""
    return len(_hole_areas(digit))


def _hole_areas(digit: Canvas) -> list[int]:
    """Area in pixels of each hole."""
    paper = (digit <= MIN_STROKE_GREY).view(np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(paper, connectivity=4)
    areas = stats[1:]  # 0 is the ink
    enclosed = (areas[:, cv2.CC_STAT_LEFT] > 0) & (areas[:, cv2.CC_STAT_TOP] > 0)
    return [int(area) for area in areas[enclosed, cv2.CC_STAT_AREA]]


def _first_ink(digit: Canvas) -> npt.NDArray[np.float64]:
    """Middle of the ink in the first row that has any, (2,) x and y."""
    row = int(np.flatnonzero((digit > MIN_STROKE_GREY).any(axis=1))[0])
    return np.array([np.flatnonzero(digit[row] > MIN_STROKE_GREY).mean(), row])


def _last_ink(row: npt.NDArray[np.uint8]) -> int:
    """Column of the last ink in a row; the row's length where it has none."""
    inked = np.flatnonzero(row > MIN_STROKE_GREY)
    return int(inked[-1]) if len(inked) else len(row)


def _runs(row: npt.NDArray[np.uint8]) -> list[tuple[int, int]]:
    """First and last (exclusive) column of each run of ink in a row."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], row > MIN_STROKE_GREY, [False]])))
    return [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]


_STYLES: dict[int, Style] = {
    0: slash_zero, 1: flag_one, 3: flatten_three, 4: close_four, 5: detach_bar, 7: cross_seven,
    8: open_eight, 9: curl_nine,
}  # fmt: skip

STYLED_SHARES: dict[int, float] = {
    0: 0.15, 1: 0.6, 3: 0.25, 4: 1.0, 5: 0.3, 7: 0.6, 8: 0.2, 9: 0.3,
}  # fmt: skip
"""Share of a label's examples on which a style is tried: high where most of the world writes so;
all fours, as few of them are open enough to be closed. No record of a measurement."""
