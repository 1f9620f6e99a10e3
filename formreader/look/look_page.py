"""One page through the new core: straighten, look, places, crops.

Nothing of a scan calls it yet: `tests/benchmarks/look_board.py` holds it against the old core.
"""

from __future__ import annotations

from dataclasses import replace

from formreader.core.doubts import Doubt
from formreader.core.image_pyramid import Pyramid
from formreader.core.records import FieldCrops, Page, PageCrops, mark_boxes
from formreader.look.cells import cut_cells
from formreader.look.fields import FoundFields, find_fields
from formreader.look.page_look import PageLook, look_at
from formreader.look.pen_crops import crop_boxes
from formreader.preprocess.straighten import straighten

NEW_CORE = "look"
"""Name of the form of its pages, and of their fields: as a template's, these are not judged again
by the old core's rules about print and places."""


def crop_page(page: Page, quarters: int = 0) -> PageCrops:
    """Find and crop what is written in the places of a page.

    `quarters` are the clockwise quarter turns that bring it upright.
    """
    pyramid = Pyramid(page.image)
    straight = straighten(pyramid, quarters)
    look = look_at(straight)
    found = find_fields(straight, look).within(pyramid.shape)
    fields = (replace(field, name=NEW_CORE) for field in _crop(pyramid, look, found))
    return PageCrops(page.file, page.number, tuple(fields), notice=found.notice, form=NEW_CORE)


def _crop(page: Pyramid, look: PageLook, found: FoundFields) -> list[FieldCrops]:
    """The fields of a page with their crops: rows of boxes, cells, what is written elsewhere."""
    crops, blank, loose = crop_boxes(page, [box for row in found.rows for box in row], look)
    fields = list[FieldCrops]()
    for row in found.rows:
        here = len(row)
        fields.append(FieldCrops(mark_boxes(row, loose[:here]), crops[:here], blank[:here]))
        crops, blank, loose = crops[here:], blank[here:], loose[here:]
    free = (
        replace(field, doubt=Doubt.WRITING_IN_NO_PLACE)
        for field in cut_cells(page, look, found.free)
        if not field.blank.all()
    )
    return [*fields, *cut_cells(page, look, found.cells), *free]
