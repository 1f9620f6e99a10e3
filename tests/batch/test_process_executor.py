"""Calls in processes that raise, hang, die, are killed or cannot be started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import CancelledError
from functools import partial
from multiprocessing import get_all_start_methods
from pathlib import Path
from types import SimpleNamespace

import pytest

import formreader
from formreader.batch import process_executor, worker_process
from formreader.batch.process_executor import ProcessExecutor, WorkerStartError
from formreader.batch.worker_process import (
    MemoryLimitError,
    Prepare,
    TimeLimitError,
    WorkerDiedError,
)

LONG = 600.0
"""Seconds that no test takes."""


def executor(workers: int = 1, seconds: float = LONG, prepare: Prepare = int) -> ProcessExecutor:
    return ProcessExecutor(workers, prepare, seconds, preload="json")


def test_calls_return_and_raise_in_another_process() -> None:
    with executor() as pool:
        assert pool.submit(os.getpid).result() != os.getpid()
        assert pool.submit(int, "ff", base=16).result() == 255
        with pytest.raises(ValueError, match="invalid literal") as caught:
            pool.submit(int, "x").result()
    assert "_answer" in caught.value.__notes__[0]


def test_a_worker_is_prepared_once_and_answers_call_after_call() -> None:
    with executor(prepare=partial(os.putenv, "PREPARED", "yes")) as pool:
        pids = {pool.submit(os.getpid).result() for _ in range(5)}
        assert len(pids) == 1
        printed = pool.submit(subprocess.check_output, "echo $PREPARED", shell=True).result()
    assert printed.strip() == b"yes"


def test_a_call_over_the_time_limit_ends_alone() -> None:
    with executor(workers=2, seconds=1) as pool:
        slow = pool.submit(time.sleep, LONG)
        others = [pool.submit(abs, -number) for number in range(20)]
        assert [other.result() for other in others] == list(range(20))
        with pytest.raises(TimeLimitError, match="1 s"):
            slow.result()
        assert pool.submit(abs, -1).result() == 1


def test_time_in_which_the_program_stands_still_does_not_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As by Ctrl-Z, or on a laptop that sleeps: the clock goes on, and no call is at fault."""
    with executor(seconds=10) as pool:
        pool.submit(abs, -1).result()
        real, jumps = time.monotonic, iter([0.0, LONG, LONG])
        clock = SimpleNamespace(monotonic=lambda: real() + next(jumps, 2 * LONG))
        monkeypatch.setattr(worker_process, "time", clock)
        assert pool.submit(eval, "__import__('time').sleep(0.3) or 1").result() == 1


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot halt a process")
def test_a_worker_that_is_stopped_costs_its_call_only() -> None:
    with executor(workers=2, seconds=1) as pool:
        stopped = pool.submit(signal.raise_signal, signal.SIGSTOP)
        others = [pool.submit(abs, -number) for number in range(20)]
        assert [other.result() for other in others] == list(range(20))
        with pytest.raises(TimeLimitError):
            stopped.result()
        assert pool.submit(abs, -1).result() == 1


def test_a_call_over_the_memory_limit_ends_alone() -> None:
    limit = _memory_of_worker() + 2**28
    with ProcessExecutor(2, int, LONG, preload="json", memory=limit) as pool:
        large = pool.submit(exec, f"x = b'x' * {2 * limit}; import time; time.sleep({LONG})")
        others = [pool.submit(abs, -number) for number in range(20)]
        assert [other.result() for other in others] == list(range(20))
        with pytest.raises(MemoryLimitError, match=f"{limit / 2**30:.2g} GiB"):
            large.result()
        assert pool.submit(abs, -1).result() == 1


def test_a_worker_that_keeps_much_memory_is_not_used_again() -> None:
    limit = 2 * _memory_of_worker() + 2**29
    with ProcessExecutor(1, int, LONG, preload="json", memory=limit) as pool:
        first = pool.submit(os.getpid).result()
        assert pool.submit(os.getpid).result() == first
        pool.submit(exec, f"import builtins; builtins.kept = b'x' * {3 * 2**27}").result()
        assert pool.submit(os.getpid).result() != first


