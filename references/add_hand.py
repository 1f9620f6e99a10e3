"""Add to a trained model of digits what tells the hand of a page.

`formreader train` does so itself. This is for models trained before it did, as the shipped one:

    PYTHONPATH=references python -m add_hand --base models/digits --writers writers.npz
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from formreader.core.errors import UsageError
from formreader.core.model_folder import CARD_FILE, KERAS_FILE, file_hashes, model_folder
from formreader.core.options import DEFAULT_MODEL, TrainOptions
from formreader.recognise.model_card import read_card
from formreader.recognise.runtimes import load_network
from formreader.training.network_folder import prepare_folder
from shared.network_program import NetworkProgram


@dataclass(frozen=True, slots=True)
class HandOptions:
    """Options of `add_hand`.

    Raises:
        UsageError: a number is out of range.
    """

    base: Path = Path(DEFAULT_MODEL)
    out: Path = Path("models/own/digits")
    writers: Path | None = None
    digits: tuple[str, ...] = ()
    pages: int = 2400
    seed: int = 3

    def __post_init__(self) -> None:
        if self.pages < 1:
            raise UsageError(f"--pages must be at least 1. Received: {self.pages}")


def add_hand(options: HandOptions, tell: Callable[[str], None]) -> str:
    """Write the model `base` with its hand into `out`; returns what was written.

    The digits held out are those that `formreader train` holds out with the same seed.

    Raises:
        ModelError: `base` is no model of digits.
        NoInputError: a set of digits cannot be read.
        OutputError: `out` cannot be written.
        UsageError: there are too few digits.
    """
    from formreader.training.data.mixture import held_out_crops
    from formreader.training.fit.calibration import fit_hand
    from formreader.training.write_model import write_graphs

    folder = model_folder(str(options.base))
    card = read_card(folder)
    network = load_network(folder, card)
    out = prepare_folder(options.out)
    data = ("mnist", *options.digits)
    crops = held_out_crops(
        TrainOptions(data=data, writers=options.writers, pages=options.pages, seed=options.seed),
        tell,
    )
    tell(f"{len(crops):,} crops of pages that hold digits of writers held out")
    if (folder / KERAS_FILE).resolve() != (out / KERAS_FILE).resolve():
        shutil.copyfile(folder / KERAS_FILE, out / KERAS_FILE)
    hand = fit_hand(network, crops)
    if hand is None:
        raise UsageError("on the pages drawn some digit is missing. Give a larger --pages")
    files = write_graphs(network, out, crops, hand)
    renewed = replace(card, files=file_hashes(out, (KERAS_FILE, *files)))
    (out / CARD_FILE).write_text(renewed.to_json(), encoding="utf-8")
    return f"{out}: {', '.join(files)}"


PROGRAM = NetworkProgram(
    "add_hand",
    "Add to a trained model of digits what tells the hand of a page.",
    HandOptions,
    {
        "base": "the model: its name, or its folder",
        "out": "folder for the model with its hand",
        "writers": "who wrote each digit of MNIST, as for `formreader train`",
        "digits": "file with further digits; may be repeated",
        "pages": "pages of the training; a quarter as many are drawn here",
        "seed": "that of the training: it says which digits are held out",
    },
    add_hand,
)

if __name__ == "__main__":
    PROGRAM.main()
