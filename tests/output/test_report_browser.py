"""The report in a real browser, opened from disk as people open it."""

from __future__ import annotations

import csv
import importlib.util
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from formreader.core.geometry import Box
from formreader.core.records import ReviewField
from formreader.output.report import report as report_module
from formreader.output.report import report_fields
from formreader.output.report.report import ReportSummary, page_sources, write_report
from formreader.output.table import whole_percent
from formreader.review.corrections_file import read_corrections

selenium = pytest.importorskip("selenium", reason="the browser tests need selenium")
from selenium import webdriver  # noqa: E402
from selenium.webdriver.common.action_chains import ActionChains  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.support.ui import WebDriverWait  # noqa: E402

pytestmark = pytest.mark.slow

ATTACK = "</script><img src=x onerror=alert(1)>.png"
MakeField = Callable[..., ReviewField]
Complaints = Callable[[webdriver.Chrome], list[str]]


@dataclass(frozen=True, slots=True)
class Reader:
    """Someone at the keyboard, before an open report."""

    browser: webdriver.Chrome
    downloads: Path

    def open(self, report: Path) -> None:
        self.browser.get(report.as_uri())

    def type(self, *keys: str) -> None:
        actions = ActionChains(self.browser)
        actions.send_keys(*keys)
        actions.perform()

    def text(self, name: str) -> str:
        return str(self.browser.find_element("id", name).text)

    def run(self, script: str) -> Any:
        return self.browser.execute_script(script)

    def saved(self) -> list[dict[str, str]]:
        self.type("s")
        path = self.downloads / "corrections.csv"
        wait = WebDriverWait(self.browser, 10, poll_frequency=0.05)
        wait.until(lambda _: path.exists() and path.stat().st_size > 0)
        with path.open(newline="", encoding="utf-8") as stream:
            return list(csv.DictReader(stream))


@pytest.fixture
def reader(browser: webdriver.Chrome, complaints: Complaints, tmp_path: Path) -> Iterator[Reader]:
    downloads = tmp_path / "downloads"
    downloads.mkdir()
    browser.execute_cdp_cmd(
        "Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(downloads)}
    )
    yield Reader(browser, downloads)
    browser.execute_script("try { localStorage.clear() } catch {}")  # all of file:// share it
    browser.get("about:blank")
    assert complaints(browser) == []


@pytest.fixture
def report(tmp_path: Path, summary: ReportSummary, make_field: MakeField) -> Path:
    """Six digits to review; from the worst: ? of the first, 7, 4 and 5 of the last, 1, 2."""
    fields = [
        make_field("8?", [0.99, 0], ATTACK),
        make_field("12.", [0.9, 0.94, 1], "b.png", 1),
        make_field("745", [0.4, 0.7, 0.5], "c.png", 0, 4),
    ]
    write_report(tmp_path / "results.html", summary, fields)
    return tmp_path / "results.html"


def test_digits_are_typed_confirmed_and_saved(reader: Reader, report: Path) -> None:
    reader.open(report)
    assert reader.text("progress-text") == "0 of 6 checked"
    assert reader.text("file") == ATTACK
    reader.type("3", Keys.ENTER, " ", "u")
    assert reader.text("progress-text") == "4 of 6 checked"
    assert reader.text("place") == "page 2 · field 1 · box 1 of 3"
    place = {"x": "100", "y": "200", "width": "50", "height": "50"}
    saved = reader.saved()
    header = "file,page,field,box,x,y,width,height,guess,confidence,digit,value,job"
    assert ",".join(saved[0]) == header
    rows = [
        (ATTACK, "1", "1", "2", "?", "0.0000", "3"),
        ("c.png", "1", "5", "1", "7", "0.4000", "7"),
        ("c.png", "1", "5", "2", "4", "0.7000", ""),
        ("c.png", "1", "5", "3", "5", "0.5000", "?"),
    ]
    keys = ("file", "page", "field", "box", "guess", "confidence", "digit")
    assert [tuple(row[key] for key in keys) for row in saved] == rows
    assert {key: saved[1][key] for key in place} == place


def test_a_reload_keeps_the_corrections_and_goes_on_behind_them(
    reader: Reader, report: Path
) -> None:
    reader.open(report)
    reader.type("3", "9")
    reader.browser.refresh()
    assert reader.text("progress-text") == "2 of 6 checked"
    assert reader.text("place") == "page 1 · field 5 · box 2 of 3"
    assert reader.text("save-state") == "Not saved to a file yet"
    assert [row["digit"] for row in reader.saved()] == ["3", "9"]


def test_leaving_is_questioned_only_with_unsaved_corrections(reader: Reader, report: Path) -> None:
    leaves = "return dispatchEvent(new Event('beforeunload', {cancelable: true}))"
    reader.open(report)
    assert reader.run(leaves)
    reader.type("3")
    assert not reader.run(leaves)
    reader.saved()
    assert reader.run(leaves)
    assert reader.text("save-state") == "Saved"


