"""Pages are read by the workers that cut them, as this process reads them."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from PIL import Image

from formreader import Reader
from formreader.batch import scan_means, worker_reading
from formreader.batch.network_cards import NetworkCards
from formreader.batch.page_pool import PagePool, explain, open_pool
from formreader.batch.worker_reading import WorkedPage, WorkerReading, work_and_read
from formreader.core.errors import ExitCode, ModelError
from formreader.core.options import ScanOptions
from formreader.core.records import InputFile, PageCrops, PageReading
from formreader.core.stopwatch import Stopwatch
from formreader.reading import one_page
from formreader.reading.one_page import crop_task, read_page
from formreader.reading.page_task import PageTask
from formreader.recognise.load_recogniser import load_recogniser

OPTIONS = ScanOptions((), device="cpu")


def reading_of(options: ScanOptions = OPTIONS) -> WorkerReading:
    made = WorkerReading.of(options, NetworkCards.read(options.model))
    assert made is not None
    return made


def task_of(path: Path) -> PageTask:
    return PageTask(InputFile(str(path), path.name), 0)


def test_workers_read_as_this_process_does(
    program: Callable[..., Result], samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All kinds of pages: combs, cells, turned ones, damaged ones."""
    folder = tmp_path / "pages"
    folder.mkdir()
    for path in sorted(samples.iterdir()):
        if path.suffix in {".png", ".jpg", ".tif", ".pdf"}:
            (folder / path.name).write_bytes(path.read_bytes())
    with Image.open(next(iter(sorted(samples.glob("*.png"))))) as page:
        page.rotate(180).save(folder / "turned.png")
    (folder / "damaged.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    tables = []
    for reads in (True, False):
        if not reads:
            monkeypatch.setattr(WorkerReading, "of", lambda *_, **__: None)
        out = tmp_path / f"{reads}.csv"
        result = program("scan", folder, "--out", out, "--rows", "digit", "--workers", "2")
        assert result.exit_code == ExitCode.PAGES_FAILED, result.output
        tables.append(out.read_bytes())
    assert tables[0] == tables[1]
    assert tables[0].count(b"\n") > 100


def test_a_turned_page_is_turned_by_the_worker(form_png: Path, tmp_path: Path) -> None:
    turned = tmp_path / "turned.png"
    with Image.open(form_png) as page:
        page.rotate(180).save(turned)
    task = task_of(turned)
    # As if its print did not show how it lies: then only reading its digits does.
    worked = reading_of().read(replace(task, quarters=0))
    assert worked.reading is not None
    expected = Reader(device="cpu").read(form_png)
    assert [one.value for one in worked.reading.fields] == [one.value for one in expected.fields]


def test_what_a_worker_needs_is_small_and_can_be_sent(form_png: Path) -> None:
    reading = reading_of(ScanOptions(("a" * 5000,), device="cpu", review_below=0.7))
    sent = pickle.dumps(reading)
    assert len(sent) < 2000
    worked = work_and_read(task_of(form_png), pickle.loads(sent))
    assert worked.reading is not None
    recogniser = load_recogniser(device="cpu", threads=1)
    options = replace(OPTIONS, review_below=0.7)
    _, expected = read_page(task_of(form_png), recogniser, options, Stopwatch())
    assert worked.reading == expected
    assert worked.page.seconds["recognise"] > 0


def test_without_a_reading_pages_are_only_cut(form_png: Path) -> None:
    assert work_and_read(task_of(form_png)).reading is None


@pytest.mark.parametrize(
    ("options", "reads"),
    [
        ({}, True),
        ({"cluster": "tcp://host:1"}, True),
        ({"cluster": "tcp://host:1", "second_reader": "rapidocr"}, False),
        ({"second_reader": "rapidocr"}, True),
    ],
)
def test_workers_read_where_they_have_the_networks(options: dict[str, Any], reads: bool) -> None:
    made = WorkerReading.of(replace(OPTIONS, **options), NetworkCards.read("digits"))
    assert (made is not None) == reads


def test_a_model_of_the_user_is_on_this_machine_only(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tiny_model.parent)
    options = replace(OPTIONS, model=tiny_model.name)
    assert reading_of(options).options.model == str(tiny_model.absolute())
    cards = NetworkCards.read(tiny_model.name)
    assert WorkerReading.of(replace(options, cluster="tcp://host:1"), cards) is None


@pytest.mark.parametrize(
    "given",
    [{"rows": "digit"}, {"review_below": 0.7}, {"max_error": 0.01}, {"batch": 7},
     {"second_reader": "rapidocr"}],
)  # fmt: skip
def test_workers_get_all_options_that_matter_to_a_reading(given: dict[str, Any]) -> None:
    """And no others, such as the names of the files."""
    options = replace(OPTIONS, **given)
    assert reading_of(replace(options, paths=("a.png",), workers=3)).options == options


def test_on_a_gpu_this_process_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_reading, "runs_on_cpu", lambda _: False)
    assert WorkerReading.of(replace(OPTIONS, device="gpu"), NetworkCards.read("digits")) is None


