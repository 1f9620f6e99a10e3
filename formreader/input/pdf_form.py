"""What a PDF page says beside its pixels: its text fields, and the straight lines that it draws."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import accumulate, islice, pairwise
from typing import Any

import numpy as np
import pypdfium2 as pdfium
from pypdfium2 import raw

from formreader.core.field_kinds import MAX_DECIMALS, NO_KIND, FieldKind
from formreader.core.form_fields import FormField
from formreader.core.geometry import Box, Point
from formreader.core.records import Line

_MAX_WIDGETS, _MAX_PLACES = 2000, 5000
"""Fields of a page that are looked at, and boxes of all of them. Limits of time: pages of printed
forms have a few hundred."""

_MAX_COMB = 200
"""Boxes of a comb; a field that claims more is none. A template's field may have no more."""

_MIN_BOX = 3.0
"""Points of the sides of a box that somebody can write into."""

_MAX_TEXT_BYTES = 2000
"""Bytes of a name, a value or an action that are looked at; a longer one is no number."""

_UNSEEN = raw.FPDF_ANNOT_FLAG_HIDDEN | raw.FPDF_ANNOT_FLAG_NOVIEW
_COMB = 1 << 24
"""The flag of a field with one box a character: PDF 1.7, table 228."""

_MAX_GAP_IN_ROW, _MAX_UNEVEN = 0.6, 0.2
"""Of fields for one character that are a row: the gap in widths, and how much their heights and
tops may differ, in heights."""

_ACTION = re.compile(r"AF(Number|Percent|Date|Time|Special)_(\w+)\s*\(([^)]{0,200})")
_DATE_FORMATS = {1: "m/d/yy", 2: "mm/dd/yy", 7: "yy-mm-dd"}
"""Formats of dates in figures that Acrobat numbers."""

_PARTS = {"DD": "dd|d", "MM": "mm|m", "YYYY": "yyyy", "YY": "yy"}
_HINTS = {"DD": "dd|tt|jj", "MM": "mm", "YYYY": "yyyy|jjjj|aaaa|rrrr", "YY": "yy"}
"""How actions, and how names and hints in several languages, write the parts of a date."""

_ORDERS = tuple(
    (*order[:at], year, *order[at:])
    for order, at in ((("DD", "MM"), 2), (("MM", "DD"), 2), (("MM", "DD"), 0))
    for year in ("YYYY", "YY")
)

_NO_NUMBERS = re.compile(
    r"(?<![a-z])(?:(?:first|last|full|sur|fore|middle|family|given)?_?names?|address|street|city"
    r"|town|country|e_?mail|signature|signed|comments?|remarks?|notes?|description|occupation"
    r"|(?:vor|nach|familien)?name|stra(?:ss|ß)e|ort|anschrift|unterschrift|nom|pr[eé]nom|ville"
    r"|nombre|apellidos?|ciudad|firma|imi[eę]|nazwisko|ulica)(?![a-z])"
)
"""Names of fields that ask for words."""


@dataclass(frozen=True, slots=True)
class _Widget:
    """A text field, its widget and its flags; `single` if it has room for one character."""

    note: Any
    field: FormField
    flags: int
    single: bool = False


def form_fields(page: pdfium.PdfPage, size: tuple[int, int]) -> tuple[FormField, ...]:
    """The visible text fields and lists of choices of a page, rendered with (width, height) `size`.

    Its form must be initialised and drawn before. If a field's parent states how long values may
    be, the field is typed into to learn that. The file does not change.
    """
    if not page.formenv or raw.FPDF_GetFormType(page.pdf) == raw.FORMTYPE_NONE:
        return ()
    notes = [
        raw.FPDFPage_GetAnnot(page, index)
        for index in range(min(raw.FPDFPage_GetAnnotCount(page), _MAX_WIDGETS))
    ]
    try:
        # All values first: typing into one field changes others of its name.
        widgets = [one for note in notes if note and (one := _widget(page, note, size))]
        least = _MIN_BOX * size[0] / max(page.get_width(), 1)
        fields = list(_joined([_with_boxes(page, one, least) for one in widgets]))
        places = accumulate(len(one.boxes) for one in fields)
        return tuple(one for one, n in zip(fields, places, strict=True) if n <= _MAX_PLACES)
    finally:
        raw.FORM_ForceToKillFocus(page.formenv)
        for note in notes:
            raw.FPDFPage_CloseAnnot(note)


