"""Make docs/command-line.md of the helps of all commands: `python docs/make_cli_reference.py`."""

from __future__ import annotations

import argparse
import inspect
from collections.abc import Iterator
from pathlib import Path

import click

from formreader.cli.main import main

PAGE = Path(__file__).with_name("command-line.md")

HEAD = """# Command line

```sh
formreader scan scans/ --out results.csv
```

This page holds the help of each command, as `formreader COMMAND --help` prints it.
`python docs/make_cli_reference.py` makes it.
All commands share the [exit codes](results.md#exit-codes).

More about the options is in [Scanning](scanning.md#options) for `scan`, in
[Train your own](training.md#options-of-train) for `train`, and in [Service](service.md#start) for
`serve`.
"""

WIDTH = 78
"""Characters in a line of help: what a terminal of 80 gets."""


def reference() -> str:
    """The text of the page."""
    settings = {**main.context_settings, "terminal_width": WIDTH}
    top = click.Context(main, info_name="formreader", **settings)
    return HEAD + "".join(
        f"\n## {context.command_path}\n\n```text\n{help_of(context)}\n```\n"
        for context in contexts(top)
    )


def contexts(context: click.Context) -> Iterator[click.Context]:
    """Of a command, and then of its commands in the order of their names."""
    yield context
    if isinstance(context.command, click.Group):
        for name, command in sorted(context.command.commands.items()):
            yield from contexts(click.Context(command, parent=context, info_name=name))


def help_of(context: click.Context) -> str:
    """The help of a command without the exit codes, which all commands share."""
    text = context.get_help()
    if context.command.epilog is not None:
        text = text.partition(f"\n  {inspect.cleandoc(context.command.epilog).splitlines()[1]}\n")[
            0
        ]
    return text.rstrip()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Make docs/command-line.md of the helps.")
    parser.add_argument("--out", type=Path, default=PAGE, metavar="FILE")
    parser.parse_args().out.write_text(reference(), encoding="utf-8", newline="\n")
