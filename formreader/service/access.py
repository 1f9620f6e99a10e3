"""Who may call the service: by its own names only, with the token, and no pages of other sites."""

from __future__ import annotations

import hmac
import ipaddress
import os
import secrets
import threading
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from formreader.core.errors import UsageError
from formreader.service.problems import problem_response
from formreader.service.service_metrics import Metrics

COOKIE = "formreader_session"
"""The cookie of a browser that has given the token."""

SESSION_SECONDS = 12 * 3600
"""Seconds that a browser stays signed in: a working day."""

_COOKIE_BYTES = 32
"""Random bytes of a cookie: beyond guessing."""

_MAX_SESSIONS = 1000
"""Browsers that are signed in at a time; one more signs out the one that came first."""

_MIN_TOKEN = 16
"""Characters of a token: 16 of a random text are beyond guessing."""

_SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))

_OPEN_PATHS = ("/", "/health", "/openapi.json", "/docs", "/api/v1/session", "/favicon.ico")
_OPEN_FOLDERS = ("/docs/", "/web/")
"""What needs no token: it shows nothing of the jobs, and a browser needs it to sign in."""

_PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; font-src 'self'; manifest-src 'self'; frame-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)

REPORT_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data: blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
"""For the report, whose own policy in its head allows its one script and style by their hashes.
A browser keeps both policies. The service's page shows the report in a frame, and a large one
loads its parts."""

EDITOR_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data: blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
"""For the editor of a form, which has its own policy in its head as the report has."""

_HEADERS = {
    "content-security-policy": _PAGE_POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(self), microphone=(), geolocation=()",
    "cache-control": "no-store",
}
"""Headers of all responses that do not set them themselves."""


class Sessions:
    """The browsers that are signed in, each known by a secret in its cookie.

    They are kept in memory only. So a cookie ends with the sign-out, at the latest with the
    service.
    """

    def __init__(self) -> None:
        self._ends = dict[str, float]()  # by the cookie's value, the oldest first
        self._lock = threading.Lock()

    def begin(self) -> str:
        """Sign a browser in; return the value of its cookie."""
        value = secrets.token_urlsafe(_COOKIE_BYTES)
        with self._lock:
            while len(self._ends) >= _MAX_SESSIONS:
                del self._ends[next(iter(self._ends))]
            self._ends[value] = time.monotonic() + SESSION_SECONDS
        return value

    def end(self, headers: Headers) -> None:
        """Sign the browser of a request out."""
        with self._lock:
            self._ends.pop(_cookie(headers), None)

    def has(self, headers: Headers) -> bool:
        """Whether the browser of a request is signed in."""
        with self._lock:
            return self._ends.get(_cookie(headers), 0.0) > time.monotonic()


@dataclass(frozen=True, slots=True)
class Access:
    """Who may call.

    `names`: hosts that a request may be for. `any_address`: so is any IP address, as the service
    listens on all of the machine's. `token`: what a request must give, None for nothing.
    """

    names: frozenset[str]
    any_address: bool
    token: str | None
    sessions: Sessions = field(default_factory=Sessions, compare=False)

    @classmethod
    def of(cls, host: str, names: Iterable[str], token_file: Path | None) -> Access:
        """Return the access of a service on the address `host`.

        Raises:
            UsageError: other machines can reach the address and there is no token, or it is short.
        """
        local = is_loopback(host)
        if token_file is None and not local:
            raise UsageError(
                f"--host {host}: other machines can reach this address, so the service needs a "
                "secret that its users give. Write one into a file, for instance with\n  python3 "
                '-c "import secrets; print(secrets.token_urlsafe())" > token.txt\nand give it with '
                "--token-file token.txt"
            )
        token = None if token_file is None else read_token(token_file)
        own = {"127.0.0.1", "::1"} if local else {host.strip("[]").lower()}
        return cls(
            frozenset(own | {"localhost"} | {name.strip("[]").lower() for name in names}),
            any_address=host.strip("[]") in ("0.0.0.0", "::", ""),
            token=token,
        )

    def is_known_host(self, header: str) -> bool:
        """Whether a `Host` header names this service: any site's name may lead to its address."""
        host = _host_of(header)
        return host in self.names or (self.any_address and _address_of(host) is not None)

    def has_token(self, headers: Headers) -> bool:
        """Whether a request's `Authorization` has the token; compared in constant time."""
        kind, _, given = headers.get("authorization", "").partition(" ")
        return kind.lower() == "bearer" and self.is_token(given.strip())

    def is_token(self, given: str) -> bool:
        """Whether a text is the token."""
        wanted = self.token or ""
        return hmac.compare_digest(given.encode(), wanted.encode()) and self.token is not None


