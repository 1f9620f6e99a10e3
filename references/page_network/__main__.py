"""Train the page network: `PYTHONPATH=references python -m page_network --help`."""

from __future__ import annotations

import argparse
from dataclasses import MISSING, fields
from pathlib import Path

from page_network.training import Options, train


def main() -> None:
    """Read the options and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    for option in fields(Options):
        kind = int if option.type == "int" else float if option.type == "float" else Path
        name = f"--{option.name.replace('_', '-')}"
        required = option.default is MISSING
        default = None if required else option.default
        parser.add_argument(name, type=kind, required=required, default=default)
    train(Options(**vars(parser.parse_args())))


if __name__ == "__main__":
    main()
