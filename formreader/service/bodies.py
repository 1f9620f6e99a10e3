"""What the service takes and gives, as types: the schema at /openapi.json is made of them.

Numbers of pages, fields and boxes count from 1. Places are whole pixels of the page as stored,
after its own orientation tag, from the top left.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from functools import partial
from types import NoneType
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from formreader.core.field_kinds import Kind
from formreader.core.options import NUMBER_RANGES, Rows
from formreader.template import usable_values

MAX_NAME = usable_values.MAX_NAME
"""Characters of a name that a client gives: of a job, a form, a field."""

MAX_ANSWER = 2000
"""Characters of an answer, or of the name that it is kept under: far more than a field has."""

MAX_CROPS = 1000
"""Crops in one call of /digits: a network call or two, some 20 ms each."""

Name = Annotated[str, Field(min_length=1, max_length=MAX_NAME)]
Share = Annotated[float, Field(ge=0, le=1)]
LEAST_ERROR, MOST_ERROR = NUMBER_RANGES["max_error"]
MaxError = Annotated[float, Field(ge=LEAST_ERROR, le=MOST_ERROR)]
Grey = Annotated[int, Field(ge=0, le=255)]
CropRow = Annotated[list[Grey], Field(min_length=28, max_length=28, fail_fast=True)]
CropRows = Annotated[list[CropRow], Field(min_length=28, max_length=28, fail_fast=True)]
ShortText = Annotated[str, Field(max_length=MAX_ANSWER)]
Sides = Annotated[list[float], Field(fail_fast=True)]


class Body(BaseModel):
    """A body; keys that are not known are refused, so that a mistyped one is not swallowed."""

    model_config = ConfigDict(extra="forbid")


class Problem(BaseModel):
    """What was wrong and what to do about it (RFC 9457)."""

    type: str = Field(description="The kind of problem; about:blank where the status says it")
    title: str = Field(description="The kind of problem in words")
    status: int = Field(description="The HTTP status")
    detail: str = Field("", description="What was wrong here, and what to do about it")
    errors: list[dict[str, Any]] | None = Field(None, description="What is wrong with which value")


class JobState(StrEnum):
    """How far a job is. `failed`: nothing could be read, and `problem` says why."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class JobOptions(Body):
    """Options of a job: those of `formreader scan`, with its defaults."""

    rows: Rows = Field("field", description="What a row of the table is")
    review_below: Share = Field(description="Values with a lower confidence are for review")
    max_error: MaxError | None = Field(
        None, description="Instead: the share of accepted values that may be wrong"
    )
    template: str = Field(
        "",
        description="Name of a form, * for all forms, auto to learn them from the pages, empty for "
        "none",
    )


class JobChanges(Body):
    """What is other when a job is read again; the rest stays as it was."""

    name: Annotated[str, Field(max_length=MAX_NAME)] = Field(
        "", description="Of the new job; that of the old one if empty"
    )
    rows: Rows = "field"
    review_below: Share = 0.0
    max_error: MaxError | None = None
    template: Annotated[str, Field(max_length=MAX_NAME)] = Field(
        "", description="As in the options of a job"
    )


class JobCounts(BaseModel):
    """Counts of the results. `digits`: boxes with ink; `checked`: answered by people."""

    pages: int
    fields: int
    digits: int
    blank: int
    review: int
    checked: int
    failed: int
    duplicates: int


class Job(BaseModel):
    """An upload, or what was dropped into a watched folder, and how far it is read."""

    id: str
    name: str = Field(description="As the client named it, or after its first file")
    state: JobState
    created: datetime
    started: datetime | None = None
    finished: datetime | None = None
    expires: datetime | None = Field(None, description="When it will be deleted")
    files: int = Field(description="Files with pages")
    skipped: int = Field(description="Files of other kinds, which are not read")
    bytes: int = Field(description="Size of the files")
    pages: int | None = Field(None, description="Pages to read; unknown until they are counted")
    pages_done: int = 0
    pages_failed: int = Field(0, description="Of those done, the ones that could not be read")
    pages_per_second: float | None = Field(None, description="While it is running")
    seconds_left: float | None = Field(None, description="While it is running: an estimate")
    ahead: int = Field(0, description="While it is queued: jobs before it")
    counts: JobCounts | None = Field(None, description="When it is done")
    carried: int = Field(0, description="Answers that it has from the job that it reads again")
    not_carried: int = Field(0, description="Answers of that job whose place is no field any more")
    options: JobOptions
    problem: Problem | None = Field(None, description="Why it failed")
    watched: bool = Field(False, description="It is of a watched folder, and may grow")
    version: int = Field(description="Counts up with each change")


class JobList(BaseModel):
    """Jobs, the newest first; `total` of them there are."""

    jobs: list[Job]
    total: int


class Place(BaseModel):
    """A rectangle on a page, in whole pixels."""

    x: int
    y: int
    width: int
    height: int


class Digit(BaseModel):
    """One box: `digit` is 0-9, ? where no digit is plausible, empty where it is blank."""

    box: int
    place: Place
    digit: str
    confidence: float
    status: str
    second: str
    second_confidence: float | None


class ReadField(BaseModel):
    """A field with its digits, left to right. `cell`: it is a cell for a whole number."""

    field: int
    name: str
    value: str
    cells: str
    confidence: float
    lowest: float
    status: str
    place: Place
    cell: bool
    digits: list[Digit]


