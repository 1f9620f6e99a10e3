"""Numbers in rectangles without separators, from the page to the reading."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import onnxruntime
import pytest

from formreader.core.classes import Crops
from formreader.core.geometry import Box
from formreader.core.image_pyramid import Pyramid
from formreader.core.model_folder import (
    NUMBER_MODEL,
    QUICK_FILE,
    card_hashes,
    load_graph,
    model_folder,
    read_card_file,
)
from formreader.core.options import ScanOptions
from formreader.core.records import FieldReading, GreyImage, PageCrops, Status
from formreader.core.stopwatch import Stopwatch
from formreader.detect.field_finder import find_fields
from formreader.preprocess.straighten import straighten
from formreader.recognise import page_reading
from formreader.recognise.load_recogniser import load_recogniser
from formreader.recognise.number_reader import (
    NUMBER_CARD_SCHEMA,
    NUMBER_TRIAL,
    NumberReader,
    outputs_of_graph,
)
from formreader.recognise.page_reading import read_pages
from formreader.recognise.recogniser import Recogniser
from formreader.recognise.vote_weights import FEATURES, VoteWeights
from formreader.segment.candidates import cut_cell
from formreader.synth import Hand, HandSource

WIDTH = 280
"""Width of the cells, pixels."""


@pytest.fixture(scope="module")
def recogniser() -> Recogniser:
    return load_recogniser(device="cpu", threads=1)


def page_with(numbers: list[str], space: float = 0.25, seed: int = 4) -> GreyImage:
    """A page of A4 at 150 dpi, with one ruled field for each number below the other."""
    rng = np.random.default_rng(seed)
    page = np.full((1754, 1240), 250, np.uint8)
    hand = HandSource(Hand.sample(rng), dpi=150)
    for i, number in enumerate(numbers):
        top, height = 200 + 120 * i, 56
        cv2.rectangle(page, (150, top), (150 + WIDTH, top + height), (40,), 2)
        x = 175
        for digit in number:
            mask = np.rint(200 * hand.draw(digit, 34, 40, rng)).astype(np.uint8)
            left, high, width, tall = cv2.boundingRect(mask)
            y = top + (height - tall) // 2 + int(rng.integers(-3, 4))
            page[y : y + tall, x : x + width] -= mask[high : high + tall, left : left + width]
            x += width + round(space * 34)
    return page


def read(page: GreyImage, recogniser: Recogniser) -> tuple[FieldReading, ...]:
    cells = find_fields(straighten(Pyramid(page))).cells
    fields = [field for cell in cells if (field := cut_cell(page, cell)) is not None]
    fields.sort(key=lambda field: field.box.top)
    worked = PageCrops("a.png", 0, tuple(fields))
    ((_, reading),) = read_pages([worked], recogniser, ScanOptions(("a.png",)), Stopwatch())
    return reading.fields


def test_numbers_are_read_with_a_box_for_each_digit(recogniser: Recogniser) -> None:
    numbers = ["2024", "70", "3581", "946", "82056"]
    fields = read(page_with(numbers), recogniser)
    assert [len(field.digits) for field in fields] == [len(number) for number in numbers]
    right = sum(field.value == number for field, number in zip(fields, numbers, strict=True))
    assert right >= len(numbers) - 1
    for i, field in enumerate(fields):
        assert field.box.top == pytest.approx(200 + 120 * i, abs=4)
        assert field.box.width == pytest.approx(WIDTH, abs=8)
        lefts = [digit.box.left for digit in field.digits]
        assert lefts == sorted(lefts)


def test_touching_digits_are_never_wrong_and_sure(recogniser: Recogniser) -> None:
    numbers = ["25", "38", "60", "47", "93"]
    fields = read(page_with(numbers, space=-0.06), recogniser)
    assert len(fields) == len(numbers)
    for field, number in zip(fields, numbers, strict=True):
        assert field.value == number or field.status is Status.REVIEW


def test_blank_fields_are_blank_beside_filled_ones(recogniser: Recogniser) -> None:
    fields = read(page_with(["52", "", "418"]), recogniser)
    assert [field.status is Status.BLANK for field in fields] == [False, True, False]
    assert fields[1].box.width == pytest.approx(WIDTH, abs=8)


def test_drafts_choose_the_digits_and_do_not_read_them(monkeypatch: pytest.MonkeyPatch) -> None:
    sure, never = ((0.0,) * len(FEATURES) + (logit,) for logit in (9.0, -9.0))
    weights = VoteWeights(agreed=sure, strip=never, cuts=sure)  # the cuts are believed
    believing = NumberReader(outputs_of_graph(shipped_graph()), weights)
    monkeypatch.setattr(page_reading, "shipped_reader", lambda: believing)
    recogniser = DraftsApart()
    (field,) = read(page_with(["2024"]), recogniser)
    assert [digit.digit for digit in field.digits] == [7] * 4
    assert recogniser.drafted >= 4


def shipped_graph() -> onnxruntime.InferenceSession:
    folder = model_folder(NUMBER_MODEL)
    card = read_card_file(folder, NUMBER_CARD_SCHEMA)
    return load_graph(folder, card_hashes(card), 1, NUMBER_TRIAL, QUICK_FILE)


class DraftsApart(Recogniser):
    """Drafts what the shipped model reads, and reads nothing but sevens."""

    def __init__(self) -> None:
        self.shipped = load_recogniser(device="cpu", threads=1)
        super().__init__(self.shipped.card, "cpu", batch=64)
        self.drafted = 0

    def _logits(self, crops: Crops) -> npt.NDArray[np.float32]:
        return np.eye(11, dtype=np.float32)[np.full(len(crops), 7)] * 30

    def _draft_logits(self, crops: Crops) -> npt.NDArray[np.float32]:
        self.drafted += len(crops)
        return np.log(np.maximum(self.shipped.drafts(crops), 1e-9)) * self.card.temperature


def test_a_field_is_as_wide_as_its_rectangle() -> None:
    field = FieldReading((), "", "", 1.0, Status.BLANK, Box(1, 2, 3, 4))
    assert field.box == Box(1, 2, 3, 4)
