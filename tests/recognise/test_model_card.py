"""The model card: written and read unchanged, and refused when anything is wrong."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from formreader.core.errors import ModelError
from formreader.core.model_folder import (
    BOX_MODEL,
    CARD_FILE,
    INK_MODEL,
    LINE_MODEL,
    NUMBER_MODEL,
    file_hashes,
    how_to_renew,
    model_folder,
    read_checked,
)
from formreader.core.options import DEFAULT_MODEL
from formreader.recognise.model_card import CalibrationRow, Card, TestFigures, read_card


def make_card(**changes: Any) -> Card:
    facts: dict[str, Any] = {
        "name": "digits",
        "version": "1.0",
        "created": "2026-01-31",
        "parameters": 1234,
        "temperature": 1.25,
        "training": {"digits": "MNIST", "writer_disjoint": True},
        "recipe": {"epochs": 3, "learning_rate": 0.002},
        "tests": (TestFigures("MNIST test set", 10000, 9960, 9950),),
        "calibration": (
            CalibrationRow(0.95, 1000, 990, 2, 0.0063),
            CalibrationRow(0.99, 1000, 980, 0, 0.0031),
        ),
        "files": {"model.onnx": "00"},
    }
    return Card(**(facts | changes))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / CARD_FILE).write_text(make_card().to_json(), encoding="utf-8")
    return tmp_path


def test_a_card_is_read_as_it_was_written(folder: Path) -> None:
    assert read_card(folder) == make_card()


def test_the_temperature_may_be_a_whole_number(folder: Path) -> None:
    change(folder, lambda raw: raw.update(temperature=1))
    assert read_card(folder).temperature == 1.0


def change(folder: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    path = folder / CARD_FILE
    raw = json.loads(path.read_text(encoding="utf-8"))
    edit(raw)
    path.write_text(json.dumps(raw), encoding="utf-8")


@pytest.mark.parametrize(
    ("edit", "cause"),
    [
        (lambda raw: raw.pop("temperature"), "'temperature' is missing"),
        (lambda raw: raw.update(schema=2), "schema is 2"),
        (lambda raw: raw.update(temperature="warm"), "temperature must be of type float"),
        (lambda raw: raw.update(temperature=True), "temperature must be of type float"),
        (lambda raw: raw.update(temperature=-1.0), "must be from 0.01 to 100"),
        (lambda raw: raw.update(classes=list("0123456789")), "classes must be"),
        (lambda raw: raw.update(classes=[0, 1]), "classes must be of type str"),
        (lambda raw: raw.update(files={"model.onnx": 5}), "model.onnx must be of type str"),
        (lambda raw: raw["tests"][0].pop("n"), "'n' is missing"),
        (lambda raw: raw["calibration"].append(7), "calibration must be of type dict"),
        (lambda raw: raw["calibration"][0].update(errors=1.5), "errors must be of type int"),
        (lambda raw: raw.update(temperature=math.nan), "NaN is no number"),
        (lambda raw: raw["tests"][0].update(right_of_ten=10_001), "test counts contradict"),
        (lambda raw: raw["tests"][0].update(right_of_all=-1), "test counts contradict"),
        (lambda raw: raw["calibration"][0].update(errors=-1), "counts contradict"),
        (lambda raw: raw["calibration"][0].update(accepted=1), "counts contradict"),
        (lambda raw: raw["calibration"][0].update(n=989), "counts contradict"),
        (lambda raw: raw["calibration"][0].update(threshold=math.nan), "NaN is no number"),
        (
            lambda raw: raw["calibration"][0].update(error_bound=math.nan),
            "NaN is no number",
        ),
        (lambda raw: raw["calibration"][0].update(error_bound=0.0), "needs probabilities"),
        (lambda raw: raw["calibration"][0].update(error_bound=0.001), "below the errors counted"),
        (lambda raw: raw["calibration"].reverse(), "rising thresholds"),
        (lambda raw: raw["calibration"].append(raw["calibration"][1]), "rising thresholds"),
        (lambda raw: raw["calibration"][1].update(n=999), "one set of crops"),
        (lambda raw: raw["calibration"][1].update(accepted=991), "one set of crops"),
        (lambda raw: raw["calibration"][1].update(errors=3), "one set of crops"),
    ],
)
def test_a_wrong_card_is_refused_with_its_cause(
    folder: Path, edit: Callable[[dict[str, Any]], object], cause: str
) -> None:
    change(folder, edit)
    with pytest.raises(ModelError, match=cause) as caught:
        read_card(folder)
    assert str(folder / CARD_FILE) in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe\x00", b"[1, 2]", b"null"])
def test_a_file_that_is_not_a_card_is_refused(folder: Path, content: bytes) -> None:
    (folder / CARD_FILE).write_bytes(content)
    with pytest.raises(ModelError, match="model card"):
        read_card(folder)


def test_a_folder_without_a_card_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no model there"):
        read_card(tmp_path)


def test_a_model_file_is_read_when_its_hash_fits(folder: Path) -> None:
    (folder / "model.onnx").write_bytes(b"graph")
    card = make_card(files=file_hashes(folder, ("model.onnx",)))
    assert read_checked(folder, card.files, "model.onnx") == b"graph"


@pytest.mark.parametrize("content", [b"grap", b"grapg", b""])
def test_a_truncated_or_altered_model_file_is_refused(folder: Path, content: bytes) -> None:
    (folder / "model.onnx").write_bytes(b"graph")
    card = make_card(files=file_hashes(folder, ("model.onnx",)))
    (folder / "model.onnx").write_bytes(content)
    with pytest.raises(ModelError, match="damaged"):
        read_checked(folder, card.files, "model.onnx")


def test_a_missing_model_file_is_refused(folder: Path) -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        read_checked(folder, make_card().files, "model.onnx")


def test_a_model_file_that_the_card_does_not_know_is_refused(folder: Path) -> None:
    (folder / "other.onnx").write_bytes(b"graph")
    with pytest.raises(ModelError, match="damaged"):
        read_checked(folder, make_card().files, "other.onnx")


def test_shipped_models_are_renewed_by_installing_not_by_training(tmp_path: Path) -> None:
    for shipped in (DEFAULT_MODEL, BOX_MODEL, NUMBER_MODEL, LINE_MODEL, INK_MODEL):
        assert how_to_renew(model_folder(shipped)) == "Install formreader again."
    assert "formreader train" in how_to_renew(tmp_path / BOX_MODEL)
