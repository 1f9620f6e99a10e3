"""Runs the service until it is asked to stop: its routes, its access rules, its schema."""

from __future__ import annotations

import logging
import signal
import socket
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

import psutil
import uvicorn
from fastapi import FastAPI

from formreader.core.errors import UsageError
from formreader.core.options import ServeOptions
from formreader.core.version import __version__
from formreader.service import (
    bodies,
    job_routes,
    page_routes,
    read_routes,
    system_routes,
    template_routes,
)
from formreader.service.access import AccessGuard, is_loopback, is_readable_by_others
from formreader.service.problems import PROBLEM_TYPE, add_problem_handlers
from formreader.service.service_state import Service
from formreader.service.timed_connection import TimedConnection
from formreader.service.watched_folder import WatchedFolder

_MAX_WAIT_FOR_REQUESTS = 10
"""Seconds that requests have to end once the service stops."""

_MAX_CONNECTIONS = 2000
"""Connections at a time; more are answered with 503. A choice."""

_ABOUT = (
    "Reads handwritten digits in the boxes of scanned forms. Uploads become jobs, which are read "
    "as `formreader scan` reads them."
)

_PROBLEM: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "What was wrong, and what to do about it",
        "content": {PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
}
"""The answer to all that goes wrong."""


class _Server(uvicorn.Server):
    """A server that tells the service when it is asked to stop, so that event streams end."""

    def __init__(self, config: uvicorn.Config, service: Service, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._service = service
        self._ready = ready

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop gently, at a second Ctrl-C at once; the signal is not raised again afterwards."""
        self._service.stopping.set()
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()


def serve(options: ServeOptions, say: Callable[[str], None]) -> None:
    """Run the service until Ctrl-C or SIGTERM; `say` tells the user what happens.

    Raises:
        FormreaderError: the service cannot start.
    """
    listening = _listen(options.host, options.port)
    try:
        service = Service.start(options)
    except BaseException:
        listening.close()
        raise
    watched: WatchedFolder | None = None
    try:
        if options.watch is not None:
            watched = WatchedFolder(
                service, options.watch, move=options.watch_move, jobs=options.watch_jobs
            )
            watched.start()
        config = uvicorn.Config(
            make_application(service),
            http=TimedConnection,
            log_level=logging.WARNING,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # whoever calls could choose an address, and so a queue of its own
            limit_concurrency=_MAX_CONNECTIONS,
            timeout_graceful_shutdown=_MAX_WAIT_FOR_REQUESTS,
            lifespan="off",
        )
        address = _address(options.host, listening.getsockname()[1])

        def ready() -> None:
            _tell(service, address, say)

        _Server(config, service, ready).run([listening])
        say("stopping; jobs that are not done are gone on with by the next start")
    finally:
        service.stopping.set()
        if watched is not None:
            watched.join()
        service.stop()
        listening.close()


def _tell(service: Service, address: str, say: Callable[[str], None]) -> None:
    queued, running = service.queue.counts()
    say(f"jobs are kept in {service.data.path}, {_kept(service.options.keep_days)}")
    if service.options.watch is not None:
        say(f"reading what comes into {service.options.watch}")
    if queued + running:
        say(f"going on with {queued + running} jobs of the last run")
    token_file = service.options.token_file
    if token_file is not None:
        say(f"clients must give the token in {token_file}")
        if is_readable_by_others(token_file):
            say(f"other users of this machine can read {token_file}: chmod 600 {token_file}")
    if not is_loopback(service.options.host):
        say("the token and the pages travel unencrypted: put a proxy with TLS in front of it")
    seconds = time.time() - psutil.Process().create_time()
    say(f"ready after {seconds:.1f} s: http://{address}/ (Ctrl-C stops it)")


def _kept(days: float) -> str:
    return f"for {days:g} days" if days else "until they are deleted"


def _address(host: str, port: int) -> str:
    name = f"[{host}]" if ":" in host.strip("[]") else host
    return f"{name}:{port}"


def _listen(host: str, port: int) -> socket.socket:
    """Open the port before anything that takes long; UsageError if it is taken or not ours."""
    host = host.strip("[]")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        opened = socket.socket(family, kind, protocol)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(address)
    except OSError as error:
        raise UsageError(
            f"--host {host} --port {port}: cannot be used ({error.strerror or error}). Choose "
            "another --port, or end the program that has it"
        ) from error
    return opened


def make_application(service: Service) -> FastAPI:
    """Return the application of a service."""
    app = FastAPI(
        title="formreader",
        version=__version__,
        description=_ABOUT,
        docs_url=None,  # FastAPI's own page loads its scripts from another host
        redoc_url=None,
        redirect_slashes=False,
        responses=_PROBLEM,
    )
    app.state.service = service
    add_problem_handlers(app)
    for routes in (
        job_routes, page_routes, read_routes, template_routes, system_routes,
    ):  # fmt: skip
        app.include_router(routes.router)
    app.mount("/web", system_routes.WEB_FILES)
    app.mount("/docs", system_routes.DOCS_FILES)
    _complete_schema(app)
    app.add_middleware(AccessGuard, access=service.access, metrics=service.metrics)
    return app


def _complete_schema(app: FastAPI) -> None:
    """Add to the schema the bodies that no route declares by its type."""
    original = app.openapi

    def schema() -> dict[str, Any]:
        made = original()
        known = made.setdefault("components", {}).setdefault("schemas", {})
        for body in (
            bodies.Problem,
            bodies.Crops,
            bodies.Token,
            bodies.AnswerChanges,
            bodies.JobChanges,
        ):
            known.setdefault(body.__name__, body.model_json_schema())
        return made

    app.openapi = schema  # type: ignore[method-assign]
