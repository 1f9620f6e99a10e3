"""What is not about jobs: health, metrics, sessions, the page's own files, the documentation."""

from __future__ import annotations

import mimetypes
import time
from typing import Annotated, Any, get_args

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, Response
from fastapi.staticfiles import StaticFiles

from formreader.core.installed import is_installed
from formreader.core.options import Rows
from formreader.core.version import __version__
from formreader.input.file_formats import PAGE_SUFFIXES
from formreader.input.open_page import MAX_PIXELS
from formreader.output.web_page import page_environment
from formreader.output.wording import page_words
from formreader.service import bodies
from formreader.service.access import COOKIE, SESSION_SECONDS
from formreader.service.file_names import ZIP_SUFFIX
from formreader.service.job_results_export import FORMATS
from formreader.service.problems import ProblemError
from formreader.service.request_bodies import json_body, json_schema
from formreader.service.service_state import Service, service_of

router = APIRouter(tags=["service"])

Shared = Annotated[Service, Depends(service_of)]

_MAX_TOKEN_BYTES = 2**13
"""Bytes of the body that signs in, which anybody may send: a token has up to 1,000 characters."""

_REVALIDATED = {"cache-control": "no-cache"}
"""A browser asks each time, so that a new version of the program is seen at once."""


@router.get("/health")
def get_health(service: Shared) -> bodies.Health:
    """Tell that the service answers."""
    queued, running = service.queue.counts()
    return bodies.Health(
        status="stopping" if service.stopping.is_set() else "ok",
        version=__version__,
        model=service.warm.cards.digits.name,
        seconds_up=round(time.monotonic() - service.started, 1),
        workers=service.options.scan.workers,
        queued=queued,
        running=running,
    )


@router.get("/metrics", response_class=PlainTextResponse)
def get_metrics(service: Shared) -> PlainTextResponse:
    """Give figures for Prometheus."""
    text = service.metrics.text(service.gauges())
    return PlainTextResponse(text, media_type="text/plain; version=0.0.4; charset=utf-8")


@router.get("/api/v1/about")
def get_about(service: Shared) -> bodies.About:
    """Tell versions, defaults and limits."""
    scan = service.options.scan
    card = service.warm.cards.digits
    return bodies.About(
        version=__version__,
        model=f"{card.name} {card.version}",
        review_below=scan.review_below,
        suffixes=[*sorted(PAGE_SUFFIXES), ZIP_SUFFIX],
        default_template=service.shelf.default,
        max_upload_bytes=service.max_upload,
        max_pages=scan.max_pages,
        max_pixels=MAX_PIXELS,
        keep_days=service.options.keep_days,
        formats=[one for one in FORMATS if one != "xlsx" or is_installed("xlsxwriter")],
        rows=list(get_args(Rows)),
    )


@router.get("/api/v1/session")
def get_session(request: Request, service: Shared) -> bodies.Session:
    """Tell whether a token is needed, and whether this client has given it."""
    access = service.access
    known = access.has_token(request.headers) or access.sessions.has(request.headers)
    needed = access.token is not None
    return bodies.Session(token_needed=needed, signed_in=known or not needed)


@router.post("/api/v1/session", status_code=204, openapi_extra=json_schema(bodies.Token))
def post_session(
    given: Annotated[bodies.Token, Depends(json_body(bodies.Token, _MAX_TOKEN_BYTES))],
    request: Request,
    service: Shared,
) -> Response:
    """Sign a browser in: it gets a cookie that scripts cannot read and other sites do not send."""
    if service.access.token is None:
        return Response(status_code=204)
    if not service.access.is_token(given.token.strip()):
        service.metrics.add("refused_total", 1, 'reason="token"')
        raise ProblemError(401, "This is not the token", {"www-authenticate": "Bearer"})
    response = Response(status_code=204)
    response.set_cookie(
        COOKIE,
        service.access.sessions.begin(),
        max_age=SESSION_SECONDS,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return response


@router.delete("/api/v1/session", status_code=204)
def delete_session(request: Request, service: Shared) -> Response:
    """Sign a browser out; its cookie holds no longer."""
    service.access.sessions.end(request.headers)
    response = Response(status_code=204)
    response.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return response


@router.get("/", include_in_schema=False)
def get_first_page(service: Shared) -> Response:
    """Give the web page."""
    page = page_environment("formreader.service").get_template("web/index.html.j2")
    words = page_words(service.options.scan.language or "", "service")
    return HTMLResponse(page.render(words=words), headers=_REVALIDATED)


@router.get("/docs", include_in_schema=False)
async def get_docs(request: Request) -> Response:
    """Give the documentation of the REST interface."""
    return await DOCS_FILES.get_response("docs.html", request.scope)


class _PageFiles(StaticFiles):
    """Files of the package."""

    def file_response(self, *args: Any, **options: Any) -> Response:
        response = super().file_response(*args, **options)
        response.headers.update(_REVALIDATED)
        return response


mimetypes.add_type("text/javascript", ".js")  # systems are configured differently
WEB_FILES = _PageFiles(packages=[("formreader.service", "web"), ("formreader.output", "web")])
DOCS_FILES = _PageFiles(packages=[("formreader.service", "api_docs")])
