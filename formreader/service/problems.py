"""Errors as problem documents (RFC 9457): what was wrong, and what to do about it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from formreader.core.errors import (
    FormreaderError,
    NoInputError,
    OutputError,
    PageError,
    TemplateError,
    UsageError,
    is_disk_full,
)
from formreader.core.printable import printable, printable_lines
from formreader.service.bodies import Problem

PROBLEM_TYPE = "application/problem+json"

_MAX_SHOWN_ERRORS = 20
"""Values of a body that are told to be wrong: the first ones are enough to mend it."""

_FAULTS_OF_CLIENTS = (UsageError, NoInputError, TemplateError, PageError)
"""The program's errors that a client can mend. Others, as of models, are faults of the server."""

DISK_FULL = "The disk of the service is full. Delete jobs or free some space"

_log = logging.getLogger(__name__)


class ProblemError(HTTPException):
    """Ends a request with a problem document; `detail` says what to do."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, detail, dict(headers or {}))


def problem_response(
    status: int,
    detail: str,
    headers: Mapping[str, str] | None = None,
    errors: list[dict[str, Any]] | None = None,
) -> Response:
    """Return the response with a problem document."""
    problem = Problem(
        type="about:blank",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=printable_lines(detail),
        errors=errors,
    )
    content = problem.model_dump(exclude_none=True)
    return _ProblemResponse(content, status, dict(headers or {}), PROBLEM_TYPE)


class _ProblemResponse(JSONResponse):
    """A problem document, which leaves a line in the log: who called what, and what is wrong."""

    def __init__(
        self, problem: dict[str, Any], status: int, headers: dict[str, str], kind: str
    ) -> None:
        super().__init__(problem, status, headers, kind)
        self._detail = problem["detail"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = scope["client"][0] if scope["client"] else "?"
        what = printable(f"{client} {scope['method']} {scope['path']}")
        _log.warning("%s %d: %s", what, self.status_code, self._detail.replace("\n", "; "))
        await super().__call__(scope, receive, send)


def add_problem_handlers(app: FastAPI) -> None:
    """Let all errors of `app` end as problem documents."""

    @app.exception_handler(HTTPException)
    async def of_http(request: Request, error: HTTPException) -> Response:
        return problem_response(error.status_code, _told(error, request), error.headers)

    @app.exception_handler(RequestValidationError)
    async def of_validation(request: Request, error: RequestValidationError) -> Response:
        wrong = [
            {"where": [str(part) for part in one["loc"]], "what": one["msg"]}
            for one in error.errors()[:_MAX_SHOWN_ERRORS]
        ]
        first = [f"{' '.join(one['where'])}: {one['what']}" for one in wrong[:1]]
        told = "".join(first) or "The request does not fit"
        return problem_response(422, f"{told}. /docs shows what fits", errors=wrong)

    @app.exception_handler(FormreaderError)
    async def of_program(request: Request, error: FormreaderError) -> Response:
        folder = f"{request.app.state.service.data.path}/"  # of no use to clients
        full = error.__cause__ is not None and is_disk_full(error.__cause__)
        detail = DISK_FULL if full else str(error).replace(folder, "")
        status = 422 if isinstance(error, _FAULTS_OF_CLIENTS) else 500
        return problem_response(507 if isinstance(error, OutputError) else status, detail)

    @app.exception_handler(OSError)
    async def of_system(request: Request, error: OSError) -> Response:
        if not is_disk_full(error):
            raise error
        return problem_response(507, DISK_FULL)

    @app.exception_handler(Exception)
    async def of_bug(request: Request, error: Exception) -> Response:
        return problem_response(
            500, f"A bug: {type(error).__name__}. The service's log has more. Please report it"
        )


def _told(error: HTTPException, request: Request) -> str:
    """What is wrong; the framework's own errors say no more than their title."""
    if error.status_code == 404 and not isinstance(error, ProblemError):
        return f"There is nothing at {request.url.path}. /docs lists what there is"
    if error.status_code == 405:
        return f"{request.method} is not possible at {request.url.path}. /docs lists what is"
    return str(error.detail)
