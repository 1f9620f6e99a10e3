"""How long a training will take on this machine, and the one that fits into given minutes."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count, pairwise
from statistics import median

import keras
import numpy as np

from formreader.core.errors import UsageError
from formreader.core.options import TrainOptions, usable_cores
from formreader.recognise.architectures import NetworkConfig, build_network
from formreader.training.data.examples import Examples
from formreader.training.data.mixture import HELD_OUT_PAGES, checked_digits, mixture
from formreader.training.data.page_crops import CROPS_OF_PAGE, page_crops
from formreader.training.fit.batches import MAX_MADE_AHEAD, TrainingBatches
from formreader.training.fit.fitting import train_steps
from formreader.training.fit.optimiser import WeightAverage, compile_network, fast_precision

_PROBE_DIGITS, _PROBE_PAGES, _PROBE_STEPS = 300, 2, 6
"""Digits, pages and steps that are tried to measure the machine's speed: some seconds. Steps after
the first were seen to differ by less than a tenth in processor time."""

_UNTIMED_STEPS = 1
"""Steps before those that are measured: the first one compiles the network, which takes as long as
some fifteen more. Without compiling, a step takes twice its time and tells little."""

_START_OF_RENDERING = 5.0
"""Seconds that the processes which render pages take to start."""

_STEPS_OF_FINISHING = 100
"""Steps whose time the calibration, the export and the tests at the end take: 80 were seen."""

_MAX_DRAWING_SHARE = 0.15
"""Share of the minutes that pages may take to be drawn: fewer pages, more passes through them."""

_MIN_PASSES = 0.1
"""Passes through the data with which a network learns anything. A choice, not measured."""

_PLANNED_SHARE = 0.95
"""Share of the minutes to plan with: other programs run too. No record of a measurement, here and
above."""


@dataclass(frozen=True, slots=True)
class Speed:
    """Seconds that this machine takes: for a step of training, a digit's mixture, and a page."""

    step: float
    digit: float
    page: float


@dataclass(frozen=True, slots=True)
class TimePlan:
    """How long a training takes, in seconds: its drawing, each of its epochs, and its end."""

    drawing: float
    epoch: float
    finishing: float

    def seconds(self, epochs: int) -> float:
        """All of it, if no epoch is left out."""
        return self.drawing + epochs * self.epoch + self.finishing


