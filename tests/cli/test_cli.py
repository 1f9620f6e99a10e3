"""The command line: what it promises scripts and people."""

from __future__ import annotations

import csv
import dataclasses
import errno
import io
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, BinaryIO

import click
import numpy as np
import pypdfium2 as pdfium
import pytest
from click.testing import Result
from PIL import Image

from formreader.batch import input_records, scan_job
from formreader.batch.scan_job import STAGES, ScanSummary
from formreader.cli import progress
from formreader.cli.main import main
from formreader.cli.progress import ScanDisplay
from formreader.cli.scan import summary_lines
from formreader.core.errors import ExitCode
from formreader.core.options import ScanOptions, TrainOptions
from formreader.input.open_page import count_image_pages
from formreader.reading import one_page
from formreader.recognise.risk_control import Acceptance, Thresholds
from formreader.training import train_model
from formreader.training.data import digit_sets, mixture
from formreader.training.data.examples import Examples

RunProgram = Callable[..., Result]
RunProcess = Callable[..., "subprocess.CompletedProcess[str]"]

COMMANDS = ("scan", "predict", "train", "evaluate", "compare", "inspect", "explain")

HEAVY = {
    "PIL", "cv2", "distributed", "fsspec", "jinja2", "keras", "numpy", "onnxruntime", "openpyxl",
    "pandas", "pyarrow", "rich", "sqlite3", "tensorflow", "xlsxwriter",
}  # fmt: skip


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def options_of(command: str) -> dict[str, click.Parameter]:
    assert isinstance(main, click.Group)
    return {str(parameter.name): parameter for parameter in main.commands[command].params}


@pytest.mark.parametrize("arguments", [["--help"], ["scan", "-h"], ["train", "-h"], ["--version"]])
def test_help_comes_without_heavy_imports(process: RunProcess, arguments: list[str]) -> None:
    script = (
        "import sys; from formreader.cli.main import main; "
        "main(sys.argv[1:], standalone_mode=False); print('MODULES', *sys.modules)"
    )
    done = process("-c", script, *arguments)
    assert done.returncode == 0, done.stderr
    modules = done.stdout.split("MODULES ")[1].split()
    assert HEAVY.isdisjoint(modules)
    assert "formreader.core.options" in modules


def test_python_m_is_the_same_program(process: RunProcess) -> None:
    assert "formreader scan scans/ --out results.csv" in process("-m", "formreader", "-h").stdout


@pytest.mark.parametrize(
    ("command", "options"), [("scan", ScanOptions(())), ("train", TrainOptions())]
)
def test_defaults_are_those_of_the_options(
    command: str, options: ScanOptions | TrainOptions
) -> None:
    parameters = options_of(command)
    # `epoch_share` is planned from --minutes.
    names = {field.name for field in dataclasses.fields(options)} - {"paths", "epoch_share"}
    assert names == set(parameters) - {"paths", "verbose", "quiet"}
    for name in names:
        assert parameters[name].default == getattr(options, name), name


def test_scan_writes_table_and_report(program: RunProgram, forms: Path, tiny_model: Path) -> None:
    out = forms.parent / "r.csv"
    done = program("scan", forms, "--out", out, "--model", tiny_model, "--workers", 1)
    assert done.exit_code == ExitCode.DONE, done.output
    assert done.stdout.splitlines() == [str(out), str(out.with_suffix(".html"))]
    read, accepted, expected = done.stderr.splitlines()
    assert re.fullmatch(r"formreader: 3 pages with 90 digits in 18 fields, in [\d.]+ s", read)
    assert accepted.endswith(f"accepted; please check the other 84: {out.with_suffix('.html')}")
    threshold = ScanOptions(()).review_below
    assert expected.endswith(f"of {threshold} or more are wrong was never measured with this model")
    assert {row["file"] for row in table(out)} == {"a.png", "b.jpg", "more/c.tif"}
    assert "form" in out.with_suffix(".html").read_text(encoding="utf-8")


