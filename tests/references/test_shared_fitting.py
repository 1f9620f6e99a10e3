"""What the trainings of all networks share: batches, checkpoints, messages, options."""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
import pytest

from formreader.core.errors import OutputError, UsageError
from formreader.core.model_folder import CARD_FILE, KERAS_FILE, ONNX_FILE, file_hashes
from shared import fitting
from shared.fitting import (
    CHECKPOINT_FILE,
    Batch,
    Optimisation,
    Piece,
    StepBatches,
    fit,
    piece_batches,
)
from shared.network_options import NetworkOptions
from shared.network_writing import output_errors, write_network

pytestmark = pytest.mark.slow

HOW = Optimisation(warm_up=2, weight_decay=1e-4, averaging=0.9)


@dataclass(frozen=True, slots=True)
class Options(NetworkOptions):
    out: Path = Path("out")
    pages: int = 1
    test_pages: int = 1
    steps: int = 8
    batch: int = 4
    learning_rate: float = 0.01
    seed: int = 3
    base: Path | None = None
    names: tuple[str, ...] = ("a",)


def network() -> keras.Model:
    keras.utils.set_random_seed(1)
    darkness = keras.Input((2, 2, 1))
    flat = keras.layers.Flatten()(keras.layers.BatchNormalization()(darkness))
    return keras.Model(darkness, keras.layers.Dense(1)(flat))


def piece(page: int, rng: np.random.Generator) -> Piece:
    """A piece of a page, all of which have its number as their target."""
    return rng.integers(0, 256, (2, 2)).astype(np.uint8), np.full(1, page, np.float32)


def trained(options: Options, tell: Callable[[str], None] = str) -> list[npt.NDArray[np.float32]]:
    """The weights after a training, which begins with the same ones each time."""
    one = network()
    fit(one, "mse", piece_batches([2, 5], piece, options), options, HOW, tell)
    return [np.asarray(weight) for weight in one.get_weights()]


def test_batches_depend_on_the_seed_and_their_step_alone() -> None:
    options = Options(steps=3)
    make = piece_batches([2, 5], piece, options)
    batches, again, later = (StepBatches(make, options, first) for first in (0, 0, 1))
    assert (len(batches), len(later)) == (3, 2)
    again[0]
    darkness, targets = batches[2]
    for other in (again[2], later[1]):
        np.testing.assert_array_equal(darkness, other[0])
        np.testing.assert_array_equal(targets, other[1])
    assert darkness.dtype == targets.dtype == np.float32
    assert darkness.shape == (4, 2, 2, 1) and 0.5 < darkness.max() <= 1
    assert set(targets.ravel()) <= {2.0, 5.0}
    assert not np.array_equal(batches[0][0], darkness)
    assert not np.array_equal(StepBatches(make, replace(options, seed=6))[2][0], darkness)


def test_the_first_batch_is_never_as_wide_as_the_second_where_widths_vary() -> None:
    """Keras takes a width that both share for that of all, and fails at the next."""

    def make(rng: np.random.Generator) -> Batch:
        wide = 32 * int(rng.integers(1, 3))
        return np.ones((4, 2, wide, 1), np.float32), np.zeros(4, np.float32)

    same = 0
    for seed in range(20):
        options = Options(seed=seed)
        batches = StepBatches(make, options, widths_vary=True)
        first, second = (batches[i][0].shape[2] for i in range(2))
        assert first != second
        same += StepBatches(make, options)[0][0].shape[2] == second
    assert same > 0


def test_a_training_that_goes_on_ends_as_one_that_was_not_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitting, "_STEPS_PER_CHECKPOINT", 5)
    whole = trained(Options())
    options = Options(work=tmp_path / "work")

    def interrupt(text: str) -> None:
        assert text.startswith("step 5 of 8: loss ")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trained(options, interrupt)
    told: list[str] = []
    resumed = trained(options, told.append)
    assert [text.partition(":")[0] for text in told] == ["going on after step 5", "step 8 of 8"]
    for one, other in zip(resumed, whole, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_network_ends_up_with_the_average_of_its_weights() -> None:
    averaged, last = (network_after(replace(HOW, averaging=averaging)) for averaging in (0.9, 0.0))
    begun = network().get_weights()[-2]
    assert 0 < np.abs(averaged - begun).max() < np.abs(last - begun).max()


def network_after(how: Optimisation) -> npt.NDArray[np.float32]:
    """The kernel after a training on targets that are all the same."""
    one, options = network(), Options()
    fit(one, "mse", piece_batches([5], piece, options), options, how, str)
    return np.asarray(one.get_weights()[-2])


def test_a_checkpoint_of_something_else_is_named(tmp_path: Path) -> None:
    options = Options(work=tmp_path)
    (tmp_path / CHECKPOINT_FILE).write_bytes(b"none")
    with pytest.raises(UsageError, match=rf"{CHECKPOINT_FILE}: .*--work"):
        trained(options)


def test_a_checkpoint_after_the_last_step_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitting, "_STEPS_PER_CHECKPOINT", 5)
    trained(Options(work=tmp_path))
    with pytest.raises(UsageError, match=r"5 steps are done.*--steps"):
        trained(Options(work=tmp_path, steps=5))


def test_the_recipe_names_no_folder_of_this_machine() -> None:
    recipe = Options(out=Path("/here/out"), work=Path("/here/w"), base=Path("/here/boxes")).recipe()
    assert recipe == {
        "pages": 1, "test_pages": 1, "steps": 8, "batch": 4, "learning_rate": 0.01, "seed": 3,
        "base": "boxes", "names": ["a"],
    }  # fmt: skip


def test_a_card_of_an_earlier_network_does_not_outlive_it(tmp_path: Path) -> None:
    (tmp_path / CARD_FILE).write_text("{}")

    def full(_network: keras.Model, path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OutputError, match=r"Free some space.*--out"), output_errors(tmp_path):
        write_network(tmp_path, network(), full)
    assert not (tmp_path / CARD_FILE).exists()


def test_a_network_is_written_with_its_hashes(tmp_path: Path) -> None:
    files = write_network(tmp_path, network(), lambda _, path: path.write_bytes(b"graph") and None)
    assert set(files) == {KERAS_FILE, ONNX_FILE}
    assert files == file_hashes(tmp_path)
