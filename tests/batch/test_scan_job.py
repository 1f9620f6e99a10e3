"""Where the rooms meet: order, batches, workers that die, pictures."""

from __future__ import annotations

import csv
import hashlib
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from read_crops import read_crops

from formreader.batch import (
    dask_cluster,
    job_plan,
    job_work,
    scan_means,
)
from formreader.batch.debug_pictures import DebugFolder, draw_crops, draw_overlay, relative_path
from formreader.batch.page_log import PageFigures, open_page_log
from formreader.batch.page_pool import PagePool
from formreader.batch.scan_job import STAGES, scan
from formreader.batch.worker_reading import WorkerReading
from formreader.core.errors import OutputError
from formreader.core.geometry import Box, quads_of
from formreader.core.image_pyramid import Pyramid
from formreader.core.options import ScanOptions
from formreader.core.records import (
    DigitBox,
    DigitReading,
    Discarded,
    FieldCrops,
    InputFile,
    PageCrops,
    PageReading,
    Status,
)
from formreader.crop.field_thumbnail import MAX_THUMBNAIL_BYTES, draw_thumbnail
from formreader.input.open_page import count_pages
from formreader.reading import one_page
from formreader.reading.one_page import CropTasks, crop_task
from formreader.reading.page_task import PageTask
from formreader.recognise.load_recogniser import load_recogniser
from formreader.recognise.recogniser import Recogniser
from formreader.store.job_store import JobStore, PageRows


@dataclass
class Heard:
    """A progress display that only remembers, and stops after some pages."""

    stop_after: int = 1000
    pages: list[str] = field(default_factory=list)
    checked: int = 0
    total: tuple[int, int, int] = (0, 0, 0)
    messages: list[str] = field(default_factory=list)

    def checking(self, files: int) -> None:
        pass

    def file_checked(self) -> None:
        self.checked += 1

    def started(self, files: int, pages: int, done: int) -> None:
        self.total = files, pages, done

    def page_done(self, figures: PageFigures) -> None:
        self.pages.append(figures.file)

    def message(self, text: str) -> None:
        self.messages.append(text)

    def stopped(self) -> bool:
        return len(self.pages) >= self.stop_after


def square(left: float, top: float, side: float) -> DigitBox:
    right, bottom = left + side, top + side
    return DigitBox(((left, top), (right, top), (right, bottom), (left, bottom)))


# --- one page


def test_a_page_becomes_crops_and_pictures(form_png: Path) -> None:
    page = crop_task(PageTask(InputFile(str(form_png), "form.png"), 0))
    assert len(page.boxes) > 5
    assert page.error == ""
    assert {field.crops.dtype for field in page.fields} == {np.dtype(np.uint8)}
    assert all(field.thumbnail is not None for field in page.fields)
    assert list(page.seconds) == ["decode", "straighten", "find", "crop"]


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_turned_page_has_the_crops_of_the_upright_one(
    form_png: Path, tmp_path: Path, quarters: int
) -> None:
    image = Image.open(form_png)
    turned_png = tmp_path / "turned.png"
    Image.fromarray(np.rot90(np.asarray(image), quarters)).save(turned_png)
    upright = crop_task(PageTask(InputFile(str(form_png), "form.png"), 0))
    task = PageTask(InputFile(str(turned_png), "form.png"), 0, quarters)
    turned = crop_task(task)
    for one, other in zip(turned.fields, upright.fields, strict=True):
        assert np.abs(one.crops.astype(int) - other.crops).mean() < 1
        assert one.blank.tolist() == other.blank.tolist()
    # Boxes are in pixels of the page as stored, their corners from the upright top left.
    x, y = corners_of(upright)
    right, bottom = image.width - 1, image.height - 1
    stored = {1: (y, right - x), 2: (right - x, bottom - y), 3: (bottom - y, x)}[quarters]
    assert np.allclose(corners_of(turned), stored, atol=0.05)


def corners_of(page: PageCrops) -> np.ndarray[Any, np.dtype[np.float64]]:
    """(2, n) x and y of all corners of all boxes, in their order."""
    return np.array([corner for box in page.boxes for corner in box.corners], float).T


