"""RapidOCR, a reader of text made by others: an extra that only some options need."""

from __future__ import annotations

from typing import Any

from formreader.core.errors import UsageError
from formreader.core.installed import is_installed


def check_rapid_ocr(option: str, instead: str = "") -> None:
    """Check that RapidOCR can be used.

    Raises:
        UsageError: it is not installed; `option` needs it, and `instead` is another way.
    """
    if not is_installed("rapidocr"):
        raise UsageError(
            f"{option} needs one more package: pip install 'formreader[labels]'"
            f"{instead and f'; or {instead}'}"
        )


def rapid_ocr() -> Any:
    """RapidOCR's engine. Its package brings its networks; nothing is loaded from a network."""
    from rapidocr import RapidOCR

    return RapidOCR(params={"Global.log_level": "critical"})


def rapid_ocr_version() -> str:
    """The version that is installed, such as 3.10.0; its networks may change with it."""
    import importlib.metadata  # slow, and rarely needed

    return importlib.metadata.version("rapidocr")
