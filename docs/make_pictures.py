"""Make the pictures of the documentation: `python docs/make_pictures.py [--only overlay]`.

All but `table.png` come from the samples, and all are made by the formreader of this repository:

- `report.png`: the review report in headless Chromium, which needs selenium (of the extra
  `test`), Chromium or Chrome, and its chromedriver
- `editor.png`: the editor of templates, in the same browser
- `overlay.png`: a part of a page as `formreader scan --debug` draws it
- `table.png`: scans of one form, drawn here, and the named table that they become
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
from html import escape
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from PIL import Image

from formreader.synth import (
    Form,
    Hand,
    HandSource,
    Kind,
    LineStyle,
    Pen,
    Rect,
    RowStyle,
    Sheet,
    Writer,
    finish,
    sample_scan,
)

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

TABLE_FIELDS = ("member", "born", "joined", "visits", "paid")
TABLE_KINDS: tuple[Kind, ...] = ("skew", "photo", "turned", "stained", "clean", "colour")
"""Names of the fields of the form that becomes a table, and the kinds of its scans."""

TABLE_DPI = 150

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


TABLE_PAGE = """<!doctype html><meta charset=utf-8><style>
body { margin: 0; padding: 16px; font: 20px/24px sans-serif; background: #fff }
#scans { display: flex; gap: 12px; align-items: center; justify-content: space-between }
img { max-width: 175px; max-height: 130px; border: 1px solid #bbb }
pre { background: #222; color: #eee; padding: 12px 16px; font-size: 18px; line-height: 21px;
  margin: 16px 0 }
table { border-collapse: collapse; width: 100% } td, th { border: 1px solid #bbb; padding: 5px 8px }
th { background: #eee; text-align: left } td { font-family: monospace } .r { background: #fd6 }
</style><div id=scans>PICTURES</div>
<pre>formreader template learn scans/ --out templates/
formreader template edit templates/form-1     # name the fields: type, Enter, next field
formreader scan scans/ --template templates/ --rows page --out results.csv</pre>
<table>CELLS</table>"""
"""The page of `table.png`; what the table has for review is yellow. The lines are of given heights,
so that the picture is as high with any font."""


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


STRICT = "0.99"
"""Confidence below which a digit is doubtful in the picture of the report: below the usual 0.95
there is no digit in the samples."""


def draw_report(folder: Path) -> Image.Image:
    """The review report at a doubtful digit, in a browser; `folder` is for scan and browser.

    Raises:
        SystemExit: there is no browser or no fitting digit, or the window is too small.
    """
    table, report, picture = (folder / f"report.{ending}" for ending in ("csv", "html", "png"))
    with open_browser(folder / "profile") as browser:
        scan(SAMPLES, "--out", table, "--review-below", STRICT)
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


def draw_table(folder: Path) -> Image.Image:
    """Scans of one form, three commands, and the table with one named column a field.

    Raises:
        SystemExit: there is no browser, or the scans were not learned as one form.
    """
    scans, templates, table = folder / "scans", folder / "templates", folder / "results.csv"
    scans.mkdir()
    for number, kind in enumerate(TABLE_KINDS):
        image = draw_member_form(number, kind)
        image.save(scans / f"{number + 1:03d}.png", dpi=(TABLE_DPI, TABLE_DPI))
    run_program("template", "learn", scans, "--out", templates, "--quiet")
    name_fields(templates / "form-1" / "template.toml")
    scan(scans, "--template", templates, "--rows", "page", "--out", table, "--report", "none")
    page, picture = folder / "table.html", folder / "table.png"
    page.write_text(table_page(scans, table), encoding="utf-8")
    with open_browser(folder / "profile") as browser:
        browser.get(page.as_uri())
        height = browser.execute_script("return document.body.scrollHeight")
        browser.save_screenshot(str(picture))
    with Image.open(picture) as image:
        return image.convert("RGB").crop((0, 0, image.width, round(height * DEVICE_SCALE)))


def draw_member_form(number: int, kind: Kind) -> Image.Image:
    """A filled page of the form, as another hand fills it in and another scanner sees it."""
    rng = np.random.default_rng([7, number])
    hand = Hand.sample(rng)
    writer = Writer(HandSource(hand, TABLE_DPI), Pen.sample(hand.pen, rng), hand.wander)
    form = Form(Sheet(148, 105, TABLE_DPI), writer, rng)
    form.sheet.text(14, 10, "MEMBERSHIP 2025", 6, bold=True)
    line = LineStyle(width=0.3)
    born, joined = (
        f"{rng.integers(1, 29):02d}{rng.integers(1, 13):02d}{rng.integers(*years)}"
        for years in ((1950, 2007), (2018, 2025))
    )
    member, paid = (str(rng.integers(1000, 9999)) for _ in range(2))
    values = (member, born, joined, str(rng.integers(10, 99)), paid)
    for row, (name, value) in enumerate(zip(TABLE_FIELDS, values, strict=True)):
        top = 25 + 14 * row
        form.sheet.text(14, top + 2, name.capitalize(), 3.5)
        form.row(Rect(45, top, 7, 9), value, RowStyle(outer=line, inner=line))
    return Image.fromarray(finish(form, sample_scan(kind, rng)).image)


def name_fields(template: Path) -> None:
    """Give the fields of a learned template their names, as its editor does."""
    text = template.read_text(encoding="utf-8")
    for number, name in enumerate(TABLE_FIELDS, 1):
        if f'"F{number:02d}"' not in text:
            raise SystemExit(f"table: field {number} was not learned")
        text = text.replace(f'"F{number:02d}"', f'"{name}"')
    template.write_text(text.replace('"form-1"', '"member"'), encoding="utf-8")


def table_page(scans: Path, table: Path) -> str:
    """The picture as a page for a browser."""
    pictures = "".join(f"<img src='{path.as_uri()}'>" for path in sorted(scans.iterdir()))
    with table.open(newline="", encoding="utf-8") as stream:
        head, *rows = [row[:-1] for row in csv.reader(stream)]  # `message` is empty
    cells = "".join(f"<th>{escape(name)}" for name in head)
    for row in rows:
        names = row[head.index("review")].split("; ")
        marked = [" class=r" if name in names else "" for name in head]
        cells += "<tr>" + "".join(
            f"<td{mark}>{escape(value)}" for mark, value in zip(marked, row, strict=True)
        )
    return TABLE_PAGE.replace("PICTURES", pictures).replace("CELLS", cells)


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
    {
        "report": draw_report,
        "editor": draw_editor,
        "overlay": draw_overlay,
        "table": draw_table,
    }
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
