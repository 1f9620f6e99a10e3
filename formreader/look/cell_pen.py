"""Separate the ink of a number from paper, print, the lines of its cell, and other writing."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.connected_parts import connected_parts
from formreader.core.geometry import Transform, map_points, scaling
from formreader.core.image_pyramid import Pyramid
from formreader.core.paper import INK_OVER_NOISE, paper_under_ink
from formreader.core.records import GreyImage
from formreader.crop.normaliser import MIN_INK_GREY, WHITE_QUANTILE
from formreader.look.page_look import PageLook
from formreader.segment.cell_ink import Flags, Ink
from formreader.segment.cell_parts import Extent

_MIN_PEN, _MIN_FORM = 0.4 * 255, 0.5 * 255
"""Probabilities times 255 of having been written, and printed or ruled, from which a pixel is."""

_MIN_WRITTEN = 4
"""Places of the layers' grid, 0.5 mm wide at 100 dpi, that the smallest stroke in a cell covers."""

_MIN_SHARE_IN_CELL = 0.5
"""A stroke with a smaller share inside the cell is another cell's, and is cut at the cell's side
where it reaches in."""

_PATCH_WRITING_HEIGHT = 56.0
"""Height in pixels of the writing in a patch: digits keep more detail than their crops show."""

_MIN_PATCH_STEP = 0.5
"""Page pixels between two samples of a patch: narrower steps show nothing more."""

_MIN_WRITING_HEIGHT = 5.0
"""Places of the layers' grid that writing is at least taken to be high: a dash is low."""

_PATCH_ROW_MARGIN, _PATCH_COLUMN_MARGIN = 0.3, 0.5
"""Margins of a patch around the writing, as shares of its height."""

_PAPER_CLOSING = 0.6
"""Side of the closing that estimates the paper, as a share of the patch's shorter side."""

_MIN_DARKNESS_OF_CELL_INK = 20.0
_MIN_CELL_INK_OVER_PEN = 0.35
_MIN_INK_OF_CELL = 0.004
"""Ink is at least so many grey values darker than the paper, and has at least this share of the
pen's darkness. The darkest pixels, this share of the patch, show how dark the pen is."""

_MIN_SPECK = 0.0015
"""Area of the smallest part of a number, in squares of the writing's height: a point has more."""

_MIN_LOOSE = 0.02
"""Area from which a part inside the cell that is not the number's is loose ink, likewise."""

_LEVELS = np.arange(256)


@dataclass(frozen=True, slots=True, eq=False)
class CellPatch:
    """What is written in a cell, with a margin around it.

    `ink` is (h, w) uint8, strokes near 255 on pure black. `darkness`, (h, w) uint8, is how much
    darker than the paper each pixel is, without what is only printed or ruled and without other
    writing. `written` is where the number stands. `loose_ink`: there are strokes in the cell that
    are not in `ink`, or the number is cut at the cell's side. `to_page` maps pixels to the page's.
    `cell_height` is that of the cell in pixels of the patch.
    """

    ink: Ink
    darkness: Ink
    written: Extent
    loose_ink: bool
    to_page: Transform
    cell_height: float


def cut_cell_patches(
    page: Pyramid, look: PageLook, corners: npt.NDArray[np.float64]
) -> list[CellPatch | None]:
    """Cut what is written in n cells out of their page; None where nothing is.

    Args:
        page: the page as stored, dark ink on bright paper.
        look: what is written on it.
        corners: (n, 4, 2) page pixels, clockwise from the top left of the upright form.
    """
    if not len(corners):
        return []
    in_layers = map_points(look.to_layers, corners.reshape(-1, 2)).reshape(-1, 4, 2)
    return [_cut(page, look, cell) for cell in in_layers]


