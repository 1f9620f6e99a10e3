"""Training of the number network: batches, loss, export, confidence, and the model folder."""

from __future__ import annotations

import json
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from formreader.core.classes import CLASSES
from formreader.core.errors import ExitCode, ModelError, OutputError, UsageError
from formreader.core.model_folder import (
    CARD_FILE,
    KERAS_FILE,
    ONNX_FILE,
    QUICK_FILE,
    file_hashes,
    load_graph,
)
from formreader.core.options import ScanOptions
from formreader.core.records import DigitBox, FieldCrops, NumberStrip
from formreader.crop.number_strips import STRIP_HEIGHT
from formreader.recognise.ctc import (
    CHARACTERS,
    CTC_CLASSES,
    Alignment,
    log_probabilities,
    place_probabilities,
)
from formreader.recognise.decisions import ReadField
from formreader.recognise.model_card import CalibrationRow
from formreader.recognise.number_confidence import FEATURES, ConfidenceModel
from formreader.recognise.number_reader import (
    NUMBER_TRIAL,
    NumberHypothesis,
    NumberReader,
    Outputs,
    no_features,
    outputs_of_graph,
)
from number_network import confidence_fitting, number_training
from number_network.__main__ import main
from number_network.confidence_fitting import (
    ConfidenceFigures,
    ReadCell,
    expected_calibration_error,
    fit_model,
    measure_confidence,
)
from number_network.number_architecture import build_number_network
from number_network.number_fitting import number_loss
from number_network.number_graph import (
    export_number_network,
    quantise_numbers,
)
from number_network.number_measures import NumberFigures, measure_numbers
from number_network.number_options import NumberTrainOptions
from number_network.number_training import fit_strip_hand, train_numbers
from number_network.strip_batches import as_targets, strip_batches, varied
from number_network.strip_pool import LabelledStrip

pytestmark = pytest.mark.slow


def some_strips(n: int, seed: int = 1) -> list[LabelledStrip]:
    rng = np.random.default_rng(seed)
    widths = rng.integers(20, 90, n).tolist()
    return [
        LabelledStrip(
            rng.integers(0, 256, (STRIP_HEIGHT, width)).astype(np.uint8), str(width % 100)
        )
        for width in widths
    ]


def quiet(_: str) -> None:
    """Say nothing."""


def test_batches_hold_strips_of_like_widths_and_depend_on_their_random_numbers_alone() -> None:
    make = strip_batches(some_strips(300), 4)
    darkness, targets = make(np.random.default_rng(3))
    again, _ = make(np.random.default_rng(3))
    assert np.array_equal(darkness, again)
    assert darkness.shape[:2] == (4, STRIP_HEIGHT)
    assert darkness.shape[2] % 32 == 0
    assert darkness.dtype == np.uint8
    assert (targets[:, 0] > 0).all()
    assert len({make(np.random.default_rng(i))[0].shape[2] for i in range(16)}) > 1


def test_varied_strips_never_lose_places() -> None:
    rng = np.random.default_rng(2)
    strip = some_strips(1)[0].strip
    for _ in range(40):
        seen = varied(strip, rng)
        assert seen.shape[1] >= strip.shape[1]
        assert (len(seen), seen.dtype) == (STRIP_HEIGHT, np.uint8)


def test_the_loss_is_the_negative_log_probability_of_the_target() -> None:
    rng = np.random.default_rng(3)
    logits = rng.normal(0, 2, (3, 12, CTC_CLASSES)).astype(np.float32)
    texts = ["407", "1.5", "_"]
    expected = log_probabilities(place_probabilities(logits), texts).tolist()
    traced = tf.function(number_loss)  # as training does
    for loss in (number_loss, traced):
        told = -np.asarray(loss(as_targets(texts), logits))
        assert told.tolist() == pytest.approx(expected, rel=1e-4)


