"""How a crop was read: by networks whose answers are known, and by each architecture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from formreader.cli.error_handling import Program
from formreader.cli.evaluate import explain
from formreader.core.errors import ExitCode
from formreader.core.model_folder import CARD_FILE, KERAS_FILE, file_hashes
from formreader.core.options import Architecture
from formreader.recognise.architectures import NetworkConfig, build_network
from formreader.recognise.model_card import Card
from formreader.recognise.recogniser import softmax
from formreader.training.evaluate.explanation import (
    MAX_SHOWN_MAPS,
    Explanation,
    LayerMaps,
    draw_explanation,
    explain_crop,
    feature_maps,
    log_odds,
)

pytestmark = pytest.mark.slow

SHARP = 0.05
"""Weight of a pixel in the network of halves."""

RunExplain = Callable[..., Result]


def network_of_halves() -> keras.Model:
    """Ink at the left speaks for a 3, at the right for a 5; the bias is for the 3."""
    crops = keras.Input((28, 28, 1), dtype="uint8")
    x = keras.layers.Rescaling(1 / 255)(crops)
    logits = keras.layers.Dense(11)(keras.layers.Flatten()(x))
    network = keras.Model(crops, logits)
    kernel = np.zeros((28, 28, 11), np.float32)
    kernel[:, :14, 3] = kernel[:, 14:, 5] = SHARP
    bias = np.zeros(11, np.float32)
    bias[3] = 4.0
    network.set_weights([kernel.reshape(784, 11), bias])
    return network


@pytest.fixture(scope="module")
def crop() -> np.ndarray:
    """A bar across the middle."""
    crop = np.zeros((28, 28), np.uint8)
    crop[12:16, 4:24] = 255
    return crop


@pytest.fixture(scope="module")
def halves(crop: np.ndarray) -> Explanation:
    return explain_crop(crop, network_of_halves(), temperature=2.0)


@given(
    arrays(np.float32, (3, 11), elements=st.floats(-6, 6, width=32)),
    st.integers(0, 10),
    st.floats(0.5, 3),
)
def test_log_odds_are_those_of_the_probabilities(
    logits: np.ndarray, chosen: int, temperature: float
) -> None:
    p = softmax(logits, temperature)[:, chosen].astype(np.float64)
    np.testing.assert_allclose(
        log_odds(logits, chosen, temperature), np.log(p / (1 - p)), atol=0.02
    )


def test_log_odds_still_tell_apart_what_is_certain() -> None:
    logits = np.zeros((2, 11), np.float32)
    logits[:, 7] = 40, 50
    low, high = log_odds(logits, 7, 1.0)
    assert high - low == pytest.approx(10)
    assert softmax(logits, 1.0)[:, 7].tolist() == [1, 1]


def test_the_reading_is_calibrated(halves: Explanation) -> None:
    ink = 4 * 10 * SHARP
    logits = np.zeros((1, 11), np.float32)
    logits[0, [3, 5]] = 4 + ink, ink
    assert halves.reading == "3"
    assert halves.confidence == pytest.approx(softmax(logits, 2.0)[0, 3], abs=1e-5)


def test_ink_speaks_for_and_against_the_reading(halves: Explanation, crop: np.ndarray) -> None:
    assert (halves.ink[12:16, 4:10] > 0.02).all()
    assert (halves.ink[12:16, 18:24] < -0.02).all()
    far_from_ink = np.r_[0:4, 24:28]
    assert np.abs(halves.ink[far_from_ink]).max() < 0.002


def test_paper_tells_what_ink_would_do_there(halves: Explanation) -> None:
    assert (halves.paper[2:10, 3:10] > 0.1).all()
    assert (halves.paper[2:10, 18:25] < -0.05).all()
    assert np.abs(halves.paper[13:15, 6:9]).max() < np.abs(halves.paper[4:6, 6:9]).min()


@pytest.mark.parametrize(
    ("arch", "stages", "shapes"),
    [
        ("mlp", ((8,),), []),
        ("lenet", ((3,), (4,), (6, 5)), [(3, 28, 28), (4, 10, 10)]),
        ("cnn", ((3,), (4, 5)), [(3, 28, 28), (4, 14, 14), (5, 14, 14)]),
        ("resnet", ((3,), (4,)), [(3, 28, 28)] * 3 + [(4, 14, 14)] * 3),
    ],
)
def test_each_architecture_shows_its_convolutions(
    arch: Architecture, stages: tuple[tuple[int, ...], ...], shapes: list[tuple[int, ...]],
    crop: np.ndarray,
) -> None:  # fmt: skip
    explanation = explain_crop(crop, build_network(NetworkConfig(arch, stages)), 1.0)
    assert [layer.maps.shape for layer in explanation.layers] == shapes
    for layer in explanation.layers:
        strength = np.abs(layer.maps).mean(axis=(1, 2))
        assert (np.diff(strength) <= 0).all(), layer.layer


def test_maps_are_what_the_next_layer_gets(crop: np.ndarray) -> None:
    network = build_network(NetworkConfig("cnn", ((3,), (4,))))
    relu = keras.Model(network.input, network.get_layer("stage1_1").output)
    expected = np.moveaxis(relu.predict_on_batch(crop[None, ..., None])[0], -1, 0)
    maps = next(feature_maps(crop, network)).maps
    order = np.argsort(-expected.mean(axis=(1, 2)), kind="stable")
    np.testing.assert_allclose(maps, expected[order], atol=1e-6)


@pytest.mark.parametrize("layers", [0, 2])
def test_the_picture_has_a_strip_for_each_convolution(
    layers: int, halves: Explanation, crop: np.ndarray, tmp_path: Path
) -> None:
    rng = np.random.default_rng(1)
    maps = rng.normal(0, 1, (MAX_SHOWN_MAPS + 3, 7, 7)).astype(np.float32)
    explanation = Explanation(
        crop, halves.probabilities, halves.ink, halves.paper,
        tuple(LayerMaps(f"layer {i}", maps) for i in range(layers)),
    )  # fmt: skip
    draw_explanation(np.full((900, 700), 200, np.uint8), explanation, tmp_path / "why.png")
    with Image.open(tmp_path / "why.png") as picture:
        width, height = picture.size
    assert height == pytest.approx((0.28 + 0.082 * layers) * width, rel=0.02)


def test_silent_maps_and_an_unmoved_reading_are_drawn_too(
    halves: Explanation, crop: np.ndarray, tmp_path: Path
) -> None:
    nothing, maps = np.zeros((28, 28)), LayerMaps("silent", np.zeros((2, 5, 5), np.float32))
    still = Explanation(crop, halves.probabilities, nothing, nothing, (maps,))
    draw_explanation(np.full((1, 3), 9, np.uint8), still, tmp_path / "why.png")
    assert (tmp_path / "why.png").stat().st_size > 0


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunExplain:
    """Runs the command in an empty folder."""
    monkeypatch.chdir(tmp_path)
    group = Program("formreader")
    group.add_command(explain)

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(group, ["explain", *arguments], prog_name="formreader")

    return invoke


@pytest.fixture
def digit(tmp_path: Path) -> str:
    """An image of a digit: dark on bright, in a folder of its own, with a name that is hard."""
    image = np.full((60, 50), 250, np.uint8)
    image[8:52, 22:28] = 20
    folder = tmp_path / "images"
    folder.mkdir()
    Image.fromarray(image).save(folder / "$1_{.png")
    return "images/$1_{.png"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A model folder with the network of halves."""
    folder = tmp_path_factory.mktemp("model")
    network_of_halves().save(folder / KERAS_FILE)
    card = Card(
        name="halves", version="1", created="2026-01-01", parameters=8635, temperature=1.0,
        training={}, recipe={}, tests=(), calibration=(),
        files=file_hashes(folder, (KERAS_FILE,)),
    )  # fmt: skip
    (folder / CARD_FILE).write_text(card.to_json(), encoding="utf-8")
    return str(folder)


