"""The page for editing a template, one HTML file that needs no network.

It holds the reference page and all that template.toml says. Keys that the page does not know are
carried through unchanged.
"""

from __future__ import annotations

import base64
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from formreader.core.errors import TemplateError, UsageError
from formreader.core.user_files import parse_json, parse_toml, read_regular
from formreader.core.version import __version__
from formreader.output.atomic_writing import atomic_writer, check_writable
from formreader.output.web_page import page_code, page_environment
from formreader.output.wording import page_words
from formreader.template.template_file import (
    RESERVED_NAMES,
    page_files,
    read_page_picture,
    read_template,
    read_template_text,
    replace_template_texts,
    template_folders,
)
from formreader.template.toml_values import comment_lines, toml_key, toml_value

EDITOR_FILE = "edit.html"
"""The page in the folder of its template."""

_PACKAGE = "formreader.template.editor"
_SCRIPTS = (
    "editor_rules.js",
    "editor_model.js",
    "editor_view.js",
    "editor_saving.js",
    "editor_actions.js",
    "editor_names.js",
    "editor.js",
)
"""In the order in which they need one another."""

_STYLES = (("formreader.output.report", "report.css"), (_PACKAGE, "editor.css"))

_NOT_SAVED = "it is not what the page of `formreader template edit` saves"

Json: TypeAlias = "str | int | float | list[Json] | dict[str, Json] | None"


def editor_page(
    folders: Sequence[Path],
    place: Path | None = None,
    *,
    save_url: str | None = None,
    back_url: str | None = None,
    language: str = "",
) -> str:
    """The page that edits templates, as HTML.

    Args:
        folders: the folders of the templates: one, or several in the same folder.
        place: the folder that a person gives to the browser to save into: that of the only
            template, or the one that has all.
        save_url: where the page sends the new template.toml of its only form, by POST as
            `application/toml`, to the server that it came from. It then needs no `place`, which
            on a server is nobody's business.
        back_url: where a link leads back to.
        language: that of the page, "" for that of the browser.

    Raises:
        TemplateError: a template cannot be read or is wrong.
    """
    names, forms, pictures = list[str](), list[Json](), list[Json]()
    for folder in folders:
        template, text = read_template(folder), read_template_text(folder)
        read_page_picture(folder, template)
        names.append(template.name)
        forms.append(
            {
                "folder": _key(folder, folders),
                "name": template.name,
                "template": template_record(text),
                "text": "" if place is None else text,
            }
        )
        pictures.append(base64.b64encode(read_regular(page_files(folder)[0])).decode("ascii"))
    command = "" if place is None else f"formreader template edit {shlex.quote(str(place))}"
    page = page_environment(_PACKAGE).get_template("editor.html.j2")
    return page.render(
        title=", ".join(names),
        forms=forms,
        pictures=pictures,
        settings={
            "reserved": sorted(RESERVED_NAMES),
            "saveUrl": save_url,
            "folder": "" if place is None else str(place),
            "command": command,
            "version": __version__,
        },
        back_url=back_url,
        words=page_words(language, "editor"),
        code=page_code(_PACKAGE, _SCRIPTS, *_STYLES),
    )


def write_editor_page(place: Path, out: Path | None = None) -> Path:
    """Write the page that edits a template, or all in a folder, as a file; return where it is.

    Args:
        place: the folder of the template, or one with the folders of several.
        out: the file, edit.html in `place` without it.

    Raises:
        OutputError: the page cannot be written.
        TemplateError: a template is missing or wrong.
    """
    folders = template_folders(place)
    place = folders[0] if len(folders) == 1 else place
    out = place / EDITOR_FILE if out is None else out
    check_writable(out)
    page = editor_page(folders, place.resolve())
    with atomic_writer(out) as stream:
        stream.write(page)
    return out


def apply_edited(place: Path, file: Path) -> None:
    """Put the templates that the page saved as one file in place of those at `place`.

    Raises:
        OutputError: a template cannot be written.
        TemplateError: one is wrong, or not at `place`; then all stay as they were.
        UsageError: the file is none that the page saved.
    """
    folders = template_folders(place)
    known = {_key(folder, folders): folder for folder in folders}
    edited = _edited(file)
    if missing := [name for name in edited if name not in known]:
        raise TemplateError(
            f"{place}: there is no template {missing[0]!r} in it, which {file} has. Name the "
            "folder that `formreader template edit` was given"
        )
    replace_template_texts({known[name]: text for name, text in edited.items()})


def _key(folder: Path, folders: Sequence[Path]) -> str:
    """What a template is called in the page and in the file that it saves."""
    return "" if len(folders) == 1 else folder.name


def _edited(file: Path) -> dict[str, str]:
    try:
        edited = parse_json(read_regular(file))
    except OSError as error:
        raise UsageError(f"{file}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise UsageError(f"{file}: {_NOT_SAVED} ({error})") from error
    if not isinstance(edited, dict) or not all(isinstance(one, str) for one in edited.values()):
        raise UsageError(f"{file}: {_NOT_SAVED}")
    return edited


def template_record(text: str) -> dict[str, Json]:
    """What editor_model.js needs to know of a valid template.toml.

    Values other than names and places are TOML texts, so that they are written as they were.
    """
    content = parse_toml(text)
    entries: list[Mapping[str, Any]] = content.pop("fields")
    head, comments = comment_lines(text, len(entries))
    tables = {key: value for key, value in content.items() if isinstance(value, dict)}
    fields: list[Json] = [
        {
            "name": entry["name"],
            "kind": "cell" if "cell" in entry else "boxes",
            "places": [entry["cell"]] if "cell" in entry else entry["boxes"],
            "rules": _values(entry, frozenset(("name", "boxes", "cell"))),
            "comments": list[Json](lines),
        }
        for entry, lines in zip(entries, comments, strict=True)
    ]
    return {
        "width": content["width"],
        "height": content["height"],
        "comments": list[Json](head),
        "keys": _values(content, tables.keys()),
        "fields": fields,
        "tables": [[toml_key(name), _values(table, ())] for name, table in tables.items()],
    }


def _values(table: Mapping[str, Any], but: Any) -> list[Json]:
    """The [key, value] of a table as TOML texts, but for some keys."""
    return [[toml_key(key), toml_value(value)] for key, value in table.items() if key not in but]
