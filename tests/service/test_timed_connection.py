"""Connections of clients that are slow on purpose end, those of clients that are just slow do not.

A clock that the test moves stands for time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any

import h11
import pytest
import uvicorn
from starlette.responses import PlainTextResponse
from uvicorn.server import ServerState

from formreader.service.timed_connection import (
    MAX_BODY_SECONDS,
    MAX_HEAD_SECONDS,
    MAX_UNREAD_SECONDS,
    MIN_BYTES_PER_SECOND,
    TimedConnection,
)

HEAD = b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100000\r\n\r\n"


class Timer:
    def __init__(self, at: float, call: Callable[[], object]) -> None:
        self.at, self.call, self.cancelled = at, call, False

    def cancel(self) -> None:
        self.cancelled = True


class Clock:
    """The part of an event loop that a connection uses, with a time that `pass_time` moves."""

    def __init__(self) -> None:
        self.now, self.timers = 0.0, list[Timer]()

    def time(self) -> float:
        return self.now

    def call_later(self, seconds: float, call: Callable[[], object]) -> Timer:
        self.timers.append(Timer(self.now + seconds, call))
        return self.timers[-1]

    def create_task(self, work: Coroutine[Any, Any, None], **_: object) -> Future[None]:
        work.close()  # what the application does is not the matter here
        return Future()

    def pass_time(self, seconds: float) -> None:
        ends = self.now + seconds
        while due := [one for one in self.timers if not one.cancelled and one.at <= ends]:
            first = min(due, key=lambda one: one.at)
            self.timers.remove(first)
            self.now = first.at
            first.call()
        self.now = ends


class Socket(asyncio.Transport):
    """The other end of a connection: what was written, and whether it was closed."""

    def __init__(self) -> None:
        super().__init__()
        self.written, self.closed = b"", False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


Connected = tuple[TimedConnection, Socket, Clock]


@pytest.fixture
def connected() -> Connected:
    config = uvicorn.Config(PlainTextResponse("x"), http=TimedConnection, lifespan="off")
    config.load()
    clock, socket = Clock(), Socket()
    loop: Any = clock
    connection = TimedConnection(config, ServerState(), {}, loop)
    connection.connection_made(socket)
    return connection, socket, clock


def test_a_connection_without_a_request_ends(
    connected: Connected, caplog: pytest.LogCaptureFixture
) -> None:
    _, socket, clock = connected
    clock.pass_time(MAX_HEAD_SECONDS - 1)
    assert not socket.closed
    clock.pass_time(1)
    assert (socket.closed, socket.written) == (True, b"")
    assert not caplog.records, "a browser that connects ahead is refused nothing"


def test_a_head_that_trickles_in_gets_408(
    connected: Connected, caplog: pytest.LogCaptureFixture
) -> None:
    connection, socket, clock = connected
    for i in range(int(MAX_HEAD_SECONDS)):
        connection.data_received(HEAD[i : i + 1])
        clock.pass_time(1)
    assert socket.closed and socket.written.startswith(b"HTTP/1.1 408 ")
    assert [one.getMessage() for one in caplog.records] == [
        "? sends too slowly: the connection was ended"
    ]


def test_a_body_that_trickles_in_ends_the_connection(connected: Connected) -> None:
    connection, socket, clock = connected
    connection.data_received(HEAD)
    seconds = 0
    while not socket.closed:
        connection.data_received(b"x")
        clock.pass_time(1)
        seconds += 1
    assert MAX_BODY_SECONDS <= seconds <= MAX_BODY_SECONDS + MAX_HEAD_SECONDS + 1


def test_a_slow_upload_may_last(connected: Connected) -> None:
    connection, socket, clock = connected
    connection.data_received(HEAD)
    for _ in range(100_000 // (2 * MIN_BYTES_PER_SECOND)):
        connection.data_received(b"x" * 2 * MIN_BYTES_PER_SECOND)
        clock.pass_time(2)
    assert not socket.closed
    clock.pass_time(10 * MAX_BODY_SECONDS)  # all of it has come: now it is the service's turn
    assert not socket.closed


def test_a_service_that_does_not_read_on_blames_no_client(connected: Connected) -> None:
    connection, socket, clock = connected
    connection.data_received(HEAD + b"x" * 70_000)
    assert connection.flow.read_paused
    clock.pass_time(20 * MAX_BODY_SECONDS)
    assert not socket.closed


def test_an_answer_that_nobody_takes_ends_the_connection(
    connected: Connected, caplog: pytest.LogCaptureFixture
) -> None:
    connection, socket, clock = connected
    connection.data_received(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")
    for _ in range(5):  # it is slow, but takes it
        connection.pause_writing()
        clock.pass_time(MAX_UNREAD_SECONDS - 1)
        connection.resume_writing()
    assert not socket.closed
    connection.pause_writing()
    clock.pass_time(MAX_UNREAD_SECONDS)
    assert socket.closed and "does not take its answer" in caplog.text


def test_the_next_request_of_a_connection_is_timed_as_well(connected: Connected) -> None:
    connection, socket, clock = connected
    connection.data_received(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")
    clock.pass_time(10 * MAX_HEAD_SECONDS)  # an answer may take its time
    assert not socket.closed
    connection.conn.send(h11.Response(status_code=204, headers=[]))
    connection.conn.send(h11.EndOfMessage())
    connection.on_response_complete()
    connection.data_received(b"G")
    clock.pass_time(MAX_HEAD_SECONDS)
    assert socket.closed and socket.written.endswith(b"content-length: 0\r\n\r\n")
