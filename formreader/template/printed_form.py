"""A template as an empty form to print: its fields with their names, its title, and a code.

Fields are where the template has them, so pages of the printed form and of the original form become
one table. The print beside the fields differs from that of the original. So the picture of the
printed form is kept in the template's folder, as a second reference page.
"""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from types import MappingProxyType

import cv2
import numpy as np

from formreader.core.errors import UsageError
from formreader.core.geometry import Box
from formreader.core.records import GreyImage
from formreader.input.pdf import read_pdf
from formreader.output.atomic_writing import atomic_stream, check_writable
from formreader.output.pdf_drawing import PdfPage, pdf_bytes, text_width
from formreader.template.field_tables import FieldTables
from formreader.template.form_template import FieldPlace, FormTemplate
from formreader.template.template_file import PRINTED_FILE, read_template, template_folders

PAPERS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {"a4": (210.0, 297.0), "a5": (148.0, 210.0), "letter": (215.9, 279.4)}
)
"""Widths and heights of upright sheets, in mm."""

_MAX_PIXELS = 2**26
"""Largest number of pixels of a rendered sheet. A4 at 300 dpi has 8.7 million."""

_SNAP = 3.5
"""Largest distance of edges on one line, in pixels of the reference page. Places that were found on
scans are not exact."""

_LINE, _POINT_LINE, _MIN_POINT_GAP = 0.3, 1.0, 1.2
"""In mm: the width of the lines of boxes; that of a line that stands for a decimal point; and the
least gap between two boxes in which the point itself is printed."""

_SHEET_EDGE, _STEP = 6.0, 0.5
"""In mm: the edge of the sheet that printers leave blank, and the step of the search for room."""

_TITLE_SIZES, _LABEL_SIZES, _INNER_SIZE = (7.0, 5.0, 4.0, 3.0), (3.6, 3.0, 2.5, 2.0), 1.6
"""Sizes of letters in mm: of the title and of labels (the first that has room), and of names inside
of their field."""

_BASE, _LEADING = 0.8, 1.1
"""Distance from the top of a line to its base line, and height of a line, in sizes of its
letters."""

_GAP = 1.2
"""Gap between a label and its field, in mm."""

_MODULES, _MODULE_SIDES = 9, (1.4, 1.0)
"""Number of squares across a code, and their sides in mm (the first that has room). Patches of the
reference page have about 7 mm, so each code has some that no other form has."""


def print_templates(place: Path, out: Path, paper: str = "a4") -> list[FormTemplate]:
    """Write the templates at `place` as forms to print, a page each, and keep their pictures.

    Args:
        place: the folder of a template, or one with those of several.
        out: the PDF.
        paper: one of `PAPERS`. Forms that are wider than high are printed in landscape.

    Raises:
        OutputError: the PDF or a picture cannot be written.
        TemplateError: a template is missing or wrong.
        UsageError: `out` is no name of a PDF.
    """
    if out.suffix.lower() != ".pdf":
        raise UsageError(f"--out {out}: the form is written as a PDF, so give a name with .pdf")
    check_writable(out)
    folders = template_folders(place)
    forms = [_PrintedForm(read_template(folder), PAPERS[paper]) for folder in folders]
    content = pdf_bytes([form.page for form in forms])
    for number, (folder, form) in enumerate(zip(folders, forms, strict=True)):
        sheet = read_pdf(io.BytesIO(content), number, _MAX_PIXELS)
        picture = cv2.imencode(".png", form.reference(sheet.image, sheet.dpi))[1].tobytes()
        with atomic_stream(folder / PRINTED_FILE) as stream:
            stream.write(picture)
    with atomic_stream(out) as stream:
        stream.write(content)
    return [form.template for form in forms]


