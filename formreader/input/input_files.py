"""List the files that the paths on the command line lead to."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from formreader.core.errors import NoInputError
from formreader.core.locations import Place, as_place, is_url, url_label
from formreader.core.printable import printable_name
from formreader.core.records import InputFile
from formreader.core.remote_files import identity, is_folder
from formreader.input.file_formats import FORMAT_NAMES
from formreader.input.path_listing import (
    Found,
    is_pattern,
    match_pattern,
    match_url_pattern,
    walk,
    walk_folder_url,
)

_OWN_RESULT = re.compile(
    r"(results|corrections)(-[0-9a-f]{8})?\.(csv|jsonl|ndjson|parquet|html|sqlite)(-\w+)?"
)
"""Default names of the files that this program writes; a job of a URL has a hash in its name."""


@dataclass(frozen=True, slots=True)
class InputListing:
    """The files to read, in order, and the number of files skipped as of other kinds."""

    files: tuple[InputFile, ...]
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class _Argument:
    """A path argument: the folder of its labels, its files, and if it is `named`, a single file."""

    folder: str
    found: tuple[Found, ...]
    named: bool = False

    def labels(self, prefixes: int) -> list[str]:
        """The labels: paths in the folder, with `prefixes` 1 after its name, with 2 its path."""
        if is_url(self.folder):
            return [printable_name(url_label(f.path, self.folder, prefixes)) for f in self.found]
        prefix = ("", Path(self.folder).resolve().name, PurePath(self.folder).as_posix())[prefixes]
        names = (PurePath(f.path).relative_to(self.folder).as_posix() for f in self.found)
        return [printable_name(f"{prefix.rstrip('/')}/{n}" if prefixes else n) for n in names]


def list_files(
    paths: Sequence[str], *, own: Collection[Place] = (), seconds: float | None = None
) -> InputListing:
    """List the page files that files, folders (recursively) and glob patterns lead to.

    URLs give URLs (but `file://` paths). Arguments keep their order; the files of a folder or
    pattern are in natural order (`page2` before `page10`). A file given by name is listed whatever
    its suffix, others by theirs, but not hidden files, `own` results, and those listed before under
    another name. A sub-folder that cannot be opened, or a file whose server does not answer within
    `seconds`, is listed: reading it reports that. Labels are unique.

    Raises:
        NoInputError: a path does not exist or cannot be opened, or no page was found.
        UsageError: a URL's protocol is unknown, or its package is missing.
    """
    ours = tuple(identity(path) for path in own)
    silent = set[str]()
    pages: list[_Argument] = []
    seen, skipped = set[str](), set[str]()
    for argument in (_look_up(path, ours, seconds, silent) for path in paths):
        kept = tuple(f for f in argument.found if f.is_page and f.real not in seen)
        skipped.update(f.real for f in argument.found if not f.is_page)
        seen.update(f.real for f in kept)
        pages.append(_Argument(argument.folder, kept))
    skipped -= seen
    if not seen:
        if not paths:
            raise NoInputError("No file or folder was given. Name at least one")
        others = f" ({len(skipped)} of other kinds)" if skipped else ""
        raise NoInputError(
            f"{', '.join(paths)}: no page files found{others}. "
            f"Give files, or folders with {FORMAT_NAMES} files"
        )
    files = (
        InputFile(file.path, label)
        for argument, labels in zip(pages, _unique_labels(pages), strict=True)
        for file, label in zip(argument.found, labels, strict=True)
    )
    return InputListing(tuple(files), len(skipped))


def check_exists(path: str) -> None:
    """Find out whether there is a file or folder of this name; URLs are not looked up.

    Raises:
        NoInputError: there is none.
    """
    if not is_url(path) and not os.path.lexists(path):
        raise NoInputError(f"{path}: there is no such file. Check the spelling")


def _look_up(
    path: str, ours: tuple[str, ...], seconds: float | None, silent: set[str]
) -> _Argument:
    """The files that one path argument leads to; `silent` servers are noted and not asked again."""
    # Paths stay as they were given: they become part of labels and messages.
    given = str(as_place(path)) if is_url(path) else path
    try:
        is_local = not is_url(given)
        argument = _look_up_path(given) if is_local else _look_up_url(given, seconds, silent)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise NoInputError(f"{path}: {reason}. Check the spelling and the permissions") from error
    if argument.named:
        return argument
    others = sorted((f for f in argument.found if not _is_ours(f, ours)), key=Found.order)
    # Of several names of one file, keep its real name, else the first link.
    once = dict[str, Found]()
    for file in sorted(others, key=Found.is_link):
        once.setdefault(file.real, file)
    return _Argument(argument.folder, tuple(f for f in others if once[f.real] is f))


def _look_up_path(path: str) -> _Argument:
    """The files that a local path leads to."""
    if is_pattern(path) and not os.path.lexists(path):
        return _matched(path, *match_pattern(path))
    os.stat(path)
    if not os.path.isdir(path):
        named = Found(path, os.path.realpath(path), is_page=True)
        return _Argument(os.path.dirname(path), (named,), named=True)
    os.listdir(path)
    return _Argument(path, tuple(walk(path)))


def _look_up_url(url: str, seconds: float | None, silent: set[str]) -> _Argument:
    """The files that a URL leads to; its server is none of the `silent` ones, or becomes one."""
    server = "/".join(url.split("/")[:3])  # https://host:port
    try:
        if server not in silent and is_folder(url, seconds):
            return _Argument(url, tuple(walk_folder_url(url, seconds)))
    except FileNotFoundError:
        if not is_pattern(url):
            raise
        return _matched(url, *match_url_pattern(url, seconds))
    except TimeoutError:
        if url.endswith("/") or is_pattern(url):
            raise
        silent.add(server)
    named = Found(url, identity(url), is_page=True)
    return _Argument(url.rpartition("/")[0], (named,), named=True)


def _matched(pattern: str, folder: str, found: list[Found]) -> _Argument:
    if not found:
        raise NoInputError(f"{pattern}: the pattern matches no file. Check the spelling")
    return _Argument(folder, tuple(found))


def _is_ours(file: Found, ours: tuple[str, ...]) -> bool:
    if _OWN_RESULT.fullmatch(os.path.basename(file.path)):
        return True
    return any(file.real == own or file.real.startswith((own + os.sep, f"{own}/")) for own in ours)


def _unique_labels(arguments: list[_Argument]) -> list[list[str]]:
    """The labels of each argument's files, with longer prefixes where labels collide."""
    prefixes = [0] * len(arguments)
    while True:
        labels = [a.labels(p) for a, p in zip(arguments, prefixes, strict=True)]
        counts = Counter(label for group in labels for label in group)
        colliding = [
            index
            for index, group in enumerate(labels)
            if prefixes[index] < 2 and any(counts[label] > 1 for label in group)
        ]
        if not colliding:
            return labels
        for index in colliding:
            prefixes[index] += 1
