"""REST that reads at once: a page, a number, or crops of digits."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import numpy.typing as npt
from fastapi import APIRouter, Depends, Query, Request
from starlette.concurrency import run_in_threadpool

from formreader.core.classes import CLASSES, CROP_SIDE, NOT_A_DIGIT
from formreader.core.classes import Crops as CropArray
from formreader.core.errors import UsageError
from formreader.core.options import ScanOptions
from formreader.core.records import DigitBox, FieldCrops, InputFile, PageCrops, PageReading
from formreader.core.stopwatch import Stopwatch
from formreader.input.open_page import measure_file
from formreader.output.wording import sentence
from formreader.reading.page_task import PageKind, PageTask
from formreader.recognise.decisions import ReadField, decide
from formreader.recognise.risk_control import acceptance
from formreader.service import bodies
from formreader.service.body_making import bodies_of_fields
from formreader.service.file_names import label_of
from formreader.service.job_making import check_pixels
from formreader.service.multipart_upload import (
    FILE_SCHEMA,
    UploadLimits,
    files_schema,
    receive_upload,
)
from formreader.service.problems import ProblemError
from formreader.service.request_bodies import (
    body_schema,
    content_type,
    json_body,
    receive_file,
)
from formreader.service.service_state import Language, Service, client_of, service_of
from formreader.service.template_shelf import LEARNED_FORMS
from formreader.store.grey_png import grey_png

router = APIRouter(prefix="/api/v1", tags=["read at once"])

Shared = Annotated[Service, Depends(service_of)]

_MAX_BYTES = 2**28
"""Bytes of the largest page that is read at once: an uncompressed page of 600 dpi has 100 MB."""

_crops_of = json_body(bodies.Crops, bodies.MAX_CROPS * 2**14)
"""Takes crops as JSON: one with a value a line has 11 kB."""


@router.post(
    "/read",
    openapi_extra=body_schema(
        {
            "multipart/form-data": files_schema("file", most=1),
            "application/octet-stream": FILE_SCHEMA,
        }
    ),
)
async def post_read(
    request: Request,
    service: Shared,
    language: Language,
    kind: PageKind = "page",
    page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
    template: Annotated[str | None, Query(max_length=bodies.MAX_NAME)] = None,
    review_below: Annotated[float | None, Query(ge=0, le=1)] = None,
    max_error: Annotated[bodies.MaxError | None, Query()] = None,
) -> bodies.PageRead:
    """Read one page, one digit or one number, and answer with what was read."""
    scan = service.options.scan
    options = replace(
        scan,
        review_below=scan.review_below if review_below is None else review_below,
        max_error=scan.max_error if max_error is None else max_error,
    )
    with service.reading(client_of(request)), service.data.workspace() as folder:
        file = await _received(request, service, folder)
        chosen = service.shelf.default if template is None else template
        task = PageTask(file, page - 1, kind=kind)
        return await run_in_threadpool(_read, service, options, task, chosen, language)


async def _received(request: Request, service: Service, folder: Path) -> InputFile:
    """Write the page of a request to disk; its name is only shown."""
    size = min(_MAX_BYTES, service.max_upload)
    if content_type(request) != "multipart/form-data":
        path = folder / "page"
        await receive_file(request, path, size)
        return InputFile(str(path), "page")
    upload = await receive_upload(request, folder, UploadLimits(size, 1))
    (received,) = upload.sent_files()
    return InputFile(str(received.path), label_of(received.name))


def _read(
    service: Service, options: ScanOptions, task: PageTask, template: str, language: str
) -> bodies.PageRead:
    if template == LEARNED_FORMS:
        raise ProblemError(422, "template: one page teaches no form. Send a job with its pages")
    if task.kind == "page" and template:
        task = replace(task, templates=str(service.shelf.kept(service.shelf.keep(template))))
    stopwatch = Stopwatch()
    crops, reading = _work(service, options, task, stopwatch)
    service.metrics.add("pages_total")
    seconds = {**crops.seconds, **stopwatch.stages}
    service.metrics.add_seconds(seconds)
    if reading.error:
        service.metrics.add("pages_failed_total")
        _check_pixels(service, task)
        raise ProblemError(422, f"{task.name}: {reading.error}")
    return bodies.PageRead(
        file=reading.file,
        page=reading.number + 1,
        error=reading.error,
        notice=sentence(reading.remark.reason, language) if reading.remark else "",
        form=reading.form,
        fields=bodies_of_fields(reading),
        seconds={stage: round(spent, 4) for stage, spent in seconds.items()},
    )


def _work(
    service: Service, options: ScanOptions, task: PageTask, stopwatch: Stopwatch
) -> tuple[PageCrops, PageReading]:
    """Read a page before all jobs, with the code that a scan uses."""
    with service.warm.pool_of(service.warm.lanes.open(urgent=True)) as pool:
        try:
            (read,) = pool.read(pool.work([task]), service.warm.network, options, stopwatch)
            return read
        except UsageError as error:
            raise ProblemError(503, str(error), {"retry-after": "10"}) from error


def _check_pixels(service: Service, task: PageTask) -> None:
    """Tell a page that is too large from one that is damaged."""
    lane = service.warm.lanes.open(urgent=True)
    try:
        _, pixels = lane.submit(measure_file, task.file).result()
    except Exception:  # what is wrong with it is told already
        return
    check_pixels(task.file.label, pixels)


@router.post(
    "/digits",
    openapi_extra=body_schema(
        {
            "application/json": {"$ref": "#/components/schemas/Crops"},
            "multipart/form-data": files_schema("files", most=bodies.MAX_CROPS),
        }
    ),
)
async def post_digits(request: Request, service: Shared) -> bodies.DigitsRead:
    """Read digits in one batch: crops of 28x28 as they are, or pictures of single digits."""
    with service.reading(client_of(request)), service.data.workspace() as folder:
        if content_type(request) == "multipart/form-data":
            limits = UploadLimits(min(_MAX_BYTES, service.max_upload), bodies.MAX_CROPS)
            upload = await receive_upload(request, folder, limits)
            files = [InputFile(str(one.path), label_of(one.name)) for one in upload.sent_files()]
            return await run_in_threadpool(_read_pictures, service, files)
        return await run_in_threadpool(_read_crops, service, await _crops_of(request))


def _read_crops(service: Service, given: bodies.Crops) -> bodies.DigitsRead:
    crops = np.array(given.crops, np.uint8)
    blank = np.asarray(~crops.any(axis=(1, 2)), np.bool_)
    return _digits(service, crops, blank, [""] * len(crops))


def _read_pictures(service: Service, files: list[InputFile]) -> bodies.DigitsRead:
    tasks = (PageTask(file, 0, kind="digit") for file in files)
    with service.warm.pool_of(service.warm.lanes.open(urgent=True)) as pool:
        cut = [one.page for one in pool.work(tasks)]
    nothing = np.zeros((1, CROP_SIDE, CROP_SIDE), np.uint8)
    crops = np.concatenate([page.fields[0].crops if page.fields else nothing for page in cut])
    blank = np.array([bool(page.fields[0].blank[0]) if page.fields else True for page in cut])
    return _digits(service, crops, blank, [page.error for page in cut])


def _digits(
    service: Service, crops: CropArray, blank: npt.NDArray[np.bool_], errors: list[str]
) -> bodies.DigitsRead:
    """Read crops, (n, 28, 28), of which some are blank, (n,), and some could not be read."""
    probabilities = service.warm.network.probabilities(crops)
    service.metrics.add("digits_total", len(crops))
    names = [*CLASSES[:NOT_A_DIGIT], "none"]
    whole = DigitBox(((0, 0), (CROP_SIDE, 0), (CROP_SIDE, CROP_SIDE), (0, CROP_SIDE)))
    fields = [
        ReadField(
            FieldCrops((whole,), crops[i : i + 1], blank[i : i + 1]), probabilities[i : i + 1]
        )
        for i in range(len(crops))
    ]
    cards = service.warm.cards
    accepted = acceptance(cards.digits, cards.numbers, service.options.scan)
    decided = [field.digits[0] for field in decide(fields, accepted.thresholds)]
    read = list[bodies.DigitRead]()
    for one, crop, row, error in zip(decided, crops, probabilities, errors, strict=True):
        read.append(
            bodies.DigitRead(
                digit="" if error or one.digit is None else str(one.digit),
                confidence=0.0 if error else round(one.confidence, 4),
                status="error" if error else one.status.value,
                second="" if one.second is None else str(one.second),
                second_confidence=None if one.second is None else round(one.second_confidence, 4),
                probabilities=dict(zip(names, (round(float(p), 6) for p in row), strict=True)),
                crop=b64encode(grey_png(crop)).decode("ascii"),
                error=error,
            )
        )
    return bodies.DigitsRead(digits=read)
