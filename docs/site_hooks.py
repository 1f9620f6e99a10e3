"""What mkdocs.yml does to the pages of docs/ on their way to the site.

On GitHub a page may link to any file of the repository. The site has the pages of docs/ only: there
a link to another file becomes the text of the link. The page Changes becomes the changelog.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]

CHANGES = "changes.md"


def on_page_markdown(markdown: str, page: Any, **_: object) -> str:
    """Return the text of a page as the site shows it; MkDocs calls this."""
    if page.file.src_uri == CHANGES:
        markdown = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
        markdown = re.sub(r"\]\((?!docs/|\w+:)", "](../", markdown).replace("](docs/", "](")
    return re.sub(r"\[([^\]]+)\]\(\.\./[^)]*\)", r"\1", markdown)
