"""Training of the box network: pieces and targets, loss, export, and the model folder."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from box_network import box_training
from box_network.__main__ import main
from box_network.box_architecture import build_box_network
from box_network.box_loss import box_loss
from box_network.box_measures import BoxFigures, measure_boxes
from box_network.box_options import BoxTrainOptions
from box_network.box_pages import render_page, render_pages, training_page
from box_network.box_targets import (
    HEAT,
    HEAT_WEIGHT,
    MAX_TAUGHT_SIDE,
    MIN_TAUGHT_SIDE,
    OFFSETS,
    SHAPE_WEIGHT,
    SIDES,
    Targets,
    draw_targets,
)
from box_network.box_training import train_boxes, write_model
from box_network.page_pieces import (
    PIECE_SIDE,
    TrainingPage,
    cut_piece,
    moved,
    sample_piece,
)
from formreader.core.errors import ExitCode, ModelError, OutputError, UsageError
from formreader.core.model_folder import CARD_FILE, KERAS_FILE, ONNX_FILE
from formreader.core.records import GreyImage
from formreader.detect.box_network import BoxNetwork
from formreader.detect.peaks import STRIDE, Maps, find_peaks
from formreader.detect.row_decision import RowDecision
from formreader.synth import FormSpec, Scan, render_form
from shared.map_graph import export_maps
from shared.piece_damage import degrade

pytestmark = pytest.mark.slow

Quads = npt.NDArray[np.float32]


def box(x: float, y: float, width: float, height: float, turn: float = 0.0) -> Quads:
    """The corners of a box about (x, y), turned clockwise by an angle in radians. (1, 4, 2)."""
    half = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) / 2 * (width, height)
    cosine, sine = np.cos(turn), np.sin(turn)
    turned = half @ np.array([[cosine, sine], [-sine, cosine]])
    return np.asarray((turned + (x, y))[None], np.float32)


def row_of_boxes(n: int = 5) -> Quads:
    """Boxes of 24 x 30 pixels side by side."""
    return np.concatenate([box(60.3 + 24 * i, 80.6, 24, 30) for i in range(n)])


def perfect_maps(targets: Targets) -> npt.NDArray[np.float32]:
    """The network's answer if it knew the targets. (h, w, 5)."""
    heat = np.clip(targets[..., HEAT], 1e-6, 1 - 1e-6)
    logit = np.log(heat / (1 - heat))
    maps = [logit[..., None], targets[..., OFFSETS], targets[..., SIDES]]
    return np.asarray(np.concatenate(maps, axis=2), np.float32)


def maps_for(quads: Quads, height: int = 160, width: int = 256) -> Maps:
    """Perfect maps of a page without cells, as the exported graph lays them out."""
    maps = np.moveaxis(perfect_maps(draw_targets(quads, height, width)), 2, 0)
    return np.concatenate([maps, np.full((5, *maps.shape[1:]), -20, np.float32)])


def page_with(quads: Quads, height: int = 160, width: int = 256) -> TrainingPage:
    """A white page with its boxes filled in black."""
    image = np.full((height, width), 255, np.uint8)
    cv2.fillPoly(image, list(quads.round().astype(np.int32)), 0)
    return TrainingPage(image, quads)


def loss_of(targets: Targets, maps: npt.NDArray[np.float32]) -> float:
    return float(box_loss(tf.constant(targets[None]), tf.constant(maps[None])))


@pytest.fixture(scope="module")
def network() -> keras.Model:
    """A network whose weights are random, batch normalisation's means and deviations too."""
    keras.utils.set_random_seed(3)
    rng = np.random.default_rng(3)
    network = build_box_network()
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            shape = layer.gamma.shape
            layer.set_weights(
                [rng.uniform(0.7, 1.3, shape), rng.normal(0, 0.3, shape),
                 rng.normal(0, 0.3, shape), rng.uniform(0.5, 1.5, shape)]
            )  # fmt: skip
    return network


