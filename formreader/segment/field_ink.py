"""The ink of a field without separators: without paper, the rectangle's lines, and specks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.connected_parts import connected_parts
from formreader.core.geometry import scaling
from formreader.core.paper import INK_OVER_NOISE, paper_under_ink
from formreader.core.records import GreyImage

Ink: TypeAlias = npt.NDArray[np.uint8]
"""(h, w) uint8, bright ink on pure black."""

Flags: TypeAlias = npt.NDArray[np.bool_]
"""(h, w) bool."""

Binary: TypeAlias = npt.NDArray[np.uint8]
"""(h, w) uint8, 0 or 1."""

_LEAST_HEIGHT, _MOST_HEIGHT = 48, 96
"""Height in pixels that a field is brought to: digits keep more detail than a crop shows."""

_MARGIN = 0.2
"""How far strokes that leave the rectangle are followed, as a share of its height."""

_LEAST_DARKNESS = 20.0
_INK_SHARE = 0.35
_THINNEST = 0.004
"""Ink is darker than paper by this much, and than this share of the darkest strokes, which cover
at least so much of the field."""

_EDGE = 0.14
_LINE_ACROSS, _LINE_DOWN = 0.9, 0.55
"""Within which share of the height along the edges lines are sought, and how long they are."""

_BEYOND = 2
"""Pixels on both sides of where a line may be in which its strokes go on."""

_SPECK_HEIGHT = 0.1
_LEAST_HEIGHT_SHARE = 0.25
"""Height of a speck at most, and of a field's tallest mark at least, as shares of its height."""

_FULL, _FULL_SHARE, _FAINTEST = 255.0, 0.8, 26
"""What strokes are brightened to, up to which share of their pixels, and what is too dark then."""


@dataclass(frozen=True, slots=True, eq=False)
class FieldPatch:
    """The upright cutting of a field.

    `ink` is (h, w) uint8; `to_page` is the (3, 3) transform of its pixels to those of the page.
    """

    ink: Ink
    to_page: npt.NDArray[np.float64]


def cut_field(image: GreyImage, corners: npt.NDArray[np.float64]) -> FieldPatch:
    """Cut a field out of its page.

    Args:
        image: the page as stored, (h, w) uint8, dark ink on bright paper.
        corners: (4, 2) page pixels, clockwise from the top left of the upright form.
    """
    sides = np.linalg.norm(np.roll(corners, -1, axis=0) - corners, axis=1)
    width, height = float(sides[0] + sides[2]) / 2, float(sides[1] + sides[3]) / 2
    scale = float(np.clip(1.0, _LEAST_HEIGHT / height, _MOST_HEIGHT / height))
    # Warped at no less than its own size, then reduced by averaging: warping alone skips pixels.
    warped = max(scale, 1.0)
    patch, to_page = _warp(image, corners, round(width * warped), round(height * warped))
    if scale < 1:
        size = (max(round(patch.shape[1] * scale), 1), max(round(patch.shape[0] * scale), 1))
        shrink = np.array([patch.shape[1] / size[0], patch.shape[0] / size[1]])
        patch = np.asarray(cv2.resize(patch, size, interpolation=cv2.INTER_AREA), np.uint8)
        to_page = to_page @ scaling(*shrink)
    return FieldPatch(field_ink(patch, round(_MARGIN * round(height * scale))), to_page)