@pytest.mark.slow
def test_another_model_than_that_of_the_scan_ends_it(form_png: Path) -> None:
    other = replace(reading_of(), cards_sha256="0" * 64)
    with pytest.raises(ModelError, match=r"changed while it was in use"):
        other.read(task_of(form_png))
    with (
        open_pool(1, 1, 600, None, other) as pool,
        pytest.raises(ModelError, match=r"changed while it was in use"),
    ):
        list(pool.work([task_of(form_png)]))


@pytest.mark.parametrize(
    ("error", "message"),
    [(MemoryError(), "too large for the memory"), (ValueError("odd"), "internal error: ValueErr")],
)
def test_a_page_that_cannot_be_read_has_an_error(
    form_png: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, message: str
) -> None:
    def fail(*_: object) -> tuple[PageCrops, PageReading]:
        raise error

    monkeypatch.setattr(one_page, "read_page", fail)
    worked = reading_of().read(task_of(form_png))
    assert worked.reading is not None
    assert worked.page.error == worked.reading.error
    assert worked.reading.error.startswith(message)
    assert not worked.reading.fields


def test_pages_that_no_worker_read_are_read_here_in_their_order(
    form_png: Path, tmp_path: Path, inline: Executor
) -> None:
    """Some were read, one's worker died, one lies wrong: each keeps its place and its own turns."""
    turned = tmp_path / "turned.png"
    with Image.open(form_png) as page:
        page.rotate(180).save(turned)
    tasks = [task_of(path) for path in (form_png, form_png, turned, form_png)]
    worked = [work_and_read(tasks[0], reading_of()), WorkedPage(tasks[1], crop_task(tasks[1]))]
    worked += [
        WorkedPage(tasks[2], crop_task(replace(tasks[2], quarters=0))),
        work_and_read(tasks[3], reading_of()),
    ]
    pool = PagePool(inline, 1, explain, lambda: None)
    recogniser = load_recogniser(device="cpu", threads=1)
    read = list(pool.read(worked, recogniser, OPTIONS, Stopwatch()))
    assert [page.file for page, _ in read] == [form_png.name, form_png.name, "turned.png"] + [
        form_png.name
    ]
    values = [[field.value for field in reading.fields] for _, reading in read]
    assert values[0] and values[1:] == [values[0]] * 3


def test_a_scan_reads_in_its_workers(
    program: Callable[..., Result], form_png: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The main process needs no network for it."""
    monkeypatch.setattr(scan_means, "load_networks", lambda _: None)
    result = program("scan", form_png, "--out", tmp_path / "r.csv", "--workers", "1")
    assert result.exit_code == ExitCode.DONE, result.output
    assert (tmp_path / "r.csv").read_text(encoding="utf-8").count(",ok,") > 0
