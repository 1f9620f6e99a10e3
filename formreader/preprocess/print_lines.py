"""Cut pieces of text lines from a page, as input of the line network."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from formreader.preprocess.page_print import PagePrint, connected_parts

Pieces: TypeAlias = npt.NDArray[np.uint8]
"""(n, PIECE_HEIGHT, PIECE_WIDTH) uint8 darkness, 0 for paper and 255 for the darkest ink."""

PiecePlace: TypeAlias = tuple[int, int, int, int]
"""Left, top, right, bottom of a piece on its page, the last two exclusive; top may be below 0."""

PIECE_HEIGHT, PIECE_WIDTH = 24, 112
"""Size of a piece in pixels: a few letters, from above their ascenders to below their
descenders."""

MAX_PIECES = 96
"""Largest number of pieces of a page, chosen evenly. More add little. No record of a
measurement."""

_MAX_LETTER_GAP = 9
"""Largest gap between letters of one text line, in pixels at about 100 dpi: a blank in most
print."""

_MIN_LINE_HEIGHT, _MAX_LINE_HEIGHT = 6, 26
_MIN_LINE_LENGTH = 2.0
"""Range of the height of text lines, in pixels at about 100 dpi, and their least length in heights:
two letters."""

_PIECE_MARGIN = 0.2
"""Margin above and below a line, as a share of its height."""

_MIN_FULL_DARKNESS = 60.0
"""Least darkness of full ink in grey values, so that pale print stays pale."""


def cut_pieces(page: PagePrint) -> Pieces:
    """Cut pieces of the text lines on a page, at most `MAX_PIECES`, from the top down."""
    return draw_pieces(page, find_pieces(page))


def find_pieces(page: PagePrint) -> list[PiecePlace]:
    """The places of the pieces that `cut_pieces` cuts."""
    places = [place for line in _lines(page.mask) for place in _pieces_of(line)]
    if len(places) > MAX_PIECES:
        places = [places[i] for i in np.linspace(0, len(places) - 1, MAX_PIECES).astype(int)]
    return places


def draw_pieces(page: PagePrint, places: Sequence[PiecePlace]) -> Pieces:
    """Cut the pieces at these places of a page."""
    pieces = np.zeros((len(places), PIECE_HEIGHT, PIECE_WIDTH), np.uint8)
    for piece, (left, top, right, bottom) in zip(pieces, places, strict=True):
        part = page.even[max(top, 0) : bottom, left:right]
        wide = min(round(part.shape[1] * PIECE_HEIGHT / part.shape[0]), PIECE_WIDTH)
        shrinks = part.shape[0] > PIECE_HEIGHT
        method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        dark = 255 - cv2.resize(part, (max(wide, 1), PIECE_HEIGHT), interpolation=method)
        full = max(float(dark.max()), _MIN_FULL_DARKNESS)
        # Centred, so that only its letters tell which way up a piece is.
        at = (PIECE_WIDTH - dark.shape[1]) // 2
        piece[:, at : at + dark.shape[1]] = cv2.convertScaleAbs(dark, alpha=255 / full)
    return pieces


def _lines(letters: npt.NDArray[np.uint8]) -> npt.NDArray[np.int32]:
    """Left, top, width and height, (n, 4), of candidates for text lines."""
    joined = cv2.morphologyEx(letters, cv2.MORPH_CLOSE, np.ones((1, _MAX_LETTER_GAP), np.uint8))
    found = connected_parts(np.asarray(joined, np.uint8))[1][1:, : cv2.CC_STAT_HEIGHT + 1]
    width, height = found[:, cv2.CC_STAT_WIDTH], found[:, cv2.CC_STAT_HEIGHT]
    chosen = (height >= _MIN_LINE_HEIGHT) & (height <= _MAX_LINE_HEIGHT)
    return np.asarray(found[chosen & (width >= _MIN_LINE_LENGTH * height)], np.int32)


def _pieces_of(line: npt.NDArray[np.int32]) -> list[PiecePlace]:
    """Left, top, right and bottom of the pieces of a text line: equal parts, none too wide."""
    left, top, width, height = line.tolist()
    margin = max(round(_PIECE_MARGIN * height), 1)
    widest = (height + 2 * margin) * PIECE_WIDTH / PIECE_HEIGHT
    parts = int(np.ceil(width / widest))
    edges = np.linspace(left, left + width, parts + 1).round().astype(int).tolist()
    return [(a, top - margin, b, top + height + margin) for a, b in pairwise(edges)]
