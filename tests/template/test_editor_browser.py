"""The editor of templates in a real browser, from the command to the table that it changes."""

from __future__ import annotations

import csv
import threading
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from click.testing import Result
from PIL import Image

from formreader import scan
from formreader.core.errors import ExitCode
from formreader.core.geometry import Box
from formreader.synth import Filling, FormSpec, Plan, render_form
from formreader.template.editor.editor_page import editor_page, write_editor_page
from formreader.template.form_template import FieldPlace, FormTemplate
from formreader.template.template_file import parse_template, write_template

if TYPE_CHECKING:
    from selenium.webdriver.chrome.webdriver import WebDriver

pytest.importorskip("selenium", reason="the browser tests need selenium")
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

pytestmark = pytest.mark.slow

RunProgram = Callable[..., Result]


def type_keys(browser: WebDriver, *keys: str) -> None:
    actions = ActionChains(browser)
    actions.send_keys(*keys)
    actions.perform()


def fields_of(template: Path) -> list[dict[str, Any]]:
    fields: list[dict[str, Any]] = tomllib.loads(template.read_text(encoding="utf-8"))["fields"]
    return fields


def test_fields_are_named_added_and_deleted(
    browser: WebDriver, program: RunProgram, tmp_path: Path, complaints: Callable[[Any], list[str]]
) -> None:
    page = render_form(7, FormSpec("comb", "clean", dpi=150, plan=Plan(filling=Filling(0.0))))
    scanned, folder = tmp_path / "scan.png", tmp_path / "tally"
    Image.fromarray(page.image).save(scanned)
    made = program("template", "new", scanned, "--out", folder, "--workers", "1", "-q")
    assert made.exit_code == ExitCode.DONE, made.stderr
    before = fields_of(folder / "template.toml")
    opened = program("template", "edit", folder, "--out", tmp_path / "edit.html")
    assert opened.exit_code == ExitCode.DONE, opened.stderr

    browser.get((tmp_path / "edit.html").as_uri())
    browser.execute_cdp_cmd(
        "Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)}
    )
    # The name of the first field has the focus; a name that is taken stops nothing but saving.
    type_keys(browser, "Votes", Keys.ENTER, "votes", Keys.ENTER, "date", Keys.ENTER)
    assert browser.find_element("id", "name").get_attribute("value") == before[3]["name"]
    ActionChains(browser).key_down(Keys.CONTROL).send_keys("s").key_up(Keys.CONTROL).perform()
    assert "Field 2 is called votes as well" in browser.find_element("id", "message").text
    type_keys(browser, "total", Keys.ENTER, Keys.ENTER, Keys.ESCAPE)
    # On the form: a cell below the third field, moved; then the last field goes.
    type_keys(browser, "c", Keys.ARROW_LEFT, Keys.ARROW_LEFT, Keys.ENTER)
    type_keys(browser, "extra")  # a click elsewhere ends a name as well
    first = browser.find_element("css selector", "#drawing [data-field='0'] rect")
    ActionChains(browser).click(first).perform()
    assert browser.find_element("id", "name").get_attribute("value") == "total"
    place = browser.find_element("id", "where").text
    first = browser.find_element("css selector", "#drawing [data-field='0'] rect")
    ActionChains(browser).drag_and_drop_by_offset(first, 0, 12).perform()
    assert browser.find_element("id", "where").text != place
    browser.find_element("id", "undo").click()
    assert browser.find_element("id", "where").text == place
    browser.find_element("css selector", "#list li:last-child button").click()
    browser.find_element("id", "remove").click()
    browser.execute_script("delete window.showDirectoryPicker")  # as where there is none
    browser.find_element("id", "save").click()
    saved = tmp_path / "edited-templates.json"
    wait = WebDriverWait(browser, 10, poll_frequency=0.05)
    wait.until(lambda _: saved.exists() and saved.stat().st_size > 0)
    told = browser.find_element("id", "message").text
    assert told.endswith(f"formreader template edit {folder} --apply edited-templates.json")

    applied = program("template", "edit", folder, "--apply", saved)
    assert applied.exit_code == ExitCode.DONE, applied.stderr
    after = fields_of(folder / "template.toml")
    names = [field["name"] for field in after]
    assert names[:4] == ["total", "votes", "date", "extra"]
    assert len(after) == len(before) and before[-1]["name"] not in names
    assert after[0] == before[0] | {"name": "total"}
    browser.get("about:blank")
    assert complaints(browser) == []

    assert program("template", "check", folder).exit_code == ExitCode.DONE
    out = tmp_path / "results.csv"
    scan([scanned], out, rows="page", template=folder, workers=1, report="none")
    with out.open(encoding="utf-8", newline="") as stream:
        (row,) = csv.DictReader(stream)
    assert list(row)[5 : 5 + len(names)] == names
    written = "".join(box.symbol for box in page.truth if box.field == 0)
    assert row["total"] == written


