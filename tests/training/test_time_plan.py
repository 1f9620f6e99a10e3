"""How long a training takes is told before it, and --minutes chooses what fits."""

from __future__ import annotations

import numpy as np
import pytest

from formreader.core.errors import UsageError
from formreader.core.options import TrainOptions
from formreader.recognise.architectures import NetworkConfig
from formreader.training import time_plan
from formreader.training.data.examples import Examples
from formreader.training.fit.fitting import TrainingBatches
from formreader.training.time_plan import Speed, fitted, plan_for, planned

SPEED = Speed(step=0.25, digit=0.0005, page=0.2)


@pytest.mark.parametrize("minutes", [10, 15, 40, 90])
def test_what_is_chosen_uses_the_minutes_up(minutes: float) -> None:
    chosen = fitted(TrainOptions(epochs=500), minutes, 60_000, SPEED, 1.6)
    plan = plan_for(chosen, 60_000, SPEED, 1.6)
    assert 0.9 * 60 * minutes <= plan.seconds(chosen.epochs) <= 60 * minutes
    assert 0.5 <= chosen.epoch_share <= 1


def test_more_minutes_never_train_less() -> None:
    some = [fitted(TrainOptions(), m, 60_000, SPEED, 1.6) for m in range(9, 300, 3)]
    assert [one.pages for one in some] == sorted(one.pages for one in some)
    passes = [one.epochs * one.epoch_share for one in some]
    assert passes == sorted(passes)
    assert some[-1] == TrainOptions()
    assert some[0].pages < some[-1].pages and some[0].epochs < some[-1].epochs


def test_too_few_minutes_for_a_pass_train_a_part_of_one() -> None:
    """Three minutes were refused after one had gone by."""
    short = fitted(TrainOptions(), 3, 60_000, SPEED, 1.6)
    assert short.epochs == 1 and 0.1 <= short.epoch_share < 1
    assert plan_for(short, 60_000, SPEED, 1.6).seconds(1) <= 180


def test_minutes_for_hardly_anything_are_refused_and_the_ones_named_suffice() -> None:
    with pytest.raises(UsageError, match=r"takes about (\d+) minutes") as raised:
        fitted(TrainOptions(), 1, 60_000, SPEED, 1.6)
    enough = int(str(raised.value).split("takes about ")[1].split()[0])
    passes = fitted(TrainOptions(), enough, 60_000, SPEED, 1.6)
    assert passes.epochs * passes.epoch_share >= 1


def test_a_machine_is_measured_and_the_time_told(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    digits = Examples(
        rng.integers(0, 255, (900, 28, 28)).astype(np.uint8), np.arange(900).astype(np.uint8) % 10
    )
    monkeypatch.setattr(time_plan, "checked_digits", lambda _options: digits)
    told = list[str]()
    options = TrainOptions(augment=False, batch=16, pages=0, epochs=3, minutes=60)
    chosen = planned(options, NetworkConfig("mlp"), told.append)
    assert chosen == options
    assert told[0].startswith("Measuring how fast")  # at once: measuring takes a while
    assert len(told) == 2 and told[1].startswith("This will take about 1 min in all: 0 pages")


def test_an_epoch_may_be_a_part_of_the_data_and_another_one_each_time() -> None:
    examples = Examples(np.zeros((100, 28, 28), np.uint8), np.arange(100).astype(np.uint8))
    none = examples[np.zeros(0, np.int64)]
    parts = [TrainingBatches(examples, none, 10, False, 1, epoch, 0.45) for epoch in (1, 2)]
    assert [len(part) for part in parts] == [4, 4]
    seen = [np.concatenate([part[i][1] for i in range(4)]).tolist() for part in parts]
    assert all(len(set(labels)) == 40 for labels in seen) and seen[0] != seen[1]
