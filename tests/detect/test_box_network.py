"""The shipped box network: loaded once, refused when its folder is damaged."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from formreader.core.errors import ModelError
from formreader.core.model_folder import BOX_MODEL, CARD_FILE, ONNX_FILE, model_folder
from formreader.core.records import GreyImage
from formreader.detect.box_network import BoxNetwork, Decisions, shipped_network
from formreader.detect.cell_maps import CELL_CHANNELS
from formreader.detect.peaks import STRIDE, Maps, find_peaks


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the shipped model, to damage."""
    return Path(shutil.copytree(model_folder(BOX_MODEL), tmp_path / "copy"))


def comb() -> GreyImage:
    image = np.full((200, 300), 255, np.uint8)
    for i in range(7):
        cv2.rectangle(image, (60 + 22 * i, 80), (82 + 22 * i, 108), (60,), 1)
    return image


def test_the_network_is_loaded_once_per_process() -> None:
    assert shipped_network() is shipped_network()


@pytest.mark.parametrize("shape", [(200, 300), (193, 305), (224, 320), (1, 1)])
def test_maps_cover_the_page_whatever_its_size(shape: tuple[int, int]) -> None:
    maps = shipped_network().maps(np.full(shape, 255, np.uint8))
    assert maps.shape[0] == 10
    assert maps.shape[1] * STRIDE >= shape[0]
    assert maps.shape[2] * STRIDE >= shape[1]
    assert np.isfinite(maps).all()


def test_boxes_of_a_comb_are_peaks() -> None:
    found = find_peaks(shipped_network().maps(comb()))
    sure = found.select(found.scores > 0.4)
    middles = np.array([[71 + 22 * i, 94] for i in range(7)])
    nearest = np.abs(sure.centres[:, None] - middles).max(axis=2).min(axis=0)
    assert nearest.max() < 3
    assert np.abs(sure.sizes - (22, 28)).max() < 4


class RecordingSession:
    """Stands in for an ONNX session: answers with ones and records its input."""

    def __init__(self) -> None:
        self.shown = np.zeros((0, 0), np.uint8)

    def run(self, _: list[str], inputs: dict[str, npt.NDArray[np.uint8]]) -> list[Maps]:
        self.shown = inputs["darkness"]
        return [np.ones((10, *(side // STRIDE for side in self.shown.shape)), np.float32)]


def test_blank_margins_are_not_shown_to_the_network() -> None:
    session = RecordingSession()
    image = np.full((400, 300), 255, np.uint8)
    image[70:190, 40:120] = 0
    maps = BoxNetwork(session, Decisions.undecided()).maps(image)
    np.testing.assert_array_equal(session.shown, 255 - image[64:192, 32:128])
    assert maps.shape == (10, 104, 80)
    assert (maps[:, 16:48, 8:32] == 1).all()
    maps[:, 16:48, 8:32] = -20
    assert maps[[0, CELL_CHANNELS.start]].max() < -10


def test_noise_in_a_margin_counts_as_blank() -> None:
    session = RecordingSession()
    image = 255 - np.random.default_rng(1).integers(0, 9, (320, 320), np.uint8)
    image[100:110, 100:110] = 240
    BoxNetwork(session, Decisions.undecided()).maps(image)
    assert session.shown.shape == (32, 32)


def test_wide_margins_do_not_change_the_boxes() -> None:
    near = comb()
    wide = np.pad(near, ((320, 160), (64, 256)), constant_values=255)
    alone, amid = (find_peaks(shipped_network().maps(page)) for page in (near, wide))
    assert len(alone) == len(amid)
    assert amid.centres - (64, 320) == pytest.approx(alone.centres, abs=0.01)
    assert amid.scores == pytest.approx(alone.scores, abs=0.001)


def test_an_altered_graph_is_refused(copy: Path) -> None:
    with (copy / ONNX_FILE).open("ab") as stream:
        stream.write(b"\0")
    with pytest.raises(ModelError, match="SHA-256"):
        BoxNetwork.load(copy)


def test_a_missing_graph_is_refused(copy: Path) -> None:
    (copy / ONNX_FILE).unlink()
    with pytest.raises(ModelError, match="cannot be read"):
        BoxNetwork.load(copy)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": 99}', '{"schema": 1}'])
def test_an_invalid_card_is_refused(copy: Path, text: str) -> None:
    (copy / CARD_FILE).write_text(text, encoding="utf-8")
    with pytest.raises(ModelError, match=r"card"):
        BoxNetwork.load(copy)


def test_the_card_states_what_the_network_was_trained_on() -> None:
    card = json.loads((model_folder(BOX_MODEL) / CARD_FILE).read_text(encoding="utf-8"))
    assert card["training"]
    assert card["recipe"]
    assert card["tests"]
