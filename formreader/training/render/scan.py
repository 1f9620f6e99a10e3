"""What scanners, fax machines, copiers and phones do to a page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import cv2
import numpy as np

from formreader.training.render import damage
from formreader.training.render.geometry import photographed, resize, skewed, turn
from formreader.training.render.page import Colour, Picture
from formreader.training.render.strokes import Points

Kind: TypeAlias = Literal[
    "clean", "skew", "fax", "photo", "faint", "noisy", "colour", "bleed", "watermark", "turned",
    "lowjpeg",
]  # fmt: skip
KINDS: tuple[Kind, ...] = get_args(Kind)

FAX_DPI = (204.0, 196.0)
"""Across and down the page (ITU-T T.4, fine)."""

_PAPERS: tuple[Colour, ...] = (
    (252, 236, 170), (206, 232, 250), (214, 240, 204), (250, 214, 218), (240, 228, 205),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scan:
    """How a sheet became an image. All effects default to none and compose freely.

    `skew`: degrees, counter-clockwise. `tilt`, `bend`: see `geometry.photographed`; `photo`
    puts the sheet on a dark desk under uneven light of strength `shade`. `blur`: Gaussian, px
    at 200 dpi. `noise`: standard deviation in grey levels. `contrast`: share that is left.
    `fax`: one bit a pixel at 204 x 196 dpi. `dirt`, `streaks`, `edges`, `holes`, `folds`: see
    `damage`, 0..1. `bleed`: darkness of the other side's writing. `watermark`: darkness of one.
    `jpeg`: quality 1..100, 0 for none. `quarters`: turned counter-clockwise by 90 degrees
    each. `grey`: colours are lost.
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

    @classmethod
    def sample(cls, kind: Kind, rng: np.random.Generator) -> Scan:
        """A random scan of this kind."""
        noise, jpeg = float(rng.uniform(0.8, 2.5)), int(rng.integers(70, 95))
        skew = float(rng.uniform(-0.4, 0.4))
        if kind == "skew":
            skew = float(rng.choice([-1, 1]) * rng.uniform(1, 5))
            return cls(skew=skew, noise=noise, blur=0.5)
        if kind == "fax":
            return cls(skew=float(rng.uniform(-1.2, 1.2)), fax=True, noise=9, dirt=0.15, blur=0.7)
        if kind == "photo":
            return cls(
                skew=float(rng.uniform(-3, 3)), photo=True, tilt=float(rng.uniform(0.01, 0.06)),
                bend=float(rng.uniform(-0.012, 0.012)), shade=float(rng.uniform(0.25, 0.6)),
                blur=float(rng.uniform(0.5, 1.1)), noise=float(rng.uniform(2, 6)), jpeg=jpeg,
                grey=False,
            )  # fmt: skip
        if kind == "faint":
            return cls(skew=skew, noise=noise, blur=0.5, contrast=float(rng.uniform(0.5, 0.8)))
        if kind == "noisy":
            return cls(
                skew=float(rng.uniform(-1.5, 1.5)), noise=float(rng.uniform(5, 12)),
                dirt=float(rng.uniform(0.3, 1)), streaks=float(rng.uniform(0, 1)),
                edges=float(rng.uniform(0, 1)), holes=float(rng.integers(2)),
                folds=float(rng.uniform(0, 1)), blur=0.6, jpeg=jpeg,
            )  # fmt: skip
        if kind == "colour":
            paper = _PAPERS[int(rng.integers(len(_PAPERS)))]
            return cls(paper=paper, skew=skew, noise=noise, blur=0.5, jpeg=jpeg, grey=False)
        if kind == "bleed":
            return cls(skew=skew, noise=noise, blur=0.5, bleed=float(rng.uniform(0.1, 0.3)))
        if kind == "watermark":
            dark = float(rng.uniform(0.1, 0.22))
            return cls(skew=skew, noise=noise, blur=0.5, watermark=dark, jpeg=jpeg)
        if kind == "turned":
            quarters = int(rng.integers(1, 4))
            return cls(skew=skew, noise=noise, blur=0.5, quarters=quarters)
        if kind == "lowjpeg":
            return cls(skew=skew, blur=0.7, noise=noise, jpeg=int(rng.integers(12, 35)), grey=False)
        return cls(noise=min(noise, 1.5))

    def apply(
        self, image: Picture, points: Points, dpi: float, rng: np.random.Generator
    ) -> tuple[Picture, Points]:
        """Scan a sheet, (h, w, 3) RGB on white paper, and map points on it, (n, 2), along."""
        if self.grey:
            image = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.uint8)
        image = self._wear(_tint(image, self.paper), dpi, rng)
        image, points = self._place(image, points, rng)
        image = self._sense(image, dpi, rng)
        if self.fax:
            image, points = resize(image, points, FAX_DPI[0] / dpi, FAX_DPI[1] / dpi)
            image = damage.one_bit(image, rng)
        if self.jpeg:
            image = _jpeg(image, self.jpeg)
        return turn(image, points, self.quarters)

    def _wear(self, image: Picture, dpi: float, rng: np.random.Generator) -> Picture:
        """What has happened to the paper itself."""
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
        return image

    def _place(
        self, image: Picture, points: Points, rng: np.random.Generator
    ) -> tuple[Picture, Points]:
        h, w = image.shape[:2]
        if self.photo:
            warp = photographed(w, h, self.tilt, self.bend, self.skew, rng)
            level = int(rng.integers(30, 110))
            desk = (level + 8, level, max(0, level - 12))
            return warp.image(image, desk), warp.points(points)
        if self.skew:
            warp = skewed(w, h, self.skew)
            return warp.image(image, self.paper), warp.points(points)
        return image, points

    def _sense(self, image: Picture, dpi: float, rng: np.random.Generator) -> Picture:
        """Light, lens, sensor and glass of the machine."""
        if self.blur:
            image = cv2.GaussianBlur(image, (0, 0), max(0.3, self.blur * dpi / 200)).astype(
                np.uint8
            )
        if self.shade:
            image = damage.shade(image, self.shade, rng)
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
    ramp = np.arange(256, dtype=np.float32)[:, None] / np.float32(255)
    if image.ndim == 2:
        level = float(cv2.cvtColor(np.array([[paper]], np.uint8), cv2.COLOR_RGB2GRAY)[0, 0])
        table = np.rint(ramp * level).astype(np.uint8)
    else:
        table = np.rint(ramp * np.array(paper, np.float32)).astype(np.uint8)[:, None, :]
    return cv2.LUT(image, table).astype(np.uint8)


def _jpeg(image: Picture, quality: int) -> Picture:
    stored = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    data = cv2.imencode(".jpg", stored, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    back = np.asarray(cv2.imdecode(data, cv2.IMREAD_UNCHANGED), np.uint8)
    return (back if image.ndim == 2 else cv2.cvtColor(back, cv2.COLOR_BGR2RGB)).astype(np.uint8)
