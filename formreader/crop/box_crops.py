"""Cut the boxes of a page, and pictures of single digits, into normalised crops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.classes import CROP_SIDE, Crops
from formreader.core.image_pyramid import Pyramid
from formreader.core.records import DigitBox, GreyImage
from formreader.crop.box_lines import BoxLines, as_thick_as
from formreader.crop.digit_ink import MeasuredPatches, histograms, measure_patches, separate_ink
from formreader.crop.normaliser import MIN_INK_GREY, WHITE_QUANTILE, normalise_all
from formreader.crop.patches import Corners, Patches, cut_patches, proportions

_MAX_TRACE_OVER_PEN = 0.25
_SHARE_OF_BOXES_WITH_OTHER_INK = 0.04
"""Strokes with at most the first share of the pen's darkness are no ink: a watermark, or writing on
the back. The pen's darkness is that of the darkest box, once the second share of the boxes, which
may hold print or blots, is left out. Checked on rendered pages."""


_ROOM_AROUND = 0.15
"""Margin of paper added around a picture of one digit, as a share of its shorter side. Otherwise
strokes at the edge of a patch are taken for lines. Of 555 digits cut out of their boxes 433 were
right without a margin, 529 with 0.1 and 541 with 0.15."""

_OUTER_PART = 0.2
"""Share of a picture of one digit, from each side, in which its box may have a line. This and the
next two were tried on 609 cuts of 87 drawn digits; nearby values did as well."""

_MIN_SHARE_OF_LINE = 0.6
"""Least length of such a line, as a share of the picture. Dotted lines reach it when dilated."""

_MAX_SKEW_OF_LINE = 0.03
"""Largest rise or fall of such a line, as a share of the picture."""


@dataclass(frozen=True, slots=True, eq=False)
class FormEvidence:
    """What the page's form tells about its boxes.

    `faint` is the largest darkness, as a share of the pen's, of marks that are all over the page
    and no writing. `lines` are the lines of the same boxes on the form's reference page.
    """

    faint: float = 0.0
    lines: BoxLines | None = None


NO_EVIDENCE = FormEvidence()


def crop_boxes(
    page: Pyramid, boxes: Sequence[DigitBox], known: FormEvidence = NO_EVIDENCE
) -> tuple[Crops, npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Cut the boxes of a page into normalised crops of their digits.

    Args:
        page: the page as stored, dark ink on bright paper.
        boxes: n boxes in pixels of that page.
        known: what the page's form tells about them.

    Returns:
        Crops, (n, 28, 28) uint8; flags of blank boxes, (n,) bool; flags of boxes with strokes that
        do not belong to their digit, (n,) bool.
    """
    if not boxes:
        return np.zeros((0, CROP_SIDE, CROP_SIDE), np.uint8), *np.zeros((2, 0), np.bool_)
    corners = np.array([box.corners for box in boxes], np.float64)
    measured = measure_patches(cut_patches(page, corners))
    pen = _pen(_trusted(measured.level, boxes))
    if known.lines is not None:
        measured = replace(measured, lines=as_thick_as(measured.lines, known.lines))
    crops, blank, loose = _normalised(measured, corners, _MAX_TRACE_OVER_PEN * pen)
    if not known.faint:
        return crops, blank, loose
    marks = measured.level <= known.faint * pen
    crops[marks] = 0
    return crops, blank | marks, loose & ~marks


def lines_of_boxes(page: GreyImage, corners: Corners) -> BoxLines:
    """Find the printed lines of n boxes, (n, 4, 2) pixels of a page."""
    return measure_patches(cut_patches(Pyramid(page), corners)).lines


