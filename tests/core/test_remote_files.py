"""Files at URLs: memory:// in this process, and a local web server."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import fsspec
import pytest
from click.testing import Result
from fsspec.implementations.memory import MemoryFileSystem

from formreader.core import remote_files
from formreader.core.errors import ExitCode, NoInputError, OutputError, PageError, UsageError
from formreader.core.locations import as_place, beside, is_url, job_path, name_of, suffix_of
from formreader.core.records import InputFile
from formreader.core.remote_files import fetch, identity, size_and_time
from formreader.input.input_files import list_files
from formreader.input.open_page import count_pages, open_file, read_page
from formreader.output.atomic_writing import atomic_stream, atomic_writer, check_writable

RunProgram = Callable[..., Result]


@pytest.fixture
def memory() -> Iterator[MemoryFileSystem]:
    """An empty store that all of this process sees."""
    store = fsspec.filesystem("memory")
    store.rm("/", recursive=True)
    yield store
    store.rm("/", recursive=True)


@pytest.fixture
def scans(memory: MemoryFileSystem, form_png: Path) -> MemoryFileSystem:
    names = ["p10.png", "p2.png", "sub/deep/q.png", ".h.png", ".git/x.png", "notes.txt"]
    for name in [*names, "results.csv"]:
        memory.pipe_file(f"/in/{name}", form_png.read_bytes())
    return memory


def labels(*paths: str) -> list[str]:
    return [file.label for file in list_files(paths).files]


@pytest.mark.parametrize("text", ["s3://b/x", "gs://b", "https://a.b/c.png", "memory://x"])
def test_urls_stay_as_they_are(text: str) -> None:
    assert is_url(text)
    assert as_place(text) == text


@pytest.mark.parametrize("text", ["a/b", "C://scans", "", "a//b", "s3:/b", "in/s3://b"])
def test_everything_else_is_a_path(text: str) -> None:
    assert not is_url(text)
    assert as_place(text) == Path(text)


def test_a_path_is_never_a_url() -> None:
    assert not is_url(Path("s3://b/x"))


def test_a_file_url_is_the_path(tmp_path: Path) -> None:
    path = tmp_path / "a folder" / "50%.png"
    assert as_place(path.as_uri()) == path
    with pytest.raises(UsageError, match="another machine"):
        as_place("file://server/share/a.png")


def test_files_beside_the_table() -> None:
    assert beside("s3://b/out/spring.2026.csv", ".html") == "s3://b/out/spring.2026.html"
    assert beside(Path("out/r.csv"), ".html") == Path("out/r.html")
    assert suffix_of("s3://b.c/out/R.CSV") == suffix_of(Path("out/R.CSV")) == ".csv"
    assert suffix_of("s3://b.c/out/r") == ""
    assert name_of("s3://b/out/r.csv") == name_of(Path("out/r.csv")) == "r.csv"


def test_the_jobs_of_two_urls_are_two_files_in_the_current_folder() -> None:
    assert job_path(Path("out/r.csv")) == Path("out/r.sqlite")
    one, other = job_path("s3://b/one/r.csv"), job_path("s3://b/other/r.csv")
    assert one != other
    assert one == job_path("s3://b/one/r.csv")
    assert one.parent == Path()
    assert one.name.startswith("r-")
    assert one.suffix == ".sqlite"


@pytest.mark.parametrize("url", ["memory://in", "memory://in/", "memory:///in/"])
def test_a_folder_is_read_whole_in_natural_order(scans: MemoryFileSystem, url: str) -> None:
    listing = list_files([url])
    assert [f.label for f in listing.files] == ["p2.png", "p10.png", "sub/deep/q.png"]
    assert listing.skipped == 1


@pytest.mark.parametrize(
    "pattern",
    ["*.png", "p?.png", "p[12]*.png", "**/*.png", "**/deep/*", "*", "**", "s*/*/*.png", "s*"],
)
def test_a_pattern_means_what_it_means_in_a_folder(
    scans: MemoryFileSystem, tmp_path: Path, pattern: str
) -> None:
    scans.get("/in", str(tmp_path / "in"), recursive=True)
    assert labels(f"memory://in/{pattern}") == labels(str(tmp_path / "in" / pattern))


def test_a_named_file_is_listed_whatever_its_ending(scans: MemoryFileSystem) -> None:
    named = ["memory://in/notes.txt", "memory://in/.h.png"]
    assert labels(*named) == ["notes.txt", ".h.png"]


def test_the_same_file_is_listed_once(scans: MemoryFileSystem) -> None:
    same = ("memory://in/p2.png", "memory:///in/p2.png", "memory://in/p2*", "memory://in/")
    assert labels(*same) == ["p2.png", "p10.png", "sub/deep/q.png"]


def test_own_results_are_passed_over(scans: MemoryFileSystem) -> None:
    own = ["memory:///in/p2.png", "memory://in/sub"]
    assert [f.label for f in list_files(["memory://in"], own=own).files] == ["p10.png"]


def test_equal_labels_get_the_folder_and_then_the_url(memory: MemoryFileSystem) -> None:
    for name in ("x/day/p.png", "y/day/p.png", "z/p.png"):
        memory.pipe_file(f"/{name}", b"x")
    assert labels("memory://x/day", "memory://z") == ["day/p.png", "z/p.png"]
    assert labels("memory://x/day", "memory://y/day") == [
        "memory://x/day/p.png",
        "memory://y/day/p.png",
    ]


def test_a_file_url_is_listed_as_the_path(forms: Path) -> None:
    assert list_files([forms.as_uri()]) == list_files([str(forms)])


def test_a_sub_folder_that_cannot_be_listed_becomes_a_page(
    scans: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = MemoryFileSystem.ls

    def ls(self: MemoryFileSystem, path: str, **options: Any) -> Any:
        if path.endswith(("/sub", "/closed")):
            raise PermissionError("Access Denied")
        return real(self, path, **options)

    monkeypatch.setattr(MemoryFileSystem, "ls", ls)
    assert labels("memory://in") == ["p2.png", "p10.png", "sub"]
    scans.pipe_file("/closed/a.png", b"x")
    with pytest.raises(NoInputError, match="memory://closed/: Access Denied"):
        list_files(["memory://closed/"])


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("memory://nope", "memory://nope: No such file or directory"),
        ("memory://in/*.gif", "the pattern matches no file"),
        ("memory://nope/*", "No such file or directory"),
    ],
)
def test_no_input(scans: MemoryFileSystem, url: str, message: str) -> None:
    with pytest.raises(NoInputError, match=message):
        list_files([url])


def test_unknown_protocols_and_missing_packages_are_reported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(UsageError, match=r"scans://a: .*scans.*Give s3://") as caught:
        list_files(["scans://a"])
    assert caught.value.exit_code is ExitCode.USAGE
    with pytest.raises(UsageError, match="chained"):
        check_writable("zip://a.csv::file:///a.zip")

    def missing(_: str) -> None:
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr("fsspec.core.url_to_fs", missing)
    with pytest.raises(UsageError, match=r"s3://b/a: Install s3fs .*pip install '\.\[cloud\]'"):
        check_writable("s3://b/a")


def test_a_page_is_read_from_a_url(scans: MemoryFileSystem, form_png: Path) -> None:
    file = InputFile("memory://in/p2.png", "p2.png")
    assert count_pages(file) == 1
    image = read_page(file, 0).image
    assert (image == read_page(InputFile(str(form_png), "p2.png"), 0).image).all()


def test_a_file_that_has_changed_is_fetched_again(memory: MemoryFileSystem) -> None:
    for content in (b"old", b"new"):
        memory.pipe_file("/a", content)
        assert fetch("memory://a") == content
        assert size_and_time("memory://a")[0] == 3
    assert size_and_time("memory://a")[1] > 0


def test_size_and_time_of_a_path_are_its_own(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    state = (tmp_path / "a").stat()
    assert size_and_time(tmp_path / "a") == (3, state.st_mtime_ns)


def test_pages_of_one_file_are_fetched_once(
    scans: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched = list[str]()
    real = MemoryFileSystem.cat_file

    def cat_file(self: MemoryFileSystem, path: str, *args: Any) -> bytes:
        fetched.append(path)
        return bytes(real(self, path, *args))

    monkeypatch.setattr(MemoryFileSystem, "cat_file", cat_file)
    scans.pipe_file("/in/many.tif", b"x")
    for _ in range(3):
        with open_file("memory://in/many.tif") as stream:
            assert stream.read() == b"x"
    assert fetched == ["/in/many.tif"]


def test_a_file_that_is_gone_or_too_large_is_a_page_error(
    scans: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(PageError, match=r"gone\.png: the file is gone"):
        read_page(InputFile("memory://in/gone.png", "gone.png"), 0)
    monkeypatch.setattr(remote_files, "MAX_BYTES", 1)
    with pytest.raises(PageError, match=r"p2\.png: it cannot be fetched \(larger.*Copy it"):
        read_page(InputFile("memory://in/p2.png", "p2.png"), 0)


class _RefusedError(Exception):
    """An exception that only a store's own package raises."""


