"""The forms that a scan knows: recognises which one a page is, and how it lies on the page."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from formreader.core.doubts import reason
from formreader.core.errors import TemplateError
from formreader.core.records import GreyImage
from formreader.core.user_files import open_regular
from formreader.crop.box_crops import lines_of_boxes
from formreader.crop.box_lines import BoxLines
from formreader.detect.line_snapping import Edges, find_edges
from formreader.rules.form_rules import FormRules
from formreader.template.documents import documents_of
from formreader.template.faint_marks import places_beside
from formreader.template.field_lines import on_lines
from formreader.template.form_template import FormTemplate
from formreader.template.ink_beside import free_sides, thickened
from formreader.template.page_alignment import Alignment, Reference, seen_by
from formreader.template.page_layout import PageLayout
from formreader.template.page_map import Floats
from formreader.template.reference_library import ReferenceLibrary
from formreader.template.template_file import (
    TEMPLATE_FILE,
    files_of_rules,
    page_files,
    read_page_pictures,
    read_template,
    template_folders,
)

_MAX_BOOKS = 4
"""Folders of forms that a process keeps: the service reads jobs with several at the same time."""


@dataclass(frozen=True, eq=False)
class KnownForm:
    """A form with its reference page, ready to be recognised and placed.

    `picture` is the page as its template has it, (h, w) uint8: all ink on it is printed.
    """

    template: FormTemplate
    reference: Reference
    picture: GreyImage

    @cached_property
    def corners(self) -> Floats:
        """(n, 4, 2) corners of the boxes and cells of all fields on the reference page's lines."""
        drawn = np.array(
            [
                ((b.left, b.top), (b.right, b.top), (b.right, b.bottom), (b.left, b.bottom))
                for field in self.template.fields
                for b in field.parts
            ],
            np.float64,
        ).reshape(-1, 4, 2)
        at_edges = Edges(np.zeros((4, len(drawn))), np.ones((4, len(drawn))))
        return on_lines(self.reference.image, drawn, drawn, at_edges, self.owner).corners

    @cached_property
    def owner(self) -> npt.NDArray[np.int64]:
        """(n,) the index of the field of each box or cell."""
        return np.repeat(
            np.arange(len(self.template.fields)),
            [len(field.parts) for field in self.template.fields],
        )

    @cached_property
    def edges(self) -> Edges:
        """The lines at the edges of its boxes and cells on the reference page."""
        return find_edges(self.reference.image, self.corners)

    @cached_property
    def box_lines(self) -> BoxLines:
        """The printed lines of its boxes, without its cells, on the reference page."""
        is_cell = np.array([field.cell is not None for field in self.template.fields], np.bool_)
        return lines_of_boxes(self.reference.image, self.corners[~is_cell[self.owner]])

    @cached_property
    def beside(self) -> Floats:
        """(n, 2) places with neither print nor a field."""
        return places_beside(self.reference.image, self.corners)

    @cached_property
    def printed(self) -> GreyImage:
        """The reference page with thickened print, as `ink_beside` needs it."""
        return thickened(self.picture)

    @cached_property
    def free_sides(self) -> npt.NDArray[np.bool_]:
        """(n, 2) whether no other field is to the left and right of each box or cell."""
        return free_sides(self.corners, self.corners)


@dataclass(frozen=True, slots=True, eq=False)
class Recognised:
    """The form that a page is most like, and how it lies on it."""

    form: KnownForm
    alignment: Alignment

    @property
    def difference(self) -> str:
        """Why the page is not this form; "" if it is."""
        fault = self.alignment.fault
        return "" if fault is None else reason(fault, self.form.template.name)

    def printed_on(self, even: GreyImage) -> GreyImage:
        """What the form prints, as it lies on the page; `even` and the result are (h, w) uint8."""
        return seen_by(self.alignment.back, self.form.picture, even.shape[1::-1])


class FormBook:
    """Some forms with their templates.

    `printed` are those of them that `template print` has drawn, with these pages.
    """

    def __init__(self, forms: Sequence[KnownForm], printed: Sequence[KnownForm] = ()) -> None:
        self.forms = tuple(forms)
        self._known = (*forms, *printed)

    @cached_property
    def _library(self) -> ReferenceLibrary:
        return ReferenceLibrary([form.reference for form in self._known])

    @classmethod
    def load(cls, place: Path, names: Collection[str] | None = None) -> FormBook:
        """Load the templates in a folder: all, or those with these names of their folders.

        Raises:
            TemplateError: one of them is wrong, there is none, two have the same name, or a
                document is wrong.
        """
        forms, printed, taken = list[KnownForm](), list[KnownForm](), dict[str, Path]()
        for folder in _folders(place, names):
            template = read_template(folder)
            if other := taken.get(template.name):
                raise TemplateError(
                    f"{folder / TEMPLATE_FILE}: form: {template.name!r} is already the name of the "
                    f"form in {other}. Give one of them another name"
                )
            taken[template.name] = folder
            pictures = read_page_pictures(folder, template)
            first, *others = (
                KnownForm(template, Reference(PageLayout.of(one)), one)
                for name, one in pictures.items()
            )
            forms.append(first)
            printed += others
        documents_of([form.template for form in forms])  # checks them
        return cls(forms, printed)

    @property
    def documents(self) -> dict[str, tuple[str, ...]]:
        """The forms of the pages of each document, in order, by the form of its first page."""
        return documents_of([form.template for form in self.forms])

    @property
    def rules(self) -> dict[str, FormRules]:
        """The rules of each form, by its name."""
        return {form.template.name: form.template.rules for form in self.forms}

    def recognise(self, page: PageLayout) -> Recognised | None:
        """The form that a page is most like, however it is turned; None if it is like none."""
        best = self._library.best_alignment(page)
        return None if best is None else Recognised(self._known[best[0]], best[1])


@lru_cache(maxsize=_MAX_BOOKS)
def loaded_book(place: str, names: tuple[str, ...] | None = None) -> FormBook:
    """The forms in a folder, all or those in folders of these names, loaded once per process."""
    return FormBook.load(Path(place), names)


def _folders(place: Path, names: Collection[str] | None) -> list[Path]:
    return template_folders(place) if names is None else [place / name for name in sorted(names)]


def templates_hash(place: Path, names: Collection[str] | None = None) -> str:
    """SHA-256 of templates at `place`, all or those with these names: others may read differently.

    Raises:
        TemplateError: there is none, or one cannot be read.
    """
    digest = hashlib.sha256()
    for folder in _folders(place, names):
        files = [folder / TEMPLATE_FILE, *page_files(folder)]
        files += files_of_rules(folder, read_template(folder))
        for file in files:
            try:
                with open_regular(file) as stream:
                    digest.update(hashlib.file_digest(stream, "sha256").digest())
            except OSError as error:
                message = f"{file}: cannot be read ({error.strerror})"
                raise TemplateError(message) from error
    return digest.hexdigest()
