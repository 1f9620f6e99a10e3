"""From a pile of scans to templates, and with them to a table with one row a form."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from PIL import Image

from formreader import load_results, scan
from formreader.batch import template_learning
from formreader.core.errors import ExitCode, OutputError, TemplateError, UsageError
from formreader.core.geometry import Box
from formreader.core.options import ScanOptions
from formreader.core.records import GreyImage
from formreader.synth import Filling, FormSpec, Plan, render_form
from formreader.template.form_template import FieldPlace, FormTemplate
from formreader.template.pile_sorting import LearnedForm

Moments = Callable[[Path], AbstractContextManager[list[Path]]]
SPEC = FormSpec("comb", "clean", dpi=150, plan=Plan(filling=Filling(0.0)))


def draw(folder: Path, name: str, seed: int, filling: int) -> list[str]:
    """Save a page of the form `seed`; return what is written in its fields."""
    page = render_form(seed, SPEC, filling=filling)
    Image.fromarray(page.image).save(folder / name)
    fields = dict[int, str]()
    for box in page.truth:
        fields[box.field] = fields.get(box.field, "") + box.symbol
    return list(fields.values())


@pytest.fixture(scope="module")
def pile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pile")
    for filling in range(3):
        draw(folder, f"a{filling}.png", 7, filling)
    draw(folder, "b0.png", 8, 0)
    return folder


@pytest.fixture(scope="module")
def templates(pile: Path) -> Path:
    from formreader.cli.main import main

    out = pile.parent / "templates"
    with pytest.raises(SystemExit) as ended:
        main.main(["template", "learn", str(pile), "--out", str(out), "--workers", "1", "-q"])
    assert ended.value.code == ExitCode.DONE
    return out


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.slow
def test_each_form_is_learned_once(templates: Path) -> None:
    assert sorted(path.name for path in templates.iterdir()) == ["form-1", "form-2"]


@pytest.mark.slow
def test_a_row_a_form(pile: Path, templates: Path, tmp_path: Path) -> None:
    text = (templates / "form-1" / "template.toml").read_text()
    assert '"F01"' in text
    scans = tmp_path / "scans"
    scans.mkdir()
    values = draw(scans, "new.png", 7, 9)
    draw(scans, "strange.png", 30, 0)
    out = tmp_path / "results.csv"
    scan([scans], out, rows="page", template=templates, workers=1, report="none")
    known, strange = rows_of(out)
    assert list(known)[:5] == ["file", "page", "form", "status", "review"]
    assert known["form"] == "form-1"
    read = [value for name, value in known.items() if name.startswith("F") and value]
    assert sum(value in read for value in values) >= 0.8 * len(values)
    assert strange["form"] == "" and strange["status"] == "review"
    assert "no form that a template describes" in strange["message"]
    assert load_results(out)["F01"].tolist() == [known["F01"], ""]
    scan([scans], out, rows="field", template=templates, workers=1, report="none")
    fields = rows_of(out)
    assert fields[0]["form"] == "form-1" and fields[0]["field"] == "F01"
    assert any(row["file"] == "strange.png" and row["field"] == "1" for row in fields)
    assert load_results(out)["field"].tolist()[0] == "F01"


@pytest.mark.slow
def test_a_page_that_is_cut_off_is_for_review(templates: Path, tmp_path: Path) -> None:
    draw(tmp_path, "whole.png", 7, 9)
    with Image.open(tmp_path / "whole.png") as whole:
        edge = round(0.45 * whole.width)
        whole.crop((0, 0, edge, whole.height)).save(tmp_path / "cut.png")
    out = tmp_path / "results.csv"
    scan([tmp_path / "cut.png", tmp_path / "whole.png"], out,
         rows="field", template=templates, workers=1, report="none")  # fmt: skip
    rows = [row for row in rows_of(out) if row["form"] == "form-1"]
    cut, whole = (
        [row for row in rows if row["file"] == f"{name}.png"] for name in ("cut", "whole")
    )
    assert [row["field"] for row in cut] == [row["field"] for row in whole]
    beyond = [int(row["x"]) + int(row["width"]) > edge + 5 for row in cut]
    assert any(int(row["x"]) > edge for row in cut)
    for row, is_beyond in zip(cut, beyond, strict=True):
        assert ("the page does not show all of the field" in row["message"]) == is_beyond
        assert not is_beyond or row["status"] == "review"
    assert not any("does not show" in row["message"] for row in whole)


@pytest.mark.slow
def test_a_row_a_document_and_a_table_a_form(
    pile: Path, templates: Path, tmp_path: Path, program: Callable[..., Result]
) -> None:
    both = tmp_path / "templates"
    shutil.copytree(templates, both)
    front, back = (both / name / "template.toml" for name in ("form-1", "form-2"))
    back.write_text(back.read_text().replace('name = "F', 'name = "B'))
    front.write_text(f'{front.read_text()}\n[document]\npages = ["form-1", "form-2"]\n')
    assert program("template", "check", both).exit_code == ExitCode.DONE
    scans = tmp_path / "scans"
    scans.mkdir()
    a0, a1, b0 = (Image.open(pile / f"{name}.png") for name in ("a0", "a1", "b0"))
    a0.save(scans / "whole.tif", save_all=True, append_images=[b0, a1])
    draw(scans, "strange.png", 30, 0)
    out = tmp_path / "results.jsonl"
    command = ("scan", scans, "--rows", "page", "--template", both, "--report", "none")
    done = program(*command, "--workers", 1, "--out", out, "--split-forms")
    assert done.exit_code == ExitCode.DONE, done.output
    part = tmp_path / "results.form-1.jsonl"
    assert done.stdout.split() == [str(out), str(part)]
    (strange,) = map(json.loads, out.read_text().splitlines())
    assert strange["file"] == "strange.png"
    whole, half = map(json.loads, part.read_text().splitlines())
    assert (whole["page"], half["page"]) == (1, 3)
    assert {"F01", "B01"} <= set(whole["values"]) and "B01" not in half["values"]
    assert half["message"] == "page 2 (form-2) is missing" and half["status"] == "review"
    name, value = next((name, value) for name, value in whole["values"].items() if value)
    whole["values"][name] = said = "4" * len(value)
    edited = tmp_path / "edited.jsonl"
    edited.write_text(json.dumps(whole))
    assert program("correct", edited, "--to", out).exit_code == ExitCode.DONE
    assert json.loads(part.read_text().splitlines()[0])["values"][name] == said
    done = program(*command, "--workers", 1, "--out", out)
    assert done.exit_code == ExitCode.DONE and not part.exists()
    assert [json.loads(line)["page"] for line in out.read_text().splitlines()] == [1, 1, 3]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--split-forms",), "give --rows page"),
        (("--split-forms", "--rows", "page", "--template", "auto", "--out", "-"), "Give --out"),
    ],
)
def test_what_cannot_be_split_is_told(
    program: Callable[..., Result], samples: Path, arguments: tuple[str, ...], told: str
) -> None:
    refused = program("scan", samples / "comb.png", *arguments)
    assert refused.exit_code == ExitCode.USAGE and told in refused.stderr


@pytest.mark.slow
def test_rules_of_a_template_are_checked_in_a_scan(
    pile: Path, templates: Path, tmp_path: Path, program: Callable[..., Result]
) -> None:
    ruled = tmp_path / "ruled"
    shutil.copytree(templates / "form-1", ruled)
    file = ruled / "template.toml"
    file.write_text(file.read_text().replace('name = "F01"', 'name = "F01"\ndigits = 1'))
    out = tmp_path / "results.csv"
    scan([pile / "a0.png"], out, template=ruled, workers=1, report="none")
    first, *others = rows_of(out)
    assert (first["field"], first["status"], first["message"]) == (
        "F01",
        "review",
        first["message"],
    )
    assert first["message"].endswith("digits, and should have 1")
    plain = tmp_path / "plain.csv"
    scan([pile / "a0.png"], plain, template=templates / "form-1", workers=1, report="none")
    assert others == rows_of(plain)[1:]
    scan([pile / "a0.png"], out, rows="page", template=ruled, workers=1, report="none")
    (page,) = rows_of(out)
    assert page["review"].split("; ")[0] == "F01" and page["message"] == first["message"]
    file.write_text(file.read_text().replace("digits = 1", 'digits = "many"'))
    checked = program("template", "check", ruled)
    assert checked.exit_code == ExitCode.TEMPLATE
    assert "line" in checked.stderr and "digits: must be a number such as 3" in checked.stderr


def test_a_blank_pdf_is_a_template(program: Callable[..., Result], tmp_path: Path) -> None:
    blank = render_form(7, replace(SPEC, plan=Plan(filling=Filling(1.0))), filling=0)
    Image.fromarray(blank.image).save(tmp_path / "blank.pdf", resolution=150)
    template = tmp_path / "tally"
    result = program("template", "new", tmp_path / "blank.pdf", "--out", template, "--workers", 1)
    assert result.exit_code == ExitCode.DONE
    values = draw(tmp_path, "filled.png", 7, 3)
    out = tmp_path / "results.csv"
    scan([tmp_path / "filled.png"], out, rows="page", template=template, workers=1, report="none")
    (row,) = rows_of(out)
    assert row["form"] == "tally"
    read = [value for name, value in row.items() if name.startswith("F")]
    assert sum(value in read for value in values) >= 0.8 * len(values)


@pytest.mark.slow
def test_a_changed_template_does_not_continue_a_job(
    pile: Path, templates: Path, tmp_path: Path
) -> None:
    out = tmp_path / "results.csv"
    scan([pile / "a0.png"], out, rows="page", template=templates, workers=1, report="none")
    other = templates / "form-2"
    with pytest.raises(UsageError, match="--template"):
        scan([pile / "a0.png"], out, rows="page", template=other, workers=1, report="none")


def test_rows_of_pages_need_a_template(samples: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--rows page needs a template"):
        scan([samples], tmp_path / "results.csv", rows="page")


def test_a_missing_template_ends_with_its_exit_code(
    program: Callable[..., Result], samples: Path, tmp_path: Path
) -> None:
    with pytest.raises(TemplateError, match="no template in it"):
        scan([samples], tmp_path / "results.csv", template=tmp_path)
    result = program("template", "check", tmp_path)
    assert result.exit_code == ExitCode.TEMPLATE


def test_templates_are_never_replaced(
    program: Callable[..., Result], samples: Path, tmp_path: Path
) -> None:
    (tmp_path / "template.toml").write_text("")
    for command in ("learn", "new"):
        result = program("template", command, samples, "--out", tmp_path)
        assert result.exit_code == ExitCode.USAGE
        assert "would be replaced" in result.stderr


def test_a_disk_that_is_full_leaves_no_template(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the same command would refuse to replace those that were written."""
    (tmp_path / "form-1").mkdir()
    (tmp_path / "form-1/notes.txt").write_text("mine")

    def write(folder: Path, template: FormTemplate, page: GreyImage) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / template_learning.PAGE_FILE).write_bytes(b"page")
        if template.name == "form-2":
            raise OutputError("page.png: cannot be written: No space left on device")
        (folder / template_learning.TEMPLATE_FILE).write_bytes(b"template")

    monkeypatch.setattr(template_learning, "write_template", write)
    page = np.zeros((10, 10), np.uint8)
    forms = [LearnedForm(FormTemplate(f"form-{i}", (10, 10), ()), page, ()) for i in (1, 2, 3)]
    with pytest.raises(OutputError, match="No space left"):
        template_learning._write_all(tmp_path, forms)
    assert [path.name for path in tmp_path.rglob("*")] == ["form-1", "notes.txt"]


