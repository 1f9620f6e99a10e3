"""Page work on a Dask cluster: the same page pool, its pages worked on by other machines.

Scheduler and workers need the same formreader as this machine, and must reach the pages under
the same paths or by URL. Dask gives the pages of a worker that is lost to others by itself.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import TYPE_CHECKING

from formreader.batch.page_pool import AHEAD_PER_WORKER, PagePool
from formreader.batch.page_work import PageTask, failed_page, keep_to_one_thread, work_page
from formreader.core.errors import UsageError
from formreader.core.locations import is_url
from formreader.core.records import PageCrops
from formreader.core.version import __version__

if TYPE_CHECKING:
    from distributed import Client

_CONNECT_SECONDS = 10.0
"""Longest time until the scheduler answers and has a worker."""

_one_page = threading.Lock()
"""Held while a worker's process is at a page: pdfium is not made for threads, and a page that
takes too long ends the process, which must not cost other pages."""

_prepare = cache(keep_to_one_thread)


def open_cluster(address: str, page_timeout: float) -> PagePool:
    """A pool of the workers of the Dask scheduler at `address`, e.g. `tcp://host:8786`.

    Workers may come and go later. A page that takes more than `page_timeout` seconds ends the
    process of its worker, which Dask starts again; after some tries, three unless Dask is set up
    otherwise, the page has an error.

    Raises:
        UsageError: Dask is not installed, the scheduler cannot be reached, it has no worker, or
            formreader is not installed there in this version.
    """
    client = _connect(address)
    try:
        threads = _check_workers(client, address)
    except BaseException:
        client.close()
        raise
    return PagePool(
        client.get_executor(pure=False),
        AHEAD_PER_WORKER * threads,
        partial(_explain, address, page_timeout),
        close=client.close,
        work_page=partial(_work_there, _Sender(__version__, os.getcwd(), page_timeout)),
    )


def _connect(address: str) -> Client:
    try:
        from distributed import Client
    except ImportError as error:
        raise UsageError(
            f"--cluster {address}: Dask is not installed. Run pip install 'formreader[cluster]'"
        ) from error
    try:
        return Client(address, timeout=_CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise UsageError(
            f"--cluster {address}: no Dask scheduler answers there ({error}). Check the address; "
            "a scheduler is started by: dask scheduler"
        ) from error


def _check_workers(client: Client, address: str) -> int:
    """The number of the workers' threads, once one has shown that it can work."""
    try:
        client.wait_for_workers(1, timeout=_CONNECT_SECONDS)
    except TimeoutError as error:
        raise UsageError(
            f"--cluster {address}: the scheduler has no workers. "
            f"Start some: dask worker {address} --nworkers -1 --nthreads 1"
        ) from error
    try:
        versions = set(client.run(_version).values())
        versions.add(client.submit(_version, pure=False).result())  # by way of the scheduler
    except Exception as error:  # what is raised depends on what is missing there
        raise UsageError(
            f"--cluster {address}: the scheduler or a worker cannot run formreader ({error}). "
            f"Install version {__version__} there as well"
        ) from error
    _check_version(*versions)
    return sum(client.nthreads().values())


def _version() -> str:
    """The version of formreader, where it is called."""
    return __version__


def _check_version(*versions: str) -> None:
    for version in versions:
        if version != __version__:
            raise UsageError(
                f"--cluster: formreader has version {version} on one machine and "
                f"{__version__} on {socket.gethostname()}. Install the same on all"
            )


@dataclass(frozen=True, slots=True)
class _Sender:
    """What a worker must know of the program that sends it pages.

    `folder`: what its relative paths start from. `seconds`: the longest time for a page.
    """

    version: str
    folder: str
    seconds: float


def _work_there(sender: _Sender, task: PageTask) -> PageCrops:
    """Work on a page in the process of a cluster's worker."""
    _check_version(sender.version)
    _prepare()
    path = task.file.path
    if not is_url(path):
        path = os.path.join(sender.folder, path)
        if not os.path.lexists(path):
            return failed_page(
                task,
                f"{socket.gethostname()}, a machine of the cluster, has no {path}. Put the pages "
                "where all machines have them under the same path, or give URLs",
            )
    with _one_page, _process_ends_after(sender.seconds):
        return work_page(replace(task, file=replace(task.file, path=path)))


@contextmanager
def _process_ends_after(seconds: float) -> Iterator[None]:
    """End this process where the block takes longer: nothing less ends a decoder that hangs."""
    timer = threading.Timer(min(seconds, threading.TIMEOUT_MAX), os._exit, (1,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _explain(address: str, page_timeout: float, error: Exception) -> str:
    from distributed import KilledWorker

    if isinstance(error, KilledWorker):
        return (
            f"the {error.allowed_failures + 1} workers that read it ended one after the other, as "
            f"it took more than {page_timeout:g} s or for lack of memory. Scan it at a lower "
            "resolution, or give it longer with --page-timeout"
        )
    if isinstance(error, UsageError):
        raise error
    cause = "the connection is lost" if isinstance(error, CancelledError) else repr(error)
    raise UsageError(
        f"--cluster {address}: no page can be read there any more ({cause}). "
        "What is done is saved: see to the cluster, then give the same command again"
    ) from error