def test_times_are_told_to_who_asks(program: RunProgram, forms: Path, tiny_model: Path) -> None:
    arguments = ("scan", forms, "--out", forms.parent / "r.csv", "--model", tiny_model)
    plain, verbose = program(*arguments).stderr, program(*arguments, "--fresh", "-v").stderr
    for told in ("seconds of the workers: decode ", "waiting for workers", "ms a page"):
        assert told in verbose
        assert told not in plain


SUMMARY = ScanSummary(
    files=3, skipped=0, total=1200, read=1200, pages=1200, duplicates=0, fields=7000, digits=56_000,
    blank=4000, review=1234, failed=0, interrupted=False, rejudged=False, checked=0,
    acceptance=Acceptance(Thresholds.equal(0.95)), seconds=45.0,
    stages=dict.fromkeys(STAGES, 1.0), out=Path("r.csv"), report=Path("r.html"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "54,766 digits accepted; please check the other 1,234: r.html"),
        ({"report": None}, "54,766 digits accepted; please check the other 1,234"),
        ({"review": 0}, "All digits accepted; none to check"),
        ({"review": 0, "digits": 0}, "No digits to check"),
    ],
)
def test_a_scan_is_summed_up_in_three_plain_lines(changes: dict[str, Any], expected: str) -> None:
    summary = dataclasses.replace(SUMMARY, **changes)
    read, accepted, wrong = summary_lines(summary, verbose=False)
    assert read == f"1,200 pages with {summary.digits:,} digits in 7,000 fields, in 45 s"
    assert accepted == expected
    assert wrong == str(SUMMARY.acceptance)
    lines = list(summary_lines(summary, verbose=True))
    assert lines[:4] == [read, accepted, wrong, SUMMARY.acceptance.figures()]
    assert len(lines) == 5 + len(STAGES)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"failed": 2}, "2 pages could not be read: rows with status `error` say why"),
        ({"read": 0}, "Nothing has changed since the last scan, so no page was read again"),
        ({"read": 1}, "1 page read now, the others by an earlier scan"),
        (
            {"duplicates": 1, "read": 1199},
            "1 file has the content of another, whose rows are repeated",
        ),
        ({"skipped": 2}, "2 files of other kinds were left alone"),
    ],
)
def test_what_is_out_of_the_usual_has_a_line(changes: dict[str, int], expected: str) -> None:
    usual = list(summary_lines(SUMMARY, verbose=False))
    assert list(summary_lines(dataclasses.replace(SUMMARY, **changes), verbose=False)) == [
        *usual, expected
    ]  # fmt: skip


@pytest.mark.parametrize("rows", ["field", "digit"])
def test_same_bytes_for_any_workers_and_batch(
    program: RunProgram, forms: Path, tiny_model: Path, rows: str
) -> None:
    written = set()
    for workers, batch in ((1, 64), (2, 1), (4, 4096)):
        out = forms.parent / f"{workers}-{batch}.csv"
        done = program(
            "scan", forms, "--out", out, "--model", tiny_model, "--rows", rows,
            "--workers", workers, "--batch", batch, "-q",
        )  # fmt: skip
        assert done.exit_code == ExitCode.DONE, done.output
        assert done.output == ""
        written.add(out.read_bytes())
    assert len(written) == 1
    assert written.pop().count(b"\n") > 10


def test_report_none_writes_none(program: RunProgram, forms: Path, tiny_model: Path) -> None:
    out = forms.parent / "r.csv"
    done = program("scan", forms / "a.png", "--out", out, "--model", tiny_model, "--report", "none")
    assert done.exit_code == ExitCode.DONE
    assert sorted(path.name for path in forms.parent.iterdir()) == ["forms", "r.csv", "r.sqlite"]


# --- the standard output