def test_a_bug_on_one_page_is_that_pages_error(
    form_png: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise IndexError("list index\nout of range")

    monkeypatch.setattr(one_page, "find_fields", fail)
    page = crop_task(PageTask(InputFile(str(form_png), "form.png"), 0))
    assert page.error == "internal error: IndexError: list index out of range"
    assert page.fields == ()


def test_the_reason_of_a_later_page_does_not_repeat_its_name(tmp_path: Path) -> None:
    page = crop_task(PageTask(InputFile(str(tmp_path / "gone.tif"), "gone.tif"), 4))
    assert page.error.startswith("the file is gone")
    assert page.number == 4


# --- pictures of fields


def blank_field(boxes: tuple[DigitBox, ...]) -> FieldCrops:
    return FieldCrops(
        boxes, np.zeros((len(boxes), 28, 28), np.uint8), np.ones(len(boxes), np.bool_)
    )


@pytest.mark.parametrize("side", [12, 40, 150])
@pytest.mark.parametrize("count", [1, 10, 40])
def test_thumbnails_are_small_and_show_the_field(side: int, count: int) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (600, 7000), np.uint8)
    boxes = tuple(square(160 + i * side, 200, side) for i in range(count))
    picture = draw_thumbnail(Pyramid(noise), blank_field(boxes))
    assert len(picture.jpeg) <= MAX_THUMBNAIL_BYTES
    decoded = cv2.imdecode(np.frombuffer(picture.jpeg, np.uint8), cv2.IMREAD_UNCHANGED)
    assert decoded is not None
    height, width = decoded.shape
    assert width <= 1401
    assert picture.scale <= 1
    assert width == picture.area.width * picture.scale
    assert height == picture.area.height * picture.scale
    around, pixel = blank_field(boxes).box, 1 / picture.scale
    assert 0 <= around.left - picture.area.left - min(2 * side, around.left) < pixel
    assert 0 <= picture.area.bottom - around.bottom - side < pixel


@pytest.mark.parametrize("side", [40, 150])
def test_thumbnails_are_of_the_place_that_they_tell(side: int) -> None:
    slope = np.tile(np.linspace(0, 255, 1600), (600, 1)).astype(np.uint8)
    picture = draw_thumbnail(Pyramid(slope), blank_field((square(301, 201, side),)))
    decoded = cv2.imdecode(np.frombuffer(picture.jpeg, np.uint8), cv2.IMREAD_UNCHANGED)
    assert decoded is not None
    area = picture.area
    ends = slope[0, [int(area.left), int(area.right) - 1]].astype(int)
    assert np.abs(decoded[0, [0, -1]] - ends).max() <= 3


def test_thumbnails_stay_on_the_page() -> None:
    picture = draw_thumbnail(
        Pyramid(np.zeros((60, 80), np.uint8)), blank_field((square(-3, 50, 20),))
    )
    assert picture.area == Box(0, 30, 57, 30)


def test_a_decimal_point_stays_in_the_picture() -> None:
    page = np.full((600, 1200), 255, np.uint8)
    page[250:255, 410:415] = 40  # 0.4 mm at 300 dpi, between two boxes of 8 mm
    boxes = tuple(square(left, 200, 94) for left in (300, 420))
    picture = draw_thumbnail(Pyramid(page), blank_field(boxes))
    decoded = cv2.imdecode(np.frombuffer(picture.jpeg, np.uint8), cv2.IMREAD_UNCHANGED)
    assert decoded is not None and picture.scale == 1
    x, y = 412 - int(picture.area.left), 252 - int(picture.area.top)
    assert decoded[y, x] < 80


