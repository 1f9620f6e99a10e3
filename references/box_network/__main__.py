"""Train the network that finds digit boxes on rendered pages, and write it as a model folder."""

from __future__ import annotations

from collections.abc import Callable

from box_network.box_options import DECISIONS, BoxTrainOptions
from shared.network_options import HELP
from shared.network_program import NetworkProgram

_HELP = HELP | {
    "all_combinations": "train on the combinations kept for measuring as well",
    "only_cells": "train the layers that serve cells alone",
    "only_decisions": f"keep the network, and fit one of {', '.join(DECISIONS)} anew; repeatable",
}
"""Help on each option."""


def _train(options: BoxTrainOptions, tell: Callable[[str], None]) -> str:
    # Imported here, as the processes that render pages import this module without TensorFlow.
    from box_network.box_training import train_boxes

    figures = train_boxes(options, tell)
    return f"found {figures.found} of {figures.boxes} boxes, {figures.false} false"


main = NetworkProgram("box_network", __doc__, BoxTrainOptions, _HELP, _train).main

if __name__ == "__main__":
    main()