CELLS = tuple(
    FieldPlace(f"F{4 * y + x + 1:02d}", cell=Box(100 + 60 * x, 60 + 24 * y, 60, 24))
    for y in range(3)
    for x in range(4)
)
PAGE = np.full((200, 400), 250, np.uint8)


def two_templates(folder: Path) -> None:
    for name in ("climate", "other"):
        write_template(folder / name, FormTemplate(name, (400, 200), CELLS), PAGE)


def test_a_table_and_several_fields_are_named_by_keys(
    browser: WebDriver, tmp_path: Path, complaints: Callable[[Any], list[str]]
) -> None:
    two_templates(tmp_path)
    browser.get(write_editor_page(tmp_path / "climate").as_uri())

    def names() -> list[str]:
        return [one.text for one in browser.find_elements("css selector", "#list b")]

    # The keys are listed wherever the focus is; in a name, ? is a letter but for the first.
    shown = "return document.getElementById('help-dialog').open"
    for focus in ("name", "drawing", "save"):
        browser.execute_script(f"document.getElementById('{focus}').focus()")
        type_keys(browser, Keys.HOME, "?")
        assert browser.execute_script(shown), focus
        type_keys(browser, Keys.ESCAPE)
        assert not browser.execute_script(shown)
    browser.execute_script("document.getElementById('name').focus()")
    type_keys(browser, Keys.END, "?", Keys.ESCAPE)
    assert names()[0] == "F01?" and not browser.execute_script(shown)

    # Two steps name a table.
    type_keys(browser, "t", "08:00", Keys.ENTER, "12:00", Keys.ENTER, "16:00", Keys.ENTER)
    type_keys(browser, "20:00", Keys.ENTER, "temperature", Keys.ENTER, "wind", Keys.ENTER)
    apply = browser.find_element("id", "table-apply")
    assert (
        not apply.is_enabled() or "no name" not in browser.find_element("id", "table-preview").text
    )
    type_keys(browser, "rain", Keys.ENTER)
    table = [f"{row}_{head}:00" for row in ("temperature", "wind", "rain") for head in (
        "08", "12", "16", "20")]  # fmt: skip
    assert names() == table
    assert "4 fields of the table" in browser.find_element("id", "message").text
    # Each name is drawn in its own field.
    outside = browser.execute_script("""
      return [...document.querySelectorAll("#drawing .field")].filter((field) => {
        const box = (tag) => field.querySelector(tag).getBoundingClientRect();
        const [cell, name] = [box("rect"), box("text")];
        return name.left < cell.left || name.top < cell.top - 1
          || name.right > cell.right + 1 || name.bottom > cell.bottom;
      }).length;
    """)
    assert outside == 0

    # The last of several fields is the sum of the others.
    type_keys(browser, "=")
    assert "rain_20:00 is the sum of 11 fields" in browser.find_element("id", "message").text
    rules = browser.find_element("css selector", '#form-rule-inputs [data-rule="sums"]')
    assert str(rules.get_attribute("value")).startswith("rain_20:00 = temperature_08:00 + ")
    browser.find_element("id", "undo").click()
    assert rules.get_attribute("value") == ""

    # Several fields: picked with Ctrl, by a rectangle, all; renamed by text and by pattern.
    type_keys(browser, Keys.ESCAPE)
    cells = browser.find_elements("css selector", "#drawing .field")
    keys = ActionChains(browser).click(cells[4])
    keys.key_down(Keys.CONTROL).click(cells[5]).key_up(Keys.CONTROL).perform()
    assert len(browser.find_elements("css selector", "#list .selected")) == 2
    type_keys(browser, "r", "wind_", Keys.TAB, "", Keys.TAB, "gust_{nn}_{name}", Keys.ENTER)
    assert names()[4:7] == ["gust_01_08:00", "gust_02_12:00", "wind_16:00"]
    browser.find_element("id", "undo").click()
    assert names() == table
    drawing = browser.find_element("id", "drawing")
    keys = ActionChains(browser).key_down(Keys.SHIFT)
    keys.move_to_element_with_offset(drawing, *corner(browser, -0.45, -0.45)).click_and_hold()
    keys.move_to_element_with_offset(drawing, *corner(browser, -0.02, 0.45)).release()
    keys.key_up(Keys.SHIFT).perform()
    assert len(browser.find_elements("css selector", "#list .selected")) == 6
    type_keys(browser, "i")
    assert len(browser.find_elements("css selector", "#drawing .ignored")) == 6
    type_keys(browser, Keys.DELETE)
    assert len(names()) == 6 and names()[0] == "temperature_16:00"
    browser.execute_script("window.onbeforeunload = null")
    browser.get("about:blank")
    assert complaints(browser) == []


