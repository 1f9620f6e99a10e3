"""The editor of templates in a real browser, from the command to the table that it changes."""

from __future__ import annotations

import csv
import shutil
import threading
import tomllib
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
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
from formreader.template.editor.editor_page import editor_page
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
    browser.find_element("id", "save").click()
    saved = tmp_path / "template.toml"
    wait = WebDriverWait(browser, 10, poll_frequency=0.05)
    wait.until(lambda _: saved.exists() and saved.stat().st_size > 0)

    after = fields_of(saved)
    names = [field["name"] for field in after]
    assert names[:4] == ["total", "votes", "date", "extra"]
    assert len(after) == len(before) and before[-1]["name"] not in names
    assert after[0] == before[0] | {"name": "total"}
    browser.get("about:blank")
    assert complaints(browser) == []

    shutil.move(saved, folder / "template.toml")
    assert program("template", "check", folder).exit_code == ExitCode.DONE
    out = tmp_path / "results.csv"
    scan([scanned], out, rows="page", template=folder, workers=1, report="none")
    with out.open(encoding="utf-8", newline="") as stream:
        (row,) = csv.DictReader(stream)
    assert list(row)[5 : 5 + len(names)] == names
    written = "".join(box.symbol for box in page.truth if box.field == 0)
    assert row["total"] == written


def test_a_server_takes_what_is_saved_or_says_why_not(browser: WebDriver, tmp_path: Path) -> None:
    cell = FieldPlace("F01", cell=Box(100, 150, 80, 30))
    page = np.full((200, 300), 250, np.uint8)
    write_template(tmp_path, FormTemplate("tally", (300, 200), (cell,)), page)
    html = editor_page(tmp_path, save_url="/save")
    sent, answers = (
        list[str](),
        [(409, b"someone else saved it"), (422, b'{"detail": "line 3"}'), (200, b"")],
    )

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer(200, html.encode("utf-8") if self.path == "/" else b"")

        def do_POST(self) -> None:
            assert self.path == "/save"
            sent.append(self.rfile.read(int(self.headers["Content-Length"])).decode("utf-8"))
            self.answer(*answers.pop(0))

        def answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            kind = "application/problem+json" if status == 422 else "text/html; charset=utf-8"
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            browser.get(f"http://127.0.0.1:{server.server_port}/")
            type_keys(browser, "gültig")
            for told in ("Not saved: someone else saved it", "Not saved: line 3", "Saved."):
                browser.find_element("id", "save").click()
                WebDriverWait(browser, 10, poll_frequency=0.05).until(
                    lambda _, told=told: browser.find_element("id", "message").text == told
                )
            assert browser.find_element("id", "state").text == ""
            browser.get("about:blank")
        finally:
            server.shutdown()
    template, faults = parse_template(sent[-1])
    assert template is not None, faults
    assert [field.name for field in template.fields] == ["gültig"] and len(sent) == 3
    browser.get_log("browser")  # type: ignore[no-untyped-call]  # the refusal stands in it
