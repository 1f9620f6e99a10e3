"""Where inputs and results are: a path on this machine, or a URL (`s3://bucket/scans/`)."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path, PurePosixPath
from typing import TypeAlias, TypeGuard
from urllib.parse import unquote, urlsplit

from formreader.core.errors import UsageError

Place: TypeAlias = Path | str
"""A path on this machine, or a URL as text."""

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")  # two letters at least: C:// is a Windows drive
_HTTP = ("http://", "https://")


def is_url(place: Place) -> TypeGuard[str]:
    """Whether `place` is a URL. A `Path` never is: it has folded the `//`."""
    return isinstance(place, str) and _URL.match(place) is not None


def as_place(text: str) -> Place:
    """What a user names by `text`: a URL stays one, `file://` and all else is a path.

    Raises:
        UsageError: a `file://` URL names another machine.
    """
    if not is_url(text):
        return Path(text)
    parts = urlsplit(text)
    if parts.scheme != "file":
        return text
    if parts.netloc not in ("", "localhost"):
        raise UsageError(f"{text}: it names another machine. Write file:///folder/file")
    from urllib.request import url2pathname  # brings all of HTTP: a sixth of a worker's imports

    return Path(url2pathname(parts.path))


def beside(place: Place, suffix: str) -> Place:
    """`place` with another suffix: results.html beside results.csv."""
    if isinstance(place, Path):
        return place.with_suffix(suffix)
    folder, _, name = place.rpartition("/")
    return f"{folder}/{PurePosixPath(name).with_suffix(suffix)}"


def suffix_of(place: Place) -> str:
    """The ending of the file's name, in lower case, with its dot; "" where it has none."""
    return PurePosixPath(name_of(place)).suffix.lower()


def name_of(place: Place) -> str:
    """The file's name without its folder."""
    return place.name if isinstance(place, Path) else place.rpartition("/")[2]


def job_path(out: Place) -> Path:
    """Where the job store of the table `out` is: beside it, or for a URL in this folder.

    SQLite needs a disk. The name carries a hash of the URL, so that two tables that are both
    called `results.csv` have two jobs.
    """
    if isinstance(out, Path):
        return out.with_suffix(".sqlite")
    digest = hashlib.sha256(out.encode()).hexdigest()[:8]
    return Path(f"{PurePosixPath(name_of(out)).stem}-{digest}.sqlite")


def url_label(url: str, folder: str, level: int) -> str:
    """The name of a file in the results: below `folder` (0), after its name (1), or whole (2).

    What follows `?` in a web address is left out but at the last level: it may be a signature.
    """
    if level == 2:
        return url
    top = folder.rstrip("/")
    name = url.removeprefix(f"{top}/")
    if url.lower().startswith(_HTTP):
        name = unquote(name.partition("?")[0])
    return f"{top.rpartition('/')[2]}/{name}" if level else name
