"""Whether anything is lost when a scan is killed: `python tests/benchmarks/kills.py`.

Ends scans at random moments, drawn evenly over the time that one takes undisturbed, and gives
the same command again until it is done; then begins a new job, until there were `--kills`:

    sigkill, sigterm   the program gets the signal, its workers do not
    workers            single workers of a scan are killed while it goes on
    cluster            one of the workers of a local Dask cluster is killed in each scan
    stopped            the program and its workers stand still for longer than a page may take,
                       as by Ctrl-Z or on a laptop that sleeps, and go on: no page may fail by that
    stopped_workers    a worker stands still for ever: its page fails in time, and the batch goes on
    vanished           the folder of the pages goes away in the middle of a scan, as a network drive
                       does, and is there again for the next: its pages fail, and are then read

Each finished table must be that of the undisturbed scan byte for byte, each table on the way a
part of it, no page be stored twice, and no process be left. Only a page whose worker is killed
twice or stopped, or whose file is gone, may have an error, until the same command is given again.
Prints each kill and what happened; exit code 1 where anything differs.
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
from result_file import Figure, add_json_option, write_result
from scanning import READ, family, fill_folder, messages, scan, small_pages, started

from formreader.core.errors import ExitCode

_ORIGINALS = 6

_END_SECONDS = 20.0
"""Longest time in which workers notice that their program is gone."""

_PAGE_SECONDS, _STOP_SECONDS = 15, 20.0
"""Seconds that a page may take where processes stand still, and for how long they do."""

_LONG_SECONDS = 300.0
"""A scan that takes longer hangs."""

_BETWEEN_WORKERS = (0.3, 1.5)
"""Seconds from the kill of a worker to the next: two on the same page are rare, but happen."""


@dataclass
class Trial:
    """Scans of one folder into one table, and what must come of them.

    `seconds` is the time of an undisturbed scan, `expected` its table. A local cluster has
    `cluster_workers`. `tally` counts what happened.
    """

    out: Path
    arguments: list[str | Path | int]
    random: np.random.Generator
    seconds: float
    expected: bytes
    cluster_workers: int
    tally: Counter[str] = field(default_factory=Counter)

    @property
    def log(self) -> Path:
        return self.out.with_suffix(".log.jsonl")

    def begin_anew(self) -> None:
        """Forget the job and its results."""
        for path in (self.out, self.log, self.out.with_suffix(".sqlite")):
            path.unlink(missing_ok=True)

    @contextmanager
    def scanning(self, *more: str) -> Iterator[subprocess.Popen[bytes]]:
        """A scan, all of whose processes must end when it does."""
        with started(self.out, *self.arguments, "--log-json", self.log, *more) as process:
            yield process
        self.tally["scans"] += 1

    def moment(self) -> float:
        """Seconds after its start at which a scan is disturbed."""
        return float(self.random.uniform(0, self.seconds))

    def finish(self) -> None:
        """Give the same command again until the job is done, and check what came of it."""
        with self.scanning() as process:
            code = process.wait()
        self.require(code in READ, f"exit code {code}: {messages(self.out)}")
        self.check_finished()

    def check_finished(self) -> None:
        """The table of a job that is done is that of the undisturbed scan; nothing is doubled."""
        self.require(self.out.read_bytes() == self.expected, "the table differs")
        stored = Counter(
            (page["file"], page["page"]) for page in self._logged() if not page["error"]
        )
        self.require(max(stored.values(), default=1) == 1, "a page was stored twice")
        self.tally["tables compared"] += 1
        self.tally["temporary files left"] = len(list(self.out.parent.glob(".formreader-*")))

    def _logged(self) -> Iterator[dict[str, str]]:
        with self.log.open(encoding="utf-8") as stream:
            for line in stream:
                yield json.loads(line)

    def check_part(self) -> None:
        """A table that was written before the end holds some of the rows, in order, and whole."""
        if self.out.exists():
            rest = iter(self.expected.splitlines())
            part = self.out.read_bytes().splitlines()
            self.require(all(line in rest for line in part), "a table on the way is no part")
            self.tally["tables on the way"] += 1

    def tell_kill(self, what: str) -> None:
        """Count a kill, and print it."""
        self.tally["kills"] += 1
        print(f"{self.out.stem}, kill {self.tally['kills']}: {what}", flush=True)

    def require(self, kept: bool, fault: str) -> None:
        if not kept:
            raise SystemExit(f"FAULT after {dict(self.tally)}: {fault}. See {self.out.parent}")


def kill_program(trial: Trial, kills: int, number: signal.Signals) -> None:
    """End scans by a signal, and go on with the job."""
    ends = {-number, ExitCode.INTERRUPTED} if number == signal.SIGTERM else {-number}
    trial.begin_anew()
    while trial.tally["kills"] < kills:
        with trial.scanning() as process:
            processes, moment = family(process.pid), trial.moment()
            try:
                code = process.wait(moment)
            except subprocess.TimeoutExpired:
                processes = family(process.pid)
                process.send_signal(number)
                code = process.wait()
            _, left = psutil.wait_procs(processes, _END_SECONDS)
        trial.require(not left, f"processes are left: {left}")
        if code in READ:  # it was done before
            trial.check_finished()
            trial.begin_anew()
            continue
        trial.require(code in ends, f"exit code {code}: {messages(trial.out)}")
        trial.tell_kill(f"after {moment:.2f} s, exit code {code}")
        trial.tally[f"exit code {code}"] += 1
        trial.check_part()
    trial.finish()


def kill_workers(trial: Trial, kills: int) -> None:
    """Kill single workers of scans that go on."""
    while trial.tally["kills"] < kills:
        trial.begin_anew()
        with trial.scanning() as process:
            while process.poll() is None:
                try:
                    process.wait(trial.random.uniform(*_BETWEEN_WORKERS))
                except subprocess.TimeoutExpired:
                    worker = _signal_a_worker(process.pid, trial.random, signal.SIGKILL)
                    if worker is not None:
                        trial.tell_kill(f"worker {worker}")
        trial.require(process.returncode in READ, messages(trial.out))
        failed = _failed_files(trial.out, "died twice")
        trial.tally["pages killed twice"] += len(failed)
        kept = _without(trial.out.read_bytes(), failed) == _without(trial.expected, failed)
        trial.require(kept, "a page that was not killed twice differs")
        trial.finish()


def _signal_a_worker(pid: int, random: np.random.Generator, number: signal.Signals) -> int | None:
    """Send a signal to a worker: they are children of a server that the program starts for them.

    Returns:
        The process id; None where there is no worker.
    """
    with suppress(psutil.NoSuchProcess):  # the scan may end meanwhile
        workers = [process for process in family(pid)[1:] if process.ppid() != pid]
        if workers:
            worker = workers[random.integers(len(workers))]
            worker.send_signal(number)
            return worker.pid
    return None


def _failed_files(table: Path, reason: str) -> set[str]:
    """The files with a page whose message holds `reason`."""
    with table.open(newline="", encoding="utf-8") as stream:
        return {row["file"] for row in csv.DictReader(stream) if reason in row["message"]}


def _without(table: bytes, files: set[str]) -> list[bytes]:
    starts = tuple(f"{file},".encode() for file in files)
    return [line for line in table.splitlines() if not line.startswith(starts)]


def kill_on_cluster(trial: Trial, kills: int) -> None:
    """Kill a worker of a local Dask cluster in each scan."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=trial.cluster_workers,
        threads_per_worker=1,
        processes=True,
        dashboard_address=None,
    ) as cluster:
        while trial.tally["kills"] < kills:
            trial.begin_anew()
            with trial.scanning("--cluster", cluster.scheduler_address) as process:
                moment = trial.moment()
                try:
                    process.wait(moment)
                except subprocess.TimeoutExpired:
                    # One that was killed in the last scan may not be started again yet.
                    pids = [nanny.pid for nanny in cluster.workers.values() if nanny.pid]
                    pid = pids[trial.random.integers(len(pids))]
                    psutil.Process(pid).kill()
                    trial.tell_kill(f"worker {pid} after {moment:.2f} s")
                code = process.wait()
            trial.require(code in READ, f"exit code {code}: {messages(trial.out)}")
            trial.check_finished()


