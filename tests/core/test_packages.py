"""Keras starts without messages, unless it fails to start."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from formreader.core.packages import hidden_stderr

pytestmark = pytest.mark.slow


def test_keras_starts_without_messages() -> None:
    start = "from formreader.core.packages import start_keras; start_keras()"
    code = f"{start}; import keras; print('up')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("up\n", "", 0)


def test_messages_are_hidden_where_the_block_succeeds(capfd: pytest.CaptureFixture[str]) -> None:
    with hidden_stderr():
        os.write(2, b"hidden")
    os.write(2, b"shown")
    assert capfd.readouterr().err == "shown"


def test_messages_are_shown_where_the_block_fails(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ImportError), hidden_stderr():
        os.write(2, b"the reason")
        raise ImportError("no backend")
    assert capfd.readouterr().err == "the reason"
