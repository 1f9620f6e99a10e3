"""Train the network that tells written from printed ink, and write it as a model folder."""

from __future__ import annotations

from collections.abc import Callable

from ink_network.ink_options import InkTrainOptions
from shared.network_options import HELP
from shared.network_program import NetworkProgram

_HELP = HELP | {"data": "folder with the printed forms and the sets of digits"}
"""Help on each option."""


def _train(options: InkTrainOptions, tell: Callable[[str], None]) -> str:
    # Imported here, as the processes that draw pages import this module without TensorFlow.
    from ink_network.ink_training import train_ink

    figures = train_ink(options, tell)
    return (
        f"{figures.told} of {figures.printed} printed parts found, "
        f"{figures.lost} of {figures.written} written ones lost"
    )


main = NetworkProgram("ink_network", __doc__, InkTrainOptions, _HELP, _train).main

if __name__ == "__main__":
    main()