@pytest.fixture
def own_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go, empty."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.mark.parametrize("rows", ["field", "digit"])
def test_a_printed_table_is_the_csv_and_leaves_nothing(
    program: RunProgram,
    forms: Path,
    tiny_model: Path,
    monkeypatch: pytest.MonkeyPatch,
    own_temporary_folder: Path,
    rows: str,
) -> None:
    monkeypatch.chdir(forms.parent)
    before = sorted(forms.parent.rglob("*"))
    arguments = ("scan", "forms", "--model", tiny_model, "--workers", 1, "--rows", rows, "--out")
    printed = program(*arguments, "-")
    assert printed.exit_code == ExitCode.DONE, printed.output
    assert sorted(forms.parent.rglob("*")) == before
    assert list(own_temporary_folder.iterdir()) == []
    assert len(printed.stderr.splitlines()) == 3
    assert program(*arguments, "r.csv").exit_code == ExitCode.DONE
    assert printed.stdout_bytes == Path("r.csv").read_bytes()
    assert printed.stdout.count("\n") > 10


def test_a_report_beside_a_printed_table_is_written_and_not_named_in_it(
    program: RunProgram, forms: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(forms.parent)
    arguments = ("scan", "forms", "--model", tiny_model, "--workers", 1, "--out", "-")
    alone = program(*arguments)
    done = program(*arguments, "--report", "doubtful.html")
    assert done.exit_code == ExitCode.DONE, done.output
    assert done.stdout == alone.stdout
    assert "please check the other 84: doubtful.html" in done.stderr
    assert "doubtful.html" not in alone.output
    assert sorted(path.name for path in Path().iterdir()) == ["doubtful.html", "forms"]


def test_a_printed_table_that_breaks_off_is_not_said_to_continue(
    program: RunProgram, forms: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ScanDisplay, "stopped", lambda _: Path("all checked").exists())
    monkeypatch.setattr(ScanDisplay, "started", lambda *_: Path("all checked").touch())
    monkeypatch.chdir(forms.parent)
    done = program("scan", "forms", "--model", tiny_model, "--workers", 1, "--out", "-")
    assert done.exit_code == ExitCode.INTERRUPTED, done.output
    assert "interrupted after 0 of 3 pages. A table that is printed cannot" in done.stderr
    assert "continues" not in done.stderr


def formreader_process(*arguments: str | Path, stdout: int | IO[Any]) -> subprocess.Popen[str]:
    """The program in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "formreader", *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": str(Path(scan_job.__file__).parents[2])},
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_reader_that_stops_in_the_middle_of_a_table_is_no_error(
    tmp_path: Path, tiny_model: Path, form_png: Path
) -> None:
    folder = tmp_path / "copies"
    folder.mkdir()
    for number in range(100):  # 200 kB of rows: more than a pipe holds
        shutil.copyfile(form_png, folder / f"{number}.png")
    options = ("--model", tiny_model, "--rows", "digit", "--out", "-")
    with formreader_process("scan", folder, *options, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline().startswith("file,page,field,box")
        process.stdout.close()
        messages = process.stderr.read()
    assert process.returncode == ExitCode.DONE, messages
    assert messages == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has such a device")
def test_a_printed_table_for_which_there_is_no_space_is_told(
    tiny_model: Path, form_png: Path
) -> None:
    options = ("--model", tiny_model, "--out", "-")
    with (
        open("/dev/full", "w") as full,
        formreader_process("scan", form_png, *options, stdout=full) as process,
    ):
        assert process.stderr is not None
        messages = process.stderr.read()
    assert process.returncode == ExitCode.OUTPUT, messages
    assert "the standard output: cannot be written: No space left" in messages
    assert "Traceback" not in messages


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has such a device")
@pytest.mark.parametrize("arguments", [("predict",), ("--help",)])
def test_a_full_standard_output_is_no_bug(
    tiny_model: Path, form_png: Path, arguments: tuple[str, ...]
) -> None:
    files = (form_png, "--model", tiny_model) if arguments == ("predict",) else ()
    with (
        open("/dev/full", "w") as full,
        formreader_process(*arguments, *files, stdout=full) as process,
    ):
        assert process.stderr is not None
        messages = process.stderr.read()
    assert process.returncode == ExitCode.OUTPUT, messages
    assert "No space left" in messages and "Traceback" not in messages


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has such a device")
def test_messages_that_cannot_be_printed_end_no_scan(
    forms: Path, program: RunProgram, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_space(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(progress.click, "echo", no_space)
    out = forms.parent / "r.csv"
    done = program("scan", forms, "--out", out, "--model", tiny_model, "--workers", 1, "-q")
    assert done.exit_code == ExitCode.DONE
    assert len(table(out)) > 0


# --- faults


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims to be large."""

    def chunk(name: bytes, body: bytes) -> bytes:
        check = struct.pack(">L", zlib.crc32(name + body))
        return struct.pack(">L", len(body)) + name + body + check

    head = struct.pack(">2L5B", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 100))
    ) + chunk(b"IEND", b"")


