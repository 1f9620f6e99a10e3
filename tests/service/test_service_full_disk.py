"""A full disk, and a service that is killed in the middle: nothing is half kept."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from formreader.core.errors import is_disk_full
from formreader.core.options import ScanOptions, ServeOptions
from formreader.service import zip_files
from formreader.service.run_service import make_application
from formreader.service.service_state import Service

resource = pytest.importorskip("resource", reason="limits of files are of POSIX")

Finish = Callable[[str], dict[str, Any]]

FULL = 1000
"""Bytes that a file may have where the disk is full."""


@contextmanager
def full_disk(size: int = FULL) -> Iterator[None]:
    """Let all writes over a size fail, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def job(client: TestClient, form_png: Path, finish: Finish) -> str:
    """The address of a job that is done, all of whose digits are for review."""
    files = {"files": ("form.png", form_png.read_bytes())}
    answer = client.post("/api/v1/jobs", files=files, data={"review_below": "1"})
    done = finish(str(answer.json()["id"]))
    return f"/api/v1/jobs/{done['id']}"


def corrections(client: TestClient, job: str, field: int = 0) -> str:
    """A corrections.csv with an answer to one box."""
    review = client.get(f"{job}/review").json()
    file, number, place, _, boxes, *_ = review["fields"][field]["record"]
    x, y, width, height, guess, confidence, *_ = boxes[0]
    header = "file,page,field,box,x,y,width,height,guess,confidence,digit,value,job"
    digit = "3" if guess != "3" else "5"
    line = f"{file},{number},{place},1,{x},{y},{width},{height},{guess},{confidence},{digit},,"
    return f"{header}\n{line}{review['job']}\n"


def tree(service: Service) -> dict[str, bytes]:
    """All files of the service."""
    return {
        path.relative_to(service.data.path).as_posix(): path.read_bytes()
        for path in service.data.path.rglob("*")
        if path.is_file()
    }


def test_uploads_pages_and_forms(client: TestClient, service: Service, form_png: Path) -> None:
    stream = io.BytesIO()
    Image.open(form_png).save(stream, "JPEG", quality=60)  # smaller than the PNG of its form
    page = stream.getvalue()
    before = tree(service)
    with full_disk():
        answers = [
            client.post("/api/v1/jobs", files={"files": ("a.png", page)}),
            client.post("/api/v1/read", content=page),
            client.post("/api/v1/read", files={"file": ("a.png", page)}),
            client.post("/api/v1/digits", files={"files": ("a.png", page)}),
            client.post("/api/v1/templates?name=full", files={"file": ("a.png", page)}),
        ]
    with full_disk(len(page)):  # room for the page, but not for the form that is made of it
        url = "/api/v1/templates?name=full"
        answers.append(client.post(url, files={"file": ("a.png", page)}))
    assert [one.status_code for one in answers] == [507] * len(answers), answers[-1].text
    assert "Delete jobs or free some space" in answers[0].json()["detail"]
    assert tree(service) == before
    assert not list(service.data.path.joinpath("tmp").iterdir())


def test_a_zip_is_not_called_damaged_where_the_disk_is_full(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a.png", bytes(5 * FULL))
    path = tmp_path / "a.zip"
    path.write_bytes(stream.getvalue())
    with full_disk(), pytest.raises(OSError, match="large") as told:
        zip_files.unpack_zip(path, tmp_path, 10, 10**6)
    assert is_disk_full(told.value)


def test_corrections_are_kept_whole_or_not_at_all(
    client: TestClient, service: Service, job: str
) -> None:
    kind = {"content-type": "text/csv"}
    csv = corrections(client, job)
    service.desk.close_idle(0)
    before = tree(service)
    table = client.get(f"{job}/results").content
    for room in (10, FULL):  # the corrections do not fit; the table does not
        with full_disk(room):
            answer = client.post(f"{job}/corrections", content=csv, headers=kind)
        assert answer.status_code == 507, answer.text
        assert str(service.data.path) not in answer.text
        service.desk.close_idle(0)
        assert tree(service) == before
    done = client.post(f"{job}/corrections", content=csv, headers=kind).json()
    assert (done["stored"], done["known"]) == (1, 0)
    corrected = client.get(f"{job}/results").content
    assert corrected != table
    with full_disk():
        assert client.delete(f"{job}/corrections").status_code == 507
    assert client.get(f"{job}/results").content == corrected
    assert client.delete(f"{job}/corrections").status_code == 200
    assert client.get(f"{job}/results").content == table


def test_what_is_sent_leaves_nothing_behind(client: TestClient, service: Service, job: str) -> None:
    for call in ("results", "results?format=json", "results?format=parquet", "review", "report"):
        with full_disk(300):
            answer = client.get(f"{job}/{call}")
        assert answer.status_code == 507, (call, answer.text)
        assert not list(service.data.path.joinpath("tmp").iterdir()), call
    with full_disk(10):
        url = f"{job}/answers"
        assert client.put(url, json={"answers": {"a": "1" * 50}}).status_code == 507
    assert client.get(url).json() == {"answers": {}}


def test_killed_before_corrections_are_counted(
    form_png: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = ScanOptions(paths=(), workers=1, review_below=1)
    options = ServeOptions(scan=scan, data=tmp_path / "data")
    service = Service.start(options)
    client = TestClient(make_application(service), base_url="http://localhost")
    answer = client.post("/api/v1/jobs", files={"files": ("a.png", form_png.read_bytes())})
    job = f"/api/v1/jobs/{answer.json()['id']}"
    client.get(f"{job}/events")
    csv, headers = corrections(client, job), {"content-type": "text/csv"}
    monkeypatch.setattr(Service, "renew_counts", lambda *_: None)  # as after SIGKILL
    assert client.post(f"{job}/corrections", content=csv, headers=headers).status_code == 200
    assert client.get(job).json()["counts"]["checked"] == 0
    service.stop()
    monkeypatch.undo()
    again = Service.start(options)
    try:
        again.renew_old_counts()
        client = TestClient(make_application(again), base_url="http://localhost")
        assert client.get(job).json()["counts"]["checked"] == 1
        live = again.job(job.rpartition("/")[2])
        assert not live.folder.is_older_than_store()
    finally:
        again.stop()
