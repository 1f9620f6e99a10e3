"""Keras starts without a word, unless it does not start."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from formreader.core.quiet_keras import held_back

pytestmark = pytest.mark.slow


def test_keras_starts_without_a_word() -> None:
    start = "from formreader.core.quiet_keras import start_keras; start_keras()"
    code = f"{start}; import keras; print('up')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("up\n", "", 0)


def test_what_was_told_is_lost_where_all_went_well(capfd: pytest.CaptureFixture[str]) -> None:
    with held_back():
        os.write(2, b"of no use")
    os.write(2, b"heard again")
    assert capfd.readouterr().err == "heard again"


def test_what_was_told_is_shown_where_it_failed(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ImportError), held_back():
        os.write(2, b"the reason")
        raise ImportError("no backend")
    assert capfd.readouterr().err == "the reason"