def test_the_command_tells_the_reading_and_where_the_picture_is(
    run: RunExplain, digit: str, model: str, tmp_path: Path
) -> None:
    result = run(digit, "--model", model)
    assert result.exit_code == ExitCode.DONE, result.output
    reading, picture = result.stdout.splitlines()
    assert reading.startswith(f"{digit}: 3, confidence 0.")
    assert picture == "$1_{.explained.png"
    with Image.open(tmp_path / picture) as opened:
        assert opened.format == "PNG"


def test_out_and_quiet(run: RunExplain, digit: str, model: str, tmp_path: Path) -> None:
    result = run(digit, "--model", model, "--out", "why.png", "-q")
    assert (result.exit_code, result.stdout) == (ExitCode.DONE, "")
    assert (tmp_path / "why.png").is_file()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("none.png",), ExitCode.NO_INPUT, "none.png: there is no such file"),
        (("text.png",), ExitCode.PAGES_FAILED, "text.png: it is not a PNG"),
        (("blank.png",), ExitCode.PAGES_FAILED, "blank.png: the image is blank"),
        (("blank.png", "--out", "none/why.png"), ExitCode.OUTPUT, "none does not exist"),
        (("blank.png", "--out", "./blank.png"), ExitCode.USAGE, "it is the image to explain"),
    ],
)
def test_what_cannot_be_explained_leaves_no_picture(
    run: RunExplain, tmp_path: Path, arguments: tuple[str, ...], code: ExitCode, message: str
) -> None:
    Image.new("L", (60, 60), 240).save(tmp_path / "blank.png")
    (tmp_path / "text.png").write_text("no picture")
    result = run(*arguments)
    assert result.exit_code == code, result.output
    assert message in result.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"blank.png", "text.png"}


def test_a_missing_model(run: RunExplain, digit: str, tmp_path: Path) -> None:
    result = run(digit, "--model", "no_such_model")
    assert result.exit_code == ExitCode.MODEL
    assert "no_such_model: no such model" in result.stderr
