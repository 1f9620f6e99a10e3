"""The forms of the service: listed, edited, and kept for each job as they were when it came."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import replace
from itertools import count
from pathlib import Path

from formreader.core.errors import TemplateError
from formreader.core.geometry import Box
from formreader.input.path_listing import natural_key
from formreader.output.atomic_writing import atomic_writer
from formreader.rules.form_rules import NO_RULES, FieldRules
from formreader.service import bodies
from formreader.service.job_folders import DataFolder
from formreader.service.problems import ProblemError
from formreader.template.documents import documents_of
from formreader.template.form_book import templates_hash
from formreader.template.form_template import FieldPlace, FormTemplate
from formreader.template.printed_form import print_templates
from formreader.template.template_file import (
    TEMPLATE_FILE,
    page_files,
    parse_template,
    read_template,
    template_folders,
    template_text,
)

ALL_FORMS = "*"
"""What a client gives for all forms."""

LEARNED_FORMS = "auto"
"""What a client gives for forms that the job learns from its own pages, as to `scan`."""

_MAX_UPLOAD_SECONDS = 3600
"""Seconds for which forms stay that no job uses: their upload may not be a job yet."""

_HASH_DIGITS = 32
"""Hexadecimal digits that name a set of forms: no two sets have the same."""


class TemplateShelf:
    """The templates in a folder. The name of a form is never used as a path."""

    def __init__(self, data: DataFolder, folder: Path | None) -> None:
        self._data = data
        self._folder = folder.absolute() if folder is not None else data.templates
        self._lock = threading.Lock()
        self.default = ALL_FORMS if folder is not None else ""

    def all(self) -> list[tuple[Path, FormTemplate]]:
        """All forms with their folders.

        Raises:
            TemplateError: one of them is wrong.
        """
        try:
            folders = template_folders(self._folder)
        except TemplateError:
            return []
        return [(folder, read_template(folder)) for folder in folders]

    def find(self, name: str) -> tuple[Path, FormTemplate]:
        """The form of this name.

        Raises:
            ProblemError: there is none.
        """
        for folder, template in self.all():
            if template.name == name:
                return folder, template
        raise ProblemError(404, f"There is no form {name!r}. GET /api/v1/templates lists them")

    def picture(self, name: str) -> bytes:
        """The page of a form, as PNG."""
        return _picture(self.find(name)[0])

    def printed(self, name: str, paper: str) -> bytes:
        """A form to print, as PDF. Jobs that are sent from now on know the printed form as well.

        Raises:
            ProblemError: there is no such form.
        """
        with self._lock, self._data.workspace() as work:
            print_templates(self.find(name)[0], work / "form.pdf", paper)
            return (work / "form.pdf").read_bytes()

    def keep(self, name: str) -> str:
        """Keep a form, or all of them, as they are now; return the name they are kept under.

        It is "" for no form, and for those that are yet to be learned.

        Raises:
            ProblemError: there is no such form.
        """
        if name in ("", LEARNED_FORMS):
            return ""
        with self._lock, self._data.workspace() as work:
            chosen = self.all() if name == ALL_FORMS else self._with_document(name)
            if not chosen:
                raise ProblemError(
                    422, "template: there are no forms yet. Add one, or leave it out"
                )
            for number, (folder, template) in enumerate(chosen):
                _copy(folder, template, work / "forms" / f"{number:04}")
            digest = templates_hash(work / "forms")[:_HASH_DIGITS]
            if self.kept(digest).is_dir():
                os.utime(self.kept(digest))
            else:
                (work / "forms").rename(self.kept(digest))
        return digest

    def _with_document(self, name: str) -> list[tuple[Path, FormTemplate]]:
        """The form of this name, with those of the other pages of the document that it begins."""
        names = self.find(name)[1].document or (name,)
        return [self.find(one) for one in names]

    def kept(self, digest: str) -> Path:
        """The folder of forms that were kept."""
        return self._data.forms / digest

    def forget(self, used: Collection[str]) -> None:
        """Delete the kept forms of jobs that are gone; those in `used` stay."""
        with self._lock:
            for folder in self._data.forms.iterdir():
                old = time.time() - folder.stat().st_mtime > _MAX_UPLOAD_SECONDS
                if old and folder.name not in used:
                    shutil.rmtree(folder, ignore_errors=True)

    def change(self, name: str, wanted: bodies.Template) -> FormTemplate:
        """Replace the names and fields of a form.

        Raises:
            ProblemError: there is no such form, another has the new name, or a field is wrong.
        """

        def make(folder: Path, before: FormTemplate) -> tuple[FormTemplate, str]:
            changed = _changed(folder, wanted, before)
            return changed, template_text(changed)

        return self._replace(name, wanted.name, (wanted.width, wanted.height), make)

    def replace_file(self, name: str, text: str) -> FormTemplate:
        """Replace the template.toml of a form by `text`, as it is, if nothing is wrong with it.

        Raises:
            ProblemError: there is no such form, another has the new name, or the text is wrong.
        """
        self.find(name)
        wanted = _parsed(text, None)  # no file is opened whose name was not looked at

        def make(folder: Path, before: FormTemplate) -> tuple[FormTemplate, str]:
            _check_listed(folder, wanted)
            return _parsed(text, folder), text

        return self._replace(name, wanted.name, wanted.size, make)

    def _replace(
        self,
        name: str,
        now: str,
        size: tuple[int, int],
        make: Callable[[Path, FormTemplate], tuple[FormTemplate, str]],
    ) -> FormTemplate:
        """Write what is made of a form in its folder; it is called `now` from now on."""
        with self._lock:
            folder, before = self.find(name)
            if size != before.size:
                width, height = before.size
                raise ProblemError(
                    422, f"width, height: the form's page has {width} x {height} pixels"
                )
            if now != name:
                self._check_free(now)
            template, text = make(folder, before)
            self._check_documents(folder, template)
            _save(folder, text)
            return template

    def _check_free(self, name: str) -> None:
        """Refuse a name that a form has already (ProblemError)."""
        if any(one.name == name for _, one in self.all()):
            raise ProblemError(409, f"There is a form {name!r} already")

    def add(self, made: Path) -> FormTemplate:
        """Add the form that was made in the folder `made`.

        Raises:
            ProblemError: another form has its name.
        """
        with self._lock:
            template = read_template(made)
            self._check_free(template.name)
            self._place(made, template)
        return template

    def add_learned(self, learned: Path) -> list[FormTemplate]:
        """Add the forms that a job has learned, from their folder; known ones stay.

        A new one is called form-N, with the next free number.

        Raises:
            ProblemError: there are none.
        """
        with self._lock, self._data.workspace() as work:
            there = {_picture(folder): template for folder, template in self.all()}
            names = {template.name for template in there.values()}
            found = list[FormTemplate]()
            for folder in sorted(learned.glob("form-*"), key=lambda one: natural_key(one.name)):
                if (template := there.get(_picture(folder))) is None:
                    free = (f"form-{n}" for n in count(1) if f"form-{n}" not in names)
                    template = replace(read_template(folder), name=next(free))
                    names.add(template.name)
                    _copy(folder, template, work / template.name)
                    _save(work / template.name, template_text(template))
                    self._place(work / template.name, template)
                found.append(template)
        if not found:
            raise ProblemError(
                422,
                "The job has learned no form: no two of its pages are alike. Send more pages with "
                "template=auto, or make a form of a page",
            )
        return found

    def _place(self, made: Path, template: FormTemplate) -> None:
        """Put the folder of a form that is whole among the others."""
        stem = re.sub(r"[^0-9A-Za-z]+", "-", template.name).strip("-")[:40]
        made.rename(self._folder / f"{stem or 'form'}-{secrets.token_hex(3)}")

    def delete(self, name: str) -> None:
        """Delete a form. Jobs that were begun with it keep theirs.

        Raises:
            ProblemError: there is no such form, or another's document names it.
        """
        with self._lock:
            folder, _ = self.find(name)
            self._check_documents(folder, None)
            shutil.rmtree(folder)

    def _check_documents(self, folder: Path, template: FormTemplate | None) -> None:
        """Refuse another form in a folder, or none, if that breaks a document (ProblemError)."""
        others = [one for at, one in self.all() if at != folder]
        try:
            documents_of([*others, template] if template is not None else others)
        except TemplateError as error:
            raise ProblemError(409, str(error)) from error


def _picture(folder: Path) -> bytes:
    """The page of a form, as PNG: no two forms have the same."""
    return page_files(folder)[0].read_bytes()


def summary_of_template(template: FormTemplate) -> bodies.TemplateSummary:
    """A form as lists have it."""
    width, height = template.size
    return bodies.TemplateSummary(
        name=template.name, width=width, height=height, fields=len(template.fields)
    )


def body_of_template(template: FormTemplate) -> bodies.Template:
    """A form as clients get it."""
    return bodies.Template(
        name=template.name,
        width=template.size[0],
        height=template.size[1],
        fields=[
            bodies.TemplateField(
                name=field.name,
                boxes=[_sides(box) for box in field.boxes] or None,
                cell=None if field.cell is None else _sides(field.cell),
                kind=field.rules.kind or None,
            )
            for field in template.fields
        ],
    )


def _sides(box: Box) -> list[float]:
    return [round(side, 1) for side in (box.left, box.top, box.width, box.height)]


def _copy(folder: Path, template: FormTemplate, copy: Path) -> None:
    """Copy a form with the files that its rules name; ProblemError for one that lies elsewhere."""
    copy.mkdir(parents=True)
    pictures = [one.name for one in page_files(folder)]
    for file in (TEMPLATE_FILE, *pictures, *_check_listed(copy, template)):
        (copy / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / file, copy / file)


def _check_listed(folder: Path, template: FormTemplate) -> list[str]:
    """The files that the rules of a form name; ProblemError for one outside of its folder."""
    listed = sorted({name for field in template.fields for name in field.rules.files})
    for file in listed:
        if "\0" in file or not (folder / file).resolve().is_relative_to(folder.resolve()):
            raise ProblemError(422, f"{template.name}: put {file} beside its {TEMPLATE_FILE}")
    return listed


def _parsed(text: str, folder: Path | None) -> FormTemplate:
    """The template in the text of a template.toml; ProblemError tells all faults with lines."""
    template, faults = parse_template(text, folder)
    if template is None:
        told = (f"{f'line {one.line}: ' if one.line else ''}{one.message}" for one in faults)
        detail = "\n".join(told)
        raise ProblemError(422, detail if folder is None else detail.replace(f"{folder}/", ""))
    return template


def _changed(folder: Path, wanted: bodies.Template, before: FormTemplate) -> FormTemplate:
    """The form in a folder with what a client wants, checked like a file (ProblemError).

    Rules stay: those of a field go by its name, or by its place if it has a new name.
    """
    try:
        fields = tuple(map(_field, wanted.fields))
    except (TypeError, ValueError) as error:
        raise ProblemError(422, f"fields: {error}") from error
    named = {old.name: old.rules for old in before.fields}
    placed = {_places(old): old.rules for old in reversed(before.fields)}  # the first one counts
    fields = tuple(
        replace(one, rules=_with_kind(given, named.get(one.name, placed.get(_places(one)))))
        for one, given in zip(fields, wanted.fields, strict=True)
    )
    document = before.document and (wanted.name, *before.document[1:])
    changed = replace(before, name=wanted.name, fields=fields, document=document)
    template, faults = parse_template(template_text(changed), folder)
    if template is None:
        raise ProblemError(422, "; ".join(fault.message for fault in faults))
    return template


def _save(folder: Path, text: str) -> None:
    with atomic_writer(folder / TEMPLATE_FILE) as stream:
        stream.write(text)


def _field(one: bodies.TemplateField) -> FieldPlace:
    for place in (*(one.boxes or ()), *([one.cell] if one.cell is not None else [])):
        if len(place) != 4:
            raise ValueError(f"{one.name}: a place is [left, top, width, height]")
    cell = Box(*one.cell) if one.cell is not None else None
    return FieldPlace(one.name, tuple(Box(*box) for box in one.boxes or ()), cell)


def _with_kind(one: bodies.TemplateField, rules: FieldRules | None) -> FieldRules:
    """The rules that a field has had, with the kind that a client gives it, if any is given."""
    rules = rules or NO_RULES
    return replace(rules, kind=one.kind or "") if "kind" in one.model_fields_set else rules


def _places(field: FieldPlace) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(_sides(part)) for part in field.parts)
