"""The command line of a network's training: its options, and how it starts and ends."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Generic, TypeVar

from formreader.core.errors import FormreaderError
from formreader.core.packages import start_keras

_Options = TypeVar("_Options")

_log = logging.getLogger("formreader.training")


@dataclass(frozen=True, slots=True)
class NetworkProgram(Generic[_Options]):
    """Trains a network with the options of a command line.

    `name` is the module to start with `python -m`. `options` is a dataclass with a default for
    each option: paths, numbers, flags that are off, and tuples of texts, whose options may be
    repeated. `help` says what each is. `train` is called with the options and a function that
    takes messages, after Keras was made ready, and returns the last message.
    """

    name: str
    description: str
    options: type[_Options]
    help: Mapping[str, str]
    train: Callable[[_Options, Callable[[str], None]], str]

    def main(self, arguments: Sequence[str] | None = None) -> None:
        """Run the program; user errors end in a message and an exit code."""
        parser = self._parser()
        given = vars(parser.parse_args(arguments))
        logging.basicConfig(level=logging.INFO, format="%(message)s")
        try:
            options = self.options(
                **{k: tuple(v) if isinstance(v, list) else v for k, v in given.items()}
            )
            start_keras()
            figures = self.train(options, _log.info)
        except FormreaderError as error:
            parser.exit(error.exit_code, f"{parser.prog}: {error}\n")
        _log.info("%s", figures)

    def _parser(self) -> argparse.ArgumentParser:
        parser = argparse.ArgumentParser(
            prog=self.name,
            description=self.description,
            formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        )
        defaults = self.options()
        for name in (field.name for field in fields(self.options)):  # type: ignore[arg-type]
            option = f"--{name.replace('_', '-')}"
            kind = _kind(getattr(defaults, name))
            parser.add_argument(option, help=self.help[name], **kind)
        return parser


def _kind(default: object) -> dict[str, Any]:
    """How `argparse` takes an option with this default."""
    match default:
        case bool():
            return {"action": "store_true"}
        case tuple():
            return {"action": "append", "default": list(default)}
        case int() | float():
            return {"type": type(default), "default": default}
        case _:  # a path, which may be left out
            return {"type": Path, "default": default}
