"""Where inputs and results are: a path on this machine, or a URL (`s3://bucket/scans/`)."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path, PurePosixPath
from typing import TypeAlias, TypeGuard
from urllib.parse import unquote, urlsplit

from formreader.core.errors import UsageError

Place: TypeAlias = Path | str
"""A path on this machine, or a URL or `-` (the standard output) as text."""

STANDARD_OUTPUT = "-"
"""The place of a table that is printed, not kept."""

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
"""The start of a URL. Its scheme has at least two letters: C:// is a Windows drive."""

WEB = ("http://", "https://")
"""How URLs of the web begin."""


def is_url(place: Place) -> TypeGuard[str]:
    """Whether `place` is a URL. A `Path` never is: it turns `//` into `/`."""
    return isinstance(place, str) and _URL.match(place) is not None


def as_place(text: str) -> Place:
    """The place that `text` names: a URL or `-` as it is, or a path for `file://` and all else.

    Raises:
        UsageError: a `file://` URL names another machine.
    """
    if text == STANDARD_OUTPUT:
        return text
    if not is_url(text):
        return Path(text)
    parts = urlsplit(text)
    if parts.scheme != "file":
        return text
    if parts.netloc not in ("", "localhost"):
        raise UsageError(f"{text}: it names another machine. Write file:///folder/file")
    from urllib.request import url2pathname  # imports all of HTTP: a sixth of a worker's start

    return Path(url2pathname(parts.path))


def beside(place: Place, suffix: str) -> Place:
    """`place` with another suffix: results.csv becomes results.html."""
    return sibling(place, str(PurePosixPath(name_of(place)).with_suffix(suffix)))


def with_part(place: Place, part: str) -> Place:
    """`place` with `part` before its suffix: results.csv becomes results.part.csv."""
    old = PurePosixPath(name_of(place))
    return sibling(place, f"{old.stem}.{part}{old.suffix}")


def sibling(place: Place, name: str) -> Place:
    """The file of this name in the folder of `place`."""
    return (
        place.with_name(name) if isinstance(place, Path) else f"{place.rpartition('/')[0]}/{name}"
    )


def suffix_of(place: Place) -> str:
    """The file's suffix in lower case, with its dot; "" where it has none."""
    return PurePosixPath(name_of(place)).suffix.lower()


def name_of(place: Place) -> str:
    """The file's name without its folder."""
    return place.name if isinstance(place, Path) else place.rpartition("/")[2]


def job_path(out: Place) -> Path:
    """The path of the job store of the table `out`: beside it, or for a URL in the current folder.

    SQLite needs a disk. A hash of the URL in the name gives two tables of one name two jobs.
    """
    if out == STANDARD_OUTPUT:
        return Path("results.sqlite")
    if isinstance(out, Path):
        return out.with_suffix(".sqlite")
    digest = hashlib.sha256(out.encode()).hexdigest()[:8]
    return Path(f"{PurePosixPath(name_of(out)).stem}-{digest}.sqlite")


def url_label(url: str, folder: str, level: int) -> str:
    """The label of the file at `url`, at `level` 0 its path below `folder`, at 2 the whole URL.

    At 1 it begins with the folder's name. Both leave out what follows `?`: it may be a signature.
    """
    if level == 2:
        return url
    top = folder.rstrip("/")
    name = url.removeprefix(f"{top}/")
    if url.lower().startswith(WEB):
        name = unquote(name.partition("?")[0])
    return f"{top.rpartition('/')[2]}/{name}" if level else name
