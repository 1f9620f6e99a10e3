"""Takes what a scanner puts into a folder: each file once, when it is complete, and none is lost.

A file is complete when its size and time have not changed for some seconds. It is copied into a
job, named in the job's record, noted in a journal, and only then moved out of the folder. Wherever
the service ends in between, the next start goes on from there.

Meanwhile another file may have taken its name, which nobody has read. So a file leaves in two
steps: first into a folder of its own; then to the files that are done if it is the one that was
read, else back at the next look.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import stat
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count
from pathlib import Path

from formreader.core.errors import FormreaderError, UsageError
from formreader.core.options import WatchJobs
from formreader.core.printable import printable_name
from formreader.core.user_files import open_regular
from formreader.input.path_listing import natural_key
from formreader.service.file_names import is_hidden, is_page_file, suffix_of_label, unique
from formreader.service.job_folders import JobFolder, JobRecord, StoredFile
from formreader.service.job_making import MAX_FILES, default_options, new_record
from formreader.service.job_queue import LiveJob
from formreader.service.service_state import Service

DONE_FOLDER = "done"
"""Where files go that were taken: a folder in the watched one."""

_LEAVING_FOLDER = "leaving"
"""The folder in `DONE_FOLDER` of files that have left, of which it is not known yet if they were
read."""

_WATCH_SECONDS = 2.0
"""Seconds between two looks at the folder: people wait for the scanner far longer."""

_QUIET_SECONDS = 5.0
"""Seconds without a change after which a file is whole: scanners and networks pause for less."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Seen:
    """A file as it was at one look.

    `device` and `inode` tell it from another of its name while the service runs; they may change
    when a drive is mounted anew.
    """

    name: str
    size: int
    mtime_ns: int
    device: int
    inode: int

    @classmethod
    def of(cls, name: str, facts: os.stat_result) -> _Seen:
        return cls(name, facts.st_size, facts.st_mtime_ns, facts.st_dev, facts.st_ino)

    @property
    def origin(self) -> str:
        """What is noted of it: the same after a restart."""
        return json.dumps([self.name, self.size, self.mtime_ns])


