"""What the trainings of all networks do alike with their model folders."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from formreader.core.errors import OutputError, is_disk_full
from formreader.core.model_folder import CARD_FILE
from formreader.output.atomic_writing import check_writable

if TYPE_CHECKING:
    import keras


def prepare_folder(out: Path, within: str = "") -> Path:
    """Make the model folder, and one `within` it if given; returns the last one.

    Raises:
        OutputError: it cannot be made, or no card can be written into it.
    """
    folder = out / within
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(out, error) from error
    check_writable(out / CARD_FILE)
    return folder


def unwritable(out: Path, error: OSError) -> OutputError:
    """The error that a model folder cannot be written."""
    full = "Free some space and give the same command again, or choose"
    remedy = full if is_disk_full(error) else "Choose"
    return OutputError(
        f"{out}: the model folder cannot be written ({error.strerror or error}). "
        f"{remedy} another with --out."
    )


def card_head(out: Path, schema: int, version: str, network: keras.Model) -> dict[str, object]:
    """What the card of every network begins with; it is made today."""
    return {
        "schema": schema,
        "name": out.name,
        "version": version,
        "created": datetime.date.today().isoformat(),
        "parameters": network.count_params(),
    }


def write_network_card(out: Path, card: Mapping[str, object]) -> None:
    """Write the card of a model folder, the last of its files.

    Raises:
        OSError: it cannot be written.
    """
    text = json.dumps(card, indent=2, ensure_ascii=False) + "\n"
    (out / CARD_FILE).write_text(text, encoding="utf-8")
