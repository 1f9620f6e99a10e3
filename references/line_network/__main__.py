"""Train the network that tells which way up print is, and write it as a model folder."""

from __future__ import annotations

from collections.abc import Callable

from line_network.line_options import LineTrainOptions
from shared.network_options import HELP
from shared.network_program import NetworkProgram

_HELP = HELP | {
    "sheets": "sheets of lines in further typefaces",
    "test_pages": "pages to fit the certainty on, and as many to measure on",
}
"""Help on each option."""


def _train(options: LineTrainOptions, tell: Callable[[str], None]) -> str:
    # Imported here, as the processes that render pages import this module without TensorFlow.
    from line_network.line_training import train_lines

    figures = train_lines(options, tell)
    return f"told {figures.right} of {figures.pages} pages for sure, {figures.wrong} wrongly"


main = NetworkProgram("line_network", __doc__, LineTrainOptions, _HELP, _train).main

if __name__ == "__main__":
    main()
