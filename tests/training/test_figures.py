"""Pictures are written whole, of the size that their content needs, and show what they should."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from matplotlib.backend_bases import RendererBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from PIL import Image

from formreader.core.errors import OutputError
from formreader.core.options import ScanOptions
from formreader.recognise.model_card import CalibrationRow, read_card
from formreader.training.evaluate.comparison import Result, results_figure
from formreader.training.evaluate.figures import (
    chart,
    coverage_figure,
    draw_confusion,
    draw_curves,
    draw_sheet,
    prepare_folder,
    save,
)

pytestmark = pytest.mark.slow


def pixels(path: Path) -> npt.NDArray[np.uint8]:
    """(h, w, 3) of a picture."""
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


def ink(picture: npt.NDArray[np.uint8]) -> int:
    return int((picture.max(axis=2) < 64).sum())


def coloured(picture: npt.NDArray[np.uint8]) -> int:
    return int((np.ptp(picture.astype(int), axis=2) > 60).sum())


def drawn_labels(figure: Figure) -> dict[str, Bbox]:
    """Every text that is drawn, some with a number to tell equal ones apart, and its box."""
    canvas = FigureCanvasAgg(figure)
    boxes = dict[str, Bbox]()

    def record(text: Text, renderer: RendererBase) -> None:
        if text.get_visible() and text.get_text():
            name = text.get_text()
            boxes[f"{name} {len(boxes)}" if name in boxes else name] = text.get_window_extent(
                renderer
            )

    canvas.draw()  # the layout is settled now
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Text, "draw", record)
        canvas.draw()
    return boxes


def assert_apart(labels: dict[str, Bbox]) -> None:
    for (name, box), (other, another) in combinations(labels.items(), 2):
        assert not box.overlaps(another), f"{name} overlaps {other}"


def test_errors_are_coloured_and_being_right_is_not(tmp_path: Path) -> None:
    right, wrong = np.diag([30, 40, 50]), np.diag([30, 40, 50])
    wrong[0, 2] = 5
    draw_confusion(right, ["0", "1", "2"], tmp_path / "right.png")
    draw_confusion(wrong, ["0", "1", "2"], tmp_path / "wrong.png")
    more = coloured(pixels(tmp_path / "wrong.png")) - coloured(pixels(tmp_path / "right.png"))
    assert more > 1000  # one cell of the matrix


def test_a_class_without_examples_is_no_obstacle(tmp_path: Path) -> None:
    draw_confusion(np.zeros((2, 2), np.int64), ["0", "1"], tmp_path / "empty.png")
    assert pixels(tmp_path / "empty.png").min() < 64


def test_a_sheet_shows_ink_dark_on_white_in_rows(tmp_path: Path) -> None:
    crops = np.zeros((5, 28, 28), np.uint8)
    draw_sheet(crops, ["a"] * 5, tmp_path / "blank.png", columns=4)
    crops[4] = 255
    draw_sheet(crops, ["a"] * 5, tmp_path / "one.png", columns=4)
    blank, one = pixels(tmp_path / "blank.png"), pixels(tmp_path / "one.png")
    assert blank.shape == one.shape
    y, x = np.nonzero((blank != one).any(axis=2))
    height, width = one.shape[:2]
    assert y.min() > height / 2  # the fifth of rows of four is in the second row,
    assert x.max() < width / 3  # on the left
    assert ink(one) > ink(blank) + 4000


def test_a_sheet_grows_with_its_rows(tmp_path: Path) -> None:
    heights = []
    for n in (4, 8, 12):
        path = tmp_path / f"{n}.png"
        draw_sheet(np.zeros((n, 28, 28), np.uint8), [""] * n, path, columns=4)
        heights.append(pixels(path).shape[0])
    assert heights[2] - heights[1] == pytest.approx(heights[1] - heights[0], abs=1)
    assert heights[1] > 1.7 * heights[0]


def test_a_sheet_without_crops_says_so(tmp_path: Path) -> None:
    draw_sheet(np.zeros((0, 28, 28), np.uint8), [], tmp_path / "none.png", columns=4)
    assert ink(pixels(tmp_path / "none.png")) > 0


def test_a_sheet_needs_a_caption_for_each_crop(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="2 crops"):
        draw_sheet(np.zeros((2, 28, 28), np.uint8), ["a"], tmp_path / "sheet.png")
    assert not list(tmp_path.iterdir())


def test_coverage_shows_what_was_seen_and_its_bounds(tmp_path: Path) -> None:
    rows = [CalibrationRow(0.5, 1000, 990, 20, 0.03), CalibrationRow(0.9, 1000, 900, 5, 0.012)]
    accepted = np.array([0.9, 0.99])
    save(coverage_figure(accepted, np.array([0.005, 0.02]), rows), tmp_path / "seen.png")
    save(coverage_figure(accepted, np.array([0.0, 0.0]), rows), tmp_path / "unseen.png")
    seen, unseen = (coloured(pixels(tmp_path / name)) for name in ("seen.png", "unseen.png"))
    assert seen > unseen > 50  # without errors the bounds are left


@pytest.fixture
def rows_of_card(root: Path) -> tuple[CalibrationRow, ...]:
    """The 42 thresholds of the shipped model."""
    rows = read_card(root / "models" / "digits").calibration
    assert len(rows) == 42
    return rows


def test_no_label_of_coverage_is_over_another(rows_of_card: tuple[CalibrationRow, ...]) -> None:
    seen = sorted((row.accepted / row.n, row.errors / row.accepted) for row in rows_of_card)
    accepted, error = np.array(seen).T
    figure = coverage_figure(accepted, error, rows_of_card)
    labels = drawn_labels(figure)
    assert_apart(labels)
    (axes,) = figure.axes
    data = axes.get_window_extent()
    assert not any(box.overlaps(data) for box in labels.values())
    thresholds = {label for label in labels if label.startswith("0.9")}
    assert str(ScanOptions(()).review_below) in thresholds  # though others are close to it
    assert len(thresholds) > 20


def test_close_thresholds_leave_room_for_each_other() -> None:
    rows = [CalibrationRow(0.5 + i / 100, 1000, 990 - i // 9, 1, 0.01) for i in range(49)]
    figure = coverage_figure(np.array([0.5]), np.array([0.01]), rows)
    labels = drawn_labels(figure)
    assert str(ScanOptions(()).review_below) in labels
    assert_apart(labels)


def test_coverage_of_nothing_accepted_is_an_empty_chart(tmp_path: Path) -> None:
    rows = [CalibrationRow(0.5, 1000, 0, 0, 1.0)]
    save(coverage_figure(np.empty(0), np.empty(0), rows), tmp_path / "none.png")
    picture = pixels(tmp_path / "none.png")
    assert ink(picture) > 0
    assert coloured(picture) == 0


SIX = (
    Result("cnn", 10_000, 34, 0.9966, 0.9953, 0.9976, 324_707, 5120.3, 8886),
    Result("lenet", 10_000, 81, 0.9919, 0.9899, 0.9936, 61_791, 512.7, 48_213),
    Result("resnet", 10_000, 29, 0.9971, 0.9958, 0.9981, 1_203_451, 9310.1, 1902),
    Result("mlp", 10_000, 182, 0.9818, 0.9790, 0.9843, 669_706, 112.4, 101_233),
    Result("knn", 10_000, 295, 0.9705, 0.9670, 0.9737, 47_040_000, 0.4, 61),
    Result("svm", 10_000, 166, 0.9834, 0.9807, 0.9858, 9_412_345, 184.9, 149),
)
CLOSE = (
    Result("cnn", 10_000, 34, 0.9966, 0.9953, 0.9976, 324_707, 512.3, 8886),
    Result("mlp", 10_000, 35, 0.9965, 0.9952, 0.9975, 369_706, 512.7, 8233),
)


@pytest.mark.parametrize("results", [SIX, SIX[:1], CLOSE], ids=["six", "one", "close"])
def test_no_label_of_a_comparison_is_over_another_or_a_chart(results: tuple[Result, ...]) -> None:
    figure = results_figure(results)
    labels = drawn_labels(figure)
    assert_apart(labels)
    assert {"324,707", "cnn  0.34"} <= labels.keys()
    for axes in figure.axes:
        chart = axes.get_window_extent()
        assert not any(box.overlaps(chart) for box in labels.values())


@dataclass
class Epoch:
    """Has what is drawn of an epoch."""

    epoch: int
    loss: float = 0.5
    accuracy: float = 0.9
    validation_loss: float = 0.6
    validation_accuracy: float = 0.8


@pytest.mark.parametrize("epochs", [1, 3])
def test_curves_of_few_epochs(tmp_path: Path, epochs: int) -> None:
    draw_curves([Epoch(number) for number in range(1, epochs + 1)], tmp_path)  # type: ignore[misc]
    for name in ("loss.png", "accuracy.png"):
        assert coloured(pixels(tmp_path / name)) > 50


def test_a_picture_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "taken.png").mkdir()
    with pytest.raises(OutputError, match=r"taken\.png.*--out"):
        save(chart("")[0], tmp_path / "taken.png")
    assert [path.name for path in tmp_path.iterdir()] == ["taken.png"]


def test_the_folder_is_made_and_tried(tmp_path: Path) -> None:
    prepare_folder(tmp_path / "a" / "b", ["x.png"])
    assert not list((tmp_path / "a" / "b").iterdir())
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="file: the folder cannot be made"):
        prepare_folder(tmp_path / "file", ["x.png"])
    (tmp_path / "x.png").mkdir()
    with pytest.raises(OutputError, match=r"x\.png"):
        prepare_folder(tmp_path, ["x.png"])
