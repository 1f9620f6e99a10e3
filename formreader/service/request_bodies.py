"""Takes the bodies of requests as they come, each with a limit of its own.

No route lets the framework read its body: that takes all of it into memory before it looks at it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from formreader.service.problems import ProblemError

_MAX_SILENCE = 60.0
"""Seconds without a byte after which an upload ends, as it holds a place."""

_JSON = "application/json"

FILE_SCHEMA = {"type": "string", "format": "binary"}
"""A file in OpenAPI's words."""

_Model = TypeVar("_Model", bound=BaseModel)


def body_schema(content: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """A body of an operation, for FastAPI's `openapi_extra`: bodies are taken piece by piece.

    Args:
        content: The schema of each content type that the operation takes.
    """
    return {
        "requestBody": {
            "required": True,
            "content": {kind: {"schema": schema} for kind, schema in content.items()},
        }
    }


def json_schema(model: type[BaseModel]) -> dict[str, Any]:
    """`body_schema` for JSON; `model` is among the schema's components."""
    return body_schema({_JSON: {"$ref": f"#/components/schemas/{model.__name__}"}})


def answer_schema(kind: str, *, binary: bool = False) -> dict[int | str, dict[str, Any]]:
    """An answer of this content type, which is no JSON, for FastAPI's `responses`."""
    schema = FILE_SCHEMA if binary else {"type": "string"}
    return {200: {"content": {kind: {"schema": schema}}}}


async def body_of(request: Request, size: int) -> AsyncIterator[bytes]:
    """Yield a request's body as it comes, at most `size` bytes of it.

    Raises:
        ProblemError: it is larger (413), stays out (408), or the client has left (400).
    """
    told = request.headers.get("content-length", "")
    if told.isdecimal() and int(told) > size:
        raise _too_large(size)
    done, stream = 0, aiter(request.stream())
    while True:
        try:
            chunk = await asyncio.wait_for(anext(stream), _MAX_SILENCE)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise ProblemError(
                408, "The upload stopped. Check the connection and send it again"
            ) from None
        except ClientDisconnect:
            raise ProblemError(400, "The connection ended before the upload did") from None
        done += len(chunk)
        if done > size:
            raise _too_large(size)
        yield chunk


async def bytes_of(request: Request, size: int) -> bytes:
    """A request's body, of at most `size` bytes; errors are those of `body_of`."""
    return b"".join([chunk async for chunk in body_of(request, size)])


async def receive_file(request: Request, path: Path, size: int) -> None:
    """Write a request's body, of at most `size` bytes, to a new file."""
    with path.open("xb") as stream:
        async for chunk in body_of(request, size):
            stream.write(chunk)


def content_type(request: Request) -> str:
    """What a request says that its body is, without parameters; "" where it does not say."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def json_body(model: type[_Model], size: int) -> Callable[[Request], Awaitable[_Model]]:
    """A dependency that parses the JSON body as a `model`, for FastAPI's `Depends`.

    Args:
        model: What the body must be.
        size: Its largest size in bytes.
    """

    async def read(request: Request) -> _Model:
        if content_type(request) != _JSON:
            raise ProblemError(415, f"Send JSON, with the content type {_JSON}")
        return await run_in_threadpool(_parsed, model, await bytes_of(request, size))

    return read


def _parsed(model: type[_Model], text: bytes) -> _Model:
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_context=False, include_input=False)
        raise RequestValidationError(
            [{**one, "loc": ("body", *one["loc"])} for one in wrong]
        ) from error


def _too_large(size: int) -> ProblemError:
    most = f"{size / 2**20:,.0f} MiB" if size >= 2**20 else f"{size / 2**10:,.0f} KiB"
    return ProblemError(
        413,
        f"The body is larger than {most}, the most that this call takes. Send it in several. Of "
        "uploads the option --max-upload of the service sets the limit",
    )
