"""The trained ink network, as it ships with the program: it tells written ink from printed."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from formreader.core.model_folder import (
    INK_MODEL,
    GraphTrial,
    load_carded_graph,
    model_folder,
)
from formreader.look.ink_parts import PATCH_SHAPE, Patches

if TYPE_CHECKING:
    import onnxruntime

INK_CARD_SCHEMA = 1
"""Version of the card's layout; a card of another version is refused."""

INK_TRIAL = GraphTrial(
    {"patches": np.tri(*PATCH_SHAPE, dtype=np.uint8)[None, None].repeat(2, 1) * 255},
    "logits",
    (1, 1),
)
"""A patch that the network must be able to judge."""

_PATCHES_AT_ONCE = 64
"""Patches that are judged at once, so that what lies between layers stays in the cache."""


class InkNetwork:
    """Tells of each part of the ink in places whether a pen wrote it or a printer printed it."""

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self._session = session

    @classmethod
    def load(cls, folder: Path) -> InkNetwork:
        """Load a model folder, to run in one thread.

        Raises:
            ModelError: the folder's card or graph is missing, damaged or of another version.
        """
        return cls(load_carded_graph(folder, INK_CARD_SCHEMA, INK_TRIAL))

    def log_odds(self, patches: Patches) -> npt.NDArray[np.float32]:
        """The log odds, (n,), that the parts in patches are written and not printed."""
        logits = [np.zeros((0, 1), np.float32)]
        for first in range(0, len(patches), _PATCHES_AT_ONCE):
            logits += self._session.run(
                ["logits"], {"patches": patches[first : first + _PATCHES_AT_ONCE]}
            )
        return np.concatenate(logits)[:, 0]


@cache
def shipped_ink_network() -> InkNetwork:
    """The network that ships with the program, loaded once per process."""
    return InkNetwork.load(model_folder(INK_MODEL))
