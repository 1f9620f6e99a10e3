"""The watched folder: files are taken whole, once, and none is lost by a restart."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from formreader.core.errors import UsageError
from formreader.service import watched_folder
from formreader.service.service_state import Service
from formreader.service.watched_folder import WatchedFolder

Watch = Callable[..., WatchedFolder]


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


@pytest.fixture
def watch(service: Service, inbox: Path) -> Iterator[Watch]:
    def watching(*, move: bool = True, jobs: Any = "day") -> WatchedFolder:
        return WatchedFolder(service, inbox, move=move, jobs=jobs)

    yield watching
    for job in service.queue.all():
        service.queue.delete(job)
    service.data.path.joinpath("watched.jsonl").unlink(missing_ok=True)


def labels(service: Service) -> list[list[str]]:
    return [[file.label for file in job.record.files] for job in service.queue.all()]


def left_in(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_a_file_is_taken_once_it_is_whole(
    service: Service, inbox: Path, watch: Watch, form_png: Path
) -> None:
    folder, content = watch(), form_png.read_bytes()
    page = inbox / "a.png"
    page.write_bytes(content[:1000])
    inbox.joinpath("notes.txt").write_text("no page")
    inbox.joinpath(".b.png").write_bytes(content)
    folder.look(0)
    folder.look(4)
    page.write_bytes(content)  # the scanner goes on
    folder.look(8)
    assert labels(service) == []
    folder.look(14)
    assert labels(service) == [["a.png"]]
    assert left_in(inbox)[:1] == [".b.png"] and page.name not in left_in(inbox)
    (done,) = inbox.glob("done/*/a.png")
    assert done.read_bytes() == content
    (job,) = service.queue.all()
    assert job.folder.files.joinpath("000001.png").read_bytes() == content

    page.write_bytes(content + b"more")  # the next one of the same name, on the same day
    folder.look(20)
    folder.look(26)
    assert labels(service) == [["a.png", "a (2).png"]]
    assert len(list(inbox.glob("done/*/a*.png"))) == 2
    _wait(lambda: job.record.state == "done")
    assert job.record.counts is not None and job.record.counts["pages"] == 2


def test_files_that_stay_are_never_read_twice(
    service: Service, inbox: Path, watch: Watch, form_png: Path
) -> None:
    inbox.joinpath("7b").mkdir()
    for name in ("7b/a.png", "b.png"):
        inbox.joinpath(name).write_bytes(form_png.read_bytes())
    for start in (0, 100):  # the second is a restart
        folder = watch(move=False, jobs="folder")
        folder.look(start)
        folder.look(start + 6)
        assert sorted(labels(service)) == [["7b/a.png"], ["b.png"]]
    for job in service.queue.all():
        service.queue.delete(job)
    folder.look(200)
    folder.look(206)
    assert labels(service) == []
    assert left_in(inbox) == ["7b/a.png", "b.png"]


@pytest.mark.parametrize("moment", ["while it is copied", "before it is moved", "at the next look"])
@pytest.mark.parametrize("alike", [True, False])
def test_what_takes_the_name_of_a_file_is_read_too(
    service: Service, inbox: Path, watch: Watch, form_png: Path, monkeypatch: pytest.MonkeyPatch,
    moment: str, alike: bool,
) -> None:  # fmt: skip
    """A scanner renames the next picture over the last one: `alike`, of the same size and time."""
    content = form_png.read_bytes()
    other = content[:-1] + (b"!" if alike else b"more")
    page, new = inbox / "a.png", inbox / "new.part"
    page.write_bytes(content)
    facts = page.stat()

    def rename_over(*_: object) -> None:
        new.write_bytes(other)
        if alike:
            os.utime(new, ns=(facts.st_atime_ns, facts.st_mtime_ns))
        new.replace(page)

    folder = watch()
    folder.look(0)
    with monkeypatch.context() as patch:
        if moment == "at the next look":
            patch.setattr(WatchedFolder, "_put_away", lambda *_: None)
            folder.look(6)
            rename_over()
        else:
            place, name = {
                "while it is copied": (shutil, "copyfileobj"),
                "before it is moved": (WatchedFolder, "_put_away"),
            }[moment]
            before = getattr(place, name)

            def late(*arguments: object) -> None:
                patch.setattr(place, name, before)
                if moment == "before it is moved":
                    rename_over()
                before(*arguments)
                if moment == "while it is copied":
                    rename_over()

            patch.setattr(place, name, late)
            folder.look(6)
    for now in (10, 16, 22, 28):
        folder.look(now)
    (job,) = service.queue.all()
    stored = {job.folder.files.joinpath(file.stored).read_bytes() for file in job.record.files}
    assert stored == {content, other}
    assert [path for path in left_in(inbox) if not path.startswith("done/2")] == []
    assert [path.read_bytes() for path in inbox.glob("done/2*/*")] == [other]  # the first is gone


def test_a_file_that_comes_back_replaces_nothing(
    service: Service, inbox: Path, watch: Watch, form_png: Path
) -> None:
    content = form_png.read_bytes()
    leaving = inbox / "done" / "leaving" / "7b"
    leaving.mkdir(parents=True)
    leaving.joinpath("a.png").write_bytes(content)
    inbox.joinpath("7b").mkdir()
    inbox.joinpath("7b", "a.png").write_bytes(content + b"1")
    folder = watch()
    for now in (0, 6, 12):
        folder.look(now)
    (job,) = service.queue.all()
    stored = [job.folder.files.joinpath(file.stored).read_bytes() for file in job.record.files]
    assert stored == [content, content + b"1"]
    assert len(list(inbox.glob("done/2*/7b/*.png"))) == 2


@pytest.mark.parametrize("step", ["copy", "record", "note", "move", "leave"])
def test_a_kill_at_any_step_loses_and_doubles_nothing(
    service: Service, inbox: Path, watch: Watch, form_png: Path, step: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    class KilledError(BaseException):
        pass

    def kill(*_: object, **__: object) -> None:
        raise KilledError

    inbox.joinpath("a.png").write_bytes(form_png.read_bytes())
    folder = watch()
    folder.look(0)
    with monkeypatch.context() as patch:
        place, name = {
            "copy": (WatchedFolder, "_copied"),
            "record": (service.queue, "add"),
            "note": (WatchedFolder, "_note"),
            "move": (WatchedFolder, "_put_away"),
            "leave": (watched_folder, "_move"),
        }[step]
        patch.setattr(place, name, kill)
        with pytest.raises(KilledError):
            folder.look(6)
    if step == "record":  # the folder of the job is there, as a restart finds it
        known = {job.record.id for job in service.queue.all()}
        for found, record in service.data.all():
            if record is not None and record.id not in known:
                service.queue.add(found, record, client="")
    folder = watch()
    folder.look(10)
    folder.look(16)
    assert labels(service) == [["a.png"]]
    assert len(list(inbox.glob("done/*/a.png"))) == 1


def test_folders_that_cannot_be_watched(service: Service, tmp_path: Path) -> None:
    for folder in (tmp_path / "none", service.data.path / "jobs", service.data.path.parent):
        with pytest.raises(UsageError, match="--watch"):
            WatchedFolder(service, folder, move=True, jobs="day")


def _wait(holds: Callable[[], bool], seconds: float = 60) -> None:
    import time

    ends = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < ends
        time.sleep(0.05)
