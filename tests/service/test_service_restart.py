"""The service as a process: killed while busy and started again, stopped gently, refused twice."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from click.testing import Result

import formreader

RunProgram = Callable[..., Result]

pytestmark = pytest.mark.slow


class Started:
    """A service in a process of its own; it has ended when the `with` statement has."""

    def __init__(self, data: Path, *options: str) -> None:
        arguments = ("serve", "--port", "0", "--workers", "2", "--data", str(data), *options)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "formreader", *arguments],
            env=os.environ | {"PYTHONPATH": str(Path(formreader.__file__).parents[1])},
            stderr=subprocess.PIPE,
            text=True,
        )
        self.said = list[str]()
        self._ready = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        assert self._ready.wait(60)
        self.url = next(
            (found[0] for line in self.said if (found := re.search(r"http://[^/]+", line))), ""
        )

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said.append(line)
            if "ready after" in line:
                self._ready.set()
        self._ready.set()

    def end(self, number: int) -> int:
        self.process.send_signal(number)
        code = self.process.wait(60)
        self._reader.join(10)
        return code


@contextmanager
def started(data: Path, *options: str) -> Iterator[Started]:
    service = Started(data, *options)
    try:
        yield service
    finally:
        if service.process.poll() is None:
            service.end(signal.SIGKILL)
        if service.process.stderr is not None:
            service._reader.join(10)
            service.process.stderr.close()


def send(url: str, folder: Path) -> str:
    files = [
        ("files", (path.relative_to(folder).as_posix(), path.read_bytes()))
        for path in sorted(folder.rglob("*.*"))
    ]
    answer = httpx.post(f"{url}/api/v1/jobs", files=files)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


@pytest.fixture
def many(forms: Path, tmp_path: Path) -> Path:
    """Pages for a second or two: each a little different, as copies are read once."""
    folder = tmp_path / "many"
    folder.mkdir()
    png = forms.joinpath("a.png").read_bytes()
    for i in range(6):
        folder.joinpath(f"{i}.png").write_bytes(png + bytes([i]))
    return folder


def test_killed_while_busy_jobs_end_complete(
    many: Path, tmp_path: Path, program: RunProgram
) -> None:
    data = tmp_path / "data"
    with started(data) as service:
        jobs = [send(service.url, many) for _ in range(3)]
        deadline = time.monotonic() + 60
        while not httpx.get(f"{service.url}/api/v1/jobs/{jobs[0]}").json()["pages_done"]:
            assert time.monotonic() < deadline
        data.joinpath("tmp", "an upload that was not whole").mkdir()
        service.end(signal.SIGKILL)
        assert httpx.get  # the port is free again
    program("scan", many, "--out", tmp_path / "results.csv")
    with started(data) as service:
        assert any("going on with" in line for line in service.said)
        for job in jobs:
            events = httpx.get(f"{service.url}/api/v1/jobs/{job}/events", timeout=120).text
            assert '"state":"done"' in events
            table = httpx.get(f"{service.url}/api/v1/jobs/{job}/results").content
            assert table == tmp_path.joinpath("results.csv").read_bytes()
        assert httpx.get(f"{service.url}/api/v1/jobs").json()["total"] == 3
        assert not list(data.joinpath("tmp").iterdir())
        second = subprocess.run(
            [sys.executable, "-m", "formreader", "serve", "--port", "0", "--data", data],
            env=os.environ | {"PYTHONPATH": str(Path(formreader.__file__).parents[1])},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (second.returncode, "another service" in second.stderr) == (2, True)
        busy = send(service.url, many)
        assert service.end(signal.SIGTERM) == 0
    with started(data) as service:
        events = httpx.get(f"{service.url}/api/v1/jobs/{busy}/events", timeout=120).text
        assert '"state":"done"' in events
