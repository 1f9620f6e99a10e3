"""Corrections of jobs become a model that is handed over only if it is better."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from page_results import PageResult, add_pages

from formreader.core.errors import ExitCode, NoInputError, OutputError
from formreader.core.geometry import Box
from formreader.core.model_folder import model_folder
from formreader.core.options import ImproveOptions, TrainOptions
from formreader.core.records import (
    DigitBox,
    DigitReading,
    FieldCrops,
    FieldReading,
    PageCrops,
    PageReading,
    Status,
    Thumbnail,
)
from formreader.recognise.architectures import NetworkConfig
from formreader.store.answers import WHOLE_FIELD, Answer
from formreader.store.grey_png import grey_png
from formreader.store.job_records import AnsweredPage
from formreader.store.job_store import FileRecord, JobStore, JobView, RunRecord
from formreader.training import improve_model
from formreader.training.data.examples import Examples
from formreader.training.data.mixture import TrainingData, draw_digits, mixture
from formreader.training.data.own_digits import labelled_digits, load_own_digits, split_groups
from formreader.training.train_model import train_on

Moments = Callable[[Path], AbstractContextManager[list[Path]]]
RunProgram = Callable[..., Result]

BOXES = 20
"""Boxes on a page: two fields of ten."""


def page_of(digits: Examples, file: str, unsure: int) -> PageResult:
    """A page of which the first `unsure` digits were read as 0 and are for review."""
    picture = Thumbnail(b"jpeg", Box(0, 0, 100, 50), 1.0)
    readings, crops = list[FieldReading](), list[FieldCrops]()
    for start in range(0, BOXES, 10):
        places = range(start, start + 10)
        read = tuple(
            DigitReading(Box(9 * i, 0, 9, 9), 0, 0.5, Status.REVIEW)
            if i < unsure
            else DigitReading(Box(9 * i, 0, 9, 9), int(digits.labels[i]), 0.99, Status.OK)
            for i in places
        )
        status = Status.REVIEW if start < unsure else Status.OK
        text = "".join(str(digit.digit) for digit in read)
        readings.append(FieldReading(read, text, text, 0.5, status, lowest=0.5))
        box = DigitBox(((0, 0), (9, 0), (9, 9), (0, 9)))
        own = digits.crops[start : start + 10]
        crops.append(FieldCrops((box,) * 10, own, np.zeros(10, bool), picture))
    return PageResult(PageCrops(file, 0, tuple(crops)), PageReading(file, 0, tuple(readings)))


def make_job(
    folder: Path, pages: Sequence[Examples], answers: Sequence[Answer], unsure: int
) -> Path:
    """A finished job whose pages are files a0.png, a1.png, ...; returns its table."""
    folder.mkdir()
    names = [f"a{i}.png" for i in range(len(pages))]
    hashes = [hashlib.sha256(page.crops.tobytes()).hexdigest() for page in pages]
    files = [
        FileRecord(name, name, 1, 1, content, 1)
        for name, content in zip(names, hashes, strict=True)
    ]
    table = folder / "results.csv"
    run = RunRecord("0.6.0", "tiny 1.0", "ab" * 32, {})
    with JobStore.open(folder / "results.sqlite", run, fresh=False) as store:
        store.set_files(files)
        add_pages(
            store, [page_of(page, name, unsure) for page, name in zip(pages, names, strict=True)]
        )
        store.set_view(JobView(str(table), "", "field", "", 0.95, len(files), ()))
        store.answer(answers)
    return table


def of_box(page: int, place: int, text: str) -> Answer:
    return Answer(f"a{page}.png", 1, place // 10 + 1, place % 10 + 1, text)


def pages_of(digits: Examples) -> list[Examples]:
    return [digits[np.arange(i, i + BOXES)] for i in range(0, len(digits), BOXES)]


def test_labels_come_from_people_and_from_pages_they_finished(tmp_path: Path) -> None:
    digits = draw_digits(4 * BOXES, np.random.default_rng(5))
    digits.crops[9] = 0
    pages = pages_of(digits)
    answers = [
        *(of_box(0, i, str(int(digits.labels[i]))) for i in range(10)),  # all that is for review
        of_box(1, 0, "7"), of_box(1, 1, "?"), of_box(1, 2, ""),  # some of it
        Answer("a2.png", 1, 1, WHOLE_FIELD, "1234567890"),
        Answer("a3.png", 1, 1, WHOLE_FIELD, "123"),  # the boxes are not those of its digits
    ]  # fmt: skip
    table = make_job(tmp_path / "job", pages, answers, unsure=10)
    own = load_own_digits([table])
    of_page = [own.examples[own.groups == i] for i in range(3)]
    assert of_page[0].labels.tolist() == np.delete(pages[0].labels, 9).tolist()
    np.testing.assert_array_equal(of_page[0].crops, np.delete(pages[0].crops, 9, axis=0))
    assert of_page[1].labels.tolist() == [7, 10, 10]
    assert of_page[2].labels[:10].tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9, 0]
    assert [int(own.checked[own.groups == i].sum()) for i in range(3)] == [9, 3, 10]
    assert own.models == ("tiny 1.0",)
    # The same pages in another job count once, as answered most.
    again = make_job(tmp_path / "again", pages, [of_box(1, i, "4") for i in range(4)], unsure=10)
    both = load_own_digits([table, again])
    assert len(both) == len(own) + 1
    assert both.examples[both.groups == 1].labels.tolist() == [4] * 4
    writers = tmp_path / "writers.csv"
    writers.write_text("file,writer\na0.png,Ann\na1.png,Ann\n", encoding="utf-8")
    assert len(np.unique(load_own_digits([table], writers).groups)) == 3  # of four pages
    with pytest.raises(NoInputError, match=r"not a table of writers"):
        load_own_digits([table], table.with_suffix(".sqlite"))
    writers.write_text("file,author\na0.png,Ann\n", encoding="utf-8")
    with pytest.raises(NoInputError, match=r"no column writer"):
        load_own_digits([table], writers)


@pytest.mark.parametrize(
    ("read", "said", "labels"),
    [
        ("4771", "4717", "4717"),
        ("?771", "4771", "4771"),
        ("1.234,50", "1.234,56", "123456"),
        ("1123", "1234", ""),  # a digit cut in two, and one missed
        ("2341", "1234", ""),
        ("123", "1234", ""),
        ("47?", "?", ""),  # struck out: the cuts may be of digits all the same
    ],
)
def test_numbers_in_cells_teach_where_their_cuts_fit(read: str, said: str, labels: str) -> None:
    marks = [mark for mark in read if mark.isdecimal() or mark == "?"]
    digits = tuple(
        DigitReading(Box(9 * i, 0, 9, 9), None if mark == "?" else int(mark), 0.5, Status.REVIEW)
        for i, mark in enumerate(marks)
    )
    frame = Box(0, 0, 100, 20)
    field = FieldReading(digits, read, "".join(marks), 0.5, Status.REVIEW, frame=frame)
    sprite = grey_png(np.full((28, 28 * len(digits)), 200, np.uint8))
    page = AnsweredPage(PageReading("a.png", 0, (field,)), {1: {WHOLE_FIELD: said}}, {1: sprite})
    assert "".join(str(one.label) for one in labelled_digits(page)) == labels


def test_a_page_is_on_one_side_of_the_split(tmp_path: Path) -> None:
    digits = draw_digits(10 * BOXES, np.random.default_rng(6))
    answers = [of_box(page, i, "1") for page in range(10) for i in range(10)]
    own = load_own_digits([make_job(tmp_path / "job", pages_of(digits), answers, unsure=10)])
    for seed in range(20):
        parts = split_groups(own, np.random.default_rng(seed))
        assert (np.sum(parts, axis=0) == 1).all()
        assert [len(np.unique(own.groups[part])) for part in parts] == [5, 2, 3]
    three = replace(own, checked=own.checked & (own.groups < 3))
    for seed in range(20):
        parts = split_groups(three, np.random.default_rng(seed))
        assert [(three.checked & part).any() for part in parts] == [True] * 3
    with pytest.raises(ValueError, match="three groups"):
        split_groups(replace(own, checked=own.groups < 2), np.random.default_rng(1))


def test_too_few_corrections_are_refused(tmp_path: Path, program: RunProgram) -> None:
    digits = draw_digits(6 * BOXES, np.random.default_rng(7))
    answers = [of_box(page, 0, "1") for page in range(6)]
    table = make_job(tmp_path / "job", pages_of(digits), answers, unsure=10)
    done = program("improve", table, "--out", tmp_path / "models" / "own")
    assert done.exit_code == ExitCode.NO_INPUT
    assert re.search(r"6 digits .* 6 pages .*100 on 6 are needed", done.stderr)
    assert not (tmp_path / "models").exists()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("mine", encoding="utf-8")
    done = program("improve", table, "--out", tmp_path / "full")
    assert done.exit_code == ExitCode.OUTPUT
    assert "not a model folder" in done.stderr
    done = program("improve", tmp_path / "none.csv")
    assert done.exit_code == ExitCode.NO_INPUT


def test_a_damaged_model_is_found_before_any_training(tmp_path: Path, program: RunProgram) -> None:
    digits = draw_digits(6 * BOXES, np.random.default_rng(7))
    answers = [of_box(page, i, "1") for page in range(6) for i in range(BOXES)]
    table = make_job(tmp_path / "job", pages_of(digits), answers, unsure=BOXES)
    bad = tmp_path / "bad"
    shutil.copytree(model_folder("digits"), bad, ignore=shutil.ignore_patterns("*.png"))
    (bad / "model.keras").write_bytes(b"half")
    done = program("improve", table, "--out", tmp_path / "models" / "own", "--model", bad)
    assert done.exit_code == ExitCode.MODEL
    assert "damaged or belongs to another model" in done.stderr
    assert not (tmp_path / "models").exists()


class Silent:
    """A progress display that only remembers messages."""

    def __init__(self) -> None:
        self.messages = list[str]()

    def started(self, epochs: int, steps: int) -> None: ...
    def step(self, epoch: int, step: int, loss: float) -> None: ...
    def epoch(self, figures: object) -> None: ...
    def message(self, text: str) -> None:
        self.messages.append(text)


def mirrored(digits: Examples) -> Examples:
    """A hand that writes all digits as in a mirror: surely read badly, and surely learnable."""
    return Examples(np.ascontiguousarray(digits.crops[:, :, ::-1]), digits.labels)


def content(model: Path) -> dict[str, bytes]:
    return {str(one.relative_to(model)): one.read_bytes() for one in model.rglob("*.*")}


@pytest.mark.slow
def test_a_better_model_is_handed_over_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: RunProgram, moments: Moments
) -> None:
    rng = np.random.default_rng(11)
    base_digits = [mixture(draw_digits(n, rng), rng, other_hands=False) for n in (2000, 30, 200)]
    training, scanned, validation = base_digits
    test = draw_digits(300, rng)
    base = tmp_path / "tiny"
    config = NetworkConfig("mlp", ((64,),), dropout=0.0)
    settings = TrainOptions(out=base, epochs=7, batch=32, augment=False, averaging=0.9)
    data = TrainingData(training, scanned, validation, validation, test, {"digits": "drawn"})
    train_on(data, settings, config, Silent())

    home = tmp_path / "keras" / "datasets"
    home.mkdir(parents=True)
    drawn = draw_digits(800, rng)
    mnist = {"x_train": drawn.crops, "y_train": drawn.labels}
    np.savez(home / "mnist.npz", **mnist, x_test=test.crops, y_test=test.labels)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    for name, value in (("BASE_DIGITS", 800), ("_BASE_PAGES", 0), ("_FRESH_DIGITS", 200),
                        ("_FRESH_PAGES", 0), ("_TEST_MARKS", 200)):  # fmt: skip
        monkeypatch.setattr(improve_model, name, value)
    # With 300 test digits a single one would be too many: the rule itself has its own test.
    monkeypatch.setattr("formreader.training.evaluate.handover.MAX_FALL", 0.05)

    own = mirrored(draw_digits(20 * BOXES, rng))
    answers = [
        of_box(page, i, str(int(own.labels[page * BOXES + i])))
        for page in range(20)
        for i in range(BOXES)
    ]
    table = make_job(tmp_path / "job", pages_of(own), answers, unsure=BOXES)
    out = tmp_path / "models" / "own"
    options = ImproveOptions((table,), out=out, model=str(base), learning_rate=5e-3, epochs=6)

    shutil.copytree(base, out)
    old = content(out)
    with moments(out.parent) as left:
        found = improve_model.improve(options, Silent())
    assert found.reasons == ()
    new = content(out)
    # What a kill at any moment would leave: the next improve finds one whole model, and no rest.
    seen = list[str]()
    for folder in left:
        again = replace(options, jobs=(tmp_path / "none.csv",), out=folder / "own")
        seen.append("neither" if not again.out.exists() else "one")
        with pytest.raises(NoInputError):
            improve_model.improve(again, Silent())
        left_over = {one.name for one in folder.iterdir()} - {"own"}
        assert all(one.endswith(".part") for one in left_over)  # empty: whether it can be written
        assert content(again.out) in (old, new)
    assert len(seen) > 20 and seen.count("neither") == 1
    assert found.folder == out
    before, after = found.own.before, found.own.after
    assert after.accepted.sum() > before.accepted.sum()
    assert found.checked == before.n
    assert list(out.parent.iterdir()) == [out]
    written = (out / "card.json").read_bytes()

    # A training that changes nothing: the model that is there stays.
    def unchanged(
        data: TrainingData, folder: Path, config: NetworkConfig, candidate: Path, *_: object
    ) -> None:
        shutil.copytree(folder, candidate)

    monkeypatch.setattr(improve_model, "_fine_tune", unchanged)
    done = program("improve", table, "--out", out, "--model", out, "--quiet")
    assert done.exit_code == ExitCode.DONE, done.output
    assert re.search(r"No model was written.*it is not measurably better", done.stderr)
    assert list(out.parent.iterdir()) == [out]
    assert re.search(r"before: \d+ right \(.*%\), \d+ accepted .*, \d+ of these wrong", done.stderr)
    assert done.stdout == ""
    assert (out / "card.json").read_bytes() == written


@pytest.mark.parametrize("reason", [KeyboardInterrupt(), OSError(5, "Input/output error")])
@pytest.mark.parametrize("step", [1, 2])
def test_an_interrupted_handing_over_loses_no_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reason: BaseException, step: int
) -> None:
    """The temporary folder that the old model was moved to is deleted by an interruption."""
    out, candidate = tmp_path / "own", tmp_path / "work" / "own"
    for folder, content in ((out, "old"), (candidate, "new")):
        folder.mkdir(parents=True)
        (folder / "card.json").write_text(content)
    rename, steps = Path.rename, list[Path]()

    def stopped(self: Path, target: Path) -> Path:
        steps.append(self)
        if len(steps) == step:
            raise reason
        return rename(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", stopped)
        with pytest.raises((KeyboardInterrupt, OutputError)):
            improve_model._hand_over(candidate, out)
    assert (out / "card.json").read_text() == "old"
    improve_model._hand_over(candidate, out)
    assert (out / "card.json").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_model_that_a_kill_left_aside_is_put_back(tmp_path: Path) -> None:
    out = tmp_path / "own"
    improve_model._beside(out, "before").mkdir()
    (improve_model._beside(out, "before") / "card.json").write_text("old")
    with pytest.raises(NoInputError):  # found before any work: there is no such job
        improve_model.improve(ImproveOptions((tmp_path / "r.csv",), out=out), object())  # type: ignore[arg-type]
    assert (out / "card.json").read_text() == "old"
    assert not improve_model._beside(out, "before").exists()