def _cut(page: Pyramid, look: PageLook, cell: npt.NDArray[np.float64]) -> CellPatch | None:
    """Cut one cell; `cell` are its corners, (4, 2), in the layers' grid."""
    extent = _written_extent(look.pen, cell)
    if extent is None:
        return None
    left, top, right, bottom = extent
    height = max(bottom - top, _MIN_WRITING_HEIGHT)
    over = max((height - (bottom - top)) / 2, 0) + _PATCH_ROW_MARGIN * height
    beside = _PATCH_COLUMN_MARGIN * height
    origin = np.array([left - beside, top - over]) - 0.5
    size = np.array([right - left + 2 * beside, bottom - top + 2 * over])
    to_page = np.asarray(np.linalg.inv(look.to_layers), np.float64)
    step = _page_pixels(to_page, float(origin[0] + size[0] / 2), float(origin[1] + size[1] / 2))
    scale = min(_PATCH_WRITING_HEIGHT / height, step / _MIN_PATCH_STEP)
    shape = (max(round(size[1] * scale), 8), max(round(size[0] * scale), 8))
    moved = np.array([[1, 0, origin[0] + 0.5], [0, 1, origin[1] + 0.5], [0, 0, 1]])
    to_page = to_page @ moved @ scaling(1 / scale, 1 / scale)
    patch = _warped(page, to_page, shape, step / scale)
    pen = look.view(look.pen, to_page, shape) > _MIN_PEN
    form = look.view(look.form, to_page, shape) > _MIN_FORM
    inside = _filled((cell - origin) * scale - 0.5, shape)
    cell_height = float(np.ptp(cell[:, 1])) * scale
    return _separated(patch, pen, form & ~pen, inside, to_page, height * scale, cell_height)


def _written_extent(
    pen: npt.NDArray[np.uint8], cell: npt.NDArray[np.float64]
) -> tuple[int, int, int, int] | None:
    """Where in the layers' grid a cell's writing stands: left, top, right, bottom."""
    low = np.floor(cell.min(axis=0)).astype(int)
    high = np.ceil(cell.max(axis=0)).astype(int) + 1
    reach = max(int(0.25 * (high[1] - low[1])), 3)
    x0, y0 = np.maximum(low - reach, 0)
    x1, y1 = np.minimum(high + reach, pen.shape[::-1])
    if x1 - x0 < 2 or y1 - y0 < 2:
        return None
    written = (pen[y0:y1, x0:x1] > _MIN_PEN).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(written, connectivity=8)
    if count == 1:
        return None
    inside = _filled(cell - (x0, y0), written.shape)
    area = stats[:, cv2.CC_STAT_AREA]
    within = np.bincount(labels[inside], minlength=count)
    own = (within >= _MIN_SHARE_IN_CELL * area) & (within > 0)
    reaching = ~own & (within >= _MIN_WRITTEN)
    own[0] = reaching[0] = False
    if not ((own | reaching) & (within >= _MIN_WRITTEN)).any():
        return None
    chosen = own[labels] | (reaching[labels] & inside)
    left, top, width, height = cv2.boundingRect(chosen.astype(np.uint8))
    return left + x0, top + y0, left + x0 + width, top + y0 + height


def _filled(corners: npt.NDArray[np.float64], shape: tuple[int, ...]) -> Flags:
    """The pixels inside a quadrilateral."""
    mask = np.zeros(shape, np.uint8)
    cv2.fillConvexPoly(mask, np.rint(corners * 16).astype(np.int32), (1,), shift=4)
    return mask.view(np.bool_)


def _page_pixels(to_page: Transform, x: float, y: float) -> float:
    """Page pixels in a step of the layers' grid, at a place of it."""
    here, beside, below = map_points(to_page, [(x, y), (x + 1, y), (x, y + 1)])
    return float(np.linalg.norm(beside - here) + np.linalg.norm(below - here)) / 2