def test_undo_takes_answers_back_in_turn(reader: Reader, report: Path) -> None:
    reader.open(report)
    reader.type("3", "9", "9", Keys.BACKSPACE, "z")
    assert reader.text("progress-text") == "1 of 6 checked"
    assert reader.text("place") == "page 1 · field 5 · box 1 of 3"
    assert reader.text("state") == "Not checked yet"


def test_arrows_walk_the_digits_and_fields(reader: Reader, report: Path) -> None:
    reader.open(report)
    places = []
    for key in (Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_LEFT, Keys.ARROW_DOWN, Keys.HOME):
        reader.type(key)
        places.append((reader.text("file"), reader.text("place")[-8:]))
    assert places == [
        ("c.png", "x 1 of 3"),
        ("c.png", "x 2 of 3"),
        ("c.png", "x 1 of 3"),
        ("b.png", "x 1 of 3"),
        (ATTACK, "x 2 of 2"),
    ]


def test_the_mouse_corrects_a_digit_that_was_not_for_review(reader: Reader, report: Path) -> None:
    reader.open(report)
    reader.browser.find_elements("css selector", "#cells button")[0].click()
    assert reader.text("place") == "page 1 · field 1 · box 1 of 2"
    reader.browser.find_elements("css selector", "#keypad button")[5].click()
    assert reader.text("progress-text") == "0 of 6 checked"
    assert [(row["box"], row["guess"], row["digit"]) for row in reader.saved()] == [("1", "8", "6")]


def test_shift_and_arrows_reach_sure_digits_too(reader: Reader, report: Path) -> None:
    reader.open(report)
    actions = ActionChains(reader.browser).key_down(Keys.SHIFT).send_keys(Keys.ARROW_LEFT)
    actions.send_keys(Keys.ARROW_LEFT).key_up(Keys.SHIFT).send_keys("6").perform()
    assert [(row["box"], row["guess"], row["digit"]) for row in reader.saved()] == [("1", "8", "6")]


def test_a_key_held_down_answers_once(reader: Reader, report: Path) -> None:
    reader.open(report)
    reader.type(Keys.HOME)  # a page that nobody touched may not ask before it is left
    reader.run("""for (const repeat of [false, true, true])
        document.dispatchEvent(new KeyboardEvent("keydown", {key: "7", repeat}))""")
    assert reader.text("progress-text") == "1 of 6 checked"


def test_without_storage_the_page_says_so_and_still_saves(reader: Reader, report: Path) -> None:
    hide = "Object.defineProperty(window, 'localStorage', {get() { throw new Error('no'); }})"
    made = reader.browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": hide})
    try:
        reader.open(report)
    finally:
        reader.browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", made)
    assert "does not keep corrections" in reader.text("storage-warning")
    reader.type("3")
    assert [row["digit"] for row in reader.saved()] == ["3"]


def test_help_opens_and_takes_no_answers(reader: Reader, report: Path) -> None:
    reader.open(report)
    reader.type("?")
    assert "save corrections.csv" in reader.text("help-dialog")
    reader.type("3", Keys.ESCAPE)
    assert reader.text("help-dialog") == ""
    assert reader.text("progress-text") == "0 of 6 checked"


def test_nothing_to_review_says_so(reader: Reader, tmp_path: Path, summary: ReportSummary) -> None:
    write_report(tmp_path / "results.html", summary, [])
    reader.open(tmp_path / "results.html")
    assert "Nothing to review" in reader.text("nothing")
    reader.type("3", Keys.ENTER, "s")


def test_all_of_5000_digits_are_reached_by_keys(
    reader: Reader, tmp_path: Path, summary: ReportSummary, make_field: MakeField
) -> None:
    fields = (make_field("36", [0.2 + i / 10_000, 0.9], "big.png", i) for i in range(2500))
    write_report(tmp_path / "results.html", summary, fields)
    reader.open(tmp_path / "results.html")
    assert reader.text("progress-text") == "0 of 5000 checked"
    reader.type(Keys.END)
    assert reader.text("place") == "page 2500 · field 1 · box 2 of 2"
    assert reader.run("return document.querySelector('.row[aria-current]').textContent") == (
        "3644 %big.png · p. 2500 · f. 1"
    )
    assert reader.run("return document.querySelectorAll('.row').length") < 60
    reader.type("1", Keys.END, Keys.ARROW_LEFT, Keys.ENTER, Keys.HOME)
    assert reader.text("progress-text") == "2 of 5000 checked"
    assert reader.text("place") == "page 1 · field 1 · box 1 of 2"
    # The walk by the right arrow, without drawing each of its 5,000 steps.
    steps = """
        const review = new Review(readFields(), new AnswerStore("another job")), seen = new Set();
        for (let i = 0; i < 5000; i += 1, review.next()) {
            seen.add(`${review.field.page} ${review.box}`);
        }
        return seen.size"""
    assert reader.run(steps) == 5000