def corner(browser: WebDriver, x: float, y: float) -> tuple[int, int]:
    """Pixels from the middle of the form, of shares of its size."""
    size = browser.find_element("id", "drawing").size
    return round(x * size["width"]), round(y * size["height"])


def test_all_forms_of_a_folder_are_saved_into_it(browser: WebDriver, tmp_path: Path) -> None:
    two_templates(tmp_path)
    pages = {"/edit.html": write_editor_page(tmp_path).read_text(encoding="utf-8")}
    texts = {
        name: (tmp_path / name / "template.toml").read_text(encoding="utf-8")
        for name in ("climate", "other")
    }
    with serving(pages) as url:
        browser.get(url + "/none")
        browser.execute_async_script(FILL_FOLDER, texts)
        browser.get(url + "/edit.html")
        browser.execute_script(CHOOSE_FOLDER)
        browser.execute_script("window.confirm = () => false")
        type_keys(browser, "first", Keys.ENTER, Keys.PAGE_DOWN)
        assert "form 2 of 2" in browser.find_element("id", "message").text
        type_keys(browser, Keys.ESCAPE, Keys.ENTER, "second", Keys.ENTER)
        assert browser.find_element("id", "state").text == "Not saved yet: climate, other"
        save(browser, "Saved into the folder")
        assert browser.find_element("id", "state").text == ""
        saved = browser.execute_async_script(READ_FOLDER)
        for name, field in (("climate", "first"), ("other", "second")):
            template, faults = parse_template(saved[name])
            assert template is not None, faults
            assert [one.name for one in template.fields] == [
                field,
                *(one.name for one in CELLS[1:]),
            ]
        # The page in the folder shows what was saved.
        pages["/edit.html"] = saved["edit.html"]
        browser.get(url + "/edit.html")
        assert browser.find_element("css selector", "#list b").text == "first"
        assert browser.find_element("id", "drawing").is_displayed()
        # What somebody else changed meanwhile is not overwritten unasked, nor is a wrong folder.
        browser.execute_async_script(FILL_FOLDER, {"climate": texts["climate"]})
        browser.execute_script(CHOOSE_FOLDER)
        browser.execute_script("window.confirm = () => false")
        type_keys(browser, "third", Keys.ENTER)
        save(browser, "Not saved: climate stays as it is in the folder")
        assert browser.execute_async_script(READ_FOLDER)["climate"] == texts["climate"]
        browser.execute_script("window.confirm = () => true")
        save(browser, "Saved into the folder")
        assert '"third"' in browser.execute_async_script(READ_FOLDER)["climate"]
        browser.execute_async_script(EMPTY_FOLDER)
        type_keys(browser, "fourth", Keys.ENTER)
        save(browser, "has no climate/template.toml")
        browser.get_log("browser")  # type: ignore[no-untyped-call]  # a page that is not there


