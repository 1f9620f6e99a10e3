"""What asks a scan to stop: Ctrl-C, `kill`, and a terminal that is closed."""

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
"""The terminal is gone, or the connection to it; Windows has no such signal."""

_OUTPUTS = (1, 2)
"""File descriptors of the standard output and the standard error."""


@contextmanager
def stop_on_signal(display: ScanDisplay) -> Iterator[None]:
    """Lets Ctrl-C, SIGTERM and SIGHUP end a scan after what is under way.

    A second Ctrl-C or SIGTERM ends it at once; shells and the system may both tell of a
    terminal's end. What the program was started to ignore, as by `nohup`, it ignores.
    """
    terminals = [output for output in _OUTPUTS if os.isatty(output)]

    def ask(number: int, frame: FrameType | None) -> None:
        if number == _HANGUP:
            _let_go(terminals)
        elif display.stop_asked:
            raise KeyboardInterrupt
        display.stop_asked = True
        # A handler may interrupt a print, which then must not be entered again.
        os.write(2, b"\nformreader: stopping; what is done will be saved. Once more ends at once\n")

    numbers = (signal.SIGINT, signal.SIGTERM, *([_HANGUP] if _HANGUP else []))
    heard = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, ask) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _let_go(terminals: list[int]) -> None:
    """Lead outputs nowhere: to write to a terminal that is gone is an error."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for output in terminals:
        os.dup2(nowhere, output)
    os.close(nowhere)
