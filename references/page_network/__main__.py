"""Train the page network: `PYTHONPATH=references python -m page_network --help`."""

from __future__ import annotations

import argparse
from dataclasses import fields
from pathlib import Path

from page_network.training import Options, train


def main() -> None:
    """Read the options and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    for option in fields(Options):
        kind = int if option.type == "int" else float if option.type == "float" else Path
        name = f"--{option.name.replace('_', '-')}"
        if kind is Path:
            parser.add_argument(name, type=Path, required=True)
        else:
            parser.add_argument(name, type=kind, default=option.default)
    train(Options(**vars(parser.parse_args())))


if __name__ == "__main__":
    main()
