"""REST of the pages of a job: what was read, pictures, the review and its answers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from itertools import islice
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import FileResponse, Response
from starlette.background import BackgroundTask

from formreader.batch.debug_pictures import PagePicture, draw_page
from formreader.batch.page_pool import explain
from formreader.core.errors import PageError
from formreader.core.records import InputFile, PageReading, ReviewField
from formreader.output.atomic_writing import atomic_writer
from formreader.output.table import file_cell
from formreader.review.job_results import as_written_on_forms, form_kinds
from formreader.service import bodies
from formreader.service.body_making import bodies_of_fields, body_of_page, export_review
from formreader.service.job_queue import LiveJob
from formreader.service.problems import ProblemError
from formreader.service.request_bodies import answer_schema, json_body, json_schema
from formreader.service.service_state import Language, Service, Shared
from formreader.store.job_store import JobStore

router = APIRouter(prefix="/api/v1/jobs/{job_id}", tags=["pages"])

Number = Annotated[int, Path(ge=1, le=100_000_000)]

_MAX_NAME_TO_FIND = 1000
"""Characters of a file's name that is looked for: more than names in results have."""

_MAX_ANSWERS_BYTES = 2**22
"""Bytes of all answers of a job: 100,000 of 40 bytes each; those of the report have some 30."""

_MAX_CHANGES_BYTES = 2**20
"""Bytes of answers that change: 10,000 of 100 bytes each."""

_WIDTHS = (200, 400, 800, 1600, 3200, 6400)
"""Widths of pictures of pages: what is asked for is rounded up, so that few are made of a page."""

_JPEG = answer_schema("image/jpeg", binary=True)


@router.get("/pages")
def get_pages(
    job_id: str,
    service: Shared,
    language: Language,
    offset: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    file: Annotated[str | None, Query(max_length=_MAX_NAME_TO_FIND)] = None,
    page: Annotated[int | None, Query(ge=1)] = None,
) -> bodies.PageList:
    """List the pages of a job in the order of its table, of all files or one, all or of a number.

    `file` is a name as in the table, `page` the number of a page in its file.
    """
    job = service.done_job(job_id)

    def look(store: JobStore) -> bodies.PageList:
        pages = [
            (n, one)
            for n, one in enumerate(store.pages(), 1)
            if file in (None, one.file, file_cell(one.file)) and page in (None, one.number + 1)
        ]
        shown = pages[offset : offset + limit]
        read = _with_fields(store, [one for _, one in shown])
        summaries = [
            body_of_page(n, one, language) for (n, _), one in zip(shown, read, strict=True)
        ]
        return bodies.PageList(pages=summaries, total=len(pages))

    return service.desk.look(job.folder.store, look)


@router.get("/pages/{n}")
def get_page(job_id: str, n: Number, service: Shared, language: Language) -> bodies.PageDetail:
    """Give all that was read on a page, with its place there, and the page's size in pixels."""
    job = service.done_job(job_id)
    page, file = _page(service, job, n)
    try:
        size = _draw(service, file, page.number, _WIDTHS[0]).size
    except ProblemError:
        size = (0, 0)
    return bodies.PageDetail(
        **body_of_page(n, page, language).model_dump(),
        width=size[0],
        height=size[1],
        readings=bodies_of_fields(page),
    )


@router.get("/pages/{n}/picture", response_class=Response, responses=_JPEG)
def get_picture(
    job_id: str,
    n: Number,
    service: Shared,
    width: Annotated[int, Query(ge=1, le=_WIDTHS[-1])] = 800,
) -> Response:
    """Give a page as JPEG, about `width` pixels wide, but never wider than it is."""
    job = service.done_job(job_id)
    page, file = _page(service, job, n)
    wide = next(one for one in _WIDTHS if one >= width)
    picture = _draw(service, file, page.number, wide)
    headers = {
        "x-page-width": str(picture.size[0]),
        "x-page-height": str(picture.size[1]),
        "cache-control": "private, max-age=3600",
    }
    return Response(picture.jpeg, media_type="image/jpeg", headers=headers)


@router.get("/pages/{n}/fields/{k}/picture", response_class=Response, responses=_JPEG)
def get_field_picture(job_id: str, n: Number, k: Number, service: Shared) -> Response:
    """Give a field with its surroundings as JPEG."""
    field = _field(service, service.done_job(job_id), n, k)
    return Response(field.thumbnail.jpeg, media_type="image/jpeg")


@router.get(
    "/pages/{n}/fields/{k}/crops",
    response_class=Response,
    responses=answer_schema("image/png", binary=True),
)
def get_crops(job_id: str, n: Number, k: Number, service: Shared) -> Response:
    """Give the crops of a field's boxes side by side as PNG, 28 pixels a box."""
    field = _field(service, service.done_job(job_id), n, k)
    return Response(field.sprite, media_type="image/png")


