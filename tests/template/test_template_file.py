"""template.toml: what is written is read, and what is wrong is told with line and key."""

from __future__ import annotations

import shutil
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from formreader.core.errors import ExitCode, OutputError, TemplateError
from formreader.core.geometry import Box
from formreader.rules.expressions import parse_relations
from formreader.rules.form_rules import FieldRules
from formreader.template.form_book import templates_hash
from formreader.template.form_template import FieldPlace, FormTemplate
from formreader.template.template_check import check_templates
from formreader.template.template_file import (
    PAGE_FILE,
    TEMPLATE_FILE,
    parse_template,
    read_page_picture,
    read_template,
    template_folders,
    template_text,
    write_template,
)

TEMPLATE = FormTemplate(
    'tally "2019"\\',
    (300, 200),
    (
        FieldPlace("date", (Box(10, 20, 15.5, 20), Box(25.5, 20, 15, 20))),
        FieldPlace("total", cell=Box(100, 150, 80, 30)),
    ),
)
PAGE = np.full((200, 300), 250, np.uint8)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_template(tmp_path / "tally", TEMPLATE, PAGE)
    assert read_template(tmp_path / "tally") == TEMPLATE
    assert np.array_equal(read_page_picture(tmp_path / "tally", TEMPLATE), PAGE)


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("width = 300", "width = 0", 5, "width: must be a whole number from 1"),
        ("width = 300", 'width = "wide"', 5, "width: must be"),
        ("width = 300", "widht = 300", 5, "widht: unknown key"),
        ("format = 1", "format = 9", 3, "newer version"),
        ('name = "date"', 'nam = "date"', 9, "nam: unknown key"),
        ('name = "date"', 'name = ""', 9, "name: must be text"),
        ('name = "date"', 'name = "file"', 9, "is a column of the table"),
        ('name = "total"', 'name = "Date"', 16, "already the name of the field in line 9"),
        ("cell = [100.0", "cell = [1000.0", 17, "off the page"),
        ("cell = [100.0, ", "cell = [", 17, r"must be [left, top, width, height]"),
        ("80.0, 30.0]", "-80.0, 30.0]", 17, "width and height must be 1 or more"),
        ("cell = [", "cell [", 17, "not valid TOML"),
        ("80.0, 30.0]", "80.0, 30.0]\n\n[rule]\na = 1", 19, "rule: unknown key"),
        ("80.0, 30.0]", "80.0, 30.0]\n\n[[rule.of]]\na = 1", 19, "rule: unknown key"),
        ("80.0, 30.0]", "80.0, 30.0]\n[fields.rule]\na = 1", 18, "rule: unknown key"),
        ("width = 300", 'width = 300\n"a.b".c = 1', 6, "a.b: unknown key"),
        ("cell = [100.0, 150.0, 80.0, 30.0]", "", 15, "either boxes or cell"),
    ],
)
def test_faults_have_line_and_key(old: str, new: str, line: int, words: str) -> None:
    text = template_text(TEMPLATE)
    assert text.count(old) == 1
    template, faults = parse_template(text.replace(old, new))
    assert template is None
    assert any(fault.line == line and words in fault.message for fault in faults), faults


RULED = replace(
    TEMPLATE,
    fields=(
        replace(
            TEMPLATE.fields[0],
            rules=FieldRules(date="DDMM", check="luhn", optional=False, leading_marks_blank=True),
        ),
        replace(
            TEMPLATE.fields[1],
            rules=FieldRules((2, 6), 0, 400, r"\d+", blank_is=0, unique=True, optional=True),
        ),
        FieldPlace("a", (Box(10, 50, 15, 20),), rules=FieldRules((1, 1))),
        FieldPlace("a b-1", (Box(10, 80, 15, 20),)),
    ),
)


def test_rules_are_written_and_read() -> None:
    names = [field.name for field in RULED.fields]
    relations = (
        *parse_relations("sums", "total = a + a b-1 - 2*a + 7", names),
        *parse_relations("equal", "a = total = a b-1", names),
        *parse_relations("less", "a >= total", names),
        *parse_relations("dates", "a total a b-1 = YYYYMMDD 2019-01-01..2019-12-31", names),
    )
    boxes = tuple(Box(10 + 15 * i, 20, 15, 20) for i in range(6))
    rules = replace(RULED.fields[0].rules, date="MMDDYY")
    dated = replace(RULED.fields[0], boxes=boxes, rules=rules)
    ruled = replace(RULED, fields=(dated, *RULED.fields[1:]), relations=relations)
    assert parse_template(template_text(ruled)) == (ruled, [])
    assert ruled.rules.relations[0].terms == (("total", 1), ("a", 1), ("a b-1", -1))
    assert ruled.rules.relations[0].constant == -7


