"""Put the cells that the network finds on the page's lines, and say which may lack a part."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from formreader.core.records import GreyImage
from formreader.detect.cell_alignment import align_cells, best_of_overlapping, distinct
from formreader.detect.cell_edges import on_faint_lines
from formreader.detect.cell_maps import FoundCells
from formreader.detect.edge_decision import CellEdges, EdgeDecision, is_whole, see_edges
from formreader.detect.line_snapping import snap_quads_to_lines
from formreader.detect.open_tables import divide_open_tables
from formreader.detect.printed_lines import see_lines

_Floats: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class PlacedCells:
    """Cells with their edges on the page's lines, each once, and what their edges are like."""

    cells: FoundCells
    edges: CellEdges


def place_cells(even: GreyImage, cells: FoundCells, boxes: _Floats) -> PlacedCells:
    """Put cells on the lines of an upright, evenly lit page, (h, w) uint8.

    Those that overlap others are doubtful. `boxes`, (m, 4, 2), are those of the page's rows.
    """
    lines = see_lines(even)
    corners, ruled = on_faint_lines(lines, *snap_quads_to_lines(even, cells.corners))
    snapped = FoundCells(corners, cells.scores, ruled, cells.doubtful)
    snapped = snapped.select(distinct(corners, cells.scores))
    aligned = align_cells(snapped.corners, lines)
    kept, overlaps = best_of_overlapping(aligned, snapped.scores)
    found = replace(snapped, corners=aligned, doubtful=overlaps).select(kept)
    return PlacedCells(found, see_edges(even, lines, found, boxes))


def settle_cells(even: GreyImage, placed: PlacedCells, decision: EdgeDecision) -> FoundCells:
    """The cells, doubtful ones marked, and those that are whole lines of a table divided."""
    cells = placed.cells
    cut = ~is_whole(decision.probabilities(placed.edges))
    return divide_open_tables(even, replace(cells, doubtful=cells.doubtful | cut))
