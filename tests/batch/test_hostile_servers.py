"""Servers that send without end, nothing at all, or a little that grows when it is unpacked."""

from __future__ import annotations

import csv
import re
import threading
import zlib
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import ClassVar

import pytest
from PIL import Image

from formreader.api import scan
from formreader.core import remote_files
from formreader.core.errors import NoInputError
from formreader.core.remote_files import fetch
from formreader.input.input_files import list_files

pytest.importorskip("aiohttp", reason="the extra `cloud` is not installed")

MIB = 2**20


class Hostile(BaseHTTPRequestHandler):
    """Answers by the name of the file."""

    protocol_version = "HTTP/1.1"
    closing = threading.Event()
    asked: ClassVar[list[str]] = []

    def do_HEAD(self) -> None:
        if self.path.startswith("/mute"):
            self.asked.append(self.path)
            self.closing.wait(60)
            return
        self.send_response(200)
        self.end_headers()

    def do_GET(self) -> None:
        self.send_response(200)
        with suppress(OSError):
            {
                "/endless.png": self._endless,
                "/packed.png": self._packed,
                "/good.png": self._good,
                "/lost.png": self._lost,
            }.get(self.path, self._silent)()

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def _endless(self) -> None:
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while not self.closing.is_set():
            self.wfile.write(b"%x\r\n%b\r\n" % (MIB, bytes(MIB)))

    def _packed(self) -> None:
        content = zlib.compress(bytes(64 * MIB))
        self._send(content, "deflate")

    def _good(self) -> None:
        page = BytesIO()
        Image.new("L", (400, 300), 255).save(page, "PNG")
        self._send(page.getvalue())

    def _lost(self) -> None:
        """The network place goes away in the middle of a file."""
        self.send_header("Content-Length", str(MIB))
        self.end_headers()
        self.wfile.write(bytes(1000))
        self.close_connection = True

    def _silent(self) -> None:
        self.end_headers()
        self.closing.wait(60)

    def _send(self, content: bytes, encoding: str = "identity") -> None:
        self.send_header("Content-Encoding", encoding)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@pytest.fixture
def server() -> Iterator[str]:
    Hostile.closing.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Hostile) as web:
        web.daemon_threads = True
        web.block_on_close = False
        threading.Thread(target=web.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{web.server_port}"
        Hostile.closing.set()
        web.shutdown()


@pytest.mark.parametrize("name", ["endless.png", "packed.png"])
def test_content_is_read_up_to_the_limit(
    server: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_files, "MAX_BYTES", 4 * MIB)
    with pytest.raises(OSError, match="larger than 4 MiB"):
        fetch(f"{server}/{name}")


def test_content_below_the_limit_is_whole(server: str) -> None:
    assert fetch(f"{server}/packed.png") == bytes(64 * MIB)


@pytest.mark.slow
def test_a_scan_gives_each_a_row(server: str, tmp_path: Path, tiny_model: Path) -> None:
    names = ("endless.png", "lost.png", "good.png", "silent.png", "mute.png")
    scan(
        [f"{server}/{name}" for name in names],
        tmp_path / "r.csv",
        model=tiny_model,
        report="none",
        workers=1,
        page_timeout=4,
        memory=0.4,
    )
    with (tmp_path / "r.csv").open(encoding="utf-8", newline="") as stream:
        rows = {row["file"]: (row["status"], row["message"]) for row in csv.DictReader(stream)}
    assert list(rows) == list(names)
    assert rows["good.png"][0] == "review"
    for silent in ("silent.png", "mute.png"):
        assert rows[silent][0] == "error"
        assert "more than 4 s" in rows[silent][1]
    assert rows["lost.png"][0] == "error"
    assert "connection" in rows["lost.png"][1]
    assert rows["endless.png"][0] == "error"
    assert re.search("of memory|more than 4 s", rows["endless.png"][1])


def test_a_server_that_never_answers_is_asked_once(server: str) -> None:
    Hostile.asked.clear()
    urls = [f"{server}/{name}" for name in ("mute1.png", "mute2.png", "good.png")]
    assert [file.path for file in list_files(urls, seconds=0.3).files] == urls
    assert Hostile.asked == ["/mute1.png"]
    for folder in ("mute/", "mute/*.png"):
        with pytest.raises(NoInputError, match="the server does not answer"):
            list_files([f"{server}/{folder}"], seconds=0.3)
