"""The files of a training run: whole or not at all, and read back as written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from formreader.core.errors import UsageError
from formreader.core.options import TrainOptions
from formreader.recognise.architectures import NetworkConfig
from formreader.training.data.examples import Examples
from formreader.training.fit.run_folder import (
    all_settings,
    finish,
    is_unfinished,
    load_state,
    load_weights,
    option_settings,
    replace_file,
    save_state,
    save_weights,
)


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "best.weights.npz"
    path.write_text("old")

    def fail(part: Path) -> None:
        assert part.suffix == path.suffix
        part.write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        replace_file(path, fail)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_state_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    arrays = {"steps": np.array(3), "weights": np.arange(6, dtype=np.float32).reshape(2, 3)}
    save_state(tmp_path, arrays, {"history": [{"loss": 0.1}]})
    again, record = load_state(tmp_path)
    assert record == {"history": [{"loss": 0.1}]}
    assert again.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(again[name], array, strict=True)
    assert is_unfinished(tmp_path)
    finish(tmp_path)
    assert not is_unfinished(tmp_path)


def test_weights_come_back_as_they_were_saved(tmp_path: Path) -> None:
    weights = [np.full((2, 3), i, np.float32) for i in range(12)]
    path = tmp_path / "best.weights.npz"
    save_weights(path, weights)
    np.testing.assert_array_equal(load_weights(path), weights, strict=True)
    path.write_bytes(path.read_bytes()[:-100])
    for _ in range(2):
        with pytest.raises(UsageError, match=r"best.weights.npz: .*cannot be resumed.*--fresh"):
            load_weights(path)
        path.unlink(missing_ok=True)


def test_where_it_is_written_is_no_setting() -> None:
    one = option_settings(TrainOptions(out=Path("a"), fresh=True))
    other = option_settings(TrainOptions(out=Path("b")))
    assert one == other
    assert option_settings(TrainOptions(writers=Path("w.npz"))) != one


def test_one_changed_pixel_is_other_data() -> None:
    crops, labels = np.zeros((2, 28, 28), np.uint8), np.zeros(2, np.uint8)
    changed = crops.copy()
    changed[1, 5, 5] = 1
    one, other = (
        all_settings(TrainOptions(), NetworkConfig(), {"digits": "drawn"}, Examples(c, labels))
        for c in (crops, changed)
    )
    assert one["data"]["digits"] == "drawn"
    assert one["data"]["checksum"] != other["data"]["checksum"]