def test_a_lost_connection_is_a_page_error_that_says_so(
    scans: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> bytes:
        raise _RefusedError("connection reset")

    monkeypatch.setattr(MemoryFileSystem, "cat_file", refuse)
    with pytest.raises(PageError, match=r"cannot be fetched \(connection reset\).*connection"):
        read_page(InputFile("memory://in/p10.png", "p10.png"), 0)


def test_a_result_is_uploaded_whole(memory: MemoryFileSystem) -> None:
    url = "memory://out/results.csv"
    check_writable(url)
    assert memory.find("/") == []
    with atomic_writer(url) as stream:
        stream.write("Größe\udcff\n")
        assert not memory.exists("/out/results.csv")
    assert memory.cat_file("/out/results.csv") == "Größe\\udcff\n".encode()


def test_a_result_that_breaks_off_is_not_uploaded(memory: MemoryFileSystem) -> None:
    memory.pipe_file("/results.csv", b"old")
    with pytest.raises(KeyError), atomic_stream("memory://results.csv") as stream:
        stream.write(b"half")
        raise KeyError
    assert memory.cat_file("/results.csv") == b"old"


def test_a_store_that_accepts_no_files_is_an_output_error(
    memory: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Access Denied")

    monkeypatch.setattr(MemoryFileSystem, "pipe_file", refuse)
    monkeypatch.setattr(MemoryFileSystem, "put_file", refuse)
    with pytest.raises(OutputError, match=r"memory://r\.html: .*Access Denied.*--report"):
        check_writable("memory://r.html", "--report")
    with (
        pytest.raises(OutputError, match=r"memory://r\.csv: .*Access Denied.*--out"),
        atomic_writer("memory://r.csv") as stream,
    ):
        stream.write("all")


def test_a_folder_is_no_result(scans: MemoryFileSystem) -> None:
    for url in ("memory://in", "memory://new/"):
        with pytest.raises(OutputError, match="it is a folder"):
            check_writable(url)


def test_writing_needs_no_right_to_delete(
    memory: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Access Denied")

    with monkeypatch.context() as patch:
        patch.setattr(MemoryFileSystem, "rm_file", refuse)
        check_writable("memory://r.csv")
    assert "could not be deleted (Access Denied)" in caplog.text


def test_one_file_has_one_identity(memory: MemoryFileSystem, tmp_path: Path) -> None:
    assert identity("memory://a/b.png") == identity("memory:///a/b.png")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    assert identity(tmp_path / "link") == identity(str(tmp_path / "file"))


@pytest.fixture
def web(forms: Path) -> Iterator[str]:
    """The address of a web server of the folder `forms`."""
    pytest.importorskip("aiohttp", reason="fsspec reads the web with it")
    handler = partial(SimpleHTTPRequestHandler, directory=str(forms))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_folder_on_the_web_is_listed_and_read(web: str, forms: Path) -> None:
    local, found = list_files([str(forms)]).files, list_files([f"{web}/"]).files
    assert [file.label for file in found] == [file.label for file in local]
    for one, other in zip(found, local, strict=True):
        assert (read_page(one, 0).image == read_page(other, 0).image).all()
    with pytest.raises(NoInputError, match="No such file"):
        list_files([f"{web}/nope.png"])
    with pytest.raises(OutputError, match="cannot be written"):
        check_writable(f"{web}/results.csv")


def test_a_signature_stays_out_of_the_results(web: str) -> None:
    assert labels(f"{web}/a.png?signature=secret") == ["a.png"]


def scan(program: RunProgram, model: Path, source: str, out: str) -> Result:
    return program("scan", source, "--out", out, "--model", model, "--workers", "1", "-q")


@pytest.mark.slow
def test_a_scan_from_the_web_gives_the_same_table_as_the_folder(
    web: str, forms: Path, tmp_path: Path, tiny_model: Path, program: RunProgram
) -> None:
    tables = [tmp_path / "local.csv", tmp_path / "web.csv"]
    for source, out in zip((str(forms), f"{web}/"), tables, strict=True):
        result = scan(program, tiny_model, source, str(out))
        assert result.exit_code is ExitCode.DONE, result.output
    assert tables[0].read_bytes() == tables[1].read_bytes()


def test_table_and_report_go_to_a_url_and_the_job_stays_here(
    memory: MemoryFileSystem,
    forms: Path,
    tmp_path: Path,
    tiny_model: Path,
    program: RunProgram,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    for url in ("memory://out/r.csv", "memory://out/r.parquet"):
        result = scan(program, tiny_model, forms.as_uri(), url)
        assert result.exit_code is ExitCode.DONE, result.output
    assert memory.find("/out") == ["/out/r.csv", "/out/r.html", "/out/r.parquet"]
    assert memory.cat_file("/out/r.csv").count(b"\n") > 3
    assert len(list(tmp_path.glob("r-*.sqlite"))) == 2
