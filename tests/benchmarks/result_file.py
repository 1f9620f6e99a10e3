"""Result files of benchmarks: what `--json FILE` writes, and docs/make_measured.py reads."""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TypeAlias, Union

from formreader.core.options import usable_cores
from formreader.core.version import __version__

Figure: TypeAlias = float | int | str | list[int] | None
"""A number in the unit that its name ends with, words, or [k, n] for k of n; None is not known."""

Figures: TypeAlias = Mapping[str, Union[Figure, "Figures"]]
"""Figures by their names in words; figures in figures make a table, one row a name."""

CPU_FLAGS = {"avx2": "AVX2", "avx512f": "AVX-512", "avx512_vnni": "VNNI", "amx_int8": "AMX"}
"""Features of processors that the networks run faster with, by their names in /proc/cpuinfo."""

SHARED = "FORMREADER_SHARED"


def add_json_option(parser: argparse.ArgumentParser) -> None:
    """Give a benchmark the option `--json`."""
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")


def write_result(
    file: Path | None,
    figures: Figures,
    *,
    version: str = __version__,
    day: date | None = None,
    arguments: Sequence[str] | None = None,
) -> None:
    """Write the figures of the benchmark that runs to `file`; do nothing without a file.

    `version` and `day` are those of the measurement, if not this version and today. `arguments`
    are those of the benchmark, if not the command line's.
    """
    if file is None:
        return
    result = {
        "benchmark": Path(sys.argv[0]).name,
        "command": told_command(sys.argv[1:] if arguments is None else arguments),
        "version": version,
        "date": (day or date.today()).isoformat(),
        "machine": machine(),
        "figures": rounded(figures),
    }
    text = json.dumps(result, indent=1, ensure_ascii=False, allow_nan=False)
    # A figure of two numbers stays on one line.
    text = re.sub(r"\[\s+(-?\d+),\s+(-?\d+)\s+\]", r"[\1, \2]", text)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text + "\n", encoding="utf-8")


def told_command(arguments: Sequence[str]) -> str:
    """The command line without `--json` and without the paths of this machine."""
    told, skip = [f"tests/benchmarks/{Path(sys.argv[0]).name}"], False
    for argument in arguments:
        if not skip and not argument.startswith("--json"):
            told.append(_without_place(argument))
        skip = argument == "--json"
    return " ".join(told)


def _without_place(argument: str) -> str:
    path = Path(argument)
    if not path.is_absolute():
        return shlex.quote(argument)
    shared = os.environ.get(SHARED)
    if shared and path.is_relative_to(shared):
        return (Path(f"${SHARED}") / path.relative_to(shared)).as_posix()
    return path.name


def machine() -> str:
    """The processor in words: usable cores, model, architecture, features that matter here."""
    cores, model, flags = (
        usable_cores(),
        _of_processor("model name"),
        _of_processor("flags").split(),
    )
    features = ", ".join(name for flag, name in CPU_FLAGS.items() if flag in flags)
    of = f" of an {model}" if model else ""
    told = f"{platform.machine()} ({features or 'no features known'}), no GPU used"
    return f"{cores} core{'s' * (cores != 1)}{of}, {told}"


def _of_processor(name: str) -> str:
    """What Linux tells of the processor; "" elsewhere."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return ""
    line = re.search(rf"^{name}\s*:(.*)", text, re.MULTILINE)
    return line[1].strip() if line else ""


def rounded(figures: Figures) -> dict[str, object]:
    """The same figures, floats with six significant digits."""
    return {
        name: rounded(value)
        if isinstance(value, Mapping)
        else float(f"{value:.6g}")
        if isinstance(value, float)
        else value
        for name, value in figures.items()
    }
