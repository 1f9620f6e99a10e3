"""Make the pictures of the documentation: `python docs/make_pictures.py [--only overlay]`.

All come from the samples, by the formreader of this repository:

- `report.png`: the review report in headless Chromium, which needs selenium (of the extra
  `test`), Chromium or Chrome, and its chromedriver
- `editor.png`: the editor of templates, in the same browser
- `overlay.png`: a part of a page as `formreader scan --debug` draws it
"""

from __future__ import annotations

import argparse
import csv
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

from PIL import Image

if TYPE_CHECKING:
    from selenium import webdriver

ROOT = Path(__file__).parents[1]
SAMPLES = ROOT / "samples"

Row: TypeAlias = dict[str, str]
"""A row of results.csv."""

OVERLAY_SAMPLE = "blanks_and_crosses.png"
OVERLAY_AREA = (70, 184, 700, 610)
"""The sample with accepted digits, digits to review, blank boxes and a discarded box, and the
part of it that shows them: left, top, right, bottom in pixels of the page."""

OVERLAY_SCALE = 1.5
"""Pixels of the picture for a pixel of the page: fills the README, so that the small print of
the confidences can be read."""

EDITOR_SAMPLE = "comb.png"
EDITOR_NAMES = ("member", "born", "postal_code")
"""The sample that becomes a template, and the names that are typed for its first fields."""

WINDOW_WIDTH, WINDOW_HEIGHT = 1200, 900
"""CSS pixels. By eye: all that is needed to answer is in sight, and little else."""

DEVICE_SCALE = 1.5
"""Device pixels for a CSS pixel, for screens with small pixels."""

COLOURS = 128
"""Of the palette. By eye, the pictures look as they do with all colours; they take about a third
of the bytes."""

MAX_PICTURE_BYTES = 150_000

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
BROWSER_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--hide-scrollbars",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

WAIT_UNTIL_PAINTED = """
const done = arguments[0];
document.querySelector("#surroundings, #page").decode()
  .then(() => requestAnimationFrame(() => requestAnimationFrame(() => done())));
"""

OUT_OF_SIGHT = """
return [".bar", ".stage", ".queue"].filter((name) => {
  const { left, top, right, bottom } = document.querySelector(name).getBoundingClientRect();
  return left < 0 || top < 0 || right > innerWidth || bottom > innerHeight;
});
"""
"""JavaScript: the parts of the report that the window cuts off."""


def scan(*arguments: str | Path) -> None:
    """Run `formreader scan` with the code of this repository.

    Raises:
        CalledProcessError: the scan failed; it has said why.
    """
    run_program("scan", *arguments, "--quiet")


def run_program(*arguments: str | Path) -> None:
    """Run a command of formreader with the code of this repository.

    Raises:
        CalledProcessError: it failed; it has said why.
    """
    command = [sys.executable, "-m", "formreader", *map(str, arguments)]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def draw_overlay(folder: Path) -> Image.Image:
    """A part of a page with its boxes and what was read in them; `folder` is for the scan."""
    debug = folder / "debug"
    scan(SAMPLES / OVERLAY_SAMPLE, "--out", folder / "overlay.csv", "--debug", debug)
    with Image.open(debug / f"{OVERLAY_SAMPLE}.page1.png") as page:
        part = page.convert("RGB").crop(OVERLAY_AREA)
    size = (round(part.width * OVERLAY_SCALE), round(part.height * OVERLAY_SCALE))
    return part.resize(size, Image.Resampling.LANCZOS)


def draw_report(folder: Path) -> Image.Image:
    """The review report at a doubtful digit, in a browser; `folder` is for scan and browser.

    Raises:
        SystemExit: there is no browser or no fitting digit, or the window is too small.
    """
    table, report, picture = (folder / f"report.{ending}" for ending in ("csv", "html", "png"))
    with open_browser(folder / "profile") as browser:
        scan(SAMPLES, "--out", table)
        browser.get(report.as_uri())
        go_to_field(browser, *choose_field(table))
        browser.execute_async_script(WAIT_UNTIL_PAINTED)
        if cut := browser.execute_script(OUT_OF_SIGHT):
            raise SystemExit(f"report: the window cuts off {', '.join(cut)}. Make it larger")
        browser.save_screenshot(str(picture))
    with Image.open(picture) as image:
        return image.convert("RGB")


