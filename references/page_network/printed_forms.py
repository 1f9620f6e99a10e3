"""Real printed forms, written on: vector PDFs whose lines and places are known exactly."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pypdfium2 as pdfium

from formreader.core.classes import Layer
from formreader.core.geometry import MM_PER_INCH
from formreader.synth import Form, Rect, Sheet, Writer
from page_network.filling import Filling, sample_writer
from page_network.frame_forms import preprint
from page_network.hands import HandBook

HELD_OUT_ISSUERS = ("us-de", "us-id", "us-nd")
"""Issuers whose forms no network is trained on: those that see pages are measured on them."""

_MM_PER_POINT = MM_PER_INCH / 72

_MIN_DARKNESS = 40
"""Darkness, 0 to 255, from which a pixel of a rendered page is print."""

_PALER_SHARE = 0.35
"""Share of the pages whose print is paler than issued, and of another colour."""


@dataclass(frozen=True, slots=True)
class PrintedPage:
    """A page of a printed form: its PDF, and what its JSON knows of it."""

    pdf: Path
    facts: dict[str, Any]

    @classmethod
    def load(cls, pdf: Path) -> PrintedPage:
        """Read the JSON beside a PDF."""
        return cls(pdf, json.loads(pdf.with_suffix(".json").read_text("utf-8")))


class PrintedForm(Form):
    """A sheet with a printed form on it, to write on; lengths are mm."""

    def __init__(self, page: PrintedPage, dpi: float, writer: Writer, rng: np.random.Generator):
        points = np.array(page.facts["page_size_pt"])
        # A form that is a little wider or narrower is another form.
        self._by_x, self._by_y = _MM_PER_POINT * np.exp(rng.normal(0, 0.06, 2))
        width, height = points * (self._by_x, self._by_y)
        super().__init__(Sheet(float(width), float(height), dpi), writer, rng)
        self._facts = page.facts
        self._print(page.pdf)

    def _print(self, pdf: Path) -> None:
        sheet = self.sheet
        document = pdfium.PdfDocument(pdf)
        picture = document[0].render(scale=sheet.dpi / 72).to_numpy()[..., 2::-1]
        document.close()
        size = sheet.image.shape[1::-1]
        sheet.image = np.ascontiguousarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))
        for direction, at, start, end, width, *_ in self._facts["lines"]:
            self._rule(direction == "h", at, start, end, width)
        for rect in self._facts["rects"]:
            if rect["stroke"]:
                left, top, right, bottom = rect["box"]
                for across, at, start, end in (
                    (True, top, left, right), (True, bottom, left, right),
                    (False, left, top, bottom), (False, right, top, bottom),
                ):  # fmt: skip
                    self._rule(across, at, start, end, rect["lw"])
        darkness = 255 - cv2.cvtColor(sheet.image, cv2.COLOR_RGB2GRAY)
        # Lines that a rectangle's fill hides are not there.
        lines = [sheet.planes[layer] for layer in (Layer.RULED_ACROSS, Layer.RULED_DOWN)]
        near = cv2.dilate(darkness, np.ones((3, 3), np.uint8))
        for plane in lines:
            plane[near < _MIN_DARKNESS // 2] = 0
        ruled = cv2.dilate(np.maximum(*lines), np.ones((3, 3), np.uint8))
        # Tints are no print: only what is darker than its surroundings.
        ground = cv2.erode(darkness, np.ones((round(sheet.scale) | 1,) * 2, np.uint8))
        dark = cv2.subtract(darkness, cv2.dilate(ground, np.ones((5, 5), np.uint8)))
        dark = np.where(darkness > 150, darkness, dark)
        sheet.planes[Layer.PRINT][:] = np.where((dark > _MIN_DARKNESS) & (ruled == 0), 255, 0)
        if self.rng.random() < _PALER_SHARE:
            strength = self.rng.uniform(0.3, 1) * self.rng.uniform(0.6, 1, 3)
            sheet.image = np.rint(255 - (255.0 - sheet.image) * strength).astype(np.uint8)

    def _rule(self, across: bool, at: float, start: float, end: float, width: float) -> None:
        """Note that a line is ruled; lengths in points."""
        scale, sub = self.sheet.scale, 16
        x, y = self._by_x * scale * sub, self._by_y * scale * sub
        ends = (
            ((start * x, at * y), (end * x, at * y))
            if across
            else ((at * x, start * y), (at * x, end * y))
        )
        plane = self.sheet.planes[Layer.RULED_ACROSS if across else Layer.RULED_DOWN]
        thick = max(1, round(width * self._by_x * scale))
        (x0, y0), (x1, y1) = np.rint(np.array(ends) - 8).astype(int).tolist()
        cv2.line(plane, (x0, y0), (x1, y1), (255,), thick, cv2.LINE_AA, 4)

    def rect(self, box: list[float]) -> Rect:
        """A rectangle of the JSON, in mm."""
        left, top, right, bottom = box
        return Rect(left * self._by_x, top * self._by_y, max(right - left, 0.1) * self._by_x,
                    max(bottom - top, 0.1) * self._by_y)  # fmt: skip

    def fill_in(self, filling: Filling, *, more_signs: bool = True) -> None:
        """Fill in all places, tick buttons, and leave signatures, notes and stamps.

        With `more_signs` some forms have more signs printed in their boxes than was issued.
        """
        facts, rng = self._facts, self.rng
        signs = more_signs and rng.random() < 0.15
        shade = tuple(rng.integers(60, 215, size=3).tolist())
        for area in (*facts["ignore"], *(c["box"] for c in facts["combs_unprinted"])):
            self.note_unclear(self.rect(area))
        for comb in (*facts["combs"], *facts["combs_preprinted"]):
            cells = [self.rect(cell) for cell in comb["cells"]]
            writable = comb.get("writable", [True] * len(cells))
            free = [i for i, is_free in enumerate(writable) if is_free]
            if len(free) > 2 and signs:
                free = preprint(self.sheet, cells, free, shade, rng)
            filling.comb(cells, free)
        for cell in facts["cells"]:
            if cell["write"] == "yes":
                free = cell.get("free")
                filling.cell(self.rect(cell["box"]), self.rect(free) if free else None)
            elif cell["write"] == "maybe":
                self.note_unclear(self.rect(cell["box"]))
        frames = [c["box"] for c in facts["cells"] if c["write"] == "yes"]
        for text in facts["text_fields"]:
            if not any(_is_inside(text["box"], frame) for frame in frames):
                filling.cell(self.rect(text.get("cell") or text["box"]))
        for button in facts["buttons"]:
            filling.tick(self.rect(button))
        filling.leave_marks()


def printed_form(
    page: PrintedPage, book: HandBook, dpi: float, faint: bool, rng: np.random.Generator
) -> PrintedForm:
    """A printed form, filled in by one hand. `faint`: with a pencil that is hardly pressed."""
    writer, pen = sample_writer(book, dpi, faint, rng)
    form = PrintedForm(page, dpi, writer, rng)
    form.fill_in(Filling(form, pen, rng))
    return form


def _is_inside(inner: list[float], outer: list[float]) -> bool:
    x, y = (inner[0] + inner[2]) / 2, (inner[1] + inner[3]) / 2
    return outer[0] <= x <= outer[2] and outer[1] <= y <= outer[3]
