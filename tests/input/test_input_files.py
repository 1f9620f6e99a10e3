"""Which files are listed for paths, in which order, with which labels."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from formreader.core.errors import ExitCode, NoInputError
from formreader.input.input_files import list_files
from formreader.input.path_listing import natural_key


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make(*names: str) -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(b"x")


def labels(*paths: str) -> list[str]:
    return [file.label for file in list_files(paths).files]


def test_folder_is_read_whole_in_natural_order() -> None:
    make("in/p10.png", "in/p2.png", "in/P1.JPG", "in/sub/q.pdf", "in/sub/deep/r.tiff")
    assert labels("in") == ["P1.JPG", "p2.png", "p10.png", "sub/deep/r.tiff", "sub/q.pdf"]


def test_paths_lead_to_the_files() -> None:
    make("in/sub/q.pdf")
    (file,) = list_files(["in"]).files
    assert Path(file.path).samefile("in/sub/q.pdf")


def test_other_kinds_are_counted_but_hidden_files_and_results_are_not() -> None:
    make("in/a.png", "in/notes.txt", "in/sub/Thumbs.db", "in/.hidden.png", "in/.git/x.png")
    make("in/results.csv", "in/results.html", "in/results.sqlite", "in/results.sqlite-wal")
    make("in/results.jsonl", "in/results.parquet", "in/results-0123abcd.sqlite")
    listing = list_files(["in"])
    assert [file.label for file in listing.files] == ["a.png"]
    assert listing.skipped == 2


def test_own_files_and_folders_are_passed_over() -> None:
    make("in/a.png", "in/sheet.csv", "in/debug/a.png")
    listing = list_files(["in"], own=["in/sheet.csv", Path("in/debug")])
    assert [file.label for file in listing.files] == ["a.png"]
    assert listing.skipped == 0


def test_a_named_file_is_listed_whatever_its_suffix() -> None:
    make("in/a.png", "in/notes.txt", "in/.hidden", "in/results.csv")
    named = ["in/notes.txt", "in/.hidden", "in/results.csv"]
    assert labels(*named) == ["notes.txt", ".hidden", "results.csv"]
    assert list_files([*named, "in"]).skipped == 0


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("in/*.png", ["a1.png", "a2.png"]),
        ("in/a[12].png", ["a1.png", "a2.png"]),
        ("in/a?.png", ["a1.png", "a2.png"]),
        ("in/**/*.png", ["a1.png", "a2.png", "sub/deep/c.png"]),
        ("in/**/deep/*", ["sub/deep/c.png"]),
        ("in/*", ["a1.png", "a2.png", "sub/b.jpg", "sub/deep/c.png"]),
        ("in/**", ["a1.png", "a2.png", "sub/b.jpg", "sub/deep/c.png"]),
        ("*/*.png", ["in/a1.png", "in/a2.png"]),
        ("**/*.jpg", ["in/sub/b.jpg"]),
        ("in/s*/*.jpg", ["sub/b.jpg"]),
    ],
)
def test_patterns(pattern: str, expected: list[str]) -> None:
    make("in/a2.png", "in/a1.png", "in/x.txt", "in/sub/b.jpg", "in/sub/deep/c.png", "in/.h.png")
    assert labels(pattern) == expected
    assert labels(os.path.abspath(pattern)) == expected


def test_a_file_whose_name_looks_like_a_pattern() -> None:
    make("scan[1].png", "scan1.png")
    assert labels("scan[1].png") == ["scan[1].png"]


def test_the_same_file_is_listed_once() -> None:
    make("in/a.png", "in/b.png")
    os.symlink("a.png", "in/0_link.png")
    assert labels("in/a.png", "in", "./in", os.path.abspath("in"), "in/*.png") == ["a.png", "b.png"]
    assert labels("in") == ["a.png", "b.png"]


def test_loops_of_links_end() -> None:
    make("in/a.png", "in/sub/b.png")
    os.symlink("..", "in/sub/up")
    os.symlink(".", "in/here")
    for path in ("in", "in/**", "in/**/*.png", "in/*"):
        assert labels(path) == ["a.png", "sub/b.png"], path


def test_linked_folder_is_read() -> None:
    make("elsewhere/a.png", "in/b.png")
    os.symlink("../elsewhere", "in/linked")
    assert labels("in") == ["b.png", "linked/a.png"]


def test_dangling_link_is_not_lost_silently() -> None:
    make("in/a.png")
    os.symlink("nowhere.png", "in/b.png")
    assert labels("in") == ["a.png", "b.png"]


def test_equal_labels_get_the_folder_name() -> None:
    make("x/day1/p.png", "x/day2/p.png", "x/day2/q.png", "y/r.png")
    assert labels("x/day1", "x/day2", "y") == ["day1/p.png", "day2/p.png", "day2/q.png", "r.png"]
    assert labels("x/day1/p.png", "x/day2/p.png") == ["day1/p.png", "day2/p.png"]


def test_equal_folder_names_get_the_path_as_given() -> None:
    make("x/day/p.png", "y/day/p.png")
    assert labels("x/day", "y/day") == ["x/day/p.png", "y/day/p.png"]
    assert labels("x/day", os.path.abspath("y/day"))[0] == "x/day/p.png"


def test_prefix_that_collides_with_a_longer_label() -> None:
    make("all/day1/p.png", "day1/p.png", "day2/p.png")
    found = labels("all", "day1", "day2")
    assert len(set(found)) == 3


@pytest.mark.skipif(os.name == "nt", reason="Windows names are Unicode")
def test_name_that_is_no_utf8() -> None:
    Path("in").mkdir()
    Path(os.fsdecode(b"in/f\xfcnf.png")).write_bytes(b"x")
    assert labels("in") == ["f\\xfcnf.png"]


def test_folder_that_cannot_be_opened_becomes_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Permission bits do not bind root, so the refusal is simulated."""
    make("in/a.png", "in/closed/b.png")
    real_listdir, real_scandir = os.listdir, os.scandir

    def listdir(path: str) -> list[str]:
        if path.endswith("closed"):
            raise PermissionError(13, "Permission denied", path)
        return real_listdir(path)

    def scandir(path: str) -> object:
        listdir(path)
        return real_scandir(path)

    monkeypatch.setattr(os, "listdir", listdir)
    monkeypatch.setattr(os, "scandir", scandir)
    for path in ("in", "in/*", "in/**", "in/**/*.png"):
        assert labels(path) == ["a.png", "closed"], path
    with pytest.raises(NoInputError, match="in/closed: Permission denied"):
        list_files(["in", "in/closed"])


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        ([], "Name at least one"),
        (["nope"], "nope: No such file or directory. Check the spelling"),
        (["in", "nope.png"], "nope.png: No such file"),
        (["in", "in/*.gif"], r"in/\*\.gif: the pattern matches no file"),
        (["gone/*.png"], "the pattern matches no file"),
        (["empty"], "empty: no page files found"),
        (["empty", "other"], r"empty, other: no page files found \(1 of other kinds\)"),
        (["a\0b"], "Check the spelling"),
    ],
)
def test_no_input(paths: list[str], message: str) -> None:
    make("in/a.png", "other/a.txt")
    Path("empty").mkdir()
    with pytest.raises(NoInputError, match=message) as caught:
        list_files(paths)
    assert caught.value.exit_code is ExitCode.NO_INPUT


@settings(deadline=None)  # on a busy machine, the time of an example says nothing
@given(st.lists(st.integers(0, 10**6), unique=True))
def test_natural_order_is_that_of_the_numbers(numbers: list[int]) -> None:
    names = [f"p{number}.png" for number in numbers]
    assert sorted(names, key=natural_key) == [f"p{number}.png" for number in sorted(numbers)]


@settings(deadline=None)
@given(*[st.text(alphabet="ab1/٣²")] * 2)
def test_natural_order_is_total(one: str, other: str) -> None:
    first, second = natural_key(one), natural_key(other)
    assert (first < second) + (first == second) + (first > second) == 1


def test_natural_order_goes_folder_by_folder() -> None:
    names = ["b", "a10", "B1", "a2", "a/10/x", "a/2/x"]
    assert sorted(names, key=natural_key) == ["a/2/x", "a/10/x", "a2", "a10", "b", "B1"]
