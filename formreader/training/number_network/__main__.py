"""Train the network that reads whole numbers on composed strips, and write its model folder."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

from formreader.core.errors import FormreaderError
from formreader.core.quiet_keras import start_keras
from formreader.training.number_network.number_options import NumberTrainOptions

_log = logging.getLogger("formreader.training.number_network")


def main(arguments: Sequence[str] | None = None) -> None:
    """Train with the options of the command line; user errors end in a message and an exit code."""
    parser = _parser()
    given = vars(parser.parse_args(arguments))
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        options = NumberTrainOptions(**given | {"digits": tuple(given["digits"])})
        start_keras()
        # Imported here, as the processes that compose import this module without TensorFlow.
        from formreader.training.number_network.number_training import train_numbers

        figures = train_numbers(options, _log.info)
    except FormreaderError as error:
        parser.exit(error.exit_code, f"{parser.prog}: {error}\n")
    _log.info(
        "read %d of %d numbers, %d of %d others",
        figures.right, figures.numbers, figures.others_right, figures.others,
    )  # fmt: skip


def _parser() -> argparse.ArgumentParser:
    defaults = NumberTrainOptions()
    parser = argparse.ArgumentParser(
        prog="formreader.training.number_network",
        description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )

    def option(name: str, kind: type, default: object, text: str) -> None:
        parser.add_argument(name, type=kind, default=default, help=text)

    option("--out", Path, defaults.out, "model folder to write")
    option("--strips", int, defaults.strips, "strips to compose for training")
    option("--test-strips", int, defaults.test_strips, "strips of held-back hands to measure on")
    option("--vote-cells", int, defaults.vote_cells, "cells of held-back hands to fit the vote to")
    option("--steps", int, defaults.steps, "steps of training")
    option("--batch", int, defaults.batch, "strips a step")
    option("--writers", Path, defaults.writers, "table of MNIST's writers, .npz")
    parser.add_argument(
        "--digits", action="append", default=[], help="further set of digits, .npz; repeatable"
    )
    option("--learning-rate", float, defaults.learning_rate, "highest learning rate")
    option("--seed", int, defaults.seed, "seed of the first strips and of all random choices")
    option("--split-seed", int, defaults.split_seed, "seed of the choice of held-back hands")
    option("--base", Path, defaults.base, "model folder whose weights to start from")
    return parser


if __name__ == "__main__":
    main()