ENCRYPTED_PDF = b"""%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>endobj
4 0 obj<</Filter/Standard/V 1/R 2/P -4/O(00000000000000000000000000000000)
/U(11111111111111111111111111111111)>>endobj
trailer<</Size 5/Root 1 0 R/Encrypt 4 0 R/ID[<00><00>]>>
%%EOF
"""


def pdf_without_pages() -> bytes:
    buffer = io.BytesIO()
    document = pdfium.PdfDocument.new()
    document.save(buffer)
    document.close()
    return buffer.getvalue()


@pytest.fixture
def faulty(forms: Path) -> dict[str, str]:
    """Adds a file of each kind of fault to the folder of forms; file -> words of the reason."""
    png, jpeg = (forms / "a.png").read_bytes(), (forms / "b.jpg").read_bytes()
    broken = bytearray(png)
    broken[len(png) // 2] ^= 0xFF
    contents = {
        "broken_chunk.png": (bytes(broken), "damaged"),
        "deleted.png": (png + b"not the content of another", "gone"),
        "empty.png": (b"", "empty"),
        "encrypted.pdf": (ENCRYPTED_PDF, "password"),
        "huge.png": (png_header(40_000, 40_000), "over the limit"),
        "no_pages.pdf": (pdf_without_pages(), "no pages"),
        "text.png": (b"Dear Sir or Madam", "not a PNG"),
        "truncated.jpg": (jpeg[: len(jpeg) // 2], "truncated"),
    }
    for name, (content, _) in contents.items():
        (forms / name).write_bytes(content)
    reasons = {name: reason for name, (_, reason) in contents.items()}
    forbidden = forms / "forbidden.png"
    forbidden.write_bytes(png)
    forbidden.chmod(0)
    if not os.access(forbidden, os.R_OK):  # root may read everything
        reasons["forbidden.png"] = "permission"
    return reasons


def test_faulty_files_become_rows_and_the_others_are_read(
    program: RunProgram,
    forms: Path,
    faulty: dict[str, str],
    tiny_model: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def count_and_delete(stream: BinaryIO, most: int) -> int | None:
        pages = count_image_pages(stream, most)
        if stream.name.endswith("deleted.png"):
            Path(stream.name).unlink()
        return pages

    monkeypatch.setattr(input_records, "count_image_pages", count_and_delete)
    (forms / "notes.txt").write_text("not a page")
    out = forms.parent / "r.csv"
    done = program("scan", forms, "--out", out, "--model", tiny_model, "--workers", 1)
    assert done.exit_code == ExitCode.PAGES_FAILED, done.output
    errors = {row["file"]: row["message"] for row in table(out) if row["status"] == "error"}
    assert set(errors) == set(faulty)
    assert {row["value"] for row in table(out) if row["status"] == "error"} == {""}
    for name, reason in faulty.items():
        assert reason in errors[name], errors[name]
        assert not errors[name].startswith(name)
        assert f"{name}, page 1: {errors[name]}" in done.stderr
    read = {row["file"] for row in table(out) if row["status"] != "error"}
    assert {"a.png", "b.jpg", "more/c.tif"} <= read
    assert "1 file of another kind was left alone" in done.stderr
    report = out.with_suffix(".html").read_text(encoding="utf-8")
    assert all(name in report for name in faulty)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--nonsense"], ExitCode.USAGE, "--nonsense"),
        (["--review-below", "1.5"], ExitCode.USAGE, "--review-below"),
        (["--batch", "0"], ExitCode.USAGE, "--batch"),
        (["--workers", "0"], ExitCode.USAGE, "--workers"),
        (["--rows", "page"], ExitCode.USAGE, "--rows"),
        (["-v", "-q"], ExitCode.USAGE, "contradict"),
        (["--out", "missing/r.csv"], ExitCode.OUTPUT, "missing"),
        (["--report", "missing/r.html"], ExitCode.OUTPUT, "--report"),
        (["--report", "r.csv"], ExitCode.USAGE, "cannot be the same file"),
        (["--report", "r.sqlite"], ExitCode.USAGE, "cannot be the same file"),
        (["--report", "-"], ExitCode.USAGE, "only the table (--out) can be printed"),
        (["--report", "-", "--out", "-"], ExitCode.USAGE, "only the table (--out) can be printed"),
        (["--log-json", "-"], ExitCode.USAGE, "only the table (--out) can be printed"),
        (["--log-json", "r.html"], ExitCode.USAGE, "cannot be the same file"),
        (["--log-json", "forms/a.png"], ExitCode.USAGE, "would be replaced"),
        (["--log-json", "missing/log.jsonl"], ExitCode.OUTPUT, "--log-json"),
        (["--page-timeout", "0"], ExitCode.USAGE, "--page-timeout"),
        (["--out", "forms/a.png"], ExitCode.USAGE, "tables cannot be written as .png"),
        (["--out", "results.foo"], ExitCode.USAGE, ".csv, .jsonl, .parquet or .xlsx"),
        (["--debug", "forms"], ExitCode.USAGE, "--debug"),
        (["--debug", "r.txt"], ExitCode.OUTPUT, "--debug"),
        (["--model", "nowhere"], ExitCode.MODEL, "nowhere"),
        (["--model", "forms"], ExitCode.MODEL, "card.json"),
        (["nowhere/"], ExitCode.NO_INPUT, "nowhere"),
        (["*.xyz"], ExitCode.NO_INPUT, "*.xyz"),
    ],
)
def test_wrong_use_is_told_before_any_work(
    program: RunProgram,
    forms: Path,
    tiny_model: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    code: ExitCode,
    message: str,
) -> None:
    monkeypatch.chdir(forms.parent)
    Path("r.txt").write_text("in the way")
    monkeypatch.setattr(one_page, "read_file", lambda *_: pytest.fail("work was begun"))
    before = sorted(forms.parent.rglob("*"))
    done = program("scan", "forms/a.png", "--out", "r.csv", "--model", tiny_model, *arguments)
    assert done.exit_code == code, done.output
    assert message in done.stderr
    assert sorted(forms.parent.rglob("*")) == before


def test_a_damaged_model_is_refused(program: RunProgram, forms: Path, tiny_model: Path) -> None:
    copy = forms.parent / "copy"
    copy.mkdir()
    for file in tiny_model.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    with (copy / "model.onnx").open("ab") as stream:
        stream.write(b"\0")
    done = program("scan", forms, "--out", forms.parent / "r.csv", "--model", copy)
    assert done.exit_code == ExitCode.MODEL
    assert "model.onnx" in done.stderr


def test_an_empty_folder_is_no_input(program: RunProgram, tmp_path: Path, tiny_model: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = program("scan", tmp_path / "empty", "--out", tmp_path / "r.csv", "--model", tiny_model)
    assert done.exit_code == ExitCode.NO_INPUT


def test_a_pdf_that_claims_pages_has_one_row_for_them(
    program: RunProgram, tmp_path: Path, form_png: Path, tiny_model: Path
) -> None:
    folder, out = tmp_path / "in", tmp_path / "r.csv"
    folder.mkdir()
    Image.open(form_png).save(folder / "a.pdf", resolution=100)
    whole = (folder / "a.pdf").read_bytes()
    assert whole.count(b"/Count 1\n") == 1
    (folder / "a.pdf").write_bytes(whole.replace(b"/Count 1\n", b"/Count 999999\n"))
    for _ in range(2):  # the second time the count is known, and the page that failed is tried
        done = program("scan", folder, "--out", out, "--model", tiny_model, "--workers", 1)
        assert done.exit_code == ExitCode.PAGES_FAILED, done.output
        (error,) = (row for row in table(out) if row["page"] != "1")
        assert (error["page"], error["status"]) == ("2", "error")
        assert "says that it has 999,999 pages" in error["message"]
        assert error["value"] == ""
        assert {row["status"] for row in table(out) if row["page"] == "1"} <= {"ok", "review"}


STOPS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


@pytest.mark.parametrize("number", STOPS)
def test_an_interrupt_saves_what_is_done(
    program: RunProgram,
    forms: Path,
    tiny_model: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: signal.Signals,
) -> None:
    started = ScanDisplay.started

    def interrupt(self: ScanDisplay, files: int, pages: int, done: int) -> None:
        started(self, files, pages, done)
        signal.raise_signal(number)

    monkeypatch.setattr(ScanDisplay, "started", interrupt)
    before = signal.getsignal(number)
    out = forms.parent / "r.csv"
    done = program("scan", forms, "--out", out, "--model", tiny_model, "--workers", 1)
    assert done.exit_code == ExitCode.INTERRUPTED
    assert table(out) == []
    assert out.with_suffix(".html").exists()
    assert f"interrupted after 0 of 3 pages, which are in {out}. The same" in done.stderr
    assert signal.getsignal(number) == before


def test_a_second_interrupt_ends_at_once(
    program: RunProgram, forms: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: Any) -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(ScanDisplay, "page_done", interrupt)
    out = forms.parent / "r.csv"
    done = program("scan", forms, "--out", out, "--model", tiny_model, "--workers", 1)
    assert done.exit_code == ExitCode.INTERRUPTED
    assert not out.exists()


def test_an_interrupt_while_the_program_starts_writes_nothing(
    program: RunProgram, forms: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    enter = ScanDisplay.__init__

    def interrupt(self: ScanDisplay, quiet: bool, verbose: bool) -> None:
        enter(self, quiet, verbose)
        self.stop_asked = True

    monkeypatch.setattr(ScanDisplay, "__init__", interrupt)
    out = forms.parent / "r.csv"
    done = program("scan", forms, "--out", out, "--model", tiny_model)
    assert done.exit_code == ExitCode.INTERRUPTED
    assert not out.exists()
    assert not out.with_suffix(".html").exists()


@pytest.mark.slow
@pytest.mark.parametrize("number", STOPS)
def test_what_the_program_was_started_to_ignore_does_not_stop_it(
    program: RunProgram,
    forms: Path,
    tiny_model: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: signal.Signals,
) -> None:
    monkeypatch.setattr(ScanDisplay, "page_done", lambda *_: signal.raise_signal(number))
    before = signal.signal(number, signal.SIG_IGN)
    try:
        done = program(
            "scan", forms, "--out", forms.parent / "r.csv", "--model", tiny_model, "--workers", 1
        )
    finally:
        signal.signal(number, before)
    assert done.exit_code == ExitCode.DONE, done.output


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows has no SIGHUP")
def test_the_end_of_a_terminal_may_be_told_twice(
    program: RunProgram, forms: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ScanDisplay, "page_done", lambda *_: signal.raise_signal(signal.SIGHUP))
    out = forms.parent / "r.csv"
    done = program("scan", forms, "--out", out, "--model", tiny_model, "--workers", 1)
    assert done.exit_code == ExitCode.DONE, done.output  # nothing was left to stop
    assert len({row["file"] for row in table(out)}) == 3


def test_a_bug_says_so_and_shows_its_traceback_if_asked(
    program: RunProgram, forms: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("oh no")

    monkeypatch.setattr(scan_job, "scan", fail)
    done = program("scan", forms)
    assert done.exit_code == ExitCode.BUG
    assert "a bug: RuntimeError: oh no" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Traceback" in program("scan", forms, "-v").stderr


def test_predict_prints_a_row_an_image(
    program: RunProgram, tmp_path: Path, tiny_model: Path
) -> None:
    Image.new("L", (40, 60), 255).save(tmp_path / "blank.png")
    digit = Image.new("L", (40, 60), 255)
    digit.paste(0, (18, 10, 23, 50))
    digit.save(tmp_path / "one.png")
    (tmp_path / "letter.png").write_text("Dear Sir or Madam")
    names = [tmp_path / name for name in ("blank.png", "letter.png", "one.png")]
    done = program("predict", *names, "--model", tiny_model)
    assert done.exit_code == ExitCode.PAGES_FAILED
    rows = list(csv.DictReader(done.stdout.splitlines()))
    assert ",".join(rows[0]) == "file,digit,confidence,status,second,second_confidence"
    assert [row["file"] for row in rows] == list(map(str, names))
    assert [row["status"] for row in rows][:2] == ["blank", "error"]
    assert rows[2]["status"] in ("ok", "review")
    assert rows[2]["digit"] in "0123456789?"
    assert rows[1]["digit"] == ""
    assert re.search(r"letter\.png: .*not a PNG", done.stderr)


def test_predict_reads_nothing_where_a_file_is_missing(
    program: RunProgram, form_png: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(one_page, "read_file", lambda *_: pytest.fail("work was begun"))
    done = program("predict", form_png, "missing.png", "--model", tiny_model)
    assert (done.exit_code, done.stdout) == (ExitCode.NO_INPUT, "")
    assert "missing.png: there is no such file" in done.stderr


@pytest.mark.parametrize("command", [("predict",), ("scan", "--out", "-")])
def test_a_reader_that_has_enough_is_no_error(
    tiny_model: Path, form_png: Path, command: tuple[str, ...]
) -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as stdout:
        process = formreader_process(*command, form_png, "--model", tiny_model, stdout=stdout)
    with process:
        assert process.stderr is not None
        messages = process.stderr.read()
    assert process.returncode == ExitCode.DONE, messages
    assert messages == ""


MISSING = [
    ("scan", "nowhere"),
    ("scan", "nowhere.png"),
    ("predict", "nowhere.png"),
    ("explain", "nowhere.png"),
    ("evaluate", "--data", "nowhere.npz"),
    ("inspect", "--data", "nowhere.npz"),
    ("inspect", "--writers", "nowhere.npz"),
    ("compare", "--data", "nowhere.npz"),
    ("compare", "--writers", "nowhere.npz"),
    ("train", "--data", "nowhere.npz"),
    ("train", "--data", "nowhere.csv"),
    ("train", "--writers", "nowhere.npz"),
    ("train", "--nondigits", "nowhere.npz"),
]


@pytest.mark.parametrize("arguments", MISSING, ids=" ".join)
def test_a_missing_file_is_the_same_code_everywhere(
    program: RunProgram,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
) -> None:
    digits = Examples(np.zeros((40, 28, 28), np.uint8), np.arange(40) % 10)
    monkeypatch.setattr(digit_sets, "load_mnist", lambda: (digits, digits))
    monkeypatch.setattr(mixture, "load_mnist", lambda: (digits, digits))
    monkeypatch.setattr(mixture, "mixture", lambda *_: pytest.fail("work was begun"))
    monkeypatch.chdir(tmp_path)
    done = program(*arguments)
    assert done.exit_code == ExitCode.NO_INPUT, done.output
    assert arguments[-1] in done.stderr
    assert done.stdout == ""
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


# --- help, and slips of the pen


@pytest.mark.parametrize("command", [(), *((name,) for name in COMMANDS)], ids=" ".join)
def test_every_help_lists_the_exit_codes(program: RunProgram, command: tuple[str, ...]) -> None:
    text = program(*command, "--help").stdout
    listed = re.findall(r"^ +(\d+) +\w", text.split("Exit codes:\n")[1], re.MULTILINE)
    assert list(map(int, listed)) == sorted(ExitCode)


@pytest.mark.parametrize(
    ("command", "given", "meant"),
    [
        ("scan", "--threshold", "--review-below"),
        ("predict", "--threshold", "--review-below"),
        ("scan", "--confidence", "--review-below"),
        ("scan", "--thresh", "--review-below"),
        ("scan", "--output=r.csv", "--out"),
        ("scan", "--results", "--out"),
        ("scan", "--jobs", "--workers"),
        ("scan", "--timeout", "--page-timeout"),
        ("scan", "--error-rate", "--max-error"),
        ("scan", "--revew-below", "--review-below"),
        ("scan", "--rep", "--report"),  # the beginning of --results of others as well
        ("scan", "--c", "--cluster"),  # and of --confidence
        ("train", "--output", "--out"),
    ],
)
def test_the_option_that_was_meant_is_proposed(
    program: RunProgram, command: str, given: str, meant: str
) -> None:
    done = program(command, "form.png", given)
    assert done.exit_code == ExitCode.USAGE
    name = given.partition("=")[0]
    assert f"There is no option {name}. Did you mean {meant}?" in done.stderr


@pytest.mark.parametrize(
    ("command", "given"),
    [
        ("scan", "--fres"), ("scan", "--refresh"), ("scan", "--frseh"), ("train", "--fres"),
        ("train", "--threshold"), ("train", "--jobs"), ("scan", "--xyz"),
    ],
)  # fmt: skip
def test_nothing_is_proposed_that_throws_work_away_or_is_not_there(
    program: RunProgram, command: str, given: str
) -> None:
    done = program(command, "form.png", given)
    assert done.exit_code == ExitCode.USAGE
    assert f"There is no option {given}." in done.stderr
    assert "Did you mean" not in done.stderr
    assert "--fresh" not in done.stderr


def test_train_passes_its_options_on(
    program: RunProgram, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[TrainOptions] = []

    def train(options: TrainOptions, progress: Any) -> Path:
        heard.append(options)
        return options.out

    monkeypatch.setattr(train_model, "train", train)
    wanted = TrainOptions(
        out=tmp_path / "m", augment=False, epochs=3, batch=64, learning_rate=0.01, validation=0.2,
        patience=2, seed=9, writers=tmp_path / "w.npz", nondigits=tmp_path / "n.npz",
        base="digits",
    )  # fmt: skip
    done = program(
        "train", "--no-augment", "--out", wanted.out, "--epochs", 3, "--batch", 64, "--patience", 2,
        "--learning-rate", 0.01, "--validation", 0.2, "--seed", 9,
        "--writers", wanted.writers, "--nondigits", wanted.nondigits, "--from", "digits",
    )  # fmt: skip
    assert done.exit_code == ExitCode.DONE, done.output
    assert program("train").exit_code == ExitCode.DONE
    assert heard == [wanted, TrainOptions()]
    assert done.stdout == f"{wanted.out}\n"
