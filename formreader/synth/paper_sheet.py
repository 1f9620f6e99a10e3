"""A sheet of white paper to print and write on, measured in millimetres."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.classes import Layer
from formreader.core.geometry import MM_PER_INCH, Point
from formreader.synth.strokes import SUBPIXEL_BITS, SUBPIXELS, Mask
from formreader.synth.typefaces import Typeface

_Pixel = TypeVar("_Pixel", bound=np.generic)
_Ink = TypeVar("_Ink", bound=np.generic)

Picture: TypeAlias = npt.NDArray[np.uint8]
"""(height, width, 3) uint8 RGB, or (height, width) uint8 grey."""

Colour: TypeAlias = tuple[int, int, int]
"""Red, green, blue in 0..255."""

Layers: TypeAlias = npt.NDArray[np.uint8]
"""(height, width, 4) uint8, the share of each pixel that each `Layer` covers, 0..255."""


BLACK: Colour = (25, 25, 25)
WHITE: Colour = (255, 255, 255)
"""Forms are printed in nearly black, on paper that is white until it is scanned."""

_PALEST_PRINT = 150
"""Brightest channel below which a filled area is print, not a tint."""


@dataclass(frozen=True, slots=True)
class Rect:
    """An upright rectangle in millimetres of the sheet."""

    x: float
    y: float
    w: float
    h: float

    @property
    def right(self) -> float:
        return self.x + self.w

    @property
    def bottom(self) -> float:
        return self.y + self.h

    def left_of_part(self, width: float, rng: np.random.Generator) -> float:
        """Where a part of this width begins that lies anywhere across it."""
        return self.x + float(rng.uniform(0, max(self.w - width, 0.0)))  # rounding may exceed it


class Sheet:
    """A sheet at a given resolution; all positions and lengths are millimetres.

    `image` is (height, width, 3) uint8 RGB; pixel centres lie at whole numbers. `planes`, one
    (height, width) uint8 for each `Layer`, tell what put the ink there. `typeface` is what text
    is set in.
    """

    def __init__(self, width: float, height: float, dpi: float) -> None:
        self.width, self.height, self.dpi = width, height, dpi
        self.scale = dpi / MM_PER_INCH
        shape = (round(height * self.scale), round(width * self.scale), 3)
        self.image: Picture = np.full(shape, 255, np.uint8)
        self.planes = [np.zeros(shape[:2], np.uint8) for _ in Layer]
        self.typeface = Typeface()

    def rule(
        self, start: Point, end: Point, width: float, colour: Colour, layer: Layer | None = None
    ) -> None:
        """Print a straight line; one thinner than a pixel is printed one pixel wide, but paler.

        It is ruled across or down by its direction, unless `layer` says otherwise.
        """
        pixels = width * self.scale
        if pixels < 1:
            colour = fade(colour, 1 - pixels)
        thickness = max(1, round(pixels))
        ends = self._fixed(*start), self._fixed(*end)
        if layer is None:
            across = abs(end[0] - start[0]) >= abs(end[1] - start[1])
            layer = Layer.RULED_ACROSS if across else Layer.RULED_DOWN
        plane = self.planes[layer]
        for image, shade in ((self.image, colour), (plane, (255,))):
            cv2.line(image, *ends, shade, thickness, cv2.LINE_AA, SUBPIXEL_BITS)

    def fill(self, rect: Rect, colour: Colour) -> None:
        """Print a filled rectangle. A pale one is a tint of the paper; a dark one is print."""
        left, top = self._fixed(rect.x, rect.y)
        right, bottom = self._fixed(rect.right, rect.bottom)
        corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.int32)
        cv2.fillPoly(self.image, [corners], colour, cv2.LINE_AA, SUBPIXEL_BITS)
        is_print = max(colour) < _PALEST_PRINT
        # What lies under a pale area is no longer there.
        for plane in [self.planes[Layer.PRINT]] if is_print else self.planes:
            cover = (255,) if is_print else (0,)
            cv2.fillPoly(plane, [corners], cover, cv2.LINE_AA, SUBPIXEL_BITS)

    def frame(self, rect: Rect, width: float, colour: Colour, radius: float = 0.0) -> None:
        """Print the outline of a rectangle, its corners rounded by `radius`."""
        if radius > 0:
            self._rounded(rect, width, colour, radius)
            return
        a, b = (rect.x, rect.y), (rect.right, rect.y)
        c, d = (rect.right, rect.bottom), (rect.x, rect.bottom)
        for start, end in ((a, b), (b, c), (c, d), (d, a)):
            self.rule(start, end, width, colour)

    def ellipse(
        self,
        x: float,
        y: float,
        rx: float,
        ry: float,
        width: float,
        colour: Colour,
        layer: Layer = Layer.PRINT,
    ) -> None:
        """Print an ellipse about (x, y); it is filled where `width` is 0."""
        axes = (round(rx * self.scale * SUBPIXELS), round(ry * self.scale * SUBPIXELS))
        thickness = max(1, round(width * self.scale)) if width else -1
        centre = self._fixed(x, y)
        for image, shade in ((self.image, colour), (self.planes[layer], (255,))):
            cv2.ellipse(
                image, centre, axes, 0, 0, 360, shade, thickness, cv2.LINE_AA, SUBPIXEL_BITS
            )

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size: float,
        *,
        colour: Colour = BLACK,
        bold: bool = False,
        stretch: float = 1.0,
        limit: float = np.inf,
    ) -> float:
        """Print a line of text with its top left at (x, y); returns its width.

        `size` is its height in mm. It is set narrower where it would be wider than `limit`.
        """
        pixels = max(size * self.scale, 4.0)
        mask = self.typeface.mask(text, pixels, bold)
        stretch = min(stretch, limit * self.scale / mask.shape[1])
        if stretch != 1:
            width = max(1, round(mask.shape[1] * stretch))
            narrow = cv2.resize(mask, (width, mask.shape[0]), interpolation=cv2.INTER_AREA)
            mask = narrow.astype(np.float32)
        left, top = round(x * self.scale), round(y * self.scale)
        window, cover = overlap(self.image, mask, left, top)
        shade = np.array(colour, np.float32)
        window[:] = np.rint(window + (shade - window) * cover[:, :, None]).astype(np.uint8)
        self.mark(Layer.PRINT, mask, left, top)
        return float(mask.shape[1] / self.scale)

    def stain(self, layer: Layer, mask: Mask, left: int, top: int, colour: Colour) -> None:
        """Darken the paper as translucent ink does; what sticks out is cut off.

        `left` and `top` are pixels, `mask` is (h, w).
        """
        window, cover = overlap(self.image, mask, left, top)
        absorbed = 1 - np.array(colour, np.float32) / np.float32(255)
        window[:] = np.rint(window * (1 - absorbed * cover[:, :, None])).astype(np.uint8)
        self.mark(layer, mask, left, top)

    def mark(self, layer: Layer, mask: Mask, left: int, top: int) -> None:
        """Note what put ink onto the paper; arguments as for `stain`."""
        plane, cover = overlap(self.planes[layer], mask, left, top)
        np.maximum(plane, np.rint(255 * np.clip(cover, 0, 1)).astype(np.uint8), out=plane)

    def corners(self, rect: Rect) -> npt.NDArray[np.float64]:
        """The corners of a rectangle in pixels, clockwise from the top left. (4, 2)."""
        xs, ys = (rect.x, rect.right), (rect.y, rect.bottom)
        corners = [(xs[0], ys[0]), (xs[1], ys[0]), (xs[1], ys[1]), (xs[0], ys[1])]
        return np.array(corners) * self.scale

    def _fixed(self, x: float, y: float) -> tuple[int, int]:
        """A position in subpixels, as OpenCV wants it."""
        return round(x * self.scale * SUBPIXELS), round(y * self.scale * SUBPIXELS)

    def _rounded(self, rect: Rect, width: float, colour: Colour, radius: float) -> None:
        turns = np.linspace(0, np.pi / 2, 6)
        arc = np.stack([1 - np.cos(turns), 1 - np.sin(turns)], axis=1) * radius
        left_top = arc + np.array([rect.x, rect.y])
        flipped = np.array([rect.x + rect.right, rect.y + rect.bottom]) - left_top
        outline = [
            left_top,
            np.stack([flipped[::-1, 0], left_top[::-1, 1]], axis=1),
            flipped,
            np.stack([left_top[::-1, 0], flipped[::-1, 1]], axis=1),
        ]
        dots = (np.concatenate(outline) * self.scale * SUBPIXELS).round().astype(np.int32)
        pixels = width * self.scale
        faded = fade(colour, 1 - pixels) if pixels < 1 else colour
        thickness = max(1, round(pixels))
        cv2.polylines(self.image, [dots], True, faded, thickness, cv2.LINE_AA, SUBPIXEL_BITS)
        sides = (Layer.RULED_ACROSS, Layer.RULED_DOWN, Layer.RULED_ACROSS, Layer.RULED_DOWN)
        for layer, first, following in zip(sides, range(0, 24, 6), range(6, 30, 6), strict=True):
            # A side with half of the corner before it and half of the one after it.
            path = np.take(dots, range(first + 3, following + 3), axis=0, mode="wrap")
            plane = self.planes[layer]
            cv2.polylines(plane, [path], False, (255,), thickness, cv2.LINE_AA, SUBPIXEL_BITS)


def fade(colour: Colour, share: float) -> Colour:
    """`colour` mixed with this share of white."""
    r, g, b = (round(c + (255 - c) * min(max(share, 0.0), 1.0)) for c in colour)
    return r, g, b


def overlap(
    image: npt.NDArray[_Pixel], mask: npt.NDArray[_Ink], left: int, top: int
) -> tuple[npt.NDArray[_Pixel], npt.NDArray[_Ink]]:
    """The part of the image below the mask, and the part of the mask on the image."""
    height, width = image.shape[:2]
    y0, x0 = max(0, -top), max(0, -left)
    y1, x1 = min(mask.shape[0], height - top), min(mask.shape[1], width - left)
    y1, x1 = max(y0, y1), max(x0, x1)
    return image[top + y0 : top + y1, left + x0 : left + x1], mask[y0:y1, x0:x1]
