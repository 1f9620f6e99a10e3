"""Signals that stop a scan: Ctrl-C, `kill`, and the closing of the terminal."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from formreader.core.errors import ExitCode

if TYPE_CHECKING:
    from types import FrameType

    from formreader.cli.progress import ScanDisplay

_HANGUP = getattr(signal, "SIGHUP", None)
"""The terminal was closed, or the connection to it was lost; Windows has no such signal."""

_STOPS = (signal.SIGINT, signal.SIGTERM)
"""Ctrl-C and `kill`."""

_SECONDS_TO_END = 3.0
"""Time that the program has after the second signal to end by itself. A choice, not measured."""

_MAX_SIGNALS_AT_ONCE = 64
"""Signals that are read at a time; the system sends one byte for each."""

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

    numbers = (*_STOPS, *([_HANGUP] if _HANGUP else []))
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


def end_on_second_signal() -> None:
    """From now on let a second Ctrl-C or SIGTERM end this process, whatever it waits for.

    The first SIGTERM is what Ctrl-C is, in every command: a `KeyboardInterrupt`.

    Python's own handlers run only between two steps of the main thread: not while that waits in a
    library, such as for a network that does not end, and not while Python waits for threads at its
    end. The system tells of signals at once, through a socket that a thread of its own reads.
    """
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    told, tells = socket.socketpair()
    tells.setblocking(False)
    signal.set_wakeup_fd(tells.fileno(), warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(told, tells), daemon=True, name="signals").start()


def _watch(told: socket.socket, _kept_open: socket.socket) -> None:
    """Count signals; end the process some time after the second, if it is still there then."""
    stopping = ending = False
    while not ending:
        for number in told.recv(_MAX_SIGNALS_AT_ONCE):
            ending = ending or (stopping and number in _STOPS)
            stopping = stopping or number in (*_STOPS, _HANGUP)
    time.sleep(_SECONDS_TO_END)
    os.write(2, b"formreader: ended at once, as asked; the same command continues a scan\n")
    os._exit(ExitCode.INTERRUPTED)
