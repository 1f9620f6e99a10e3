"""Documents of several pages: `[document]` in the template.toml of the first page's form."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from formreader.core.errors import TemplateError
from formreader.template.form_template import FormTemplate
from formreader.template.usable_values import found

DOCUMENT_KEY = "document"
"""The table of a template.toml that states a document."""

_PAGES = "pages"
"""Its one key: the forms of the document's pages, in order."""


def document_of(content: Mapping[str, Any]) -> tuple[str, ...]:
    """The forms of a document's pages, if this form is its first page; otherwise ()."""
    return tuple(content.get(DOCUMENT_KEY, {}).get(_PAGES, ()))


def document_flaws(content: Mapping[str, Any]) -> Iterator[str]:
    """The faults of the table `[document]` of one template.toml."""
    if DOCUMENT_KEY not in content:
        return
    table = content[DOCUMENT_KEY]
    if not isinstance(table, dict) or set(table) != {_PAGES}:
        yield f"must be a table with the key {_PAGES} alone. {found(table)}"
        return
    forms = table[_PAGES]
    if not isinstance(forms, list) or not all(isinstance(one, str) for one in forms):
        yield f"{_PAGES}: must be a list of the names of forms. {found(forms)}"
    elif len(set(forms)) != len(forms) or len(forms) < 2:
        yield f"{_PAGES}: must name two forms or more, each once. {found(forms)}"
    elif forms[0] != content.get("form"):
        yield f"{_PAGES}: the first page must be this form. {found(forms[0])}"


def document_lines(form: FormTemplate, quoted: Callable[[str], str]) -> list[str]:
    """The lines of the table `[document]` of a form."""
    if not form.document:
        return []
    pages = ", ".join(quoted(one) for one in form.document)
    return ["", f"[{DOCUMENT_KEY}]", f"{_PAGES} = [{pages}]"]


def documents_of(forms: Sequence[FormTemplate]) -> dict[str, tuple[str, ...]]:
    """The forms of the pages of each document, in order, by the form of its first page.

    Raises:
        TemplateError: a form is missing, belongs to two documents, or two forms of a document
            have fields of the same name, which cannot be columns of one table.
    """
    known, taken = {form.name: form for form in forms}, dict[str, str]()
    documents = {form.name: form.document for form in forms if form.document}
    for first, pages in documents.items():
        where = f"form {first!r}, {DOCUMENT_KEY}"
        columns = dict[str, str]()
        for name in pages:
            if name not in known:
                raise TemplateError(
                    f"{where}: there is no form {name!r} among the templates. Name the folder that "
                    "has the templates of all its pages"
                )
            if taken.setdefault(name, first) != first:
                raise TemplateError(f"{where}: {name!r} is a page of {taken[name]!r} already")
            for field in known[name].fields:
                other = columns.setdefault(field.name.casefold(), name)
                if other != name:
                    raise TemplateError(
                        f"{where}: {field.name!r} is a field of {other!r} and of {name!r}, and a "
                        "document has one column for each field. Give one another name with "
                        "`formreader template edit`"
                    )
    return documents