class WatchedFolder:
    """Looks at a folder until it is stopped."""

    def __init__(self, service: Service, folder: Path, *, move: bool, jobs: WatchJobs) -> None:
        """Find out what was taken before.

        Raises:
            UsageError: there is no such folder, or the service's own is in it or around it.
        """
        self._service = service
        self._folder = folder.absolute()
        self._move = move
        self._jobs = jobs
        data = service.data.path
        if not folder.is_dir():
            raise UsageError(
                f"--watch {folder}: there is no such folder. Make it, or mind the name"
            )
        if data.is_relative_to(self._folder) or self._folder.is_relative_to(data):
            raise UsageError(f"--watch {folder}: it and --data must not be in each other")
        self._journal = data / "watched.jsonl"
        self._since = dict[_Seen, float]()
        self._told = set[str]()
        self._read = dict[str, _Seen]()
        self._taken = self._known()
        self._thread = threading.Thread(target=self._watch, name="watch", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def join(self) -> None:
        """Wait for the end of a look, once the service is stopping."""
        if self._thread.is_alive():
            self._thread.join()

    def look(self, now: float) -> None:
        """Look at the folder once, at a time in seconds, and take the files that are whole."""
        self._give_back()
        seen = list(self._files())
        self._since = {one: self._since.get(one, now) for one in seen}
        whole = [one for one in seen if now - self._since[one] >= _QUIET_SECONDS]
        new = [one for one in whole if one.origin not in self._taken]
        for key, files in self._by_job(new).items():
            self._take(key, files)
        for one in whole:
            if one.origin in self._taken and self._move:
                self._put_away(one)

    def _watch(self) -> None:
        stopping = self._service.stopping
        while not stopping.is_set():
            try:
                self.look(time.monotonic())
            except (OSError, FormreaderError) as error:  # a network drive may be gone for a while
                self._tell(f"{self._folder}: {error}")
            except Exception:
                _log.exception("watching %s", self._folder)
            stopping.wait(_WATCH_SECONDS)

    def _files(self) -> Iterator[_Seen]:
        """Yield the page files in the folder, in natural order; no links, nothing hidden."""
        found = list[str]()
        for top, folders, names in os.walk(self._folder):
            place = Path(top).relative_to(self._folder)
            folders[:] = [one for one in folders if (place / one).as_posix() != DONE_FOLDER]
            found += [(place / name).as_posix() for name in names]
        for name in sorted(found, key=natural_key):
            path = self._folder / name
            if is_page_file(name) and not is_hidden(name) and not path.is_symlink():
                with suppress(OSError):  # it is gone meanwhile
                    facts = path.stat()
                    if facts.st_size and stat.S_ISREG(facts.st_mode):
                        yield _Seen.of(name, facts)

    def _by_job(self, files: Sequence[_Seen]) -> Mapping[str, list[_Seen]]:
        """Sort files by the job that they go to."""
        sorted_files = dict[str, list[_Seen]]()
        today = datetime.now().strftime("%Y-%m-%d")
        for one in files:
            folder = Path(one.name).parent.as_posix()
            name = self._folder.name if folder == "." else folder
            key = today if self._jobs == "day" else printable_name(name)
            sorted_files.setdefault(key, []).append(one)
        return sorted_files

    def _take(self, key: str, files: Sequence[_Seen]) -> None:
        """Put files into the job of `key`: a running one, or a new one."""
        queue = self._service.queue
        job = self._job_of(key)
        folder = self._service.data.new() if job is None else job.folder
        record = self._new_record(folder, key) if job is None else job.record
        labels = {one.label for one in record.files}
        stored = list(record.files)
        for one in files[: MAX_FILES - len(stored)]:
            name = f"{len(stored) + 1:06}{suffix_of_label(one.name)}"
            if self._copied(one, folder.files / name):
                label = unique(printable_name(one.name), labels)
                stored.append(StoredFile(name, label, one.size, one.origin))
        if len(stored) == len(record.files):
            if job is None:
                self._service.data.drop(folder)
            return
        changed = replace(
            record, files=tuple(stored), state="queued", finished=None, counts=None, pages=None,
            problem=None,
        )  # fmt: skip
        if job is None:
            folder.write(changed)
            queue.add(self._service.data.keep(folder), changed, client="")
        elif not queue.read_again(job, changed):
            return  # it was deleted meanwhile: the next look makes another
        self._note(file.origin for file in stored[len(record.files) :])

    def _job_of(self, key: str) -> LiveJob | None:
        """The newest job of this key that takes more files."""
        queue = self._service.queue
        fitting = (
            job
            for job in queue.all()
            if job.record.watch == key
            and job.record.read_by == queue.read_by
            and len(job.record.files) < MAX_FILES
        )
        return next(fitting, None)

    def _new_record(self, folder: JobFolder, key: str) -> JobRecord:
        options = default_options(self._service)
        record = new_record(self._service, folder, options, key)
        return replace(record, forms=self._service.shelf.keep(options.template), watch=key)

    def _copied(self, one: _Seen, target: Path) -> bool:
        """Copy a file into a job, on disk for sure; False if it cannot be, or changes meanwhile."""
        source = self._folder / one.name
        try:
            with open_regular(source) as read, target.open("wb") as written:
                before = _Seen.of(one.name, os.fstat(read.fileno()))
                shutil.copyfileobj(read, written)
                written.flush()
                os.fsync(written.fileno())
                after = _Seen.of(one.name, os.fstat(read.fileno()))
        except OSError as error:
            self._tell(f"{source}: cannot be taken ({error.strerror})")
            target.unlink(missing_ok=True)
            return False
        if not one == before == after or target.stat().st_size != one.size:
            target.unlink()
            return False
        if self._move:
            self._read[one.origin] = one
        return True

    def _put_away(self, one: _Seen) -> None:
        """Move a file that was taken into the folder of those that are done.

        A file that nobody has read stays between the folders until the next look gives it back.
        """
        done = self._folder / DONE_FOLDER
        leaving = done / _LEAVING_FOLDER / one.name
        target = done / datetime.now().strftime("%Y-%m-%d") / one.name
        try:
            leaving.parent.mkdir(parents=True, exist_ok=True)
            (self._folder / one.name).rename(leaving)
            left = _Seen.of(one.name, leaving.stat())
            read = self._read.pop(one.origin, left)  # of the last run only the origin is known
            if left == read and left.origin == one.origin:
                _move(leaving, target)
            else:
                self._taken.discard(left.origin)
        except OSError as error:
            self._tell(f"{one.name}: cannot be moved to {target.parent} ({error.strerror})")

    def _give_back(self) -> None:
        """Move what has left without having been read into the folder again."""
        leaving = self._folder / DONE_FOLDER / _LEAVING_FOLDER
        for path in [path for path in leaving.rglob("*") if not path.is_dir()]:
            _move(path, self._folder / path.relative_to(leaving))

    def _known(self) -> set[str]:
        """What was taken before: by the journal, and by jobs whose files it does not name yet."""
        noted = set[str]()
        with suppress(FileNotFoundError):
            for line in self._journal.read_text(encoding="utf-8").splitlines():
                with suppress(ValueError):  # the end of a line that a kill cut off
                    noted.add(json.dumps(json.loads(line)))
        jobs = self._service.queue.all()
        in_jobs = {file.origin for job in jobs for file in job.record.files if file.origin}
        self._taken = noted
        self._note(sorted(in_jobs - noted))
        return noted | in_jobs

    def _note(self, origins: Iterator[str] | Sequence[str]) -> None:
        """Note for later runs that files were taken."""
        taken = list(origins)
        if not taken:
            return
        with self._journal.open("a", encoding="utf-8") as stream:
            stream.writelines(f"\n{origin}" for origin in taken)  # apart from a line that was cut
            stream.flush()
            os.fsync(stream.fileno())
        self._taken.update(taken)

    def _tell(self, text: str) -> None:
        """Log something once, not at every look."""
        if text not in self._told:
            self._told.add(text)
            _log.warning("%s", text)


def _move(source: Path, target: Path) -> None:
    """Move a file, to a name with a number where its own is taken; OSError where it cannot be."""
    target.parent.mkdir(parents=True, exist_ok=True)
    free = target
    for number in count(2):
        try:
            os.link(source, free)  # unlike a rename it fails where there is a file
            source.unlink()
            return
        except FileExistsError:
            pass
        except OSError:  # drives of cameras and of some networks have no links
            if not free.exists():
                source.rename(free)
                return
        free = target.with_stem(f"{target.stem} ({number})")
