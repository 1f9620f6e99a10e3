"""Printed text: words, and the faces that come with Pillow and OpenCV, the same on any machine.

The words are of several languages, in plain Latin letters for these faces.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal, TypeAlias, get_args

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from formreader.synth.strokes import Mask

Family: TypeAlias = Literal["plain", "hershey", "printer"]
"""Pillow's scalable face, one of OpenCV's Hershey faces, Pillow's bitmap face."""
FAMILIES: tuple[Family, ...] = get_args(Family)

_HERSHEY_FACES = (0, 2, 3, 4, 6, 7)
"""OpenCV's numbers of its Hershey faces; 1 and 5 are smaller cuts of others."""

_HERSHEY_EM = 30.0
"""A Hershey face at scale 1 looks as large as Pillow's face at this size in px; chosen by eye."""

_BITMAP_EM = 11
"""Height of Pillow's bitmap face from ascender to descender, px."""

_MIN_WIDE_SPACING = 0.1
"""From this `Typeface.spacing` on, the faces that are not "plain" are set with blanks between
letters; they cannot be spaced otherwise."""

_WORDS = tomllib.loads(Path(__file__).with_name("words.toml").read_text(encoding="utf-8"))

LABELS, TITLES, NOTES, _ONSETS, _NUCLEI, _CODAS = (
    tuple(map(str, _WORDS[name]))
    for name in ("labels", "titles", "notes", "onsets", "nuclei", "codas")
)
"""Labels of fields, titles of forms, notes to who fills them in; parts of made-up syllables."""


@dataclass(frozen=True, slots=True)
class Typeface:
    """A face and how it is set.

    `face`: number of the Hershey face. `spacing`: extra room between letters, as a share of
    the size. `slant`: shift to the right over the height, in heights. `stretch`: width as a
    share of the face's own. `weight`: strokes are thickened by this share of the size on each
    side. `capitals`: all letters are capitals.
    """

    family: Family = "plain"
    face: int = 0
    spacing: float = 0.0
    slant: float = 0.0
    stretch: float = 1.0
    weight: float = 0.0
    capitals: bool = False

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Typeface:
        """A random typeface."""
        family = FAMILIES[int(rng.choice(len(FAMILIES), p=(0.5, 0.42, 0.08)))]
        return cls(
            family,
            _HERSHEY_FACES[int(rng.integers(len(_HERSHEY_FACES)))],
            float(rng.uniform(0.02, 0.2)) if rng.random() < 0.2 else 0.0,
            float(rng.uniform(0.1, 0.25)) if rng.random() < 0.12 else 0.0,
            float(rng.uniform(0.75, 1.25)) if rng.random() < 0.4 else 1.0,
            0.02 if rng.random() < 0.2 else 0.0,
            bool(rng.random() < 0.12),
        )

    def mask(self, text: str, size: float, bold: bool) -> Mask:
        """A line of text of `size` px, its ascenders at the top; (h, w)."""
        text = text.upper() if self.capitals else text
        stroke = size * self.weight + (size / 28 if bold else 0.0)
        if self.family == "plain":
            line = plain_mask(text, round(size, 1), stroke, self.spacing * size)
        else:
            spaced = text if self.spacing < _MIN_WIDE_SPACING else " ".join(text)
            draw = _hershey_mask if self.family == "hershey" else _printer_mask
            line = _embolden(draw(spaced, size, self.face), stroke)
        return _shaped(line, self.stretch, self.slant)


def plain_mask(text: str, size: float, stroke: float, spacing: float = 0.0) -> Mask:
    """Text in Pillow's scalable face; its strokes are thickened by `stroke` px on each side."""
    font, pad = _font(size), int(np.ceil(stroke))
    probe = ImageDraw.Draw(Image.new("L", (1, 1)))
    extra = 1.6 * stroke + spacing
    width = sum(probe.textlength(letter, font=font) + extra for letter in text)
    image = Image.new("L", (max(1, int(np.ceil(width)) + 2 * pad), int(size * 1.3) + 2 * pad), 0)
    draw, x = ImageDraw.Draw(image), float(pad)
    # Pillow's face has no bold cut, and Pillow sets letters with an outline too close together.
    for part in text if extra else [text]:
        draw.text((x, pad), part, fill=255, font=font, stroke_width=stroke)
        x += probe.textlength(part, font=font) + extra
    return np.asarray(image, np.float32) / np.float32(255)