def _widget(page: pdfium.PdfPage, note: Any, size: tuple[int, int]) -> _Widget | None:
    env = page.formenv
    kind = raw.FPDFAnnot_GetFormFieldType(env, note)
    if kind not in (raw.FPDF_FORMFIELD_TEXTFIELD, raw.FPDF_FORMFIELD_COMBOBOX):
        return None
    flags = raw.FPDFAnnot_GetFormFieldFlags(env, note)
    box = _place(page, note, size)
    secret = flags & raw.FPDF_FORMFLAG_TEXT_PASSWORD and kind == raw.FPDF_FORMFIELD_TEXTFIELD
    if box is None or secret or raw.FPDFAnnot_GetFlags(note) & _UNSEEN:
        return None
    name = _text(raw.FPDFAnnot_GetFormFieldName, env, note)
    about = _text(raw.FPDFAnnot_GetFormFieldAlternateName, env, note)
    value = _text(raw.FPDFAnnot_GetFormFieldValue, env, note)
    events = raw.FPDF_ANNOT_AACTION_FORMAT, raw.FPDF_ANNOT_AACTION_KEY_STROKE
    script = "\n".join(
        _text(raw.FPDFAnnot_GetFormAdditionalActionJavaScript, env, note, event) for event in events
    )
    if kind == raw.FPDF_FORMFIELD_COMBOBOX:
        flags = 0
    asks = _asked(script, name, about, is_long=bool(flags & raw.FPDF_FORMFLAG_TEXT_MULTILINE))
    return _Widget(note, FormField(name, (box,), kind=asks, value=value), flags)


def _place(page: pdfium.PdfPage, note: Any, size: tuple[int, int]) -> Box | None:
    """Where a widget is on the rendered page; None for one that is not on it."""
    rect = raw.FS_RECTF()
    if not raw.FPDFAnnot_GetRect(note, rect):
        return None
    ends = [
        _on_picture(page, *at, size) for at in ((rect.left, rect.top), (rect.right, rect.bottom))
    ]
    (left, right), (top, bottom) = (sorted(side) for side in zip(*ends, strict=True))
    if right - left < 1 or bottom - top < 1:
        return None
    box = Box(left, top, right - left, bottom - top)
    return box if Box(0, 0, *size).holds(box.centre) else None


def _on_picture(
    page: pdfium.PdfPage, x: float, y: float, size: tuple[int, int]
) -> tuple[float, float]:
    """A point of a page in pixels of its picture of (width, height) `size`; crops, turns count."""
    fine = 16  # pdfium gives whole pixels
    across, down = ctypes.c_int(), ctypes.c_int()
    wide, high = (side * fine for side in size)
    raw.FPDF_PageToDevice(page, 0, 0, wide, high, 0, x, y, across, down)
    return across.value / fine - 0.5, down.value / fine - 0.5


def _text(get: Callable[..., int], *args: Any) -> str:
    """A text that pdfium gives as UTF-16; "" if there is none, "..." if there is too much of it."""
    length = get(*args, None, 0)
    if length > _MAX_TEXT_BYTES:
        return "..."
    if length <= 2:
        return ""
    buffer = ctypes.create_string_buffer(length)
    get(*args, ctypes.cast(buffer, ctypes.POINTER(ctypes.c_ushort)), length)
    return buffer.raw[: length - 2].decode("utf-16-le", "replace")


