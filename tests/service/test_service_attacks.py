"""What strangers try on the service: each is refused with its status, and leaves nothing behind."""

from __future__ import annotations

import io
import json
import random
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from starlette.datastructures import Headers

from formreader.core.errors import UsageError
from formreader.core.options import ScanOptions, ServeOptions
from formreader.service import access, job_making, service_state, zip_files
from formreader.service.access import Access, Sessions, is_loopback
from formreader.service.file_names import label_of
from formreader.service.service_state import Service

Serving = Callable[..., TestClient]

TOKEN = "a-long-secret-for-tests"
JOBS = "/api/v1/jobs"


def zipped(*entries: tuple[zipfile.ZipInfo | str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry, content in entries:
            archive.writestr(entry, content)
    return stream.getvalue()


def linked(target: str) -> bytes:
    entry = zipfile.ZipInfo("page.png")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    return zipped((entry, target.encode()))


def locked() -> bytes:
    """A ZIP that says that its file needs a password."""
    archive = bytearray(zipped(("a.png", b"x" * 50)))
    archive[6] |= 1  # in the header of the file, and in the directory
    archive[archive.index(b"PK\x01\x02") + 8] |= 1
    return bytes(archive)


def shrunk(size: int) -> bytes:
    """Bytes that deflate to some hundredth: less than what is refused as a bomb."""
    noise = random.Random(1).randbytes(200)
    return b"".join(noise + bytes(25_000) for _ in range(size // 25_200 + 1))


def png(width: int, height: int) -> bytes:
    """The beginning of a PNG that says that it is of this size."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    start = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    body = b"IDAT" + zlib.compress(b"\0" * 100)
    return (
        b"\x89PNG\r\n\x1a\n" + start
        + struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    )  # fmt: skip


def post(client: TestClient, name: str, content: bytes, **values: str) -> Any:
    return client.post(JOBS, files={"files": (name, content)}, data=values)


def tiff_of_pages(pages: int) -> bytes:
    """A TIFF of very small pages."""
    from PIL import Image

    stream = io.BytesIO()
    blank = Image.new("L", (8, 8), 255)
    blank.save(stream, "TIFF", save_all=True, append_images=[blank] * (pages - 1))
    return stream.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "status", "said"),
    [
        ("notes.txt", b"no page", 415, "None of the files is a page"),
        ("many.tif", tiff_of_pages(51), 413, "more than 50 pages"),
        ("huge.png", png(100_000, 100_000), 413, "million pixels"),
        ("large.png", bytes(11 * 2**20), 413, "larger than"),
        ("bomb.zip", zipped(("a.bmp", bytes(60 * 2**20))), 413, "far more than its own"),
        ("wide.zip", zipped(("a.bmp", shrunk(11 * 2**20))), 413, "unpacks to more than"),
        ("many.zip", zipped(*((f"{i}.png", b"x") for i in range(31))), 413, "more than 30 files"),
        ("locked.zip", locked(), 422, "password"),
        ("link.zip", linked("/etc/passwd"), 422, "link"),
        ("up.zip", zipped(("../../a.png", b"x")), 422, "leads out of the ZIP"),
        ("root.zip", zipped(("/etc/cron.d/a.png", b"x")), 422, "leads out of the ZIP"),
        ("drive.zip", zipped(("C:\\a.png", b"x")), 422, "leads out of the ZIP"),
        ("damaged.zip", b"PK\x03\x04 and no more", 422, "damaged"),
        ("cut.zip", zipped(("a.png", b"x" * 900))[:-30], 422, "damaged"),
    ],
    # A ZIP has the time in it, and all processes of a run must give a test the same name.
    ids=lambda value: "content" if isinstance(value, bytes) else None,
)
def test_uploads_that_are_refused(
    client: TestClient,
    service: Service,
    name: str,
    content: bytes,
    status: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(job_making, "MAX_FILES", 30)
    answer = post(client, name, content)
    assert (answer.status_code, answer.json()["status"]) == (status, status), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert said in answer.json()["detail"]
    assert str(service.data.path) not in answer.text
    assert not list(service.data.path.joinpath("tmp").iterdir())


def test_a_page_that_takes_too_long_is_ended(
    client: TestClient,
    service: Service,
    form_png: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(service.warm.lanes._executor, "_seconds", 0.0)
    answer = client.post("/api/v1/read", content=form_png.read_bytes())
    assert (answer.status_code, "it took more than" in answer.json()["detail"]) == (422, True)
    job = post(client, "form.png", form_png.read_bytes()).json()["id"]
    last = client.get(f"{JOBS}/{job}/events").text.rpartition("data: ")[2]
    assert (json.loads(last)["state"], json.loads(last)["pages_failed"]) == ("done", 1)
    assert "it took more than" in client.get(f"{JOBS}/{job}/results").text


def test_a_zip_may_not_have_too_many_files(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(zipped(*((f"{i}.png", b"x") for i in range(12))))
    with pytest.raises(zip_files.ZipTooLargeError, match="more than 10 files"):
        zip_files.unpack_zip(path, tmp_path, 10, 1000)


@pytest.mark.parametrize(
    "name",
    ["../../../etc/passwd.png", "..\\..\\a.png", "/root/a.png", "C:\\a.png", "\0.png", "a\n.png"],
)
def test_names_never_become_paths(
    client: TestClient, service: Service, form_png: Path, name: str
) -> None:
    before = set(service.data.path.parent.rglob("*.png"))
    boundary = "x" * 20
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'
    )
    body = head.encode() + form_png.read_bytes() + f"\r\n--{boundary}--\r\n".encode()
    kind = {"content-type": f"multipart/form-data; boundary={boundary}"}
    answer = client.post(JOBS, content=body, headers=kind)
    if answer.status_code == 202:
        job = service.queue.get(answer.json()["id"])
        assert job is not None
        (file,) = job.record.files
        assert file.stored == "000001.png"
        assert not file.label.startswith(("/", "..")) and ".." not in file.label.split("/")
        client.delete(f"{JOBS}/{job.record.id}")
    else:
        assert answer.status_code in (400, 415)
    assert set(service.data.path.parent.rglob("*.png")) == before


def test_labels_stay_relative() -> None:
    assert label_of("a/../../b/./c.png") == "a/b/c.png"
    assert label_of("C:\\scans\\7b\\a.png") == "scans/7b/a.png"
    assert label_of("///") == "page"
    assert label_of("a\u202egnp.exe") == "a\\u202egnp.exe"


@pytest.mark.parametrize(
    "job_id", ["../../etc", "%2e%2e%2f", "0" * 16, "A" * 16, "a" * 17, "\u0660" * 16]
)
def test_jobs_that_are_none(client: TestClient, job_id: str) -> None:
    for path in ("", "/results", "/pages/1/picture", "/answers", "/events"):
        assert client.get(f"{JOBS}/{job_id}{path}").status_code in (404, 422)


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "", "127.0.0.1.nip.io", "[::1"]
)
def test_a_site_whose_name_leads_here_gets_nothing(client: TestClient, host: str) -> None:
    answer = client.get(JOBS, headers={"host": host})
    assert (answer.status_code, answer.json()["title"]) == (421, "Misdirected Request")


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost:9999"},
        {"origin": "http://["},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_pages_of_other_sites_change_nothing(
    client: TestClient, service: Service, form_png: Path, headers: dict[str, str]
) -> None:
    before = len(service.queue.all())
    files = {"files": ("a.png", form_png.read_bytes())}
    assert client.post(JOBS, files=files, headers=headers).status_code == 403
    assert client.delete(f"{JOBS}/{'0' * 16}", headers=headers).status_code == 403
    assert len(service.queue.all()) == before
    answer = client.get(JOBS, headers=headers)
    assert "access-control-allow-origin" not in answer.headers
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"


def test_a_preflight_gets_no_permission(client: TestClient) -> None:
    headers = {"origin": "https://evil.example", "access-control-request-method": "DELETE"}
    answer = client.options(JOBS, headers=headers)
    assert answer.status_code == 405
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_the_token_is_needed_where_there_is_one(rules: Serving) -> None:
    client = rules(token=TOKEN)
    for headers in ({}, {"authorization": f"Bearer {TOKEN}x"}, {"authorization": "Bearer "}):
        for path in (JOBS, "/metrics", "/api/v1/about", "/api/v1/templates", "/docsx"):
            assert client.get(path, headers=headers).status_code == 401
        assert client.post("/api/v1/read", content=b"x", headers=headers).status_code == 401
    for path in ("/health", "/docs", "/openapi.json", "/docs/docs.js"):
        assert client.get(path).status_code == 200
    given = {"authorization": f"Bearer {TOKEN}", "origin": "https://evil.example"}
    assert client.get(JOBS, headers=given).status_code == 200
    assert client.post("/api/v1/digits", json={}, headers=given).status_code == 422


def test_a_browser_signs_in_and_out(rules: Serving) -> None:
    client = rules(token=TOKEN)
    assert client.get("/api/v1/session").json() == {"token_needed": True, "signed_in": False}
    assert client.post("/api/v1/session", json={"token": "wrong"}).status_code == 401
    answer = client.post("/api/v1/session", json={"token": f"{TOKEN}\n"})
    cookie = answer.headers["set-cookie"]
    assert TOKEN not in cookie
    assert "HttpOnly" in cookie and "samesite=strict" in cookie.lower()
    assert client.get(JOBS).status_code == 200
    other = {"origin": "https://evil.example"}
    assert client.post("/api/v1/digits", json={}, headers=other).status_code == 403
    assert client.get("/api/v1/session").json()["signed_in"]
    client.delete("/api/v1/session")
    assert client.get(JOBS).status_code == 401
    value = cookie.partition("=")[2].partition(";")[0]
    kept = {"cookie": f"formreader_session={value}"}
    assert client.get(JOBS, headers=kept).status_code == 401, "it holds after signing out"
    for wrong in ("", "x", f"{value}x", '"'):
        headers = {"cookie": f"formreader_session={wrong}"}
        assert client.get(JOBS, headers=headers).status_code == 401


def test_a_browser_is_signed_out_after_its_time_and_by_many_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sessions = Sessions()

    def cookie(value: str) -> Headers:
        return Headers({"cookie": f"formreader_session={value}"})

    first = cookie(sessions.begin())
    assert sessions.has(first) and not sessions.has(cookie("")) and not Sessions().has(first)
    second = cookie(sessions.begin())
    sessions.end(second)
    assert sessions.has(first) and not sessions.has(second)
    others = [cookie(sessions.begin()) for _ in range(1000)]
    assert not sessions.has(first) and all(map(sessions.has, others))
    monkeypatch.setattr(access, "SESSION_SECONDS", 0)
    assert not sessions.has(cookie(sessions.begin()))


def test_an_address_that_others_reach_needs_a_token(tmp_path: Path) -> None:
    assert is_loopback(ServeOptions(ScanOptions(())).host)
    with pytest.raises(UsageError, match="--token-file"):
        Access.of("0.0.0.0", (), None)
    short = tmp_path / "token"
    short.write_text("short")
    with pytest.raises(UsageError, match="16"):
        Access.of("0.0.0.0", (), short)
    short.write_text(TOKEN + "\n")
    reached = Access.of("0.0.0.0", ("forms.example.org",), short)
    assert reached.token == TOKEN
    for host in ("forms.example.org:8000", "192.168.1.7", "[fe80::1]:80"):
        assert reached.is_known_host(host)
    assert not reached.is_known_host("evil.example")


def test_too_many_jobs_and_reads_have_to_wait(
    client: TestClient, service: Service, form_png: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service.queue, "max_client_jobs", 0)
    answer = post(client, "a.png", form_png.read_bytes())
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "5")
    monkeypatch.setattr(service.queue, "max_client_jobs", 9)
    monkeypatch.setattr(service.queue, "max_jobs", 0)
    assert post(client, "a.png", form_png.read_bytes()).status_code == 429
    monkeypatch.setattr(service_state, "_MAX_CLIENT_READS_PER_WORKER", 0)
    answer = client.post("/api/v1/read", content=b"x")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "5")


def test_a_full_disk_takes_no_upload(
    client: TestClient, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(service.data), "free_bytes", lambda self: 1000)
    assert post(client, "a.png", b"x").status_code == 507


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("application/json", b"{}", 415),
        ("multipart/form-data", b"", 415),
        ("multipart/form-data; boundary=x", b"nonsense", 400),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\nno end", 400),
        ("multipart/form-data; boundary=x", b"--x--\r\n", 400),
    ],
)
def test_bodies_that_are_none(client: TestClient, kind: str, body: bytes, status: int) -> None:
    answer = client.post(JOBS, content=body, headers={"content-type": kind})
    assert answer.status_code in {status, 422}, answer.text


@pytest.mark.parametrize(
    "values",
    [{"rows": "novel"}, {"review_below": "2"}, {"max_error": "0"}, {"reviewbelow": "0.9"},
     {"template": "none of ours"}, {"template": "*"}],
)  # fmt: skip
def test_wrong_options_are_told(client: TestClient, form_png: Path, values: dict[str, str]) -> None:
    answer = post(client, "a.png", form_png.read_bytes(), **values)
    assert answer.status_code in (404, 422)
    assert answer.json()["detail"]


def test_pages_are_protected_and_need_no_other_host(client: TestClient) -> None:
    for path in ("/docs", "/docs/docs.js", "/docs/docs.css"):
        answer = client.get(path)
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "://" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"
    for name in ("..%2f..%2fcore%2fversion.py", "%2e%2e", "../application.py"):
        assert client.get(f"/web/{name}").status_code == 404
        assert client.get(f"/docs/{name}").status_code == 404
    assert client.get("/nowhere").json()["status"] == 404
    assert client.put("/health").json()["status"] == 405


def test_a_bug_tells_no_more_than_its_kind(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    from formreader.service.run_service import make_application

    broken = replace(service)
    monkeypatch.setattr(type(broken.queue), "all", lambda self: 1 / 0)
    client = TestClient(
        make_application(broken), base_url="http://localhost", raise_server_exceptions=False
    )
    answer = client.get(JOBS)
    assert (answer.status_code, answer.json()["title"]) == (500, "Internal Server Error")
    assert "ZeroDivisionError" in json.dumps(answer.json())
