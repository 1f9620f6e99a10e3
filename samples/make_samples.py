"""Draw the sample forms and their truth.csv: `python samples/make_samples.py [FOLDER]`.

Everything comes from the seeds and words below and from formreader's own stroke model
of handwriting, so a second run writes the same bytes.
"""

from __future__ import annotations

import csv
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from formreader.synth import (
    Form,
    Hand,
    HandSource,
    LineStyle,
    Pen,
    Rect,
    RenderedPage,
    RowStyle,
    Scan,
    Sheet,
    Writer,
    finish,
    truth_rows,
)

BLUE, BLACK, GREY = (28, 42, 125), (25, 25, 30), (90, 90, 96)
"""Colours of pens, and of printed frames and lines."""

THIN, THICK = LineStyle(width=0.16), LineStyle("thick", 0.7)
COMB, SEPARATE = RowStyle(), RowStyle("separate", gap=0.3)
"""Styles of printed lines and of rows of boxes."""

TERMS = (
    "The fee is due on the first of each month.",
    "Members are insured from the day of joining.",
    "Notice of leaving is given in writing, by 30 September.",
)
"""Small print."""

EUROPEAN = {"1": "long flag", "4": "open", "7": "crossed", "9": "curled tail", "2": "plain"}
AMERICAN = {"1": "plain", "4": "closed", "7": "plain", "9": "straight tail", "2": "looped"}
SCHOOL = {
    "1": "flag and foot",
    "4": "open square",
    "7": "serif",
    "5": "detached bar",
    "0": "closed",
}
"""Allographs of some digits, as people write them in Europe, in America and at school."""


@dataclass(frozen=True, slots=True)
class Field:
    """A label and what stands in its boxes, one character each; a space is a blank box."""

    label: str
    content: str


def symbols(content: str) -> list[str]:
    """What stands in each box; "" in a blank one."""
    return [character.strip() for character in content]


def writer(
    seed: int, dpi: float, preferred: dict[str, str], pen: Pen, width: float = 0.5,
    wander: float = 0.03,
) -> Writer:  # fmt: skip
    """Someone who writes tidily, with the preferred allographs; `width` is that of the pen, mm."""
    hand = Hand.sample(np.random.default_rng(seed), "ball")
    allographs = tuple((dict(hand.allographs) | preferred).items())
    tidy = replace(
        hand, allographs=allographs, width_mm=width, jitter=0.8, size=0.7, faithful=1.0,
        pressure=0.08,
    )  # fmt: skip
    return Writer(HandSource(tidy, dpi), pen, wander)


def start(
    seed: int, title: str, note: str, by: Writer, dpi: float, size: tuple[float, float]
) -> Form:
    """A sheet of `size` mm with its heading."""
    form = Form(Sheet(*size, dpi), by, np.random.default_rng(seed))
    form.sheet.text(15, 12, title, 5.5, bold=True)
    form.sheet.text(15, 20, note, 2.8)
    return form


def column(
    form: Form, fields: Sequence[Field], style: RowStyle, top: float, step: float,
    box: tuple[float, float] = (7.0, 9.0), boxes_at: float = 65.0, left: float = 15.0,
) -> float:  # fmt: skip
    """Print fields below one another; returns the top of the next one."""
    for i, field in enumerate(fields):
        y = top + i * step
        form.sheet.text(left, y + box[1] / 2 - 1.7, field.label, 3.3)
        form.row(Rect(boxes_at, y, *box), symbols(field.content), style)
    return top + len(fields) * step


