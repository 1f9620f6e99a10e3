"""A second reader of doubtful numbers: what it is asked, and what its answer does."""

from __future__ import annotations

import importlib
import importlib.util
import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import Result
from PIL import Image

from formreader import Reader
from formreader.batch import network_cards, scan_means
from formreader.batch.job_plan import run_record
from formreader.batch.network_cards import NetworkCards
from formreader.core import rapid_ocr
from formreader.core.doubts import Doubt
from formreader.core.errors import ExitCode, ModelError, UsageError
from formreader.core.model_folder import CARD_FILE, NUMBER_MODEL, model_folder
from formreader.core.options import ScanOptions
from formreader.core.records import Status
from formreader.crop.number_strips import STRIP_HEIGHT, Strip
from formreader.reading import page_fields
from formreader.recognise import second_reader
from formreader.recognise.number_reader import number_calibration
from formreader.recognise.number_values import NumberValue
from formreader.recognise.second_reader import (
    SECOND_FEATURES,
    RapidStrips,
    SecondOpinion,
    SecondReading,
    SecondWeights,
    is_asked,
    says_the_same,
    second_opinion,
    second_weights,
)
from number_network.number_hands import drawn_hand
from number_network.number_writing import write_number

NONE = (0.0,) * len(SECOND_FEATURES)
WEIGHTS = SecondWeights((*NONE, math.log(0.97 / 0.03)), (*NONE, math.log(0.3 / 0.7)))
"""The same says 0.97, anything else 0.3."""
STRIP = np.zeros((STRIP_HEIGHT, 64), np.uint8)

needs_rapid_ocr = pytest.mark.skipif(
    importlib.util.find_spec("rapidocr") is None, reason="needs the extra `labels`"
)


class Says:
    """A second reader that says the same of every strip, and counts them."""

    def __init__(self, text: str) -> None:
        self.text, self.asked = text, 0

    def read(self, strip: Strip) -> SecondReading:
        assert strip.shape[0] == STRIP_HEIGHT
        self.asked += 1
        return SecondReading(self.text, 0.9)


@pytest.mark.parametrize(
    ("number", "asked"),
    [
        (NumberValue("3502", 0.99), False),
        (NumberValue("3502", 0.9), True),
        (NumberValue("3502", 0.9, Doubt.INK_IN_NO_DIGIT), False),
        (NumberValue("3502", 0.9, Doubt.TWO_NUMBERS), False),
        (NumberValue("", 0.7), False),
        (NumberValue("?", 0.0), False),
    ],
)
def test_it_is_asked_where_it_can_help(number: NumberValue, asked: bool) -> None:
    reader = Says("3502")
    heard = SecondOpinion(reader, WEIGHTS).on(number, STRIP)
    assert (is_asked(number), reader.asked) == (asked, int(asked))
    assert asked or heard == number


@pytest.mark.parametrize(
    ("value", "text", "same"),
    [
        ("3502", "3502", True),
        ("3502", "3 502.-", True),
        ("3 502", "3502", True),
        ("3.502", "3,502", True),
        ("3.502", "3\uff0c\uff15\uff10\uff12", True),
        ("3.502", "3502", False),
        ("3502", "350", False),
        ("3502", "S3502", False),
        ("-6", "6", False),
        ("3502", "", False),
    ],
)
def test_what_is_the_same_number(value: str, text: str, same: bool) -> None:
    assert says_the_same(NumberValue(value, 0.5), SecondReading(text, 0.9)) == same


def test_agreement_gives_confidence() -> None:
    heard = SecondOpinion(Says("3502"), WEIGHTS).on(NumberValue("3502", 0.6), STRIP)
    assert (heard.value, heard.sure) == ("3502", True)
    assert heard.confidence == pytest.approx(0.97)


def test_disagreement_only_takes_confidence() -> None:
    heard = SecondOpinion(Says("3507"), WEIGHTS).on(NumberValue("3502", 0.96), STRIP)
    assert (heard.value, heard.doubt) == ("3502", "")
    assert heard.confidence == pytest.approx(0.3)


def number_image(path: Path) -> Path:
    """A number that our network reads, though not as surely as the test asks for."""
    image = np.full((64, 220), 255, np.uint8)
    rng = np.random.default_rng(11)
    ink = write_number("418", drawn_hand(rng), 44.0, rng)
    image[10 : 10 + len(ink), 20 : 20 + ink.shape[1]] -= ink
    Image.fromarray(image).save(path)
    return path


