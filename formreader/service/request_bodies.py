"""Takes the bodies of requests as they come, each with a limit; files go straight to disk.

No route lets the framework read its body: that takes all of it into memory before it looks at it.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, cast

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from formreader.service.problems import ProblemError

_MAX_SILENCE = 60.0
"""Seconds without a byte after which an upload ends, as it holds a place."""

_JSON = "application/json"

FILE_SCHEMA = {"type": "string", "format": "binary"}
"""A file in OpenAPI's words."""

_Model = TypeVar("_Model", bound=BaseModel)

_MAX_FIELD_BYTES = 64 * 1024
"""Largest value of a form field that is not a file: options are short."""

_MAX_FIELDS = 32
"""Form fields that are not files: more than there are options."""

_FILE_FIELDS = ("files", "file")
"""Names of the fields that files go into: each call takes both, so that nobody has to remember."""


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


def files_schema(
    name: str, most: int | None = None, others: Mapping[str, Mapping[str, Any]] | None = None
) -> dict[str, Any]:
    """Schema of a multipart body with files in the field `name`, at most `most` if given.

    The schema has one name; `Upload.sent_files` takes the other as well.

    Args:
        name: Field of the files.
        most: Largest number of files; 1 for a single one, None for no limit.
        others: Schemas of the fields that are not files.
    """
    many: dict[str, Any] = {"type": "array", "items": FILE_SCHEMA, "minItems": 1}
    if most is not None:
        many["maxItems"] = most
    return {
        "type": "object",
        "required": [name],
        "properties": {name: FILE_SCHEMA if most == 1 else many, **(others or {})},
    }


@dataclass(frozen=True, slots=True)
class ReceivedFile:
    """A file of an upload: the name that the client gives it, and where its content is."""

    name: str
    path: Path
    size: int


@dataclass(slots=True)
class Upload:
    """What a multipart body had: the values of its fields, and its files by their field."""

    values: dict[str, str] = field(default_factory=dict)
    files: list[tuple[str, ReceivedFile]] = field(default_factory=list)

    def sent_files(self) -> list[ReceivedFile]:
        """Return the files, which are in fields called `files` or `file`.

        Raises:
            ProblemError: there are none, or files under another name.
        """
        others = sorted({given for given, _ in self.files} - set(_FILE_FIELDS))
        if others:
            raise ProblemError(422, f"{others[0]}: files go into the field `files` (or `file`)")
        if not self.files:
            raise ProblemError(
                422, "No file was sent. Files go into the multipart field `files` (or `file`)"
            )
        return [file for _, file in self.files]


async def receive_upload(request: Request, folder: Path, max_size: int, max_files: int) -> Upload:
    """Write the files of a multipart body, of at most `max_size` bytes, to `folder`, synced.

    Raises:
        ProblemError: it is no multipart body (415), is damaged (400), or over a limit (413).
    """
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise ProblemError(
            415, "Send multipart/form-data with a boundary, as browsers and `curl -F` do"
        )
    parts = _Parts(folder, max_files)
    try:
        parser = MultipartParser(options[b"boundary"], cast("Any", parts.callbacks()))
        async for chunk in body_of(request, max_size):
            parser.write(chunk)
        parser.finalize()
    except FormParserError as error:
        raise ProblemError(
            400, f"The multipart body is damaged ({error}). Send it again"
        ) from error
    finally:
        parts.close()
    if not parts.ended:
        raise ProblemError(400, "The multipart body has no end. Send it again")
    return parts.upload


class _Parts:
    """Receives the events of the parser, and writes files."""

    def __init__(self, folder: Path, max_files: int) -> None:
        self.upload = Upload()
        self.ended = False
        self._folder = folder
        self._max_files = max_files
        self._headers = dict[bytes, bytes]()
        self._header = [b"", b""]
        self._name = self._file_name = ""
        self._value = bytearray()
        self._stream: BinaryIO | None = None

    def callbacks(self) -> dict[str, object]:
        """Return what the parser calls."""
        return {
            "on_part_begin": self._headers.clear,
            "on_header_begin": self._begin_header,
            "on_header_field": lambda data, start, end: self._add_to_header(0, data[start:end]),
            "on_header_value": lambda data, start, end: self._add_to_header(1, data[start:end]),
            "on_header_end": self._end_header,
            "on_headers_finished": self._begin,
            "on_part_data": lambda data, start, end: self._add(data[start:end]),
            "on_part_end": self._finish,
            "on_end": self._end,
        }

    def close(self) -> None:
        """Close the file of a part that did not end."""
        if self._stream is not None:
            self._stream.close()

    def _begin_header(self) -> None:
        self._header = [b"", b""]

    def _add_to_header(self, part: int, data: bytes) -> None:
        self._header[part] += data

    def _end_header(self) -> None:
        self._headers[self._header[0].lower()] = self._header[1]

    def _begin(self) -> None:
        _, given = parse_options_header(self._headers.get(b"content-disposition", b""))
        self._name = given.get(b"name", b"").decode("utf-8", "replace")
        self._value.clear()
        if b"filename" not in given:
            if len(self.upload.values) >= _MAX_FIELDS:
                raise ProblemError(413, f"The form has more than {_MAX_FIELDS} fields")
            return
        if len(self.upload.files) >= self._max_files:
            raise ProblemError(
                413, f"More than {self._max_files:,} files. Send them in several uploads"
            )
        self._file_name = given[b"filename"].decode("utf-8", "replace")
        number = len(self.upload.files) + 1
        self._stream = self._folder.joinpath(f"{number:06}.part").open("xb")

    def _add(self, data: bytes) -> None:
        if self._stream is not None:
            self._stream.write(data)
            return
        self._value += data
        if len(self._value) > _MAX_FIELD_BYTES:
            raise ProblemError(413, f"{self._name}: longer than {_MAX_FIELD_BYTES:,} bytes")

    def _finish(self) -> None:
        if self._stream is None:
            self.upload.values[self._name] = self._value.decode("utf-8", "replace")
            return
        self._stream.flush()
        os.fsync(self._stream.fileno())
        path, size = Path(self._stream.name), self._stream.tell()
        self._stream.close()
        self._stream = None
        if self._file_name or size:  # a browser's form with no file chosen sends an empty one
            file = ReceivedFile(self._file_name, path, size)
            self.upload.files.append((self._name, file))
        else:
            path.unlink()

    def _end(self) -> None:
        self.ended = True


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
