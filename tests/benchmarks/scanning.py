"""What the benchmarks of whole batches share: many pages, and the program as people run it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import psutil
from ratio import QUALITY, jpeg_page

import formreader
from formreader.core.errors import ExitCode

READ = (ExitCode.DONE, ExitCode.PAGES_FAILED)
"""Exit codes of a scan that went to its end."""

_SAMPLE_SECONDS = 0.1


def jpeg_pages(number: int) -> list[bytes]:
    """Filled A4 forms at 300 dpi, about 100 digits each, every other one noisy, as JPEG files."""
    return [jpeg_page(("clean", "noisy")[seed % 2], seed).tobytes() for seed in range(number)]


def small_pages(number: int) -> list[bytes]:
    """The same pages at 100 dpi."""
    return [_third(jpeg) for jpeg in jpeg_pages(number)]


def _third(jpeg: bytes) -> bytes:
    """A page at a third of its resolution."""
    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert image is not None
    small = cv2.resize(image, None, fx=1 / 3, fy=1 / 3, interpolation=cv2.INTER_AREA)
    encoded = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1]
    return np.asarray(encoded, np.uint8).tobytes()


def fill_folder(folder: Path, pages: Sequence[bytes], number: int) -> Path:
    """Write `number` JPEG files: `pages` again and again, each with a comment of its own."""
    folder.mkdir(parents=True)
    for index in range(number):
        jpeg = _with_comment(pages[index % len(pages)], f"page {index}".encode())
        (folder / f"{index}.jpg").write_bytes(jpeg)
    return folder


def _with_comment(jpeg: bytes, comment: bytes) -> bytes:
    """The same picture in other bytes: a comment follows the first marker, the start of image."""
    return jpeg[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2) + comment + jpeg[2:]


@dataclass(frozen=True, slots=True)
class Scan:
    """A scan in a process of its own: wall time, and what it told.

    `peak` is the most memory of each of its processes, all together, in MiB; 0 where it was not
    watched.
    """

    seconds: float
    code: int
    told: str
    peak: float = 0.0

    def count(self, unit: str) -> int:
        """The number of pages, digits and so on in the summary."""
        found = re.search(rf"([\d,]+) {unit}", self.told)
        assert found, self.told
        return int(found[1].replace(",", ""))


@contextmanager
def started(out: Path, *arguments: str | Path | int) -> Iterator[subprocess.Popen[bytes]]:
    """Run `formreader scan` into the table `out`; it is killed if the block is left before.

    Its messages go to a file beside the table, see `messages`.
    """
    command = ["-m", "formreader", "scan", "--out", str(out), *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": str(Path(formreader.__file__).parents[1])}
    with messages_file(out).open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, *command], env=environment, stdout=subprocess.DEVNULL, stderr=stream
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def messages_file(out: Path) -> Path:
    return out.with_suffix(".messages")


def messages(out: Path) -> str:
    """What the last scan into `out` told so far."""
    return messages_file(out).read_text(encoding="utf-8", errors="replace")


def scan(out: Path, *arguments: str | Path | int, watched: bool = False) -> Scan:
    """Run a scan to its end; SystemExit with its messages where it fails.

    Args:
        watched: measure the memory, on Linux.
    """
    began, peaks = time.perf_counter(), dict[int, float]()
    with started(out, *arguments) as process:
        while watched and process.poll() is None:
            peaks |= peak_memory(process.pid)
            time.sleep(_SAMPLE_SECONDS)
        code = process.wait()
    seconds = time.perf_counter() - began
    if code not in READ:
        raise SystemExit(f"exit code {code}: {messages(out)}")
    return Scan(seconds, code, messages(out), sum(peaks.values()))


def family(pid: int) -> list[psutil.Process]:
    """A process and all that descend from it; none where it has ended."""
    with suppress(psutil.NoSuchProcess):
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    return []


def peak_memory(pid: int) -> dict[int, float]:
    """The most MiB that a process and each of its descendants had resident so far, by their ids.

    Linux keeps the peak itself: memory that was taken between two looks at it counts.
    """
    peaks = dict[int, float]()
    for process in family(pid):
        with suppress(OSError, TypeError):  # it has ended; as a zombie it has no memory
            status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
            peaks[process.pid] = int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024
    return peaks