def test_percent_are_those_of_the_overlay(reader: Reader, report: Path) -> None:
    reader.open(report)
    confidences = [n / 10_000 for n in range(10_001)]
    shown = reader.run(f"return {confidences}.map(percent)")
    assert shown == [whole_percent(confidence) for confidence in confidences]


def test_when_all_is_checked_keys_answer_nothing(reader: Reader, report: Path) -> None:
    reader.open(report)
    assert reader.text("done-text") == ""
    reader.type(*"123456")
    assert reader.text("done-text") == "All digits are checked."
    last = reader.text("place")
    reader.type("9", Keys.ENTER, "n", "u", "9")
    assert reader.text("place") == last
    assert [row["digit"] for row in reader.saved()] == ["1", "5", "6", "2", "3", "4"]
    reader.type(Keys.HOME, "8")  # who moves to a digit may change it
    assert reader.text("done-text") == "All digits are checked."
    reader.type(Keys.HOME)
    assert reader.text("state") == "Corrected to 8"


def test_ctrl_z_undoes(reader: Reader, report: Path) -> None:
    reader.open(report)
    reader.type("3", "9")
    ActionChains(reader.browser).key_down(Keys.CONTROL).send_keys("z").key_up(
        Keys.CONTROL
    ).perform()
    assert reader.text("progress-text") == "1 of 6 checked"


def test_one_key_marks_a_field_as_no_number(reader: Reader, report: Path) -> None:
    reader.open(report)
    reader.type("3", "n")
    assert reader.text("progress-text") == "4 of 6 checked"
    digits = [row["digit"] for row in reader.saved() if row["file"] == "c.png"]
    assert digits == ["?"] * 3
    reader.type("z")
    assert reader.text("progress-text") == "1 of 6 checked"


def test_a_whole_field_is_typed(reader: Reader, report: Path) -> None:
    reader.open(report)
    reader.type("3", "f", "12", Keys.ENTER)
    assert "each of the 3 boxes" in reader.text("whole-state")
    reader.type(Keys.BACKSPACE, Keys.BACKSPACE, "4.2", Keys.ENTER)
    assert reader.text("whole-state") == ""
    assert reader.text("progress-text") == "4 of 6 checked"
    reader.type("f", "19", Keys.ENTER)  # of a field with a blank: its written boxes
    assert reader.text("done-text") == "All digits are checked."
    saved = [(row["file"], row["digit"]) for row in reader.saved()][1:]
    assert saved[:3] == [("b.png", "1"), ("b.png", "9"), ("b.png", "")]
    assert saved[3:] == [("c.png", "4"), ("c.png", ""), ("c.png", "2")]


def test_a_number_in_a_cell_gets_another_number_of_digits(
    reader: Reader, tmp_path: Path, summary: ReportSummary, make_field: MakeField
) -> None:
    field = make_field("18014", [0.5] * 5)
    read = replace(field.reading, value="18.014", frame=Box(100, 200, 250, 50))
    named = replace(summary, job="0123456789abcdef")
    write_report(tmp_path / "results.html", named, [replace(field, reading=read)])
    reader.open(tmp_path / "results.html")
    reader.type("f", "180.146", Keys.ENTER)
    assert reader.text("done-text") == "All digits are checked."
    (row,) = reader.saved()
    shown = row["box"], row["guess"], row["digit"], row["value"], row["job"]
    assert shown == ("0", "18.014", "", "180.146", "0123456789abcdef")
    assert (row["x"], row["width"]) == ("100", "250")
    (correction,) = read_corrections(reader.downloads / "corrections.csv")
    assert (correction.value, correction.field, correction.box) == ("180.146", 1, 0)
    reader.browser.refresh()
    assert reader.text("done-text") == "All digits are checked."


def test_saved_corrections_are_opened_again_and_merged(reader: Reader, report: Path) -> None:
    reader.open(report)
    reader.type("3", "9")
    reader.saved()
    reader.run("localStorage.clear()")
    reader.browser.refresh()
    reader.type("8")
    file = reader.browser.find_element("id", "open-file")
    file.send_keys(str(reader.downloads / "corrections.csv"))
    assert reader.text("open-state") == "1 answer taken over; 1 differs from yours, which stays."
    assert reader.text("progress-text") == "2 of 6 checked"
    assert reader.text("place") == "page 1 · field 5 · box 2 of 3"


