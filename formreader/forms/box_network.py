"""The trained network that tells where digit boxes are, as it ships with the program."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from formreader.errors import ModelError
from formreader.forms.detector import DEPTH, Maps
from formreader.model_files import BOX_MODEL, CARD_FILE, how_to_renew, load_graph, model_folder
from formreader.types import GreyImage

if TYPE_CHECKING:
    import onnxruntime

"""Name of the model folder with the network that finds boxes."""

SCHEMA = 1
"""Version of the card's layout; a card of another one is refused."""


class BoxNetwork:
    """Says of each place of a page how much it looks like the middle of a digit box."""

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self._session = session

    @classmethod
    def load(cls, folder: Path) -> BoxNetwork:
        """Load a model folder, to run in one thread: pages are what runs in parallel.

        Raises:
            ModelError: the folder's card or graph is missing, damaged or of another version.
        """
        return cls(load_graph(folder, _read_hashes(folder / CARD_FILE), threads=1))

    def maps(self, even: GreyImage) -> Maps:
        """Maps of an upright, evenly lit page, (h, w) uint8, beyond whose borders it is white."""
        height, width = even.shape
        padded = (-(-height // DEPTH) * DEPTH, -(-width // DEPTH) * DEPTH)
        darkness = np.zeros(padded, np.uint8)
        cv2.bitwise_not(even, darkness[:height, :width])
        (maps,) = self._session.run(["maps_out"], {"darkness": darkness})
        return np.asarray(maps, np.float32)


@cache
def shipped_network() -> BoxNetwork:
    """The network that ships with the program, loaded once a process."""
    return BoxNetwork.load(model_folder(BOX_MODEL))


def _read_hashes(path: Path) -> Mapping[str, str]:
    """SHA-256 of the files of a model folder, from its card."""
    try:
        card: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{path}: the model card cannot be read ({error}). {how_to_renew(path.parent)}"
        ) from error
    if not isinstance(card, dict) or card.get("schema") != SCHEMA:
        raise ModelError(f"{path}: this version of formreader reads cards of schema {SCHEMA}.")
    files = card.get("files")
    if not isinstance(files, dict):
        raise ModelError(
            f"{path}: the model card does not name its files. {how_to_renew(path.parent)}"
        )
    return {str(name): str(sha) for name, sha in files.items()}
