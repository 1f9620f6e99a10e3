"""README, docs and help tell of everything there is, and of nothing that there is not."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from formreader.api import Reader
from formreader.cli.main import main
from formreader.core.errors import ExitCode
from formreader.input.file_formats import FORMATS
from formreader.output.columns import DIGIT_HEADER, FIELD_HEADER, PAGE_COLUMNS
from formreader.output.table_formats import TableFormat, format_of

assert isinstance(main, click.Group)
COMMANDS = main.commands

ROOT = Path(__file__).parents[1]
PAGES = tuple(sorted(path.name for path in (ROOT / "docs").glob("*.md")))
MADE = "command-line.md"
"""The page that a script makes of the helps."""

WRITTEN = tuple(name for name in PAGES if name != MADE)
TEXTS = ("README.md", *(f"docs/{name}" for name in WRITTEN))

ROOMS = tuple(
    sorted(
        path.parent.relative_to(ROOT).as_posix()
        for top in ("formreader", "references")
        for path in (ROOT / top).glob("*/__init__.py")
    )
)
"""Folders of code that tell what they are for, in a README.md of their own."""

MAX_README_WORDS = 1300

PRIVATE_WORDS = (
    r"\b(?:voices?|heard|ballots?|torn|strangers?|strange|(?<!by )hands?(?! \w+ over))\b"
)
"""Words that only we use so: the field says hypothesis, ensemble, writer."""


@pytest.fixture(scope="module")
def readme(root: Path) -> str:
    return (root / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def told(root: Path) -> str:
    """All that people wrote for users."""
    return "\n".join((root / name).read_text(encoding="utf-8") for name in TEXTS)


def section(root: Path, page: str, heading: str) -> str:
    text = (root / "docs" / page).read_text(encoding="utf-8")
    return text.split(f"\n## {heading}\n")[1].split("\n## ")[0]


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
def test_docs_document_every_command(told: str, name: str) -> None:
    assert re.search(rf"formreader {name}\b", told)


def test_docs_document_every_option_of_scan(root: Path) -> None:
    table = section(root, "scanning.md", "Options")
    assert options(COMMANDS["scan"]) - {"-h", "--help"} <= set(re.findall(r"--?[\w-]+", table))


@pytest.mark.parametrize("name", TEXTS)
def test_no_text_names_a_command_or_option_that_does_not_exist(root: Path, name: str) -> None:
    text = (root / name).read_text(encoding="utf-8")
    code = re.sub(r"^from formreader import.*", "", "\n".join(code_of(text)), flags=re.MULTILINE)
    uses = re.findall(r"\bformreader (\w+)\b([^`\n]*)", code)
    assert len(uses) > 5 or name != "README.md"
    for command, rest in uses:
        assert command in COMMANDS, command
        known = options(COMMANDS[command])
        named = rest.split("&&")[0].split("#")[0]
        assert set(re.findall(r"(?<![\w/-])--?[a-z][\w-]*", named)) <= known, rest


def test_docs_list_the_exit_codes(root: Path) -> None:
    table = section(root, "results.md", "Exit codes")
    listed = {int(code) for code in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)}
    assert listed == {int(code) for code in ExitCode}


def test_docs_list_the_columns(root: Path) -> None:
    table = section(root, "results.md", "A row for each field").split("\nWith a template")[0]
    cells = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    assert ",".join(re.findall(r"`(\w+)`", " ".join(cells))) == FIELD_HEADER
    assert f"\n`{DIGIT_HEADER}`" in section(root, "results.md", "A row for each digit")
    assert f"`{','.join(PAGE_COLUMNS)}`" in section(root, "results.md", "A row for each page")


def test_docs_list_the_formats_of_the_table(root: Path) -> None:
    table = section(root, "results.md", "Formats")
    listed = re.findall(r"^\| `(\.\w+)` \|", table, re.MULTILINE)
    assert {format_of(Path(f"results{suffix}")) for suffix in listed} == set(TableFormat)


@pytest.mark.parametrize(
    "name",
    [
        "README.md",
        "references/README.md",
        *(f"docs/{page}" for page in PAGES),
        *(f"{room}/README.md" for room in ROOMS),
    ],
)
def test_links_lead_somewhere(root: Path, name: str) -> None:
    here = root / name
    text = here.read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)]+)\)", text) if "://" not in link]
    for link in links:
        file, _, anchor = link.partition("#")
        target = (here.parent / file).resolve() if file else here
        assert target.is_relative_to(root) and target.exists(), link
        assert not anchor or anchor in anchors(target.read_text(encoding="utf-8")), link


def anchors(markdown: str) -> set[str]:
    """Of all headings, as GitHub and MkDocs make them."""
    outside = re.sub(r"```.*?```", "", markdown, flags=re.DOTALL)
    headings = re.findall(r"^#+ (.*)$", outside, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_readme_takes_three_minutes(readme: str) -> None:
    assert len(readme.split()) <= MAX_README_WORDS


def test_readme_and_site_lead_to_every_page(readme: str, root: Path) -> None:
    linked = set(re.findall(r"\]\(docs/([\w-]+\.md)[)#]", readme))
    assert linked | {"changes.md", "job-store.md"} == set(PAGES)
    nav = (root / "mkdocs.yml").read_text(encoding="utf-8").split("\nnav:\n")[1]
    listed = re.findall(r"([\w-]+\.md)$", nav, re.MULTILINE)
    assert sorted(listed) == sorted(PAGES)


@pytest.mark.parametrize("name", [name for name in PAGES if name != "changes.md"])
def test_each_page_begins_with_an_example(root: Path, name: str) -> None:
    text = (root / "docs" / name).read_text(encoding="utf-8")
    assert re.match(r"# .+\n\n```\w+\n", text)


@pytest.mark.parametrize("name", [*TEXTS, *(f"{room}/README.md" for room in ROOMS)])
def test_the_words_are_those_of_the_field(root: Path, name: str) -> None:
    text = (root / name).read_text(encoding="utf-8")
    prose = re.sub(r"```.*?```|`[^`\n]+`|\]\([^)]+\)", "", text, flags=re.DOTALL)
    assert re.findall(PRIVATE_WORDS, prose, re.IGNORECASE) == []


def test_the_page_of_the_command_line_is_that_of_the_helps(
    root: Path, tmp_path: Path, process: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    # In a process of its own: click keeps the help option of whoever asked first.
    script, made = root / "docs" / "make_cli_reference.py", tmp_path / MADE
    done = process(script, "--out", made)
    assert done.returncode == 0, done.stderr
    page = (root / "docs" / MADE).read_text(encoding="utf-8")
    assert page == made.read_text(encoding="utf-8"), f"run docs/{script.name}"
    for name in COMMANDS:
        assert f"\n## formreader {name}\n" in page


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_tells_what_is_there(root: Path, room: str) -> None:
    text = (root / room / "README.md").read_text(encoding="utf-8")
    code = [path for top in ("formreader", "references") for path in (root / top).rglob("*.*")]
    for file in re.findall(r"[\w/.]+\.(?:py|js|css|j2)\b", text):
        assert any(path.as_posix().endswith(f"/{file}") for path in code) or (
            (root / file).is_file()
        ), file


def test_contributing_lists_every_benchmark(root: Path) -> None:
    text = (root / "CONTRIBUTING.md").read_text(encoding="utf-8")
    listed = text.split("## Benchmarks")[1].split("\n## ")[0]
    named = set(re.findall(r"`(\w+\.py)`", listed))
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


def test_every_list_of_the_formats_of_page_files_is_complete(readme: str, root: Path) -> None:
    names = {form.name for form in FORMATS}
    listed = section(root, "scanning.md", "Input")
    for text in (readme, listed, Reader.read.__doc__, COMMANDS["scan"].help):
        assert text
        assert not names - set(re.findall(r"\w+", text))
