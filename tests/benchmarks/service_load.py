"""How the service bears load: `python tests/benchmarks/service_load.py`.

Sends `--uploads` small pages at the same time, each an upload of its own, to a service of its own,
and compares with `formreader scan` on the same files:

    lost, doubled  jobs that are missing, not done, or have other than one page: must be 0
    same           each job's rows, as JSON Lines, must be those of the scan byte for byte
    pages/s        from the first upload to the end of the last job, beside the scan's; the scan
                   starts anew each time, the service is warm; both write a table and a report
    /read          p50 and p95 of one 200-dpi page at a time, against the page's own work as the
                   service measures it
    cpu            processor milliseconds of all processes for each page, of both: other programs
                   on the machine disturb it less
    memory         of all processes: idle, at the end of each round, MiB

Rounds are repeated, so that memory that grows shows. Exit code 1 where readings differ or a job is
lost. Nothing else should run on the machine.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import cv2
import httpx
import numpy as np
import psutil
from ratio import jpeg_page
from scanning import READ, family, fill_folder, messages, small_pages, started

import formreader


@dataclass(frozen=True)
class Running:
    """A service in a process of its own, with the seconds until it answered."""

    url: str
    pid: int
    seconds: float

    def cpu(self) -> float:
        """Processor seconds of all its processes so far."""
        times = [process.cpu_times() for process in family(self.pid)]
        return sum(one.user + one.system for one in times)

    def memory(self) -> float:
        """Resident memory of all its processes, shared pages counted once, in MiB."""
        return sum(process.memory_full_info().pss for process in family(self.pid)) / 2**20


@contextmanager
def running(folder: Path) -> Iterator[Running]:
    """Start a service, and wait until it is ready."""
    arguments = ["-m", "formreader", "serve", "--port", "0", "--data", str(folder)]
    environment = os.environ | {"PYTHONPATH": str(Path(formreader.__file__).parents[1])}
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *arguments], env=environment, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    said, url = list[str](), ""
    for line in process.stderr:
        said.append(line)
        if found := re.search(r"http://[^/\s]+", line):
            url = found[0]
            break
    else:
        raise SystemExit("".join(said))
    httpx.get(f"{url}/health")
    try:
        yield Running(url, process.pid, time.perf_counter() - began)
    finally:
        process.terminate()
        process.wait()
        process.stderr.close()


def send_all(service: Running, files: list[Path]) -> tuple[float, dict[str, str]]:
    """Send each file as a job of its own, all at once; return the seconds and the jobs by file."""
    limits = httpx.Limits(max_connections=len(files))
    with (
        httpx.Client(base_url=service.url, timeout=600, limits=limits) as client,
        ThreadPoolExecutor(len(files)) as threads,
    ):

        def send(path: Path) -> tuple[str, str]:
            pair = {"files": (path.name, path.read_bytes())}
            answer = client.post("/api/v1/jobs", files=pair)
            if answer.status_code != 202:
                raise SystemExit(f"{path.name}: {answer.text}")
            return path.name, answer.json()["id"]

        began = time.perf_counter()
        jobs = dict(threads.map(send, files))
        while (health := client.get("/health").json())["queued"] + health["running"]:
            time.sleep(0.25)  # asking takes processor time from the jobs
        return time.perf_counter() - began, jobs


def faults(service: Running, jobs: dict[str, str], expected: dict[str, str]) -> list[str]:
    """What differs between the jobs and the rows of the scan, by file."""
    found = list[str]()
    with httpx.Client(base_url=service.url, timeout=600) as client:
        total = client.get("/api/v1/jobs?limit=1").json()["total"]
        if total != len(jobs):
            found.append(f"{total} jobs of {len(jobs)} uploads")
        for name, job in jobs.items():
            state = client.get(f"/api/v1/jobs/{job}").json()
            if (state["state"], state["pages"]) != ("done", 1):
                found.append(f"{name}: {state['state']}, {state['pages']} pages")
            elif client.get(f"/api/v1/jobs/{job}/results?format=jsonl").text != expected[name]:
                found.append(f"{name}: other readings than scan")
    return found


def forget(service: Running, jobs: dict[str, str]) -> None:
    """Delete the jobs, so that the next round begins as the first did."""
    with httpx.Client(base_url=service.url, timeout=60) as client:
        for job in jobs.values():
            client.delete(f"/api/v1/jobs/{job}").raise_for_status()


def read_times(service: Running, number: int) -> tuple[list[float], list[float]]:
    """Seconds of /read for one 200-dpi page at a time, and of the page's own work in each."""
    image = cv2.imdecode(np.frombuffer(jpeg_page("clean", 1), np.uint8), cv2.IMREAD_GRAYSCALE)
    small = cv2.resize(image, None, fx=2 / 3, fy=2 / 3, interpolation=cv2.INTER_AREA)
    page = cv2.imencode(".jpg", small)[1].tobytes()
    took, own = list[float](), list[float]()
    with httpx.Client(base_url=service.url, timeout=60) as client:
        for _ in range(number + 3):  # the first ones warm up
            began = time.perf_counter()
            answer = client.post("/api/v1/read", content=page).raise_for_status().json()
            took.append(time.perf_counter() - began)
            own.append(sum(answer["seconds"].values()))
    return took[3:], own[3:]