def test_kinds_are_written_and_read() -> None:
    boxes = tuple(Box(10 + 15 * i, 20, 15, 20) for i in range(8))
    rules = [
        FieldRules(kind="decimal", decimals=(0, 2), least=Decimal("-0.5"), most=Decimal("24.25")),
        FieldRules(kind="decimal", decimals=(1, 1), separator=",", boxes=8),
        FieldRules(kind="date", date="YYYYMMDD"),
        FieldRules(kind="time", marks_blank=True),
        FieldRules(kind="integer", marks_blank=False),
        FieldRules(kind="code", digits=(3, 3)),
        FieldRules(kind="ignore"),
    ]
    fields = [
        FieldPlace(f"f{i}", boxes if i in (1, 2) else (), None if i in (1, 2) else boxes[0], one)
        for i, one in enumerate(rules)
    ]
    form = replace(TEMPLATE, fields=tuple(fields), decimal_comma=True)
    assert parse_template(template_text(form)) == (form, [])
    assert form.columns == ["f0", "f1", "f2", "f3", "f4", "f5"]
    own = form.rules.fields
    assert "f6" not in own and own["f1"] == replace(rules[1], comma=True)


@pytest.mark.parametrize(
    ("key", "said", "below", "words"),
    [
        ("", 'sums = ["a = total",\n"total = a + votes"]', 1, "no field named 'votes'"),
        ("", 'sums = ["total + a"]', 0, "is no sum"),
        ("", 'sums = ["total = a +"]', 0, "lacks the name of a field at its end"),
        ("", 'sums = ["total = a b-1 a"]', 0, "is not understood at 'a'"),
        ("", 'sums = "total = a"', 0, "must be a list of texts"),
        ("", 'equal = ["a = a"]', 0, "two fields or more"),
        ("", 'less = ["a = total"]', 0, "compares nothing"),
        ("", 'less = ["1 < 2"]', 0, "says nothing about a field"),
        ("", 'dates = ["a total = DDMMYYYY"]', 0, "one field for each of DD, MM, YYYY"),
        ("", "rules_broken = 2", 0, "must be a share"),
        ("name", 'digits = "6..4"', 0, "digits: must be from"),
        ("name", 'min = "1"', 0, "min: must be a number"),
        ("name", "min = 5\nmax = 4", 1, "max: it is below min"),
        ("name", 'pattern = "("', 0, "no regular expression"),
        ("name", 'pattern = "(?=1)1"', 0, "does not look ahead"),
        ("name", 'date = "DDMMJJJJ"', 0, "no form of a date"),
        ("name", 'date = "DDMMYYYY 2019-02-30..2019-03-01"', 0, "no range of dates"),
        ("name", 'one_of = "gone.csv"', 0, "gone.csv: cannot be read"),
        ("name", 'previous = "gone.csv"\nmin_step = 0', 0, "gone.csv: cannot be read"),
        ("name", 'previous = "gone.csv"', 0, "previous: it needs min_step or max_step"),
        ("name", "max_step = 9", 0, "max_step: it needs previous"),
        ("name", 'previous_by = "total"', 0, "previous_by: it needs previous"),
        ("name", 'previous = "x"\nmin_step = 5\nmax_step = 4', 2, "it is below min_step"),
        ("name", 'previous_by = "meter"', 0, "previous_by: there is no such field. Found: 'meter'"),
        ("name", 'check = "luhm"', 0, "there is no check 'luhm'"),
        ("name", 'leading_marks = "x"', 0, 'must be "blank"'),
        ("name", "unique = 1", 0, "must be true or false"),
        ("name", 'kind = "number"', 0, 'must be "integer", "decimal", "date", "time", "code", '),
        ("name", 'kind = "date"', 0, "A date in several fields is a rule between fields"),
        ("name", 'kind = "time"\ndecimals = 1', 1, 'for a field of the kind "decimal"'),
        ("name", "decimals = 1", 0, "and one at least is before the point"),
        ("name", 'decimals = "0..1"', 0, "a row of boxes has one number of decimals"),
        ("name", "decimals = 7", 0, "decimals: must be from one number to a higher, up to 6"),
        ("name", 'decimals = "0..1000"', 0, "decimals: must be a number such as 1"),
        ("name", 'separator = ";"', 0, 'separator: must be ",", "."'),
        ("name", 'marks_are = "x"', 0, 'marks_are: must be "blank", "doubtful"'),
        ("name", 'sum = "x"', 0, "sum: unknown key"),
        ("", 'sums = ["total = 0.1234567 * a"]', 0, "a number of more than 6 digits"),
        ("", "decimal_comma = 1", 0, "decimal_comma: must be true or false"),
        ("name", "digits = 2", 0, "digits: the field has boxes for one digit only"),
        ("name", "min = 10", 0, "min: the field has boxes for one digit only"),
        ("name", 'date = "DDMMYY"', 0, "A date in several fields is a rule between fields"),
    ],
)
def test_faults_of_rules_have_line_and_key(
    key: str, said: str, below: int, words: str, tmp_path: Path
) -> None:
    lines = template_text(replace(RULED, fields=RULED.fields[1:])).splitlines()
    at = 1 + (lines.index('name = "a b-1"') if key else lines.index("width = 300"))
    lines.insert(at, said)
    _, faults = parse_template("\n".join(lines), tmp_path)
    line = at + 1 + below
    assert any(fault.line == line and words in fault.message for fault in faults), faults