@pytest.mark.parametrize("turned", [0, 1, 2, 3])
def test_the_picture_of_a_turned_field_is_upright(turned: int) -> None:
    upright = np.full((300, 500), 255, np.uint8)
    upright[100:120, 200:220] = 0  # the top left of the box
    box = np.array(square(200, 100, 60).corners)
    for _ in range(turned):  # the page lies counter-clockwise, as far as it must be turned back
        height_before = upright.shape[1]
        upright = np.rot90(upright)
        box = np.stack([box[:, 1], height_before - box[:, 0]], axis=1)
    (corners,) = quads_of(box[None])
    page = Pyramid(np.ascontiguousarray(upright))
    picture = draw_thumbnail(page, blank_field((DigitBox(corners),)))
    assert picture.turned == turned
    decoded = cv2.imdecode(np.frombuffer(picture.jpeg, np.uint8), cv2.IMREAD_UNCHANGED)
    assert decoded is not None and decoded.shape == (180, 300)
    assert decoded[70, 130] < 30 and decoded[110, 170] > 225


def test_the_thumbnail_of_a_field_off_the_page_shows_its_edge() -> None:
    page = Pyramid(np.zeros((60, 80), np.uint8))
    for left, top, area in (
        (-90, 20, Box(0, 0, 1, 60)), (150, 20, Box(79, 0, 1, 60)), (20, 150, Box(0, 59, 80, 1)),
    ):  # fmt: skip
        assert draw_thumbnail(page, blank_field((square(left, top, 20),))).area == area


# --- recognition across pages


def crops_page(name: str, rng: np.random.Generator, boxes: int) -> PageCrops:
    if not boxes:
        return PageCrops(name, 0)
    squares = tuple(square(10 * i, 0, 10) for i in range(boxes))
    crops = rng.integers(0, 256, (boxes, 28, 28), np.uint8)
    return PageCrops(name, 0, (FieldCrops(squares, crops, rng.random(boxes) < 0.3),))


@pytest.fixture(scope="module")
def recogniser(tiny_model: Path) -> Recogniser:
    return load_recogniser(str(tiny_model), "cpu")


# No deadline: what an example takes depends on what else the machine is doing.
@settings(deadline=None)
@given(boxes=st.lists(st.integers(0, 7), max_size=8), batch=st.integers(1, 30))
def test_readings_do_not_depend_on_batches(
    recogniser: Recogniser, boxes: list[int], batch: int
) -> None:
    rng = np.random.default_rng(len(boxes))
    pages = [crops_page(str(i), rng, n) for i, n in enumerate(boxes)]
    options = ScanOptions((), batch=batch)
    together = list(read_crops(pages, recogniser, options))
    alone = [pair for page in pages for pair in read_crops([page], recogniser, options)]
    assert [reading for _, reading in together] == [reading for _, reading in alone]
    assert [page.fields for page, _ in together] == [page.fields for page in pages]


def test_pages_come_as_soon_as_their_batch_is_full(recogniser: Recogniser) -> None:
    taken: list[str] = []

    def pages() -> Iterator[PageCrops]:
        rng = np.random.default_rng(2)
        for number in range(20):
            taken.append(str(number))
            yield crops_page(str(number), rng, 10)

    reading = read_crops(pages(), recogniser, ScanOptions((), batch=20))
    first, _ = next(reading)
    assert first.file == "0"
    assert len(taken) < 8


# --- what is read and how


def test_files_are_told_apart_by_their_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_plan, "_MAX_FILES_AHEAD", 2)
    contents = {"a": b"1", "b": b"2", "c": b"1", "empty": b"", "d": b"2", "void": b"", "e": b"1"}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    files = [InputFile(str(tmp_path / name), name) for name in (*contents, "gone", "lost")]
    records = list(job_plan.input_records(files, {}, count_pages))
    assert [record.label for record in records] == [file.label for file in files]
    copies = {record.label: record.duplicate_of for record in records if record.duplicate_of}
    assert copies == {"c": "a", "d": "b", "e": "a"}
    assert [r.label for r in records if r.error] == ["a", "b", "empty", "void", "gone", "lost"]
    assert [r.label for r in records if not r.sha256] == ["empty", "void", "gone", "lost"]
    assert records[0].sha256 == hashlib.sha256(b"1").hexdigest()
    assert (records[0].size, records[0].pages) == (1, 1)
    assert records[0].mtime_ns == (tmp_path / "a").stat().st_mtime_ns


