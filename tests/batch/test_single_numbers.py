"""Images of one whole number each, read from the command line and by programs."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result

from formreader import Reader
from formreader.cli.main import main
from formreader.core.errors import ExitCode, PageError
from formreader.core.records import GreyImage, Status
from formreader.synth import Hand, HandSource


def image_of(number: str, seed: int = 4, *, framed: bool = False) -> GreyImage:
    """A number by one hand on white paper, 80 pixels high."""
    rng = np.random.default_rng(seed)
    hand = HandSource(Hand.sample(rng), dpi=200)
    image = np.full((80, 60 + 48 * max(len(number), 2)), 250, np.uint8)
    if framed:
        cv2.rectangle(image, (0, 0), (image.shape[1] - 1, 79), (40,), 2)
    x = 28
    for digit in number:
        mask = np.rint(210 * hand.draw(digit, 44, 58, rng)).astype(np.uint8)
        left, high, width, tall = cv2.boundingRect(mask)
        top = (80 - tall) // 2
        image[top : top + tall, x : x + width] -= mask[high : high + tall, left : left + width]
        x += width + 10
    return image


def predict(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["predict", "--number", *arguments])


@pytest.mark.parametrize("framed", [False, True])
def test_each_image_has_a_row_with_its_number(tmp_path: Path, framed: bool) -> None:
    numbers = ["2024", "58", "307"]
    for number in numbers:
        cv2.imwrite(str(tmp_path / f"{number}.png"), image_of(number, framed=framed))
    result = predict(*(str(tmp_path / f"{number}.png") for number in numbers))
    assert result.exit_code == ExitCode.DONE
    rows = list(csv.DictReader(result.stdout.splitlines()))
    assert list(rows[0]) == ["file", "value", "confidence", "status", "cells", "lowest"]
    assert [Path(row["file"]).stem for row in rows] == numbers
    assert sum(row["value"] == number for row, number in zip(rows, numbers, strict=True)) >= 2
    for row, number in zip(rows, numbers, strict=True):
        assert row["value"] == number or row["status"] == Status.REVIEW


def test_a_blank_image_is_blank(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "blank.png"), image_of(""))
    (row,) = csv.DictReader(predict(str(tmp_path / "blank.png")).stdout.splitlines())
    assert (row["value"], row["status"]) == ("", Status.BLANK)


def test_what_is_no_number_is_for_review(tmp_path: Path) -> None:
    image = np.full((80, 260), 250, np.uint8)
    cv2.line(image, (40, 15), (200, 65), (40,), 3)
    cv2.line(image, (40, 65), (200, 15), (40,), 3)
    cv2.imwrite(str(tmp_path / "cross.png"), image)
    (row,) = csv.DictReader(predict(str(tmp_path / "cross.png")).stdout.splitlines())
    assert row["status"] == Status.REVIEW


def test_a_file_that_is_no_image_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "notes.png").write_text("no image")
    result = predict(str(tmp_path / "notes.png"))
    assert result.exit_code == ExitCode.PAGES_FAILED
    (row,) = csv.DictReader(result.stdout.splitlines())
    assert (row["value"], row["status"]) == ("", Status.ERROR)


def test_programs_read_numbers_too() -> None:
    reader = Reader(device="cpu")
    number = reader.read_number(image_of("58"))
    assert number is not None and len(number.digits) == 2
    assert number.digits[0].box.left < number.digits[1].box.left
    with pytest.raises(TypeError, match="image must be"):
        reader.read_number(94)  # type: ignore[arg-type]
    with pytest.raises(PageError):
        reader.read_number(b"no image")