def comb() -> list[RenderedPage]:
    """Membership application: combs, European hand in blue ball pen."""
    by = writer(11, 150, EUROPEAN, Pen(BLUE, 0.95))
    note = "Please write one digit in each box, in black or blue ink."
    form = start(1, "Application for membership", note, by, 150, (210, 200))
    fields = (
        Field("Membership no.", "40719265"), Field("Date of birth", "17041983"),
        Field("Postal code", "60327"), Field("Telephone", "06947120583"),
        Field("Account number", "3701528946"), Field("Number of children", "02"),
        Field("Monthly fee", "145"), Field("Joined in", "2024"),
    )  # fmt: skip
    y = column(form, fields, COMB, 36, 14)
    for i, label in enumerate(("new member", "change of address", "family", "student")):
        form.sheet.frame(Rect(15 + i * 45, y, 3.5, 3.5), 0.25, BLACK)
        form.sheet.text(20 + i * 45, y, label, 2.8)
    form.sheet.frame(Rect(110, y + 10, 80, 24), 0.25, BLACK)
    form.sheet.text(112, y + 11, "Signature", 2.6)
    for i, line in enumerate(TERMS):
        form.sheet.text(15, y + 12 + i * 4, line, 2.4)
    return [finish(form, Scan(blur=0.5))]


def grid() -> list[RenderedPage]:
    """Marks of an examination: a ruled table with a cell for each digit."""
    by = writer(12, 150, SCHOOL, Pen(BLACK, 0.95), 0.6)
    form = start(2, "Examination marks", "Class 7b, mathematics, second term", by, 150, (210, 160))
    rows = ("0482", "1935", "2760", "3318", "4057", "5691", "6274", "7849", "8126", "9503")
    place = Rect(100, 36, 10, 10)
    cells = form.grid(place, [symbols(row) for row in rows], replace(COMB, inner=THIN))
    for i, row in enumerate(cells):
        form.sheet.rule((15, row[0].y), (place.x, row[0].y), 0.16, BLACK)
        form.sheet.text(17, row[0].y + 3.4, f"Pupil {i + 1}", 3.3)
    form.sheet.frame(Rect(15, 36, 125, 100), 0.4, BLACK)
    return [finish(form, Scan(blur=0.5))]


def separate() -> list[RenderedPage]:
    """Meter reading card: boxes that stand apart, plain American hand, as JPEG."""
    by = writer(13, 200, AMERICAN, Pen(BLACK, 0.95), 0.55)
    form = start(3, "Meter reading card", "Return by 30 June 2024.", by, 200, (148, 105))
    fields = (
        Field("Customer no.", "7704312"), Field("Meter no.", "281659"),
        Field("Reading (kWh)", "035948"), Field("Day and month", "1206"),
    )  # fmt: skip
    column(form, fields, SEPARATE, 34, 15, (7.5, 10), 48)
    return [finish(form, Scan(blur=0.5, noise=2.5, jpeg=0))]


def skewed() -> list[RenderedPage]:
    """Order form that went into the feeder at an angle."""
    by = writer(14, 150, EUROPEAN, Pen(BLUE, 0.95), 0.55)
    form = start(4, "Bestellschein", "Bitte eine Ziffer pro Feld.", by, 150, (210, 180))
    fields = (
        Field("Kundennummer", "50348172"), Field("Artikel 1", "193067"), Field("Anzahl", "24"),
        Field("Artikel 2", "758240"), Field("Anzahl", "06"), Field("Artikel 3", "410935"),
        Field("Anzahl", "118"), Field("Betrag", "0249760"),
    )  # fmt: skip
    y = column(form, fields, COMB, 38, 15)
    form.sheet.rule((15, y + 8), (80, y + 8), 0.25, BLACK)
    form.sheet.text(15, y + 9, "Datum, Unterschrift", 2.6)
    form.sheet.frame(Rect(140, 38, 55, 40), 0.3, BLACK)
    form.sheet.text(142, 40, "Nur vom Amt auszufullen", 2.6)
    return [finish(form, Scan(skew=-3.4, blur=0.5, noise=2.0))]


def fax() -> list[RenderedPage]:
    """Two pages by fax, one bit a pixel."""
    pages = []
    contents = (("38104", "92756", "6013", "745829"), ("10937", "46285", "8270", "351964"))
    for number, content in enumerate(contents):
        by = writer(15 + number, 200, (EUROPEAN, AMERICAN)[number], Pen(BLACK), 0.65)
        title = f"Stock report, page {number + 1} of 2"
        form = start(5 + number, title, "Send by fax before noon.", by, 200, (210, 148))
        labels = ("Branch", "Boxes in", "Boxes out", "Value")
        fields = [Field(*pair) for pair in zip(labels, content, strict=True)]
        column(form, fields, replace(COMB, outer=THICK), 40, 20, (9, 11))
        tilt = (0.6, -0.5)[number]
        pages.append(finish(form, Scan(skew=tilt, fax=True, blur=0.6, noise=8, dirt=0.04)))
    return pages


