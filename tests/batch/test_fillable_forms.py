"""Fillable PDFs: their fields are a template, and what was typed into them is read from them."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import pytest
from click.testing import Result
from fillable_pdf import COMB, Field, action, fillable_pdf, frames, text

from formreader.api import scan
from formreader.core.doubts import Doubt
from formreader.core.errors import ExitCode
from formreader.input.pdf import read_pdf
from formreader.output.wording import sentence
from formreader.template.template_file import read_template

TYPED = {
    "case_no": "3805142", "reported": "24112026", "hours": "1234.5", "lastname": "Miller 3",
    "w1.site": "105", "w2.site": "37",
}  # fmt: skip
READ = {
    "case_no": "3805142", "reported": "2026-11-24", "hours": "1234.5", "w1_site": "105",
    "w2_site": "37",
}  # fmt: skip
ROWS = {"case_no": 7, "reported": 8}
ACTIONS = {
    "reported": action('AFDate_KeystrokeEx("ddmmyyyy");'),
    "hours": action('AFNumber_Format(2,0,0,0,"",false);', "F"),
}


def page(values: dict[str, str]) -> tuple[str, list[Field]]:
    """A page of a form: combs, cells, a tick and a signature."""
    drawn, fields = [text(60, 780, "Works report of the district, please write clearly", 16)], []
    for i, name in enumerate(TYPED):
        bottom, n = 700 - 50 * i, ROWS.get(name, 0)
        place = (220, bottom, 220 + (18 * n or 120), bottom + 24)
        drawn += [text(60, bottom + 8, f"Line {i} {name}: enter here"), frames([place], n or 1)]
        inner = (place[0] + 1, place[1] + 1, place[2] - 1, place[3] - 1)
        length = {"length": n, "flags": COMB} if n else {}
        fields.append(
            Field(f"form.{name}", inner, values.get(name, ""), keys=ACTIONS.get(name, ""), **length)
        )
    fields += [
        Field("agree", (60, 100, 75, 115), kind="/Btn"),
        Field("signature", (220, 100, 400, 130), kind="/Sig"),
    ]
    return "\n".join(drawn), fields


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture
def form(tmp_path: Path, program: Callable[..., Result]) -> Path:
    """The folder of the template of the blank form."""
    (tmp_path / "blank.pdf").write_bytes(fillable_pdf([page({})]))
    folder = tmp_path / "templates" / "works"
    result = program("template", "new", tmp_path / "blank.pdf", "--out", folder, "--workers", 1)
    assert result.exit_code == ExitCode.DONE
    assert "6 fields, 1 of them for words" in result.stderr
    return folder


def scanned(tmp_path: Path, data: bytes, form: Path, **options: Any) -> list[dict[str, str]]:
    (tmp_path / "filled.pdf").write_bytes(data)
    out = tmp_path / "out.csv"
    scan([tmp_path / "filled.pdf"], out, template=form, workers=1, report="none", **options)
    return rows_of(out)


def test_the_fields_are_the_template(form: Path) -> None:
    fields = {field.name: field for field in read_template(form).fields}
    assert list(fields) == ["case_no", "reported", "hours", "lastname", "w1_site", "w2_site"]
    assert {name: len(field.boxes) for name, field in fields.items() if field.boxes} == ROWS
    kinds = {name: field.rules.kind for name, field in fields.items() if field.rules.kind}
    assert kinds == {"reported": "date", "hours": "decimal", "lastname": "ignore"}
    assert fields["reported"].rules.date == "DDMMYYYY"
    # The first comb lies at 220 points of 595, which are as many shares of the page.
    width = read_template(form).size[0]
    assert fields["case_no"].boxes[0].left == pytest.approx(220 / 595 * width, abs=2)


@pytest.mark.slow
@pytest.mark.parametrize("turned", [0, 90])
def test_what_was_typed_is_read_from_the_fields(tmp_path: Path, form: Path, turned: int) -> None:
    keys = f"/MediaBox[0 0 595 842]/Rotate {turned}"
    (row,) = scanned(tmp_path, fillable_pdf([page(TYPED)], page_keys=keys), form, rows="page")
    assert row["status"] == "ok"
    assert {name: row[name] for name in READ} == READ


@pytest.mark.slow
def test_typed_values_say_so_and_words_are_for_review(tmp_path: Path, form: Path) -> None:
    typed = TYPED | {"w1.site": "about 9", "w2.site": "", "case_no": "38051x2"}
    rows = {row["field"]: row for row in scanned(tmp_path, fillable_pdf([page(typed)]), form)}
    assert rows["reported"]["value"] == rows["reported"]["cells"] == "24112026"
    assert rows["hours"]["value"] == "1234.5" and rows["hours"]["message"] == sentence(Doubt.TYPED)
    told = {name: (row["status"], row["message"]) for name, row in rows.items()}
    assert told["w1_site"] == told["case_no"] == ("review", sentence(Doubt.TYPED_OTHERWISE))
    assert told["w2_site"] == ("blank", "")


@pytest.mark.slow
def test_typed_numbers_are_read_without_a_template(tmp_path: Path) -> None:
    (tmp_path / "filled.pdf").write_bytes(fillable_pdf([page(TYPED)]))
    scan([tmp_path / "filled.pdf"], tmp_path / "out.csv", workers=1)
    rows = [row for row in rows_of(tmp_path / "out.csv") if row["message"] == sentence(Doubt.TYPED)]
    assert [row["value"] for row in rows] == ["3805142", "24112026", "1234.5", "105", "37"]
    assert {row["status"] for row in rows} == {"ok"}


@pytest.mark.slow
def test_a_printed_form_is_read_by_looking(tmp_path: Path, form: Path) -> None:
    blank = read_pdf(io.BytesIO(fillable_pdf([page({})])), 0, 2**26).image
    cv2.imwrite(str(tmp_path / "printed.png"), cv2.resize(blank, None, fx=2 / 3, fy=2 / 3))
    scan([tmp_path / "printed.png"], tmp_path / "out.csv", template=form, workers=1)
    rows = rows_of(tmp_path / "out.csv")
    assert [row["field"] for row in rows] == list(READ)
    assert {row["form"] for row in rows} == {"works"}
    # Places that miss the printed lines by a point see these as writing beside the field.
    assert {(row["status"], row["value"]) for row in rows} == {("blank", "")}


@pytest.mark.slow
def test_each_page_is_a_form(tmp_path: Path, program: Callable[..., Result]) -> None:
    drawn, fields = page({})
    other = drawn.replace("Works report", "Second page"), [Field("total", (220, 700, 340, 724))]
    nothing = text(60, 780, "How to fill in this form"), list[Field]()
    pdf, out = tmp_path / "long.pdf", tmp_path / "long"
    pdf.write_bytes(fillable_pdf([(drawn, fields), nothing, other]))
    result = program("template", "new", pdf, "--out", out, "--workers", 1)
    assert result.exit_code == ExitCode.DONE
    assert result.stdout.split() == [str(out / "long-1"), str(out / "long-2")]
    assert "1 of 3 pages have no field" in result.stderr
    assert [field.name for field in read_template(out / "long-2").fields] == ["total"]
    again = program("template", "new", pdf, "--out", out, "--workers", 1)
    assert again.exit_code == ExitCode.USAGE


@pytest.mark.slow
def test_a_pen_on_a_typed_pdf_is_read_by_looking(tmp_path: Path, form: Path) -> None:
    drawn, fields = page(TYPED | {"w2.site": ""})
    (left, bottom, *_) = next(one.rect for one in fields if one.name.endswith("w2.site"))
    points = [(12, 18), (21, 18), (18, 11), (15, 4)]  # a seven
    stroke = " ".join(f"{left + x} {bottom + y}" for x, y in points)
    area = f"[{left} {bottom} {left + 30} {bottom + 22}]"
    ink = f"<</Type/Annot/Subtype/Ink/Rect{area}/InkList[[{stroke}]]/C[0 0 0]/BS<</W 1.4>>/F 4>>"
    rows = scanned(tmp_path, fillable_pdf([(drawn, [*fields, ink])]), form)
    read = {row["field"]: (row["value"], row["message"] == sentence(Doubt.TYPED)) for row in rows}
    assert read["w2_site"] == ("7", False)
    assert read["w1_site"] == ("105", True)


@pytest.mark.slow
def test_rules_hold_for_what_was_typed(tmp_path: Path, form: Path) -> None:
    file = form / "template.toml"
    text_of = file.read_text("utf-8")
    file.write_text(text_of.replace('name = "w1_site"', 'name = "w1_site"\nmax = 100'), "utf-8")
    rows = {row["field"]: row for row in scanned(tmp_path, fillable_pdf([page(TYPED)]), form)}
    assert (rows["w1_site"]["value"], rows["w1_site"]["status"]) == ("105", "review")
    assert "above 100" in rows["w1_site"]["message"]
