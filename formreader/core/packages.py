"""Packages that not every installation has, or that are slow to import: RapidOCR, Keras."""

from __future__ import annotations

import importlib.util
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from formreader.core.errors import UsageError


def is_installed(module: str) -> bool:
    """Whether a top-level module can be imported; it is not."""
    try:
        return importlib.util.find_spec(module) is not None
    except ImportError:  # an import hook that refuses it
        return False


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
    """The engine of RapidOCR, a reader of text; its package brings its networks."""
    from rapidocr import RapidOCR

    return RapidOCR(params={"Global.log_level": "critical"})


def rapid_ocr_version() -> str:
    """The version that is installed, such as 3.10.0; its networks may change with it."""
    import importlib.metadata  # slow, and rarely needed

    return importlib.metadata.version("rapidocr")


_STANDARD_ERROR = 2
"""File descriptor."""


def start_keras() -> None:
    """Import Keras and its backend, in about 10 s; if that fails, their messages are shown.

    TensorFlow 2.21 writes some to standard error itself, before its log level takes effect.
    """
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with hidden_stderr():
        import keras

        keras.distribution.list_devices()  # looks for GPUs now, not at the first layer


@contextmanager
def hidden_stderr() -> Iterator[None]:
    """Hide what the process writes to standard error; show it if the block fails."""
    sys.stderr.flush()
    kept = os.dup(_STANDARD_ERROR)
    with tempfile.TemporaryFile() as messages:
        os.dup2(messages.fileno(), _STANDARD_ERROR)
        try:
            yield
        except BaseException:
            messages.seek(0)
            os.write(kept, messages.read())
            raise
        finally:
            os.dup2(kept, _STANDARD_ERROR)
            os.close(kept)
