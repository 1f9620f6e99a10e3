"""REST of forms: listed, made of a page, named and changed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path as FilePath
from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import HTMLResponse, Response
from starlette.concurrency import run_in_threadpool

from formreader.batch.page_log import ScanProgress
from formreader.batch.template_learning import new_template
from formreader.core.errors import FormreaderError
from formreader.core.records import InputFile
from formreader.service import bodies
from formreader.service.access import EDITOR_POLICY
from formreader.service.file_names import label_of
from formreader.service.job_routes import take_job
from formreader.service.problems import ProblemError
from formreader.service.request_bodies import (
    answer_schema,
    body_schema,
    bytes_of,
    files_schema,
    json_body,
    json_schema,
    receive_upload,
)
from formreader.service.service_state import Service, Shared, client_of
from formreader.service.template_shelf import body_of_template, summary_of_template
from formreader.template.editor.editor_page import editor_page

router = APIRouter(prefix="/api/v1/templates", tags=["forms"])

FormName = Annotated[str, Path(min_length=1, max_length=bodies.MAX_NAME)]

_MAX_FORM_BYTES = 2**26
"""Bytes of the file that a form is made of: a page or a few."""

_MAX_FIELDS_BYTES = 2**21
"""Bytes of a form as JSON or TOML: one with as many fields and boxes as it may have has 1 MB."""

_ALL_TEMPLATES = "/#/templates"
"""Where the service's page lists the forms."""


class _Quiet(ScanProgress):
    """Progress that is not shown; it keeps why a page could not be read."""

    def __init__(self) -> None:
        self.said = list[str]()

    def message(self, text: str) -> None:
        self.said.append(text)


@router.get("")
def get_templates(service: Shared) -> bodies.TemplateList:
    """List the forms."""
    return bodies.TemplateList(
        templates=[summary_of_template(one) for _, one in service.shelf.all()]
    )


@router.post(
    "",
    status_code=201,
    responses={202: {"model": bodies.Job}},
    openapi_extra=body_schema({"multipart/form-data": files_schema("files")}),
)
async def post_template(
    request: Request,
    response: Response,
    service: Shared,
    name: Annotated[str | None, Query(min_length=1, max_length=bodies.MAX_NAME)] = None,
) -> bodies.Template | bodies.Job:
    """Make a form of a page, blank or filled in; its fields are F01, F02, ... until named.

    Without a name several pages, or ZIPs of them, are sorted into the forms that they are, as
    `formreader template learn` does: 202 and a job. Once it is done, its forms are templates.
    """
    if name is None:
        response.status_code = 202
        return await take_job(request, response, service, learns=True)
    with service.reading(client_of(request)), service.data.workspace() as folder:
        upload = await receive_upload(request, folder, _MAX_FORM_BYTES, 1)
        (received,) = upload.sent_files()
        page = InputFile(str(received.path), label_of(received.name))
        return await run_in_threadpool(_make, service, page, folder / "form", name)


def _make(service: Service, page: InputFile, into: FilePath, name: str) -> bodies.Template:
    progress = _Quiet()
    options = replace(service.options.scan, paths=(page.label,), template=None)
    try:
        means = service.warm.of([page], urgent=True)
        new_template(options, into, progress, means, name)
    except FormreaderError as error:
        raise type(error)("; ".join([*progress.said, str(error)])) from error.__cause__
    return body_of_template(service.shelf.add(into))


@router.get("/{name}")
def get_template(name: FormName, service: Shared) -> bodies.Template:
    """Give a form with its fields."""
    return body_of_template(service.shelf.find(name)[1])


@router.put("/{name}", openapi_extra=json_schema(bodies.Template))
def put_template(
    name: FormName,
    template: Annotated[bodies.Template, Depends(json_body(bodies.Template, _MAX_FIELDS_BYTES))],
    service: Shared,
) -> bodies.Template:
    """Replace the name and the fields of a form. Jobs that were sent before keep the old one."""
    return body_of_template(service.shelf.change(name, template))


@router.delete("/{name}", status_code=204)
def delete_template(name: FormName, service: Shared) -> None:
    """Delete a form. Jobs that were sent before keep it."""
    service.shelf.delete(name)


@router.get(
    "/{name}/picture", response_class=Response, responses=answer_schema("image/png", binary=True)
)
def get_template_picture(name: FormName, service: Shared) -> Response:
    """Give the page of a form, which its places are pixels of."""
    return Response(service.shelf.picture(name), media_type="image/png")


@router.get(
    "/{name}/print",
    response_class=Response,
    responses=answer_schema("application/pdf", binary=True),
)
def get_printed_template(
    name: FormName, service: Shared, paper: Literal["a4", "a5", "letter"] = "a4"
) -> Response:
    """Give a form to print, empty: scans of it are recognised as the form."""
    headers = {"content-disposition": f"attachment; filename*=utf-8''{quote(name, safe='')}.pdf"}
    return Response(
        service.shelf.printed(name, paper), media_type="application/pdf", headers=headers
    )


@router.get("/{name}/edit", response_class=HTMLResponse, responses=answer_schema("text/html"))
def get_template_editor(name: FormName, service: Shared) -> Response:
    """Give the page on which the fields of a form are named, drawn and given rules."""
    folder, template = service.shelf.find(name)
    save_url = f"{router.prefix}/{quote(template.name, safe='')}/edit"
    page = editor_page(
        [folder],
        save_url=save_url,
        back_url=_ALL_TEMPLATES,
        language=service.options.scan.language or "",
    )
    return HTMLResponse(page, headers={"content-security-policy": EDITOR_POLICY})


@router.post(
    "/{name}/edit",
    openapi_extra=body_schema(
        {"application/toml": {"type": "string"}, "text/plain": {"type": "string"}}
    ),
)
async def post_template_editor(
    request: Request, name: FormName, service: Shared
) -> bodies.Template:
    """Replace a form by a template.toml, checked as `formreader template check` does."""
    body = await bytes_of(request, _MAX_FIELDS_BYTES)
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ProblemError(422, f"The body is not UTF-8 text ({error.reason})") from error
    written = await run_in_threadpool(service.shelf.replace_file, name, text)
    return body_of_template(written)
