"""Jobs that learn their forms, keep them as templates, and are read again with them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from formreader.service.service_state import Service

Json = dict[str, Any]
Finish = Callable[[str], Json]
Serving = Callable[..., TestClient]

JOBS = "/api/v1/jobs"

SIDES = ("x", "y", "width", "height")


@pytest.fixture(scope="module")
def pages(form_png: Path) -> list[tuple[str, bytes]]:
    """Three scans of one form, a little lighter each: files with the same content are read once."""
    with Image.open(form_png) as image:
        grey = np.array(image.convert("L"))
    made = list[tuple[str, bytes]]()
    for i in range(3):
        stream = io.BytesIO()
        Image.fromarray(np.minimum(grey, 255 - i)).save(stream, "PNG", dpi=(100, 100))
        made.append((f"<b>scan</b> {i}.png", stream.getvalue()))
    return made


def upload(client: TestClient, pages: list[tuple[str, bytes]], **values: str) -> Json:
    answer = client.post(JOBS, files=[("files", one) for one in pages], data=values)
    assert answer.status_code == 202, answer.text
    job: Json = answer.json()
    return job


@pytest.fixture
def learned(client: TestClient, finish: Finish, pages: list[tuple[str, bytes]]) -> Json:
    """A job that has learned its form."""
    return finish(upload(client, pages, rows="page", name="pile")["id"])


@pytest.mark.slow
def test_a_pile_teaches_forms_which_name_the_columns_of_the_next_reading(
    client: TestClient, finish: Finish, learned: Json, service: Service
) -> None:
    assert (learned["state"], learned["options"]["template"]) == ("done", "auto")
    table = client.get(f"{JOBS}/{learned['id']}/results").text.splitlines()
    assert table[0].startswith("file,page,form,status,review,F01")
    assert [line.split(",")[2] for line in table[1:]] == ["form-1"] * 3

    kept = client.post(f"{JOBS}/{learned['id']}/templates")
    assert kept.status_code == 201
    (form,) = kept.json()["templates"]
    assert form["name"] == "form-1"
    template = client.get("/api/v1/templates/form-1").json()
    template["fields"][0]["name"] = "votes"
    assert client.put("/api/v1/templates/form-1", json=template).status_code == 200
    again = client.post(f"{JOBS}/{learned['id']}/templates").json()  # not twice, nor anew
    assert again == kept.json()
    assert client.get("/api/v1/templates/form-1").json() == template

    page = client.get(f"{JOBS}/{learned['id']}/pages/1").json()
    place = ",".join(str(page["readings"][0]["place"][side]) for side in SIDES)
    corrected = client.post(
        f"{JOBS}/{learned['id']}/corrections?by=Ann",
        content=f"file,page,{','.join(SIDES)},digit,field,box,value\n"
        f"{page['file']},1,{place},,1,0,90210\n",
        headers={"content-type": "text/csv"},
    )
    assert corrected.json()["stored"] == 1, corrected.text

    changes = {"template": "form-1", "name": "named"}
    answer = client.post(f"{JOBS}/{learned['id']}/again", json=changes)
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == f"{JOBS}/{answer.json()['id']}"
    assert client.delete(f"{JOBS}/{learned['id']}").status_code == 204  # both have the files
    job = finish(answer.json()["id"])
    assert (job["name"], job["state"], job["files"]) == ("named", "done", 3)
    assert job["options"]["rows"] == "page"
    assert (job["carried"], job["not_carried"]) == (1, 0)
    table = client.get(f"{JOBS}/{job['id']}/results").text.splitlines()
    assert table[0].startswith("file,page,form,status,review,votes")
    assert [line.split(",")[5] == "90210" for line in table[1:]] == [True, False, False]
    sheet = client.get(f"{JOBS}/{job['id']}/results?format=xlsx")
    assert sheet.content.startswith(b"PK")
    assert client.delete("/api/v1/templates/form-1").status_code == 204
    assert client.delete(f"{JOBS}/{job['id']}").status_code == 204
    assert not list(service.data.jobs.glob(f"{job['id']}*"))


@pytest.mark.slow
def test_learned_forms_get_free_names(client: TestClient, learned: Json, form_png: Path) -> None:
    page = {"files": ("other.png", form_png.read_bytes())}
    assert client.post("/api/v1/templates?name=form-1", files=page).status_code == 201
    kept = client.post(f"{JOBS}/{learned['id']}/templates").json()["templates"]
    assert [one["name"] for one in kept] == ["form-2"]
    for name in ("form-1", "form-2"):
        assert client.delete(f"/api/v1/templates/{name}").status_code == 204


@pytest.mark.slow
def test_a_job_without_forms_says_how_it_gets_rows_of_pages(
    client: TestClient, finish: Finish, pages: list[tuple[str, bytes]]
) -> None:
    job = finish(upload(client, pages[:1])["id"])
    table = client.get(f"{JOBS}/{job['id']}/results?rows=page")
    assert table.status_code == 422
    assert f"/{job['id']}/again" in table.json()["detail"]
    assert client.post(f"{JOBS}/{job['id']}/templates").status_code == 422
    answer = client.post(f"{JOBS}/{job['id']}/again", json={"template": "auto", "rows": "page"})
    alone = finish(answer.json()["id"])  # a single page is no form
    rows = client.get(f"{JOBS}/{alone['id']}/results").text.splitlines()
    assert rows[0].split(",")[:3] == ["file", "page", "form"]
    assert client.post(f"{JOBS}/{alone['id']}/templates").status_code == 422


@pytest.mark.parametrize(
    ("changes", "status"),
    [({"rows": "novel"}, 422), ({"review_below": 2}, 422), ({"template": "none of ours"}, 404),
     ({"template": "../../etc"}, 404), ({"rows": None}, 422), ({"paths": ["/"]}, 422),
     ({"name": "x" * 300}, 422), ([], 422), ({"template": "*"}, 422)],
)  # fmt: skip
def test_a_wrong_reading_again_leaves_nothing_behind(
    client: TestClient, finish: Finish, service: Service, form_png: Path, changes: Any, status: int
) -> None:
    job = upload(client, [("a.png", form_png.read_bytes())])["id"]
    before = {path.name for path in service.data.jobs.iterdir()}
    answer = client.post(f"{JOBS}/{job}/again", json=changes)
    assert (answer.status_code, answer.headers["content-type"]) == (
        status,
        "application/problem+json",
    )
    assert {path.name for path in service.data.jobs.iterdir()} == before
    assert not list(service.data.path.joinpath("tmp").iterdir())


def test_a_reading_again_is_held_by_the_limits_of_uploads(
    client: TestClient,
    rules: Serving,
    service: Service,
    form_png: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job = upload(client, [("a.png", form_png.read_bytes())])["id"]
    calls = [(f"{JOBS}/{job}/again", {}), (f"{JOBS}/{job}/templates", None)]
    for path, body in calls:
        foreign = client.post(path, json=body, headers={"origin": "http://evil.example"})
        assert foreign.status_code == 403
        assert rules(token="a-token-of-this-test").post(path, json=body).status_code == 401
        assert client.post(path.replace(job, "0" * 16), json=body).status_code == 404
    assert client.post(calls[0][0], content=b"{}").status_code == 415
    with monkeypatch.context() as patched:
        patched.setattr(service.queue, "max_client_jobs", 0)
        assert client.post(calls[0][0], json={}).status_code == 429
    monkeypatch.setattr(type(service.data), "free_bytes", lambda self: 1000)
    assert client.post(calls[0][0], json={}).status_code == 507


def test_jobs_are_found_by_their_name_and_those_of_their_files(
    client: TestClient, form_png: Path
) -> None:
    content = form_png.read_bytes()
    job = upload(client, [("Ward 7/ÄRZTE%_1.png", content)], name="May (a.*)")["id"]
    upload(client, [("other.png", content)])
    for text in ("may (A.*)", "ärzte%_", "ward 7/"):
        found = client.get(JOBS, params={"search": text}).json()
        assert (found["total"], [one["id"] for one in found["jobs"]]) == (1, [job]), text
    assert client.get(JOBS, params={"search": "a%e"}).json() == {"jobs": [], "total": 0}
    assert client.get(JOBS, params={"search": "x" * 300}).status_code == 422


@pytest.mark.parametrize("field", ["file", "files"])
def test_files_go_into_file_or_files(client: TestClient, form_png: Path, field: str) -> None:
    page = {field: ("a.png", form_png.read_bytes())}
    assert client.post(JOBS, files=page).status_code == 202
    assert client.post("/api/v1/read", files=page).status_code == 200
    assert client.post("/api/v1/digits", files=page).status_code == 200
    assert client.post("/api/v1/templates?name=alike", files=page).status_code == 201
    assert client.delete("/api/v1/templates/alike").status_code == 204
    wrong = client.post(JOBS, files={"fil": page[field]})
    assert wrong.status_code == 422
    assert "`files` (or `file`)" in wrong.json()["detail"]


def test_one_page_teaches_no_form(client: TestClient, form_png: Path) -> None:
    answer = client.post("/api/v1/read?template=auto", content=form_png.read_bytes())
    assert answer.status_code == 422
    assert "teaches no form" in answer.json()["detail"]


@pytest.mark.slow
def test_a_pile_becomes_templates_without_another_call(
    client: TestClient, finish: Finish, pages: list[tuple[str, bytes]], service: Service
) -> None:
    before = len(service.shelf.all())
    lighter = [(name, repainted(content)) for name, content in pages]
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in lighter:
            archive.writestr(name.strip("<b>").replace("</b>", ""), content)
    sent = client.post(
        "/api/v1/templates",
        files=[("files", ("pile.zip", stream.getvalue()))],
        data={"template": "none such", "rows": "field"},  # learning says what these are
    )
    assert sent.status_code == 202, sent.text
    assert sent.headers["location"] == f"{JOBS}/{sent.json()['id']}"
    job = finish(sent.json()["id"])
    assert (job["state"], job["options"]["template"], job["files"]) == ("done", "auto", 3)
    assert len(service.shelf.all()) == before + 1


@pytest.mark.slow
def test_a_pile_without_two_pages_alike_is_told(
    client: TestClient, finish: Finish, pages: list[tuple[str, bytes]], service: Service
) -> None:
    before = service.shelf.all()
    sent = client.post("/api/v1/templates", files=[("files", pages[0])])
    job = finish(sent.json()["id"])
    assert job["state"] == "failed"
    assert "no two of its pages are alike" in job["problem"]["detail"]
    assert service.shelf.all() == before


def repainted(content: bytes) -> bytes:
    """The page a little lighter: another form's picture."""
    stream = io.BytesIO()
    with Image.open(io.BytesIO(content)) as image:
        grey = np.array(image)
    Image.fromarray((grey * 0.97).astype(np.uint8)).save(stream, "PNG", dpi=(100, 100))
    return stream.getvalue()
