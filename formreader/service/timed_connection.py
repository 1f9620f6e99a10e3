"""Connections that end when a client takes too long: uvicorn waits for one for ever.

A few programs that send a byte now and then would otherwise hold all connections of the service.
"""

from __future__ import annotations

import asyncio
import logging

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

MAX_HEAD_SECONDS = 20.0
"""Seconds that a client has for the head of a request, from the connection, or from its first byte
where the connection had requests before. Apache gives 20 to 40 by default."""

MAX_BODY_SECONDS = 90.0
"""Seconds that a client has for a body, besides those for what it has sent. Uploads may be silent
for less: their end comes with an answer that says so."""

MIN_BYTES_PER_SECOND = 500
"""Bytes of a body that give a client another second, as Apache does by default: a bad mobile
network is far quicker."""

MAX_UNREAD_SECONDS = 60.0
"""Seconds in which a client must take some 50 kB of an answer that waits for it."""

_log = logging.getLogger(__name__)

_TIMED_OUT = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class TimedConnection(H11Protocol):
    """HTTP over one connection, with limits in time for what a client sends and takes."""

    _sending: asyncio.TimerHandle | None = None  # runs while a head or a body is awaited
    _taking: asyncio.TimerHandle | None = None  # runs while an answer is not taken
    _in_body = False
    _began = 0.0
    _received = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await(MAX_HEAD_SECONDS, in_body=False)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        state = self.conn.their_state
        if state is h11.SEND_BODY:
            if self._sending is None or not self._in_body:
                self._await(MAX_BODY_SECONDS, in_body=True)
            self._received += len(data)
        elif state is h11.IDLE and (self._sending is not None or self.conn.trailing_data[0]):
            if self._sending is None or self._in_body:
                self._await(MAX_HEAD_SECONDS, in_body=False)
            self._received += len(data)
        else:
            self._stop_waiting()

    def pause_writing(self) -> None:
        """The client takes less than it is given."""
        super().pause_writing()
        self._taking = self.loop.call_later(MAX_UNREAD_SECONDS, self._end_untaken)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._taking is not None:
            self._taking.cancel()
            self._taking = None

    def _await(self, seconds: float, *, in_body: bool) -> None:
        """Begin to wait for a head or a body."""
        self._stop_waiting()
        self._in_body, self._began, self._received = in_body, self.loop.time(), 0
        self._sending = self.loop.call_later(seconds, self._end_if_late)

    def _stop_waiting(self) -> None:
        if self._sending is not None:
            self._sending.cancel()
            self._sending = None

    def _end_untaken(self) -> None:
        """End the connection of a client that does not take its answer."""
        self._tell("does not take its answer")
        self.transport.abort()

    def _tell(self, what: str) -> None:
        _log.warning(
            "%s %s: the connection was ended", self.client[0] if self.client else "?", what
        )

    def _end_if_late(self) -> None:
        """End the connection, unless enough of a body has come, or the service reads none."""
        if self._in_body:
            allowed = MAX_BODY_SECONDS + self._received / MIN_BYTES_PER_SECOND
            left = allowed - (self.loop.time() - self._began)
            if left > 0 or self.flow.read_paused:
                again = max(left, MAX_HEAD_SECONDS)
                self._sending = self.loop.call_later(again, self._end_if_late)
                return
        self._sending = None
        if self._received or self._in_body:  # a browser may connect ahead of its requests
            self._tell("sends too slowly")
            if not self._in_body:
                self.transport.write(_TIMED_OUT)
        self.transport.close()
