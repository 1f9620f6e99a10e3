"""Signals that stop a scan: Ctrl-C, `kill`, and the closing of the terminal."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

    from formreader.cli.progress import ScanDisplay

_HANGUP = getattr(signal, "SIGHUP", None)
"""The terminal was closed, or the connection to it was lost; Windows has no such signal."""

_OUTPUTS = (1, 2)
"""File descriptors of the standard output and the standard error."""


@contextmanager
def stop_on_signal(display: ScanDisplay) -> Iterator[None]:
    """Let Ctrl-C, SIGTERM and SIGHUP stop a scan after the pages that have been begun.

    A second Ctrl-C or SIGTERM ends it at once. A second SIGHUP does not: the shell and the system
    may both send one. Signals that the program was started to ignore, as by `nohup`, stay ignored.
    """
    terminals = [output for output in _OUTPUTS if os.isatty(output)]

    def request_stop(number: int, frame: FrameType | None) -> None:
        if number == _HANGUP:
            _redirect_to_nowhere(terminals)
        elif display.stop_asked:
            raise KeyboardInterrupt
        display.stop_asked = True
        # Not `print`: the handler may have interrupted one, and it must not be entered twice.
        os.write(
            2, b"\nformreader: stopping; pages read so far are saved. Ctrl-C again stops at once\n"
        )

    numbers = (signal.SIGINT, signal.SIGTERM, *([_HANGUP] if _HANGUP else []))
    handled = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, request_stop) for number in handled}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _redirect_to_nowhere(terminals: list[int]) -> None:
    """Discard what is written to closed terminals: writing to them would be an error."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for output in terminals:
        os.dup2(nowhere, output)
    os.close(nowhere)