def draw_editor(folder: Path) -> Image.Image:
    """The editor of templates with a few fields named, in a browser.

    Raises:
        SystemExit: there is no browser.
    """
    template, page, picture = (folder / name for name in ("membership", "edit.html", "editor.png"))
    with open_browser(folder / "profile") as browser:
        from selenium.webdriver.common.action_chains import ActionChains
        from selenium.webdriver.common.keys import Keys

        run_program("template", "new", SAMPLES / EDITOR_SAMPLE, "--out", template, "--quiet")
        run_program("template", "edit", template, "--out", page)
        browser.get(page.as_uri())
        for name in EDITOR_NAMES:
            ActionChains(browser).send_keys(name, Keys.ENTER).perform()
        browser.execute_async_script(WAIT_UNTIL_PAINTED)
        browser.save_screenshot(str(picture))
    with Image.open(picture) as image:
        return image.convert("RGB")


def choose_field(table: Path) -> tuple[Row, int]:
    """The longest field with a doubtful digit, and the number of fields to review.

    Fields with a mark that was taken for no digit are not chosen.
    """
    with table.open(newline="", encoding="utf-8") as stream:
        review = [row for row in csv.DictReader(stream) if row["status"] == "review"]
    doubtful = [row for row in review if "?" not in row["cells"]]
    if not doubtful:
        raise SystemExit("report: no digit of the samples is doubtful")
    return max(doubtful, key=lambda row: len(row["cells"])), len(review)


@contextmanager
def open_browser(profile: Path) -> Iterator[webdriver.Chrome]:
    """Headless Chromium with a window of the same size and colours everywhere."""
    try:
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service
    except ImportError as error:
        raise SystemExit("report: selenium is missing: pip install '.[test]'") from error
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    driver = shutil.which("chromedriver")
    if program is None or driver is None:
        raise SystemExit("report: needs Chromium and chromedriver. Without: --only overlay")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for flag in (*BROWSER_FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    # The path is given, so that selenium looks for no driver on a network.
    browser = webdriver.Chrome(options=options, service=Service(executable_path=driver))
    try:
        metrics = {
            "width": WINDOW_WIDTH,
            "height": WINDOW_HEIGHT,
            "deviceScaleFactor": DEVICE_SCALE,
            "mobile": False,
        }
        light = {"features": [{"name": "prefers-color-scheme", "value": "light"}]}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", light)
        yield browser
    finally:
        browser.quit()


def go_to_field(browser: webdriver.Chrome, field: Row, count: int) -> None:
    """Walk through the `count` fields of the report until `field` is shown."""
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    wanted = (field["file"], f"page {field['page']} · field {field['field']}")
    for key in (Keys.HOME, *[Keys.ARROW_DOWN] * (count - 1)):
        ActionChains(browser).send_keys(key).perform()
        file, place = (browser.find_element("id", name).text for name in ("file", "place"))
        if (file, place.rpartition(" · ")[0]) == wanted:
            return
    raise SystemExit(f"report: {', '.join(wanted)} is not in it")


PICTURES: Mapping[str, Callable[[Path], Image.Image]] = MappingProxyType(
    {"report": draw_report, "editor": draw_editor, "overlay": draw_overlay}
)


def save(picture: Image.Image, path: Path) -> None:
    """Write a small PNG with a palette.

    Raises:
        SystemExit: it is too large for a page that people load.
    """
    # Maximum coverage keeps thin lines of rare colours; k-means, the exact colour of the ground.
    few = picture.quantize(COLOURS, Image.Quantize.MAXCOVERAGE, 1, dither=Image.Dither.NONE)
    few.save(path, optimize=True)
    size = path.stat().st_size
    if size > MAX_PICTURE_BYTES:
        raise SystemExit(f"{path}: {size:,} bytes, more than {MAX_PICTURE_BYTES:,}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the pictures that the command line names, and print their paths."""
    parser = argparse.ArgumentParser(description="Make the pictures of the documentation.")
    parser.add_argument(
        "--out", type=Path, default=ROOT / "docs", metavar="FOLDER",
        help="where the pictures go; this script's folder if not given",
    )  # fmt: skip
    parser.add_argument(
        "--only", choices=PICTURES, action="append",
        help="make this picture; also several times; all if not given",
    )  # fmt: skip
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    for name in options.only or PICTURES:
        path = options.out / f"{name}.png"
        # A browser that ends may still write to its profile.
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            save(PICTURES[name](Path(folder)), path)
        sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