def stop_all(trial: Trial, kills: int) -> None:
    """Let all processes of a scan stand still for longer than a page may take."""
    while trial.tally["kills"] < kills:
        trial.begin_anew()
        with trial.scanning("--page-timeout", str(_PAGE_SECONDS)) as process:
            moment = trial.moment()
            try:
                process.wait(moment)
            except subprocess.TimeoutExpired:
                processes = family(process.pid)
                _send(processes, signal.SIGSTOP)
                time.sleep(_STOP_SECONDS)
                _send(processes, signal.SIGCONT)
                trial.tell_kill(f"stopped after {moment:.2f} s for {_STOP_SECONDS:g} s")
            code = process.wait()
        trial.require(code in READ, f"exit code {code}: {messages(trial.out)}")
        trial.check_finished()


def _send(processes: Iterable[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def stop_workers(trial: Trial, kills: int) -> None:
    """Stop a worker for ever; its page fails in time, and the others are read."""
    while trial.tally["kills"] < kills:
        trial.begin_anew()
        with trial.scanning("--page-timeout", str(_PAGE_SECONDS)) as process:
            with suppress(subprocess.TimeoutExpired):
                process.wait(trial.moment())
            worker = _signal_a_worker(process.pid, trial.random, signal.SIGSTOP)
            if worker is not None:
                trial.tell_kill(f"worker {worker} stopped")
            code = process.wait(_LONG_SECONDS)
        trial.require(code in READ, f"exit code {code}: {messages(trial.out)}")
        failed = _failed_files(trial.out, "it took more than")
        trial.tally["pages stopped"] += len(failed)
        trial.require(len(failed) <= 1, f"more than its page failed: {failed}")
        kept = _without(trial.out.read_bytes(), failed) == _without(trial.expected, failed)
        trial.require(kept, "a page of another worker differs")
        trial.finish()


def take_folder_away(trial: Trial, kills: int) -> None:
    """Rename the folder of the pages in the middle of scans, and put it back after them."""
    folder = Path(str(trial.arguments[0]))
    away = folder.with_name("away")
    while trial.tally["kills"] < kills:
        trial.begin_anew()
        with trial.scanning() as process:
            moment = trial.moment()
            try:
                process.wait(moment)
            except subprocess.TimeoutExpired:
                folder.rename(away)
                trial.tell_kill(f"the folder went away after {moment:.2f} s")
            code = process.wait(_LONG_SECONDS)
        if away.exists():
            away.rename(folder)
        trial.tally[f"exit code {code}"] += 1
        trial.require(code in (*READ, ExitCode.NO_INPUT), f"{code}: {messages(trial.out)}")
        if code in READ:
            failed = _failed_files(trial.out, "the file is gone")
            trial.tally["files gone"] += len(failed)
            kept = _without(trial.out.read_bytes(), failed) == _without(trial.expected, failed)
            trial.require(kept, "a page that was there differs")
        trial.finish()


KINDS: dict[str, Callable[[Trial, int], None]] = {
    "sigkill": lambda trial, kills: kill_program(trial, kills, signal.SIGKILL),
    "sigterm": lambda trial, kills: kill_program(trial, kills, signal.SIGTERM),
    "workers": kill_workers,
    "cluster": kill_on_cluster,
    "stopped": stop_all,
    "stopped_workers": stop_workers,
    "vanished": take_folder_away,
}


def main() -> None:
    """Kill, compare and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--kills", type=int, default=20, help="of each kind")
    parser.add_argument("--pages", type=int, default=400)
    parser.add_argument("--originals", nargs="+", type=Path, help="JPEG files to copy as pages")
    parser.add_argument("--model", default="digits")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--cluster-workers", type=int, default=3, help="of the local cluster")
    parser.add_argument("--seed", type=int, default=1, help="of the moments of the kills")
    add_json_option(parser)
    options = parser.parse_args()
    figures: dict[str, Figure] = {"pages of a scan": options.pages}
    place = Path(tempfile.mkdtemp(prefix="formreader-kills-"))  # stays where there is a fault
    originals = [path.read_bytes() for path in options.originals or ()]
    folder = fill_folder(place / "pages", originals or small_pages(_ORIGINALS), options.pages)
    arguments = [folder, "--model", options.model, "--workers", options.workers]
    undisturbed = place / "undisturbed.csv"
    seconds = scan(undisturbed, *arguments).seconds
    expected = undisturbed.read_bytes()
    for kind in options.kinds:
        random, out = np.random.default_rng(options.seed), place / f"{kind}.csv"
        trial = Trial(out, arguments, random, seconds, expected, options.cluster_workers)
        KINDS[kind](trial, options.kills)
        counts = ", ".join(f"{count} {name}" for name, count in trial.tally.items())
        print(f"{kind}: {trial.seconds:.1f} s undisturbed; {counts}: nothing lost", flush=True)
        figures[f"{kind}: ends of a scan after which nothing was lost"] = trial.tally["kills"]
    write_result(options.json, figures)
    shutil.rmtree(place)


if __name__ == "__main__":
    main()