def test_files_fields_and_readings_are_filtered(reader: Reader, report: Path) -> None:
    reader.open(report)
    reader.browser.find_element("css selector", ".filter summary").click()
    reader.browser.find_element("id", "filter-file").send_keys("C.PNG")
    assert reader.text("filter-state") == "3 digits found"
    assert reader.run("return document.querySelectorAll('.row').length") == 1
    reader.run("document.activeElement.blur()")
    reader.type("1", "2", "3")
    assert reader.text("done-text") == "All digits that match the filter are checked."
    reader.browser.find_element("id", "filter-file").clear()
    reader.run("document.getElementById('filter-file').dispatchEvent(new Event('input'))")
    reader.run("""const select = document.getElementById('filter-reading'); select.value = '2';
        select.dispatchEvent(new Event('input'))""")
    assert reader.text("filter-state") == "1 digit found"
    assert reader.text("place") == "page 2 · field 1 · box 2 of 3"
    reader.run("""const field = document.getElementById('filter-field'); field.value = '77';
        field.dispatchEvent(new Event('input'))""")
    assert "Nothing matches" in reader.text("filter-state")
    assert reader.text("place") == "page 2 · field 1 · box 2 of 3"


def test_confirm_is_in_sight_on_a_phone(reader: Reader, report: Path) -> None:
    size = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    reader.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        reader.open(report)
        seen = """const box = document.querySelector('#overlay .current').getBoundingClientRect();
            const keys = document.getElementById('keypad').getBoundingClientRect();
            if (box.top < 0 || box.bottom > keys.top) return 'the digit is out of sight';
            const confirm = document.getElementById('confirm').getBoundingClientRect();
            return [confirm.top >= 0, confirm.bottom <= innerHeight, confirm.width > 0,
                document.documentElement.scrollWidth <= 390]"""
        assert reader.run(seen) == [True] * 4
        reader.browser.find_element("id", "confirm").click()
        assert reader.text("progress-text") == "1 of 6 checked"
    finally:
        reader.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_the_first_screen_shows_the_page_and_all_keys(reader: Reader, report: Path) -> None:
    size = {"width": 1366, "height": 768, "deviceScaleFactor": 1, "mobile": False}
    reader.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        reader.open(report)
        seen = """const place = (one) => document.querySelector(one).getBoundingClientRect();
            return [...['#picture', '#keypad'].map(place).map(({ top, bottom }) =>
                top >= 0 && bottom <= innerHeight), scrollY, place('#overlay .current').height]"""
        *in_sight, scrolled, height = reader.run(seen)
        assert (in_sight, scrolled) == ([True, True], 0)
        assert 75 <= height <= 90  # a box of 8 mm is 30 CSS pixels on paper
    finally:
        reader.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


PAINTED = """return [...document.querySelectorAll(arguments[0])].map((one) => [
    /image\\/(\\w+)/.exec(one.style.backgroundImage)[1], one.querySelector('.aim') !== null])"""


def test_crops_are_for_those_who_ask(reader: Reader, report: Path) -> None:
    reader.open(report)
    assert not reader.browser.find_element("id", "crop").is_displayed()
    painted = reader.browser.execute_script
    assert painted(PAINTED, "#cells .part") == [["jpeg", True]] * 2
    assert painted(PAINTED, ".row .part") == [["jpeg", False]] * 3
    reader.type("r")
    assert reader.browser.find_element("id", "crop").is_displayed()
    assert painted(PAINTED, "#cells .part") == [["png", False]] * 2
    assert painted(PAINTED, ".row .part") == [["png", False]] * 3
    reader.type("w")
    assert {kind for kind, _ in painted(PAINTED, ".tile .part")} == {"png"}
    reader.browser.find_element("id", "show-crops").click()
    assert {kind for kind, _ in painted(PAINTED, ".tile .part")} == {"jpeg"}
    assert reader.text("progress-text") == "0 of 6 checked"


@pytest.mark.parametrize(
    ("turned", "place"),
    [(0, (30, 30)), (1, (30, 30)), (2, (220, 30)), (3, (30, 220))],
)
def test_boxes_are_outlined_on_upright_pictures(
    reader: Reader, tmp_path: Path, summary: ReportSummary, make_field: MakeField,
    turned: int, place: tuple[int, int],
) -> None:  # fmt: skip
    """The box is 30 px from the left and the top of an area of 300 by 110, and 50 by 50."""
    field = make_field("1", [0.5])
    picture = replace(field.thumbnail, turned=turned)
    write_report(tmp_path / "results.html", summary, [replace(field, thumbnail=picture)])
    reader.open(tmp_path / "results.html")
    sides = """const box = document.querySelector('#overlay .current');
        return ['x', 'y', 'width', 'height'].map((side) => Number(box.getAttribute(side)))"""
    assert reader.run(sides) == [*place, 50, 50]
    upright = "300 / 110" if turned % 2 == 0 else "110 / 300"
    assert reader.run("return document.getElementById('picture').style.aspectRatio") == upright


