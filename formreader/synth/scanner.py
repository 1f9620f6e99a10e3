"""The scan of a sheet: what scanners, fax machines, copiers and phones do to a page."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from formreader.synth import damage, optics
from formreader.synth.page_warp import Warp, photographed, resize, skewed, turn
from formreader.synth.paper_sheet import Colour, Layers, Picture
from formreader.synth.strokes import Points

FAX_DPI = (204.0, 196.0)
"""Resolution of a fax across and down the page (ITU-T T.4, fine)."""

_BLUR_DPI = 200
"""Resolution at which `Scan.blur` and `Scan.motion` are given."""

_MIN_BLUR_SIGMA = 0.3
"""Smallest standard deviation of the blur, px."""


@dataclass(frozen=True, slots=True)
class Scan:
    """How a sheet becomes an image. All effects are off by default and can be combined freely.

    The paper: `paper` is its colour; `bleed` and `through` the darkness of writing and of print
    that shows through from the other side; `watermark` that of a watermark; `contrast` the share
    of the print's contrast that is left; `holes`, `folds`, `stains`: see `damage`, 0..1.

    Its place: `skew` in degrees, counter-clockwise; `photo` is a photo of the sheet on a dark
    desk, or with `desk` on a textured one; `tilt`, `bend`: see `page_warp.photographed`;
    `curl`: see `page_warp.Warp`; at the end the image is turned
    counter-clockwise by `quarters` times 90 degrees.

    The machine: `blur` is the standard deviation of a Gaussian and `motion` the path of a moved
    camera, both in px at 200 dpi; `detail` the share of the resolution that is left; `shade` and
    `strips` the strength of uneven light and of shadows with an edge, 0..1; `noise` a standard
    deviation in grey levels; `dirt`, `streaks`, `edges`: see `damage`, 0..1.

    The file: `grey` loses the colours; `dither` is the side of the pattern of dots that stands
    for grey levels, 0 for none; `kept`: see `optics.broken`, 0 for no threshold; `fax` makes it
    one bit a pixel at 204 x 196 dpi; `jpeg` is a quality of 1..100, 0 for no compression.
    """

    paper: Colour = (253, 253, 251)
    skew: float = 0.0
    photo: bool = False
    tilt: float = 0.0
    bend: float = 0.0
    shade: float = 0.0
    blur: float = 0.0
    noise: float = 0.0
    contrast: float = 1.0
    fax: bool = False
    dirt: float = 0.0
    streaks: float = 0.0
    edges: float = 0.0
    holes: float = 0.0
    folds: float = 0.0
    bleed: float = 0.0
    watermark: float = 0.0
    jpeg: int = 0
    quarters: int = 0
    grey: bool = True
    curl: float = 0.0
    desk: bool = False
    stains: float = 0.0
    through: float = 0.0
    strips: float = 0.0
    motion: float = 0.0
    detail: float = 1.0
    dither: int = 0
    kept: float = 0.0

    def apply(
        self,
        image: Picture,
        points: Points,
        dpi: float,
        rng: np.random.Generator,
        layers: Layers | None = None,
        corners: int | None = None,
    ) -> tuple[Picture, Points, Layers | None]:
        """Scan a sheet, (h, w, 3) RGB on white paper.

        Points on it, (n, 2), and what is on it, `layers`, are moved likewise. The first `corners`
        of the points, all if None, are those of boxes, whose lines `kept` keeps.
        """
        if self.grey:
            image = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.uint8)
        image = self._wear(_tint(image, self.paper), dpi, rng)
        image, points, layers = self._place(image, points, layers, rng)
        image = self._sense(image, dpi, rng)
        if self.dither:
            image = optics.dither(image, self.dither)
        if self.kept:
            image = optics.broken(image, points[:corners], self.kept, rng)
        if self.fax:
            unscaled = points
            image, points = resize(image, unscaled, FAX_DPI[0] / dpi, FAX_DPI[1] / dpi)
            if layers is not None:
                layers, _ = resize(layers, unscaled, FAX_DPI[0] / dpi, FAX_DPI[1] / dpi)
            image = damage.one_bit(image, rng)
        if self.jpeg:
            image = _jpeg(image, self.jpeg)
        if layers is not None:
            layers, _ = turn(layers, points, self.quarters)
        return *turn(image, points, self.quarters), layers

    def _wear(self, image: Picture, dpi: float, rng: np.random.Generator) -> Picture:
        """Add what has happened to the paper itself."""
        if self.bleed:
            image = damage.bleed_through(image, self.bleed, dpi, rng)
        if self.watermark:
            image = damage.watermark(image, self.watermark, dpi, rng)
        if self.contrast < 1:
            image = damage.pale(image, self.contrast)
        if self.holes:
            image = damage.punch_holes(image, dpi)
        if self.folds:
            image = damage.folds(image, self.folds, rng)
        if self.through:
            image = damage.show_through(image, self.through, rng)
        if self.stains:
            image = damage.stains(image, self.stains, dpi, rng)
        return image

    def _place(
        self, image: Picture, points: Points, layers: Layers | None, rng: np.random.Generator
    ) -> tuple[Picture, Points, Layers | None]:
        h, w = image.shape[:2]
        if self.photo:
            warp = photographed(w, h, self.tilt, self.bend, self.skew, rng)
            warp = replace(warp, curl=self.curl)
            level = int(rng.integers(30, 110))
            desk = (level + 8, level, max(0, level - 12))
            image = self._on_desk(warp, image, desk, rng)
        elif self.skew:
            warp = skewed(w, h, self.skew)
            image = warp.image(image, self.paper)
        else:
            return image, points, layers
        if layers is not None:
            layers = warp.image(layers, (0, 0, 0))
        return image, warp.points(points), layers

    def _on_desk(
        self, warp: Warp, image: Picture, colour: Colour, rng: np.random.Generator
    ) -> Picture:
        """The warped sheet on a desk of this colour, or on a textured one."""
        photo = warp.image(image, colour)
        if not self.desk:
            return photo
        texture = damage.desk(warp.size, rng)
        surroundings = optics.to_grey(texture) if image.ndim == 2 else texture
        sheet = warp.image(np.full(image.shape[:2], 255, np.uint8), (0, 0, 0)) > 127
        return np.where(sheet if image.ndim == 2 else sheet[:, :, None], photo, surroundings)

    def _sense(self, image: Picture, dpi: float, rng: np.random.Generator) -> Picture:
        """Add what the machine's light, lens, sensor and glass do."""
        if self.blur:
            image = cv2.GaussianBlur(
                image, (0, 0), max(_MIN_BLUR_SIGMA, self.blur * dpi / _BLUR_DPI)
            ).astype(np.uint8)
        if self.motion:
            image = optics.motion_blur(image, self.motion * dpi / _BLUR_DPI, rng)
        if self.detail < 1:
            image = optics.low_resolution(image, self.detail)
        if self.shade:
            image = damage.shade(image, self.shade, rng)
        if self.strips:
            image = damage.strips(image, self.strips, rng)
        if self.streaks:
            image = damage.streaks(image, self.streaks, rng)
        if self.noise:
            image = damage.noise(image, self.noise, rng)
        if self.dirt:
            image = damage.dirt(image, self.dirt, dpi, rng)
        if self.edges:
            image = damage.black_edges(image, self.edges, rng)
        return image


def _tint(image: Picture, paper: Colour) -> Picture:
    """Put the print of white paper onto paper of a colour."""
    ramp = np.arange(256, dtype=np.float32)[:, None] / np.float32(255)
    if image.ndim == 2:
        level = float(cv2.cvtColor(np.array([[paper]], np.uint8), cv2.COLOR_RGB2GRAY)[0, 0])
        table = np.rint(ramp * level).astype(np.uint8)
    else:
        table = np.rint(ramp * np.array(paper, np.float32)).astype(np.uint8)[:, None, :]
    return cv2.LUT(image, table).astype(np.uint8)


def _jpeg(image: Picture, quality: int) -> Picture:
    """The image after JPEG compression."""
    stored = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    data = cv2.imencode(".jpg", stored, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    back = np.asarray(cv2.imdecode(data, cv2.IMREAD_UNCHANGED), np.uint8)
    return (back if image.ndim == 2 else cv2.cvtColor(back, cv2.COLOR_BGR2RGB)).astype(np.uint8)
