"""Train the network that reads whole numbers on composed strips, and write its model folder."""

from __future__ import annotations

from collections.abc import Callable

from number_network.number_options import NumberTrainOptions
from shared.network_options import HELP
from shared.network_program import NetworkProgram

_HELP = HELP | {
    "strips": "strips to compose for training",
    "test_strips": "strips of held-back hands to measure on",
    "fit_cells": "cells of held-back hands to fit the confidence to",
    "steps": "steps of training; 0 to keep the weights of --base",
    "batch": "strips a step",
    "writers": "table of MNIST's writers, .npz",
    "digits": "further set of digits, .npz; repeatable",
    "places": "strips of printed forms that `written_places` wrote, .npz",
    "seed": "seed of the first strips and of all random choices",
    "split_seed": "seed of the choice of held-back hands",
}
"""Help on each option."""


def _train(options: NumberTrainOptions, tell: Callable[[str], None]) -> str:
    # Imported here, as the processes that compose import this module without TensorFlow.
    from number_network.number_training import train_numbers

    figures = train_numbers(options, tell)
    return (
        f"read {figures.right} of {figures.numbers} numbers, "
        f"{figures.others_right} of {figures.others} others"
    )


main = NetworkProgram("number_network", __doc__, NumberTrainOptions, _HELP, _train).main

if __name__ == "__main__":
    main()