HEX = f"0x{'f' * 6000}"
"""A number that TOML allows and Python refuses to write."""


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("width = 300", f"width = {HEX}", "width: numbers must be finite"),
        ("width = 300", "width = 300000", "width: must be a whole number from 1 to 100,000"),
        ("format = 1", f"format = {HEX}", "format: numbers must be finite"),
        ("format = 1", f"format = 1\nrules_broken = {HEX}", "rules_broken: numbers"),
        ("format = 1", f"format = 1\nsums = [{HEX}]", "sums: numbers"),
        ("format = 1", "format = 1\nrules_broken = 1e-320", "rules_broken: must be a share"),
        ('name = "date"', f"name = {HEX}", "name: numbers"),
        ('name = "date"', f'name = "date"\nmax = {HEX}', "max: numbers"),
        ('name = "date"', 'name = "date"\nmin = 1e15', "min: numbers"),
        ('name = "date"', f'name = "date"\ndecimals = {HEX}', "decimals: numbers"),
        ('name = "date"', f'name = "date"\ndigits = [{HEX}]', "digits: numbers"),
        ('name = "date"', f'name = "date"\nmore.deep = [[{HEX}]]', "more: numbers"),
        ('name = "date"', 'name = "date"\ndigits = "1..9999"', "digits: must be a number"),
        ("80.0, 30.0]", f"{'9' * 400}, 30.0]", "cell: numbers"),
        ("80.0, 30.0]", "inf, 30.0]", "cell: numbers"),
        ("80.0, 30.0]", "nan, 30.0]", "cell: numbers"),
        ("80.0, 30.0]", "1e15, 30.0]", "cell: numbers"),
        ("80.0, 30.0]", "0.9, 30.0]", "width and height must be 1 or more"),
        ("[100.0, 150.0, 80.0", "[-300.0, 150.0, 900.0", "is larger than the page"),
        ('name = "date"', f'name = "{"x" * 201}"', "name: must have at most 200 characters"),
        ('name = "date"', 'name = "a\\u0000b"', "name: must be printable"),
    ],
)
def test_values_that_nothing_can_use(old: str, new: str, words: str) -> None:
    text = template_text(TEMPLATE)
    assert text.count(old) == 1
    template, faults = parse_template(text.replace(old, new))
    assert template is None
    assert any(words in fault.message and fault.line for fault in faults), faults
    assert max(len(fault.message) for fault in faults) < 300


BOX = Box(10, 20, 15, 20)

BAD_NAMES = ["a/b", "good/edit", "/", ".", "..", "*", "", " ", " a", "a ", "a\tb", "a\nb", "a\0b",
             "\x1b[31m", "a\u202eb", "x" * 201]  # fmt: skip


