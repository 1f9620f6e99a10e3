"""Files at a URL (`s3://bucket/scans/`), by fsspec: list, fetch and upload them whole.

fsspec is imported only for a URL. Whatever a store raises becomes the `OSError` of a local file.
Credentials, regions and proxies come from where its package looks for them. All functions raise
UsageError for a URL whose protocol is unknown, or whose package is missing.
"""

from __future__ import annotations

import errno
import logging
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from formreader.core.errors import UsageError
from formreader.core.locations import WEB, Place, is_url

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_log = logging.getLogger(__name__)

MAX_BYTES = 2**30
"""Largest remote file, in bytes, that is read: each worker holds one in memory."""

_PIECE_BYTES = 2**20
"""Bytes that are read at a time of a file on the web."""

_NOT_FOUND = (404, 410)
"""HTTP status codes: not found, gone."""


def identity(place: Place) -> str:
    """The canonical name of a file: its path with links resolved, or its URL.

    Raises:
        OSError: the store cannot be reached.
    """
    if not is_url(place):
        return os.path.realpath(place)
    store, path = _connect(place)
    return str(store.unstrip_protocol(path))


def is_folder(url: str, seconds: float | None = None) -> bool:
    """Whether `url` leads to a folder; on the web, every URL that ends with `/` does.

    Raises:
        TimeoutError: the store does not answer within `seconds`.
        OSError: nothing has this name, or the store cannot be reached.
    """
    store, path = _connect(url)
    with _os_errors(url):
        kind = _answer(store, "info", path, seconds)["type"]
    return bool(kind == "directory") or url.endswith("/")


def walk_url(url: str, seconds: float | None = None) -> Iterator[tuple[str, str, bool]]:
    """(URL, identity, readable) of all files below a folder, but hidden ones and in hidden folders.

    The identity is equal for two URLs of one file. A sub-folder that cannot be listed is yielded
    itself, as not readable. On the web a list must come within `seconds`.

    Raises:
        OSError: the folder itself cannot be listed.
    """
    store, top = _connect(url)
    store.invalidate_cache()  # a later scan in this process must see new files

    def found(path: str, *, readable: bool = True) -> tuple[str, str, bool]:
        name = f"{url.rstrip('/')}/{_below(path, top)}"
        return name, str(store.unstrip_protocol(path)), readable

    folders = [top]
    while folders:
        folder = folders.pop()
        try:
            entries = _list(store, folder, url, seconds if url.lower().startswith(WEB) else None)
        except OSError:
            if folder == top:
                raise
            yield found(folder, readable=False)
            continue
        for entry in entries:
            if entry["type"] == "directory":
                folders.append(entry["name"])
            else:
                yield found(entry["name"])


def fetch(url: str) -> bytes:
    """The content of a file. The latest is cached, as its other pages are often asked for next.

    Raises:
        OSError: the file is gone, cannot be reached, or is larger than `MAX_BYTES`.
    """
    store, path = _connect(url)
    with _os_errors(url):
        info = store.info(path)
    if (info.get("size") or 0) > MAX_BYTES:
        raise _too_large(url)
    return _content(url, repr(info))


def size_and_time(place: Place) -> tuple[int, int]:
    """Size in bytes of a file, and time of its last change in ns since 1970; 0 where unknown.

    Raises:
        OSError: the file is gone or cannot be reached.
    """
    if not is_url(place):
        state = os.stat(place)
        return state.st_size, state.st_mtime_ns
    store, path = _connect(place)
    with _os_errors(place):
        size = store.info(path).get("size") or 0
        try:
            changed = round(store.modified(path).timestamp() * 1e9)
        except NotImplementedError:
            changed = 0
    return int(size), changed


def upload(source: Path, url: str) -> None:
    """Copy a local file to `url`, replacing what is there.

    Object stores (s3, gs, ...) show the new content only once all of it has arrived.

    Raises:
        OSError: the store does not accept it.
    """
    store, path = _connect(url)
    with _os_errors(url):
        store.put_file(str(source), path)


