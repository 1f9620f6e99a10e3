"""The words that people read: the same in each language, all used, and none left in the scripts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter
from typing import Any

import pytest

import formreader
from formreader.core.doubts import Doubt, all_of, reason
from formreader.core.errors import UsageError
from formreader.core.records import PageReading
from formreader.output.table import field_rows
from formreader.output.wording import ENGLISH, languages, page_words, sentence, words_of

PACKAGE = Path(formreader.__file__).parent
PAGES = {
    "report": PACKAGE / "output" / "report",
    "editor": PACKAGE / "template" / "editor",
    "service": PACKAGE / "service" / "web",
}
SCRIPTS = [PACKAGE / "output" / "web" / "parts.js"]
SCRIPTS += [script for folder in PAGES.values() for script in sorted(folder.glob("*.js"))]

TEXT = re.compile(r"(?<![./\w])texts\.(\w++)(?!\()")
LITERAL = re.compile(r'"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`')
COMMENT = re.compile(r"/\*.*?\*/|(?:^|\s)//[^\n]*", re.DOTALL)
PROSE = re.compile(
    r"\b[A-Z][a-z]+ [a-z]{2,}|"
    r"[a-z] (?:is|are|was|of|the|to|not|no|has|page|field|box|digit)s?(?![-\w])"
)


def leaves(words: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Each text of a map with its path."""
    if isinstance(words, str):
        yield path, words
        return
    for name, inner in words.items():
        yield from leaves(inner, f"{path}.{name}")


def places(text: str) -> set[str]:
    """The names of the {places} of a text."""
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("language", [one for one in languages() if one != ENGLISH])
def test_a_language_has_all_texts_with_the_same_places(language: str) -> None:
    english, other = (dict(leaves(words_of(one))) for one in (ENGLISH, language))
    assert other.keys() == english.keys()
    for path, text in english.items():
        assert text.strip() and other[path].strip(), path
        assert places(other[path]) == places(text), path


def test_each_doubt_has_a_sentence() -> None:
    assert words_of(ENGLISH)["reasons"].keys() == {str(doubt) for doubt in Doubt}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_no_script_has_prose_of_its_own(script: Path) -> None:
    code = COMMENT.sub("", script.read_text(encoding="utf-8"))
    literals = (re.sub(r"\$\{[^}]*\}", "0", one) for one in LITERAL.findall(code))
    assert [one for one in literals if PROSE.search(one)] == []


@pytest.mark.parametrize("page", PAGES)
def test_the_words_of_a_page_are_those_that_it_uses(page: str) -> None:
    files = [*PAGES[page].glob("*.js"), *PAGES[page].glob("*.j2")]
    code = "\n".join(file.read_text(encoding="utf-8") for file in files)
    known = words_of(ENGLISH)[page]
    above = {**words_of(ENGLISH)["shared"], **known}
    if page == "service":  # each view has the words of a part, words = texts.PART
        for file in PAGES[page].glob("*.js"):
            text = file.read_text(encoding="utf-8")
            if part := re.search(r"const words = texts\.(\w+);", text):
                assert set(re.findall(r"\bwords\.(\w+)", text)) <= above[part[1]].keys(), file
    used = set(TEXT.findall(code)) | set(re.findall(r'data-\w+="(\w+)"', code))
    assert set(TEXT.findall(code)) <= above.keys() | {"shared"}
    unused = [name for name in known if name not in used and not re.search(rf"\b{name}\b", code)]
    assert unused == []


def test_reasons_are_sentences_in_each_language() -> None:
    told = all_of(Doubt.TYPED, reason(Doubt.SHOULD_BE, "", "total\n1", 7))
    assert sentence(told) == (
        "typed into the PDF's form, not written; blank was read, but total 1 should be 7: "
        "please look"
    )
    assert sentence(told, "de") == (
        "ins PDF-Formular getippt, nicht geschrieben; gelesen wurde leer, aber total 1 müsste 7 "
        "sein: bitte ansehen"
    )
    assert sentence("took over 60 s", "de") == "took over 60 s"
    with pytest.raises(UsageError, match="Choose: de, en"):
        sentence(told, "xx")


@pytest.mark.parametrize("error", ["a\t{x}.png: it is damaged", "{0}", "it has {} pages"])
def test_what_is_no_reason_stays_as_it_is(error: str) -> None:
    assert sentence(error, "de") == error


def test_tables_are_english_unless_a_language_is_given() -> None:
    page = PageReading("a.png", 0)
    messages = [row[-1] for one in ("", "de") for row in field_rows(page, one)]
    assert messages == ["no digit boxes found", "keine Kästchen für Ziffern gefunden"]


def test_a_page_has_all_languages_or_the_one_that_was_chosen() -> None:
    assert page_words("", "report").keys() == set(languages())
    (only,) = page_words("de", "report").values()
    assert only["report"]["save"] == "Speichern [S]"
