"""The typefaces that come with Matplotlib: with and without serifs, of one width, slanted."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from formreader.synth.strokes import Mask
from formreader.synth.typefaces import Typeface

_FACES = (
    ("DejaVuSans", "DejaVuSans-Bold"), ("DejaVuSans", "DejaVuSans-Bold"),
    ("DejaVuSans-Oblique", "DejaVuSans-BoldOblique"), ("DejaVuSansMono", "DejaVuSansMono-Bold"),
    ("DejaVuSerif", "DejaVuSerif-Bold"), ("DejaVuSerif-Italic", "DejaVuSerif-BoldItalic"),
    ("STIXGeneral", "STIXGeneralBol"), ("STIXGeneralItalic", "STIXGeneralBolIta"),
    ("cmr10", "cmb10"), ("cmss10", "cmss10"), ("cmtt10", "cmtt10"),
)  # fmt: skip
"""Names of the plain and the bold face."""

_HEIGHT_OF_CAPITALS = 0.73
"""Height of capitals as a share of a font's size."""


@dataclass(frozen=True, slots=True)
class TrueType(Typeface):
    """A typeface from a file, stretched a little; used as a `Typeface` of synth."""

    names: tuple[str, str] = field(default=_FACES[0])
    wide: float = 1.0
    apart: float = 0.0
    """Room between letters, as a share of the height of capitals."""

    @classmethod
    def sample(cls, rng: np.random.Generator) -> TrueType:
        """A random one."""
        names = _FACES[int(rng.integers(len(_FACES)))]
        apart = float(rng.uniform(0.1, 0.7)) if rng.random() < 0.15 else 0.0
        return cls(names=names, wide=float(np.clip(rng.normal(0.95, 0.12), 0.7, 1.25)), apart=apart)

    def mask(self, text: str, size: float, bold: bool) -> Mask:
        """See `Typeface.mask`: capitals are `size` px high."""
        font = _font(self.names[bold], max(round(size / _HEIGHT_OF_CAPITALS), 4))
        left, top, right, bottom = font.getbbox(text)
        room = self.apart * size
        right += room * (len(text) - 1)
        picture = Image.new("L", (max(int(right - left) + 2, 1), max(int(bottom - top) + 2, 1)), 0)
        pen, at = ImageDraw.Draw(picture), 1 - left
        for part in text if room else [text]:
            pen.text((at, 1 - top), part, fill=255, font=font)
            at += font.getlength(part) + room
        width = max(round(picture.width * self.wide), 1)
        ink = picture.resize((width, picture.height), Image.Resampling.BILINEAR)
        return np.asarray(ink, np.float32) / np.float32(255)


@lru_cache(maxsize=256)
def _font(name: str, size: int) -> Any:
    return ImageFont.truetype(
        str(Path(mpl.get_data_path()) / "fonts" / "ttf" / f"{name}.ttf"), size
    )
