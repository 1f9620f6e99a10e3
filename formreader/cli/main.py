"""The command line: the program and its commands."""

from __future__ import annotations

import click

from formreader.cli.audit import audit
from formreader.cli.correct import correct
from formreader.cli.error_handling import EXIT_CODES, Program
from formreader.cli.evaluate import compare, evaluate, explain, inspect
from formreader.cli.predict import predict
from formreader.cli.scan import scan
from formreader.cli.serve import serve
from formreader.cli.template import template
from formreader.cli.train import improve, train
from formreader.core.version import __version__


@click.group(
    cls=Program, context_settings={"help_option_names": ["-h", "--help"]}, epilog=EXIT_CODES
)
@click.version_option(__version__, "--version", prog_name="formreader")
def main() -> None:
    """Read handwritten digits in the boxes of scanned forms.

    \b
    Examples:
      formreader scan scans/ --out results.csv
      formreader correct corrections.csv
      formreader predict digit.png
      formreader train --augment --out models/own
      formreader evaluate --model models/own
    """


commands = (
    scan, serve, template, correct, audit, improve, predict, train, evaluate, compare, inspect,
    explain,
)  # fmt: skip
for command in commands:
    main.add_command(command)
