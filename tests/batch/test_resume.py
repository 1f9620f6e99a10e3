"""A scan goes on where it stopped: nothing is lost, read twice, or taken for what it is not."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest
from click.testing import CliRunner, Result
from PIL import Image
from PIL.PngImagePlugin import PngInfo

import formreader
from formreader.batch import job_work, scan_means
from formreader.batch.page_log import PageFigures
from formreader.batch.page_pool import PagePool
from formreader.cli.main import main
from formreader.cli.progress import ScanDisplay
from formreader.core.errors import ExitCode, OutputError
from formreader.review.carried_answers import waiting_answers
from formreader.store.answers import WHOLE_FIELD, Answer
from formreader.store.job_store import JobStore, PageRows

pytestmark = pytest.mark.slow

RunProgram = Callable[..., Result]

PAGES = 12
AHEAD = 4

_ONE_BY_ONE = """
import sys
from formreader.batch import job_work
from formreader.cli.main import main
job_work._GROUP_PAGES = 1
main(sys.argv[1:], prog_name="formreader")
"""
"""The program, which stores each page on its own."""


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def drawn_pages(tmp_path_factory: pytest.TempPathFactory, drawn_forms: Path) -> Path:
    """What `pages` has, written once; no test may change it."""
    folder = tmp_path_factory.mktemp("drawn") / "pages"
    folder.mkdir()
    images = [Image.open(path).convert("L") for path in sorted(drawn_forms.rglob("*.*"))]
    for number in range(PAGES):
        comment = PngInfo()
        comment.add_text("Comment", str(number))
        image = images[number % len(images)]
        image.save(folder / f"{number}.png", pnginfo=comment, dpi=(100, 100))
    return folder


@pytest.fixture
def pages(tmp_path: Path, drawn_pages: Path) -> Path:
    """A folder of small forms, no two of which have the same bytes."""
    return shutil.copytree(drawn_pages, tmp_path / "pages")


@pytest.fixture(scope="module", autouse=True)
def pool_in_this_process(inline: Executor) -> Iterator[None]:
    """Spares each scan the start of workers; those in processes of their own have them."""
    pool = PagePool(inline, ahead=AHEAD, explain=str, close=inline.shutdown)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(scan_means, "open_pool", lambda *_: pool)
        yield


@dataclass
class Scans:
    """Scans of one folder into one table, one after another."""

    program: RunProgram
    folder: Path
    model: Path
    out: Path
    runs: int = 0

    def arguments(self, *options: str | Path | int) -> list[str | Path | int]:
        return ["scan", self.folder, "--out", self.out, "--model", self.model, *options]

    def run(self, *options: str | Path | int) -> tuple[Result, list[str]]:
        """One scan, and the names of the files that it read, in order."""
        self.runs += 1
        log = self.out.with_name(f"{self.out.stem}{self.runs}.jsonl")
        done = self.program(*self.arguments("--log-json", log, *options))
        lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
        return done, [json.loads(line)["file"] for line in lines]

    def names(self) -> list[str]:
        """All files of the folder in the order of the results."""
        return [f"{number}.png" for number in range(len(list(self.folder.iterdir())))]


@pytest.fixture
def scans(program: RunProgram, pages: Path, tiny_model: Path, tmp_path: Path) -> Scans:
    return Scans(program, pages, tiny_model, tmp_path / "r.csv")


@pytest.fixture(scope="module")
def undisturbed(
    drawn_pages: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> bytes:
    """The table of a scan that nothing disturbs."""
    out = tmp_path_factory.mktemp("undisturbed") / "r.csv"
    arguments = ["scan", drawn_pages, "--out", out, "--model", tiny_model]
    done = CliRunner().invoke(main, list(map(str, arguments)))
    assert done.exit_code == ExitCode.DONE, done.output
    return out.read_bytes()


def interrupt_after_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C as soon as the first page of a scan is done."""
    monkeypatch.setattr(job_work, "_GROUP_PAGES", 1)
    page_done = ScanDisplay.page_done

    def interrupt(self: ScanDisplay, figures: PageFigures) -> None:
        page_done(self, figures)
        if not self.stop_asked:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(ScanDisplay, "page_done", interrupt)


# --- the same command again