class _PrintedForm:
    """A template drawn on a sheet of paper; (width, height) in mm are those of the upright sheet.

    Boxes are in mm of the sheet, except those of the template, which are in pixels.
    """

    def __init__(self, template: FormTemplate, paper: tuple[float, float]) -> None:
        self.template = template
        (width, height), is_wide = template.size, template.size[0] > template.size[1]
        sheet = paper[::-1] if is_wide else paper
        self.page = PdfPage(*sheet)
        self._scale = min(sheet[0] / width, sheet[1] / height)
        self._left = (sheet[0] - width * self._scale) / 2
        self._top = (sheet[1] - height * self._scale) / 2
        # Only print within the reference page helps to recognise the form.
        seen = Box(self._left, self._top, width * self._scale, height * self._scale)
        self._room = _Room(sheet, seen)
        self._draw()

    def reference(self, image: GreyImage, dpi: float) -> GreyImage:
        """The printed sheet, (h, w) at `dpi`, as a reference page in pixels of the template."""
        per_mm = dpi / 25.4
        zoom = 1 / (self._scale * per_mm)
        small = cv2.resize(image, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA)
        width, height = self.template.size
        page = np.full((height, width), 255, np.uint8)
        left, top = (round(side / self._scale) for side in (self._left, self._top))
        part = small[top : top + height, left : left + width]
        page[: part.shape[0], : part.shape[1]] = part
        return page

    def _draw(self) -> None:
        template = self.template
        edges = [(b.left, b.right, b.top, b.bottom) for f in template.fields for b in f.parts]
        xs = _snapped([x for left, right, *_ in edges for x in (left, right)])
        ys = _snapped([y for *_, top, bottom in edges for y in (top, bottom)])
        places = list[list[Box]]()
        for field in template.fields:
            parts = [(xs[b.left], ys[b.top], xs[b.right], ys[b.bottom]) for b in field.parts]
            places.append([self._rect(*part) for part in parts])
            for rect in places[-1]:
                self._frame(rect)
            self._point(field, places[-1])
        self._names(places)
        for corner in range(4):
            self._code(corner)
        self._title()

    def _rect(self, left: float, top: float, right: float, bottom: float) -> Box:
        """A place of the template on the sheet."""
        scale = self._scale
        width, height = max(right - left, 1) * scale, max(bottom - top, 1) * scale
        return Box(self._left + left * scale, self._top + top * scale, width, height)

    def _frame(self, rect: Box) -> None:
        right, bottom = rect.left + rect.width, rect.top + rect.height
        corners = ((rect.left, rect.top), (right, rect.top), (right, bottom), (rect.left, bottom))
        for start, end in zip(corners, (*corners[1:], corners[0]), strict=True):
            self.page.line(start, end, _LINE)
        self._room.take(rect)

    def _point(self, field: FieldPlace, boxes: Sequence[Box]) -> None:
        """Print the decimal point of a row of boxes."""
        decimals = field.rules.decimals
        if field.cell is not None or decimals is None or not 0 < decimals[0] < len(boxes):
            return
        before, after = boxes[-decimals[0] - 1], boxes[-decimals[0]]
        left, bottom = before.left + before.width, before.top + before.height
        gap = after.left - left
        if gap >= _MIN_POINT_GAP:
            self.page.text(left + gap / 4, bottom, field.rules.separator or ",", before.height / 2)
        else:
            self.page.line((after.left, after.top), (after.left, bottom), _POINT_LINE)

    def _title(self) -> None:
        for size in _TITLE_SIZES:
            width = text_width(self.template.name, size, bold=True)
            near = (width / 2, _SHEET_EDGE)
            if spot := self._room.spot(width, _LEADING * size, near):
                self._text(Box(*spot, width, _LEADING * size), self.template.name, size, bold=True)
                return

    def _names(self, places: Sequence[Sequence[Box]]) -> None:
        """Print the names of the fields: those of a table at its rows and columns."""
        boxes = [Box.around(rects) for rects in places]
        names = [" ".join(field.name.replace("_", " ").split()) for field in self.template.fields]
        tables = FieldTables(boxes)
        labels, headings = _table_labels(names, boxes, tables)
        rows = {box for box, text in labels.items() if self._beside(box, text)}
        columns = {box for box, text in headings.items() if self._above(box, text, centred=True)}
        for box, name in zip(boxes, names, strict=True):
            told = tables.start(box) in rows and tables.top(box) in columns
            if not told and not self._beside(box, name) and not self._above(box, name):
                self._inside(box, name)

    def _beside(self, area: Box, name: str) -> bool:
        """Print a name left of a field, if there is room."""
        for size in _LABEL_SIZES:
            width, height = text_width(name, size), _LEADING * size
            top = area.top + (area.height - height) / 2
            if self._text(Box(area.left - _GAP - width, top, width, height), name, size):
                return True
        return False

    def _above(self, area: Box, name: str, *, centred: bool = False) -> bool:
        """Print a name above a field, if there is room."""
        for size in _LABEL_SIZES:
            width, height = text_width(name, size), _LEADING * size
            left = area.left + (max(area.width - width, 0) / 2 if centred else 0)
            if self._text(Box(left, area.top - height - _GAP / 2, width, height), name, size):
                return True
        return False

    def _inside(self, area: Box, name: str) -> None:
        """Print a name, small, in the upper left corner of its field."""
        size = min(_INNER_SIZE, area.height / 5)
        size *= min(1.0, (area.width - _GAP) / text_width(name, size))
        self.page.text(area.left + _GAP / 2, area.top + _GAP / 4 + size, name, size)

    def _text(self, rect: Box, text: str, size: float, *, bold: bool = False) -> bool:
        if not self._room.is_free(rect):
            return False
        self._room.take(rect)
        self.page.text(rect.left, rect.top + _BASE * size, text, size, bold=bold)
        return True

    def _code(self, corner: int) -> None:
        """Print squares that no other form has, as near to a corner as there is room."""
        places = [[*map(_sides, field.parts)] for field in self.template.fields]
        text = f"{self.template.name}\n{corner}\n{places}"
        bits = np.unpackbits(np.frombuffer(hashlib.sha256(text.encode()).digest(), np.uint8))
        near = (self.page.width * (corner % 2), self.page.height * (corner // 2))
        for side in _MODULE_SIDES:
            length = (_MODULES + 2) * side  # with its blank edge
            if spot := self._room.spot(length, length, near):
                self._room.take(Box(*spot, length, length))
                for i in np.flatnonzero(bits[: _MODULES**2]).tolist():
                    row, column = divmod(i, _MODULES)
                    at = spot[0] + (column + 1) * side, spot[1] + (row + 1) * side
                    self.page.fill(*at, side, side)
                return


class _Room:
    """The blank parts of an area of a sheet, (width, height) in mm."""

    def __init__(self, sheet: tuple[float, float], area: Box) -> None:
        free, (height, width) = self._part(area), (round(side / _STEP) for side in sheet[::-1])
        edge = round(_SHEET_EDGE / _STEP)
        self._taken = np.ones((height, width), np.uint8)
        self._taken[free] = 0
        for end in (slice(None, edge), slice(-edge, None)):
            self._taken[end] = self._taken[:, end] = 1

    def take(self, rect: Box) -> None:
        self._taken[self._part(rect)] = 1

    def is_free(self, rect: Box) -> bool:
        part = self._taken[self._part(rect)]
        return rect.left >= 0 and rect.top >= 0 and part.size > 0 and not part.any()

    def spot(
        self, width: float, height: float, near: tuple[float, float]
    ) -> tuple[float, float] | None:
        """The upper left corner of the blank rectangle of this size that is nearest `near`."""
        sums = cv2.integral(self._taken)
        w, h = (int(np.ceil(side / _STEP)) + 1 for side in (width, height))
        if w >= sums.shape[1] or h >= sums.shape[0]:
            return None
        inked = sums[h:, w:] - sums[:-h, w:] - sums[h:, :-w] + sums[:-h, :-w]
        ys, xs = np.nonzero(inked == 0)
        if not len(xs):
            return None
        far = np.hypot((xs + w / 2) * _STEP - near[0], (ys + h / 2) * _STEP - near[1])
        best = int(np.argmin(far))
        return float(xs[best] * _STEP), float(ys[best] * _STEP)

    def _part(self, rect: Box) -> tuple[slice, slice]:
        left, top = (max(int(side / _STEP), 0) for side in (rect.left, rect.top))
        right, bottom = rect.left + rect.width, rect.top + rect.height
        ends = (max(int(np.ceil(side / _STEP)), 0) for side in (bottom, right))
        return slice(top, next(ends)), slice(left, next(ends))


def _sides(box: Box) -> list[float]:
    return [box.left, box.top, box.width, box.height]


def _snapped(edges: Sequence[float]) -> dict[float, float]:
    """The line of each edge: edges within `_SNAP` of the first one are on one line."""
    lines, group = dict[float, float](), list[float]()
    for edge in (*sorted(set(edges)), float("inf")):
        if group and edge - group[0] > _SNAP:
            lines |= dict.fromkeys(group, sum(group) / len(group))
            group = []
        group.append(edge)
    return lines


def _table_labels(
    names: Sequence[str], boxes: Sequence[Box], tables: FieldTables
) -> tuple[dict[Box, str], dict[Box, str]]:
    """The labels of rows, by their first fields, and the headings of columns, by their top ones.

    A row has a label if the names of its fields start with the same words, a column a heading if
    they end with the same words: `temperature 08 00`, `temperature 12 00`.
    """
    rows, columns = dict[Box, list[str]](), dict[Box, list[str]]()
    for name, box in zip(names, boxes, strict=True):
        if tables.hold(box):
            rows.setdefault(tables.start(box), []).append(name)
            columns.setdefault(tables.top(box), []).append(name)
    labels = {start: _shared(row) for start, row in rows.items()}
    endings = dict[Box, Counter[str]]()
    for name, box in zip(names, boxes, strict=True):
        label = labels.get(tables.start(box))
        if label:
            endings.setdefault(tables.top(box), Counter())[name[len(label) + 1 :]] += 1
    headings = {top: counts.most_common(1)[0][0] for top, counts in endings.items()}
    for name, box in zip(names, boxes, strict=True):  # label and heading must give every name
        start, top = tables.start(box), tables.top(box)
        if start in labels and name != f"{labels[start]} {headings.get(top)}":
            del labels[start]
    used = {tables.top(box) for box in boxes if tables.start(box) in labels}
    return labels, {top: text for top, text in headings.items() if top in used}


def _shared(names: Sequence[str]) -> str:
    """The words that all names start with, never the last word of a name."""
    same = zip(*(name.split()[:-1] for name in names), strict=False)
    return " ".join(words[0] for words in takewhile(lambda words: len(set(words)) == 1, same))
