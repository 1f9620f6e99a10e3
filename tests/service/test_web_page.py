"""The page in a real browser: from an upload to the downloaded, corrected table."""

from __future__ import annotations

import csv
import importlib.util
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

selenium = pytest.importorskip("selenium", reason="the browser tests need selenium")
pytest.importorskip("fastapi", reason="the service needs the extra serve")
openpyxl = pytest.importorskip("openpyxl", reason="it reads the Excel table")
from selenium import webdriver  # noqa: E402
from selenium.common.exceptions import StaleElementReferenceException  # noqa: E402
from selenium.webdriver.chrome.service import Service  # noqa: E402
from selenium.webdriver.common.action_chains import ActionChains  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.remote.webelement import WebElement  # noqa: E402
from selenium.webdriver.support.ui import WebDriverWait  # noqa: E402

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
AXE = importlib.util.find_spec("axe_playwright_python")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        BROWSER is None or DRIVER is None, reason="no chromium with chromedriver on this machine"
    ),
    pytest.mark.skipif(AXE is None, reason="no axe-core: it is in axe-playwright-python"),
]

TOKEN = "a-token-of-the-browser-test"

TO_REVIEW, FIELDS_TO_REVIEW = 6, 3
"""Digits and fields for review on the pages that are uploaded."""

PROGRAM = """
from formreader.output.report import report, report_fields
report.ONE_FILE_BYTES, report_fields.PART_BYTES = 1, 5_000
from formreader.cli.main import main
main()
"""
"""`formreader` whose reports come in parts, as those of many pages do."""

CHECK = """
const done = arguments[arguments.length - 1];
axe.run(document, { iframes: false }).then((found) => done(found.violations.map(
  ({ impact, id, nodes }) => `${impact}: ${id}: ${nodes.map(({ target }) => target).join("; ")}`)));
"""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Someone before the page."""

    browser: webdriver.Chrome
    address: str
    downloads: Path

    def until(self, condition: Callable[[], Any], seconds: float = 60) -> Any:
        # What is drawn anew while it is looked at is looked at again.
        drawn_anew = (StaleElementReferenceException,)
        wait = WebDriverWait(self.browser, seconds, 0.05, drawn_anew)
        return wait.until(lambda _: condition())

    def all(self, selector: str) -> list[WebElement]:
        return self.browser.find_elements("css selector", selector)

    def one(self, selector: str) -> WebElement:
        return self.until(lambda: self.all(selector))[0]

    def press(self, selector: str) -> None:
        self.browser.execute_script(
            "arguments[0].scrollIntoView({block: 'center'})", self.one(selector)
        )
        self.one(selector).click()

    def type(self, *keys: str) -> None:
        ActionChains(self.browser).send_keys(*keys).perform()

    def run(self, script: str) -> Any:
        return self.browser.execute_script(script)

    def ask(self, path: str) -> Any:
        return self.browser.execute_async_script(
            "const done = arguments[1];"
            "fetch(`api/v1/${arguments[0]}`).then(async (answer) => done("
            "answer.ok ? await answer.json() : answer.status))",
            path,
        )

    def check_access(self, where: str) -> None:
        """No part of what is shown keeps anyone out; axe-core says so."""
        assert AXE is not None and AXE.submodule_search_locations is not None
        (folder,) = AXE.submodule_search_locations
        source = Path(folder, "axe.min.js").read_text(encoding="utf-8")
        self.browser.execute_script(f"{source}; window.axe = axe;")
        found = self.browser.execute_async_script(CHECK)
        assert [one for one in found if one.startswith(("serious", "critical"))] == [], where
        wide = self.run(
            "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert wide <= 0, f"{where}: wider than the window"


@pytest.fixture(scope="module")
def address(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service with a token, in a process of its own, on a port that was free."""
    folder = tmp_path_factory.mktemp("service")
    (folder / "token.txt").write_text(TOKEN)
    (folder / "token.txt").chmod(0o600)
    command = [sys.executable, "-c", PROGRAM, "serve", "--port", "0", "--workers", "1"]
    places = ["--data", str(folder / "data"), "--token-file", str(folder / "token.txt")]
    running = subprocess.Popen(
        [*command, *places], cwd=root, stderr=subprocess.PIPE, text=True, encoding="utf-8"
    )
    assert running.stderr is not None
    said = ""
    while not (found := re.search(r"http://[\d.:]+/", said)):
        line = running.stderr.readline()
        assert line, said
        said += line
    yield found[0]
    running.terminate()
    running.stderr.read()
    running.stderr.close()
    running.wait(30)


