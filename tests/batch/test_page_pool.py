"""Pages in order, few at a time, past those that end their worker or take too long."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from formreader.batch import page_pool, process_executor
from formreader.batch.page_log import PageFigures
from formreader.batch.page_pool import PagePool, open_pool
from formreader.batch.worker_process import WORKER_IMPORTS
from formreader.batch.worker_reading import WorkedPage
from formreader.core.errors import UsageError
from formreader.core.records import DigitBox, InputFile, PageReading
from formreader.reading.one_page import crop_task
from formreader.reading.page_task import PageTask


def tasks(*names: str) -> list[PageTask]:
    return [PageTask(InputFile(name, name), 0) for name in names]


class _Recorder(Executor):
    """Runs a call when its result is asked for; remembers how many waited at most."""

    def __init__(self) -> None:
        self.waiting = self.most = 0

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        recorder = self

        class Late(Future[Any]):
            def result(self, timeout: float | None = None) -> Any:
                recorder.waiting -= 1
                return fn(*args, **kwargs)

        self.waiting += 1
        self.most = max(self.most, self.waiting)
        return Late()


def test_pages_keep_their_order_and_few_wait() -> None:
    names = [f"{number}.png" for number in range(50)]
    recorder = _Recorder()
    with PagePool(recorder, 6, explain=str, close=recorder.shutdown) as pool:
        assert [worked.page.file for worked in pool.work(tasks(*names))] == names
    assert recorder.most == 6


def fail(task: PageTask) -> WorkedPage:
    raise LookupError(task.file.label)


def test_what_a_call_raises_is_the_page_s_error() -> None:
    recorder = _Recorder()
    with PagePool(recorder, 2, lambda error: f"lost: {error}", recorder.shutdown, fail) as pool:
        pages = [worked.page for worked in pool.work(tasks("a", "b"))]
    assert [(page.file, page.error) for page in pages] == [("a", "lost: a"), ("b", "lost: b")]


def test_what_no_page_is_to_blame_for_is_raised() -> None:
    def explain(error: Exception) -> str:
        raise UsageError("no workers") from error

    recorder = _Recorder()
    with (
        PagePool(recorder, 2, explain, recorder.shutdown, fail) as pool,
        pytest.raises(UsageError, match="no workers"),
    ):
        list(pool.work(tasks("a")))


class _Killer(PageTask):
    """A task that ends the process that unpacks it."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os._exit, (1,)


class _Endless(PageTask):
    """A task that takes ten minutes to unpack."""

    def __reduce__(self) -> tuple[Any, ...]:
        return time.sleep, (600,)


def test_a_worker_that_dies_loses_no_other_page(form_png: Path) -> None:
    good = PageTask(InputFile(str(form_png), "form.png"), 0)
    killer = _Killer(InputFile("killer", "killer"), 0)
    with open_pool(workers=2, pages=4, page_timeout=600) as pool:
        pages = [worked.page for worked in pool.work([good, killer, good, good])]
    assert [page.file for page in pages] == ["form.png", "killer", "form.png", "form.png"]
    assert [bool(page.fields) for page in pages] == [True, False, True, True]
    assert pages[1].error.startswith("the process that read it died twice (exit code 1)")
    assert [page.retried for page in pages] == [False, True, False, False]


class _KillerOnce(PageTask):
    """A task that ends the first process that unpacks it, and not the second."""

    def __reduce__(self) -> tuple[Any, ...]:
        # Workers cannot import this module, so the program travels as text.
        names = {"task": PageTask(self.file, 0), "mark": Path(self.templates), "end": os._exit}
        return eval, ("task if mark.exists() else (mark.touch(), end(1))", names)


def test_a_page_of_a_second_try_is_marked_in_its_one_line_of_the_log(
    form_png: Path, tmp_path: Path
) -> None:
    file = InputFile(str(form_png), "form.png")
    killer = _KillerOnce(file, 0, templates=str(tmp_path / "tried"))
    with open_pool(workers=1, pages=2, page_timeout=600) as pool:
        first, second = (one.page for one in pool.work([killer, PageTask(file, 0)]))
    assert first.fields and (first.retried, second.retried) == (True, False)
    figures = PageFigures.of(first, PageReading("form.png", 0))
    assert asdict(figures)["retried"] is True
    assert "at the second try" in str(figures)


def test_a_page_over_the_time_limit_has_an_error() -> None:
    with open_pool(workers=1, pages=1, page_timeout=0.5) as pool:
        (page,) = (one.page for one in pool.work([_Endless(InputFile("endless", "endless"), 0)]))
    assert page.error.startswith("it took more than 0.5 s.")
    assert "--page-timeout" in page.error


def test_a_single_page_is_not_worked_on_in_this_process() -> None:
    with open_pool(workers=1, pages=1, page_timeout=600) as pool:
        (page,) = (one.page for one in pool.work([_Killer(InputFile("killer", "killer"), 0)]))
    assert "died" in page.error


def test_calls_may_overlap_and_a_pool_may_be_left_early(form_png: Path) -> None:
    good = PageTask(InputFile(str(form_png), "form.png"), 0)
    with open_pool(workers=1, pages=3, page_timeout=600) as pool:
        outer = pool.work([good] * 3)
        assert next(outer).page.fields
        assert [bool(one.page.fields) for one in pool.work([good])] == [True]


def test_no_workers_at_all_end_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_executor, "_START_PAUSE", 0)
    monkeypatch.setattr(page_pool, "start_worker", os._exit)
    with (
        open_pool(workers=1, pages=1, page_timeout=600) as pool,
        pytest.raises(UsageError, match=r"No process .* can be started .*--workers"),
    ):
        list(pool.work(tasks("a.png")))


def test_what_is_imported_early_is_what_workers_use() -> None:
    used = f"sys.modules.keys() >= {{'onnxruntime', '{crop_task.__module__}'}}"
    program = f"import sys, {WORKER_IMPORTS}; sys.exit(not {used})"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_boxes_come_from_workers_as_they_were() -> None:
    box = DigitBox(((1.5, 2), (11, 2.25), (11, 14), (1, 14)), score=0.75, loose_ink=True)
    assert pickle.loads(pickle.dumps(box)) == box
