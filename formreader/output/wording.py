"""All words that people read; each language has a file like words.en.json, with the same keys."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any, TypeAlias

from formreader.core.errors import UsageError

Words: TypeAlias = Mapping[str, Any]
"""The content of a file: texts, forms of a text by number (`one`, `other`), and maps of these."""

ENGLISH = "en"
"""The language of tables, and of pages whose reader has none of ours."""

_FOLDER = resources.files("formreader.output").joinpath("web")


@cache
def languages() -> tuple[str, ...]:
    """The languages that there is a file of, by their tags."""
    files = (one.name.split(".") for one in _FOLDER.iterdir())
    return tuple(sorted(parts[1] for parts in files if parts[0] == "words" and len(parts) == 3))


@cache
def words_of(language: str) -> Words:
    """The words of a language; "" is English.

    Raises:
        UsageError: there is no file of it.
    """
    if (language := language or ENGLISH) not in languages():
        raise UsageError(
            f"There are no words in the language {language!r}. Choose: {', '.join(languages())}"
        )
    text = _FOLDER.joinpath(f"words.{language}.json").read_text(encoding="utf-8")
    words: Words = json.loads(text)
    return words


@cache
def page_words(language: str, *parts: str) -> dict[str, Words]:
    """The words that a page needs, by language: all, of which the browser chooses, or one.

    Raises:
        UsageError: there is no file of `language`.
    """
    chosen = [language] if language else languages()
    return {one: {part: words_of(one)[part] for part in ("shared", *parts)} for one in chosen}


def sentence(reasons: str, language: str = "") -> str:
    """The sentences of reasons (`core/doubts.py`), one a line; other texts stay as they are."""
    if not reasons:  # as of most fields
        return ""
    words = words_of(language)
    return "; ".join(_sentence(one, words) for one in reasons.split("\n"))


def _sentence(reason: str, words: Words) -> str:
    doubt, *details = reason.split("\t")
    text: str = words["reasons"].get(doubt, "")
    if not text:
        return reason  # may have tabs and braces of its own, in the name of a file
    return text.format(*(one or words["shared"]["blank"] for one in details)) if details else text