def test_a_page_is_read_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = number_image(tmp_path / "number.png")
    alone = Reader(review_below=0.9999).read_number(image)
    assert alone is not None and alone.status is Status.REVIEW
    certain = SecondWeights((*NONE, 30.0), (*NONE, -30.0), number_calibration())
    for text, status in ((alone.value, Status.OK), ("1", Status.REVIEW)):
        voice = SecondOpinion(Says(text), certain)
        monkeypatch.setattr(second_reader, "_SURE_ENOUGH", 1.1)  # asked whatever the confidence
        for module in (page_fields, network_cards):
            monkeypatch.setattr(module, "second_opinion", lambda _, voice=voice: voice)
        reader = Reader(review_below=0.9999, second_reader="rapidocr")
        read = reader.read_number(image)
        assert read is not None
        assert (read.value, read.status) == (alone.value, status)


def test_the_shipped_model_says_how_far_to_believe_it() -> None:
    weights = second_weights("rapidocr")
    sure = second_reader.second_features(NumberValue("3502", 0.9), SecondReading("3502", 1.0))
    same, other = (second_reader.probability(case, sure) for case in (weights.same, weights.other))
    assert same > 0.95 > other
    cards = NetworkCards.read("digits", "rapidocr")
    assert cards.numbers == weights.calibration != NetworkCards.read("digits").numbers


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (None, "nothing in this model says how far --second-reader rapidocr"),
        ({"features": ["vote"]}, "features"),
        ({"same": [1.0]}, "need 4 numbers"),
        ({"same": ["1"] * 4}, "same must be of type float"),
    ],
)
def test_a_card_without_it_is_told_of(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: dict[str, object] | None,
    message: str,
) -> None:
    copy = tmp_path / "numbers"
    shutil.copytree(model_folder(NUMBER_MODEL), copy)
    card = json.loads((copy / CARD_FILE).read_text(encoding="utf-8"))
    if change is None:
        del card["second_readers"]
    else:
        card["second_readers"]["rapidocr"] |= change
    (copy / CARD_FILE).write_text(json.dumps(card), encoding="utf-8")
    monkeypatch.setattr(second_reader, "model_folder", lambda _: copy)
    with pytest.raises(ModelError, match=message):
        second_weights("rapidocr")


@pytest.mark.parametrize("command", [("scan", "form.png"), ("predict", "--number", "form.png")])
def test_without_the_package_a_message_says_what_to_install(
    program: Callable[..., Result],
    tmp_path: Path,
    form_png: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: tuple[str, ...],
) -> None:
    second_opinion.cache_clear()
    monkeypatch.setattr(rapid_ocr, "is_installed", lambda _: False)
    monkeypatch.chdir(form_png.parent)
    result = program(*command, "--second-reader", "rapidocr")
    assert result.exit_code == ExitCode.USAGE
    assert "--second-reader rapidocr needs one more package" in result.stderr
    assert "pip install 'formreader[labels]'" in result.stderr
    assert not (form_png.parent / "results.csv").exists()


def test_a_job_knows_its_second_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was read without it is not mixed with what is read with it, or with another version."""
    monkeypatch.setattr(rapid_ocr, "is_installed", lambda _: True)
    cards = NetworkCards.read("digits")
    runs = [run_record(ScanOptions(("a",)), cards)]
    for version in ("3.10.0", "3.11.0"):
        monkeypatch.setattr(second_reader, "rapid_ocr_version", lambda version=version: version)
        runs.append(run_record(ScanOptions(("a",), second_reader="rapidocr"), cards))
    without, with_it, newer = runs
    assert list(with_it.differences(without)) == ["--second-reader not given, now rapidocr 3.10.0"]
    assert list(newer.differences(with_it)) == [
        "--second-reader rapidocr 3.10.0, now rapidocr 3.11.0"
    ]


def test_networks_are_loaded_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise UsageError(name)

    monkeypatch.setattr(network_cards, "second_opinion", missing)
    with pytest.raises(UsageError, match="rapidocr"):
        scan_means.load_networks(ScanOptions((), device="cpu", second_reader="rapidocr"))


@pytest.mark.slow
@needs_rapid_ocr
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_rapid_ocr_reads_a_strip() -> None:
    strip = np.zeros((STRIP_HEIGHT, 110), np.uint8)
    cv2.putText(strip, "3502", (8, 26), cv2.FONT_HERSHEY_SIMPLEX, 1.0, 255, 2)
    reading = RapidStrips().read(strip)
    assert reading.text == "3502" and 0.8 < reading.score <= 1
    assert RapidStrips().read(STRIP).score < 0.8