AXE = importlib.util.find_spec("axe_playwright_python")


@pytest.mark.skipif(AXE is None, reason="no axe-core: it is in axe-playwright-python")
def test_no_view_of_the_report_keeps_anyone_out(reader: Reader, report: Path) -> None:
    assert AXE is not None and AXE.submodule_search_locations is not None
    (folder,) = AXE.submodule_search_locations
    source = Path(folder, "axe.min.js").read_text(encoding="utf-8")
    reader.open(report)
    reader.run(f"{source}; window.axe = axe;")
    reader.run("document.querySelectorAll('details').forEach((one) => { one.open = true })")
    check = """const done = arguments[0];
        axe.run(document).then((found) => done(found.violations.map(
            (one) => `${one.impact}: ${one.id}: ${one.nodes.map(({ target }) => target)}`)))"""
    keys = {"one by one": "3", "crops": "r", "wall": "w", "column": "c", "help": "?"}
    keys["page"] = Keys.ESCAPE + "cp"
    for view, pressed in keys.items():
        reader.type(*pressed)
        found = reader.browser.execute_async_script(check)
        assert [one for one in found if one.startswith(("serious", "critical"))] == [], view


def test_rows_speak_to_screen_readers(reader: Reader, report: Path) -> None:
    reader.open(report)
    reader.type("3")
    labels = reader.run(
        "return [...document.querySelectorAll('.row')].map((row) => row.getAttribute('aria-label'))"
    )
    assert f"{ATTACK}, page 1, field 1: 8 3, checked" in labels
    assert "b.png, page 2, field 1: 1 2 blank, 2 to check" in labels


def test_an_audit_shows_no_reading_and_confirms_none(
    reader: Reader, tmp_path: Path, summary: ReportSummary, make_field: MakeField
) -> None:
    field = make_field("??", [0, 0])
    hidden = [replace(d, second=None, second_confidence=0.0) for d in field.reading.digits]
    field = replace(field, reading=replace(field.reading, digits=tuple(hidden), value=""))
    write_report(tmp_path / "results.html", replace(summary, job="ab"), [field], blind=True)
    reader.open(tmp_path / "results.html")
    assert reader.text("answer") == "What is it?"
    reader.type(Keys.ENTER)
    assert reader.text("progress-text") == "0 of 2 checked"
    reader.type("f", "47", Keys.ENTER)
    assert reader.text("done-text") == "All digits are checked."
    reader.type("s")
    path = reader.downloads / "audit.csv"
    wait = WebDriverWait(reader.browser, 10, poll_frequency=0.05)
    wait.until(lambda _: path.exists() and path.stat().st_size > 0)
    assert [row.digit for row in read_corrections(path)] == ["4", "7"]


@pytest.fixture
def columns(tmp_path: Path, summary: ReportSummary, make_field: MakeField) -> Path:
    """Fields 1 and 2 on each of four pages; of the digits to review five were read as 7."""
    cells = {(0, 0): "77", (0, 1): "12", (1, 0): "7", (1, 1): "1?", (2, 0): "71", (3, 0): "7"}
    fields = [
        make_field(text, [0.5 + 0.1 * page] * len(text.replace("?", "")) + [0.0] * ("?" in text),
                   "a.png", page, number)
        for (page, number), text in cells.items()
    ]  # fmt: skip
    named = replace(summary, accepted=1234, accepted_wrong=2.34, job="ab")
    write_report(tmp_path / "results.html", named, fields)
    return tmp_path / "results.html"


def state(reader: Reader) -> list[str]:
    """What the tiles of the wall say."""
    labels = (
        "return [...document.querySelectorAll('.tile')].map((t) => t.getAttribute('aria-label'))"
    )
    return [label.partition(";")[0] for label in reader.run(labels)]