def _warped(page: Pyramid, to_page: Transform, shape: tuple[int, int], step: float) -> GreyImage:
    """A patch of the page, `step` page pixels between two of its pixels."""
    halvings = max(round(math.log2(max(step, 1.0))), 0)
    pixel = 2**halvings
    patch = cv2.warpPerspective(
        page.level(halvings), scaling(1 / pixel, 1 / pixel) @ to_page, shape[::-1],
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE,
    )  # fmt: skip
    return np.asarray(patch, np.uint8)


def _separated(
    patch: GreyImage,
    pen: Flags,
    form: Flags,
    inside: Flags,
    to_page: Transform,
    height: float,
    cell_height: float,
) -> CellPatch | None:
    """Tell the number's ink from everything else; `height` is that of the writing in pixels."""
    darkness, floor = _darkness(patch)
    level = _quantile(darkness, 1 - _MIN_INK_OF_CELL, pen & inside)
    threshold = max(floor, _MIN_CELL_INK_OVER_PEN * level)
    ink = ((darkness > threshold) & pen).view(np.uint8)
    labels, stats = connected_parts(ink)
    area = stats[:, cv2.CC_STAT_AREA]
    within = np.bincount(labels[inside], minlength=len(area))
    own = (within >= _MIN_SHARE_IN_CELL * area) & (area >= _MIN_SPECK * height**2)
    reaching = ~own & (within >= _MIN_LOOSE * height**2)
    own[0] = reaching[0] = False
    chosen = own[labels]
    loose = bool(reaching.any())
    if loose:
        chosen |= reaching[labels] & inside
    left, top, wide, tall = cv2.boundingRect(chosen.view(np.uint8))
    if not wide:
        return None
    other = cv2.dilate((ink.view(np.bool_) & ~chosen).view(np.uint8), np.ones((3, 3), np.uint8))
    soft = cv2.dilate(chosen.view(np.uint8), np.ones((3, 3), np.uint8)).view(np.bool_)
    darkness[(form | other.view(np.bool_)) & ~soft] = 0
    return CellPatch(
        _brightened(darkness, chosen, soft & ~ink.view(np.bool_)),
        darkness,
        Extent(left, top, left + wide, top + tall),
        loose,
        to_page,
        cell_height,
    )


def _brightened(darkness: Ink, own: Flags, rims: Flags) -> Ink:
    """Scale the number's ink to white, with the soft rims of its strokes."""
    full = max(_quantile(darkness, WHITE_QUANTILE, own), 1.0)
    levels = np.minimum(_LEVELS * (255.0 / full), 255.0).astype(np.uint8)
    bright = np.asarray(cv2.LUT(darkness, levels), np.uint8)
    return np.asarray(bright * ((own | rims) & (bright >= MIN_INK_GREY)), np.uint8)


def _darkness(patch: GreyImage) -> tuple[Ink, float]:
    """How much darker than its paper each pixel is, and up to which darkness that is noise.

    The median difference to a small blur and the lower quartile of the darkness measure paper
    only: strokes cover less than half of a patch.
    """
    reach = int(_PAPER_CLOSING * min(patch.shape)) | 1
    paper = paper_under_ink(np.asarray(cv2.GaussianBlur(patch, (3, 3), 0), np.uint8), reach)
    darkness = np.asarray(cv2.subtract(cv2.blur(paper, (reach, reach)), patch), np.uint8)
    rough = np.asarray(cv2.absdiff(patch, cv2.blur(patch, (3, 3))), np.uint8)
    noise = INK_OVER_NOISE * _quantile(rough, 0.5)
    return darkness, max(_MIN_DARKNESS_OF_CELL_INK, _quantile(darkness, 0.25) + noise)


def _quantile(values: Ink, share: float, chosen: Flags | None = None) -> float:
    """The value that about `share` of the chosen values (all if None) do not exceed."""
    mask = None if chosen is None else chosen.view(np.uint8)
    passed = cv2.calcHist([values], [0], mask, [256], [0, 256]).ravel().cumsum()
    return float(passed.searchsorted(share * float(passed[-1])))
