"""Forms of all layouts, those with cells too, which `references/` draws: adds it to the path."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "references"))

from shared.number_forms import fill_number_cell, render_any_form

__all__ = ["fill_number_cell", "render_any_form"]