def _warp(
    image: GreyImage, corners: npt.NDArray[np.float64], width: int, height: int
) -> tuple[GreyImage, npt.NDArray[np.float64]]:
    """The field with its margin at a given size, and the transform back to the page."""
    margin = round(_MARGIN * height)
    right, bottom = margin + width, margin + height
    target = np.array([[margin, margin], [right, margin], [right, bottom], [margin, bottom]])
    # Corners lie on pixel edges in the patch, on pixel centres in the page.
    forward = cv2.getPerspectiveTransform(
        corners.astype(np.float32), (target - 0.5).astype(np.float32)
    )
    patch = cv2.warpPerspective(
        image,
        forward,
        (width + 2 * margin, height + 2 * margin),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(patch, np.uint8), np.linalg.inv(np.asarray(forward, np.float64))


def field_ink(patch: GreyImage, margin: int) -> Ink:
    """The handwriting of a field.

    Args:
        patch: (h, w) uint8, dark on bright, with `margin` pixels around the rectangle.

    Returns:
        (h, w) uint8, strokes near 255 on pure black; all black where nothing is written.
    """
    darkness, floor = _darkness(patch)
    lines, strokes = _find_lines(_darker(darkness, floor), margin)
    inner = slice(margin, len(patch) - margin), slice(margin, patch.shape[1] - margin)
    free = ~lines[inner]
    result = np.zeros_like(patch)
    if not free.any():
        return result
    level = _quantile(darkness[inner], 1 - _THINNEST, free)
    ink = _darker(darkness, max(floor, _INK_SHARE * level))
    own = _own_parts(ink & ~lines | strokes, margin)
    left, top, width, height = cv2.boundingRect(own.view(np.uint8))
    if width:
        part = slice(max(top - 1, 0), top + height + 1), slice(max(left - 1, 0), left + width + 1)
        result[part] = _brightened(darkness[part], own[part], ink[part] | lines[part])
    return result


def _brightened(darkness: Ink, own: Flags, taken: Flags) -> Ink:
    """What is darkest made white, with the soft rims of strokes where no other ink is."""
    soft = cv2.dilate(own.view(np.uint8), np.ones((3, 3), np.uint8)).view(np.bool_)
    full = max(_quantile(darkness, _FULL_SHARE, own), 1.0)
    bright = np.minimum(darkness * (_FULL / full), _FULL).astype(np.uint8)
    kept = (own | (soft & ~taken)) & (bright >= _FAINTEST)
    return np.asarray(bright * kept, np.uint8)


def _quantile(values: Ink, share: float, chosen: Flags | None = None) -> float:
    """What `numpy.quantile` gives of the chosen values, all if None: from their histogram."""
    mask = None if chosen is None else chosen.view(np.uint8)
    passed = cv2.calcHist([values], [0], mask, [256], [0, 256]).ravel().cumsum()
    place = share * (float(passed[-1]) - 1)
    low, high = np.searchsorted(passed, [np.floor(place), np.ceil(place)], side="right").tolist()
    return float(low + (place - np.floor(place)) * (high - low))


def _darkness(patch: GreyImage) -> tuple[npt.NDArray[np.uint8], float]:
    """How much darker than the paper each pixel is, and up to where that is noise."""
    reach = int(0.6 * min(patch.shape)) | 1
    smooth = cv2.GaussianBlur(patch, (3, 3), 0)
    paper = paper_under_ink(np.asarray(smooth, np.uint8), reach)
    darkness = np.asarray(cv2.subtract(cv2.blur(paper, (reach, reach)), patch), np.uint8)
    rough = np.asarray(cv2.absdiff(patch, cv2.blur(patch, (3, 3))), np.uint8)
    noise = INK_OVER_NOISE * _quantile(rough, 0.5)
    floor = max(_LEAST_DARKNESS, _quantile(darkness, 0.25) + noise)
    return darkness, floor


def _darker(darkness: Ink, than: float) -> Flags:
    """Which pixels are darker; whole numbers are compared as such, not as floats one by one."""
    return np.asarray(darkness > math.floor(than), np.bool_)


def _find_lines(ink: Flags, margin: int) -> tuple[Flags, Flags]:
    """The printed lines, and ink on them that belongs to strokes that go on at the other side."""
    height = ink.shape[0] - 2 * margin
    reach = max(round(_EDGE * height), 2)
    dark = ink.view(np.uint8)
    lines, strokes = np.zeros_like(dark), np.zeros_like(dark)
    for share in (_LINE_ACROSS, _LINE_DOWN):
        for edge in (margin, len(dark) - margin):
            near = slice(max(edge - reach, 0), edge + reach)
            lines[near] |= _long_runs(dark[near], max(round(share * height), 3))
            around = slice(max(near.start - _BEYOND, 0), near.stop + _BEYOND)
            strokes[around] |= _strokes_across(dark[around], lines[around])
        # The lines down are across in the second round, which turns all back.
        dark, lines, strokes = (np.ascontiguousarray(part.T) for part in (dark, lines, strokes))
    return lines.view(np.bool_), strokes.view(np.bool_)


def _long_runs(ink: Binary, length: int) -> Binary:
    """The runs across of at least `length` pixels in a strip."""
    # A line that is not quite straight goes on in the row above or below.
    thick = cv2.dilate(ink, np.ones((3, 1), np.uint8))
    runs = cv2.morphologyEx(thick, cv2.MORPH_OPEN, np.ones((1, length), np.uint8))
    return np.asarray(runs, np.uint8)


def _strokes_across(ink: Binary, line: Binary) -> Binary:
    """Ink on the line of a strip that has ink both above and below the line."""
    thickness = int(np.count_nonzero(line, axis=0).max(initial=0))
    if not thickness:
        return np.zeros_like(ink)
    beside = cv2.subtract(ink, line)
    closed = cv2.morphologyEx(beside, cv2.MORPH_CLOSE, np.ones((thickness + 2, 3), np.uint8))
    return np.asarray(closed, np.uint8) & line & ink


def _own_parts(ink: Flags, margin: int) -> Flags:
    """The parts of the ink that lie mostly in the field and are no specks or rests of lines."""
    labels, stats = connected_parts(ink.view(np.uint8))
    rows, columns = (side - 2 * margin for side in ink.shape)
    y, x = np.nonzero(ink)
    part = labels[y, x]
    within = (y >= margin) & (y < margin + rows) & (x >= margin) & (x < margin + columns)
    inside = np.bincount(part[within], minlength=len(stats))
    left, top = stats[:, cv2.CC_STAT_LEFT] - margin, stats[:, cv2.CC_STAT_TOP] - margin
    width, height = stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT]
    reach = max(round(_EDGE * rows), 2)
    own = 2 * inside >= stats[:, cv2.CC_STAT_AREA]
    own &= (top + height > reach) & (top < rows - reach)
    own &= (left + width > reach) & (left < columns - reach)
    own &= np.maximum(width, height) >= _SPECK_HEIGHT * rows
    own[0] = False
    kept = np.zeros_like(ink)
    if (own & (height >= _LEAST_HEIGHT_SHARE * rows)).any():
        kept[y, x] = own[part]
    return kept
