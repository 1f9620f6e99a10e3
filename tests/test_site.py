"""The site of docs/ builds without a warning, and readers load nothing from other hosts."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not importlib.util.find_spec("mkdocs"), reason="needs pip install '.[docs]'"
    ),
]

LOADED = {
    "audio": "src", "embed": "src", "iframe": "src", "img": "src", "link": "href",
    "object": "data", "script": "src", "source": "src", "video": "src",
}  # fmt: skip
"""What a browser loads by itself, and the attribute that says from where."""

ELSEWHERE = re.compile(r"\s*(?:https?:)?//", re.IGNORECASE)

LOADED_BY_STYLE = re.compile(r"url\(\s*['\"]?([^'\")]+)|@import\s+['\"]([^'\"]+)", re.IGNORECASE)
"""What a style sheet loads."""


class Loads(HTMLParser):
    """Collects the addresses of what a page loads."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses = list[str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.addresses += [given.get(LOADED[tag]) or ""] if tag in LOADED else []
        self.addresses += styled(given.get("style") or "")


def styled(css: str) -> list[str]:
    return [url or imported for url, imported in LOADED_BY_STYLE.findall(css)]


@pytest.fixture(scope="module")
def site(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=root, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_every_page_is_there(site: Path, root: Path) -> None:
    for page in (root / "docs").glob("*.md"):
        folder = site if page.stem == "index" else site / page.stem
        assert "<h1" in (folder / "index.html").read_text(encoding="utf-8"), page
    assert not list(site.rglob("*.py"))


def test_the_changes_are_the_changelog(site: Path, root: Path) -> None:
    shown = (site / "changes" / "index.html").read_text(encoding="utf-8")
    entries = re.findall(r"^## (.+)$", (root / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert entries
    for entry in entries:
        assert re.search(rf"<h2[^>]*>{re.escape(entry)}", shown), entry


def test_pages_load_nothing_from_other_hosts(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert pages
    for page in pages:
        parser = Loads()
        text = page.read_text(encoding="utf-8")
        parser.feed(text)
        styles = "".join(re.findall(r"<style[^>]*>(.*?)</style>", text, re.DOTALL))
        assert parser.addresses
        elsewhere = [one for one in parser.addresses + styled(styles) if ELSEWHERE.match(one)]
        assert elsewhere == [], page


def test_styles_load_nothing_from_other_hosts(site: Path) -> None:
    styles = list(site.rglob("*.css"))
    assert styles
    for style in styles:
        loaded = styled(style.read_text(encoding="utf-8"))
        assert [one for one in loaded if ELSEWHERE.match(one)] == [], style
