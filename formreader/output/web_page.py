"""Pages of one HTML file: their templates, and the script and style that they begin with."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from functools import cache, partial
from importlib import resources

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from formreader.output.table import file_cell

_SHARED = "formreader.output"


@dataclass(frozen=True, slots=True)
class PageCode:
    """Script and style of a page, and the hashes by which its security policy allows them."""

    script: Markup
    style: Markup
    script_hash: str
    style_hash: str


@cache
def page_code(package: str, scripts: tuple[str, ...], *styles: tuple[str, str]) -> PageCode:
    """The code of all pages, the `scripts` of a package, and `styles` by package and name; kept."""
    shared = re.sub("^export ", "", page_asset(_SHARED, "web/parts.js"), flags=re.MULTILINE)
    script = shared + "".join(page_asset(package, name) for name in scripts)
    style = "".join(page_asset(*names) for names in ((_SHARED, "web/base.css"), *styles))
    # Our own files, not data.
    return PageCode(Markup(script), Markup(style), _csp_hash(script), _csp_hash(style))


@cache
def page_environment(package: str) -> Environment:
    """The templates of a package's pages, with escapes; kept, as compiling one takes some 30 ms."""
    environment = Environment(
        loader=FunctionLoader(partial(page_asset, package)),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":")}
    environment.filters["file_cell"] = file_cell
    return environment


@cache
def page_asset(package: str, name: str) -> str:
    """The text of a file that pages are made of; kept."""
    return resources.files(package).joinpath(name).read_text(encoding="utf-8")


def _csp_hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"
