"""Page work on a Dask cluster of two processes on this machine."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from formreader.batch import dask_cluster as cluster
from formreader.batch.dask_cluster import open_cluster
from formreader.batch.page_work import PageTask, work_page
from formreader.core.errors import UsageError
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
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
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