def _asked(script: str, name: str, about: str, *, is_long: bool) -> FieldKind:
    """What a field asks for, by its actions, its name and its hint; `NO_KIND` if nothing tells."""
    if found := _ACTION.search(script):
        return _of_action(*found.groups())
    told = f"{name} {about}".casefold()
    for order in _ORDERS:
        pattern = r"\W?".join(f"(?:{_HINTS[part]})" for part in order)
        if re.search(rf"(?<![^\W_]){pattern}(?![^\W_])", told):
            return FieldKind(kind="date", date="".join(order))
    words = re.sub(r"[^\w]+|(?<=[a-z])(?=[A-Z])", "_", name.rpartition(".")[2]).casefold()
    return FieldKind(kind="ignore") if is_long or _NO_NUMBERS.search(words) else NO_KIND


def _of_action(what: str, how: str, arguments: str) -> FieldKind:
    """The kind of a field by its action of Acrobat's forms."""
    first = arguments.partition(",")[0].strip()
    count = int(first) if re.fullmatch(r"\d{1,2}", first) else None
    if what == "Special":
        return FieldKind(kind="code")
    if what == "Time":
        return FieldKind(kind="time")
    if what == "Date":
        form = arguments.strip(" \"'").casefold()
        if how in ("Format", "Keystroke"):
            form = _DATE_FORMATS.get(-1 if count is None else count, "")
        for order in _ORDERS:
            if re.fullmatch(r"\W?".join(f"(?:{_PARTS[part]})" for part in order), form):
                return FieldKind(kind="date", date="".join(order))
        return NO_KIND
    if what == "Number" and count == 0:
        return FieldKind(kind="integer")
    most = MAX_DECIMALS if count is None else min(count, MAX_DECIMALS)
    return FieldKind(kind="decimal", decimals=(0, most))


def _with_boxes(page: pdfium.PdfPage, widget: _Widget, least: float) -> _Widget:
    """A comb with its boxes, of `least` pixels a side, or `single` if it has room for one."""
    field, box = widget.field, widget.field.box
    is_comb = bool(widget.flags & _COMB)
    if not is_comb and box.width > 2 * box.height:
        return widget
    length = _max_length(page, widget.note)
    if length == 1 and not is_comb:
        return replace(widget, single=True)
    width = box.width / max(length, 1)
    fits = 0 < length <= _MAX_COMB and min(width, box.height) >= least
    if not is_comb or not fits or len(field.value) > length or width > 3 * box.height:
        return widget
    boxes = tuple(Box(box.left + i * width, box.top, width, box.height) for i in range(length))
    return replace(widget, field=replace(field, boxes=boxes, is_row=True))


def _max_length(page: pdfium.PdfPage, note: Any) -> int:
    """The longest value of a field, `_MAX_COMB` + 1 if there is no limit, 0 if it is locked."""
    stated = ctypes.c_float()
    if raw.FPDFAnnot_GetNumberValue(note, b"MaxLen", stated):
        return int(min(max(stated.value, 0), _MAX_COMB + 1))
    env = page.formenv
    if not raw.FORM_SetFocusedAnnot(env, note):
        return 0
    zeros = (ctypes.c_ushort * (_MAX_COMB + 2))(*[ord("0")] * (_MAX_COMB + 1))
    raw.FORM_SelectAllText(env, page)
    raw.FORM_ReplaceSelection(env, page, zeros)
    return len(_text(raw.FORM_GetFocusedText, env, page))


def _joined(widgets: list[_Widget]) -> Iterator[FormField]:
    """The fields, those for one character that stand side by side as one row."""
    singles = sorted((one for one in widgets if one.single), key=lambda one: one.field.box.left)
    rows = list[list[FormField]]()
    for field in (one.field for one in singles):
        row = next((row for row in rows if _is_next(row[-1].box, field.box)), None)
        if row is None:
            rows.append([field])
        else:
            row.append(field)
    starts = {id(row[0]): row for row in rows}
    for field in (one.field for one in widgets):
        row = starts.get(id(field), [])
        boxes = tuple(one.box for one in row[:_MAX_COMB])
        if boxes:
            value = "".join((one.value or " ")[0] for one in row)
            yield replace(field, boxes=boxes, is_row=True, value=value.rstrip())
    yield from (one.field for one in widgets if not one.single)