@router.get("/review", response_class=FileResponse, responses={200: {"model": bodies.Review}})
def get_review(job_id: str, service: Shared, language: Language) -> Response:
    """Give what the page for review needs."""
    path = export_review(service, service.done_job(job_id), language)
    remove = BackgroundTask(path.unlink, missing_ok=True)
    return FileResponse(path, media_type="application/json", background=remove)


@router.get("/answers")
def get_answers(job_id: str, service: Shared) -> bodies.Answers:
    """Give the answers that were typed and not applied yet."""
    return bodies.Answers(answers=_answers(service.job(job_id)))


@router.put("/answers", openapi_extra=json_schema(bodies.Answers))
def put_answers(
    job_id: str,
    answers: Annotated[bodies.Answers, Depends(json_body(bodies.Answers, _MAX_ANSWERS_BYTES))],
    service: Shared,
) -> bodies.Answers:
    """Replace all answers that were typed."""
    job = service.job(job_id)
    with job.answering:
        _keep_answers(job, answers.answers)
    return answers


@router.patch("/answers", openapi_extra=json_schema(bodies.AnswerChanges))
def patch_answers(
    job_id: str,
    changes: Annotated[
        bodies.AnswerChanges, Depends(json_body(bodies.AnswerChanges, _MAX_CHANGES_BYTES))
    ],
    service: Shared,
) -> bodies.Answers:
    """Add, replace or take away answers; the others stay."""
    job = service.job(job_id)
    with job.answering:
        merged = _answers(job) | changes.answers
        answers = {name: answer for name, answer in merged.items() if answer is not None}
        _keep_answers(job, answers)
    return bodies.Answers(answers=answers)


def _with_fields(store: JobStore, pages: Sequence[PageReading]) -> list[PageReading]:
    """Return some pages of a job with their fields."""
    return list(store.readings(pages={(page.file, page.number) for page in pages}))


def _page(service: Service, job: LiveJob, n: int) -> tuple[PageReading, InputFile]:
    """The page of this number, and its file; ProblemError where there is none."""

    def look(store: JobStore) -> tuple[PageReading, InputFile] | None:
        found = list(islice(store.pages(), n - 1, n))
        if not found:
            return None
        paths = {record.label: record.path for record in store.files()}
        view = store.written_view()
        (page,) = as_written_on_forms(_with_fields(store, found), form_kinds(view))
        return page, InputFile(paths[page.file], page.file)

    found = service.desk.look(job.folder.store, look)
    if found is None:
        raise ProblemError(404, f"The job has no page {n}")
    return found


def _field(service: Service, job: LiveJob, n: int, k: int) -> ReviewField:
    """The k-th field of a page with its pictures; ProblemError where nothing is written there."""

    def look(store: JobStore) -> ReviewField | None:
        page = next(islice(store.pages(), n - 1, n), None)
        if page is None:
            return None
        place = (page.same_as or page.file, page.number, k - 1)
        return next(store.sampled_fields({place}), None)

    found = service.desk.look(job.folder.store, look)
    if found is None:
        raise ProblemError(404, f"Page {n} has no field {k}, or nothing is written in it")
    return found


def _draw(service: Service, file: InputFile, number: int, width: int) -> PagePicture:
    """Have a worker draw a page; ProblemError where it cannot."""
    lane = service.warm.lanes.open(urgent=True)
    try:
        return lane.submit(draw_page, file, number, width).result()
    except PageError as error:
        raise ProblemError(422, f"The page cannot be shown: {error}") from error
    except Exception as error:
        raise ProblemError(422, f"The page cannot be shown: {explain(error)}") from error


def _answers(job: LiveJob) -> dict[str, str]:
    with suppress(FileNotFoundError):
        answers: dict[str, str] = json.loads(job.folder.answers.read_text(encoding="utf-8"))
        return answers
    return {}


def _keep_answers(job: LiveJob, answers: dict[str, str]) -> None:
    """Keep all answers of a job: ProblemError if they are too many; OutputError keeps the old."""
    text = json.dumps(answers)
    if len(answers) > bodies.MAX_ANSWERS or len(text) > _MAX_ANSWERS_BYTES:
        most = f"{bodies.MAX_ANSWERS:,} answers or {_MAX_ANSWERS_BYTES / 2**20:.0f} MiB of them"
        raise ProblemError(413, f"More than {most}. Save them, which puts them into the table")
    with atomic_writer(job.folder.answers) as stream:
        stream.write(text)