@pytest.fixture(scope="module")
def model(network: keras.Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole model folder."""
    options = BoxTrainOptions(out=tmp_path_factory.mktemp("boxes") / "own", steps=7)
    write_model(network, options, [], [page_with(row_of_boxes())])
    return options.out


@given(
    x=st.floats(30, 220), y=st.floats(30, 130),
    width=st.floats(MIN_TAUGHT_SIDE + 0.1, MAX_TAUGHT_SIDE - 0.1),
    ratio=st.floats(0.5, 2), turn=st.floats(-0.1, 0.1),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_what_targets_say_of_a_box_is_what_the_finder_makes_of_it(
    x: float, y: float, width: float, ratio: float, turn: float
) -> None:
    height = min(max(width * ratio, MIN_TAUGHT_SIDE + 0.1), MAX_TAUGHT_SIDE - 0.1)
    found = find_peaks(maps_for(box(x, y, width, height, turn)))
    assert len(found) == 1
    np.testing.assert_allclose(found.centres[0], (x, y), atol=0.01)
    np.testing.assert_allclose(found.sizes[0], (width, height), rtol=1e-4)


def test_neighbours_keep_their_own_targets() -> None:
    quads = row_of_boxes(6)
    found = find_peaks(maps_for(quads))
    by_x = np.argsort(found.centres[:, 0])
    np.testing.assert_allclose(found.centres[by_x], quads.mean(axis=1), atol=0.01)


@pytest.mark.parametrize("side", [MIN_TAUGHT_SIDE - 1, MAX_TAUGHT_SIDE + 1])
def test_boxes_out_of_range_are_neither_right_nor_wrong(side: float) -> None:
    targets = draw_targets(box(128, 80, side, side), 160, 256)
    assert not targets[..., HEAT].any() and not targets[..., SHAPE_WEIGHT].any()
    assert targets[80 // STRIDE, 128 // STRIDE, HEAT_WEIGHT] == 0
    assert targets[0, 0, HEAT_WEIGHT] == 1


def test_a_piece_without_boxes_wants_none() -> None:
    outside = box(-40, 80, 20, 20)
    for quads in (np.zeros((0, 4, 2), np.float32), outside):
        targets = draw_targets(quads, 64, 96)
        assert targets.shape == (16, 24, 7)
        assert not targets[..., HEAT].any() and targets[..., HEAT_WEIGHT].all()


@pytest.mark.parametrize(
    "matrix",
    [
        [[1.0, 0.0, 40.0], [0.0, 1.0, 90.0]],
        [[1.7, 0.06, -30.0], [-0.06, 1.5, 60.0]],
        [[0.5, 0.02, 100.0], [-0.02, 0.45, 100.0]],
    ],
)
def test_boxes_move_with_the_image(matrix: list[list[float]]) -> None:
    page = page_with(box(110, 70, 60, 40))
    piece = cut_piece(page.image, np.array(matrix))
    quads = moved(page.quads, np.array(matrix))
    assert piece.shape == (PIECE_SIDE, PIECE_SIDE)
    weight = cv2.moments(255 - piece)
    middle = weight["m10"] / weight["m00"], weight["m01"] / weight["m00"]
    np.testing.assert_allclose(quads[0].mean(axis=0), middle, atol=0.5)
    area = cv2.contourArea(quads[0])
    assert weight["m00"] / 255 == pytest.approx(area, rel=0.06)  # borders take half a pixel more


def test_the_same_seed_cuts_the_same_piece() -> None:
    page = page_with(row_of_boxes())
    one, same, other = (sample_piece(page, np.random.default_rng(seed)) for seed in (4, 4, 5))
    assert np.array_equal(one[0], same[0]) and np.array_equal(one[1], same[1])
    assert not np.array_equal(one[0], other[0])


@pytest.mark.parametrize("quads", [row_of_boxes(), np.zeros((0, 4, 2), np.float32)])
def test_pieces_are_darkness_with_targets(quads: Quads) -> None:
    page, rng = page_with(quads), np.random.default_rng(8)
    for _ in range(30):
        darkness, targets = sample_piece(page, rng)
        assert darkness.shape == (PIECE_SIDE, PIECE_SIDE) and darkness.dtype == np.uint8
        assert targets.shape == (PIECE_SIDE // STRIDE, PIECE_SIDE // STRIDE, 17)
        centres = np.argwhere(targets[..., HEAT] == 1) * STRIDE + STRIDE // 2
        if len(centres):
            assert darkness[tuple(centres.T)].mean() > darkness.mean()


def test_degraded_paper_stays_lighter_than_ink() -> None:
    clean = np.zeros((64, 64), np.uint8)
    clean[16:48, 16:48] = 255
    changed = 0
    for seed in range(300):
        piece = degrade(clean, np.random.default_rng(seed))
        assert piece.shape == clean.shape and piece.dtype == np.uint8
        assert piece[20:44, 20:44].mean() > piece[:12].mean() + 40
        changed += not np.array_equal(piece, clean)
    assert changed > 150
    assert set(np.unique(clean)) == {0, 255}  # what is given stays as it was


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_pages_are_upright_whichever_way_they_were_scanned(quarters: int) -> None:
    spec = FormSpec("comb", dpi=100, width=150, height=100, scan=Scan(quarters=quarters))
    page = training_page(render_form(11, spec))
    assert page.image.shape[0] < page.image.shape[1]
    across, down = page.quads[:, 1] - page.quads[:, 0], page.quads[:, 3] - page.quads[:, 0]
    assert len(page.quads) >= 5
    assert (across[:, 0] > 10 * np.abs(across[:, 1])).all()
    assert (down[:, 1] > 10 * np.abs(down[:, 0])).all()
    edges = page.quads[:, :2].mean(axis=1).round().astype(int)
    printed = [page.image[y - 2 : y + 3, x - 1 : x + 2].min() for x, y in edges]
    assert np.mean(np.array(printed) < 190) > 0.9  # the boxes' upper edges are where they should be


def test_each_seed_has_its_page_whichever_process_renders_it() -> None:
    pages = render_pages(21, 2, pytest.fail)
    for page, seed in zip(pages, (21, 22), strict=True):
        here = render_page(seed)
        assert np.array_equal(page.image, here.image) and np.array_equal(page.quads, here.quads)
    assert not np.array_equal(pages[0].image, render_page(21, held_back=True).image)


def test_perfect_maps_are_hardly_wrong() -> None:
    targets = draw_targets(row_of_boxes(), 160, 256)
    sure = perfect_maps(targets)
    sure[..., 0] = np.where(targets[..., HEAT] == 1, 15, -15)
    assert loss_of(targets, sure) == pytest.approx(0, abs=1e-4)
    for channel, wrong in ((0, -sure[..., 0]), (2, sure[..., 2] + 0.1), (4, sure[..., 4] + 0.1)):
        maps = sure.copy()
        maps[..., channel] = wrong
        assert loss_of(targets, maps) > 0.05


def test_boxes_that_are_not_taught_cost_nothing() -> None:
    targets = draw_targets(box(128, 80, MIN_TAUGHT_SIDE - 2, MIN_TAUGHT_SIDE - 2), 160, 256)
    maps = np.full((40, 64, 5), -15, np.float32)
    maps[80 // STRIDE, 128 // STRIDE, 0] = 15
    assert loss_of(targets, maps) == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("logit", [-1000.0, 0.0, 1000.0])
def test_gradients_are_finite(logit: float) -> None:
    targets = tf.constant(draw_targets(row_of_boxes(), 160, 256)[None])
    maps = tf.fill((1, 40, 64, 5), logit)

    @tf.function  # type: ignore[untyped-decorator]  # traced, as training does
    def loss_and_gradient() -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(maps)
            loss = box_loss(targets, maps)
        return loss, tape.gradient(loss, maps)

    for value in loss_and_gradient():
        assert np.isfinite(value.numpy()).all()


def test_measured_are_boxes_found_missed_and_false() -> None:
    row = row_of_boxes()
    page, empty = page_with(row), page_with(np.zeros((0, 4, 2), np.float32))

    def figures(found: Quads, *pages: TrainingPage) -> BoxFigures:
        return measure_boxes(lambda _: maps_for(found), RowDecision.undecided(), pages)

    assert figures(row, page) == BoxFigures(pages=1, boxes=5, found=5, false=0)
    assert figures(row[:3], page) == BoxFigures(1, 5, 3, 0)
    assert figures(row + (0, 9), page) == BoxFigures(1, 5, 5, 0)  # of 39 pixels 21 are shared
    assert figures(row + (0, 11), page) == BoxFigures(1, 5, 0, 5)  # of 41 pixels 19 are shared
    assert figures(row[:0], page, page) == BoxFigures(2, 10, 0, 0)
    assert figures(row, page, empty) == BoxFigures(2, 5, 5, 5)


def test_the_exported_graph_answers_as_keras_does(network: keras.Model, model: Path) -> None:
    page: GreyImage = np.random.default_rng(2).integers(0, 256, (64, 96)).astype(np.uint8)
    darkness = (255 - page)[None, ..., None].astype(np.float32) / 255
    wanted = np.asarray(network(darkness, training=False))[0].transpose(2, 0, 1)
    assert np.ptp(wanted, axis=(1, 2)).min() > 0.1  # the page matters to each map
    np.testing.assert_allclose(BoxNetwork.load(model).maps(page), wanted, atol=1e-3)


def test_layers_that_the_export_does_not_know_are_refused(tmp_path: Path) -> None:
    page = keras.Input((None, None, 1))
    odd = keras.Model(page, keras.layers.Conv2D(5, 3, padding="valid", name="odd")(page))
    with pytest.raises(ValueError, match="layer odd"):
        export_maps(odd, tmp_path / ONNX_FILE)


def test_the_card_says_how_the_network_did(network: keras.Model, model: Path) -> None:
    card = json.loads((model / CARD_FILE).read_text(encoding="utf-8"))
    assert card["name"] == "own" and card["parameters"] == network.count_params()
    assert card["recipe"]["steps"] == 7 and card["recipe"]["base"] == ""
    assert card["tests"][0]["pages"] == 1 and card["tests"][0]["boxes"] == 5
    assert set(card["files"]) == {KERAS_FILE, ONNX_FILE}


@pytest.mark.parametrize("name", [ONNX_FILE, CARD_FILE])
def test_an_altered_model_is_refused(model: Path, tmp_path: Path, name: str) -> None:
    for file in (ONNX_FILE, CARD_FILE):
        (tmp_path / file).write_bytes((model / file).read_bytes())
    BoxNetwork.load(tmp_path)
    (tmp_path / name).write_bytes((model / name).read_bytes()[:-2])
    with pytest.raises(ModelError, match=name):
        BoxNetwork.load(tmp_path)


@pytest.mark.usefixtures("eager")
@pytest.mark.filterwarnings("ignore:Even though the .*run_functions_eagerly:UserWarning")
def test_training_goes_on_from_a_model(
    network: keras.Model, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[int, int, bool]] = []

    def render(
        first: int, count: int, tell: object, *, held_back: bool = False
    ) -> list[TrainingPage]:
        asked.append((first, count, held_back))
        return [page_with(row_of_boxes())] * count

    monkeypatch.setattr(box_training, "render_pages", render)
    told: list[str] = []
    options = BoxTrainOptions(
        tmp_path / "next", pages=2, test_pages=1, steps=2, batch=1, seed=9, base=model
    )
    figures = train_boxes(options, told.append)
    assert asked == [(9, 2, False), (box_training.FIRST_TEST_SEED, 1, True)]
    assert figures.pages == 1 and figures.boxes == 5
    assert any(text.startswith("step 2 of 2: loss ") for text in told)
    BoxNetwork.load(options.out)
    trained = keras.saving.load_model(options.out / KERAS_FILE, compile=False)
    moved = [
        float(np.abs(after - before).max())
        for after, before in zip(trained.get_weights(), network.get_weights(), strict=True)
    ]
    assert 0 < max(moved) < 0.2  # two small steps from where it began


@pytest.mark.parametrize(
    "wrong",
    [{"pages": 0}, {"test_pages": 0}, {"steps": 0}, {"batch": 0}, {"learning_rate": 0.0},
     {"learning_rate": float("nan")}, {"seed": -1}],
)  # fmt: skip
def test_options_out_of_range_are_named(wrong: dict[str, Any]) -> None:
    name = next(iter(wrong)).replace("_", "-")
    with pytest.raises(UsageError, match=f"--{name} must be"):
        replace(BoxTrainOptions(), **wrong)


def test_a_base_that_is_no_model_is_found_before_any_work(tmp_path: Path) -> None:
    options = BoxTrainOptions(tmp_path / "out", base=tmp_path / "nowhere")
    with pytest.raises(ModelError, match=r"nowhere.*--base"):
        train_boxes(options, pytest.fail)


def test_a_folder_that_cannot_be_written_is_found_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="--out"):
        train_boxes(BoxTrainOptions(tmp_path / "file" / "out"), pytest.fail)


def test_the_command_ends_with_the_error_and_its_exit_code(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--pages", "0"])
    assert ended.value.code == ExitCode.USAGE
    assert "--pages must be 1 or more. Received: 0" in capsys.readouterr().err
