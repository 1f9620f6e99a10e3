"""Train the network that tells which way up print is, and write it as a model folder."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from formreader.core.errors import FormreaderError
from formreader.core.quiet_keras import start_keras
from formreader.training.line_network.line_options import LineTrainOptions

_log = logging.getLogger("formreader.training.line_network")

_HELP = {
    "out": "model folder to write",
    "pages": "pages to render for training",
    "sheets": "sheets of lines in further typefaces",
    "test_pages": "pages to fit the certainty on, and as many to measure on",
    "steps": "steps of training",
    "batch": "pieces a step",
    "learning_rate": "highest learning rate",
    "seed": "seed of the first page and of all random choices",
}
"""Help on each option."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Train with the options of the command line; user errors end in a message and an exit code."""
    parser = _parser()
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        options = LineTrainOptions(**vars(given))
        start_keras()
        # Imported here, as the processes that render pages import this module without TensorFlow.
        from formreader.training.line_network.line_training import train_lines

        figures = train_lines(options, _log.info)
    except FormreaderError as error:
        parser.exit(error.exit_code, f"{parser.prog}: {error}\n")
    _log.info(
        "told %d of %d pages for sure, %d wrongly", figures.right, figures.pages, figures.wrong
    )


def _parser() -> argparse.ArgumentParser:
    defaults = LineTrainOptions()
    parser = argparse.ArgumentParser(
        prog="formreader.training.line_network",
        description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    for name in (field.name for field in fields(LineTrainOptions)):
        default = getattr(defaults, name)
        kind = Path if isinstance(default, Path) else type(default)
        option = f"--{name.replace('_', '-')}"
        parser.add_argument(option, type=kind, default=default, help=_HELP[name])
    return parser


if __name__ == "__main__":
    main()
