r"""File names as text that any output can hold: one line, valid UTF-8, nothing that acts.

Written as `\x0d`, `\u202e`, `\xff` and so on are control characters, characters that reverse the
direction of text, and bytes or surrogates that are no text.
"""

from __future__ import annotations

import re

_UNPRINTABLE = re.compile(
    "[\0-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
"""Control characters (Unicode's category Cc), line and paragraph separators, the controls of
direction (Unicode Standard Annex 9), the byte order mark, surrogates."""

_LOOKS_ESCAPED = re.compile(r"\\(?=[xu])")
"""A backslash that could be taken for one of ours."""


def printable(text: str) -> str:
    """Return `text` with an escape for each character that must not reach an output."""
    return _UNPRINTABLE.sub(_escaped, text)


def printable_name(path: str) -> str:
    r"""Return a path as printable text: other text for each other path.

    A backslash in the path that looks like the beginning of an escape is written as `\x5c`.
    """
    return printable(_LOOKS_ESCAPED.sub(r"\\x5c", path))


def printable_lines(text: str) -> str:
    """Return `text` as `printable`, but with its line breaks."""
    return "\n".join(map(printable, text.split("\n")))


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is no UTF-8 (PEP 383)
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}"
