"""The networks of a scan: their cards, which tell what they are and promise, and how they load."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Self

from formreader.core.model_folder import (
    BOX_MODEL,
    LINE_MODEL,
    NUMBER_MODEL,
    PAGE_MODEL,
    model_folder,
    read_card_file,
)
from formreader.core.options import SecondReaderName
from formreader.detect.box_network import BOX_CARD_SCHEMA, shipped_network
from formreader.look.page_network import PAGE_CARD_SCHEMA, shipped_page_network
from formreader.preprocess.print_direction import LINE_CARD_SCHEMA, shipped_line_network
from formreader.recognise.model_card import CalibrationRow, Card, read_card
from formreader.recognise.number_reader import (
    NUMBER_CARD_SCHEMA,
    number_calibration,
    shipped_reader,
)
from formreader.recognise.second_reader import second_opinion, second_weights


@dataclass(frozen=True, slots=True)
class NetworkCards:
    """The card of the network for digits, the calibration of that for numbers, and a hash of all.

    Cards hold the hashes of the models' files, their temperature and calibration, so that two
    scans with the same `sha256` read alike.
    """

    digits: Card
    numbers: tuple[CalibrationRow, ...]
    sha256: str

    @classmethod
    def read(cls, model: str, second_reader: SecondReaderName | None = None) -> Self:
        """Read the cards of the network for digits `model`, and of those that ship.

        With a `second_reader` the calibration of numbers is that of reading with it.

        Raises:
            ModelError: one is missing or damaged.
        """
        digits = read_card(model_folder(model))
        cards = f"{digits.to_json()}{_other_cards()}"
        numbers = (
            second_weights(second_reader).calibration if second_reader else number_calibration()
        )
        return cls(digits, numbers, hashlib.sha256(cards.encode()).hexdigest())


def load_other_networks(second_reader: SecondReaderName | None) -> None:
    """Load the networks besides that for digits, and the second reader if any, once per process.

    Raises:
        ModelError: one is missing or damaged.
        UsageError: the second reader is not installed.
    """
    shipped_network()
    shipped_page_network()
    shipped_line_network()
    shipped_reader()
    if second_reader:
        second_opinion(second_reader)


def _other_cards() -> str:
    """Return the cards of the networks that no option replaces: they decide as well."""
    schemas = {
        BOX_MODEL: BOX_CARD_SCHEMA,
        PAGE_MODEL: PAGE_CARD_SCHEMA,
        NUMBER_MODEL: NUMBER_CARD_SCHEMA,
        LINE_MODEL: LINE_CARD_SCHEMA,
    }
    cards = (read_card_file(model_folder(name), schema) for name, schema in schemas.items())
    return "".join(json.dumps(card, sort_keys=True) for card in cards)