CHOOSE_FOLDER = "window.showDirectoryPicker = () => navigator.storage.getDirectory()"
"""The browser's private folder in place of one on disk, which only a person can choose."""

FILL_FOLDER = """
const [texts, done] = arguments;
(async () => {
  const folder = await navigator.storage.getDirectory();
  const put = async (place, name, text) => {
    const stream = await (await place.getFileHandle(name, { create: true })).createWritable();
    await stream.write(text);
    await stream.close();
  };
  for (const [name, text] of Object.entries(texts)) {
    await put(await folder.getDirectoryHandle(name, { create: true }), "template.toml", text);
  }
  await put(folder, "edit.html", "");
})().then(done);
"""

READ_FOLDER = """
const done = arguments[0];
(async () => {
  const [folder, texts] = [await navigator.storage.getDirectory(), {}];
  for await (const [name, one] of folder.entries()) {
    const file = one.kind === "file" ? one : await one.getFileHandle("template.toml");
    texts[name] = await (await file.getFile()).text();
  }
  return texts;
})().then(done);
"""

EMPTY_FOLDER = """
const done = arguments[0];
navigator.storage.getDirectory()
  .then((folder) => folder.removeEntry("climate", { recursive: true })).then(done);
"""


def save(browser: WebDriver, told: str) -> None:
    browser.find_element("id", "save").click()
    WebDriverWait(browser, 10, poll_frequency=0.05).until(
        lambda _: told in browser.find_element("id", "message").text
    )


@contextmanager
def serving(
    pages: dict[str, str], taken: Callable[[str, str], tuple[int, bytes]] | None = None
) -> Iterator[str]:
    """A server of pages by their paths; gives its address.

    `taken` is given the path and the text of what is sent to it, and says status and answer.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer(200, pages.get(self.path, "").encode("utf-8"))

        def do_POST(self) -> None:
            assert taken is not None
            text = self.rfile.read(int(self.headers["Content-Length"])).decode("utf-8")
            self.answer(*taken(self.path, text))

        def answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            kind = "application/problem+json" if status == 422 else "text/html; charset=utf-8"
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def test_a_server_takes_what_is_saved_or_says_why_not(browser: WebDriver, tmp_path: Path) -> None:
    cell = FieldPlace("F01", cell=Box(100, 150, 80, 30))
    page = np.full((200, 300), 250, np.uint8)
    write_template(tmp_path, FormTemplate("tally", (300, 200), (cell,)), page)
    html = editor_page([tmp_path], save_url="/save")
    sent, answers = (
        list[str](),
        [(409, b"someone else saved it"), (422, b'{"detail": "line 3"}'), (200, b"")],
    )

    def taken(path: str, text: str) -> tuple[int, bytes]:
        assert path == "/save"
        sent.append(text)
        return answers.pop(0)

    with serving({"/": html}, taken) as address:
        browser.get(f"{address}/")
        type_keys(browser, "gültig")
        for told in ("Not saved: someone else saved it", "Not saved: line 3", "Saved."):
            browser.find_element("id", "save").click()
            WebDriverWait(browser, 10, poll_frequency=0.05).until(
                lambda _, told=told: browser.find_element("id", "message").text == told
            )
        assert browser.find_element("id", "state").text == ""
        browser.get("about:blank")
    template, faults = parse_template(sent[-1])
    assert template is not None, faults
    assert [field.name for field in template.fields] == ["gültig"] and len(sent) == 3
    browser.get_log("browser")  # type: ignore[no-untyped-call]  # the refusal stands in it