@pytest.mark.parametrize("name", BAD_NAMES)
def test_names_of_forms_that_no_call_can_reach(name: str, tmp_path: Path) -> None:
    made = replace(TEMPLATE, name=name)
    _, (fault,) = parse_template(template_text(made))
    assert fault.line == 4 and fault.message.startswith("form: the form's name m")
    with pytest.raises(TemplateError, match="line 4: form: "):
        write_template(tmp_path / "made", made, PAGE)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    "name", ["a", "A-7 (2019)", "größe", "%2f", "..a", "a\\b", "a?b#c", "x" * 200]
)
def test_names_of_forms_that_calls_can_reach(name: str) -> None:
    assert parse_template(template_text(replace(TEMPLATE, name=name)))[1] == []


def test_forms_have_so_many_fields_and_boxes_and_no_more() -> None:
    fields = tuple(FieldPlace(f"F{i}", cell=BOX) for i in range(5001))
    most = replace(TEMPLATE, fields=fields[:-1])
    assert parse_template(template_text(most)) == (most, [])
    _, (fault,) = parse_template(template_text(replace(TEMPLATE, fields=fields)))
    assert fault.message == "fields: there may be at most 5,000. Found: 5,001"
    many = tuple(replace(field, boxes=(BOX,) * 3, cell=None) for field in fields[:3334])
    _, (fault,) = parse_template(template_text(replace(TEMPLATE, fields=many)))
    assert fault.message == "fields: their boxes may be at most 10,000 in all. Found: 10,002"
    wide = FieldPlace("date", (BOX,) * 201)
    _, (fault,) = parse_template(template_text(replace(TEMPLATE, fields=(wide,))))
    assert (fault.line, fault.message[:35]) == (10, "boxes: a field has at most 200. Fou")


def test_rules_between_fields_are_so_many_and_no_more() -> None:
    fields = tuple(FieldPlace(f"F{i}", cell=BOX) for i in range(3000))
    text = template_text(replace(TEMPLATE, fields=fields))
    total = f'"F0 = {" + ".join(f"F{i}" for i in range(1, 3000))}"'
    ruled = text.replace("width =", f"sums = [{total}]\nwidth =")
    template, faults = parse_template(ruled)
    assert template is not None, faults
    wrong = text.replace("width =", f"""sums = [{'"x",' * 2001}]\nwidth =""")
    assert "at most 2,000 texts" in parse_template(wrong)[1][0].message
    wrong = text.replace("width =", f"""sums = [{'"x",' * 1900}]\nwidth =""")
    assert len(parse_template(wrong)[1]) == 100


def test_documents_are_written_read_and_checked(tmp_path: Path) -> None:
    front = replace(TEMPLATE, name="front", document=("front", "back"))
    back = FormTemplate("back", (300, 200), (FieldPlace("year", cell=Box(10, 10, 80, 30)),))
    text = template_text(front)
    assert parse_template(text) == (front, [])
    for old, new, told in (
        ('["front", "back"]', '["back", "front"]', "the first page must be this form"),
        ('["front", "back"]', '["front"]', "two forms or more"),
        ('["front", "back"]', '["front", "front"]', "two forms or more"),
        ('["front", "back"]', "[1, 2]", "a list of the names of forms"),
        ("pages =", "page =", "with the key pages alone"),
        ("pages =", "more = 1\npages =", "with the key pages alone"),
    ):
        template, (fault, *others) = parse_template(text.replace(old, new))
        assert template is None and not others
        assert fault.line == text.splitlines().index("[document]") + 1
        assert fault.message.startswith("document: ") and told in fault.message
    write_template(tmp_path / "front", front, PAGE)
    with pytest.raises(TemplateError, match="there is no form 'back' among the templates"):
        check_templates(tmp_path, None)
    write_template(tmp_path / "back", back, PAGE)
    assert len(check_templates(tmp_path, None)) == 2
    write_template(tmp_path / "other", replace(back, name="x", document=("x", "back")), PAGE)
    with pytest.raises(TemplateError, match="'back' is a page of 'front' already"):
        check_templates(tmp_path, None)
    shutil.rmtree(tmp_path / "other")
    alike = replace(back, fields=(replace(back.fields[0], name="Total"),))
    write_template(tmp_path / "back", alike, PAGE)
    with pytest.raises(TemplateError, match="'Total' is a field of 'front' and of 'back'"):
        check_templates(tmp_path, None)


