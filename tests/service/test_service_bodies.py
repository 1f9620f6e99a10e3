"""Bodies of requests: each has a limit, which holds while it comes, and damage is the client's."""

from __future__ import annotations

import asyncio
import io
import json
import zipfile
from collections.abc import Awaitable, Callable
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from pydantic import BaseModel, ValidationError

from formreader.service import (
    bodies,
    job_routes,
    page_routes,
    read_routes,
    system_routes,
    template_routes,
)
from formreader.service.service_state import Service

Finish = Callable[[str], dict[str, Any]]

CHUNK = 2**16

UPLOAD = 10_737_418
"""Bytes of the largest upload in these tests, `--max-upload`."""

LIMITS = {
    "POST /api/v1/session": 2**13,
    "POST /api/v1/jobs": UPLOAD,
    "POST /api/v1/jobs/{job_id}/again": 2**13,
    "POST /api/v1/jobs/{job_id}/corrections": 2**26,
    "PUT /api/v1/jobs/{job_id}/answers": 2**22,
    "PATCH /api/v1/jobs/{job_id}/answers": 2**20,
    "POST /api/v1/read": UPLOAD,
    "POST /api/v1/digits": 2**24,
    "POST /api/v1/templates": 2**26,
    "PUT /api/v1/templates/{name}": 2**21,
    "POST /api/v1/templates/{name}/edit": 2**21,
}
"""Bytes of the largest body of each call that takes one."""


@pytest.fixture(scope="module")
def job(client: TestClient, form_png: Path) -> str:
    """A job that is done."""
    files = {"files": ("form.png", form_png.read_bytes())}
    name = str(client.post("/api/v1/jobs", files=files).json()["id"])
    client.get(f"/api/v1/jobs/{name}/events")
    return name


def operations(client: TestClient) -> dict[str, dict[str, Any]]:
    """The calls that take a body."""
    assert isinstance(client.app, FastAPI)
    return {
        f"{method.upper()} {path}": operation
        for path, found in client.app.openapi()["paths"].items()
        for method, operation in found.items()
        if "requestBody" in operation
    }


def send_for_ever(client: TestClient, call: str, kind: str, start: bytes) -> tuple[int, int]:
    """Send a body without an end; return the status, and the bytes that were taken of it."""
    method, _, url = call.partition(" ")
    path, _, query = url.partition("?")
    taken, status = 0, 0
    pieces = chain([start], repeat(b" " * CHUNK))

    async def receive() -> dict[str, Any]:
        nonlocal taken
        piece = next(pieces)
        taken += len(piece)
        return {"type": "http.request", "body": piece, "more_body": True}

    async def send(message: Any) -> None:
        nonlocal status
        status = message.get("status", status)

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method,
        "scheme": "http", "path": path, "raw_path": path.encode(), "query_string": query.encode(),
        "headers": [(b"host", b"localhost"), (b"content-type", kind.encode())],
        "client": ("127.0.0.1", 1), "server": ("localhost", 80), "root_path": "",
    }  # fmt: skip
    app: Callable[..., Awaitable[None]] = client.app
    asyncio.run(asyncio.wait_for(app(scope, receive, send), 60))
    return status, taken


def test_each_body_has_a_limit_that_holds_while_it_comes(
    client: TestClient, service: Service, job: str
) -> None:
    found = operations(client)
    assert set(found) == set(LIMITS)
    for call, operation in found.items():
        url = call.replace("{job_id}", job).replace("{name}", "form")
        url += "?name=form" if call == "POST /api/v1/templates" else ""
        for kind in operation["requestBody"]["content"]:
            whole = kind.startswith("multipart")
            given = f"{kind}; boundary=x" if whole else kind
            field = "files" if call.endswith(("jobs", "digits")) else "file"
            says = f'Content-Disposition: form-data; name="{field}"; filename="a.png"'
            head = f"--x\r\n{says}\r\n\r\n"
            status, taken = send_for_ever(client, url, given, head.encode() if whole else b"")
            limit = UPLOAD if whole and call.endswith("digits") else LIMITS[call]
            assert status == 413, (call, kind, status)
            assert taken <= limit + 2 * CHUNK, (call, kind, taken)
    assert not list(service.data.path.joinpath("tmp").iterdir())


def test_the_framework_reads_no_body_itself() -> None:
    routes = [
        route
        for part in (job_routes, page_routes, read_routes, system_routes, template_routes)
        for route in part.router.routes
        if isinstance(route, APIRoute)
    ]
    assert len(routes) > 30
    assert not [one.path for one in routes if one.body_field is not None]


def test_a_body_that_says_its_size_is_refused_before_it_comes(client: TestClient) -> None:
    answer = client.post(
        "/api/v1/session", content=b"{}", headers={
            "content-length": str(3 * 10**8), "content-type": "application/json"
        },
    )  # fmt: skip
    assert answer.status_code == 413
    assert "larger than 8 KiB" in answer.json()["detail"]


