"""`scan --template auto`: the forms are learned from the scanned pages themselves."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from PIL import Image

from formreader import ScanEvent, scan
from formreader.batch import auto_forms
from formreader.core.errors import UsageError
from formreader.synth import Filling, FormSpec, Plan, render_form
from formreader.template.template_file import PAGE_FILE, TEMPLATE_FILE

SPEC = FormSpec("comb", "clean", dpi=100, plan=Plan(filling=Filling(0.0)))

PAGES = (("a0", 7, 0), ("a1", 7, 1), ("b0", 8, 0), ("c0", 9, 0), ("d2", 7, 2), ("e1", 8, 1))
"""Name, form and filling of the pages, in the order in which they are read; c0 is like no other."""


@pytest.fixture(scope="module")
def pile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pile")
    for name, seed, filling in PAGES:
        page = render_form(seed, SPEC, filling=filling)
        Image.fromarray(page.image).save(folder / f"{name}.png")
    return folder


def read(pile: Path, out: Path, stop_after: int = 0, *, fresh: bool = False) -> int:
    """Scan the pile; return how many pages this run read."""
    seen = 0

    def progress(event: ScanEvent) -> bool:
        nonlocal seen
        seen += 1
        return seen != stop_after

    summary = scan(
        [pile], out, rows="page", template="auto", workers=1, report="none", fresh=fresh,
        progress=progress, split_forms=False,
    )  # fmt: skip
    return summary.read


@pytest.mark.slow
def test_forms_are_learned_from_the_scanned_pages(pile: Path, tmp_path: Path) -> None:
    out = tmp_path / "results.csv"
    assert read(pile, out) == len(PAGES)
    with out.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    forms = {row["file"][:2]: row["form"] for row in rows}
    assert forms["a0"] == forms["a1"] == forms["d2"] != ""
    assert forms["b0"] == forms["e1"] not in ("", forms["a0"])
    assert forms["c0"] == ""
    lone = next(row for row in rows if row["form"] == "")
    assert lone["status"] == "review" and "no form that other pages" in lone["message"]
    assert all(row["message"] == "" for row in rows if row["form"])
    templates = tmp_path / "results.templates"
    for form in {*forms.values()} - {""}:
        assert (templates / form / TEMPLATE_FILE).is_file()
        assert (templates / form / PAGE_FILE).is_file()
    assert read(pile, out) == 0  # the same command reads no page twice
    # A person named a field: no scan goes on with it unasked, nor replaces it.
    path = templates / forms["a0"] / TEMPLATE_FILE
    path.write_text(path.read_text().replace('"F01"', '"date"'))
    with pytest.raises(UsageError, match="changed since this scan learned them"):
        read(pile, out)
    with pytest.raises(UsageError, match="would replace these templates"):
        read(pile, out, fresh=True)
    assert '"date"' in path.read_text()


@pytest.mark.slow
def test_an_interrupted_scan_learns_the_same(
    pile: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auto_forms, "_FIRST_BLOCK", 3)
    monkeypatch.setattr(auto_forms, "_NEXT_BLOCKS", 2)
    whole, parts = tmp_path / "whole.csv", tmp_path / "parts.csv"
    read(pile, whole)
    runs = 0
    while read(pile, parts, stop_after=2):
        runs += 1
    assert runs > 1
    assert parts.read_bytes() == whole.read_bytes()
    pictures = [
        (out.with_suffix(".templates") / form / PAGE_FILE).read_bytes()
        for form in ("form-1", "form-2")
        for out in (whole, parts)
    ]
    assert pictures[0] == pictures[1] and pictures[2] == pictures[3]
