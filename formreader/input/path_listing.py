"""List the files that folders and glob patterns lead to, also where links form loops."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch, fnmatchcase
from pathlib import PurePath

from formreader.core.remote_files import walk_url
from formreader.input.file_formats import PAGE_SUFFIXES


@dataclass(frozen=True, slots=True)
class Found:
    """A file, its path without links, or a folder that cannot be opened: reading it tells why."""

    path: str
    real: str
    is_page: bool

    def is_link(self) -> bool:
        return os.path.abspath(self.path) != self.real

    def order(self) -> tuple[tuple[tuple[str | tuple[int, str], ...], ...], str]:
        return natural_key(PurePath(self.path).as_posix()), self.path


def natural_key(label: str) -> tuple[tuple[str | tuple[int, str], ...], ...]:
    """A sort key that compares paths folder by folder, and numbers in names by value."""
    # Numbers by their length first: Python refuses to parse those of 4,300 digits.
    return tuple(
        tuple(
            (len(value := piece.lstrip("0")), value) if index % 2 else piece
            for index, piece in enumerate(re.split("([0-9]+)", part.casefold()))
        )
        for part in label.split("/")
    )


def _file(path: str, real: str) -> Found:
    return Found(path, real, os.path.splitext(path)[1].lower() in PAGE_SUFFIXES)


def walk(top: str) -> Iterator[Found]:
    """All files below a folder, except hidden ones. Links come last, so that loops end early."""
    folders, links, seen = [top], list[str](), set[str]()
    while folders or links:
        folder = folders.pop() if folders else links.pop(0)
        real = os.path.realpath(folder)
        if real in seen:
            continue
        seen.add(real)
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: (entry.is_symlink(), entry.name))
        except OSError:
            yield Found(folder, real, is_page=True)
            continue
        for entry in (entry for entry in entries if not entry.name.startswith(".")):
            if _is_folder(entry):
                (links if entry.is_symlink() else folders).append(entry.path)
            elif entry.is_symlink():
                yield _file(entry.path, os.path.realpath(entry.path))
            else:
                yield _file(entry.path, os.path.join(real, entry.name))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to a place without permission: reading it reports why
        return False


def is_pattern(path: str) -> bool:
    """Whether a path contains a wildcard of glob patterns."""
    return any(character in path for character in "*?[")


def match_pattern(pattern: str) -> tuple[str, list[Found]]:
    """The folder before the first wildcard of a glob pattern, and the files that match it."""
    parts = PurePath(pattern).parts
    fixed = next(index for index, part in enumerate(parts) if is_pattern(part))
    folder = os.path.join(*parts[:fixed]) if fixed else ""
    found = list[Found]()
    for match in dict.fromkeys(_expand(folder, parts[fixed:], set())):
        is_folder = os.path.isdir(match)
        found += walk(match) if is_folder else [_file(match, os.path.realpath(match))]
    return folder, found


def _expand(folder: str, parts: tuple[str, ...], seen: set[tuple[str, int]]) -> Iterator[str]:
    """Paths below `folder` that match, as `glob.glob`; loops of links are followed once."""
    here = (os.path.realpath(folder), len(parts))
    if here in seen:
        return
    seen.add(here)
    first, rest = parts[0], parts[1:]
    if first == "**" and rest:
        yield from _expand(folder, rest, seen)
    try:
        names = sorted(name for name in os.listdir(folder or ".") if not name.startswith("."))
    except PermissionError:
        yield folder
        return
    except OSError:
        return
    for path in (os.path.join(folder, name) for name in names):
        matches = first == "**" or fnmatch(os.path.basename(path), first)
        if matches and os.path.isdir(path) and (rest or first == "**"):
            yield from _expand(path, parts if first == "**" else rest, seen)
        elif matches and not rest:
            yield path


def walk_folder_url(url: str, seconds: float | None = None) -> list[Found]:
    """As `walk`, for the folder at a URL; `seconds` is that of `walk_url`."""
    return [
        _file(name, real) if readable else Found(name, real, is_page=True)
        for name, real, readable in walk_url(url, seconds)
    ]


def match_url_pattern(pattern: str, seconds: float | None = None) -> tuple[str, list[Found]]:
    """As `match_pattern`, for a URL; all files are listed, as stores have no quicker `**`."""
    parts = pattern.split("/")
    fixed = next(index for index, part in enumerate(parts) if is_pattern(part))
    folder = "/".join(parts[:fixed])
    found = walk_folder_url(f"{folder}/", seconds)
    wanted = parts[fixed:]
    names = (file.path.removeprefix(f"{folder}/").split("/") for file in found)
    return folder, [f for f, name in zip(found, names, strict=True) if _matches(name, wanted)]


def _matches(names: list[str], pattern: list[str]) -> bool:
    """Whether a pattern matches a file, or a folder above it; both as parts of a path."""
    if not pattern or pattern == ["**"]:
        return True
    if not names:
        return False
    if pattern[0] == "**":
        return any(_matches(names[start:], pattern[1:]) for start in range(len(names)))
    return fnmatchcase(names[0], pattern[0]) and _matches(names[1:], pattern[1:])
