"""Pieces of print to train the line network on: of rendered pages, and of further typefaces.

There is no record of a measurement for the ranges below; they were chosen by eye.
"""

from __future__ import annotations

from functools import cache, lru_cache
from pathlib import Path

import cv2
import matplotlib as mpl
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from box_network.box_pages import render_page
from formreader.core.records import GreyImage
from formreader.preprocess.illumination import even_illumination
from formreader.preprocess.page_print import find_print
from formreader.preprocess.print_lines import Pieces, cut_pieces
from formreader.synth.typefaces import caption, prose

_FACES = (
    "DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSansMono", "DejaVuSansMono-Bold",
    "DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSerif-Italic", "STIXGeneral", "STIXGeneralBol",
    "STIXGeneralItalic", "STIXGeneralBolIta", "cmr10", "cmss10", "cmtt10", "cmb10",
)  # fmt: skip
"""Typefaces that come with Matplotlib: with and without serifs, of one width, slanted."""

_SHEET_HEIGHT, _SHEET_WIDTH = 300, 420
"""Sides of a sheet in pixels, at about 100 dpi."""
_SHARPNESS = 3
"""Sheets are drawn so many times larger and then reduced, as scans are."""


def page_pieces(seed: int, *, held_back: bool = False) -> Pieces:
    """The pieces of print of a rendered page, which is upright."""
    return cut_pieces(find_print(render_page(seed, held_back=held_back).image))


def sheet_pieces(seed: int) -> Pieces:
    """The pieces of a sheet with lines in a random typeface, upright."""
    return cut_pieces(find_print(_sheet(np.random.default_rng(seed))))


def _sheet(rng: np.random.Generator) -> GreyImage:
    """A sheet of lines in one typeface, as a scanner sees it."""
    height = float(rng.uniform(8, 19))
    font = _font(_FACES[int(rng.integers(len(_FACES)))], round(height * _SHARPNESS))
    size = (_SHEET_WIDTH * _SHARPNESS, _SHEET_HEIGHT * _SHARPNESS)
    ink, paper = int(rng.uniform(0, 110)), int(rng.uniform(200, 256))
    image = Image.new("L", size, paper)
    draw, y = ImageDraw.Draw(image), float(rng.uniform(5, 30))
    while y < size[1] - 2 * height * _SHARPNESS:
        text = caption(rng) if rng.random() < 0.6 else prose(int(rng.integers(3, 9)), rng)
        if rng.random() < 0.2:
            text = text.upper()
        draw.text((float(rng.uniform(5, size[0] / 3)), y), text, fill=ink, font=font)
        y += height * _SHARPNESS * float(rng.uniform(1.4, 2.6))
    return _scanned(np.asarray(image, np.uint8), rng)


def _scanned(sheet: GreyImage, rng: np.random.Generator) -> GreyImage:
    """The sheet a little turned, blurred and noisy, or as a fax, with its light evened."""
    rows, columns = sheet.shape
    turn = cv2.getRotationMatrix2D((columns / 2, rows / 2), float(rng.normal(0, 0.6)), 1.0)
    turned = cv2.warpAffine(sheet, turn, (columns, rows), borderMode=cv2.BORDER_REPLICATE)
    blurred = cv2.GaussianBlur(turned, (0, 0), float(rng.uniform(0.3, 2.6)))
    size = (_SHEET_WIDTH, _SHEET_HEIGHT)
    small = np.asarray(cv2.resize(blurred, size, interpolation=cv2.INTER_AREA), np.float32)
    noise = rng.normal(0, float(rng.uniform(0, 12)), small.shape)
    grey = np.asarray(np.clip(small + noise, 0, 255), np.uint8)
    if rng.random() < 0.2:
        level = float(rng.uniform(110, 190))
        grey = np.asarray(cv2.threshold(grey, level, 255, cv2.THRESH_BINARY)[1], np.uint8)
    return even_illumination(grey)


@lru_cache(maxsize=256)
def _font(face: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(_font_folder() / f"{face}.ttf"), size)


@cache
def _font_folder() -> Path:
    return Path(mpl.get_data_path()) / "fonts" / "ttf"
