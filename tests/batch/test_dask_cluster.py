"""Page work on a Dask cluster on this machine, of programs started as docs/cluster.md says."""

from __future__ import annotations

import gc
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from formreader.batch import dask_cluster as cluster
from formreader.batch.dask_cluster import TlsFiles, open_cluster
from formreader.core.errors import UsageError
from formreader.core.options import ScanOptions
from formreader.core.records import InputFile
from formreader.reading.one_page import crop_task
from formreader.reading.page_task import PageTask

pytestmark = pytest.mark.slow

distributed = pytest.importorskip("distributed", reason="the extra `cluster` is not installed")


_MAX_SECONDS_TO_START = 60
"""Longest wait for the scheduler and its workers to be there; one to two seconds are usual."""


@dataclass(frozen=True)
class Cluster:
    address: str
    workers: list[subprocess.Popen[bytes]]


@contextmanager
def started_cluster(folder: Path, n_workers: int, *options: str) -> Iterator[Cluster]:
    """Run a scheduler and workers of one thread each; their log is in `folder`.

    A page that has ended two workers is tried on no other.
    """
    place = folder / "scheduler.json"
    environment = os.environ | {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1"}

    def start(program: str, *more: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"distributed.cli.dask_{program}", "--no-dashboard"]
        return subprocess.Popen(
            [*command, "--scheduler-file", str(place), *more, *options],
            cwd=folder, env=environment, stdout=log, stderr=log,
        )  # fmt: skip

    with (folder / "log.txt").open("wb") as log:
        started = [start("scheduler", "--host", "127.0.0.1", "--port", "0")]
        try:
            started += [
                start("worker", "--nthreads", "1", "--host", "127.0.0.1") for _ in range(n_workers)
            ]
            latest = time.monotonic() + _MAX_SECONDS_TO_START
            while (folder / "log.txt").read_bytes().count(b"Registered to:") < n_workers:
                assert time.monotonic() < latest, (folder / "log.txt").read_text()
                time.sleep(0.05)
            yield Cluster(json.loads(place.read_text())["address"], started[1:])
        finally:
            for process in started:
                family = [psutil.Process(process.pid)] if process.poll() is None else []
                for member in [*family[0].children(recursive=True), *family] if family else []:
                    with suppress(psutil.NoSuchProcess):
                        member.kill()
                process.wait(_MAX_SECONDS_TO_START)


@pytest.fixture(scope="module")
def dask_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with started_cluster(tmp_path_factory.mktemp("cluster"), 2) as running:
        yield running


def test_a_cluster_reads_as_this_process_does(
    dask_cluster: Cluster, form_png: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Paths are relative to the folder of the program, not to that of the workers."""
    monkeypatch.chdir(form_png.parent)
    task = PageTask(InputFile("form.png", "a form"), 0)
    missing = PageTask(InputFile("missing.png", "missing.png"), 0)
    with open_cluster(dask_cluster.address, 600) as pool:
        read, not_there = (one.page for one in pool.work([task, missing]))
    expected = crop_task(task)
    assert (read.file, read.boxes) == ("a form", expected.boxes)
    for one, other in zip(read.fields, expected.fields, strict=True):
        np.testing.assert_array_equal(one.crops, other.crops)
    assert str(form_png.parent / "missing.png") in not_there.error
    assert "all machines" in not_there.error


def test_a_lost_worker_costs_no_page(dask_cluster: Cluster, form_png: Path) -> None:
    task = PageTask(InputFile(str(form_png), "form.png"), 0)
    with open_cluster(dask_cluster.address, 600) as pool:
        pages = (one.page for one in pool.work([task] * 24))
        first = next(pages)
        # The first of its children is Python's resource tracker.
        psutil.Process(dask_cluster.workers[0].pid).children()[-1].terminate()
        assert [page.boxes for page in pages] == [first.boxes] * 23


def test_a_page_over_the_time_limit_has_an_error(dask_cluster: Cluster, form_png: Path) -> None:
    task = PageTask(InputFile(str(form_png), "form.png"), 0)
    with open_cluster(dask_cluster.address, 0.001) as pool:
        (page,) = (one.page for one in pool.work([task]))
    assert "0.001 s" in page.error
    assert "--page-timeout" in page.error


def test_no_scheduler_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_MAX_SECONDS_TO_CONNECT", 0.2)
    with pytest.raises(UsageError, match=r"tcp://127\.0\.0\.1:1: no Dask scheduler answers"):
        open_cluster("tcp://127.0.0.1:1", 600)


def test_a_client_that_cannot_connect_is_closed() -> None:
    """Closed when its memory is collected, it could block the start of the next one for ever."""
    with pytest.raises(UsageError, match="TLS needs certificates"):
        open_cluster("tls://127.0.0.1:1", 600)
    clients = [found for found in gc.get_objects() if isinstance(found, distributed.Client)]
    assert clients
    assert {client.status for client in clients} == {"closed"}


def test_what_is_not_installed_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UsageError, match=r"pip install 'formreader\[cluster\]'"):
        open_cluster("tcp://127.0.0.1:1", 600)


def test_another_version_is_refused() -> None:
    sender = cluster._Sender("0.0.1", folder="/", seconds=600)
    with pytest.raises(UsageError, match=r"version 0\.0\.1"):
        cluster._work_on_cluster(sender, PageTask(InputFile("a", "a"), 0))


def test_a_lost_connection_says_how_to_go_on() -> None:
    with pytest.raises(UsageError, match=r"connection is lost.*same command again"):
        cluster._explain("tcp://host:8786", 600, CancelledError())


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an authority's certificate, one that it signed, and the keys of both."""
    folder = tmp_path_factory.mktemp("tls")
    new = "openssl req -newkey rsa:2048 -nodes -days 2 -subj /CN="
    for command in (
        f"{new}authority -x509 -keyout ca.key -out ca.pem",
        f"{new}machine -keyout key.pem -out cert.csr".replace(" -days 2", ""),
        "openssl x509 -req -in cert.csr -CA ca.pem -CAkey ca.key -out cert.pem -set_serial 1",
    ):
        subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    return folder


def tls_options(folder: Path, **others: Any) -> ScanOptions:
    files = {"tls_ca_file": "ca.pem", "tls_cert": "cert.pem", "tls_key": "key.pem"} | others
    named = {name: folder / file if file else None for name, file in files.items()}
    return ScanOptions((), cluster="tls://host:1", **named)


needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")


@needs_openssl
def test_with_tls_only_who_has_a_certificate_is_let_in(
    certificates: Path, form_png: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls = TlsFiles.of(tls_options(certificates))
    assert tls is not None
    options = ["--protocol", "tls"]
    for option, file in (("ca-file", "ca"), ("cert", "cert"), ("key", "key")):
        options += [f"--tls-{option}", str(certificates / f"{file}.pem")]
    task = PageTask(InputFile(str(form_png), "form.png"), 0)
    monkeypatch.setattr(cluster, "_MAX_SECONDS_TO_CONNECT", 4)
    with started_cluster(tmp_path, 1, *options) as running:
        assert running.address.startswith("tls://")
        with open_cluster(running.address, 600, tls) as pool:
            (page,) = (one.page for one in pool.work([task]))
        assert page.boxes == crop_task(task).boxes
        with pytest.raises(UsageError, match="TLS needs certificates"):
            open_cluster(running.address, 600)
        with pytest.raises(UsageError, match="no Dask scheduler answers"):
            open_cluster(running.address.replace("tls", "tcp"), 600)


@needs_openssl
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"tls_key": "ca.key"}, "they cannot be used"),
        ({"tls_ca_file": "nothing.pem"}, "they cannot be used"),
        ({"tls_cert": "key.pem"}, "they cannot be used"),
        ({"tls_key": ""}, "go together"),
    ],
)
def test_wrong_certificates_are_wrong_usage(
    certificates: Path, wrong: dict[str, str], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        open_cluster("tls://127.0.0.1:1", 1, TlsFiles.of(tls_options(certificates, **wrong)))


@needs_openssl
def test_certificates_are_for_addresses_of_tls(certificates: Path) -> None:
    with pytest.raises(UsageError, match="are for --cluster tls://"):
        TlsFiles.of(replace(tls_options(certificates), cluster="tcp://host:1"))