def test_a_wall_confirms_all_digits_that_were_read_alike(reader: Reader, columns: Path) -> None:
    reader.open(columns)
    assert reader.text("expected") == (
        "Expected to be wrong or unread: about 3.6 of the values not checked yet, and 2.3 of the "
        "1234 accepted values, which are not shown here."
    )
    reader.type(Keys.ARROW_DOWN, "w")
    reader.run(
        "byId('wall-group').value = '7'; byId('wall-group').dispatchEvent(new Event('change'))"
    )
    assert reader.text("wall-confirm-text") == "Confirm 5 as 7"
    assert state(reader) == ["7"] * 5
    tiles = reader.browser.find_elements("css selector", ".tile")
    tiles[1].click()  # odd, for later
    reader.type(Keys.ARROW_RIGHT, "4")  # it is a 4
    assert state(reader) == ["7", "7, odd", "7, answered 4", "7", "7"]
    assert reader.text("wall-confirm-text") == "Confirm 3 as 7"
    reader.type(Keys.ENTER)
    assert reader.text("progress-text") == "4 of 10 checked"
    assert state(reader) == ["1"] * 3  # the largest group that is left
    reader.type("z")  # the screen before
    assert state(reader) == ["7", "7, odd", "7, answered 4", "7", "7"]
    reader.type("z")
    assert reader.text("progress-text") == "0 of 10 checked"
    reader.type("9", Keys.ENTER, Keys.ENTER, Keys.ESCAPE)
    assert reader.text("progress-text") == "7 of 10 checked"
    digits = [(row["page"], row["field"], row["box"], row["digit"]) for row in reader.saved()]
    assert ("1", "1", "2", "7") not in digits  # the odd one waits
    assert [digit for *_, digit in digits].count("7") == 3
    assert reader.text("place") == "page 2 · field 2 · box 2 of 2"  # worth most of what is left


def test_a_wall_confirms_the_values_of_a_column(reader: Reader, columns: Path) -> None:
    reader.open(columns)
    reader.type(Keys.ARROW_DOWN, "c")
    reader.run(
        "byId('wall-group').value = '1'; byId('wall-group').dispatchEvent(new Event('change'))"
    )
    assert sorted(state(reader)) == ["7", "7", "71", "77"]
    reader.run("document.querySelector('.tile[aria-label^=\"71;\"]').click()")
    reader.type(Keys.ENTER)
    assert reader.text("progress-text") == "4 of 10 checked"
    assert state(reader) == ["12"]  # 1? has an unread digit: nobody can confirm it at a glance
    reader.type(Keys.ENTER)
    assert "(1) waits one by one" in reader.text("wall-empty")
    reader.type("c")
    assert reader.text("progress-text") == "6 of 10 checked"


def test_a_report_in_parts_is_reviewed_saved_and_opened_again(
    reader: Reader, tmp_path: Path, summary: ReportSummary, make_field: MakeField,
    monkeypatch: pytest.MonkeyPatch,
    complaints: Complaints,
) -> None:  # fmt: skip
    monkeypatch.setattr(report_module, "ONE_FILE_BYTES", 1)
    monkeypatch.setattr(report_fields, "PART_BYTES", 20_000)
    fields = [make_field("73", [0.2 + i / 1000, 0.9], "a b#.png", i) for i in range(300)]
    path = tmp_path / "re sults.html"
    write_report(path, summary, fields)
    assert len(list((tmp_path / "re sults_files").iterdir())) > 40
    reader.open(path)
    wait = WebDriverWait(reader.browser, 10, poll_frequency=0.05)
    wait.until(lambda _: reader.text("place") == "page 1 · field 1 · box 1 of 2")
    reader.type("1", Keys.END, "2", Keys.HOME, "w")  # keys wait for their part
    wait.until(lambda _: len(state(reader)) == 100)
    reader.type(Keys.ENTER)
    wait.until(lambda _: reader.text("progress-text") == "102 of 600 checked")
    wait.until(lambda _: len(state(reader)) == 100)
    rows = reader.saved()
    assert len(rows) == 102
    assert [int(row["page"]) for row in rows] == sorted(int(row["page"]) for row in rows)
    assert rows[-1]["page"] == "300" and rows[-1]["digit"] == "2" and rows[0]["digit"] == "1"
    assert reader.run("return parts.kept.size <= KEPT_PARTS")
    reader.run("localStorage.clear()")
    reader.browser.refresh()
    file = reader.browser.find_element("id", "open-file")
    file.send_keys(str(reader.downloads / "corrections.csv"))
    wait.until(lambda _: reader.text("open-state") == "102 answers taken over.")
    assert reader.text("progress-text") == "102 of 600 checked"
    assert complaints(reader.browser) == []
    reader.run("session.then(({ review }) => review.markUnsaved(false))")  # leave unquestioned
    shutil.rmtree(tmp_path / "re sults_files")
    reader.browser.refresh()
    wait.until(lambda _: "missing or damaged" in reader.text("part-fault"))
    reader.browser.get_log("browser")  # type: ignore[no-untyped-call] # the missing file is told of


