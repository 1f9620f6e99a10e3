"""How quickly many pages are read, and in how much memory: `python tests/benchmarks/throughput.py`.

`--parts ratio`: `--pages` A4 pages at 300 dpi (JPEG, about 100 digits each, half of them noisy; a
dozen is rendered, copies have another comment). Wall time of a new scan with two workers, a
process of its own with all of its start, over that of merely decoding the same files to grey
with two processes, whose start does not count; the best of some rounds, in turn.

`--parts parent`: what the scan's own process does for its workers: checking, storing, writing. Its
workers return at once what they return of the dozen pages; pages a second in processor time, and
milliseconds a page of each stage.

`--parts growth memory`: `--few` and `--many` of these pages at 100 dpi. Seconds a page, with and
without the start (the time of a scan of one page), the best of some rounds in turn; and the peak
memory of each process, all together.
"""

from __future__ import annotations

import argparse
import multiprocessing
import pickle
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import cv2
from result_file import add_json_option, write_result
from scanning import Scan, fill_folder, jpeg_pages, scan, small_pages

from formreader.batch import scan_job, scan_means
from formreader.batch.network_cards import NetworkCards
from formreader.batch.page_pool import PagePool, explain
from formreader.batch.worker_reading import StoredPage, WorkerReading, work_and_read
from formreader.core.options import DEFAULT_MODEL, ScanOptions
from formreader.input.input_files import list_files
from formreader.reading.page_task import PageTask
from formreader.store.job_checksums import checksum, packed, unpacked

WORKERS = 2
_ORIGINALS = 12
_FILES_AT_A_TIME = 4


def decode(path: Path) -> int:
    """Pixels of a page, decoded to grey."""
    image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    assert image is not None
    return image.size


def one_thread() -> None:
    cv2.setNumThreads(1)


def seconds_to_decode(files: list[Path]) -> float:
    """Wall time of decoding all files with as many processes as the scan has workers."""
    with multiprocessing.get_context("spawn").Pool(WORKERS, one_thread) as pool:
        pool.map(decode, files[:WORKERS], chunksize=1)  # all is imported
        began = time.perf_counter()
        for _ in pool.imap_unordered(decode, files, chunksize=_FILES_AT_A_TIME):
            pass
        return time.perf_counter() - began


def new_scan(folder: Path, *, watched: bool = False) -> Scan:
    """A scan from its beginning."""
    out = folder.with_suffix(".csv")
    return scan(out, folder, "--fresh", "--workers", WORKERS, watched=watched)


def measure_ratio(place: Path, options: argparse.Namespace) -> None:
    """A scan against mere decoding."""
    folder = fill_folder(place, jpeg_pages(_ORIGINALS), options.pages)
    files = sorted(folder.iterdir())
    decoding, scans = list[float](), list[Scan]()
    for number in range(options.rounds):
        decoding.append(seconds_to_decode(files))
        scans.append(new_scan(folder))
        print(f"round {number + 1}: decode {decoding[-1]:.1f} s, scan {scans[-1].seconds:.1f} s")
    best = min(scans, key=lambda done: done.seconds)
    digits = best.count("digits")
    print(
        f"ratio {best.seconds / min(decoding):.2f}: {options.pages} pages of 300 dpi, "
        f"{digits / options.pages:.0f} digits each; {options.pages / best.seconds:.1f} pages/s, "
        f"{digits / best.seconds:.0f} digits/s; decoded {options.pages / min(decoding):.1f} pages/s"
    )
    print(best.told.splitlines()[-1], flush=True)
    options.figures |= {
        "pages of 300 dpi read": options.pages,
        "workers": WORKERS,
        "pages a second, start included": options.pages / best.seconds,
        "digits a second": digits / best.seconds,
        "times as long as decoding the files in as many processes": best.seconds / min(decoding),
    }


class _AtOnce(Executor):
    """Returns pages that were read before, by the labels of their files."""

    def __init__(self, done: Mapping[str, StoredPage]) -> None:
        # Workers send pickled pages: to load them is the parent's work.
        self._done = {label: pickle.dumps(page) for label, page in done.items()}

    def submit(self, _fn: object, task: PageTask) -> Future[StoredPage]:  # type: ignore[override]
        future = Future[StoredPage]()
        future.set_result(pickle.loads(self._done[task.file.label]))
        return future


def as_page_of(label: str, page: StoredPage) -> StoredPage:
    """The page as if it were read from another file."""
    (_, *own), *others = unpacked(page.rows.content)
    content = packed([(label, *own), *others])
    return replace(page, rows=replace(page.rows, content=content, checksum=checksum(content)))


