"""Check templates, and draw their fields."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from formreader.core.errors import OutputError, TemplateError
from formreader.core.records import GreyImage
from formreader.output.atomic_writing import atomic_stream
from formreader.template.form_book import FormBook
from formreader.template.form_template import FormTemplate
from formreader.template.template_file import (
    read_page_picture,
    read_template,
    template_folders,
)

_BOX_COLOUR, _NAME_COLOUR = (200, 80, 0), (0, 0, 200)
"""Colours of the fields and of their names, as blue, green and red."""

_NAME_SCALE = 0.45
"""Size of the names, as OpenCV measures fonts: about 10 pixels high."""


def check_templates(place: Path, draw: Path | None) -> list[FormTemplate]:
    """Check all templates at `place`, and draw them into the folder `draw` unless it is None.

    Raises:
        TemplateError: some are wrong; the message has all that is wrong with any of them.
        OutputError: a picture cannot be written.
    """
    wrong = list[str]()
    for folder in template_folders(place):
        try:
            read_page_picture(folder, read_template(folder))
        except TemplateError as error:
            wrong.append(str(error))
    if wrong:
        raise TemplateError("\n".join(wrong))
    book = FormBook.load(place)
    if draw is not None:
        _make_folder(draw)
        for form in book.forms:
            picture = draw_template(form.template, form.reference.image)
            with atomic_stream(draw / f"{_file_name(form.template.name)}.png", "--draw") as stream:
                stream.write(cv2.imencode(".png", picture)[1].tobytes())
    return [form.template for form in book.forms]


def draw_template(template: FormTemplate, page: GreyImage) -> GreyImage:
    """Draw the fields of a form, with their names, on its page; (h, w, 3) uint8, BGR."""
    picture = np.asarray(cv2.cvtColor(page, cv2.COLOR_GRAY2BGR), np.uint8)
    for field in template.fields:
        for box in field.parts:
            upper, lower = (round(box.left), round(box.top)), (round(box.right), round(box.bottom))
            cv2.rectangle(picture, upper, lower, _BOX_COLOUR, 1)
        at = round(field.box.left), max(round(field.box.top) - 3, 10)
        cv2.putText(
            picture, field.name, at, cv2.FONT_HERSHEY_SIMPLEX, _NAME_SCALE, _NAME_COLOUR, 1,
            cv2.LINE_AA,
        )  # fmt: skip
    return picture


def _file_name(form: str) -> str:
    """A form's name as that of a file."""
    return "".join(one if one.isalnum() or one in "-_." else "_" for one in form)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be made ({error.strerror})") from error
