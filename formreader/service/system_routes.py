"""What is not about jobs: health, metrics, sessions, the page's own files, the documentation."""

from __future__ import annotations

import mimetypes
import time
from importlib import resources
from typing import Annotated, get_args

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from formreader.core.installed import is_installed
from formreader.core.options import Rows
from formreader.core.version import __version__
from formreader.input.file_formats import PAGE_SUFFIXES
from formreader.input.open_page import MAX_PIXELS
from formreader.output.web_page import page_environment, shared_files
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

_FIRST_PAGE = "index.html.j2"


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
    """Give the web page; where it is not installed, the documentation."""
    if _web_file(_FIRST_PAGE) is None:
        return RedirectResponse("/docs")
    page = page_environment("formreader.service").get_template(f"web/{_FIRST_PAGE}")
    words = page_words(service.options.scan.language or "", "service")
    return HTMLResponse(page.render(words=words), headers=_REVALIDATED)


@router.get("/web/{name}", include_in_schema=False)
def get_web_file(name: str) -> Response:
    """Give a file of the web page."""
    return _static("web", name)


@router.get("/docs", include_in_schema=False)
def get_docs() -> Response:
    """Give the documentation of the REST interface."""
    return _static("api_docs", "docs.html")


@router.get("/docs/{name}", include_in_schema=False)
def get_docs_file(name: str) -> Response:
    """Give a file of the documentation."""
    return _static("api_docs", name)


_REVALIDATED = {"cache-control": "no-cache"}
"""A browser asks each time, so that a new version of the program is seen at once."""


def _web_file(name: str, folder: str = "web") -> bytes | None:
    """The content of a file of the package; None where there is none of this name.

    The web page has the files that it shares with the report as well.
    """
    folders = [resources.files("formreader.service").joinpath(folder)]
    if folder == "web":
        folders.append(shared_files())
    entries = {one.name: one for place in folders for one in place.iterdir()}
    found = entries.get(name)  # looked up by name, never opened as a path
    return found.read_bytes() if found is not None and found.is_file() else None


def _static(folder: str, name: str) -> Response:
    content = _web_file(name, folder)
    if content is None:
        raise ProblemError(404, "There is no such file")
    return Response(content, media_type=_media_type(name), headers=_REVALIDATED)


def _media_type(name: str) -> str:
    if name.endswith((".js", ".mjs")):  # systems are configured differently
        return "text/javascript; charset=utf-8"
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return f"{kind}; charset=utf-8" if kind.startswith("text/") else kind