def test_names_in_parts_are_texts_and_a_damaged_part_is_told_of(
    reader: Reader, tmp_path: Path, summary: ReportSummary, make_field: MakeField,
    monkeypatch: pytest.MonkeyPatch, complaints: Complaints,
) -> None:  # fmt: skip
    monkeypatch.setattr(report_module, "ONE_FILE_BYTES", 1)
    monkeypatch.setattr(report_fields, "PART_BYTES", 1)  # a part a field
    hostile = [ATTACK, '"]);alert(1);//', "<!--<script>`${alert(1)}`", r"\u0022+alert(1)"]
    fields = []
    for i, name in enumerate(hostile):
        field = make_field("73", [0.2 + i / 10, 1], name)
        reading = replace(field.reading, name=name, broken=(name,))
        fields.append(replace(field, reading=reading))
    path = tmp_path / "<b>#?%41.html"
    write_report(path, summary, fields)
    wait = WebDriverWait(reader.browser, 10, poll_frequency=0.05)
    reader.open(path)
    for name in hostile:
        wait.until(lambda _, name=name: reader.text("file") == name)
        assert reader.text("place").count(name) == 2  # as its field, and as what speaks against it
        reader.type(Keys.ARROW_DOWN)
    assert complaints(reader.browser) == []
    first, second, *_ = sorted((tmp_path / "<b>#?%41_files").iterdir())
    whole = first.read_text(encoding="utf-8")
    call, _, records = whole.partition("[")
    for damaged in (
        "",
        whole[: len(whole) // 2],
        second.read_text(encoding="utf-8"),  # that of another part
        whole.replace(call.split('"')[1], "0badf00d"),  # that of another report
        f"{call}[]);",
        f"{call}null);",
        f"{call}[[],{records}",
        f"{call}[1]);",
        "reportPart();",
    ):
        first.write_text(damaged, encoding="utf-8")
        reader.browser.refresh()
        wait.until(lambda _: "missing or damaged" in reader.text("part-fault"))
        reader.type("1")  # waits for nothing, and answers nothing
        assert reader.run("return localStorage.length") == 0, damaged
        told = complaints(reader.browser)
        assert [one for one in told if "SyntaxError" not in one] == [], damaged
    first.write_text(whole, encoding="utf-8")
    reader.browser.refresh()
    wait.until(lambda _: reader.text("file") == hostile[0])
    reader.type("1")
    wait.until(lambda _: reader.text("progress-text") == "1 of 4 checked")
    assert reader.saved()[0]["file"] == hostile[0]


def test_the_whole_page_is_shown_with_the_box_marked(
    reader: Reader, tmp_path: Path, summary: ReportSummary, make_field: MakeField
) -> None:
    (tmp_path / "scans").mkdir()
    Image.new("L", (1240, 1754), 255).save(tmp_path / "scans" / "a #1.png")
    Image.new("L", (90, 90), 255).save(tmp_path / "scans" / "c d.PDF")
    names = ("a #1.png", "b.heic", "c d.PDF", "e.TIF")
    guesses = ("12", [0.5, 0.9]), ("3", [0.9]), ("4", [0.8]), ("5", [0.75])
    fields = [make_field(*one, name) for one, name in zip(guesses, names, strict=True)]
    files = [(name, str(tmp_path / "scans" / name)) for name in names]
    path = tmp_path / "results.html"
    write_report(path, summary, fields, sources=page_sources(files, path))
    reader.open(path)
    reader.type("p")
    marked = "const [a] = document.querySelectorAll('#page .current'); return a?.getAttribute('x')"
    wait = WebDriverWait(reader.browser, 10, poll_frequency=0.05)
    wait.until(lambda _: reader.run(marked) == "100")
    width = "return byId('page').getBoundingClientRect().width"
    fitting = reader.run(width)
    reader.type("+", "7")  # larger; and no key answers
    assert reader.run(width) == pytest.approx(1.5 * fitting, abs=2)
    assert reader.text("page-name") == "a #1.png · page 1"
    reader.type(Keys.ESCAPE, Keys.END, "p")
    assert "can be shown of PNG" in reader.text("page-fault")
    link = reader.browser.find_element("id", "page-link")
    assert not link.is_displayed()
    reader.type(Keys.ESCAPE, Keys.ARROW_UP, "p")
    assert link.get_attribute("href") == f"{(tmp_path / 'scans' / 'c d.PDF').as_uri()}#page=1"
    assert reader.run("return document.activeElement.id") == "page-link"
    link.send_keys(Keys.ENTER)
    wait.until(lambda _: len(reader.browser.window_handles) == 2)
    reader.browser.switch_to.window(reader.browser.window_handles[1])
    wait.until(lambda _: reader.browser.current_url.endswith("c%20d.PDF#page=1"))
    reader.browser.close()
    reader.browser.switch_to.window(reader.browser.window_handles[0])
    reader.type(Keys.ESCAPE, Keys.ARROW_UP, "p")
    assert link.get_attribute("href") == (tmp_path / "scans" / "e.TIF").as_uri()
    assert link.text == "Open the TIFF file, and go to page 1"
    assert "Most browsers show no TIFF" in reader.text("page-fault")
    reader.type(Keys.ESCAPE)
    assert reader.text("progress-text") == "0 of 5 checked"
    (tmp_path / "scans" / "a #1.png").unlink()
    reader.browser.refresh()
    reader.type("p")
    wait.until(lambda _: "is not there" in reader.text("page-fault"))
    reader.browser.get_log("browser")  # type: ignore[no-untyped-call] # the missing file is told of


CHECK_SOON = "session.then(({ review }) => { review.checks.left = 1 })"
"""Lets the next digit be one that is known for sure."""


def test_sure_digits_are_mixed_in_and_tell_the_error_rate(
    reader: Reader, tmp_path: Path, summary: ReportSummary, make_field: MakeField
) -> None:
    fields = [make_field("48", [0.9998, 0.5 + i / 100], "a.png", i) for i in range(8)]
    write_report(tmp_path / "results.html", summary, fields)
    reader.open(tmp_path / "results.html")
    reader.type("1")
    reader.run(f"document.querySelector('#checks').click(); {CHECK_SOON}")
    reader.type("2")
    assert reader.text("place") == "page 3 · field 1 · box 1 of 2"
    assert reader.text("answer") in set("012356789")  # a wrong guess for the 4
    assert reader.text("progress-text") == "2 of 8 checked"
    reader.type(Keys.ENTER)
    assert reader.text("check-state") == (
        "That was a check: the digit is surely a 4. You answered 1 of 1 checks wrong (100 %)."
    )
    assert reader.text("place") == "page 3 · field 1 · box 2 of 2"
    reader.run(CHECK_SOON)
    reader.type("3")
    assert reader.text("answer") == "4"
    reader.type("f", "12", Keys.ENTER)  # no answer to a check, nor of the field behind it
    assert reader.text("progress-text") == "3 of 8 checked"
    reader.run(CHECK_SOON)
    reader.type("3", "4")
    assert reader.text("check-state") == "You answered 1 of 2 checks wrong (50 %)."
    assert [(row["page"], row["box"], row["digit"]) for row in reader.saved()] == [
        (str(page), "2", digit) for page, digit in enumerate("1233", 1)
    ]
    reader.browser.refresh()
    assert reader.text("check-state") == "You answered 1 of 2 checks wrong (50 %)."


def test_sure_digits_stand_on_walls_of_other_ones(
    reader: Reader, tmp_path: Path, summary: ReportSummary, make_field: MakeField
) -> None:
    fields = [make_field("47", [0.9998, 0.5 + i / 100], "a.png", i) for i in range(3)]
    write_report(tmp_path / "results.html", summary, fields)
    reader.open(tmp_path / "results.html")
    tiles = "return document.querySelectorAll('#tiles .tile').length"
    wrong = "const { wall } = played; wall.choose(wall.items.findIndex((one) => one.truth));"
    reader.run(f"document.querySelector('#checks').click(); {CHECK_SOON}")
    reader.type("w")
    assert reader.run(tiles) == 4  # the three 7s, and a 4
    reader.type(Keys.ENTER)  # it is confirmed as a 7
    assert reader.text("check-state") == (
        "That was a check: the digit is surely a 4. You answered 1 of 1 checks wrong (100 %)."
    )
    assert reader.text("progress-text") == "All 3 checked"
    reader.type("z")  # the screen comes back, without the check
    assert reader.run(tiles) == 3
    reader.type(Keys.ESCAPE)
    reader.run(CHECK_SOON)
    reader.type("w")
    reader.run(f"session.then(({{ walls: played }}) => {{ {wrong} }})")
    reader.type("4")
    assert reader.text("progress-text") == "0 of 3 checked"
    reader.type(Keys.ENTER)
    assert reader.text("check-state") == "You answered 1 of 2 checks wrong (50 %)."
    assert [(row["box"], row["digit"]) for row in reader.saved()] == [("2", "7")] * 3


def test_a_report_in_german(
    reader: Reader, tmp_path: Path, summary: ReportSummary, make_field: MakeField
) -> None:
    field = make_field("1", [0.5])
    doubted = replace(field.reading, remark="may_be_no_digit\nbelow\tsumme\t1\t20")
    path = tmp_path / "results.html"
    german = replace(summary, language="de", review=1)
    write_report(path, german, [replace(field, reading=doubted)])
    reader.open(path)
    assert reader.browser.title == "1 Ziffer zu prüfen · results.csv"
    assert reader.text("progress-text") == "0 von 1 geprüft"
    assert "2. März 2026" in reader.text("made") and "unter 0,95" in reader.text("made")
    note = "ein Zeichen, das vielleicht keine Ziffer ist; summe: 1 ist kleiner als 20"
    assert reader.text("place") == f"Seite 1 · Feld 1 · Kästchen 1 von 1 · {note}"
    assert reader.text("confirm") == "1 bestätigen"
