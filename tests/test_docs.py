"""README and help tell of everything there is, and of nothing that there is not."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from formreader.api import Reader
from formreader.cli.main import main
from formreader.core.errors import ExitCode
from formreader.input.file_formats import FORMATS

assert isinstance(main, click.Group)
COMMANDS = main.commands


@pytest.fixture(scope="module")
def readme(root: Path) -> str:
    return (root / "README.md").read_text(encoding="utf-8")


def options(command: click.Command) -> set[str]:
    parts = command.commands.values() if isinstance(command, click.Group) else ()
    return (
        set[str]().union(*map(options, parts))
        | {
            name
            for parameter in command.params
            if isinstance(parameter, click.Option)
            for name in (*parameter.opts, *parameter.secondary_opts)
        }
        | {"-h", "--help"}
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_has_help(name: str) -> None:
    command = COMMANDS[name]
    assert command.help
    assert "Example" in command.help
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name


@pytest.mark.parametrize("name", COMMANDS)
def test_examples_of_the_help_are_valid(name: str) -> None:
    examples = re.findall(rf"formreader {name} (.*)", COMMANDS[name].help or "")
    assert examples
    for example in examples:
        arguments = example.split(" > ")[0].split()
        with COMMANDS[name].make_context(name, arguments):
            pass


@pytest.mark.parametrize("name", COMMANDS)
def test_readme_documents_every_command(readme: str, name: str) -> None:
    assert re.search(rf"formreader {name}\b", readme)


def test_readme_documents_every_option_of_scan(readme: str) -> None:
    table = readme.split("## Options")[1].split("\n## ")[0]
    assert options(COMMANDS["scan"]) - {"-h", "--help"} <= set(re.findall(r"--?[\w-]+", table))


def test_readme_names_no_command_or_option_that_does_not_exist(readme: str) -> None:
    code = re.sub(r"^from formreader import.*", "", "\n".join(code_of(readme)), flags=re.MULTILINE)
    uses = re.findall(r"\bformreader (\w+)\b([^`\n]*)", code)
    assert len(uses) > 5
    for name, rest in uses:
        assert name in COMMANDS, name
        known = options(COMMANDS[name])
        named = rest.split("&&")[0]
        assert set(re.findall(r"(?<![\w/-])--?[a-z][\w-]*", named)) <= known, rest


def test_readme_lists_the_exit_codes(readme: str) -> None:
    table = readme.split("## Exit codes")[1].split("\n## ")[0]
    listed = {int(code) for code in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)}
    assert listed == {int(code) for code in ExitCode}


def test_readme_links_lead_somewhere(readme: str, root: Path) -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", readme) if "://" not in link]
    assert links
    for link in links:
        assert (root / link).exists(), link


def test_the_map_of_the_house_names_what_is_there(root: Path) -> None:
    text = (root / "docs" / "architecture.md").read_text(encoding="utf-8")
    package = root / "formreader"
    rooms = {path.name for path in package.iterdir() if (path / "__init__.py").is_file()}
    named = set(re.findall(r"`([\w/]+)/`", text.split("## The way")[0]))
    assert named == rooms
    known = {path.relative_to(package).as_posix() for path in package.rglob("*.*")}
    names = {path.rpartition("/")[2] for path in known}
    for file in re.findall(r"[\w/]+\.(?:py|js)\b", text):
        assert file in known or file in names or (root / file).is_file(), file


def test_contributing_lists_every_benchmark(root: Path) -> None:
    text = (root / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = text.split("## Benchmarks")[1].split("\n## ")[0]
    named = set(re.findall(r"`(\w+\.py)`", section))
    assert named == {path.name for path in (root / "tests" / "benchmarks").glob("*.py")}


def test_contributing_names_only_commands_and_files_that_exist(root: Path) -> None:
    text = (root / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for name, rest in re.findall(r"\bformreader (\w+) ([^`\n]*)", "\n".join(code_of(text))):
        assert set(re.findall(r"(?<![\w/-])--[a-z][\w-]*", rest)) <= options(COMMANDS[name]), rest
    for link in re.findall(r"\]\(([^)#]+)", text):
        assert (root / link).exists(), link
    for heading in re.findall(r"\]\(#([^)]+)\)", text):
        assert f"\n## {heading.replace('-', ' ')}\n" in text.lower(), heading


def test_changelog_has_an_entry_for_this_version(root: Path) -> None:
    import formreader

    assert f"## {formreader.__version__}" in (root / "CHANGELOG.md").read_text(encoding="utf-8")


def code_of(markdown: str) -> list[str]:
    """What stands in code blocks and between backticks."""
    blocks = re.findall(r"```\w*\n(.*?)```", markdown, re.DOTALL)
    rest = re.sub(r"```\w*\n.*?```", "", markdown, flags=re.DOTALL)
    return blocks + re.findall(r"`([^`\n]+)`", rest)


def test_every_list_of_the_formats_of_page_files_is_complete(readme: str) -> None:
    names = {form.name for form in FORMATS}
    section = readme.split("\n## Input\n")[1].split("\n## ")[0]
    for text in (section, Reader.read.__doc__, COMMANDS["scan"].help):
        assert text
        assert not names - set(re.findall(r"\w+", text))