def photo() -> list[RenderedPage]:
    """A form photographed with a phone that was held upright."""
    by = writer(17, 170, EUROPEAN, Pen(BLUE, 0.95), 0.6)
    form = start(7, "Ficha de paciente", "Una cifra en cada casilla.", by, 170, (148, 210))
    fields = (
        Field("Historia no.", "8204619"), Field("Fecha", "05112023"), Field("Edad", "47"),
        Field("Peso (kg)", "073"), Field("Altura (cm)", "168"), Field("Telefono", "93521704"),
    )  # fmt: skip
    y = column(form, fields, COMB, 40, 20, (8, 10.5), 52)
    for i, label in enumerate(("fuma", "diabetes", "alergias")):
        form.sheet.frame(Rect(15 + i * 40, y, 4, 4), 0.3, BLACK)
        form.sheet.text(21 + i * 40, y + 0.3, label, 3)
    scan = Scan(
        photo=True, skew=1.5, tilt=0.035, bend=0.006, shade=0.4, blur=0.6, noise=3, grey=False
    )
    return [finish(form, scan)]


def pdf() -> list[RenderedPage]:
    """Travel expenses, scanned into a PDF."""
    by = writer(18, 150, SCHOOL, Pen(BLUE, 0.95), 0.55)
    form = start(8, "Travel expenses", "Amounts in whole units of money.", by, 150, (210, 160))
    form.sheet.text(15, 42, "Date of travel", 3.3)
    x = 65.0
    for i, part in enumerate(("28", "09", "2024")):
        x = form.row(Rect(x, 38, 7, 9), symbols(part), COMB) + 5
        if i < 2:
            form.sheet.text(x - 3.4, 39.5, "/", 5)
    fields = (
        Field("Staff no.", "601947"), Field("Train", "0183"), Field("Hotel", "0425"),
        Field("Meals", "0067"), Field("Sum", "0675"),
    )  # fmt: skip
    column(form, fields, COMB, 56, 15)
    return [finish(form, Scan(skew=0.3, blur=0.5, noise=1.5))]


def blanks() -> list[RenderedPage]:
    """Survey with boxes left empty, crossed out or dashed."""
    by = writer(19, 150, EUROPEAN, Pen(BLACK, 0.95), 0.55)
    note = "Cross out what does not apply; leave unknown numbers empty."
    form = start(9, "Survey of households", note, by, 150, (210, 160))
    fields = (
        Field("Household no.", "  3815"), Field("Persons", " 4"), Field("Rooms", "X6"),
        Field("Income", "--2740"), Field("Rent", "  950"), Field("Animals", "XXX"),
        Field("Interviewer", "70429"), Field("Remarks code", "      "),
    )  # fmt: skip
    column(form, fields, COMB, 36, 14)
    return [finish(form, Scan(blur=0.5))]


def tally() -> list[RenderedPage]:
    """Count of a polling station: boxes in a larger table, black bars beside them."""
    by = writer(20, 150, EUROPEAN, Pen(BLACK, 0.95), 0.55)
    form = start(10, "Tally of votes", "Polling station 014, sheet 2", by, 150, (210, 170))
    names = ("List A", "List B", "List C", "Invalid papers", "All papers")
    for i, (name, content) in enumerate(
        zip(names, ("127", "096", "038", "X15", "276"), strict=True)
    ):
        y = 34 + i * 25.0
        form.row(Rect(160, y, 11, 14), symbols(content), replace(COMB, inner=THIN))
        form.sheet.fill(Rect(70, y, 90, 14), BLACK)
        form.sheet.text(18, y + 4, f"{i + 1:02d}.", 5, bold=True)
        form.sheet.text(32, y + 5, name, 3.6, bold=True)
        form.sheet.text(162, y + 15.5, "(in words below)", 2.4)
        form.sheet.rule((70, y), (70, y + 20), 0.3, BLACK)
        form.sheet.frame(Rect(15, y, 178, 20), 0.4, BLACK)
    return [finish(form, Scan(skew=-0.3, blur=0.5, watermark=0.06))]


