"""Find digits that stand on the line at a side of a cell: they would be lost with the line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from formreader.segment.cell_lines import PatchSizes
from formreader.segment.cell_parts import CellParts, CellSides, Extent

_Darkness: TypeAlias = npt.NDArray[np.uint8]

_MAX_GAP_TO_INK, _MIN_LIGHTER, _MIN_INK_ON_LINE = 0.6, 0.3, 0.12
"""A digit on the line at a side of a cell: in heights of the number, how far from that line the
number may end; by which share of the pen's darkness the line is lighter; and the area of the
pen's darkness on it, in squared heights of the number. Of 7,525 drawn
values 17 more are for review with it, 4 of which had lost a digit; of `numbers/composed` none."""


def ink_on_sides(
    written: Sequence[tuple[_Darkness, float]],
    parts: CellParts,
    sizes: PatchSizes,
    sides: CellSides,
) -> list[bool]:
    """Whether other ink than the number's stands on a line at a side of each of n cells.

    It shows by the pen's darkness, where the line is lighter. Only sides that are open and that
    the number comes near to are looked at.

    Args:
        written: the darkness (h, w) of each patch, and that of the pen in it.
        parts: of the ink in the patches.
        sizes: of the patches.
        sides: of the cells.
    """
    inner = (sizes.margins + sizes.edge_zones).tolist()
    found = [False] * len(written)
    for i, (darkness, pen) in enumerate(written):
        own, (height, width) = parts.own[i], darkness.shape
        if own is None:
            continue
        near = inner[i] + _MAX_GAP_TO_INK * (own.bottom - own.top)
        columns = slice(0, inner[i]), slice(width - inner[i], width)
        for side, gap in enumerate((own.left, width - own.right)):
            if sides.are_open[i, side] and gap <= near:
                k = slice(0, height), columns[side]
                others = ~parts.is_own.take(parts.labels[i][k])
                found[i] |= _stands_on(darkness[k], sides.lines[i][k], others, own, pen)
    return found


def _stands_on(
    darkness: _Darkness,
    line: npt.NDArray[np.uint8],
    others: npt.NDArray[np.bool_],
    own: Extent,
    pen: float,
) -> bool:
    """Whether ink as dark as the pen is on a line, beside the number `own`.

    `darkness`, `line` and `others`, which is not the number's, are (h, k), some columns of a patch.
    """
    on_line = line.view(np.bool_)
    if not on_line.any():
        return False
    of_line = float(np.median(darkness[on_line]))
    if pen - of_line < _MIN_LIGHTER * pen:
        return False
    rows = slice(own.top, own.bottom)
    dark = on_line[rows] & others[rows] & (darkness[rows] > (pen + of_line) / 2)
    return bool(np.count_nonzero(dark) >= _MIN_INK_ON_LINE * (own.bottom - own.top) ** 2)
