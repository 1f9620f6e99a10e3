"""Train the network that tells print from writing on drawn pages, and write its model folder."""

from __future__ import annotations

from collections.abc import Callable

from page_network.page_options import PageTrainOptions
from shared.network_options import HELP
from shared.network_program import NetworkProgram

_HELP = HELP | {
    "data": "folder with printed forms and sets of digits",
    "work": "folder for drawn pages and checkpoints: the same command goes on where it stopped",
}
"""Help on each option."""


def _train(options: PageTrainOptions, tell: Callable[[str], None]) -> str:
    # Imported here, as the processes that draw pages import this module without TensorFlow.
    from page_network.training import train

    return ", ".join(f"{name} {value:.4f}" for name, value in train(options, tell).items())


main = NetworkProgram("page_network", __doc__, PageTrainOptions, _HELP, _train).main

if __name__ == "__main__":
    main()
