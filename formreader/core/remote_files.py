"""Files that a URL names (`s3://bucket/scans/`), by fsspec: listed, fetched and put whole.

fsspec is imported where a URL is opened, so that local work never waits for it. Whatever
a store raises becomes the `OSError` that the same fault of a local file would raise, so
that callers need one way for both. Nothing here is about a single store: credentials,
regions and proxies come from where its fsspec package looks for them (the environment,
`~/.aws`, ...).
"""

from __future__ import annotations

import errno
import logging
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from formreader.core.errors import UsageError
from formreader.core.locations import Place, is_url

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_log = logging.getLogger(__name__)

MAX_BYTES = 2**30
"""Largest remote file that is read: it is held in memory, once in each worker."""

_NOT_FOUND = (404, 410)
"""Status codes of the web for a file that is not there, or no longer."""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """What a folder's URL leads to.

    `identity` is equal for two URLs of one file. `readable` is false for a folder that
    could not be listed.
    """

    url: str
    identity: str
    readable: bool = True


def identity(place: Place) -> str:
    """Text that is equal for two names of one file: the path without links, or the URL.

    Raises:
        UsageError: the URL's protocol is unknown, or its package is missing.
        OSError: the store cannot be reached.
    """
    if not is_url(place):
        return os.path.realpath(place)
    store, path = _connect(place)
    return str(store.unstrip_protocol(path))


def is_folder(url: str) -> bool:
    """Whether `url` leads to a folder; on the web, that is what ends with `/`.

    Raises:
        UsageError: the protocol is unknown, or its package is missing.
        OSError: there is nothing of this name, or it cannot be reached.
    """
    store, path = _connect(url)
    with _os_errors(url):
        return bool(store.info(path)["type"] == "directory") or url.endswith("/")


def walk_url(url: str) -> Iterator[RemoteFile]:
    """All files below a folder, but hidden ones and those in hidden folders.

    A sub-folder that cannot be listed is given itself, not `readable`.

    Raises:
        UsageError: the protocol is unknown, or its package is missing.
        OSError: the folder itself cannot be listed.
    """
    store, top = _connect(url)
    store.invalidate_cache()  # a later scan in this process sees what has come since

    def found(path: str, *, readable: bool = True) -> RemoteFile:
        name = f"{url.rstrip('/')}/{_below(path, top)}"
        return RemoteFile(name, str(store.unstrip_protocol(path)), readable)

    folders = [top]
    while folders:
        folder = folders.pop()
        try:
            entries = _list(store, folder, url)
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
    """The content of a file. The latest one is kept, as its other pages are often next.

    Raises:
        UsageError: the protocol is unknown, or its package is missing.
        OSError: the file is gone, cannot be reached, or has more than `MAX_BYTES`.
    """
    store, path = _connect(url)
    with _os_errors(url):
        info = store.info(path)
    if (info.get("size") or 0) > MAX_BYTES:
        raise OSError(errno.EFBIG, f"larger than {MAX_BYTES >> 20} MiB", url)
    return _content(url, repr(info))


def size_and_time(place: Place) -> tuple[int, int]:
    """(bytes, nanoseconds since 1970 of the last change) of a file; 0 for what is not told.

    Raises:
        UsageError: the URL's protocol is unknown, or its package is missing.
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
    """Put a file of this machine in the place of `url`.

    Object stores (s3, gs, ...) show the new content only when all of it has arrived.

    Raises:
        UsageError: the protocol is unknown, or its package is missing.
        OSError: it cannot be put there.
    """
    store, path = _connect(url)
    with _os_errors(url):
        store.put_file(str(source), path)


def check_upload(url: str) -> None:
    """Find out whether files can be put where `url` is, by putting an empty one beside it.

    Raises:
        UsageError: the protocol is unknown, or its package is missing.
        OSError: `url` is a folder, or files cannot be put there.
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
    except OSError as error:  # who may write may not always delete, and need not
        _log.warning("%s: this empty file stays behind (%s)", probe, error.strerror)


@lru_cache(maxsize=1)
def _content(url: str, version: str) -> bytes:
    """The content of `url`; `version` is all that its store tells of it, so none is stale."""
    store, path = _connect(url)
    with _os_errors(url):
        return bytes(store.cat_file(path))


def _connect(url: str) -> tuple[AbstractFileSystem, str]:
    """The store that `url` is in, and the path there."""
    from fsspec.core import url_to_fs

    if "::" in url:
        raise UsageError(f"{url}: chains of URLs (::) cannot be used. Unpack or copy the files")
    try:
        store, path = url_to_fs(url)
    except ImportError as error:
        raise UsageError(
            f"{url}: {_reason(error)}. For s3, gs and https: pip install '.[cloud]'"
        ) from error
    except ValueError as error:
        raise UsageError(
            f"{url}: {_reason(error)}. Give s3://, gs://, https:// or another that fsspec knows"
        ) from error
    except Exception as error:  # a store that needs more than Python, or refuses the address
        raise OSError(errno.EIO, _reason(error), url) from error
    return store, str(path)


def _list(store: AbstractFileSystem, folder: str, url: str) -> list[dict[str, Any]]:
    """The entries of a folder but hidden ones, with at least `name` and `type`.

    Web pages also link to folders above, and with `?` to themselves in another order; in
    object stores a folder may hold an empty object of its own name.
    """
    with _os_errors(url):
        entries: list[dict[str, Any]] = store.ls(folder, detail=True)
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
    """Turns what a store raises into the `OSError` of the same fault of a local file."""
    try:
        yield
    except FileNotFoundError as error:
        # The web's store raises it for lost connections too, which only the cause tells.
        if error.__cause__ and getattr(error.__cause__, "status", None) not in _NOT_FOUND:
            raise OSError(errno.EIO, _reason(error.__cause__), url) from error
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), url) from error
    except PermissionError as error:
        raise PermissionError(errno.EACCES, _reason(error), url) from error
    except NotImplementedError as error:
        raise OSError(errno.ENOTSUP, "this kind of store does not allow it", url) from error
    except Exception as error:  # each store has exceptions of its own
        raise OSError(errno.EIO, _reason(error), url) from error


def _reason(error: BaseException) -> str:
    text = getattr(error, "strerror", None) or str(error)
    return " ".join(text.split()).rstrip(".") or type(error).__name__
