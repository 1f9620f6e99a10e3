"""Files that people made are opened without waiting, and parsed at a known cost."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from formreader.core.errors import FormreaderError
from formreader.core.user_files import (
    NotAFileError,
    open_regular,
    parse_json,
    parse_toml,
    read_regular,
)
from formreader.output.results_frame import load_results
from formreader.review.audit_sample import AuditSample
from formreader.review.corrections_file import read_corrections
from formreader.review.edited_table import is_table
from formreader.template.template_file import TEMPLATE_FILE, parse_template, read_template
from formreader.training.data.own_digits import _read_writers

FIFOS = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no such pipes")
DEEP = ".".join("a" * 50_000)
FIELD = """
format = 1
form = "tally"
width = 100
height = 100
[[fields]]
name = "votes"
cell = [10, 10, 50, 20]
one_of = "known.csv"
"""


@pytest.mark.parametrize(
    "text",
    [
        f"{DEEP} = 1",
        f"[{DEEP}]",
        f"[[{DEEP}]]",
        f"x = {{{DEEP} = 1}}",
        f"x = {{ y = 1, {DEEP} = 1}}",
        '"a."' + ' . "=a,"' * 50_000 + " = 1",
        "'a'" + "\t.\t'a'" * 50_000 + " = 1",
        "1" + ".1" * 50_000 + " = 1",
        'x = """\n"""\n' + DEEP + " = 1",
        "x = 1 # it's\n" + DEEP + " = 1",
        "x = 'unfinished\n" + DEEP + " = 1",
    ],
)
def test_a_key_of_very_many_parts_is_refused_unread(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.delattr(tomllib, "loads")  # it takes 100 s and 9 GiB
    with pytest.raises(ValueError, match="more than 16 parts"):
        parse_toml(text)
    template, (fault,) = parse_template(text)
    assert template is None and "more than 16 parts" in fault.message


def test_a_very_long_toml_text_is_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(tomllib, "loads")
    with pytest.raises(ValueError, match="at most 1,048,576"):
        parse_toml("a = 1\n" * 2**18)


@pytest.mark.parametrize(
    "text",
    [
        f"x = [{'[1.5, 2.5, 10.0, 20.0], ' * 5000}]",
        f"x = '{'.' * 1000}'",
        f'x = "{chr(92)}"{"." * 1000}"',
        f"x = 1 # {'.' * 1000}",
        f'x = """{"." * 1000}"""',
        f"x = '''{'.' * 1000}'''",
        "a.b.c.d = 1",
    ],
)
def test_dots_elsewhere_are_no_parts_of_keys(text: str) -> None:
    assert parse_toml(text) == tomllib.loads(text)


@pytest.mark.parametrize("text", ['"' * 2**20, "'" * 2**20, "a " * 2**19, '\\"' * 2**19])
def test_no_text_takes_long_to_be_refused(text: str) -> None:
    """Looking for strings that do not end must not begin anew at each quote."""
    with pytest.raises(ValueError):  # noqa: PT011 - whatever is wrong with it
        parse_toml(text)


def test_very_many_faults_are_not_looked_up_one_by_one() -> None:
    """Each was searched for in all lines: hours for a template of a megabyte."""
    for text in (
        "\n".join(f"k{i} = 1" for i in range(5_000)),
        FIELD + "sums = [\n" + "\n".join(f'"k{i}",' for i in range(3_000)) + "]",
        FIELD.split("[[")[0] + "fields = [" + "{ a = 1 }, " * 5_000 + "]",
        FIELD.split("[[")[0] + "fields = [" + '{ name="a", cell = [1, 1, 9, 9] }, ' * 5_000 + "]",
    ):
        template, faults = parse_template(text)
        assert template is None and 0 < len(faults) < 300


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", "[" * 100_000, "9" * 5000, "{", ""])
def test_json_that_is_none_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        parse_json(text)


READERS: dict[str, Callable[[Path], object]] = {
    "corrections": read_corrections,
    "edited table": is_table,
    "results": load_results,
    "audit": AuditSample.read,
    "writers": _read_writers,
}


@FIFOS
@pytest.mark.parametrize("kind", READERS)
def test_a_pipe_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    """Nobody writes to it: whoever opens it as a file waits for ever."""
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(FormreaderError, match=r"pipe\.csv.*it is not a file"):
        READERS[kind](tmp_path / "pipe.csv")


@FIFOS
@pytest.mark.parametrize("what", ["pipe", "/dev/zero", "/dev/tty", "folder"])
def test_the_list_of_a_template_is_a_file(tmp_path: Path, what: str) -> None:
    known = tmp_path / "known.csv"
    if what == "pipe":
        os.mkfifo(known)
    elif what == "folder":
        known.mkdir()
    else:
        known.symlink_to(what)
    template, (fault,) = parse_template(FIELD, tmp_path)
    assert template is None
    assert fault.message.startswith("one_of: ") and "known.csv" in fault.message


@FIFOS
@pytest.mark.parametrize("name", [TEMPLATE_FILE, "known.csv"])
def test_a_template_of_pipes_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / TEMPLATE_FILE).write_text(FIELD)
    (tmp_path / "known.csv").write_text("1\n")
    (tmp_path / name).unlink()
    os.mkfifo(tmp_path / name)
    with pytest.raises(FormreaderError, match="it is not a file"):
        read_template(tmp_path)


def test_files_are_read_up_to_a_limit(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"12345")
    assert read_regular(path, 5) == b"12345"
    with pytest.raises(OSError, match="larger than"):
        read_regular(path, 4)
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "b")
    with pytest.raises(IsADirectoryError if os.name == "posix" else OSError):
        open_regular(tmp_path)


@pytest.mark.skipif(not Path("/proc/self/pagemap").exists(), reason="only Linux has such files")
def test_a_file_of_the_system_without_an_end_is_not_read_to_it() -> None:
    """Its size is told as 0, and it has 256 TiB."""
    with pytest.raises(OSError, match="larger than"):
        read_regular("/proc/self/pagemap", 2**20)


@FIFOS
def test_what_opens_without_waiting_is_still_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    before = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0
    with pytest.raises(NotAFileError):
        open_regular(tmp_path / "pipe")
    if before:
        assert len(os.listdir("/proc/self/fd")) == before, "a handle is left open"
