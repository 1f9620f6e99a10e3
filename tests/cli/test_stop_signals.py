"""A second signal ends the program whatever it waits for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import onnx
import pytest

import formreader
from formreader.core.errors import ExitCode

PROGRAM = """
import sys, threading
import numpy as np
import onnxruntime
from formreader.cli import stop_signals
from formreader.cli.main import main

stop_signals._SECONDS_TO_END = 0.2
session = onnxruntime.InferenceSession(sys.argv.pop(), providers=["CPUExecutionProvider"])
crops = {"crops": np.zeros((1, 28, 28), np.uint8)}

@main.command("hang")
def hang(quiet):
    # Python waits for this thread at its end.
    threading.Thread(target=session.run, args=(None, crops)).start()
    print("begun", flush=True)
    session.run(None, crops)

main()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
def test_a_second_signal_ends_a_program_that_waits_in_a_library(
    tmp_path: Path, endless: onnx.ModelProto
) -> None:
    onnx.save(endless, tmp_path / "endless.onnx")
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "hang", tmp_path / "endless.onnx"],
        env=os.environ | {"PYTHONPATH": str(Path(formreader.__file__).parents[1])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as program:
        assert program.stdout is not None and program.stderr is not None
        try:
            assert program.stdout.readline() == "begun\n"
            time.sleep(0.5)  # until the main thread, too, waits in the library
            program.send_signal(signal.SIGINT)
            with pytest.raises(subprocess.TimeoutExpired):  # it cannot end by itself
                program.wait(0.5)
            program.send_signal(signal.SIGINT)
            assert program.wait(20) == ExitCode.INTERRUPTED
            assert "ended at once" in program.stderr.read()
        finally:
            program.kill()


INTERRUPTED = """
import signal, sys
from formreader.cli import error_handling
from formreader.cli.main import main

@main.command("wait")
def wait(quiet):
    if "before" not in sys.argv:
        signal.raise_signal(getattr(signal, sys.argv[2]))

main.commands["wait"].allow_extra_args = True
main.commands["wait"].ignore_unknown_options = True
moment = sys.argv[-1]
told = error_handling.print_message

def tell(text):
    if moment == "message":
        error_handling.print_message = told
        signal.raise_signal(getattr(signal, sys.argv[2]))
    told(text)

def parse(ctx, args):
    signal.raise_signal(getattr(signal, sys.argv[2]))

error_handling.print_message = tell
if moment == "before":
    main.parse_args = parse
main()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("moment", ["before", "command", "message"])
def test_an_interruption_has_its_exit_code_at_any_moment(number: str, moment: str) -> None:
    """Before the command has begun, in one that knows no signals, and while it is being told."""
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, "wait", number, moment],
        env=os.environ | {"PYTHONPATH": str(Path(formreader.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == ExitCode.INTERRUPTED, done.stderr
    assert "Traceback" not in done.stderr
