"""Digits of MNIST rewritten as the rest of the world writes them.

Strokes are added, bent or opened in the digit that is there, in its own width. A
digit on which a style has no hold is left out, so that no label is ever stretched.
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
from formreader.training.augment.pen_strokes import draw_curve, rounded, stroke_width

Style: TypeAlias = Callable[[Canvas, np.random.Generator], Canvas | None]
"""Rewrites one digit; None where it has no hold on it."""

_INK = 96
"""Grey value from which a pixel belongs to a stroke."""


def restyle(digits: Crops, label: int, rng: np.random.Generator) -> Crops:
    """Digits of one `label` in another style, (n, 28, 28) to (m, 28, 28), m <= n.

    Raises:
        KeyError: no style is known for `label`; `STYLED` lists those that have some.
    """
    styles = _STYLES[label]
    drawn = [styles[rng.integers(len(styles))](enlarge(digit), rng) for digit in digits]
    crops = [framed(canvas) for canvas in drawn if canvas is not None]
    return np.stack(crops) if crops else np.zeros((0, *digits.shape[1:]), np.uint8)


def slash_zero(zero: Canvas, rng: np.random.Generator) -> Canvas | None:
    """A zero with one stroke from the upper right to the lower left, as programmers write it."""
    left, top, width, height = _bounds(zero)
    if _holes(zero) != 1 or width > height:
        return None
    beyond = rng.uniform(-0.05, 0.15, 2)
    start = left + width * (0.85 + beyond[0]), top + height * (0.1 - beyond[0])
    end = left + width * (0.15 - beyond[1]), top + height * (0.9 + beyond[1])
    drawn = _with_stroke(zero, [start, end], rng)
    areas = _hole_areas(drawn)
    blot = len(areas) < 2 or min(areas) < 0.5 * stroke_width(zero) ** 2
    return None if blot else drawn


def flatten_three(three: Canvas, rng: np.random.Generator) -> Canvas | None:
    """A three whose upper half is that of a Z."""
    _, top, width, height = _bounds(three)
    if height == 0 or _holes(three):
        return None
    ends = [_last_ink(three[row]) for row in range(top, top + height)]
    waist = round(0.3 * height) + int(np.argmin(ends[round(0.3 * height) : round(0.55 * height)]))
    junction = np.array([ends[waist] - stroke_width(three) / 2, top + waist])
    upper = np.flatnonzero((three[top : top + waist] > _INK).any(axis=0))
    drawn = three.copy()
    drawn[: top + waist] = 0
    rise = rng.uniform(-0.06, 0.06) * height
    start = np.array([upper[0], top + rise])
    corner = np.array([max(ends[:waist]) - rng.uniform(0, 0.1) * width, top - rise])
    belly = max(ends[waist:]) - junction[0]
    if corner[0] - start[0] < 0.3 * height or junction[0] > corner[0] or belly < 0.05 * height:
        return None
    turn = (corner + junction) / 2 + rng.normal(0, 0.02 * height, 2)
    back = junction - (rng.uniform(0.0, 0.12) * width, 0)
    draw_curve(drawn, [start, corner, turn, back, junction], stroke_width(three))
    return drawn


def close_four(four: Canvas, rng: np.random.Generator) -> Canvas | None:
    """An open four whose arm leans over to the tip of the stem."""
    _, top, _, height = _bounds(four)
    if height == 0 or _holes(four):
        return None
    runs = [_runs(four[row]) for row in range(top, top + round(0.8 * height))]
    is_open = [len(found) == 2 for found in runs] + [False]
    first = is_open.index(True) if any(is_open) else 0
    last = is_open.index(False, first) - 1
    if last - first < 0.2 * height or not _passes_stem(four, top + last, runs[last][1]):
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
    """Whether the bar goes on to the right of the stem: where not, a closed four is a nine."""
    pen = stroke_width(four)
    bar = four[row : row + round(3.5 * pen)] > _INK
    return bool(bar[:, min(stem[1] + round(0.8 * pen), four.shape[1] - 1)].any())


def detach_bar(five: Canvas, rng: np.random.Generator) -> Canvas | None:
    """A five whose bar was written last and does not meet the body."""
    _, top, _, height = _bounds(five)
    if height == 0:
        return None
    pen = stroke_width(five)
    row = top + round(1.3 * pen + rng.uniform(0, 0.08) * height)
    gap = max(2, round(rng.uniform(0.04, 0.12) * height))
    if row + gap > top + 0.45 * height or any(
        len(_runs(line)) != 1 for line in five[row : row + gap]
    ):
        return None
    if max(np.ptp(_runs(line)[0]) for line in five[row : row + gap]) > 2.2 * pen:
        return None
    drawn = five.copy()
    drawn[row : row + gap] = 0
    aside, up = round(rng.uniform(-0.06, 0.16) * height), rng.uniform(-0.1, 0.1)
    move = np.array([[1, 0, aside], [-up, 1, up * five.shape[1] / 2]], np.float32)
    drawn[:row] = cv2.warpAffine(drawn[:row], move, (five.shape[1], row))
    return drawn


def open_eight(eight: Canvas, rng: np.random.Generator) -> Canvas | None:
    """An eight whose upper ring was not closed, at the top or the upper right."""
    left, top, width, height = _bounds(eight)
    if _holes(eight) != 2:
        return None
    angle = np.radians(
        rng.uniform(0, 65)
    )  # from straight up to the right: there eights begin and end
    middle = np.array([left + width / 2, top + 0.27 * height])
    reach = np.array([np.sin(angle), -np.cos(angle)]) * 0.5 * height
    drawn = eight.copy()
    gap = max(2, round(rng.uniform(0.05, 0.1) * height))
    start, end = np.rint([middle, middle + reach]).astype(int).tolist()
    cv2.line(drawn, start, end, 0, gap, cv2.LINE_AA)
    return drawn if _holes(drawn) == 1 else None


def curl_nine(nine: Canvas, rng: np.random.Generator) -> Canvas | None:
    """A nine whose tail ends in a foot to the left, straight or curled up a little."""
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
    return drawn if _holes(drawn) == 1 else None  # else an eight


def _with_stroke(digit: Canvas, points: npt.ArrayLike, rng: np.random.Generator) -> Canvas:
    drawn = digit.copy()
    draw_curve(drawn, points, stroke_width(digit) * rng.uniform(0.75, 1.0))
    return drawn


def _bounds(digit: Canvas) -> tuple[int, int, int, int]:
    """Left, top, width and height of the ink."""
    left, top, width, height = cv2.boundingRect((digit > _INK).view(np.uint8))
    return left, top, width, height


def _holes(digit: Canvas) -> int:
    """How many pieces of paper are enclosed by ink."""
    return len(_hole_areas(digit))


def _hole_areas(digit: Canvas) -> list[int]:
    """Pixels of each piece of paper that is enclosed by ink."""
    paper = (digit <= _INK).view(np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(paper, connectivity=4)
    pieces = stats[1:]  # 0 is the ink
    enclosed = (pieces[:, cv2.CC_STAT_LEFT] > 0) & (pieces[:, cv2.CC_STAT_TOP] > 0)
    return [int(area) for area in pieces[enclosed, cv2.CC_STAT_AREA]]


def _first_ink(digit: Canvas) -> npt.NDArray[np.float64]:
    """The middle of the ink in the first row that has some, (2,) x and y."""
    row = int(np.flatnonzero((digit > _INK).any(axis=1))[0])
    return np.array([np.flatnonzero(digit[row] > _INK).mean(), row])


def _last_ink(row: npt.NDArray[np.uint8]) -> int:
    inked = np.flatnonzero(row > _INK)
    return int(inked[-1]) if len(inked) else len(row)


def _runs(row: npt.NDArray[np.uint8]) -> list[tuple[int, int]]:
    """Where ink starts and ends (exclusive) along a row."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], row > _INK, [False]])))
    return [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]


_STYLES: dict[int, tuple[Style, ...]] = {
    0: (slash_zero,),
    1: (flag_one,),
    3: (flatten_three,),
    4: (close_four,),
    5: (detach_bar,),
    7: (cross_seven,),
    8: (open_eight,),
    9: (curl_nine,),
}

STYLED: dict[int, float] = {
    0: 0.15,
    1: 0.6,
    3: 0.25,
    4: 1.0,
    5: 0.3,
    7: 0.6,
    8: 0.2,
    9: 0.3,
}
"""Share of a label's examples on which a style is tried: most where most of the world writes
so, all of the fours as few of them are open enough to be closed."""