class AccessGuard:
    """Lets requests through to `app` that may call, and adds the headers that protect browsers."""

    def __init__(self, app: ASGIApp, access: Access, metrics: Metrics) -> None:
        self._app = app
        self._access = access
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_protected(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._metrics.add("requests_total", 1, f'status="{message["status"]}"')
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        headers = Headers(scope=scope)
        refusal = self._refusal(scope["method"], scope["path"], headers)
        if refusal is None:
            await self._app(scope, receive, send_protected)
            return
        status, reason, detail = refusal
        self._metrics.add("refused_total", 1, f'reason="{reason}"')
        extra = {"www-authenticate": "Bearer"} if status == 401 else {}
        if headers.get("content-length", "0") != "0" or "transfer-encoding" in headers:
            extra["connection"] = "close"  # the body is not read
        await problem_response(status, detail, extra)(scope, receive, send_protected)

    def _refusal(self, method: str, path: str, headers: Headers) -> tuple[int, str, str] | None:
        """Return the status, the reason and what to do; None for a request that may call."""
        access = self._access
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not access.is_known_host(hosts[0]):
            return 421, "host", _WRONG_HOST
        by_token = access.has_token(headers)
        if method not in _SAFE_METHODS and not by_token and not _is_same_origin(headers, hosts[0]):
            return 403, "origin", _WRONG_ORIGIN
        is_open = path in _OPEN_PATHS or path.startswith(_OPEN_FOLDERS)
        if access.token is None or by_token or is_open or access.sessions.has(headers):
            return None
        return 401, "token", _NO_TOKEN


_WRONG_HOST = (
    "The service does not go by this name. Start it with --allow-host NAME for each name that it "
    "is called by"
)
_WRONG_ORIGIN = (
    "Another site's page may not change anything here. Use the service's own page, or a program "
    "that sends no Origin header"
)
_NO_TOKEN = (
    "Give the content of the token file: Authorization: Bearer TOKEN. In a browser, sign in on the "
    "first page"
)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    address = _address_of(host.strip("[]"))
    return host == "localhost" or (address is not None and address.is_loopback)


def read_token(path: Path) -> str:
    """Return the token in a file, without spaces and line breaks around it.

    Raises:
        UsageError: the file cannot be read, or the token is too short or no plain text.
    """
    try:
        token = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeError) as error:
        raise UsageError(f"--token-file {path}: cannot be read ({error})") from error
    if len(token) < _MIN_TOKEN or not token.isascii() or not token.isprintable() or " " in token:
        raise UsageError(
            f"--token-file {path}: the token must have at least {_MIN_TOKEN} plain characters "
            "without blanks"
        )
    return token


def is_readable_by_others(path: Path) -> bool:
    """Whether other users of the machine may read a file."""
    return os.name == "posix" and bool(path.stat().st_mode & 0o077)


def _is_same_origin(headers: Mapping[str, str], host: str) -> bool:
    """Whether a request comes from the service's own page, or from no page at all.

    Browsers send `Origin` with every request of a page that changes something, and most also
    `Sec-Fetch-Site`; programs send neither.
    """
    site = headers.get("sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    with suppress(ValueError):
        return origin is None or urlsplit(origin).netloc.lower() == host.lower()
    return False


def _cookie(headers: Headers) -> str:
    """The value of a request's cookie; "" where it has none."""
    return cookie_parser(headers.get("cookie", "")).get(COOKIE, "")


def _host_of(header: str) -> str:
    """The name or address in a `Host` header, without its port."""
    with suppress(ValueError):
        return (urlsplit(f"//{header}").hostname or "").rstrip(".")
    return ""


def _address_of(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    with suppress(ValueError):
        return ipaddress.ip_address(host)
    return None