def test_known_values_come_from_a_file_beside_the_template(tmp_path: Path) -> None:
    known = replace(TEMPLATE.fields[0], rules=FieldRules(one_of="known.csv"))
    write_template(tmp_path, replace(TEMPLATE, fields=(known,)), PAGE)
    (tmp_path / "known.csv").write_text("number;name\n0042,A\n\n17 ,B\n")
    (field,) = read_template(tmp_path).fields
    assert field.rules.known == {"0042", "17"}
    before = templates_hash(tmp_path)
    (tmp_path / "known.csv").write_text("43\n")
    assert templates_hash(tmp_path) != before


def test_earlier_values_come_from_a_table_beside_the_template(tmp_path: Path) -> None:
    """As a scan wrote it, or as a spreadsheet saved it; the last line of a number counts."""
    by_meter = FieldRules(
        kind="decimal", decimals=(1, 1), previous="last.csv", previous_by="=meter",
        least_step=0, most_step=Decimal("300.5"),
    )  # fmt: skip
    fields = [
        FieldPlace("=meter", cell=Box(5, 5, 9, 9)),
        FieldPlace("kWh", cell=Box(20, 5, 9, 9), rules=by_meter),
        FieldPlace(
            "m3", cell=Box(40, 5, 9, 9), rules=FieldRules(previous="last.csv", least_step=0)
        ),
    ]
    write_template(tmp_path, replace(TEMPLATE, fields=tuple(fields)), PAGE)
    table = tmp_path / "last.csv"
    table.write_text(
        "\ufefffile;page;'=meter;kWh;m3\na.png;1;0042;7,5;'-3\nb.pdf;2;42;8,0;\n;;;9,0;1\n",
        encoding="utf-8",
    )
    _, kwh, m3 = read_template(tmp_path).fields
    assert replace(kwh.rules, earlier={}) == by_meter
    assert kwh.rules.earlier == {"42": "8,0", "": "9,0"}
    assert m3.rules.earlier == {"a.png (1)": "-3", "b.pdf (2)": "", " (1)": "1"}
    before = templates_hash(tmp_path)
    table.write_text("file,'=meter,kWh\n")
    with pytest.raises(TemplateError, match=r"last\.csv: it has no column m3"):
        read_template(tmp_path)
    table.write_text("file,'=meter,kWh,m3\n")
    assert read_template(tmp_path).fields[1].rules.earlier == {}
    assert templates_hash(tmp_path) != before
    table.write_bytes(b"file,'=meter,kWh,m3\n\xff,1,2,3\n")
    with pytest.raises(TemplateError, match="it is no CSV file in UTF-8"):
        read_template(tmp_path)


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    write_template(tmp_path, TEMPLATE, PAGE)
    file = tmp_path / TEMPLATE_FILE
    file.write_text(file.read_text().replace("name", "nmae"))
    with pytest.raises(TemplateError) as told:
        read_template(tmp_path)
    assert told.value.exit_code is ExitCode.TEMPLATE
    assert f"{file}, line 9" in str(told.value)
    assert f"{file}, line 16" in str(told.value)


def test_a_page_of_another_size_is_refused(tmp_path: Path) -> None:
    write_template(tmp_path, TEMPLATE, PAGE[:100])
    with pytest.raises(TemplateError, match="300 x 100 pixels"):
        read_page_picture(tmp_path, TEMPLATE)
    (tmp_path / PAGE_FILE).write_bytes(b"no picture")
    with pytest.raises(TemplateError, match="no picture"):
        read_page_picture(tmp_path, TEMPLATE)
    (tmp_path / PAGE_FILE).unlink()
    with pytest.raises(TemplateError, match="cannot be read"):
        read_page_picture(tmp_path, TEMPLATE)


def test_folders_of_templates(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match="no template"):
        template_folders(tmp_path)
    for name in ("b", "a"):
        write_template(tmp_path / name, TEMPLATE, PAGE)
    assert template_folders(tmp_path) == [tmp_path / "a", tmp_path / "b"]
    assert template_folders(tmp_path / "a") == [tmp_path / "a"]
    assert template_folders(tmp_path / "a" / TEMPLATE_FILE) == [tmp_path / "a"]


def test_a_file_in_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        write_template(tmp_path / "file", TEMPLATE, PAGE)


def test_a_field_has_boxes_or_a_cell() -> None:
    with pytest.raises(ValueError, match="either boxes or a cell"):
        FieldPlace("both", (Box(0, 0, 1, 1),), Box(0, 0, 1, 1))