def pencil() -> list[RenderedPage]:
    """Order for school meals: hard pencil on yellow paper with brown lines."""
    by = writer(21, 200, SCHOOL, Pen(GREY, 0.8, 0.3), 0.6)
    form = start(11, "School meals", "Number of meals for each day", by, 200, (148, 130))
    brown = LineStyle("colour", 0.3, (170, 110, 60))
    fields = [
        Field(day, meals)
        for day, meals in zip(
            ("School no.", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday"),
            ("40862", "137", "209", "158", "094", "176"),
            strict=True,
        )
    ]
    column(form, fields, RowStyle(outer=brown, inner=brown), 34, 15, (8, 10), 52)
    return [finish(form, Scan((250, 238, 180), blur=0.5, noise=2, grey=False))]


def cover() -> list[RenderedPage]:
    """Cover of an examination paper: boxes that stand apart."""
    by = writer(22, 150, AMERICAN, Pen(BLUE, 0.95), 0.5)
    form = start(12, "Examination paper", "To be filled in by the candidate", by, 150, (210, 148))
    fields = (
        Field("Student no.", "20318647"), Field("Room", "105"), Field("Seat", "92"),
        Field("Points", "073"), Field("Sheets", "04"),
    )  # fmt: skip
    y = column(form, fields, SEPARATE, 36, 15, (8, 10))
    form.sheet.text(15, y + 3, "Answers are marked on the other side. Do not fold.", 3)
    return [finish(form, Scan(skew=0.5, blur=0.5, noise=2.0))]


SAMPLES: dict[str, Callable[[], list[RenderedPage]]] = {
    "blanks_and_crosses.png": blanks,
    "comb.png": comb,
    "fax_two_pages.tif": fax,
    "grid.png": grid,
    "pencil_on_yellow.jpg": pencil,
    "phone_photo.jpg": photo,
    "scan_in_pdf.pdf": pdf,
    "school_7b/exam_cover.jpg": cover,
    "separate_boxes.jpg": separate,
    "skewed.jpg": skewed,
    "tally_black_bars.png": tally,
}
"""File name -> function that draws its pages, in the order of truth.csv."""


def store(pages: Sequence[RenderedPage], path: Path) -> None:
    """Write a sample in the format that its suffix tells; the bytes are the same every time."""
    images = [Image.fromarray(page.image) for page in pages]
    dpi = (pages[0].dpi, pages[0].dpi)
    if path.suffix == ".png":
        images[0].save(path, optimize=True, dpi=dpi)
    elif path.suffix == ".tif":
        bits = [image.convert("1") for image in images]
        bits[0].save(
            path, compression="group4", save_all=True, append_images=bits[1:], dpi=(204, 196)
        )
    elif path.suffix == ".pdf":
        epoch = time.gmtime(0)
        images[0].save(path, resolution=dpi[0], creationDate=epoch, modDate=epoch)
    elif path.stem == "phone_photo":
        # Stored as phones do: as the sensor lies, with a tag that says how to turn the image.
        exif = Image.Exif()
        exif[0x0112] = 6
        images[0].rotate(90, expand=True).save(path, quality=75, exif=exif)
    else:
        images[0].save(path, quality=70, dpi=dpi)


def make(folder: Path) -> None:
    """Write all samples and truth.csv into a folder."""
    rows = []
    for name, draw in SAMPLES.items():
        pages = draw()
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        store(pages, path)
        for number, page in enumerate(pages):
            rows += truth_rows(page, name, number)
    with (folder / "truth.csv").open("w", encoding="utf-8", newline="") as out:
        table = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(rows)


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
