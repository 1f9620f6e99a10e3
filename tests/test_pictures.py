"""docs/make_pictures.py makes the pictures of the docs anew; they are small, and in the docs."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

RunProcess = Callable[..., "subprocess.CompletedProcess[str]"]

MAX_BYTES = 150_000
GREEN, RED, BLUE = (0, 150, 60), (230, 60, 0), (30, 130, 200)
"""Of accepted digits, digits to review and blank boxes in a page of `--debug`."""

TILES = (6, 4)
MAX_FONT_CHANGE = 20
"""Columns and rows of tiles, and by how many of 255 grey levels the mean of a tile may change.
Fonts differ from machine to machine: STIX in place of DejaVu changed a tile by 12 at most, one
picture in place of another by 40 at least."""

OLD = "run docs/make_pictures.py: the picture is of an older version"

BROWSER = any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome")))
DRIVER = shutil.which("chromedriver")
SELENIUM = importlib.util.find_spec("selenium")


def make(process: RunProcess, root: Path, name: str, out: Path) -> Path:
    """Run the script for one picture."""
    done = process(root / "docs" / "make_pictures.py", "--only", name, "--out", out)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [str(out / f"{name}.png")]
    assert [path.name for path in out.iterdir()] == [f"{name}.png"]
    return out / f"{name}.png"


def pixels(path: Path) -> npt.NDArray[np.int16]:
    """The picture as (h, w, 3), red, green, blue; it is small."""
    assert path.stat().st_size <= MAX_BYTES
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"), np.int16)


def tiles(path: Path) -> npt.NDArray[np.int16]:
    """The mean colours of the picture's tiles, (rows, columns, 3)."""
    with Image.open(path) as image:
        small = image.convert("RGB").resize(TILES, Image.Resampling.BOX)
    return np.asarray(small, np.int16)


def test_the_overlay_shows_accepted_doubtful_and_blank_boxes(
    process: RunProcess, root: Path, tmp_path: Path
) -> None:
    overlay = pixels(make(process, root, "overlay", tmp_path / "new"))
    for colour in (GREEN, RED, BLUE):
        near = np.abs(overlay - np.array(colour)).max(axis=2) < 30
        assert near.sum() > 500, colour
    in_docs = pixels(root / "docs" / "overlay.png")
    assert overlay.shape == in_docs.shape
    changed = np.abs(overlay - in_docs).max(axis=2) > 60
    assert changed.mean() < 0.01, OLD


@pytest.mark.skipif(
    not (BROWSER and DRIVER and SELENIUM), reason="needs chromium, chromedriver and selenium"
)
@pytest.mark.parametrize("name", ["report", "editor", "table"])
def test_pages_are_drawn_by_a_browser(
    name: str, process: RunProcess, root: Path, tmp_path: Path
) -> None:
    new, in_docs = make(process, root, name, tmp_path / "new"), root / "docs" / f"{name}.png"
    page = pixels(new)
    assert page.shape == pixels(in_docs).shape
    assert len(np.unique(page.reshape(-1, 3), axis=0)) > 50
    changed = np.abs(tiles(new) - tiles(in_docs)).max()
    assert changed < MAX_FONT_CHANGE, OLD


def test_the_docs_show_each_picture_and_the_readme_two(root: Path) -> None:
    readme = (root / "README.md").read_text(encoding="utf-8")
    docs = "".join(page.read_text(encoding="utf-8") for page in (root / "docs").glob("*.md"))
    pictures = sorted((root / "docs").glob("*.png"))
    assert pictures
    for path in pictures:
        assert path.stat().st_size <= MAX_BYTES, path
        assert f"]({path.name})" in docs, path
    assert re.findall(r"!\[.*\]\(docs/(.*)\)", readme) == ["table.png", "report.png"]