def check_upload(url: str) -> None:
    """Check that files can be written beside `url`, by writing an empty one and deleting it.

    Raises:
        OSError: `url` is a folder, or files cannot be written there.
    """
    store, path = _connect(url)
    probe = f"{path.rpartition('/')[0]}/.formreader-{secrets.token_hex(6)}.part"
    with _os_errors(url):
        if url.endswith("/") or store.isdir(path):
            raise OSError("it is a folder")
        store.pipe_file(probe, b"")
    try:
        with _os_errors(url):
            store.rm_file(probe)
    except OSError as error:  # the right to write need not include that to delete
        _log.warning("%s: this empty file could not be deleted (%s)", probe, error.strerror)


@lru_cache(maxsize=1)
def _content(url: str, version: str) -> bytes:
    """The content of `url`; `version`, its metadata in the store, tells when it has changed."""
    store, path = _connect(url)
    if not url.lower().startswith(WEB):
        with _os_errors(url):
            return bytes(store.cat_file(path))
    # Web servers state no size for a file sent in pieces, and a wrong one for a compressed file.
    content = bytearray()
    with _os_errors(url), store.open(path, "rb", block_size=0) as stream:  # 0: as it comes
        while len(content) <= MAX_BYTES and (piece := stream.read(_PIECE_BYTES)):
            content += piece
    if len(content) > MAX_BYTES:
        raise _too_large(url)
    return bytes(content)


def _too_large(url: str) -> OSError:
    return OSError(errno.EFBIG, f"larger than {MAX_BYTES >> 20} MiB", url)


def _connect(url: str) -> tuple[AbstractFileSystem, str]:
    """The store of `url`, and the path in it."""
    from fsspec.core import url_to_fs

    if "::" in url:
        raise UsageError(f"{url}: chained URLs (::) are not supported. Unpack or copy the files")
    try:
        store, path = url_to_fs(url)
    except ImportError as error:
        raise UsageError(
            f"{url}: {_reason(error)}. For s3, gs and https: pip install '.[cloud]'"
        ) from error
    except ValueError as error:
        raise UsageError(
            f"{url}: {_reason(error)}. Give s3://, gs://, https:// or another protocol of fsspec"
        ) from error
    except Exception as error:  # a missing system library, a refused address
        raise OSError(errno.EIO, _reason(error), url) from error
    return store, str(path)


def _answer(
    store: AbstractFileSystem, call: str, path: str, seconds: float | None, **settings: Any
) -> Any:
    """What a store answers to `call`; TimeoutError for one that is silent for `seconds`."""
    from fsspec.asyn import AsyncFileSystem, sync

    if seconds is None or not isinstance(store, AsyncFileSystem):
        return getattr(store, call)(path, **settings)
    return sync(store.loop, getattr(store, f"_{call}"), path, timeout=seconds, **settings)


def _list(
    store: AbstractFileSystem, folder: str, url: str, seconds: float | None
) -> list[dict[str, Any]]:
    """The entries of a folder; none that is hidden, has `?`, or is the folder itself."""
    with _os_errors(url):
        entries: list[dict[str, Any]] = _answer(store, "ls", folder, seconds, detail=True)
    names = (_below(entry["name"], folder) for entry in entries)
    return [e for e, name in zip(entries, names, strict=True) if name and name[0] not in ".?"]


def _below(path: str, folder: str) -> str:
    """The part of `path` below `folder`; "" where it is not below."""
    path, top = path.strip("/"), folder.strip("/")
    if not top:
        return path
    return path.removeprefix(f"{top}/") if path.startswith(f"{top}/") else ""


@contextmanager
def _os_errors(url: str) -> Iterator[None]:
    """Turn what a store raises into the `OSError` that a local file with the same fault raises."""
    try:
        yield
    except FileNotFoundError as error:
        # The HTTP store raises this for lost connections too; only the cause differs.
        if error.__cause__ and getattr(error.__cause__, "status", None) not in _NOT_FOUND:
            raise OSError(errno.EIO, _reason(error.__cause__), url) from error
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), url) from error
    except PermissionError as error:
        raise PermissionError(errno.EACCES, _reason(error), url) from error
    except TimeoutError as error:
        raise TimeoutError(errno.ETIMEDOUT, "the server does not answer", url) from error
    except NotImplementedError as error:
        raise OSError(errno.ENOTSUP, "this kind of store does not allow it", url) from error
    except Exception as error:  # each store has exceptions of its own
        raise OSError(errno.EIO, _reason(error), url) from error


def _reason(error: BaseException) -> str:
    text = getattr(error, "strerror", None) or str(error)
    return " ".join(text.split()).rstrip(".") or type(error).__name__
