"""A scan as offices run it: without a network, and as a user who may read little and write less."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import formreader
from formreader.core.errors import ExitCode

pytestmark = pytest.mark.slow

RunProcess = Callable[..., "subprocess.CompletedProcess[str]"]

WATCHED = """
import os, socket, sys

LOG = os.environ["SOCKET_LOG"]

def tell(text):
    with open(LOG, "a", encoding="utf-8") as log:
        log.write(text + "\\n")

def forbid(event, arguments):
    names = event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr")
    if names or (event == "socket.__new__" and arguments[1] in (socket.AF_INET, socket.AF_INET6)):
        tell(f"{event} {arguments[1:]}")
        raise PermissionError(f"no network: {event}")

sys.addaudithook(forbid)
tell(f"begun {os.getpid()}")
"""
"""Python imports a module of the name `sitecustomize` when it starts, in worker processes too."""


@pytest.fixture
def forbidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Forbids new processes all sockets but those within the machine; returns their log."""
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(WATCHED)
    monkeypatch.setenv("SOCKET_LOG", str(tmp_path / "sockets.log"))
    package = Path(formreader.__file__).parents[1]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, (folder, package))))
    return tmp_path / "sockets.log"


def run(*arguments: str | Path | int, **settings: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "formreader", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, **settings)  # type: ignore[call-overload,no-any-return]


def test_the_watch_sees_a_call(forbidden: Path) -> None:
    command = [sys.executable, "-c", "import socket; socket.create_connection(('127.0.0.1', 9))"]
    assert b"no network" in subprocess.run(command, capture_output=True, check=False).stderr
    assert "socket.getaddrinfo" in forbidden.read_text()


def test_no_command_of_the_reading_calls_the_network(
    forbidden: Path, form_png: Path, tmp_path: Path
) -> None:
    out, templates = tmp_path / "r.csv", tmp_path / "templates"
    for arguments in (
        (
            "scan",
            form_png,
            "--out",
            out,
            "--workers",
            2,
            "--rows",
            "digit",
            "--debug",
            tmp_path / "d",
        ),
        ("template", "new", form_png, "--out", templates / "form"),
        ("template", "check", templates),
        ("scan", form_png, "--out", tmp_path / "p.xlsx", "--template", templates, "--rows", "page"),
        ("audit", out, "--sample", 3),
        ("predict", form_png),
    ):
        done = run(*arguments)
        assert done.returncode == ExitCode.DONE, done.stderr
    begun, *others = (line for line in forbidden.read_text().splitlines())
    assert {line.split()[0] for line in (begun, *others)} == {"begun"}, others
    assert len({begun, *others}) > 6, "workers were not watched"


NOBODY = 65534


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that others may enter: those of pytest are for one user, and it keeps them so."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.skipif(
    not hasattr(os, "setuid") or os.geteuid() != 0, reason="only root may become another user"
)
def test_another_user_scans_a_folder_that_it_may_only_read(form_png: Path, place: Path) -> None:
    """What cannot be read has a row that says so, and nothing is written into the folder."""
    try:
        subprocess.run([sys.executable, "-c", "import formreader"], user=NOBODY, check=True)
    except (PermissionError, subprocess.CalledProcessError):
        pytest.skip("another user may not run this Python")
    scans, results = place / "scans", place / "results"
    for folder in (scans, scans / "closed", results):
        folder.mkdir()
    for name in ("a.png", "b.png", "closed/c.png"):
        (scans / name).write_bytes(form_png.read_bytes() + name.encode())
    (scans / "b.png").chmod(0)
    (scans / "closed").chmod(0)
    scans.chmod(0o555)
    os.chown(results, NOBODY, NOBODY)
    done = run(
        "scan", scans, "--out", results / "r.csv", "--workers", 1, cwd=results, user=NOBODY,
        group=NOBODY, extra_groups=(), env=os.environ | {
            "HOME": str(results), "PYTHONPATH": str(Path(formreader.__file__).parents[1]),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
    )  # fmt: skip
    assert done.returncode == ExitCode.PAGES_FAILED, done.stderr
    with (results / "r.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    told = {row["file"]: row["message"] for row in rows if row["status"] == "error"}
    assert set(told) == {"b.png", "closed"}
    assert all("no permission to read it" in message for message in told.values())
    assert any(row["file"] == "a.png" and row["status"] != "error" for row in rows)
    assert sorted(p.name for p in scans.rglob("*")) == ["a.png", "b.png", "c.png", "closed"]
