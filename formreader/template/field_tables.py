"""Tables among the fields of a form: the row and the column of each field."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from formreader.core.geometry import Box

_OVERLAP = 0.5
"""A field follows another in a row or a column within these limits: the least overlap, as a share
of the larger one, and the largest gap in heights."""

_Follows: TypeAlias = Callable[[Box, Box], bool]
"""Whether one field follows another in some direction."""


class FieldTables:
    """The tables that some fields make."""

    def __init__(self, fields: Sequence[Box]) -> None:
        self._fields = fields
        self._following = dict[tuple[Box, _Follows], Box | None]()

    def hold(self, box: Box) -> bool:
        """Whether a field has neighbours in its row and in its column."""
        in_column = self.top(box) != box or self._next(box, _is_below) is not None
        return in_column and (self.start(box) != box or self._next(box, _is_behind) is not None)

    def top(self, box: Box) -> Box:
        """The topmost field of a field's column, up to the first gap."""
        return self._end(box, _is_above)

    def start(self, box: Box) -> Box:
        """The leftmost field of a field's row, up to the first gap."""
        return self._end(box, _is_before)

    def row(self, start: Box) -> list[Box]:
        """The fields of a row, left to right, from its first field up to the first gap."""
        row = [start]
        while (following := self._next(row[-1], _is_behind)) is not None:
            row.append(following)
        return row

    def _end(self, box: Box, follows: _Follows) -> Box:
        while (following := self._next(box, follows)) is not None:
            box = following
        return box

    def _next(self, box: Box, follows: _Follows) -> Box | None:
        if (box, follows) not in self._following:
            found = (one for one in self._fields if one != box and follows(one, box))
            self._following[box, follows] = next(found, None)
        return self._following[box, follows]


def _is_above(one: Box, box: Box) -> bool:
    """Whether a field is above another in a column, with at most a small gap."""
    shared = min(box.right, one.right) - max(box.left, one.left)
    near = one.top < box.top and box.top - one.bottom <= _OVERLAP * box.height
    return near and shared >= _OVERLAP * max(box.width, one.width)


def _is_before(one: Box, box: Box) -> bool:
    """Whether a field is left of another in a row, with at most a small gap."""
    shared = min(box.bottom, one.bottom) - max(box.top, one.top)
    near = one.left < box.left and box.left - one.right <= _OVERLAP * box.height
    return near and shared >= _OVERLAP * max(box.height, one.height)


def _is_below(one: Box, box: Box) -> bool:
    return _is_above(box, one)


def _is_behind(one: Box, box: Box) -> bool:
    return _is_before(box, one)
