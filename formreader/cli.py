"""The command line: the program and its commands."""

from __future__ import annotations

import click

import formreader
from formreader.commands.compare import compare
from formreader.commands.evaluate import evaluate
from formreader.commands.explain import explain
from formreader.commands.inspect import inspect
from formreader.commands.predict import predict
from formreader.commands.scan import scan
from formreader.commands.train import train
from formreader.program import Program


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(formreader.__version__, "--version", prog_name="formreader")
def main() -> None:
    """Read handwritten digits in the boxes of scanned forms.

    \b
    Examples:
      formreader scan scans/ --out results.csv
      formreader predict digit.png
      formreader train --augment --out models/own
      formreader evaluate --model models/own
    """


for command in (scan, predict, train, evaluate, compare, inspect, explain):
    main.add_command(command)