class _Silent:
    """Shows no progress."""

    def __getattr__(self, _name: str) -> Callable[..., bool]:
        return lambda *_: False


def measure_parent(place: Path, options: argparse.Namespace) -> None:
    """Pages a second through the scan's own process."""
    pages = jpeg_pages(_ORIGINALS)
    folder = fill_folder(place / "pages", pages, options.pages)
    one_thread()
    files = list_files([str(fill_folder(place / "once", pages, len(pages)))]).files
    cards = NetworkCards.read(DEFAULT_MODEL)
    reading = WorkerReading.of(ScanOptions((), device="cpu"), cards, stores=True)
    done = [work_and_read(PageTask(file, 0), reading) for file in files]
    labels = [file.label for file in list_files([str(folder)]).files]
    pages_of = {one: as_page_of(one, done[int(Path(one).stem) % len(done)]) for one in labels}
    pool = PagePool(_AtOnce(pages_of), 1, explain, int)
    best = dict[str, float](), float("inf")
    with patch.object(scan_means, "open_pool", lambda *_: pool):
        for number in range(options.rounds + 1):  # the first loads all that is loaded once
            began = time.process_time()
            scanned = ScanOptions((str(folder),), out=place / f"{number}.csv")
            stages = scan_job.scan(scanned, _Silent()).stages
            worked = time.process_time() - began
            best = min(best, (stages, worked), key=lambda one: one[1])
    stages, worked = best
    own = ("check", "store", "write")
    each = ", ".join(f"{stage} {1000 * stages[stage] / options.pages:.1f}" for stage in own)
    options.figures["pages a second of its processor time that the main process can keep"] = (
        options.pages / worked
    )
    print(f"parent {options.pages / worked:.0f} pages/s, {1000 * worked / options.pages:.1f} ms of "
          f"processor time a page; wall time: {each} ms", flush=True)  # fmt: skip


def measure_growth(place: Path, options: argparse.Namespace) -> None:
    """Time a page of many pages against few."""
    numbers = (1, options.few, options.many)
    folders = fill_folders(place, options.originals, numbers)
    rounds = [[new_scan(folder).seconds for folder in folders] for _ in range(options.rounds)]
    start, few, many = (min(seconds) for seconds in zip(*rounds, strict=True))
    tell_growth("start included", few / options.few, many / options.many)
    few, many = (few - start) / (options.few - 1), (many - start) / (options.many - 1)
    tell_growth(f"without {start:.2f} s for a scan of one page", few, many)
    options.figures[
        f"time a page at {options.many:,} pages, times that at {options.few:,}, start left out"
    ] = many / few


def tell_growth(what: str, few: float, many: float) -> None:
    """Print seconds a page of few and of many pages."""
    print(f"growth {many / few:.3f}, {what}: {1000 * few:.2f} and {1000 * many:.2f} ms a page")


def measure_memory(place: Path, options: argparse.Namespace) -> None:
    """Peak memory at many pages against few."""
    folders = fill_folders(place, options.originals, (options.few, options.many))
    few, many = (new_scan(folder, watched=True).peak for folder in folders)
    for number, peak in ((options.few, few), (options.many, many)):
        options.figures[f"memory of all processes at {number:,} pages of 100 dpi, MiB"] = peak
    print(f"memory {many / few:.3f}: {few:.0f} MiB at {options.few} pages, {many:.0f} MiB at "
          f"{options.many}")  # fmt: skip


def fill_folders(place: Path, originals: list[Path], numbers: Sequence[int]) -> list[Path]:
    """A folder of small pages for each of `numbers`."""
    pages = [path.read_bytes() for path in originals] or small_pages(_ORIGINALS)
    return [fill_folder(place / str(number), pages, number) for number in numbers]


PARTS = {
    "ratio": measure_ratio,
    "parent": measure_parent,
    "growth": measure_growth,
    "memory": measure_memory,
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--pages", type=int, default=600)
    parser.add_argument("--few", type=int, default=200)
    parser.add_argument("--many", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--originals", nargs="+", type=Path, default=[], help="JPEG files to copy as small pages"
    )
    add_json_option(parser)
    parser.set_defaults(figures={})  # which the parts fill
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="formreader-throughput-") as place:
        for part in options.parts:
            PARTS[part](Path(place, part), options)
    write_result(options.json, options.figures)


if __name__ == "__main__":
    main()
