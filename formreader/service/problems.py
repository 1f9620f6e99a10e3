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

from formreader.core.errors import (
    FormreaderError,
    NoInputError,
    OutputError,
    PageError,
    TemplateError,
    UsageError,
)
from formreader.core.printable import printable_lines
from formreader.service.bodies import Problem

PROBLEM_TYPE = "application/problem+json"

_MAX_SHOWN_ERRORS = 20
"""Values of a body that are told to be wrong: the first ones are enough to mend it."""

_STATUS_OF_ERRORS: Mapping[type[FormreaderError], int] = {
    UsageError: 422,
    NoInputError: 422,
    TemplateError: 422,
    PageError: 422,
    OutputError: 507,
}
"""What the program's own errors are to a client. Others, as of models, are faults of the server."""

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
    return JSONResponse(content, status, dict(headers or {}), media_type=PROBLEM_TYPE)


def status_of(error: FormreaderError) -> int:
    """Return the HTTP status of one of the program's errors."""
    kinds = (status for kind, status in _STATUS_OF_ERRORS.items() if isinstance(error, kind))
    return next(kinds, 500)


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
        return problem_response(422, f"{_first(wrong)}. /docs shows what fits", errors=wrong)

    @app.exception_handler(FormreaderError)
    async def of_program(request: Request, error: FormreaderError) -> Response:
        folder = f"{request.app.state.service.data.path}/"  # of no use to clients
        return problem_response(status_of(error), str(error).replace(folder, ""))

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


def _first(wrong: list[dict[str, Any]]) -> str:
    if not wrong:
        return "The request does not fit"
    return f"{' '.join(wrong[0]['where'])}: {wrong[0]['what']}"
