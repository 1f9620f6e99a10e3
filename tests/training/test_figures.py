"""Pictures are written whole, of the size that their content needs, and show what they should."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from formreader.core.errors import OutputError
from formreader.recognise.model_card import CalibrationRow
from formreader.training.evaluate.curves import draw_curves
from formreader.training.evaluate.figures import (
    chart,
    draw_confusion,
    draw_coverage,
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
    draw_coverage(accepted, np.array([0.005, 0.02]), rows, tmp_path / "seen.png")
    draw_coverage(accepted, np.array([0.0, 0.0]), rows, tmp_path / "unseen.png")
    seen, unseen = (coloured(pixels(tmp_path / name)) for name in ("seen.png", "unseen.png"))
    assert seen > unseen > 50  # without errors the bounds are left


def test_coverage_of_nothing_accepted_is_an_empty_chart(tmp_path: Path) -> None:
    rows = [CalibrationRow(0.5, 1000, 0, 0, 1.0)]
    draw_coverage(np.empty(0), np.empty(0), rows, tmp_path / "none.png")
    picture = pixels(tmp_path / "none.png")
    assert ink(picture) > 0
    assert coloured(picture) == 0


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
