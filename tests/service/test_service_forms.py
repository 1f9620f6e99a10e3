"""Forms of the service: what no call could reach or no scan could use is never saved."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pypdfium2 as pdfium
import pytest
from click.testing import Result
from fastapi.testclient import TestClient

from formreader.core.errors import ExitCode
from formreader.service.service_state import Service
from formreader.template.template_file import PRINTED_FILE

FORMS = "/api/v1/templates"

HEX = f"0x{'f' * 6000}"

UNREACHABLE = [
    "a/b",
    "good/edit",
    ".",
    "..",
    "*",
    "auto",
    "a\0b",
    "a\nb",
    " a",
    "\x1b[31m",
    "\u202ea",
]


@pytest.fixture
def form(client: TestClient, form_png: Path) -> Iterator[dict[str, Any]]:
    """A form of the service."""
    page = {"file": ("form.png", form_png.read_bytes())}
    made = client.post(f"{FORMS}?name=good", files=page)
    assert made.status_code == 201, made.text
    yield made.json()
    client.delete(f"{FORMS}/good")


@pytest.mark.parametrize("name", UNREACHABLE)
def test_names_that_no_call_can_reach(
    client: TestClient, form: dict[str, Any], form_png: Path, name: str
) -> None:
    page = {"file": ("form.png", form_png.read_bytes())}
    answers = [
        client.post(f"{FORMS}?name={quote(name, safe='')}", files=page),
        client.put(f"{FORMS}/good", json=form | {"name": name}),
        client.post(f"{FORMS}/good/edit", content=toml(form, name=name)),
    ]
    for answer in answers:
        assert answer.status_code == 422, answer.text
        assert "the form's name m" in answer.json()["detail"].lower()
    assert [one["name"] for one in client.get(FORMS).json()["templates"]] == ["good"]


def toml(form: dict[str, Any], **changes: object) -> str:
    """A template.toml of a form, some of whose values are written as they are given."""
    name = str(changes.get("name", "good")).encode("unicode_escape").decode("ascii")
    name = name.replace("\\x", "\\u00")
    fields = "".join(
        f"[[fields]]\nname = 'F{i}'\ncell = {changes.get('cell', '[9.0, 9.0, 9.0, 9.0]')}\n"
        f"{changes.get('rule', '')}\n"
        for i in range(int(str(changes.get("fields", 1))))
    )
    size = f"width = {form['width']}\nheight = {form['height']}\n"
    return f'format = 1\nform = "{name}"\n{size}{changes.get("key", "")}\n{fields}'


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"rule": f"max = {HEX}"}, "max: numbers must be finite"),
        ({"rule": f"max = {'9' * 6000}"}, "not valid TOML"),
        ({"rule": f"digits = [{HEX}]"}, "digits: numbers"),
        ({"key": f"rules_broken = {HEX}"}, "rules_broken: numbers"),
        ({"key": f"document = {HEX}"}, "document: numbers"),
        ({"fields": 9000}, "at most 5,000. Found: 9,000"),
        ({"cell": f"[{'9' * 400}, 9, 9, 9]"}, "cell: numbers"),
        ({"cell": "[9, 9, 1e300, 9]"}, "cell: numbers"),
        ({"cell": "[-400, 9, 818, 9]"}, "larger than the page"),
        ({"cell": "[9, 9, 0.01, 9]"}, "must be 1 or more"),
    ],
)
def test_values_that_no_scan_can_use(
    client: TestClient, form: dict[str, Any], changes: dict[str, object], words: str
) -> None:
    answer = client.post(f"{FORMS}/good/edit", content=toml(form, **changes))
    assert answer.status_code == 422, answer.text
    assert words in answer.json()["detail"]
    assert client.get(f"{FORMS}/good").json() == form


@pytest.mark.parametrize("place", ["[1e999, 1, 9, 9]", f"[{'9' * 400}, 1, 9, 9]", "[1, 1, 9]"])
def test_places_that_are_none(client: TestClient, form: dict[str, Any], place: str) -> None:
    body = (
        f'{{"name": "good", "width": {form["width"]}, "height": {form["height"]}, '
        f'"fields": [{{"name": "a", "cell": {place}}}]}}'
    )
    headers = {"content-type": "application/json"}
    answer = client.put(f"{FORMS}/good", content=body, headers=headers)
    assert answer.status_code == 422, answer.text
    assert client.get(f"{FORMS}/good").json() == form


def test_the_largest_form_can_be_read_and_changed(client: TestClient, form: dict[str, Any]) -> None:
    assert client.post(f"{FORMS}/good/edit", content=toml(form, fields=5000)).status_code == 200
    large = client.get(f"{FORMS}/good").json()
    assert len(large["fields"]) == 5000
    assert client.put(f"{FORMS}/good", json=large).json() == large


def test_the_command_refuses_such_names_before_it_reads(
    program: Callable[..., Result], tmp_path: Path
) -> None:
    for name in ("*", " a", "a\x1b"):
        result = program("template", "new", tmp_path / "none.png", "--out", tmp_path / name)
        assert result.exit_code == ExitCode.USAGE
        assert "The form's name m" in result.stderr
    result = program("template", "new", tmp_path / "none.png", "--out", f"{tmp_path}/a/..")
    assert result.exit_code == ExitCode.USAGE
    assert not list(tmp_path.iterdir())


def test_a_form_is_printed_and_its_print_is_known_afterwards(
    client: TestClient, form: dict[str, Any], service: Service
) -> None:
    folder, _ = service.shelf.find("good")
    assert not (folder / PRINTED_FILE).exists()
    printed = client.get(f"{FORMS}/good/print?paper=a5")
    assert printed.status_code == 200, printed.text
    assert printed.headers["content-type"] == "application/pdf"
    assert printed.headers["content-disposition"] == "attachment; filename*=utf-8''good.pdf"
    with pdfium.PdfDocument(printed.content) as sheets:
        assert len(sheets) == 1
        assert sorted(round(side / 72 * 25.4) for side in sheets[0].get_size()) == [148, 210]
    assert (folder / PRINTED_FILE).is_file()
    assert client.get(f"{FORMS}/good/print?paper=a0").status_code == 422
    assert client.get(f"{FORMS}/none/print").status_code == 404