def crop_single(image: GreyImage) -> tuple[npt.NDArray[np.uint8], bool]:
    """Cut a picture of one digit into a normalised crop.

    Args:
        image: (h, w) uint8, dark on bright or bright on dark, with or without a printed box.

    Returns:
        The crop, (28, 28) uint8, and whether the picture is blank.
    """
    middle = (float(image.min()) + float(image.max())) / 2
    if np.median(image) < middle:  # not the border's median: a box has its lines there
        image = np.asarray(255 - image, np.uint8)
        middle = 255 - middle
    room = round(_ROOM_AROUND * min(image.shape))
    rows, columns = (_sides_of_box(image < middle, axis, room) for axis in (1, 0))
    image = np.pad(image, room, constant_values=round(float(np.median(image))))
    (top, bottom), (left, right) = rows, columns
    corners = np.array([[[left, top], [right, top], [right, bottom], [left, bottom]]]) - 0.5
    crops, blank, _ = _normalised(measure_patches(cut_patches(Pyramid(image), corners)), corners)
    return crops[0], bool(blank[0])


def _sides_of_box(dark: npt.NDArray[np.bool_], axis: int, room: int) -> tuple[float, float]:
    """Find two opposite lines of a box in a picture, (h, w).

    Returns the positions of their centres once `room` pixels are added around the picture; its
    former edges unless both lines are found.
    """
    length = len(dark) if axis == 1 else dark.shape[1]
    reach = max(1, round(_MAX_SKEW_OF_LINE * length))
    kernel = np.ones((reach, 1) if axis == 1 else (1, reach), np.uint8)
    line = cv2.dilate(dark.astype(np.uint8), kernel).mean(axis=axis) >= _MIN_SHARE_OF_LINE
    outer = round(_OUTER_PART * length)
    ends = []
    for side in (line, line[::-1]):
        first = int(side[: outer + 1].argmax())
        if not side[first]:
            return 0, length + 2 * room
        run = side[first:]
        thick = len(run) if run.all() else int(run.argmin())
        ends.append(first + thick / 2)
    return ends[0] + room, length - ends[1] + room


def _trusted(level: npt.NDArray[np.int64], boxes: Sequence[DigitBox]) -> npt.NDArray[np.int64]:
    """Return the levels of the likely boxes, as others may be print; of all if none is likely."""
    likely = np.array([box.is_likely for box in boxes])
    return level[likely] if likely.any() else level


def _pen(level: npt.NDArray[np.int64]) -> float:
    """Return the darkness of a page's pen from the levels of its boxes (n,).

    A form is filled in with one pen. Much fainter strokes are a watermark, or show through from the
    back. The darkest boxes give the pen's darkness, as most boxes may be blank.
    """
    if not len(level):
        return 0.0
    return float(np.sort(level)[::-1][int(_SHARE_OF_BOXES_WITH_OTHER_INK * len(level))])


def _normalised(
    measured: MeasuredPatches, corners: Corners, max_trace: float = 0.0
) -> tuple[Crops, npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Return crops of n boxes, (n, 28, 28), and flags of blank boxes and of loose ink, (n,)."""
    ink, blank, loose = separate_ink(measured, max_trace)
    return crops_of_ink(ink, blank, corners), blank, loose


def crops_of_ink(ink: Patches, blank: npt.NDArray[np.bool_], corners: Corners) -> Crops:
    """Normalise the ink in the patches of n boxes, (n, 28, 28); crops of `blank` boxes are black.

    The proportions of the boxes are taken from `corners`, (n, 4, 2).
    """
    crops = np.zeros((len(ink), CROP_SIDE, CROP_SIDE), np.uint8)
    tones, aspects = _full_tones(_ink_levels(ink)), proportions(corners)
    bright = [np.asarray(cv2.LUT(ink[i], tones[i]), np.uint8) for i in np.flatnonzero(~blank)]
    crops[~blank] = normalise_all(bright, aspects[~blank].tolist())
    return crops


def _full_tones(levels: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
    """Return lookup tables, (n, 256), that make ink of these levels (n,) white and traces black."""
    tones = np.minimum(np.arange(256) * (255 / np.maximum(levels, 1))[:, None], 255)
    return np.where(tones < MIN_INK_GREY, 0, np.rint(tones)).astype(np.uint8)


def _ink_levels(ink: Patches) -> npt.NDArray[np.int64]:
    """Return the `WHITE_QUANTILE` of the darkness of each patch's ink, (n,)."""
    sums = histograms(ink).cumsum(axis=1)
    return np.asarray((sums < np.ceil(WHITE_QUANTILE * sums[:, -1:])).sum(axis=1), np.int64)
