"""Single effects of wear, copying, bad light and surroundings on an image.

No pixel changes its place.

Every function takes and returns a grey (h, w) or RGB (h, w, 3) uint8 image.
"""

from __future__ import annotations

import cv2
import numpy as np

from formreader.core.geometry import MM_PER_INCH
from formreader.synth.optics import Layer, to_grey
from formreader.synth.paper_sheet import Colour, Picture, Sheet, overlap
from formreader.synth.strokes import Hand, draw_strokes


def pale(image: Picture, contrast: float) -> Picture:
    """Fade everything towards the paper; `contrast` is the share that is left, 0..1."""
    paper = np.median(image.reshape(-1, image.shape[2] if image.ndim == 3 else 1)[::97], axis=0)
    ramp = np.arange(256, dtype=np.float32)[:, None]
    table = np.clip(paper + (ramp - paper) * contrast, 0, 255).round().astype(np.uint8)
    return cv2.LUT(image, table if image.ndim == 2 else table[:, None, :]).astype(np.uint8)


def noise(image: Picture, deviation: float, rng: np.random.Generator) -> Picture:
    """Sensor noise, the same in all channels, with a little of the paper's grain."""
    h, w = image.shape[:2]
    grain = rng.standard_normal((h, w), dtype=np.float32) * np.float32(deviation)
    coarse = rng.standard_normal((h // 3 + 1, w // 3 + 1), dtype=np.float32)
    grain += cv2.resize(coarse, (w, h)) * np.float32(0.5 * deviation)
    layer = grain if image.ndim == 2 else cv2.merge([grain] * 3)
    return cv2.add(image, layer, dtype=cv2.CV_8U).astype(np.uint8)


def shade(image: Picture, strength: float, rng: np.random.Generator) -> Picture:
    """Light from one side, darker corners, and the soft shadow of a hand or a phone."""
    ys, xs = np.mgrid[0:1:64j, 0:1:64j].astype(np.float32)
    angle = rng.uniform(0, 2 * np.pi)
    slope = (xs - 0.5) * np.cos(angle) + (ys - 0.5) * np.sin(angle)
    corners = ((xs - 0.5) ** 2 + (ys - 0.5) ** 2) * 0.8
    distance = (xs - rng.uniform(0, 1)) * np.cos(angle + 1) + (ys - rng.uniform(0, 1))
    shadow = 0.35 / (1 + np.exp(-distance * rng.uniform(15, 45)))
    light = 1 - strength * (0.45 + 0.6 * slope + corners + shadow)
    light = np.clip(light, 0.15, 1.05).astype(np.float32)
    full = cv2.resize(light, image.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    layer = full if image.ndim == 2 else cv2.merge([full] * 3)
    return cv2.multiply(image, layer, dtype=cv2.CV_8U).astype(np.uint8)


def one_bit(image: Picture, rng: np.random.Generator) -> Picture:
    """One bit a pixel as from a fax, grey 0/255; edges are ragged, thin lines have gaps."""
    grey = to_grey(image)
    paper = float(np.median(grey[::7, ::7]))
    h, w = grey.shape
    ragged = rng.standard_normal((h, w), dtype=np.float32)
    ragged = cv2.GaussianBlur(ragged, (0, 0), 0.9) * np.float32(26)
    weak = cv2.resize(rng.standard_normal((h // 40 + 2, w // 40 + 2), dtype=np.float32), (w, h))
    level = paper * 0.72 - np.clip(weak - 1.3, 0, 1) * 60
    bits = np.where(grey + ragged > level, 255, 0).astype(np.uint8)
    for row in rng.integers(1, h, int(rng.integers(0, 4))):
        bits[row] = bits[row - 1]
    return bits


def dirt(image: Picture, amount: float, dpi: float, rng: np.random.Generator) -> Picture:
    """Dark and bright specks all over the page, and some larger dark spots."""
    image = image.copy()
    h, w = image.shape[:2]
    for value, density in ((25, 1.0), (250, 0.6)):
        n = int(h * w * 2.5e-4 * amount * density)
        ys, xs = rng.integers(0, h, n), rng.integers(0, w, n)
        image[ys, xs] = value
        larger = rng.random(n) < 0.3
        image[np.minimum(ys[larger] + 1, h - 1), xs[larger]] = value
    for _ in range(int(rng.integers(0, 1 + round(25 * amount)))):
        x, y = int(rng.integers(w)), int(rng.integers(h))
        radius = max(1, round(rng.uniform(0.1, 0.35) * dpi / MM_PER_INCH))
        cv2.circle(image, (x, y), radius, (60, 60, 60), -1, cv2.LINE_AA)
    return image


def streaks(image: Picture, amount: float, rng: np.random.Generator) -> Picture:
    """Vertical lines from dirt on the glass of a sheet feeder."""
    image = image.copy()
    w = image.shape[1]
    for _ in range(round(4 * amount)):
        x, drop = int(rng.integers(w)), int(rng.integers(25, 110))
        strip = image[:, x : x + int(rng.integers(1, 3))]
        strip[:] = np.where(strip > drop, strip - np.uint8(drop), 0)
    return image


def black_edges(image: Picture, amount: float, rng: np.random.Generator) -> Picture:
    """Dark bars along the edges, as from a copier whose lid stood open."""
    image = image.copy()
    h, w = image.shape[:2]
    widths = [round(float(x) * amount * 0.02 * w) for x in rng.random(4)]
    image[: widths[0]] = 20
    image[:, : widths[1]] = 20
    image[h - widths[2] :] = 20
    image[:, w - widths[3] :] = 20
    return image


def punch_holes(image: Picture, dpi: float) -> Picture:
    """Two punched holes at the left edge (ISO 838: 80 mm apart) and a staple, in the margin."""
    image = image.copy()
    mm, (h, w) = dpi / MM_PER_INCH, image.shape[:2]
    left, radius = min(8 * mm, 0.032 * w), min(3 * mm, 0.022 * w)
    for offset in (-40, 40):
        centre = (round(left), round(h / 2 + offset * mm))
        cv2.circle(image, centre, round(radius), (35, 35, 35), -1, cv2.LINE_AA)
    start, end = (round(6 * mm), round(9 * mm)), (round(14 * mm), round(5 * mm))
    cv2.line(image, start, end, (70, 70, 70), max(1, round(0.6 * mm)), cv2.LINE_AA)
    return image


def folds(image: Picture, amount: float, rng: np.random.Generator) -> Picture:
    """Creases across the page: a dark edge beside a light one."""
    h, w = image.shape[:2]
    drop = np.zeros((h, w), np.uint8)
    for share in (1 / 3, 2 / 3) if amount > 0.5 else (0.5,):
        y = round(h * (share + float(rng.normal(0, 0.01))))
        slope = round(float(rng.normal(0, 0.004)) * w)
        cv2.line(drop, (0, y), (w, y + slope), 70, 2, cv2.LINE_AA)
    drop = cv2.GaussianBlur(drop, (0, 0), 1.0).astype(np.uint8)
    layer = drop if image.ndim == 2 else cv2.merge([drop] * 3)
    return cv2.subtract(image, layer).astype(np.uint8)


def bleed_through(image: Picture, darkness: float, dpi: float, rng: np.random.Generator) -> Picture:
    """Writing on the other side that shows through: mirrored, blurred and pale."""
    h, w = image.shape[:2]
    other = np.zeros((h, w), np.float32)
    hand, size = Hand.sample(rng), 7 * dpi / MM_PER_INCH
    pen = hand.width_mm * dpi / MM_PER_INCH
    for y in np.arange(size, h - 2 * size, size * float(rng.uniform(2, 3.2))):
        for x in np.arange(size * 2, w - 3 * size, size * 0.9):
            if rng.random() < 0.7:
                symbol = hand.symbol("0123456789amnrteA"[rng.integers(17)], rng)
                ink = draw_strokes(symbol, size, 1, pen)
                window, cover = overlap(other, ink, round(x), round(float(y)))
                np.maximum(window, cover, out=window)
    mirrored = cv2.GaussianBlur(cv2.flip(other, 1), (0, 0), 0.006 * dpi)
    factor = np.float32(1) - np.float32(darkness) * np.minimum(mirrored, np.float32(1))
    layer = factor if image.ndim == 2 else cv2.merge([factor] * 3)
    return cv2.multiply(image, layer, dtype=cv2.CV_8U).astype(np.uint8)


def watermark(image: Picture, darkness: float, dpi: float, rng: np.random.Generator) -> Picture:
    """Large pale words and rings all over the page, below the print."""
    h, w = image.shape[:2]
    mm = MM_PER_INCH / dpi
    sheet = Sheet(w * mm, h * mm, dpi)
    level = round(255 * (1 - darkness))
    colour: Colour = (level, level, level)
    word = ("KOPIE", "COPY", "ORIGINAL", "MUSTER", "SPECIMEN")[int(rng.integers(5))]
    step = float(rng.uniform(28, 45))
    for i, y in enumerate(np.arange(4, sheet.height, step)):
        for x in np.arange(-step * (i % 2), sheet.width, step * 2.2):
            sheet.text(float(x), float(y), word, step * 0.28, colour=colour, bold=True)
            sheet.ellipse(float(x) + step * 1.5, float(y), step * 0.4, step * 0.4, 2.0, colour)
    layer = sheet.image[:h, :w, 0] if image.ndim == 2 else sheet.image[:h, :w]
    return np.minimum(image, layer) if layer.shape == image.shape else image


def stains(image: Picture, amount: float, dpi: float, rng: np.random.Generator) -> Picture:
    """Rings and spots, as of cups and fingers, pale enough to read through. `amount`: 0..1."""
    h, w = image.shape[:2]
    mm, darkening = dpi / MM_PER_INCH, np.zeros((h, w), np.float32)
    for _ in range(1 + round(4 * amount)):
        centre = (int(rng.integers(w)), int(rng.integers(h)))
        radius, depth = float(rng.uniform(2, 40)) * mm, float(rng.uniform(0.05, 0.3))
        axes = (round(radius), round(radius * rng.uniform(0.6, 1)))
        turn = float(rng.uniform(0, 180))
        if rng.random() < 0.5:
            cv2.ellipse(darkening, centre, axes, turn, 0, 360, depth, max(1, round(1.5 * mm)))
        else:
            spot = np.zeros_like(darkening)
            cv2.ellipse(spot, centre, axes, turn, 0, 360, 0.6 * depth, -1)
            darkening = np.maximum(darkening, spot)
    soft = cv2.GaussianBlur(darkening, (0, 0), 0.5 * mm)
    return _illuminate(image, np.asarray(1 - soft, np.float32), (0.6, 0.85, 1.0))


def strips(image: Picture, strength: float, rng: np.random.Generator) -> Picture:
    """Shadows with straight edges, as of fingers or the stand of a lamp. `strength`: 0..1."""
    h, w = image.shape[:2]
    light = np.ones((h, w), np.float32)
    for _ in range(int(rng.integers(1, 3))):
        x, y = float(rng.uniform(0, w)), float(rng.uniform(0, h))
        angle, width = float(rng.uniform(0, np.pi)), float(rng.uniform(0.05, 0.3)) * w
        dx, dy = (h + w) * np.cos(angle), (h + w) * np.sin(angle)
        start, end = (round(x - dx), round(y - dy)), (round(x + dx), round(y + dy))
        level = 1 - strength * float(rng.uniform(0.4, 1))
        cv2.line(light, start, end, level, max(1, min(round(width), 255)))
    soft = cv2.GaussianBlur(light, (0, 0), 0.01 * w)
    return _illuminate(image, np.asarray(soft, np.float32), (1.0, 1.0, 1.0))


def show_through(image: Picture, darkness: float, rng: np.random.Generator) -> Picture:
    """Print on the other side that shows through: the page itself, mirrored, shifted and pale."""
    h, w = image.shape[:2]
    grey = to_grey(image)
    paper = max(1.0, float(np.median(grey[::7, ::7])))
    dx, dy = (float(rng.normal(0, 0.05)) * side for side in (w, h))
    flip = np.array([[-1, 0, w - 1 + dx], [0, 1, dy]])
    other = cv2.warpAffine(grey, flip, (w, h), borderValue=(paper,))
    soft = cv2.GaussianBlur(other, (0, 0), 0.0015 * w).astype(np.float32) / np.float32(paper)
    light = 1 - np.float32(darkness) * np.clip(1 - soft, 0, 1)
    return _illuminate(image, np.asarray(light, np.float32), (1.0, 1.0, 1.0))


def desk(size: tuple[int, int], rng: np.random.Generator) -> Picture:
    """A desk, RGB: wood, cloth, stone or tiles; `size` is its width and height in pixels."""
    w, h = size
    colour = rng.uniform(25, 190, 3) * np.array([1.0, 0.95, 0.88])
    kind = rng.random()
    if kind < 0.4:  # the grain of wood, across the picture
        shape = (max(2, h // 4), max(2, w // 90))
    elif kind < 0.7:  # cloth or stone
        shape = (max(2, h // 3), max(2, w // 3))
    else:  # tiles
        shape = (int(rng.integers(3, 12)), int(rng.integers(3, 9)))
    interpolation = cv2.INTER_NEAREST if kind >= 0.7 else cv2.INTER_LINEAR
    cells = rng.standard_normal(shape, np.float32)
    texture = cv2.resize(cells, (w, h), interpolation=interpolation)
    light = 1 + np.float32(rng.uniform(0.05, 0.35)) * np.clip(texture, -1.5, 1.5)
    return np.asarray(np.clip(light[:, :, None] * colour, 0, 255), np.uint8)


def _illuminate(image: Picture, light: Layer, share: tuple[float, float, float]) -> Picture:
    """Multiply an image by `light`, (h, w); of what it darkens, each channel loses its `share`."""
    if image.ndim == 2:
        return cv2.multiply(image, light, dtype=cv2.CV_8U).astype(np.uint8)
    # Brown stains take most of the blue and least of the red.
    layers = [1 - (1 - light) * np.float32(s) for s in share]
    return cv2.multiply(image, cv2.merge(layers), dtype=cv2.CV_8U).astype(np.uint8)
