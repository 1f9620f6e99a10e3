"""The page for editing a template, one HTML file that needs no network.

It holds the reference page and all that template.toml says. Keys that the page does not know are
carried through unchanged.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from markupsafe import Markup

from formreader.core.errors import UsageError
from formreader.core.user_files import parse_toml, read_regular
from formreader.core.version import __version__
from formreader.output.atomic_writing import atomic_writer, check_writable
from formreader.output.report.report import csp_hash, page_asset, report_environment
from formreader.template.template_file import (
    PAGE_FILE,
    RESERVED_NAMES,
    read_page_picture,
    read_template,
    read_template_text,
    template_folders,
)
from formreader.template.toml_values import comment_lines, toml_key, toml_value

EDITOR_FILE = "edit.html"
"""The page in the folder of its template."""

_PACKAGE = "formreader.template.editor"
_SCRIPTS = ("editor_model.js", "editor_view.js", "editor.js")
_STYLES = (("formreader.output.report", "report.css"), (_PACKAGE, "editor.css"))

Json: TypeAlias = "str | int | float | list[Json] | dict[str, Json] | None"


def editor_page(folder: Path, save_url: str | None = None, *, back_url: str | None = None) -> str:
    """The page that edits the template in a folder, as HTML.

    Args:
        folder: the folder of the template.
        save_url: where the page sends the new template.toml, by POST as `application/toml`, to
            the server that it came from. Without it, the browser saves the file.
        back_url: where a link leads back to.

    Raises:
        TemplateError: the template cannot be read or is wrong.
    """
    template = read_template(folder)
    read_page_picture(folder, template)
    style = "".join(page_asset(*names) for names in _STYLES)
    script = "".join(page_asset(_PACKAGE, name) for name in _SCRIPTS)
    page = report_environment(_PACKAGE).get_template("editor.html.j2")
    return page.render(
        form=template.name,
        folder="" if save_url else str(folder),  # that of a server is nobody's business
        version=__version__,
        template=template_record(read_template_text(folder)),
        reserved=sorted(RESERVED_NAMES),
        save_url=save_url,
        back_url=back_url,
        picture=base64.b64encode(read_regular(folder / PAGE_FILE)).decode("ascii"),
        style=Markup(style),  # our own files, not data
        script=Markup(script),
        style_hash=csp_hash(style),
        script_hash=csp_hash(script),
    )


def write_editor_page(place: Path, out: Path | None = None) -> Path:
    """Write the page that edits a template, as a file; return where it is.

    Args:
        place: the folder of the template, or one in which it is the only one.
        out: the file, edit.html in the folder of the template without it.

    Raises:
        OutputError: the page cannot be written.
        TemplateError: the template is missing or wrong.
        UsageError: there are several templates.
    """
    folder, *others = template_folders(place)
    if others:
        count = 1 + len(others)
        raise UsageError(f"{place}: there are {count} templates in it. Name one, such as {folder}")
    out = folder / EDITOR_FILE if out is None else out
    check_writable(out)
    page = editor_page(folder)
    with atomic_writer(out) as stream:
        stream.write(page)
    return out


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
