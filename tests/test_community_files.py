"""The files that GitHub and those who cite read: valid, and of this version."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

import formreader
from formreader.cli.main import main

TEMPLATES = Path(".github") / "ISSUE_TEMPLATE"
FORMS = ("bug", "wrong_reading", "feature")


def load(path: Path) -> dict[str, Any]:
    loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(loaded, dict)
    return loaded


def test_the_citation_is_of_this_version(root: Path) -> None:
    citation = load(root / "CITATION.cff")
    assert citation["cff-version"] == "1.2.0"
    assert citation["version"] == formreader.__version__
    assert {"message", "title", "authors"} <= citation.keys()
    project = (root / "pyproject.toml").read_text(encoding="utf-8")
    assert f'license = "{citation["license"]}"' in project
    assert f'authors = [{{ name = "{citation["authors"][0]["name"]}" }}]' in project


def test_there_is_a_form_for_each_kind_of_issue(root: Path) -> None:
    named = {path.stem for path in (root / TEMPLATES).iterdir()}
    assert named == {*FORMS, "config"}
    assert load(root / TEMPLATES / "config.yml") == {"blank_issues_enabled": False}


@pytest.mark.parametrize("name", FORMS)
def test_a_form_has_what_github_needs(root: Path, name: str) -> None:
    form = load(root / TEMPLATES / f"{name}.yml")
    assert {"name", "description", "body"} <= form.keys()
    fields = [part for part in form["body"] if part["type"] != "markdown"]
    names = [part["id"] for part in fields]
    assert len(set(names)) == len(names)
    assert all(part["attributes"]["label"] for part in fields)
    assert "personal" in (root / TEMPLATES / f"{name}.yml").read_text(encoding="utf-8")


def test_a_wrong_reading_asks_for_consent(root: Path) -> None:
    form = load(root / TEMPLATES / "wrong_reading.yml")
    (consent,) = (part for part in form["body"] if part["type"] == "checkboxes")
    assert all(option["required"] for option in consent["attributes"]["options"])


def test_the_security_policy_names_what_is_there(root: Path) -> None:
    text = (root / "SECURITY.md").read_text(encoding="utf-8")
    for heading in ("Report a vulnerability", "Supported versions", "In scope", "Not in scope"):
        assert f"\n## {heading}\n" in text
    assert "@" not in text, "no address that nobody reads"
    known = {
        option
        for command in [main, *main.commands.values()]
        for parameter in command.params
        for option in (*parameter.opts, *parameter.secondary_opts)
    }
    assert set(re.findall(r"--[a-z][\w-]*", text)) <= known
    for link in re.findall(r"\]\(([^)#]+)\)", text):
        assert (root / link).exists(), link