def test_a_kill_while_templates_are_written_leaves_none_or_all_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moments: Moments
) -> None:
    """What was written would look like all forms of the pile, and the same command refuse it."""
    page = np.zeros((10, 10), np.uint8)
    forms = [
        LearnedForm(
            FormTemplate(f"form-{i}", (10, 10), (FieldPlace("F", cell=Box(1, 1, 5, 5)),)), page, ()
        )
        for i in (1, 2, 3)
    ]
    monkeypatch.setattr(template_learning, "_read_pile", lambda *_: forms)
    monkeypatch.setattr(template_learning, "sort_pile", lambda pages: pages)
    monkeypatch.setattr(template_learning, "learned_form", lambda form, _: form)

    def learn(out: Path) -> dict[str, bytes]:
        template_learning.learn_templates(ScanOptions(("pile",)), out, object())  # type: ignore[arg-type]
        return content(out)

    def content(out: Path) -> dict[str, bytes]:
        files = (path for path in out.rglob("*") if path.is_file())
        return {path.relative_to(out).as_posix(): path.read_bytes() for path in files}

    with moments(tmp_path) as left:
        whole = learn(tmp_path / "out")
    assert len(whole) == 6
    seen = set[int]()
    for folder in left:
        out = folder / "out"
        found = len(list(out.glob("*/template.toml")))
        seen.add(found)
        if found:  # then all were written, and the same command moves what is left
            with pytest.raises(UsageError, match="a template is there already"):
                learn(out)
            assert content(out) == whole
        else:
            assert learn(out) == whole
    assert seen == {0, 1, 2, 3}