class PageSummary(BaseModel):
    """A page of a job. `n` counts all pages of the job; `page` those of the file."""

    n: int
    file: str
    page: int
    status: str
    form: str
    message: str
    fields: int
    digits: int
    review: int


class PageList(BaseModel):
    """Some pages of a job, in the order of its table; `total` of them there are."""

    pages: list[PageSummary]
    total: int


class PageDetail(PageSummary):
    """A page with all that was read on it. `width` and `height` are 0 if it cannot be decoded."""

    width: int
    height: int
    readings: list[ReadField]


class PageRead(BaseModel):
    """What /read found. `error`: why the page could not be read; `notice`: why to look at it."""

    file: str
    page: int
    error: str
    notice: str
    form: str
    fields: list[ReadField]
    seconds: dict[str, float] = Field(description="Seconds of each stage of the page's work")


class DigitRead(BaseModel):
    """One crop. `probabilities` has the ten digits, then `none` for "not a digit"."""

    digit: str
    confidence: float
    status: str
    second: str
    second_confidence: float | None
    probabilities: dict[str, float]
    crop: str = Field(description="What the network saw: a PNG of 28x28 pixels, in base64")
    error: str = Field("", description="Why a picture could not be read")


class DigitsRead(BaseModel):
    """The readings of crops, in their order."""

    digits: list[DigitRead]


class Crops(Body):
    """Crops as they are: 28 rows of 28 grey values, 0 for paper, 255 for ink, as MNIST's."""

    crops: Annotated[list[CropRows], Field(fail_fast=True)] = Field(
        min_length=1, max_length=MAX_CROPS
    )


class ReviewItem(BaseModel):
    """A field to review, as the report has it: `record` and `pictures` of its script."""

    record: list[Any]
    pictures: list[str] = Field(description="The field as JPEG, its crops as PNG, in base64")


class Remark(BaseModel):
    """A page that could not be read (`failed`), or needs a look, and why."""

    file: str
    page: int
    reason: str
    failed: bool


class Review(BaseModel):
    """All that the page for review needs, of one job."""

    job: str = Field(description="The name of the job that corrections carry")
    table: str = Field(description="The name of the table")
    version: str
    model: str
    review_below: float
    counts: JobCounts
    fields: list[ReviewItem]
    remarks: list[Remark]


MAX_ANSWERS = 100_000
"""Answers that are kept for a job: of a week of typing."""


def _all_texts(given: object, others: tuple[type, ...] = ()) -> object:
    """Refuse answers (ValueError) at the first that is no text: a million errors take 2 GB."""
    if isinstance(given, dict):
        for name, answer in given.items():
            if not isinstance(answer, (str, *others)):
                raise ValueError(f"{str(name)[:MAX_NAME]}: an answer must be a text")
    return given


class Answers(Body):
    """Answers as they are typed, under the names that the report's script keeps them."""

    answers: Annotated[dict[ShortText, ShortText], BeforeValidator(_all_texts)] = Field(
        default_factory=dict, max_length=MAX_ANSWERS
    )


class AnswerChanges(Body):
    """Answers to add or replace; null takes one away. Others stay."""

    answers: Annotated[
        dict[ShortText, ShortText | None], BeforeValidator(partial(_all_texts, others=(NoneType,)))
    ] = Field(max_length=10_000)


class CorrectionsDone(BaseModel):
    """What came of corrections: answers stored, those known already, digits left to review."""

    stored: int
    known: int
    review: int


class TemplateField(Body):
    """A field of a form: either `boxes`, left to right, or a `cell` for a number.

    Places are [left, top, width, height] in pixels of the form's page. `kind` is that of its
    values; without it a field keeps the kind that it has. What belongs to a kind, and rules, are
    keys of template.toml.
    """

    name: Name
    boxes: Annotated[list[Sides], Field(fail_fast=True)] | None = None
    cell: Sides | None = None
    kind: Kind | None = None


class Template(Body):
    """A form. `width` and `height` are those of its page; the order of fields is the columns'."""

    name: Name
    width: int
    height: int
    fields: list[TemplateField] = Field(
        min_length=1, max_length=usable_values.MAX_FIELDS, fail_fast=True
    )


class TemplateSummary(BaseModel):
    """A form that pages are recognised as."""

    name: str
    width: int
    height: int
    fields: int


class TemplateList(BaseModel):
    """The forms that the service knows."""

    templates: list[TemplateSummary]


class Token(Body):
    """The content of the token file, to sign in a browser."""

    token: Annotated[str, Field(min_length=1, max_length=1000)]


class Session(BaseModel):
    """Whether a token is needed, and whether this client has given it."""

    token_needed: bool
    signed_in: bool


class About(BaseModel):
    """The service: versions, defaults and limits, for the page and for programs."""

    version: str
    model: str
    review_below: float
    suffixes: list[str]
    default_template: str
    max_upload_bytes: int
    max_pages: int
    max_pixels: int
    keep_days: float
    formats: list[str]
    rows: list[str]


class Health(BaseModel):
    """The service answers. `queued` and `running` are jobs."""

    status: Literal["ok", "stopping"]
    version: str
    model: str
    seconds_up: float
    workers: int
    queued: int
    running: int