@lru_cache(maxsize=64)
def _font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _hershey_mask(text: str, size: float, face: int) -> Mask:
    scale = size / _HERSHEY_EM
    (width, _), _ = cv2.getTextSize(text, face, scale, 1)
    image = np.zeros((int(size * 1.3) + 1, max(1, width + 3)), np.uint8)
    cv2.putText(image, text, (1, round(size * 0.85)), face, scale, 255, 1, cv2.LINE_AA)
    return image.astype(np.float32) / np.float32(255)


def _printer_mask(text: str, size: float, _face: int) -> Mask:
    font = ImageFont.load_default_imagefont()
    plain = text.encode("ascii", "replace").decode("ascii")
    left, _, right, bottom = font.getbbox(plain)
    image = Image.new("L", (max(1, int(right - left)), max(1, int(bottom))), 0)
    ImageDraw.Draw(image).text((0, 0), plain, fill=255, font=font)
    scale = size / _BITMAP_EM
    shape = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    dots = cv2.resize(np.asarray(image, np.float32), shape, interpolation=interpolation)
    return np.asarray(dots / np.float32(255), np.float32)


def _embolden(mask: Mask, stroke: float) -> Mask:
    """Thicken strokes by `stroke` px on each side, which may be less than a pixel."""
    if stroke <= 0:
        return mask
    diameter = 1 + 2 * int(np.ceil(stroke))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (diameter, diameter))
    share = np.float32(stroke / np.ceil(stroke))
    return np.asarray(mask * (1 - share) + cv2.dilate(mask, disc) * share, np.float32)


def _shaped(mask: Mask, stretch: float, slant: float) -> Mask:
    """A line of text made wider or narrower, and slanted."""
    if stretch == 1 and not slant:
        return mask
    height, width = mask.shape
    size = (max(1, round(width * stretch + slant * height)), height)
    matrix = np.array([[stretch, -slant, slant * height], [0, 1, 0]], np.float64)
    return np.asarray(cv2.warpAffine(mask, matrix, size), np.float32)


def pick(choices: tuple[str, ...], rng: np.random.Generator) -> str:
    """One of the choices."""
    return choices[int(rng.integers(len(choices)))]


def filler(n: int, rng: np.random.Generator) -> str:
    """A sentence of `n` random words."""
    return " ".join(rng.choice(_WORDS["filler"].split(), n).tolist()).capitalize() + "."


def made_up(rng: np.random.Generator) -> str:
    """A made-up word of one to four syllables."""
    parts = []
    for _ in range(int(rng.integers(1, 5))):
        parts += [pick(_ONSETS, rng), pick(_NUCLEI, rng), pick(_CODAS, rng)]
    return "".join(parts)


def caption(rng: np.random.Generator) -> str:
    """A label of a field, a column or a row, sometimes numbered."""
    name = pick(LABELS, rng)
    if rng.random() < 0.3:
        name = " ".join(made_up(rng) for _ in range(int(rng.integers(1, 4)))).capitalize()
    kind = rng.random()
    if kind < 0.1:
        return f"{int(rng.integers(1, 30))}. {name}"
    if kind < 0.15:
        return f"{name} ({made_up(rng)})"
    if kind < 0.25:
        return name.upper()
    return name + (":" if kind > 0.8 else "")


def prose(n: int, rng: np.random.Generator) -> str:
    """A sentence of `n` words, some of them made up, some numbers."""
    words = filler(n, rng).rstrip(".").split()
    for i in range(1, len(words)):
        kind = rng.random()
        if kind < 0.25:
            words[i] = made_up(rng)
        elif kind < 0.3:
            words[i] = str(rng.integers(10 ** int(rng.integers(1, 5))))
    return " ".join(words) + "."