def _memory_of_worker() -> int:
    """Bytes that a worker takes before its first call: what tests before have loaded counts."""
    with executor() as pool:
        return int(pool.submit(eval, "__import__('psutil').Process().memory_info().rss").result())


def test_any_time_limit_can_be_waited_for() -> None:
    with executor(seconds=float("inf")) as pool:
        assert pool.submit(abs, -1).result() == 1


@pytest.mark.parametrize(
    ("death", "told"),
    [
        ((os._exit, 3), "exit code 3"),
        pytest.param(
            (signal.raise_signal, getattr(signal, "SIGKILL", 9)), "SIGKILL",
            marks=pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals"),
        ),
    ],
)  # fmt: skip
def test_a_call_that_kills_its_worker_ends_alone(death: tuple[object, int], told: str) -> None:
    with executor(workers=2) as pool:
        deadly = pool.submit(*death)  # type: ignore[arg-type]
        others = [pool.submit(abs, -number) for number in range(20)]
        assert [other.result() for other in others] == list(range(20))
        with pytest.raises(WorkerDiedError, match=told):
            deadly.result()


def test_a_call_whose_worker_dies_is_begun_anew_once(tmp_path: Path) -> None:
    """The first time it leaves a mark and dies, then it finds the mark."""
    mark = tmp_path / "mark"
    code = f"open({str(mark)!r}).read() if os.path.exists({str(mark)!r}) else die()"
    die = f"(open({str(mark)!r}, 'w').write('back'), os._exit(1))"
    with executor() as pool:
        source = f"(lambda os: {code.replace('die()', die)})(__import__('os'))"
        assert pool.submit(eval, source).result() == "back"


def test_a_worker_killed_while_it_is_idle_costs_no_call() -> None:
    with executor() as pool:
        first = pool.submit(os.getpid).result()
        os.kill(first, signal.SIGTERM)
        assert pool.submit(os.getpid).result() != first


def test_no_worker_that_starts_is_an_error_not_a_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_executor, "_START_PAUSE", 0)
    with (
        executor(prepare=partial(os._exit, 4)) as pool,
        pytest.raises(WorkerStartError, match="exit code 4"),
    ):
        pool.submit(abs, -1).result()


def test_shutdown_gives_up_what_is_under_way() -> None:
    pool = executor()
    pool.submit(abs, -1).result()
    under_way, waiting = pool.submit(time.sleep, LONG), pool.submit(abs, -1)
    pool.shutdown(cancel_futures=True)
    assert waiting.cancelled()
    with pytest.raises(CancelledError):
        under_way.result()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_workers_end_with_a_program_that_is_killed() -> None:
    """All processes hold the program's output, so `run` returns when the last has ended."""
    program = (
        "import os\n"
        "from formreader.batch.process_executor import ProcessExecutor\n"
        f"pool = ProcessExecutor(2, int, {LONG}, 'json')\n"
        "kill = f'import os, time; os.kill({os.getpid()}, 9); time.sleep(600)'\n"
        "pool.submit(exec, kill).result()\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": str(Path(formreader.__file__).parents[1])},
        stdout=subprocess.PIPE,
        timeout=LONG / 10,
        check=False,
    )
    assert ended.returncode == -signal.SIGKILL


@pytest.mark.skipif("forkserver" not in get_all_start_methods(), reason="no fork server here")
def test_workers_begin_with_what_was_imported_early() -> None:
    code = (
        "from formreader.batch.process_executor import ProcessExecutor\n"
        "from formreader.batch.worker_process import start_early\n"
        "start_early('json.tool')\n"
        "with ProcessExecutor(1, int, 60, preload='json') as pool:\n"
        "    print(pool.submit(eval, \"'json.tool' in __import__('sys').modules\").result())\n"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (told.stdout.strip(), told.stderr) == ("True", "")
