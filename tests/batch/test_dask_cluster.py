"""Page work on a Dask cluster of two processes on this machine."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import CancelledError
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from formreader.batch import dask_cluster as cluster
from formreader.batch.dask_cluster import TlsFiles, open_cluster
from formreader.batch.page_work import PageTask, work_page
from formreader.core.errors import UsageError
from formreader.core.options import ScanOptions
from formreader.core.records import InputFile

pytestmark = pytest.mark.slow

dask = pytest.importorskip("dask", reason="the extra `cluster` is not installed")
distributed = pytest.importorskip("distributed", reason="the extra `cluster` is not installed")


@pytest.fixture(scope="module")
def dask_cluster() -> Iterator[Any]:
    """Two workers of one thread; a page that has ended two is tried on no other."""
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 1}),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0"
        ) as running,
    ):
        yield running


def test_a_cluster_reads_as_this_process_does(
    dask_cluster: Any, form_png: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Paths are relative to the folder of the program, not to that of the workers."""
    monkeypatch.chdir(form_png.parent)
    task = PageTask(InputFile("form.png", "a form"), 0)
    missing = PageTask(InputFile("missing.png", "missing.png"), 0)
    with open_cluster(dask_cluster.scheduler_address, 600) as pool:
        read, not_there = pool.work([task, missing])
    expected = work_page(task)
    assert (read.file, read.boxes) == ("a form", expected.boxes)
    for one, other in zip(read.fields, expected.fields, strict=True):
        np.testing.assert_array_equal(one.crops, other.crops)
    assert str(form_png.parent / "missing.png") in not_there.error
    assert "all machines" in not_there.error


def test_a_lost_worker_costs_no_page(dask_cluster: Any, form_png: Path) -> None:
    task = PageTask(InputFile(str(form_png), "form.png"), 0)
    with open_cluster(dask_cluster.scheduler_address, 600) as pool:
        pages = pool.work([task] * 24)
        first = next(pages)
        os.kill(next(iter(dask_cluster.workers.values())).pid, signal.SIGTERM)
        assert [page.boxes for page in pages] == [first.boxes] * 23


def test_a_page_over_the_time_limit_has_an_error(dask_cluster: Any, form_png: Path) -> None:
    task = PageTask(InputFile(str(form_png), "form.png"), 0)
    with open_cluster(dask_cluster.scheduler_address, 0.001) as pool:
        (page,) = pool.work([task])
    assert "0.001 s" in page.error
    assert "--page-timeout" in page.error


def test_no_scheduler_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_MAX_SECONDS_TO_CONNECT", 0.2)
    with pytest.raises(UsageError, match=r"tcp://127\.0\.0\.1:1: no Dask scheduler answers"):
        open_cluster("tcp://127.0.0.1:1", 600)


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
    certificates: Path, form_png: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls = TlsFiles.of(tls_options(certificates))
    assert tls is not None
    machine = {"tls_ca_file": str(tls.authority), "require_encryption": True} | {
        f"tls_{role}_{kind}": str(certificates / f"{kind}.pem")
        for role in ("scheduler", "worker", "client")
        for kind in ("cert", "key")
    }
    task = PageTask(InputFile(str(form_png), "form.png"), 0)
    monkeypatch.setattr(cluster, "_MAX_SECONDS_TO_CONNECT", 4)
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, dashboard_address="127.0.0.1:0", protocol="tls://",
        security=distributed.Security(**machine),
    ) as running:  # fmt: skip
        address = running.scheduler_address
        assert address.startswith("tls://")
        with open_cluster(address, 600, tls) as pool:
            (page,) = pool.work([task])
        assert page.boxes == work_page(task).boxes
        with pytest.raises(UsageError, match="TLS needs certificates"):
            open_cluster(address, 600)
        with pytest.raises(UsageError, match="no Dask scheduler answers"):
            open_cluster(address.replace("tls", "tcp"), 600)


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