def timed_scan(out: Path, folder: Path) -> tuple[float, float]:
    """Scan the folder; return its seconds, and the processor seconds of all its processes."""
    began, cpu = time.perf_counter(), dict[int, float]()
    with started(out, folder) as process:
        while process.poll() is None:
            for one in family(process.pid):
                with suppress(psutil.Error):
                    spent = one.cpu_times()
                    cpu[one.pid] = spent.user + spent.system
            time.sleep(0.05)
    if process.returncode not in READ:
        raise SystemExit(messages(out))
    return time.perf_counter() - began, sum(cpu.values())


def rows_by_file(table: Path) -> dict[str, str]:
    """The lines of a table of JSON Lines, by their file."""
    rows = dict[str, str]()
    for line in table.read_text(encoding="utf-8").splitlines(keepends=True):
        name = line.split('"', 4)[3]
        rows[name] = rows.get(name, "") + line
    return rows


def main() -> None:
    shape = argparse.RawTextHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=shape)
    parser.add_argument("--uploads", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--reads", type=int, default=40)
    given = parser.parse_args()
    wrong = list[str]()
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        folder = fill_folder(top / "pages", small_pages(8), given.uploads)
        files = sorted(folder.iterdir())
        with running(top / "data") as service:
            time.sleep(3)  # the workers are still starting
            print(f"ready after {service.seconds:.1f} s, idle memory {service.memory():.0f} MiB")
            for i in range(given.rounds):
                scan_seconds, of_scan = timed_scan(top / f"results{i}.jsonl", folder)
                expected = rows_by_file(top / f"results{i}.jsonl")
                before = service.cpu()
                seconds, jobs = send_all(service, files)
                of_service = (service.cpu() - before) / given.uploads
                wrong += faults(service, jobs, expected)
                forget(service, jobs)
                ratio = scan_seconds / seconds
                print(
                    f"round {i + 1}: {given.uploads / seconds:.1f} pages/s, scan "
                    f"{given.uploads / scan_seconds:.1f} pages/s, ratio {ratio:.2f}; "
                    f"cpu {1000 * of_service:.0f} and {1000 * of_scan / given.uploads:.0f} ms a "
                    f"page; memory {service.memory():.0f} MiB; {len(wrong)} faults"
                )
            took, own = read_times(service, given.reads)
            p95 = [float(np.quantile(one, 0.95)) for one in (took, own)]
            print(
                f"/read: p50 {1000 * statistics.median(took):.0f} ms, p95 {1000 * p95[0]:.0f} ms; "
                f"the page's own work: p50 {1000 * statistics.median(own):.0f} ms, p95 "
                f"{1000 * p95[1]:.0f} ms; p95 / own p95 {p95[0] / p95[1]:.2f}, median ratio "
                f"{statistics.median(t / o for t, o in zip(took, own, strict=True)):.2f}"
            )
    print("\n".join(wrong[:20]) or "nothing lost, nothing doubled, all readings as scan's")
    raise SystemExit(bool(wrong))


if __name__ == "__main__":
    main()