def test_the_pages_of_a_file_are_counted(samples: Path) -> None:
    (fax,) = samples.glob("*.tif")
    (record,) = job_plan.input_records([InputFile(str(fax), fax.name)], {}, count_pages)
    assert record.pages == 2


def test_the_cluster_does_the_page_work(
    forms: Path, tiny_model: Path, inline: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, float]] = []

    def open_cluster(address: str, page_timeout: float, tls: object, reading: object) -> PagePool:
        asked.append((address, page_timeout))
        assert reading is None  # a model that only this machine has
        return PagePool(inline, ahead=2, explain=str, close=lambda: None)

    monkeypatch.setattr(dask_cluster, "open_cluster", open_cluster)
    monkeypatch.setattr(scan_means, "open_pool", lambda *_: pytest.fail("not on the cluster"))
    out = forms.parent / "r.csv"
    options = ScanOptions((str(forms),), out, model=str(tiny_model), page_timeout=9)
    assert scan(replace(options, cluster="tcp://host:8786"), Heard()).read == 3
    assert asked == [("tcp://host:8786", 9)]


def test_pages_are_stored_as_time_passes(
    forms: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add, groups = JobStore.add, list[int]()

    def count(self: JobStore, results: Sequence[PageRows]) -> None:
        groups.append(len(results))
        add(self, results)

    monkeypatch.setattr(JobStore, "add", count)
    options = ScanOptions((str(forms),), forms.parent / "r.csv", model=str(tiny_model), workers=1)
    monkeypatch.setattr(job_work, "_GROUP_SECONDS", 600)
    scan(options, Heard())
    assert groups == [3]
    monkeypatch.setattr(job_work, "_GROUP_SECONDS", 0)
    scan(replace(options, fresh=True), Heard())
    assert groups == [3, 1, 1, 1]


def test_the_page_that_lies_wrong_is_turned_in_any_group(
    forms: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    turned: list[tuple[str, int]] = []

    def read_turned(
        pages: Iterator[tuple[PageTask, PageCrops]],
        recogniser: Any,
        options: Any,
        stopwatch: Any,
        crop: CropTasks,
    ) -> Iterator[tuple[PageCrops, PageReading]]:
        for task, page in pages:
            turned.extend((one.file, one.number) for one in crop([replace(task, quarters=2)]))
            yield PageCrops(page.file, page.number), PageReading(page.file, page.number)

    monkeypatch.setattr(one_page, "read_pages", read_turned)
    monkeypatch.setattr(WorkerReading, "of", lambda *_, **__: None)
    monkeypatch.setattr(job_work, "_GROUP_PAGES", 2)
    options = ScanOptions((str(forms),), forms.parent / "r.csv", model=str(tiny_model), workers=1)
    assert scan(options, Heard()).read == 3
    assert turned == [("a.png", 0), ("b.jpg", 0), ("more/c.tif", 0)]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux that is always full")
def test_a_log_on_a_full_disk_is_an_output_error() -> None:
    figures = PageFigures("a.png", 1, {}, 0, 0, 0, None, "")
    with (
        pytest.raises(OutputError, match=r"/dev/full: .*No space left.*--log-json"),
        open_page_log(Path("/dev/full"), fresh=True) as log,
    ):
        log([figures])


# --- the whole scan


def test_scan_counts_what_it_read(forms: Path, tiny_model: Path) -> None:
    out = forms.parent / "r.csv"
    heard = Heard()
    options = ScanOptions(
        (str(forms),), out, rows="digit", review_below=0.6, model=str(tiny_model), workers=1
    )
    summary = scan(options, heard)
    with out.open(newline="", encoding="utf-8") as stream:
        statuses = [row["status"] for row in csv.DictReader(stream) if row["field"] != "0"]
    assert heard.checked == 3
    assert heard.total == (3, 3, 0)
    assert summary.pages == summary.read == summary.total == len(heard.pages) == 3
    assert summary.digits + summary.blank == len(statuses)
    assert summary.review == statuses.count("review") > 0
    assert summary.blank == statuses.count("blank")
    assert summary.report == forms.parent / "r.html"
    assert list(summary.stages) == list(STAGES)
    assert min(summary.stages.values()) > 0
    html = (forms.parent / "r.html").read_text(encoding="utf-8")
    to_review = f'"figures.review"></dt><dd class="figure-number">{summary.review}</dd>'
    assert to_review in html


def test_a_scan_that_is_stopped_at_once_begins_no_page(forms: Path, tiny_model: Path) -> None:
    out = forms.parent / "r.csv"
    options = ScanOptions((str(forms),), out, model=str(tiny_model), workers=1)
    with pytest.raises(KeyboardInterrupt):
        scan(options, Heard(stop_after=0))
    assert not out.exists()


def test_results_of_an_earlier_scan_are_no_input(forms: Path, tiny_model: Path) -> None:
    options = ScanOptions(
        (str(forms),), forms / "r.csv", model=str(tiny_model), workers=1, debug=forms / "debug"
    )
    first = scan(options, Heard())
    written = (forms / "r.csv").read_bytes()
    assert scan(replace(options, fresh=True), Heard()).total == first.total == 3
    assert (forms / "r.csv").read_bytes() == written


# --- debug pictures


def test_debug_shows_each_page_and_its_crops(forms: Path, tiny_model: Path) -> None:
    folder = forms.parent / "debug"
    options = ScanOptions(
        (str(forms),), forms.parent / "r.csv", model=str(tiny_model), workers=1, debug=folder
    )
    scan(options, Heard())
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*.png")}
    pages = ("a.png", "b.jpg", "more/c.tif")
    assert names == {f"{page}.page1{kind}.png" for page in pages for kind in ("", ".crops")}
    overlay = np.asarray(Image.open(folder / "a.png.page1.png"))
    original = np.asarray(Image.open(forms / "a.png").convert("RGB"))
    assert overlay.shape == original.shape
    assert (overlay != original).any()


def test_a_debug_picture_that_cannot_be_written_loses_no_results(
    forms: Path, tiny_model: Path
) -> None:
    folder = forms.parent / "debug"
    (folder / "a.png.page1.png").mkdir(parents=True)
    heard = Heard()
    options = ScanOptions(
        (str(forms),), forms.parent / "r.csv", model=str(tiny_model), workers=1, debug=folder
    )
    assert scan(options, heard).failed == 0
    assert len(heard.messages) == 1
    assert "a.png" in heard.messages[0]


def test_debug_shows_what_was_discarded_and_why() -> None:
    page = np.full((200, 300), 255, np.uint8)
    box = DigitBox(((40, 60), (70, 60), (70, 100), (40, 100)))
    picture = draw_overlay(page, [], [], [Discarded((box,), "no box")])
    assert (picture[80, 40] < 255).all()
    assert (picture[70:90, 45:65] == 255).all()
    assert (picture[44:58, 40:120] < 255).any()


def test_contact_sheet_has_a_cell_a_crop() -> None:
    crops = np.full((18, 28, 28), 255, np.uint8)
    digits = [DigitReading(Box(0, 0, 9, 9), 3, 0.9, Status.OK, 5, 0.1)] * 18
    sheet = draw_crops(crops, digits)
    assert sheet.shape == (2 * 86, 16 * 64, 3)
    assert (sheet[30, 32] == 255).all()


@given(st.lists(st.sampled_from(["a", "..", ".", "", "C:", "b.png", "…"]), min_size=1, max_size=6))
def test_labels_stay_inside_the_debug_folder(parts: list[str]) -> None:
    path = Path("/debug") / relative_path("/".join(parts))
    assert Path(os.path.normpath(path)).is_relative_to("/debug")
    assert ":" not in str(path)


def test_debug_folder_is_made(tmp_path: Path) -> None:
    DebugFolder.make(tmp_path / "a" / "b", ["elsewhere"])
    assert list((tmp_path / "a" / "b").iterdir()) == []
