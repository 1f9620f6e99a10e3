"""The layers of a page: what put the ink there."""

from __future__ import annotations

from enum import IntEnum


class Layer(IntEnum):
    """What put ink onto a place of a page; a place can be in several layers.

    Lines that are ruled across or down, other print, and what a pen wrote.
    """

    RULED_ACROSS = 0
    RULED_DOWN = 1
    PRINT = 2
    PEN = 3
