from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from formreader.core.errors import ExitCode, OutputError
from formreader.output.atomic_writing import atomic_stream, atomic_writer, check_writable


def test_a_writable_place_is_left_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "old.csv").write_text("old")
    check_writable(tmp_path / "old.csv")
    check_writable(tmp_path / "new.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["old.csv"]
    assert (tmp_path / "old.csv").read_text() == "old"


def test_a_missing_folder_is_refused_with_the_option_that_mends_it(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"nowhere does not exist.*--report") as caught:
        check_writable(tmp_path / "nowhere" / "results.html", "--report")
    assert caught.value.exit_code is ExitCode.OUTPUT


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="it is a folder"):
        check_writable(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_pipe_is_refused_and_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OutputError, match="not an ordinary file"):
        check_writable(tmp_path / "pipe")


def test_a_folder_that_takes_no_files_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Path.open

    def refuse(path: Path, mode: str = "r") -> object:
        if mode == "x":
            raise OSError(errno.EROFS, "Read-only file system", str(path))
        return real(path, mode)

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(OutputError, match=r"results\.csv: .*Read-only file system.*--out"):
        check_writable(tmp_path / "results.csv")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may do all")
def test_a_folder_without_permission_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="Permission denied"):
        check_writable(tmp_path / "results.csv")


def test_the_file_appears_whole_with_its_bytes_as_given(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    with atomic_writer(path) as stream:
        stream.write("Größe\n\udcff\n")
        assert not path.exists()
    assert path.read_bytes() == "Größe\n\\udcff\n".encode()
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("cause", [ValueError, KeyboardInterrupt])
def test_an_exception_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, cause: type[BaseException]
) -> None:
    path = tmp_path / "results.csv"
    path.write_text("old")
    with pytest.raises(cause), atomic_writer(path) as stream:
        stream.write("half")
        raise cause
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_an_output_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    path = tmp_path / "results.csv"
    with (
        pytest.raises(OutputError, match=r"results\.csv: .*No space left.*Free some space"),
        atomic_writer(path) as stream,
    ):
        stream.write("much")
    assert list(tmp_path.iterdir()) == []


def test_an_error_about_another_file_is_not_blamed_on_the_output(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), atomic_writer(tmp_path / "results.csv"):
        (tmp_path / "page.png").read_bytes()


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    link, target = tmp_path / "results.csv", tmp_path / "disk" / "real.csv"
    link.symlink_to(target)
    with atomic_writer(link) as stream:
        stream.write("new")
    assert link.is_symlink()
    assert target.read_text() == "new"


@pytest.mark.skipif(os.name == "nt", reason="permission bits are POSIX")
def test_the_permissions_of_the_old_file_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    path.write_text("old")
    path.chmod(0o640)
    with atomic_writer(path) as stream:
        stream.write("new")
    assert path.stat().st_mode & 0o777 == 0o640


def test_bytes_replace_the_file_as_text_does(tmp_path: Path) -> None:
    path = tmp_path / "results.parquet"
    path.write_bytes(b"old")
    with atomic_stream(path) as stream:
        stream.write(b"\xff\n")
        stream.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"\xff\n"
    assert list(tmp_path.iterdir()) == [path]