@pytest.fixture(params=[(1280, 900), (390, 844)], ids=["desktop", "phone"])
def visitor(request: pytest.FixtureRequest, address: str, tmp_path: Path) -> Iterator[Visitor]:
    width, height = request.param
    options = webdriver.ChromeOptions()
    options.binary_location = str(BROWSER)
    for argument in (
        "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        f"--window-size={width},{height}", f"--user-data-dir={tmp_path / 'profile'}",
    ):  # fmt: skip
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(executable_path=str(DRIVER)))
    if width < 500:  # windows of a desktop are not that narrow
        size = {"width": width, "height": height, "deviceScaleFactor": 2, "mobile": True}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    (tmp_path / "downloads").mkdir()
    driver.execute_cdp_cmd(
        "Browser.setDownloadBehavior",
        {"behavior": "allow", "downloadPath": str(tmp_path / "downloads")},
    )
    yield Visitor(driver, address, tmp_path / "downloads")
    driver.quit()


def test_from_the_upload_to_the_corrected_table(
    visitor: Visitor, samples: Path, complaints: Callable[[webdriver.Chrome], list[str]]
) -> None:
    sign_in(visitor)
    upload(visitor, [samples / "blanks_and_crosses.png", samples / "comb.png"])
    job = look_at_results(visitor)
    look_at_a_page(visitor, job)
    look_at_the_table(visitor, job)
    answer_everything(visitor, job)
    rows = download(visitor)
    delete(visitor, job)
    checked = [row for row in rows if row["status"] == "checked"]
    assert [row["cells"] for row in checked] == ["56", "552740", "555"]
    assert "40719265" in [row["value"] for row in rows if row["status"] == "ok"]
    # Before the token was given, and after the job was deleted.
    told = complaints(visitor.browser)
    assert [message for message in told if not re.search("401|404", message)] == []


def sign_in(visitor: Visitor) -> None:
    visitor.browser.get(visitor.address)
    visitor.one("#token").send_keys("another-token-of-that-test", Keys.ENTER)
    visitor.until(lambda: "not the token" in visitor.one("#token-wrong").text)
    visitor.check_access("sign in")
    visitor.one("#token").clear()
    visitor.one("#token").send_keys(TOKEN, Keys.ENTER)
    visitor.until(lambda: not visitor.all("dialog"))


def upload(visitor: Visitor, files: list[Path]) -> None:
    visitor.one(".drop")
    visitor.check_access("start")
    visitor.one("input[multiple]").send_keys("\n".join(map(str, files)))
    visitor.until(lambda: len(visitor.all(".files li")) == len(files))
    visitor.check_access("chosen files")
    visitor.press(".options summary")
    visitor.one("#job-name").send_keys("Autumn <b>survey</b>")
    visitor.press(".chosen .primary")
    visitor.until(lambda: visitor.one("h1").text == "Autumn <b>survey</b>")


def look_at_results(visitor: Visitor) -> str:
    visitor.one(".actions")
    assert visitor.one(".figure.is-review dd").text == str(TO_REVIEW)
    visitor.until(lambda: len(visitor.all(".thumbnail rect")) > 60)
    visitor.check_access("job")
    visitor.press("#downloads summary")
    visitor.check_access("downloads")
    visitor.press("#again summary")
    visitor.check_access("read again")
    visitor.press("h1")
    visitor.until(lambda: not visitor.all(".menu[open]"))
    return str(visitor.run("return location.hash.split('/')[2]"))


