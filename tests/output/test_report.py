from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from formreader.core.errors import OutputError
from formreader.core.printable import printable
from formreader.core.records import PageRemark, ReviewField, Status
from formreader.output.report import report, report_fields
from formreader.output.report.report import ReportSummary, page_sources, write_report

MakeField = Callable[..., ReviewField]

ATTACK = "</script><img src=x onerror=alert(1)>\u2028&lt;.png"


class Page(HTMLParser):
    """The elements of a page, and the text of each script."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data: str) -> None:
        self.text += data
        if self.elements and self.elements[-1][0] == "script" and self.cdata_elem == "script":
            self.scripts[-1] += data


def write(
    path: Path, summary: ReportSummary, fields: list[ReviewField], *remarks: PageRemark
) -> Page:
    write_report(path, summary, fields, remarks)
    return Page(path.read_text(encoding="utf-8"))


def test_the_summary_is_on_top(tmp_path: Path, summary: ReportSummary) -> None:
    page = write(tmp_path / "r.html", summary, [])
    found = re.findall(
        r'"figures\.(\w+)"></dt><dd.*?>(\d+)</dd>', (tmp_path / "r.html").read_text()
    )
    figures = dict(found)
    assert figures["digits"] == "1234"
    assert figures["review"] == "6"
    assert figures["failed"] == "1"
    for word in ("2026-03-02T09:05:00", "0.1.0", "digits 1", "0.95", "--rows"):
        assert word in page.text


def test_the_records_carry_what_the_review_needs(
    tmp_path: Path, summary: ReportSummary, make_field: MakeField
) -> None:
    field = make_field("1?.", [0.5, 0, 1], "a.png", 2, 6)
    page = write(tmp_path / "r.html", summary, [field])
    ((record, pictures),) = json.loads(page.scripts[0])
    (entry,) = json.loads(page.scripts[2])
    assert entry[3:] == ["a.png", 3, 7, "", "1?.", 1.0, 0]
    assert record[0] == [70, 170, 300, 110, 0]
    assert record[1] == [
        [100, 200, 50, 50, "1", 0.5, "review", "2", 0.02],
        [150, 200, 50, 50, "?", 0.0, "review", "3", 0.04],
        [200, 200, 50, 50, "", 1.0, "blank", "", 0.0],
    ]
    assert record[2:] == [[100, 200, 150, 50], "1?", 0.0, 0, "", ""]
    assert base64.b64decode(pictures[0]) == field.thumbnail.jpeg
    assert base64.b64decode(pictures[1]) == field.sprite


def test_fields_without_a_digit_to_review_are_left_out(
    tmp_path: Path, summary: ReportSummary, make_field: MakeField
) -> None:
    fields = [make_field("12", [0.99, 0.99]), make_field("34", [0.99, 0.5]), make_field(".", [1])]
    page = write(tmp_path / "r.html", summary, fields)
    assert len(json.loads(page.scripts[0])) == len(json.loads(page.scripts[2])) == 1


def test_no_name_or_reason_breaks_out(
    tmp_path: Path, summary: ReportSummary, make_field: MakeField
) -> None:
    evil = replace(summary, csv_name=ATTACK, model=ATTACK, options=((ATTACK, ATTACK),))
    remark = PageRemark(ATTACK, 0, ATTACK, failed=True)
    page = write(tmp_path / "r.html", evil, [make_field("1", [0.5], ATTACK)], remark)
    images = [attributes for tag, attributes in page.elements if tag == "img"]
    assert [image.get("id") for image in images] == ["surroundings", "page-image"]
    assert not any(name.startswith("on") for _, attrs in page.elements for name in attrs)
    assert json.loads(page.scripts[2])[0][3] == printable(ATTACK)
    assert page.text.count(ATTACK) + page.text.count(printable(ATTACK)) >= 4
    assert {"data-reason": ATTACK} in [attrs for _, attrs in page.elements]


def test_the_page_asks_nothing_of_a_network(
    tmp_path: Path, summary: ReportSummary, make_field: MakeField
) -> None:
    page = write(tmp_path / "r.html", summary, [make_field("1", [0.5])])
    policy = next(a["content"] for _, a in page.elements if "http-equiv" in a)
    assert policy is not None and policy.startswith(
        "default-src 'none'; img-src data: blob: file:;"
    )
    assert "unsafe" not in policy
    assert not [a for _, a in page.elements if a.get("href") or a.get("src")]


def test_a_field_is_known_by_its_writing_and_place(
    tmp_path: Path, summary: ReportSummary, make_field: MakeField
) -> None:
    def key(field: ReviewField) -> str:
        (entry,) = json.loads(write(tmp_path / "r.html", summary, [field]).scripts[2])
        return str(entry[2])

    one, other = make_field("1", [0.5]), make_field("1", [0.5])
    judged = replace(one.reading.digits[0], confidence=0.6)
    same = replace(one, reading=replace(one.reading, digits=(judged,)))
    assert key(one) == key(same)
    assert len({key(one), key(other), key(replace(one, page=1))}) == 3


def test_the_job_is_named(tmp_path: Path, summary: ReportSummary, make_field: MakeField) -> None:
    page = write(tmp_path / "r.html", replace(summary, job="ab12"), [make_field("1", [0.5])])
    assert json.loads(page.scripts[3])["job"] == "ab12"


def test_fields_are_taken_one_at_a_time(
    tmp_path: Path, summary: ReportSummary, make_field: MakeField
) -> None:
    path = tmp_path / "r.html"

    def broken() -> Iterator[ReviewField]:
        yield make_field("1", [0.5])
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_report(path, summary, broken())
    assert not path.exists()


def test_a_missing_folder_names_the_option(tmp_path: Path, summary: ReportSummary) -> None:
    with pytest.raises(OutputError, match="--report"):
        write_report(tmp_path / "no" / "r.html", summary, [])


def entries(page: Page) -> list[list[object]]:
    found: list[list[object]] = json.loads(page.scripts[-4])
    return found


def test_what_is_worth_most_comes_first(
    tmp_path: Path, summary: ReportSummary, make_field: MakeField
) -> None:
    doubts = [("sure", "11", [0.99, 0.9]), ("long", "222", [0.1, 0.1, 0.1]), ("one", "3", [0.2])]
    fields = [make_field(cells, shares, name) for name, cells, shares in doubts]
    shown = entries(write(tmp_path / "r.html", summary, fields))
    # A key on `one` puts 0.8 wrong values right, one on `long` a third of 0.999.
    assert [(entry[3], entry[8], entry[9]) for entry in shown] == [
        ("one", 0.8, 2),
        ("long", 0.999, 1),
        ("sure", 0.1, 0),
    ]
    write_report(tmp_path / "r.html", summary, fields, blind=True)
    page = Page((tmp_path / "r.html").read_text())
    assert [entry[3] for entry in entries(page)] == ["sure", "long", "one"]


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A report of more than two fields is large, and each part holds two."""
    monkeypatch.setattr(report, "ONE_FILE_BYTES", 6_000)
    monkeypatch.setattr(report_fields, "PART_BYTES", 5_000)