def test_a_finished_scan_reads_nothing_again(scans: Scans) -> None:
    done, read = scans.run()
    assert done.exit_code == ExitCode.DONE, done.output
    assert read == scans.names()
    written = scans.out.read_bytes()
    scans.out.unlink()
    done, read = scans.run()
    assert done.exit_code == ExitCode.DONE, done.output
    assert read == []
    assert "no page was read again" in done.stderr
    assert scans.out.read_bytes() == written


def test_an_interrupted_scan_goes_on(
    scans: Scans, undisturbed: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupt_after_first(monkeypatch)
    before: list[str] = []
    for _ in range(PAGES):
        done, read = scans.run()
        rows = {row["file"] for row in table(scans.out)}
        before += read
        assert rows == set(before)
        if done.exit_code != ExitCode.INTERRUPTED:
            break
        stopped = f"interrupted after {len(before)} of {PAGES} pages, which are in {scans.out}. "
        assert f"{stopped}The same command continues" in done.stderr
        assert len(read) == AHEAD
    assert done.exit_code == ExitCode.DONE, done.output
    assert before == scans.names()
    assert scans.out.read_bytes() == undisturbed


def test_fresh_reads_everything_again(scans: Scans) -> None:
    scans.run()
    written = scans.out.read_bytes()
    done, read = scans.run("--fresh")
    assert done.exit_code == ExitCode.DONE, done.output
    assert read == scans.names()
    assert scans.out.read_bytes() == written


def test_fresh_carries_answers_over_also_after_an_interruption(
    scans: Scans, monkeypatch: pytest.MonkeyPatch
) -> None:
    scans.run()
    job, first, last = scans.out.with_suffix(".sqlite"), "0.png", f"{PAGES - 1}.png"
    with JobStore.open_finished(job) as store:
        store.answer([Answer(file, 1, 1, WHOLE_FIELD, "8", "Ann", "") for file in (first, last)])
    changed = scans.folder / first
    Image.open(changed).save(changed, dpi=(101, 101))  # another content: another page
    with monkeypatch.context() as patched:
        interrupt_after_first(patched)
        done, _ = scans.run("--fresh")
    assert done.exit_code == ExitCode.INTERRUPTED, done.output
    assert "not carried over" not in done.stderr  # most pages are still to be read
    done, _ = scans.run()
    assert done.exit_code == ExitCode.DONE, done.output
    assert "1 answer carried over from before\n" in done.stderr
    assert "1 answer not carried over: no field" in done.stderr
    with JobStore.open_finished(job) as store:
        assert store.answers() == {(last, 0, 1): {WHOLE_FIELD: "8"}}
    assert not waiting_answers(job).exists()


def test_only_new_and_changed_files_are_read(scans: Scans) -> None:
    scans.run()
    (scans.folder / "0.png").unlink()
    changed = scans.folder / "3.png"
    Image.open(changed).transpose(Image.Transpose.ROTATE_180).save(changed, dpi=(100, 100))
    Image.open(changed).crop((0, 0, 300, 300)).save(scans.folder / "new.png", dpi=(100, 100))
    os.utime(scans.folder / "5.png")
    done, read = scans.run()
    assert done.exit_code == ExitCode.DONE, done.output
    assert read == ["3.png", "new.png"]
    files = [row["file"] for row in table(scans.out)]
    assert list(dict.fromkeys(files)) == [*scans.names()[1:], "new.png"]


def test_a_file_that_was_gone_is_read_when_it_is_back(
    scans: Scans, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, elsewhere = scans.folder / "7.png", scans.folder.parent / "7.png"
    checking = ScanDisplay.checking

    def move_away(self: ScanDisplay, files: int) -> None:
        checking(self, files)
        shutil.move(file, elsewhere)

    with monkeypatch.context() as patched:
        patched.setattr(ScanDisplay, "checking", move_away)
        done, read = scans.run()
    assert done.exit_code == ExitCode.PAGES_FAILED, done.output
    (row,) = (row for row in table(scans.out) if row["file"] == "7.png")
    assert (row["status"], row["field"]) == ("error", "0")
    assert "gone" in row["message"]
    assert row["value"] == ""
    shutil.move(elsewhere, file)
    done, read = scans.run()
    assert done.exit_code == ExitCode.DONE, done.output
    assert read == ["7.png"]


def test_files_that_change_in_the_middle_of_a_scan(
    scans: Scans, undisturbed: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each has its row, and the next scan reads what is there then, and nothing else."""
    names, whole = ("2.png", "4.png", "6.png", "8.png"), scans.names()
    changed, cut, gone, closed = (scans.folder / name for name in names)
    before = {name: (scans.folder / name).read_bytes() for name in names}
    started = ScanDisplay.started

    def disturb(self: ScanDisplay, *counts: int) -> None:
        """After the files were hashed, and before they are read."""
        started(self, *counts)
        changed.write_bytes((scans.folder / "3.png").read_bytes())
        cut.write_bytes(before[cut.name][:500])
        gone.unlink()
        closed.unlink()
        closed.mkdir()

    with monkeypatch.context() as patched:
        patched.setattr(ScanDisplay, "started", disturb)
        done, _ = scans.run()
    assert done.exit_code == ExitCode.PAGES_FAILED, done.output
    told = {row["file"]: row["message"] for row in table(scans.out) if row["status"] == "error"}
    assert list(told) == ["4.png", "6.png", "8.png"]
    assert "ends early" in told[cut.name]
    assert "gone" in told[gone.name] and "it is a folder" in told[closed.name]
    assert list(dict.fromkeys(row["file"] for row in table(scans.out))) == whole

    closed.rmdir()
    for name, content in before.items():
        (scans.folder / name).write_bytes(content)
    changed.write_bytes(before[changed.name] + b" ")  # what is there now is another file again
    done, read = scans.run()
    assert done.exit_code == ExitCode.DONE, done.output
    assert read == list(names)
    assert scans.out.read_bytes() == undisturbed


@pytest.mark.parametrize("other", [["--model"], []])
def test_another_scan_is_not_taken_for_the_same(
    scans: Scans, tmp_path: Path, other: list[str]
) -> None:
    scans.run()
    if other == ["--model"]:
        shutil.copytree(scans.model, tmp_path / "copy")
        card = json.loads((tmp_path / "copy" / "card.json").read_text(encoding="utf-8"))
        text = json.dumps(card | {"temperature": card["temperature"] + 1})
        (tmp_path / "copy" / "card.json").write_text(text, encoding="utf-8")
        other = ["--model", str(tmp_path / "copy")]
    elif not other:
        scans.folder = scans.folder.rename(tmp_path / "others")
    kept = {path: path.read_bytes() for path in tmp_path.glob("r.*")}
    done, read = scans.run(*other)
    assert done.exit_code == ExitCode.USAGE, done.output
    assert "--fresh" in done.stderr
    assert str(scans.out.with_suffix(".sqlite")) in done.stderr
    assert read == []
    assert {path: path.read_bytes() for path in tmp_path.glob("r.*")} == kept
    done, read = scans.run(*other, "--fresh")
    assert done.exit_code == ExitCode.DONE, done.output
    assert len(read) == PAGES


@pytest.mark.parametrize("rows", ["field", "digit"])
def test_another_threshold_is_judged_without_reading(scans: Scans, rows: str) -> None:
    other = Scans(scans.program, scans.folder, scans.model, scans.out.with_name("other.csv"))
    scans.run("--rows", rows)
    first = scans.out.read_bytes()
    for below in ("0.2", "1", "0.95"):
        done, read = scans.run("--rows", rows, "--review-below", below)
        assert done.exit_code == ExitCode.DONE, done.output
        assert read == []
        assert "was judged anew, not read again" in done.stderr
        other.run("--rows", rows, "--review-below", below, "--fresh")
        assert scans.out.read_bytes() == other.out.read_bytes()
        reports = [one.out.with_suffix(".html").read_text("utf-8") for one in (scans, other)]
        shown = re.compile(r'application/json"(?: id="fields")?>(.*?)</script>', re.DOTALL)
        records = [shown.findall(text) for text in reports]
        assert len(records[0]) == 2
        assert records[0] == records[1]
    assert scans.out.read_bytes() == first


def test_answers_outlive_scans_that_go_on(scans: Scans) -> None:
    scans.run("--rows", "digit", "--review-below", "1")
    row = next(row for row in table(scans.out) if row["file"] == "3.png" and row["digit"])
    said = str((int(row["digit"].replace("?", "0")) + 1) % 10)
    header = "file,page,field,box,x,y,width,height"
    line = ",".join([*(row[name] for name in header.split(",")), said])
    corrections = scans.out.with_name("corrections.csv")
    corrections.write_text(f"{header},digit\n{line}\n", encoding="utf-8")
    done = scans.program("correct", corrections, "--to", scans.out)
    assert done.exit_code == ExitCode.DONE, done.output
    Image.open(scans.folder / "5.png").crop((0, 0, 300, 300)).save(scans.folder / "new.png")
    for below in ("1", "0.5"):
        done, _ = scans.run("--rows", "digit", "--review-below", below)
        assert "Checked by people: 1 digit" in done.stderr
        again = next(r for r in rows_of(scans, "3.png") if (r["x"], r["y"]) == (row["x"], row["y"]))
        assert (again["digit"], again["status"]) == (said, "checked")
    comment = PngInfo()
    comment.add_text("Comment", "another content")
    Image.open(scans.folder / "3.png").save(scans.folder / "3.png", pnginfo=comment)
    scans.run("--rows", "digit", "--review-below", "0.5")
    assert "checked" not in {r["status"] for r in table(scans.out)}


def test_the_other_kind_of_rows_needs_no_reading(scans: Scans, tmp_path: Path) -> None:
    scans.run("--rows", "digit")
    digits = scans.out.read_bytes()
    done, read = scans.run("--rows", "field")
    assert done.exit_code == ExitCode.DONE, done.output
    assert read == []
    _, read = scans.run("--rows", "digit")
    assert read == []
    assert scans.out.read_bytes() == digits


def test_debug_draws_only_what_is_read(scans: Scans, tmp_path: Path) -> None:
    folder = tmp_path / "debug"
    scans.run("--debug", folder)
    pictures = {path.name for path in folder.iterdir()}
    assert {f"{name}.page1.png" for name in scans.names()} <= pictures
    shutil.rmtree(folder)
    scans.run("--debug", folder)
    assert list(folder.iterdir()) == []


# --- duplicates


def rows_of(scans: Scans, file: str) -> list[dict[str, str]]:
    return [row for row in table(scans.out) if row["file"] == file]


def repeated(scans: Scans, twin: str, copy: str) -> list[dict[str, str]]:
    """The rows of a file as a copy of it has them."""
    own = rows_of(scans, twin)
    assert own
    said = f"the same content as {twin}"
    return [
        row | {"file": copy, "message": f"{row['message']}; {said}" if row["message"] else said}
        for row in own
    ]


def test_a_copy_of_a_file_is_read_once_and_told(scans: Scans) -> None:
    shutil.copyfile(scans.folder / "2.png", scans.folder / "copy.png")
    for expected in (scans.names()[:PAGES], []):
        done, read = scans.run()
        assert done.exit_code == ExitCode.DONE, done.output
        assert read == expected
        assert "1 file has the content of another" in done.stderr
        assert rows_of(scans, "copy.png") == repeated(scans, "2.png", "copy.png")
        report = scans.out.with_suffix(".html").read_text(encoding="utf-8")
        assert report.count("copy.png") == 1  # in the remark, and in no field
        assert report.count('data-reason="same_content\t2.png"') == 1
        assert report.count(',"2.png",') == len(
            [row for row in rows_of(scans, "2.png") if row["field"] != "0"]
        )


def test_a_copy_that_comes_first_takes_the_place_of_what_was_read(scans: Scans) -> None:
    scans.run()
    shutil.copyfile(scans.folder / "2.png", scans.folder / "1a.png")
    done, read = scans.run()
    assert done.exit_code == ExitCode.DONE, done.output
    assert read == ["1a.png"]
    assert rows_of(scans, "2.png") == repeated(scans, "1a.png", "2.png")
    (scans.folder / "1a.png").unlink()
    _, read = scans.run()
    assert read == ["2.png"]
    assert not any("same content" in row["message"] for row in rows_of(scans, "2.png"))


@pytest.mark.parametrize("rows", ["field", "digit"])
def test_a_copy_of_a_file_of_several_pages_has_all_of_them(scans: Scans, rows: str) -> None:
    images = [Image.open(scans.folder / f"{number}.png") for number in range(3)]
    blank = Image.new("L", (300, 300), 255)
    images[0].save(
        scans.folder / "many.tif", save_all=True, append_images=[*images[1:], blank], dpi=(100, 100)
    )
    shutil.copyfile(scans.folder / "many.tif", scans.folder / "other.tif")
    done, read = scans.run("--rows", rows)
    assert done.exit_code == ExitCode.DONE, done.output
    assert read.count("many.tif") == 4
    assert "other.tif" not in read
    copies = rows_of(scans, "other.tif")
    assert copies == repeated(scans, "many.tif", "other.tif")
    assert {row["page"] for row in copies} == {"1", "2", "3", "4"}
    last = "no digit boxes found; the same content as many.tif"
    assert [row["message"] for row in copies if row["page"] == "4"] == [last]


def test_a_copy_of_what_cannot_be_read_has_the_same_reason(scans: Scans) -> None:
    for name in ("letter.png", "second.png"):
        (scans.folder / name).write_text("Dear Sir or Madam")
    done, _ = scans.run()
    assert done.exit_code == ExitCode.PAGES_FAILED, done.output
    assert "1 page could not be read" in done.stderr
    (letter,), (copy,) = rows_of(scans, "letter.png"), rows_of(scans, "second.png")
    assert (copy["status"], copy["value"]) == ("error", "")
    assert copy["message"] == f"{letter['message']}; the same content as letter.png"


def test_a_copy_of_what_is_not_read_yet_has_a_row(
    scans: Scans, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = f"{PAGES - 1}.png"
    for name, twin in (("1a.png", "0.png"), ("98.png", last)):  # 0 is read first, the last not
        shutil.copyfile(scans.folder / twin, scans.folder / name)
    with monkeypatch.context() as patched:
        interrupt_after_first(patched)
        done, read = scans.run()
    assert done.exit_code == ExitCode.INTERRUPTED, done.output
    assert last not in read
    assert f"interrupted after {len(read)} of {PAGES} pages" in done.stderr
    assert rows_of(scans, "1a.png") == repeated(scans, "0.png", "1a.png")
    (row,) = rows_of(scans, "98.png")
    assert (row["page"], row["field"], row["status"], row["value"]) == ("1", "0", "review", "")
    assert row["message"] == f"{last} is not read yet; the same content as {last}"
    done, _ = scans.run()
    assert done.exit_code == ExitCode.DONE, done.output
    assert rows_of(scans, "98.png") == repeated(scans, last, "98.png")


# --- two at once


def test_a_second_scan_of_a_job_is_refused(scans: Scans, monkeypatch: pytest.MonkeyPatch) -> None:
    refused: list[Result] = []
    started = ScanDisplay.started

    def scan_again(self: ScanDisplay, files: int, pages: int, done: int) -> None:
        started(self, files, pages, done)
        monkeypatch.setattr(ScanDisplay, "started", started)
        refused.append(scans.program(*scans.arguments()))

    monkeypatch.setattr(ScanDisplay, "started", scan_again)
    done, read = scans.run()
    assert done.exit_code == ExitCode.DONE, done.output
    assert read == scans.names()
    assert refused[0].exit_code == ExitCode.USAGE, refused[0].output
    assert str(scans.out.with_suffix(".sqlite")) in refused[0].stderr


def test_another_job_in_the_same_folder_is_not_disturbed(
    scans: Scans, undisturbed: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Scans(scans.program, scans.folder, scans.model, scans.out.with_name("other.csv"))
    started = ScanDisplay.started

    def scan_other(self: ScanDisplay, files: int, pages: int, done: int) -> None:
        started(self, files, pages, done)
        monkeypatch.setattr(ScanDisplay, "started", started)
        assert scans.program(*other.arguments()).exit_code == ExitCode.DONE

    monkeypatch.setattr(ScanDisplay, "started", scan_other)
    done, _ = scans.run()
    assert done.exit_code == ExitCode.DONE, done.output
    assert scans.out.read_bytes() == other.out.read_bytes() == undisturbed


# --- what ends a scan from outside


def start(scans: Scans) -> tuple[subprocess.Popen[str], IO[str]]:
    """The program in a process of its own, and its messages, a line for each page."""
    process = subprocess.Popen(
        [sys.executable, "-c", _ONE_BY_ONE, *map(str, scans.arguments("--workers", 1, "-v"))],
        env=os.environ | {"PYTHONPATH": str(Path(formreader.__file__).parents[1])},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        start_new_session=True,
    )
    assert process.stderr is not None
    return process, process.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize(
    ("name", "send"),
    [
        ("SIGKILL", os.kill),
        ("SIGTERM", os.kill),
        ("SIGTERM", getattr(os, "killpg", None)),  # as service managers do: to all processes
        ("SIGHUP", getattr(os, "killpg", None)),  # as terminals do
    ],
)
def test_a_killed_scan_goes_on(
    scans: Scans, undisturbed: bytes, name: str, send: Callable[[int, int], None]
) -> None:
    process, messages = start(scans)
    with process, messages:
        for line in messages:
            if ", page 1: decode" in line:
                send(process.pid, signal.Signals[name])
                break
        rest = messages.read()
    if name != "SIGKILL":
        assert process.returncode == ExitCode.INTERRUPTED, rest
        assert "The same command continues" in rest
        assert len({row["file"] for row in table(scans.out)}) < PAGES
    else:
        assert process.returncode == -signal.SIGKILL
        assert not scans.out.exists()
    done, read = scans.run()
    assert done.exit_code == ExitCode.DONE, done.output
    assert 0 < len(read) < PAGES
    assert scans.out.read_bytes() == undisturbed


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot halt a process")
def test_a_job_that_another_process_works_on_is_refused(scans: Scans, undisturbed: bytes) -> None:
    process, messages = start(scans)
    with process, messages:
        for line in messages:
            if ", page 1: decode" in line:
                process.send_signal(signal.SIGSTOP)
                break
        refused, read = scans.run()
        process.send_signal(signal.SIGCONT)
        rest = messages.read()
    assert refused.exit_code == ExitCode.USAGE, refused.output
    assert read == []
    assert process.returncode == ExitCode.DONE, rest
    assert scans.out.read_bytes() == undisturbed


def test_a_full_disk_leaves_the_job_intact(
    scans: Scans, undisturbed: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_work, "_GROUP_PAGES", 5)
    add, groups = JobStore.add, list[int]()

    def fill_up(self: JobStore, results: Sequence[PageRows]) -> None:
        groups.append(len(results))
        if len(groups) == 2:
            raise OutputError("r.sqlite: cannot be written: no space left on device")
        add(self, results)

    with monkeypatch.context() as patched:
        patched.setattr(JobStore, "add", fill_up)
        done, read = scans.run()
    assert done.exit_code == ExitCode.OUTPUT, done.output
    assert "no space left" in done.stderr
    assert not scans.out.exists()
    assert read == scans.names()[:5]
    done, read = scans.run()
    assert read == scans.names()[5:]
    assert scans.out.read_bytes() == undisturbed


# --- what is told of each page


def test_the_log_of_a_job_goes_on_with_it(scans: Scans, tmp_path: Path) -> None:
    log = tmp_path / "pages.jsonl"
    for more in range(2):
        if more:
            Image.new("L", (300, 300), 255).save(scans.folder / "99.png")
        assert scans.program(*scans.arguments("--log-json", log)).exit_code == ExitCode.DONE
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    assert [line["file"] for line in lines] == [*scans.names()[:PAGES], "99.png"]
    read = lines[0]
    assert read["page"] == 1
    assert list(read["seconds"]) == ["decode", "straighten", "find", "crop"]
    rows = [row for row in table(scans.out) if row["file"] == "0.png"]
    cells = "".join(row["cells"] for row in rows)
    assert read["boxes"] == len(cells) > 0
    assert read["digits"] == len(cells) - cells.count(".")
    assert 0 <= read["worst_confidence"] <= 1
    assert read["error"] == ""
    assert lines[-1]["boxes"] == 0
    assert lines[-1]["worst_confidence"] is None
    assert scans.program(*scans.arguments("--log-json", log, "--fresh")).exit_code == ExitCode.DONE
    assert len(log.read_text(encoding="utf-8").splitlines()) == PAGES + 1


def test_verbose_tells_a_line_a_page(scans: Scans) -> None:
    done, read = scans.run("-v")
    assert [name for name in read if f"{name}, page 1: decode" in done.stderr] == scans.names()
    assert "worst confidence" in done.stderr
