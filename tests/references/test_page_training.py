"""The page network's loss, and its export."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from formreader.look.page_maps import CHANNELS

pytestmark = pytest.mark.slow


def targets_of_a_box() -> np.ndarray:
    from page_network.pieces import CORE_WEIGHTS, CORES, TARGETS

    targets = np.zeros((2, 24, 24, TARGETS), np.float32)
    targets[..., CORE_WEIGHTS] = 1
    targets[:, 6:12, 6:12, CORES.start : CORES.start + 4] = 1
    targets[:, 14:18, 2:20, CORES.stop - 4 : CORES.stop] = 1
    targets[:, 5, 4:14, :4] = 1
    return targets


def perfect(targets: np.ndarray) -> np.ndarray:
    from page_network.pieces import CORES, LAYER_BITS

    maps = targets[..., :CHANNELS].copy()
    for part in (LAYER_BITS, CORES):
        maps[..., part] = 40 * maps[..., part] - 20
    return maps


def loss(targets: np.ndarray, maps: np.ndarray) -> float:
    from page_network.network import page_loss

    return float(np.asarray(page_loss(targets, maps)))


def test_perfect_maps_have_no_loss() -> None:
    targets = targets_of_a_box()
    assert loss(targets, perfect(targets)) < 0.02


def test_each_mistake_costs() -> None:
    from page_network.pieces import CORES, LAYER_BITS

    targets = targets_of_a_box()
    best = loss(targets, perfect(targets))
    for part in (LAYER_BITS, CORES):
        maps = perfect(targets)
        maps[..., part] *= -1
        assert loss(targets, maps) > best + 0.2
    doubtful = perfect(targets)
    doubtful[..., CORES] *= 0.02
    assert best < loss(targets, doubtful)


def test_what_is_unclear_costs_nothing() -> None:
    from page_network.pieces import CORE_WEIGHTS, CORES

    targets = targets_of_a_box()
    targets[:, 20:, :, CORE_WEIGHTS] = 0
    maps = perfect(targets)
    maps[:, 20:, :, CORES] *= -1
    assert loss(targets, maps) == pytest.approx(loss(targets, perfect(targets)), abs=1e-3)


def test_the_exported_network_says_what_the_trained_one_says(tmp_path: Path) -> None:
    import keras

    from page_network.network import build_page_network
    from shared.map_graph import export_maps

    keras.utils.set_random_seed(3)
    network = build_page_network()
    rng = np.random.default_rng(1)
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            shape = layer.moving_mean.shape
            layer.moving_mean.assign(rng.normal(0, 0.1, shape))
            layer.moving_variance.assign(rng.uniform(0.5, 1.5, shape))
            layer.gamma.assign(rng.uniform(0.8, 1.2, shape))
            layer.beta.assign(rng.normal(0, 0.1, shape))
    export_maps(network, tmp_path / "model.onnx")
    darkness = rng.integers(0, 256, (64, 96)).astype(np.uint8)
    wanted = np.asarray(network(darkness[None, ..., None].astype(np.float32) / 255))[0]
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"))
    (maps,) = session.run(["maps_out"], {"darkness": darkness})
    assert maps.shape == (CHANNELS, 16, 24)
    assert np.abs(maps - wanted.transpose(2, 0, 1)).max() < 1e-4
