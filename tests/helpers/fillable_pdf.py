"""Fillable PDFs for tests, written object by object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from written_pdf import written_pdf

MULTILINE, PASSWORD, COMB = 1 << 12, 1 << 13, 1 << 24
HIDDEN, PRINT = 2, 4


@dataclass(frozen=True)
class Field:
    """A field: (left, bottom, right, top) in points, and keys of its dictionary as PDF text."""

    name: str
    rect: tuple[float, float, float, float]
    value: str = ""
    flags: int = 0
    length: int | None = None
    keys: str = ""
    kind: str = "/Tx"
    note_flags: int = PRINT

    @property
    def body(self) -> str:
        left, bottom, right, top = self.rect
        value = f"/V({self.value})" if self.value else ""
        length = "" if self.length is None else f"/MaxLen {self.length}"
        return (
            f"<</Type/Annot/Subtype/Widget/FT{self.kind}/T({self.name}){value}/Ff {self.flags}"
            f"{length}/Rect[{left} {bottom} {right} {top}]/F {self.note_flags}"
            f"/DA(/H 12 Tf 0 g){self.keys}>>"
        )


def action(script: str, event: str = "K") -> str:
    """The keys of a field with an action in JavaScript."""
    escaped = script.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
    return f"/AA<</{event}<</S/JavaScript/JS({escaped})>>>>"


def fillable_pdf(
    pages: Sequence[tuple[str, Sequence[Field | str]]],
    *,
    page_keys: str = "/MediaBox[0 0 595 842]",
    form_keys: str = "",
    objects: Sequence[str] = (),
) -> bytes:
    """A PDF whose pages are (content, fields); of fields as text their bodies.

    `objects` are further ones; they are the last, in their order: `{first}` in a text is the number
    of the first of them.
    """
    font = "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"
    kids, fields, bodies = list[int](), list[int](), ["", "", font]
    page = "<</Type/Page/Parent 2 0 R/Resources<</Font<</H 3 0 R>>>>" + page_keys + "{}>>"
    first = 4 + sum(2 + len(own) for _, own in pages)
    for content, own in pages:
        start = len(bodies) + 1
        notes = range(start + 2, start + 2 + len(own))
        kids.append(start)
        fields += notes
        listed = " ".join(f"{number} 0 R" for number in notes)
        bodies += [
            page.format(f"/Contents {start + 1} 0 R/Annots[{listed}]"),
            f"<</Length {len(content)}>>stream\n{content}\nendstream",
            *(one if isinstance(one, str) else one.body for one in own),
        ]
    bodies += objects
    listed = " ".join(f"{number} 0 R" for number in fields)
    form = f"/AcroForm<</Fields[{listed}]/DR<</Font<</H 3 0 R>>>>/DA(/H 12 Tf 0 g){form_keys}>>"
    bodies[0] = f"<</Type/Catalog/Pages 2 0 R{form}>>"
    listed = " ".join(f"{number} 0 R" for number in kids)
    bodies[1] = f"<</Type/Pages/Kids[{listed}]/Count {len(kids)}>>"
    return written_pdf([one.replace("{first}", str(first)).encode("latin-1") for one in bodies])


def frames(rects: Sequence[tuple[float, float, float, float]], columns: int = 1) -> str:
    """The content that draws frames, each with lines between its columns."""
    drawn = ["0.8 w"]
    for left, bottom, right, top in rects:
        drawn.append(f"{left} {bottom} {right - left} {top - bottom} re S")
        for i in range(1, columns):
            x = left + (right - left) * i / columns
            drawn.append(f"{x} {bottom} m {x} {top} l S")
    return "\n".join(drawn)


def text(left: float, base: float, words: str, size: float = 11) -> str:
    """The content that writes a line of text."""
    return f"BT /H {size} Tf {left} {base} Td ({words}) Tj ET"