def test_bodies_that_are_no_json(client: TestClient, job: str) -> None:
    for call, kind, content, status in (
        ("/api/v1/session", "text/plain", b'{"token": "x"}', 415),
        ("/api/v1/session", "application/json", b'{"token"', 422),
        ("/api/v1/session", "application/json", b"[" * 4000, 422),
        ("/api/v1/session", "application/json", b'{"token": "x", "more": 1}', 422),
        ("/api/v1/digits", "application/json", b'{"crops": [[[300]]]}', 422),
    ):
        answer = client.post(call, content=content, headers={"content-type": kind})
        assert answer.status_code == status, answer.text
        assert answer.json()["detail"]
    url = f"/api/v1/jobs/{job}/answers"
    for answer in (
        client.put(url, json={"answers": {"a": None, "b": 1}}),
        client.patch(url, json={"answers": {"a": 1, "b": None, "c": 2}}),
    ):
        assert [one["where"] for one in answer.json()["errors"]] == [["body", "answers"]]
        assert "a: an answer must be a text" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("model", "text"),
    [
        (bodies.Answers, b'{"answers": {%s}}' % b",".join(b'"%d":1' % i for i in range(999))),
        (bodies.AnswerChanges, b'{"answers": {%s}}' % b",".join(b'"%d":1' % i for i in range(999))),
        (bodies.Crops, b'{"crops": [%s]}' % b",".join([b"[[256,256]]"] * 999)),
        (bodies.Crops, b'{"crops": [[%s]]}' % b",".join([b'["a"]'] * 28)),
        (bodies.Template, b'{"name": "a", "width": 9, "height": 9, "fields": [{"name": "a", '
         b'"boxes": [%s]}, {}, {}]}' % b",".join([b'["a", "b"]'] * 999)),
    ],
)  # fmt: skip
def test_the_first_of_many_errors_is_told(model: type[BaseModel], text: bytes) -> None:
    with pytest.raises(ValidationError) as told:
        model.model_validate_json(text)
    assert told.value.error_count() <= 2


def test_answers_of_a_job_do_not_grow_without_end(
    client: TestClient, service: Service, job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"/api/v1/jobs/{job}/answers"
    monkeypatch.setattr("formreader.service.page_routes._MAX_ANSWERS_BYTES", 1000)
    assert client.patch(url, json={"answers": {"a": "1" * 900}}).status_code == 200
    assert client.patch(url, json={"answers": {"b": "2" * 900}}).status_code == 413
    assert client.get(url).json() == {"answers": {"a": "1" * 900}}
    monkeypatch.setattr(bodies, "MAX_ANSWERS", 2)
    assert client.patch(url, json={"answers": dict.fromkeys("abc", "1")}).status_code == 413
    assert client.put(url, json={"answers": {}}).status_code == 200


@pytest.mark.parametrize("length", [257, 5000])
def test_a_boundary_that_is_too_long(client: TestClient, form_png: Path, length: int) -> None:
    boundary = "b" * length
    head = 'Content-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
    body = f"--{boundary}\r\n{head}".encode() + b"x" + f"\r\n--{boundary}--\r\n".encode()
    kind = {"content-type": f"multipart/form-data; boundary={boundary}"}
    for call in ("read", "jobs", "digits", "templates?name=form"):
        answer = client.post(f"/api/v1/{call}", content=body, headers=kind)
        assert answer.status_code == 400, (call, answer.text)


@pytest.mark.parametrize("name", [f"a.{'x' * 300}", f"{'x' * 300}.png", "." * 300, "a.b/c.d"])
def test_long_and_odd_names_of_files(client: TestClient, form_png: Path, name: str) -> None:
    page = (name, form_png.read_bytes())
    for call, field in (("read", "file"), ("digits", "files"), ("jobs", "files")):
        answer = client.post(f"/api/v1/{call}", files={field: page})
        assert answer.status_code in (200, 202, 415), (call, answer.text)
    answer = client.post("/api/v1/templates?name=odd", files={"file": page})
    assert answer.status_code == 201, answer.text
    client.delete("/api/v1/templates/odd")


def zip_of(kind: int, content: bytes) -> bytearray:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", kind) as archive:
        archive.writestr("page.png", content)
    return bytearray(stream.getvalue())


@pytest.mark.parametrize(
    "kind", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
)
def test_damaged_zips(client: TestClient, service: Service, form_png: Path, kind: int) -> None:
    whole = zip_of(kind, b"".join(b"%d, " % (i * i) for i in range(900)))
    for at in range(30, len(whole), len(whole) // 12):
        damaged = whole.copy()
        damaged[at : at + 5] = bytes(255 - one for one in damaged[at : at + 5])
        answer = client.post("/api/v1/jobs", files={"files": ("a.zip", bytes(damaged))})
        assert answer.status_code in (202, 415, 422), (at, answer.text)
        if answer.status_code == 202:  # in the name, which is only shown
            client.delete(f"/api/v1/jobs/{answer.json()['id']}")
    assert not list(service.data.path.joinpath("tmp").iterdir())


def test_a_page_that_a_file_does_not_have(client: TestClient, form_png: Path) -> None:
    for kind in ("page", "digit", "number"):
        url = f"/api/v1/read?page=1000000&kind={kind}"
        answer = client.post(url, content=form_png.read_bytes())
        assert answer.status_code == 422, answer.text
        assert "has one page" in answer.json()["detail"]


def test_what_is_refused_is_told_with_its_client(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    client.get("/api/v1/jobs", headers={"host": "evil.example"})
    client.get("/api/v1/jobs/none%0a%1b[31m")
    client.post("/api/v1/session", content=json.dumps({"token": 1}))
    lines = [one.getMessage() for one in caplog.records if one.name.endswith("problems")]
    assert [line.partition(":")[0] for line in lines] == [
        "testclient GET /api/v1/jobs 421",
        "testclient GET /api/v1/jobs/none\\x0a\\x1b[31m 404",
        "testclient POST /api/v1/session 415",
    ]
    assert "does not go by this name" in lines[0]
