"""From the paths of the command line to the list of files to read."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from formreader.core.errors import NoInputError
from formreader.core.locations import Place, as_place, is_url, url_label
from formreader.core.records import InputFile
from formreader.core.remote_files import identity, is_folder
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


@dataclass(frozen=True, slots=True)
class InputListing:
    """The files to read, in order, and how many of other kinds were left alone."""

    files: tuple[InputFile, ...]
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class _Argument:
    """One path argument: the folder that labels are relative to, and what was found.

    `named`: the argument is the file itself.
    """

    folder: str
    found: tuple[Found, ...]
    named: bool = False

    def labels(self, prefixes: int) -> list[str]:
        """Names in the results, after the folder's name (1) or its path as given (2)."""
        if is_url(self.folder):
            return [_printable(url_label(f.path, self.folder, prefixes)) for f in self.found]
        prefix = ("", Path(self.folder).resolve().name, PurePath(self.folder).as_posix())[prefixes]
        names = (PurePath(f.path).relative_to(self.folder).as_posix() for f in self.found)
        return [_printable(f"{prefix.rstrip('/')}/{n}" if prefixes else n) for n in names]


def list_files(paths: Sequence[str], *, own: Collection[Place] = ()) -> InputListing:
    """Lists the page files that files, folders (recursive) and glob patterns lead to.

    Each of them is a path or a URL, whose files are URLs (but `file://` ones are paths).
    The arguments keep their order; the content of a folder or pattern is in natural
    order (`page2` before `page10`). A file that is named is listed whatever its
    ending; folders and patterns give only files that end as a page does. Hidden
    files, `own` (result files and folders of this program) and what was already
    reached on another way are passed over. A sub-folder that cannot be opened is
    listed itself, so that it becomes a page with an error. Labels are unique.

    Raises:
        NoInputError: a path leads nowhere or cannot be opened, or no page was found.
        UsageError: a URL's protocol is unknown, or its package is missing.
    """
    ours = tuple(identity(path) for path in own)
    pages: list[_Argument] = []
    seen, skipped = set[str](), set[str]()
    for argument in (_look_up(path, ours) for path in paths):
        kept = tuple(f for f in argument.found if f.is_page and f.real not in seen)
        skipped.update(f.real for f in argument.found if not f.is_page)
        seen.update(f.real for f in kept)
        pages.append(_Argument(argument.folder, kept))
    skipped -= seen
    if not seen:
        raise NoInputError(_nothing_found(paths, len(skipped)))
    files = (
        InputFile(file.path, label)
        for argument, labels in zip(pages, _unique_labels(pages), strict=True)
        for file, label in zip(argument.found, labels, strict=True)
    )
    return InputListing(tuple(files), len(skipped))


def _nothing_found(paths: Sequence[str], skipped: int) -> str:
    if not paths:
        return "No file or folder to read was given. Name at least one"
    others = f" ({skipped} of other kinds)" if skipped else ""
    return (
        f"{', '.join(paths)}: there is no page file{others}. "
        "Give files, or folders with PNG, JPEG, TIFF, WebP, BMP or PDF files"
    )


def _look_up(path: str, ours: tuple[str, ...]) -> _Argument:
    """Finds what one path argument leads to."""
    # Other paths stay as they were given: they become part of labels and messages.
    given = str(as_place(path)) if is_url(path) else path
    try:
        argument = _look_up_url(given) if is_url(given) else _look_up_path(given)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise NoInputError(f"{path}: {reason}. Check the spelling and the permissions") from error
    if argument.named:
        return argument
    others = sorted((f for f in argument.found if not _is_ours(f, ours)), key=Found.order)
    # Of several names of one file the real one stays, else the first link.
    once = dict[str, Found]()
    for file in sorted(others, key=Found.is_link):
        once.setdefault(file.real, file)
    return _Argument(argument.folder, tuple(f for f in others if once[f.real] is f))


def _look_up_path(path: str) -> _Argument:
    """All that a path on this machine leads to."""
    if is_pattern(path) and not os.path.lexists(path):
        return _matched(path, *match_pattern(path))
    os.stat(path)
    if not os.path.isdir(path):
        named = Found(path, os.path.realpath(path), is_page=True)
        return _Argument(os.path.dirname(path), (named,), named=True)
    os.listdir(path)
    return _Argument(path, tuple(walk(path)))


def _look_up_url(url: str) -> _Argument:
    """All that a URL leads to."""
    try:
        if is_folder(url):
            return _Argument(url, tuple(walk_folder_url(url)))
    except FileNotFoundError:
        if not is_pattern(url):
            raise
        return _matched(url, *match_url_pattern(url))
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


def _printable(path: str) -> str:
    """The path as text that UTF-8 can hold; odd bytes of a name become `\\xff`."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _unique_labels(arguments: list[_Argument]) -> list[list[str]]:
    """Labels of each argument's files, with a longer prefix where labels collide."""
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