@pytest.mark.usefixtures("small_parts")
def test_a_large_report_is_an_index_and_parts(
    tmp_path: Path, summary: ReportSummary, make_field: MakeField
) -> None:
    path, folder = tmp_path / "r.html", tmp_path / "r_files"
    page = write(path, summary, [make_field("12", [0.5, 0.9], ATTACK, i) for i in range(5)])
    place = json.loads(page.scripts[0])
    assert [entry[:2] for entry in entries(page)] == [[1, 0], [1, 1], [2, 0], [2, 1], [3, 0]]
    parts = sorted(folder.iterdir())
    assert [part.name for part in parts] == [
        f"part-{place['edition']}-000{i}.js" for i in (1, 2, 3)
    ]
    call = re.fullmatch(r'reportPart\("(\w+)",(\d+),(.*)\);\n', parts[1].read_text(), re.DOTALL)
    assert call is not None and call[1] == place["edition"] and call[2] == "2"
    assert len(json.loads(call[3])) == 2
    policy = next(a["content"] for _, a in page.elements if "http-equiv" in a)
    assert policy is not None and f"'nonce-{place['nonce']}'" in policy and "self" not in policy


@pytest.mark.usefixtures("small_parts")
def test_parts_are_those_of_the_report_that_is_there(
    tmp_path: Path, summary: ReportSummary, make_field: MakeField
) -> None:
    path, folder = tmp_path / "r.html", tmp_path / "r_files"
    fields = [make_field("12", [0.5, 0.9], "a.png", i) for i in range(5)]

    def broken() -> Iterator[PageRemark]:
        yield PageRemark("a.png", 0, "why", failed=False)
        raise KeyboardInterrupt

    write_report(path, summary, fields)
    (folder / "part-notours.js").write_text("mine")
    before = path.read_bytes(), sorted(folder.iterdir())
    with pytest.raises(KeyboardInterrupt):
        write_report(path, summary, fields, broken())
    assert (path.read_bytes(), sorted(folder.iterdir())) == before
    (folder / "part-0badf00d-0001.js").write_text("left by a killed run")
    (folder / ".formreader-0123456789ab.part").write_text("half of one")
    write_report(path, summary, fields)
    edition = re.search(r'"edition":"(\w+)"', path.read_text())
    assert edition is not None and len(list(folder.glob(f"part-{edition[1]}-*"))) == 3
    assert len(list(folder.iterdir())) == 4
    write_report(path, summary, fields[:1])
    assert [left.name for left in folder.iterdir()] == ["part-notours.js"]
    (folder / "part-notours.js").unlink()
    write_report(path, summary, fields[:1])
    assert not folder.exists()
    folder.write_text("a file in its place")
    with pytest.raises(OutputError, match="r_files: the parts of the report"):
        write_report(path, summary, fields)
    assert len(entries(Page(path.read_text()))) == 1


def test_whole_pages_are_found_beside_the_report(tmp_path: Path) -> None:
    report = tmp_path / "out" / "results.html"
    names = ["a b#.JPG", "ä.png", "c.tif", "d.pdf", "e.heic"]
    found = page_sources([(name, str(tmp_path / "scans" / name)) for name in names], report)
    assert found == {
        "a b#.JPG": "../scans/a%20b%23.JPG",
        "ä.png": "../scans/%C3%A4.png",
        "c.tif": "../scans/c.tif",
        "d.pdf": "../scans/d.pdf",
    }


def test_a_field_for_review_without_such_a_digit_asks_all_its_boxes(
    tmp_path: Path, summary: ReportSummary, make_field: MakeField
) -> None:
    field = make_field("17.", [0.99, 0.99, 1])
    broken = replace(field.reading, status=Status.REVIEW, broken=("total is not the sum",))
    page = write(tmp_path / "r.html", summary, [replace(field, reading=broken)])
    assert entries(page)[0][7] == "17_"
    ((record, _),) = json.loads(page.scripts[0])
    assert record[-1] == "total is not the sum"
