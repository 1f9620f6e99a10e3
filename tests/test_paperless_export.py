"""The example that exports to paperless-ngx, against a server that answers as its docs say."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from subprocess import CompletedProcess
from threading import Thread
from typing import Any

import pytest

TABLE = """file,page,form,status,review,meter,kWh,read_on,note,message
a.png,1,meter,ok,,0042,7766.5,2026-11-24,,
b.png,1,meter,review,kWh,0043,7?,2026-11-24,,
sub/c d.png,1,meter,checked,,0044,,2026-11-25,9,
d.pdf,1,meter,ok,,0045,1.0,2026-11-25,,
d.pdf,2,meter,ok,,0046,1.0,2026-11-25,,
"""


class Paperless(BaseHTTPRequestHandler):
    """Custom fields on two pages, and uploads, which `server.got` keeps."""

    def do_GET(self) -> None:
        names = {"meter": "string", "kWh": "float", "read_on": "date"}
        every = [{"id": i, "name": n, "data_type": t} for i, (n, t) in enumerate(names.items(), 5)]
        second = "page=2" in self.path
        more = f"http://127.0.0.1:{self.server.server_address[1]}/api/custom_fields/?page=2"
        self.answer(
            {"next": None if second else more, "results": every[2:] if second else every[:2]}
        )

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, dict(self.headers), body))  # type: ignore[attr-defined]
        self.answer("6f1d")

    def answer(self, content: object) -> None:
        self.send_response(200 if self.headers["Authorization"] == "Token secret" else 401)
        self.end_headers()
        self.wfile.write(json.dumps(content).encode())

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def server() -> Iterator[HTTPServer]:
    with HTTPServer(("127.0.0.1", 0), Paperless) as made:
        made.got = []  # type: ignore[attr-defined]
        thread = Thread(target=made.serve_forever)
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def test_rows_that_are_sure_are_uploaded_with_their_values(
    root: Path,
    tmp_path: Path,
    server: HTTPServer,
    process: Callable[..., CompletedProcess[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "r.csv").write_text(TABLE)
    (tmp_path / "sub").mkdir()
    for name in ("a.png", "sub/c d.png"):
        (tmp_path / name).write_bytes(b"\x89PNG\r\n" + name.encode())
    monkeypatch.setenv("PAPERLESS_TOKEN", "secret")
    monkeypatch.setenv("no_proxy", f"{os.environ.get('no_proxy', '')},127.0.0.1")
    address = f"http://127.0.0.1:{server.server_address[1]}/"
    script = root / "docs" / "paperless_export.py"
    done = process(script, tmp_path / "r.csv", tmp_path, address)
    assert done.returncode == 0, done.stderr
    sent = list[tuple[str, dict[str, bytes]]]()
    for path, headers, body in server.got:  # type: ignore[attr-defined]
        assert path == "/api/documents/post_document/"
        assert headers["Accept"] == "application/json; version=9"
        kind = f"Content-Type: {headers['Content-Type']}\r\n\r\n".encode()
        parts = message_from_bytes(kind + body).get_payload()
        told = {one.get_param("name", header="content-disposition"): one for one in parts}
        content = {name: one.get_payload(decode=True) for name, one in told.items()}
        sent.append((told["document"].get_filename(), content))
    (first, a), (second, c) = sent
    assert (first, a["title"], a["document"]) == ("a.png", b"a", b"\x89PNG\r\na.png")
    assert json.loads(a["custom_fields"]) == {"5": "0042", "6": 7766.5, "7": "2026-11-24"}
    assert (second, c["title"], c["document"]) == ("c d.png", b"c d", b"\x89PNG\r\nsub/c d.png")
    assert json.loads(c["custom_fields"]) == {"5": "0044", "7": "2026-11-25"}
    assert "no custom field for ['note']" in done.stdout
    assert "a.png: " in done.stdout and "/api/tasks/?task_id=6f1d" in done.stdout
    assert [line for line in done.stdout.splitlines() if "left out" in line] == [
        "b.png: left out (review, page 1)", "d.pdf: left out (ok, page 1)",
        "d.pdf: left out (ok, page 2)",
    ]  # fmt: skip