def plan_for(options: TrainOptions, digits: int, speed: Speed, growth: float) -> TimePlan:
    """The plan of a training on so many digits; `growth`: examples of the mixture for each."""
    trained = (1 - options.validation) * digits * growth + CROPS_OF_PAGE * options.pages
    pages = options.pages + math.ceil(HELD_OUT_PAGES * options.pages)
    rendering = speed.page * pages + _START_OF_RENDERING if pages else 0.0
    steps = max(1, int(options.epoch_share * trained) // options.batch)
    return TimePlan(
        digits * speed.digit + rendering, steps * speed.step, _STEPS_OF_FINISHING * speed.step
    )


def fitted(
    options: TrainOptions, minutes: float, digits: int, speed: Speed, growth: float
) -> TrainOptions:
    """The options with as many pages, and then as many passes through the data, as fit.

    Where a part of a pass is left, each epoch is a part of one, so that none of the `minutes` is
    lost and the learning rate still falls to zero.

    Where not even one pass fits, a part of one is trained: the best there is.

    Raises:
        UsageError: hardly anything of a pass fits.
    """
    fewer, passes = _fitting(options, minutes, digits, speed, growth)
    if passes < _MIN_PASSES:
        more = (m for m in count(math.ceil(minutes) + 1))
        enough = next(m for m in more if _fitting(options, m, digits, speed, growth)[1] >= 1)
        raise UsageError(
            f"--minutes {minutes:g} is too short for this machine: a pass through the data takes "
            f"about {enough} minutes in all. Allow as many, or give less --data"
        )
    epochs = min(math.ceil(passes), options.epochs)
    return replace(fewer, epochs=epochs, epoch_share=min(passes / epochs, 1.0))


def _fitting(
    options: TrainOptions, minutes: float, digits: int, speed: Speed, growth: float
) -> tuple[TrainOptions, float]:
    """The options with the pages that can be drawn, and the passes for which time is left."""
    budget = _PLANNED_SHARE * 60 * minutes
    pages = options.pages
    if pages:
        pages = min(pages, int(_MAX_DRAWING_SHARE * budget / speed.page))
    fewer = replace(options, pages=pages)
    plan = plan_for(fewer, digits, speed, growth)
    return fewer, (budget - plan.drawing - plan.finishing) / plan.epoch


def planned(
    options: TrainOptions, config: NetworkConfig, tell: Callable[[str], None]
) -> TrainOptions:
    """Measure this machine, tell how long the training will take, and fit it to `minutes`.

    Returns `options`, with other pages and epochs where `options.minutes` is given.

    Raises:
        NoInputError: a file cannot be read.
        UsageError: a set has too few digits to hold some of them out, or hardly anything fits into
            the minutes.
    """
    tell("Measuring how fast this machine trains, which takes up to a minute")
    digits = checked_digits(options)
    speed, growth = _measure(digits, options, config)
    if options.minutes is not None:
        options = fitted(options, options.minutes, len(digits), speed, growth)
    plan = plan_for(options, len(digits), speed, growth)
    minutes = max(1, round(plan.seconds(options.epochs) / 60))
    tell(
        f"This will take about {minutes} min in all: {options.pages:,} pages to draw, then "
        f"{options.epochs} epochs of {max(1, round(plan.epoch)):,} s, or fewer if they no longer "
        "improve"
    )
    if options.epochs * options.epoch_share < 1:
        share = round(100 * options.epochs * options.epoch_share)
        tell(
            f"In --minutes {options.minutes:g} it sees {share} % of the digits once. Allow more "
            "for a better network"
        )
    return options


def _measure(digits: Examples, options: TrainOptions, config: NetworkConfig) -> tuple[Speed, float]:
    """The speed of this machine, and the examples of the mixture for each digit."""
    rng = np.random.default_rng(options.seed)
    some = digits[rng.integers(len(digits), size=_PROBE_DIGITS)]
    began = time.monotonic()
    mixed = mixture(some, rng, options.augment)
    digit = (time.monotonic() - began) / len(some)
    page = _seconds_of_page(some, options) if options.pages else 0.0
    step = _seconds_of_step(mixed, options, config)
    return Speed(step, digit, page), len(mixed) / len(some)


def _seconds_of_page(digits: Examples, options: TrainOptions) -> float:
    """Seconds for a page if all cores draw pages."""
    began = time.monotonic()
    page_crops(digits, _PROBE_PAGES, options.seed, processes=False)
    return (time.monotonic() - began) / _PROBE_PAGES / usable_cores()


def _seconds_of_step(examples: Examples, options: TrainOptions, config: NetworkConfig) -> float:
    """Seconds for a step of training a network that is thrown away, the median of some."""
    # More batches than are timed: while a training runs, others are made beside each step.
    wanted = (_UNTIMED_STEPS + _PROBE_STEPS + MAX_MADE_AHEAD) * options.batch
    enough = examples[np.arange(wanted) % len(examples)]
    none = examples[np.zeros(0, np.int64)]
    batches = TrainingBatches(enough, none, options.batch, options.augment, options.seed, epoch=1)
    with fast_precision():
        network = build_network(config, options.seed)
    compile_network(network, options, len(batches))
    times = list[float]()
    average = WeightAverage(network, options.averaging)
    train_steps(network, batches, average, lambda _step, _loss: times.append(time.monotonic()))
    keras.backend.clear_session()  # the network to come has the names that it would have without
    # Other programs make single steps slower, nothing makes one faster.
    timed = times[_UNTIMED_STEPS - 1 : _UNTIMED_STEPS + _PROBE_STEPS]
    return median(b - a for a, b in pairwise(timed))
