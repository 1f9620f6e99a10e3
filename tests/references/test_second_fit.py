"""How far a second reader is to be believed is fitted to composed cells."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from formreader.core.errors import ModelError, UsageError
from formreader.core.model_folder import CARD_FILE, NUMBER_MODEL, model_folder
from formreader.crop.number_strips import Strip
from formreader.recognise.number_reader import shipped_reader
from formreader.recognise.number_values import NumberValue
from formreader.recognise.second_reader import SecondReading, with_reading
from formreader.training.data.examples import Examples
from number_network import second_fit
from number_network.second_fit import (
    DoubtfulNumber,
    SecondFitOptions,
    fit_second,
    fit_weights,
    measure,
)

pytestmark = pytest.mark.slow

DRAWN = 4000
"""Digits in place of MNIST's; the 240 that are held back make two hands."""


def numbers(n: int, seed: int) -> list[DoubtfulNumber]:
    """Numbers of which 70 % are right, and a reader that says 90 % of these and 20 % of others."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(n):
        right = bool(rng.random() < 0.7)
        says = rng.random() < (0.9 if right else 0.2)
        reading = SecondReading("3502" if says else "3507", float(rng.uniform(0.7, 1)))
        made.append(DoubtfulNumber(NumberValue("3502", 0.7), right, reading))
    return made


def test_it_is_believed_as_far_as_it_was_right() -> None:
    weights = fit_weights(numbers(6000, 1))
    for text, right, wrong in (("3502", 0.7 * 0.9, 0.3 * 0.2), ("3507", 0.7 * 0.1, 0.3 * 0.8)):
        value = with_reading(NumberValue("3502", 0.7), SecondReading(text, 0.85), weights)
        assert value.confidence == pytest.approx(right / (right + wrong), abs=0.03)


def test_figures_count_what_is_accepted_and_what_of_it_is_wrong() -> None:
    known = [
        DoubtfulNumber(NumberValue("3502", 0.99), True, None),
        DoubtfulNumber(NumberValue("3502", 0.99), False, None),
        DoubtfulNumber(NumberValue("3502", 0.5), True, SecondReading("3502", 0.9)),
        DoubtfulNumber(NumberValue("3502", 0.96), False, SecondReading("3507", 0.9)),
        DoubtfulNumber(NumberValue("3502", 0.5), True, SecondReading("3", 0.9)),
    ]
    none = (0.0,) * 3
    weights = second_fit.SecondWeights((*none, math.log(0.98 / 0.02)), (*none, 0.0))
    figures, calibrated = measure(known, weights)
    assert (figures.numbers, figures.asked) == (5, 3)
    assert (figures.accepted_without, figures.wrong_without) == (3, 2)
    assert (figures.accepted, figures.wrong) == (3, 1)
    (row,) = (row for row in calibrated.calibration if row.threshold == 0.95)
    assert (row.n, row.accepted, row.errors) == (5, 3, 1)


class Forgetful:
    """Reads as our network does, but often loses the last character."""

    def read(self, strip: Strip) -> SecondReading:
        (heard,) = shipped_reader().read([strip])
        text = heard.alignment.text
        return SecondReading(text[:-1] if strip.shape[1] % 3 else text, 0.9)


def test_a_fit_goes_into_the_card_and_changes_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, draw_mnist: Callable[[int], Examples]
) -> None:
    draw_mnist(DRAWN)
    copy = tmp_path / "numbers"
    shutil.copytree(model_folder(NUMBER_MODEL), copy)
    before = json.loads((copy / CARD_FILE).read_text(encoding="utf-8"))
    monkeypatch.setattr(second_fit, "RapidStrips", Forgetful)
    monkeypatch.setattr(second_fit, "second_reader_version", lambda _: "rapidocr 3.10.0")
    fit_second(SecondFitOptions(copy, fit_cells=256), lambda _: None)
    after = json.loads((copy / CARD_FILE).read_text(encoding="utf-8"))
    new, old = after.pop("second_readers")["rapidocr"], before.pop("second_readers")["rapidocr"]
    assert after == before
    assert new.keys() == old.keys()
    assert new["version"] == "rapidocr 3.10.0"
    assert new["figures"]["asked"] > 10
    assert new["same"] != old["same"]


def test_what_cannot_be_fitted_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(second_fit, "second_reader_version", lambda _: "rapidocr 3.10.0")
    with pytest.raises(ModelError, match=r"nothing|no such|missing|not there|not found"):
        fit_second(SecondFitOptions(tmp_path / "nothing"), lambda _: None)
    with pytest.raises(UsageError, match="--fit-cells"):
        SecondFitOptions(fit_cells=0)
