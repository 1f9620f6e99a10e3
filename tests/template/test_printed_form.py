"""Templates printed as empty forms: what is on the sheet, and that filled-in ones are read."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pypdfium2 as pdfium
import pytest
from click.testing import Result
from PIL import Image

from formreader import scan
from formreader.core.errors import ExitCode
from formreader.core.geometry import MM_PER_INCH, Box
from formreader.input.pdf import read_pdf
from formreader.output.pdf_drawing import PdfPage, pdf_bytes, text_width
from formreader.rules.form_rules import FieldRules
from formreader.synth import (
    Filling,
    Form,
    FormSpec,
    Hand,
    HandSource,
    Kind,
    Pen,
    Plan,
    Rect,
    Sheet,
    Writer,
    finish,
    render_form,
    sample_scan,
)
from formreader.template.form_book import templates_hash
from formreader.template.form_template import FieldPlace, FormTemplate
from formreader.template.printed_form import print_templates
from formreader.template.template_file import read_template, template_text
from shared.number_forms import fill_number_cell

RunProgram = Callable[..., Result]

DPI = 150


def row(name: str, left: float, top: float, boxes: int, rules: FieldRules) -> FieldPlace:
    places = tuple(Box(left + 28 * i, top + i % 2, 28, 36) for i in range(boxes))  # not quite even
    return FieldPlace(name, places, rules=rules)


CLIMATE = FormTemplate(
    "Klima (Größe)",
    (827, 1170),
    (
        row("station", 250, 180, 5, FieldRules()),
        row("level", 250, 260, 4, FieldRules(kind="decimal", decimals=(1, 1), separator=",")),
        *(
            FieldPlace(f"{name}_{hour}_00", cell=Box(240 + 120 * x, 420 + 48 * y, 119, 47))
            for y, name in enumerate(("temperature", "wind_speed", "pressure"))
            for x, hour in enumerate(("08", "12", "16", "20"))
        ),
    ),
)


def write_text(folder: Path, template: FormTemplate) -> Path:
    """A template of template.toml alone, as people write it who have no form yet."""
    folder.mkdir(parents=True)
    (folder / "template.toml").write_text(template_text(template), encoding="utf-8")
    return folder


def fill_in(
    pdf: Path, page: int, template: FormTemplate, kind: Kind, seed: int, scanned: Path
) -> dict[str, str]:
    """Fill in a printed form and scan it; gives what was written into each field."""
    rng = np.random.default_rng([31, seed])
    sheet = read_pdf(io.BytesIO(pdf.read_bytes()), page, 2**26)
    image, dpi = sheet.image, sheet.dpi
    height, width = (side / dpi * MM_PER_INCH for side in image.shape)
    hand = Hand.sample(rng)
    writer = Writer(HandSource(hand, DPI), Pen.sample(hand.pen, rng), hand.wander)
    form = Form(Sheet(width, height, DPI), writer, rng)
    size = form.sheet.image.shape[1::-1]
    form.sheet.image[:] = cv2.resize(image, size, interpolation=cv2.INTER_AREA)[:, :, None]
    scale = min(width / template.size[0], height / template.size[1])
    left, top = width - scale * template.size[0], height - scale * template.size[1]
    written = dict[str, str]()
    for field in template.fields:
        rects = [
            Rect(
                left / 2 + b.left * scale,
                top / 2 + b.top * scale,
                b.width * scale,
                b.height * scale,
            )
            for b in field.parts
        ]
        if field.cell is None:
            written[field.name] = "".join(map(str, rng.integers(1, 10, len(rects))))
            form.fill(rects, written[field.name])
        else:
            written[field.name] = str(rng.integers(100, 1000))
            fill_number_cell(form, rects[0], written[field.name])
    Image.fromarray(finish(form, sample_scan(kind, rng)).image).save(scanned, dpi=(DPI, DPI))
    return written


def rows_of(out: Path) -> dict[str, dict[str, str]]:
    with out.open(encoding="utf-8", newline="") as stream:
        return {one["file"]: one for one in csv.DictReader(stream)}


@pytest.mark.slow
def test_printed_forms_are_read_with_their_template(program: RunProgram, tmp_path: Path) -> None:
    folder = write_text(tmp_path / "templates" / "climate", CLIMATE)
    # Not of paper's proportions, so that it is small on its sheet.
    fields = (row("a", 300, 200, 6, FieldRules()), row("b", 300, 300, 6, FieldRules()))
    wide = FormTemplate("wide", (1170, 1000), fields)
    write_text(tmp_path / "templates" / "wide", wide)
    pdf, scans = tmp_path / "forms.pdf", tmp_path / "scans"
    printed = program("template", "print", folder.parent, "--out", pdf)
    assert printed.exit_code == ExitCode.DONE, printed.stderr
    assert program("template", "check", folder.parent).exit_code == ExitCode.DONE
    scans.mkdir()
    kinds: tuple[Kind, ...] = ("skew", "photo", "fax")
    expected = {
        f"{name}_{kind}.png": fill_in(pdf, page, form, kind, seed, scans / f"{name}_{kind}.png")
        for page, (name, form) in enumerate((("climate", CLIMATE), ("wide", wide)))
        for seed, kind in enumerate(kinds)
    }
    out = tmp_path / "results.csv"
    scan([scans], out, template=folder.parent, workers=2, report="none")
    for written in expected.values():
        if level := written.get("level"):
            written["level"] = f"{level[:-1]},{level[-1]}"
    with out.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    right = [one["value"] == expected[one["file"]][one["field"]] for one in rows]  # all have a name
    assert len(rows) == sum(map(len, expected.values())) and np.mean(right) > 0.95
    accepted = [one["status"] == "ok" for one in rows]
    assert np.mean(accepted) > 0.8 and all(np.array(right)[accepted])
    for one in rows:
        assert one["form"] == ("wide" if one["file"].startswith("wide") else CLIMATE.name)


@pytest.mark.slow
def test_the_form_of_the_template_and_the_printed_one_are_one_table(
    program: RunProgram, tmp_path: Path
) -> None:
    scans, pdf = tmp_path / "scans", tmp_path / "tally.pdf"
    scans.mkdir()
    spec = FormSpec("comb", "clean", dpi=DPI, plan=Plan(filling=Filling(0.0)))
    page = render_form(7, spec)
    Image.fromarray(page.image).save(scans / "old.png", dpi=(DPI, DPI))
    made = program(
        "template", "new", scans / "old.png", "--out", tmp_path / "tally", "--workers", 1, "-q"
    )
    assert made.exit_code == ExitCode.DONE, made.stderr
    before = templates_hash(tmp_path / "tally")
    assert program("template", "print", tmp_path / "tally", "--out", pdf).exit_code == 0
    assert templates_hash(tmp_path / "tally") != before  # a job goes on with the same ones only
    template = read_template(tmp_path / "tally")
    written = fill_in(pdf, 0, template, "clean", 4, scans / "new.png")
    out = tmp_path / "results.csv"
    scan([scans], out, rows="page", template=tmp_path / "tally", workers=1, report="none")
    rows = rows_of(out)
    assert {rows[file]["form"] for file in ("old.png", "new.png")} == {"tally"}
    assert {name: rows["new.png"][name] for name in written} == written
    first = "".join(box.symbol for box in page.truth if box.field == 0)
    assert rows["old.png"][template.fields[0].name] == first


def test_the_sheet_shows_names_once_and_a_table_by_rows_and_columns(tmp_path: Path) -> None:
    folder, pdf = write_text(tmp_path / "climate", CLIMATE), tmp_path / "climate.pdf"
    print_templates(folder, pdf)
    content = pdf.read_bytes()
    document = pdfium.PdfDocument(content)
    text = document[0].get_textpage().get_text_range()
    document.close()
    told = ["Klima (Größe)", "level", "pressure", "station", "temperature", "wind speed"]
    told += ["08 00", "12 00", "16 00", "20 00"]
    assert sorted(text.split()) == sorted(" ".join(told).split())
    print_templates(folder, pdf)
    assert pdf.read_bytes() == content
    # Boxes of one row stand on one line, and the codes of another form are other ones.
    printed = np.asarray(Image.open(folder / "printed.png"))
    tops = (printed[170:195, 252:388] < 160).argmax(axis=0)
    assert tops.min() > 0 and np.ptp(tops) == 0
    write_text(tmp_path / "other", replace(CLIMATE, name="Klima (Grösse)"))
    print_templates(tmp_path / "other", tmp_path / "other.pdf")
    other = np.asarray(Image.open(tmp_path / "other" / "printed.png"))
    codes = [picture[-120:, :120] < 128 for picture in (printed, other)]
    assert codes[0].sum() > 500 and (codes[0] & codes[1]).sum() < 0.75 * codes[0].sum()


def test_a_form_that_is_full_of_fields_has_names_in_them(tmp_path: Path) -> None:
    cells = tuple(
        FieldPlace(f"n{y}x{x * y + 3 * x}", cell=Box(80 * x, 40 * y, 80, 40))
        for y in range(25)
        for x in range(10)
    )
    folder = write_text(tmp_path / "full", FormTemplate("full", (800, 1000), cells))
    (template,) = print_templates(folder, tmp_path / "full.pdf", "letter")
    document = pdfium.PdfDocument(tmp_path / "full.pdf")
    text = document[0].get_textpage().get_text_range().split()
    width, height = document[0].get_size()
    document.close()
    assert set(text) >= {field.name for field in template.fields} and (width, height) == (612, 792)


def test_what_cannot_be_printed_is_told(program: RunProgram, tmp_path: Path) -> None:
    folder = write_text(tmp_path / "climate", CLIMATE)
    refused = program("template", "print", folder, "--out", tmp_path / "form.png")
    assert refused.exit_code == ExitCode.USAGE and ".pdf" in refused.stderr
    nowhere = program("template", "print", folder, "--out", tmp_path / "no" / "form.pdf")
    assert nowhere.exit_code == ExitCode.OUTPUT
    assert not (folder / "printed.png").exists()
    missing = program("template", "print", tmp_path / "none", "--out", tmp_path / "form.pdf")
    assert missing.exit_code == ExitCode.TEMPLATE


def test_letters_that_a_pdf_has_not_lose_their_accents() -> None:
    page = PdfPage(100, 50)
    page.text(10, 20, "Łódź (ž) \\ Ж é", 5)
    document = pdfium.PdfDocument(pdf_bytes([page]))
    text = document[0].get_textpage().get_text_range()
    right = document[0].get_textpage().get_charbox(0)[0]
    document.close()
    assert text == "?ódz (ž) \\ ? é"
    assert right == pytest.approx(10 * 72 / 25.4, abs=2)
    assert text_width("ii", 10) < text_width("mm", 10) < text_width("mm", 10, bold=True)