def look_at_a_page(visitor: Visitor, job: str) -> None:
    visitor.press(".page-card a")
    stage = visitor.one(".page-stage")
    visitor.until(lambda: visitor.all(".sheet g.review"))
    stage.send_keys(Keys.ARROW_RIGHT, Keys.ARROW_DOWN, "+")
    assert "Read as blank" in visitor.one(".reading").text
    stage.send_keys(Keys.END, Keys.ARROW_UP, Keys.HOME, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    reading = visitor.one(".reading").text
    assert "Field 1, box 3" in reading and "First guess" in reading and "Second" in reading
    beside = """const edge = document.querySelector('.sheet img').getBoundingClientRect().right;
        return [...document.querySelectorAll('.sheet text')].map((one) =>
            [one.textContent, one.getBoundingClientRect().left >= edge])"""
    assert visitor.run(beside) == [
        [value, True] for value in ("3815", "4", "?6", "??2740", "950", "???", "70429")
    ]
    visitor.check_access("page")


def look_at_the_table(visitor: Visitor, job: str) -> None:
    visitor.browser.get(f"{visitor.address}#/jobs/{job}/table")
    visitor.until(lambda: len(visitor.all(".results tbody tr")) == 16)
    heads = [one.text for one in visitor.all(".results th")]
    assert heads[0] == "File" and "Least sure digit" in heads and "lowest" not in heads
    visitor.check_access("table")
    visitor.press("#table-review")
    visitor.until(lambda: len(visitor.all(".results tbody tr")) == FIELDS_TO_REVIEW)
    visitor.one("#table-search").send_keys("??2740")
    visitor.until(lambda: len(visitor.all(".results tbody tr")) == 1)


def answer_everything(visitor: Visitor, job: str) -> None:
    """Type 5 for all that is to review; in between, the page is loaded again."""
    open_review(visitor, job)
    visitor.type("5", "5")
    kept = lambda: "".join(visitor.ask(f"jobs/{job}/answers")["answers"].values())  # noqa: E731
    visitor.until(lambda: kept().count("5") == 2)
    visitor.run("localStorage.clear()")
    visitor.browser.get("about:blank")
    open_review(visitor, job)
    visitor.browser.switch_to.frame(0)
    visitor.until(lambda: visitor.one("#progress-text").text == f"2 of {TO_REVIEW} checked")
    loaded = "return performance.getEntriesByType('resource').map(({ name }) => name).join()"
    assert "/results_files/part-" in visitor.run(loaded)
    visitor.check_access("review")
    look_at_the_whole_page(visitor)
    visitor.type("5" * (TO_REVIEW - 2), "s")
    visitor.browser.switch_to.default_content()
    visitor.until(lambda: "nothing left to review" in visitor.one(".review-bar").text)
    visitor.check_access("frame of the review")
    visitor.press(".review-bar a")
    visitor.until(lambda: visitor.all(".figure.is-checked"))


def look_at_the_whole_page(visitor: Visitor) -> None:
    """It is drawn by the server, with the boxes of the field in their places."""
    visitor.type("p")
    visitor.until(lambda: visitor.one("#page-image").is_displayed())
    marks = visitor.all("#page-overlay rect.current")
    assert len(marks) == 1
    assert not visitor.one("#page-fault").is_displayed()
    where, page = marks[0].rect, visitor.one("#page-image").rect
    assert page["x"] <= where["x"] <= page["x"] + page["width"]
    assert visitor.run("return document.getElementById('page-image').naturalWidth") > 500
    visitor.check_access("whole page")
    visitor.type(Keys.ESCAPE)


def open_review(visitor: Visitor, job: str) -> None:
    visitor.browser.get(f"{visitor.address}#/jobs/{job}/review")
    visitor.one("iframe")
    visitor.until(lambda: visitor.run("return document.activeElement.tagName") == "IFRAME")


def download(visitor: Visitor) -> list[dict[str, str]]:
    visitor.press("#downloads summary")
    visitor.press("#download-field-csv")
    (path,) = visitor.until(lambda: list(visitor.downloads.glob("*.csv")))
    with path.open(newline="", encoding="utf-8-sig") as stream:
        return list(csv.DictReader(stream))


def delete(visitor: Visitor, job: str) -> None:
    """It is gone from the page, comes back by Undo, and is deleted when the page is left."""
    visitor.press("#delete-job")
    visitor.until(lambda: visitor.all(".jobs p"))
    visitor.check_access("deleted")
    assert visitor.ask(f"jobs/{job}")["id"] == job
    visitor.press(".notice button")
    visitor.one("#job-search").send_keys("no such job")
    visitor.until(lambda: "No job and no file" in visitor.one(".jobs").text)
    visitor.one("#job-search").clear()
    visitor.one("#job-search").send_keys("<B>SURVEY")
    visitor.press(f"#delete-{job}")
    visitor.until(lambda: visitor.all(".jobs p"))
    visitor.browser.get("about:blank")
    visitor.browser.get(visitor.address)
    visitor.one(".jobs p")
    visitor.until(lambda: visitor.ask(f"jobs/{job}") == 404)


def test_a_pile_of_forms_becomes_a_named_table(
    visitor: Visitor, samples: Path, tmp_path: Path
) -> None:
    """Forms are learned from the upload, saved as templates, named, and the pile is read again."""
    scans = list[Path]()
    with Image.open(samples / "comb.png") as page:
        for i in range(2):
            scans.append(tmp_path / f"scan {i}.png")
            page.convert("L").point(lambda grey, i=i: max(0, grey - i)).save(scans[-1])
    sign_in(visitor)
    visitor.browser.get(f"{visitor.address}#/learn")
    visitor.one("input[multiple]").send_keys("\n".join(map(str, scans)))
    assert visitor.one("#job-template").get_attribute("value") == "auto"
    visitor.press(".chosen .primary")
    visitor.press("#keep-forms")
    visitor.until(lambda: visitor.run("return location.hash") == "#/templates")
    learned = ".page-card a[href*='form-'] .name"
    (form,) = [one.text for one in visitor.until(lambda: visitor.all(learned))]
    visitor.browser.get(f"{visitor.address}#/templates/{form}")
    visitor.one("#field-0").clear()
    visitor.one("#field-0").send_keys("member <i>", Keys.ENTER)
    visitor.until(lambda: "Saved." in visitor.one(".names").text)
    visitor.browser.get(f"{visitor.address}#/")
    visitor.press(".job-list a")
    visitor.press("#again summary")
    visitor.press(f"#again-template option[value='{form}']")
    visitor.press("#again-go")
    visitor.until(lambda: f"form {form}" in visitor.one(".job-head").text)
    visitor.press("#download-excel")
    (path,) = visitor.until(lambda: list(visitor.downloads.glob("*.xlsx")))
    (heads, *rows) = openpyxl.load_workbook(path).worksheets[0].values
    assert heads[:3] == ("file", "page", "form") and "member <i>" in heads
    assert [row[2] for row in rows] == [form] * 2
    visitor.browser.get(f"{visitor.address}#/templates")
    visitor.press(f"button[aria-label*='{form}']")
    visitor.until(lambda: not visitor.all(learned))
    visitor.check_access("templates")
    visitor.browser.get("about:blank")


def test_the_documentation_makes_calls(visitor: Visitor, samples: Path) -> None:
    sign_in(visitor)
    visitor.browser.get(f"{visitor.address}docs")
    name = "//summary[contains(., '{}')]"
    visitor.until(lambda: visitor.browser.find_elements("xpath", name.format("/read")))

    def send(call: str, value: str) -> str:
        summary = visitor.browser.find_element("xpath", name.format(call))
        summary.click()
        form = visitor.until(lambda: summary.find_elements("xpath", "../form"))[0]
        (*_, field) = form.find_elements("css selector", "input")
        field.send_keys(value)
        form.find_element("css selector", "button").click()
        visitor.until(lambda: form.find_elements("css selector", "[role=status] a"))
        return str(form.find_element("css selector", "[role=status]").text)

    answer = send("POST/api/v1/read", str(samples / "comb.png"))
    assert "POST /api/v1/read: 200" in answer and '"value": "40719265"' in answer
    attack = '0"><img src=x onerror=alert(1)>'
    answer = send("GET/api/v1/templates/{name}/picture", attack)
    assert ": 404" in answer and "<img src=x" in answer
    assert not visitor.all("img[src=x]")
    visitor.check_access("documentation")


def test_a_drawn_digit_is_read(visitor: Visitor) -> None:
    sign_in(visitor)
    visitor.browser.get(f"{visitor.address}#/digit")
    canvas = visitor.one("canvas")
    drawing = ActionChains(visitor.browser, duration=20)
    drawing.move_to_element_with_offset(canvas, -40, -90).click_and_hold()
    for step in ((80, 0), (-15, 40), (-15, 45), (-20, 60)):
        drawing.move_by_offset(*step)
    drawing.release().perform()
    visitor.until(lambda: visitor.one(".told").text.startswith("It is a 7"))
    assert visitor.one(".bars .best b").text == "7"
    visitor.check_access("digit")
    canvas.send_keys(Keys.DELETE, " ", *[Keys.ARROW_DOWN] * 14, " ")
    visitor.until(lambda: re.match("(It is|Perhaps) a 1", visitor.one(".told").text))


def test_a_form_is_edited_on_the_server(visitor: Visitor, samples: Path) -> None:
    sign_in(visitor)
    visitor.browser.get(f"{visitor.address}#/templates")
    visitor.one("#template-file").send_keys(str(samples / "comb.png"))
    name = f"Tally {visitor.run('return innerWidth')}"
    visitor.one("#template-name").send_keys(name, Keys.ENTER)
    visitor.one(".names")
    visitor.press("a[href$='/edit']")
    visitor.until(lambda: visitor.run("return document.activeElement.id") in ("name", ""))
    visitor.check_access("editor")
    for typed, told in (("status", "Not saved"), ("votes", "Saved.")):
        visitor.one("#name").clear()
        visitor.one("#name").send_keys(typed)
        visitor.press("#save")
        visitor.until(lambda told=told: visitor.one("#message").text.startswith(told))
    visitor.press("header a")
    visitor.until(lambda: visitor.all(".page-card"))
    visitor.check_access("templates")
    assert visitor.ask(f"templates/{name}")["fields"][0]["name"] == "votes"
    name_fields(visitor, name)
    visitor.browser.get(f"{visitor.address}#/templates")
    visitor.press(f"button[aria-label*='{name}']")
    visitor.until(lambda: name not in visitor.one("main").text)
    visitor.check_access("deleted template")
    visitor.browser.get("about:blank")
    visitor.browser.get(f"{visitor.address}#/templates")
    visitor.until(lambda: visitor.ask(f"templates/{name}") == 404)


def name_fields(visitor: Visitor, name: str) -> None:
    """Name the first field on the view of a template; a name that cannot be is refused."""
    visitor.browser.get(f"{visitor.address}#/templates/{name}")
    fields = visitor.until(lambda: visitor.all(".names input"))
    assert fields[0].get_attribute("value") == "votes"
    visitor.check_access("template")
    for typed, told in (("", ".problem"), ("votes_1", ".done-text:not(:empty)")):
        fields[0].clear()
        fields[0].send_keys(typed, Keys.ENTER)
        visitor.one(told)
        saved = visitor.ask(f"templates/{name}")["fields"][0]["name"]
        assert saved == (typed or "votes")
