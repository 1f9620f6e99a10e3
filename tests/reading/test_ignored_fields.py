"""Fields that are left out: they are not read, and their writing is not beside their neighbours."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from formreader.core.doubts import Doubt
from formreader.core.geometry import Box
from formreader.core.image_pyramid import Pyramid
from formreader.core.records import GreyImage
from formreader.crop.number_strips import cut_cells
from formreader.look.page_look import look_at
from formreader.preprocess.straighten import StraightPage
from formreader.reading.page_places import as_on_form, given_places
from formreader.rules.form_rules import FieldRules
from formreader.template.form_book import KnownForm, Recognised
from formreader.template.form_template import FieldPlace, FormTemplate
from formreader.template.page_alignment import Alignment, Reference
from formreader.template.page_layout import PageLayout
from formreader.template.page_map import PageMap
from formreader.template.placed_fields import place_fields

CELLS = {name: Box(60.0 + 80 * i, 60, 80, 40) for i, name in enumerate(("hours", "initials"))}
IGNORED = FieldRules(kind="ignore")


def page(*, written: bool) -> GreyImage:
    image = np.full((200, 300), 255, np.uint8)
    for box in CELLS.values():
        left, top = round(box.left), round(box.top)
        cv2.rectangle(image, (left, top), (left + 80, top + 40), 60, 2)
    if written:
        for text, at in (("17", (78, 92)), ("KM", (146, 92))):
            cv2.putText(image, text, at, cv2.FONT_HERSHEY_SIMPLEX, 1.1, 0, 3, cv2.LINE_AA)
    return image


def crops(*names: str, ignored: bool = False) -> dict[str, str]:
    """The fields of a page by name, with why each is in doubt."""
    fields = [FieldPlace(name, cell=CELLS[name]) for name in names]
    if ignored:
        fields[1] = replace(fields[1], rules=IGNORED)
    template, blank = FormTemplate("sheet", (300, 200), tuple(fields)), page(written=False)
    form = KnownForm(template, Reference(PageLayout.of(blank)), blank)
    itself = Alignment.smooth(PageMap.flat(np.eye(3)), 1.0)
    image = page(written=True)
    straight = StraightPage(image, np.eye(3), 0.0)
    placed = place_fields(straight, Recognised(form, itself), image.shape)
    cells = cut_cells(Pyramid(image), look_at(straight).writing, given_places(placed).cells)
    cropped = as_on_form(placed, cells)
    return {field.name: field.doubt for field in cropped}


def test_an_ignored_field_takes_its_ink_with_it() -> None:
    """Deleted, its writing sent 73 of 120 neighbours to review in a trial."""
    assert crops("hours") == {"hours": Doubt.WRITING_BESIDE}
    assert crops("hours", "initials") == {"hours": "", "initials": ""}
    assert crops("hours", "initials", ignored=True) == {"hours": ""}
