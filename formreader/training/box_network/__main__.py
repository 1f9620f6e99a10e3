"""Train the network that finds digit boxes on rendered pages, and write it as a model folder."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

from formreader.core.errors import FormreaderError
from formreader.core.quiet_keras import start_keras
from formreader.training.box_network.box_options import BoxTrainOptions

_log = logging.getLogger("formreader.training.box_network")


def main(arguments: Sequence[str] | None = None) -> None:
    """Train with the options of the command line; user errors end in a message and an exit code."""
    parser = _parser()
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        options = BoxTrainOptions(**vars(given))
        start_keras()
        # Imported here, as the processes that render pages import this module without TensorFlow.
        from formreader.training.box_network.box_training import train_boxes

        figures = train_boxes(options, _log.info)
    except FormreaderError as error:
        parser.exit(error.exit_code, f"{parser.prog}: {error}\n")
    _log.info("found %d of %d boxes, %d false", figures.found, figures.boxes, figures.false)


def _parser() -> argparse.ArgumentParser:
    defaults = BoxTrainOptions()
    parser = argparse.ArgumentParser(
        prog="formreader.training.box_network",
        description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )

    def option(name: str, kind: type, default: object, text: str) -> None:
        parser.add_argument(name, type=kind, default=default, help=text)

    option("--out", Path, defaults.out, "model folder to write")
    option("--pages", int, defaults.pages, "pages to render for training")
    option("--test-pages", int, defaults.test_pages, "pages to measure on")
    option("--steps", int, defaults.steps, "steps of training")
    option("--batch", int, defaults.batch, "pieces of pages a step")
    option("--learning-rate", float, defaults.learning_rate, "highest learning rate")
    option("--seed", int, defaults.seed, "seed of the first page and of all random choices")
    option("--base", Path, defaults.base, "model folder whose weights to start from")
    parser.add_argument(
        "--only-cells", action="store_true", help="train the layers that serve cells alone"
    )
    return parser


if __name__ == "__main__":
    main()