def test_the_exported_graphs_read_as_keras_does(tmp_path: Path) -> None:
    keras.utils.set_random_seed(1)
    network = build_number_network()
    for layer in network.layers:  # as after a training
        if isinstance(layer, keras.layers.BatchNormalization):
            shape = layer.moving_mean.shape
            layer.moving_mean.assign(keras.random.normal(shape, stddev=0.1))
            layer.moving_variance.assign(keras.random.uniform(shape, 0.5, 2.0))
    export_number_network(network, tmp_path / ONNX_FILE)
    rng = np.random.default_rng(4)
    drawn = [rng.integers(0, 256, (STRIP_HEIGHT, 56)).astype(np.uint8) for _ in range(40)]
    quantise_numbers(tmp_path / ONNX_FILE, tmp_path / QUICK_FILE, drawn)
    hashes = file_hashes(tmp_path, (ONNX_FILE, QUICK_FILE))
    by_graph, quick = (
        outputs_of_graph(load_graph(tmp_path, hashes, 1, NUMBER_TRIAL, name))
        for name in (ONNX_FILE, QUICK_FILE)
    )
    for width in (32, 96):
        strips = rng.integers(0, 256, (3, STRIP_HEIGHT, width)).astype(np.uint8)
        darkness = strips[..., None].astype(np.float32) / 255
        expected = np.asarray(network(darkness, training=False), np.float32)
        assert expected.shape == (3, width // 2, CTC_CLASSES)
        logits, features = by_graph(strips)
        assert np.abs(logits - expected).max() < 1e-3
        rounded = np.abs(quick(strips)[0] - expected)
        assert 1e-3 < rounded.max() < 0.1 * np.ptp(expected)
        # The last layer turns the features into the logits.
        kernel, bias = (np.asarray(w) for w in network.get_layer("characters").get_weights())
        by_hand = (features @ kernel[0, 0] + bias).reshape(expected.shape)
        np.testing.assert_allclose(by_hand, logits, atol=1e-3)
        assert no_features(strips).shape == (3, width // 4, 0)


def test_a_network_with_other_layers_is_not_exported(tmp_path: Path) -> None:
    strip = keras.Input((STRIP_HEIGHT, None, 1))
    network = keras.Model(strip, keras.layers.Softmax()(strip))
    with pytest.raises(ValueError, match="cannot export"):
        export_number_network(network, tmp_path / ONNX_FILE)


def test_strips_are_counted_right_where_every_character_is() -> None:
    strips = [
        LabelledStrip(np.zeros((STRIP_HEIGHT, 20), np.uint8), target)
        for target in ("1", "11", "_", "?")
    ]

    def always_one(stack: np.ndarray) -> Outputs:
        logits = np.zeros((len(stack), stack.shape[2] // 2, CTC_CLASSES), np.float32)
        logits[:, :, CHARACTERS.index("1")] = 9.0
        return logits, no_features(stack)

    figures = measure_numbers(strips, always_one)
    assert figures == NumberFigures(2, 1, 2, 0)
    assert figures.wrong_share == pytest.approx(0.75)


def read_cells(n: int, seed: int) -> list[ReadCell]:
    """Cells in which 12 is read, right as often as the strip and the digit network say."""
    rng = np.random.default_rng(seed)
    box = DigitBox(((0, 0), (9, 0), (9, 9), (0, 9)))
    strip = NumberStrip(*[np.full((STRIP_HEIGHT, 40), 255, np.uint8)] * 2, np.eye(3))
    crops, blank = np.zeros((2, 28, 28), np.uint8), np.zeros(2, np.bool_)
    field = FieldCrops((box, box), crops, blank, cell=box, strip=strip)
    at = np.array([2, 12])
    alignment = Alignment("12", at, at + 1, np.ones(2))
    places = np.full((20, CTC_CLASSES), 0.05, np.float32)
    cells = []
    for _ in range(n):
        strip_doubt, digit_doubt = np.exp(rng.uniform(-8, 0, 2)).tolist()
        right = bool(rng.random() > (strip_doubt * digit_doubt) ** 0.5)
        rows = np.full((2, len(CLASSES)), digit_doubt / 10, np.float32)
        rows[0, 1], rows[1, 2] = 1 - digit_doubt, 1.0
        hypothesis = NumberHypothesis(places, alignment, 1 - strip_doubt, 0.0)
        cells.append(ReadCell(ReadField(field, rows), hypothesis, "12" if right else "17"))
    return cells


def test_the_confidence_is_calibrated_but_for_the_errors_of_pages(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    careful = fit_model(read_cells(6000, 1))
    monkeypatch.setattr(confidence_fitting, "_ERRORS_OF_PAGES", 1.0)
    model = fit_model(read_cells(6000, 1))
    figures, rows = measure_confidence(read_cells(4000, 2), model)
    assert measure_confidence(read_cells(4000, 2), careful)[0].accepted < figures.accepted
    assert figures.expected_calibration_error < 0.03
    assert 0 < figures.accepted < figures.numbers
    assert figures.accepted_wrong < 0.05 * figures.accepted
    (default,) = (row for row in rows if row.threshold == ScanOptions(()).review_below)
    assert (default.n, default.accepted, default.errors) == (
        figures.numbers, figures.accepted, figures.accepted_wrong,
    )  # fmt: skip


def test_a_fit_without_errors_to_learn_from_is_still_unsure() -> None:
    """One error in a hundred is taken for possible, and three on pages."""
    cells = [one for one in read_cells(400, 3) if one.right][:98]
    figures, _ = measure_confidence(cells, fit_model(cells))
    assert figures.expected_calibration_error == pytest.approx(0.03, abs=1e-3)


def test_calibration_error_of_honest_and_of_boasting_confidences() -> None:
    right = np.arange(1000) % 10 != 0
    assert expected_calibration_error(np.full(1000, 0.9), right) < 1e-9
    assert expected_calibration_error(np.full(1000, 1.0), right) == pytest.approx(0.1)


@pytest.fixture
def fake_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random strips in place of composed ones: composing takes long, and needs MNIST."""

    def compose(_source: object, seed: int, count: int, _tell: object) -> list[LabelledStrip]:
        return some_strips(count, seed % 97)

    def fit(*_: object) -> tuple[ConfidenceModel, ConfidenceFigures, tuple[CalibrationRow, ...]]:
        model = ConfidenceModel((0.0,) * (len(FEATURES) + 1))
        return model, ConfidenceFigures(1, 1, 1, 0, 0.5), (CalibrationRow(0.5, 1, 1, 0, 0.95),)

    monkeypatch.setattr(number_training, "compose_strips", compose)
    monkeypatch.setattr(number_training, "fit_confidence", fit)


@pytest.mark.usefixtures("fake_cells", "eager")
@pytest.mark.filterwarnings("ignore:Even though the .*run_functions_eagerly:UserWarning")
def test_training_writes_a_folder_that_can_be_read_and_gone_on_from(tmp_path: Path) -> None:
    out, told = tmp_path / "numbers", list[str]()
    options = NumberTrainOptions(out=out, strips=40, test_strips=8, steps=3, batch=4)
    figures = train_numbers(options, told.append)
    assert figures.numbers == 8
    assert any(line.startswith("step 3 of 3: loss") for line in told)
    card = json.loads((out / CARD_FILE).read_text(encoding="utf-8"))
    assert card["recipe"]["seed"] == options.seed
    assert card["confidence"]["features"] == list(FEATURES)
    (heard,) = NumberReader.load(out).read([some_strips(1)[0].strip])
    assert 0 <= heard.probability <= 1
    again = NumberTrainOptions(
        out=tmp_path / "more", strips=40, test_strips=8, steps=1, batch=4, base=out
    )
    train_numbers(again, quiet)
    assert json.loads((again.out / CARD_FILE).read_text())["recipe"]["base"] == "numbers"
    as_it_is = NumberTrainOptions(out=tmp_path / "same", test_strips=8, steps=0, base=out)
    train_numbers(as_it_is, quiet)
    weights, kept = (
        keras.saving.load_model(folder / KERAS_FILE, compile=False).get_weights()
        for folder in (out, as_it_is.out)
    )
    assert all(map(np.array_equal, weights, kept))


def test_the_hand_is_of_the_strips_that_are_read_rightly() -> None:
    """Each digit has features of its own; those of a wrong reading are left out."""
    texts = [*"0123456789", "7"]
    strips = [LabelledStrip(np.full((STRIP_HEIGHT, 20), i, np.uint8), t)
              for i, t in enumerate(texts)]  # fmt: skip

    def outputs_of(stack: np.ndarray) -> Outputs:
        number = stack[:, 0, 0].astype(np.int64)  # the last one is read as a 0
        logits = np.zeros((len(stack), stack.shape[2] // 2, CTC_CLASSES), np.float32)
        logits[:, :, -1] = 5.0
        logits[np.arange(len(stack)), 4, number % 10] = 9.0
        features = np.zeros((len(stack), stack.shape[2] // 4, 3), np.float32)
        features[:, 2, 0] = number
        return logits, features

    hand = fit_strip_hand(strips, outputs_of)
    assert hand is not None
    assert hand.means.tolist() == [[i, 0, 0] for i in range(10)]
    assert fit_strip_hand(strips[1:], outputs_of) is None


@pytest.mark.usefixtures("fake_cells")
def test_training_does_not_begin_where_it_cannot_end(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(OutputError, match="cannot be written"):
        train_numbers(NumberTrainOptions(out=tmp_path / "file" / "in"), quiet)
    with pytest.raises(ModelError, match="cannot start"):
        train_numbers(NumberTrainOptions(out=tmp_path / "out", base=tmp_path), quiet)


@pytest.mark.parametrize("wrong", [{"strips": 0}, {"learning_rate": 0.0}, {"seed": -1}])
def test_options_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="Received"):
        NumberTrainOptions(**wrong)  # type: ignore[arg-type]


def test_the_command_says_what_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--steps", "0"])
    assert stopped.value.code == ExitCode.USAGE
    assert "--steps must be 1 or more" in capsys.readouterr().err
