"""template.toml: what is written is read, and what is wrong is told with line and key."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from formreader.core.errors import ExitCode, OutputError, TemplateError
from formreader.core.geometry import Box
from formreader.template.form_template import FieldPlace, FormTemplate
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
        ("width = 300", "width = 0", 5, "width: must be a whole number above 0"),
        ("width = 300", 'width = "wide"', 5, "width: must be"),
        ("width = 300", "widht = 300", 5, "widht: unknown key"),
        ("format = 1", "format = 9", 3, "newer version"),
        ('name = "date"', 'nam = "date"', 9, "nam: unknown key"),
        ('name = "date"', 'name = ""', 9, "name: must be text"),
        ('name = "date"', 'name = "file"', 9, "is a column of the table"),
        ('name = "total"', 'name = "Date"', 16, "already the name of the field in line 9"),
        ("cell = [100.0", "cell = [1000.0", 17, "off the page"),
        ("cell = [100.0, ", "cell = [", 17, r"must be [left, top, width, height]"),
        ("80.0, 30.0]", "-80.0, 30.0]", 17, "width and height must be above 0"),
        ("cell = [", "cell [", 17, "not valid TOML"),
        ("cell = [100.0, 150.0, 80.0, 30.0]", "", 15, "either boxes or cell"),
    ],
)
def test_faults_have_line_and_key(old: str, new: str, line: int, words: str) -> None:
    text = template_text(TEMPLATE)
    assert text.count(old) == 1
    template, faults = parse_template(text.replace(old, new))
    assert template is None
    assert any(fault.line == line and words in fault.message for fault in faults), faults


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
