"""Find writing that runs out of a field: a digit outside of its printed line is in no value.

Without a template it may as well be print. The reference page of a form shows the print beside a
cell. So any other ink there that is as high as a digit is writing.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.geometry import Box
from formreader.core.records import GreyImage
from formreader.template.page_map import Floats

_BEYOND = np.linspace(0.06, 0.6, 14)
"""Columns outside of the edge of a cell, in heights of the cell. The first are clear of its line
and of the rim of a digit that touches it. The last are one digit away."""

_ALONG = np.linspace(0.05, 0.95, 28)
"""Rows between the upper and the lower edge, as shares of the height."""

_MIN_DARKNESS_BESIDE, _MIN_NEW_INK = 70, 50
"""Least contrast of ink, in grey levels: with paper, and with the print at the same place."""

_MIN_TALL = 0.2
"""Least share of the rows with such ink for it to be a digit."""

_PRINT_REACH = 7
"""Largest offset of print on a page from its place, in pixels, both sides together."""


def thickened(reference: GreyImage) -> GreyImage:
    """The reference page, (h, w) uint8, with print widened by its largest offset on a page."""
    return np.asarray(cv2.erode(reference, np.ones((_PRINT_REACH, _PRINT_REACH), np.uint8)))


def free_sides(cells: Floats, others: Floats) -> npt.NDArray[np.bool_]:
    """(n, 2) whether no field is to the left and to the right of upright cells (n, 4, 2).

    `others`, (m, 4, 2), are the boxes and cells of all fields of the form.
    """
    boxes = [_box(one) for one in others]
    sides = np.array([(b.left, b.top, b.right, b.bottom) for b in boxes]).reshape(-1, 4)
    free = np.ones((len(cells), 2), np.bool_)
    for i, one in enumerate(cells):
        for k, beside in enumerate(_beside(_box(one))):
            upper = np.maximum(sides[:, :2], (beside.left, beside.top))
            lower = np.minimum(sides[:, 2:], (beside.right, beside.bottom))
            free[i, k] = not (lower > upper).all(axis=1).any()
    return free


def ink_beside(
    even: GreyImage,
    corners: Floats,
    printed: GreyImage,
    on_form: Floats,
    free: npt.NDArray[np.bool_],
) -> npt.NDArray[np.bool_]:
    """Whether there is writing as high as a digit beside each cell, on a free side.

    Args:
        even: the page, evenly lit, (h, w) uint8.
        corners: (n, 4, 2) of the cells on it.
        printed: the `thickened` reference page.
        on_form: (n, 4, 2) of the cells on the reference page.
        free: (n, 2) as from `free_sides`.
    """
    if not len(corners):
        return np.zeros(0, np.bool_)
    found = np.zeros(len(corners), np.bool_)
    for side, order in enumerate(([1, 0, 3, 2], [0, 1, 2, 3])):
        here = _samples(even, corners[:, order])  # (columns, rows, n)
        print_there = _samples(printed, on_form[:, order])
        ink = (here < 255 - _MIN_DARKNESS_BESIDE) & (here < print_there - _MIN_NEW_INK)
        found |= free[:, side] & (ink.any(axis=0).mean(axis=0) >= _MIN_TALL)
    return found


def _samples(page: GreyImage, corners: Floats) -> npt.NDArray[np.int64]:
    """The page's brightness outside of the side from the second to the third corner of n cells.

    Outside of the page it is white.
    """
    down = corners[:, 2] - corners[:, 1]
    across = corners[:, 1] - corners[:, 0]
    height = np.linalg.norm(down, axis=1, keepdims=True)
    outwards = across / np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-9) * height
    edge = corners[:, 1] + _ALONG[:, None, None] * down
    points = np.rint(edge + _BEYOND[:, None, None, None] * outwards).astype(np.int64)
    x, y = points[..., 0], points[..., 1]
    rows, columns = page.shape
    on_page = (x >= 0) & (x < columns) & (y >= 0) & (y < rows)
    pixels = page[np.clip(y, 0, rows - 1), np.clip(x, 0, columns - 1)].astype(np.int64)
    return np.where(on_page, pixels, 255)


def _box(corners: Floats) -> Box:
    (left, top), (right, bottom) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    return Box(left, top, max(right - left, 1.0), max(bottom - top, 1.0))


def _beside(box: Box) -> tuple[Box, Box]:
    """The places to the left and to the right of a box that are searched for writing."""
    near, far = float(_BEYOND[0]) * box.height, float(_BEYOND[-1]) * box.height
    top, height = box.top + 0.2 * box.height, 0.6 * box.height
    return (
        Box(box.left - far, top, far - near, height),
        Box(box.right + near, top, far - near, height),
    )