def _is_next(box: Box, following: Box) -> bool:
    """Whether a box for one character is the next one of a row."""
    slack = _MAX_UNEVEN * box.height
    level = abs(box.top - following.top) <= slack >= abs(box.height - following.height)
    return level and -slack <= following.left - box.right <= _MAX_GAP_IN_ROW * box.width


_MAX_PATHS, _MAX_POINTS = 20_000, 50_000
"""Of a page that are looked at: 15 printed forms have up to 1,016 paths and 5,093 points."""

_MAX_LINE_AREA = 2.0
"""Points of a filled area that is a line."""

_MAX_RISE = 0.3
"""Points by which the ends of a level line may differ."""


def drawn_lines(
    page: pdfium.PdfPage,
    painted: Iterable[tuple[pdfium.PdfObject, pdfium.PdfMatrix]],
    size: tuple[int, int],
) -> tuple[Line, ...]:
    """The lines of a page, in pixels of its picture of (width, height) `size`.

    `painted` are the objects of the page with the matrices of their groups.
    """
    lines, left = list[tuple[Point, Point]](), _MAX_POINTS
    for thing, outer in islice(painted, _MAX_PATHS):
        if thing.type != raw.FPDF_PAGEOBJ_PATH or not _is_seen(thing):
            continue
        left -= raw.FPDFPath_CountSegments(thing)
        if left < 0:
            break
        for outline in _outlines(thing, thing.get_matrix().multiply(outer)):
            lines += _lines(outline)
    return tuple((*_on_picture(page, *a, size), *_on_picture(page, *b, size)) for a, b in lines)


def _is_seen(path: pdfium.PdfObject) -> bool:
    fill, stroke = ctypes.c_int(), ctypes.c_int()
    drawn = raw.FPDFPath_GetDrawMode(path, fill, stroke)
    return bool(drawn and (fill.value or stroke.value))


def _outlines(path: pdfium.PdfObject, matrix: pdfium.PdfMatrix) -> Iterator[list[Point]]:
    """The points of each part of a path that is drawn in one go; curves end a part."""
    points, x, y = list[Point](), ctypes.c_float(), ctypes.c_float()
    for index in range(raw.FPDFPath_CountSegments(path)):
        segment = raw.FPDFPath_GetPathSegment(path, index)
        kind = raw.FPDFPathSegment_GetType(segment)
        if not raw.FPDFPathSegment_GetPoint(segment, x, y):
            continue
        if kind != raw.FPDF_SEGMENT_LINETO:
            yield points
            points = []
        points.append(matrix.on_point(x.value, y.value))
        if raw.FPDFPathSegment_GetClose(segment):
            points.append(points[0])
    yield points


def _lines(points: list[Point]) -> Iterator[tuple[Point, Point]]:
    """The level and upright lines of an outline; of a thin area the one in its middle."""
    if len(points) < 2:
        return
    low, high = np.min(points, axis=0).tolist(), np.max(points, axis=0).tolist()
    middle = [(a + b) / 2 for a, b in zip(low, high, strict=True)]
    thin = [b - a <= _MAX_LINE_AREA for a, b in zip(low, high, strict=True)]
    if len(points) > 2 and any(thin):
        if thin[1] and not thin[0]:
            yield (low[0], middle[1]), (high[0], middle[1])
        elif thin[0] and not thin[1]:
            yield (middle[0], low[1]), (middle[0], high[1])
        return
    for start, end in pairwise(points):
        apart = abs(start[0] - end[0]), abs(start[1] - end[1])
        if min(apart) <= _MAX_RISE < max(apart):
            yield start, end
