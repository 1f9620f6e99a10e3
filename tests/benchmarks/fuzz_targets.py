"""What `fuzz.py` hands damaged files to: each reader of what people hand in, by the kind of file.

A worker process imports this, so that a reader which crashes, hangs or takes all memory ends that.
"""

from __future__ import annotations

import asyncio
import io
import traceback
import zipfile
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from fastapi import Request

from formreader import load_results
from formreader.core.errors import FormreaderError
from formreader.core.model_folder import CARD_FILE, model_folder
from formreader.core.records import InputFile
from formreader.input.open_page import count_pages, read_page
from formreader.recognise.model_card import read_card
from formreader.review.audit_sample import AuditSample
from formreader.review.corrections_file import read_corrections
from formreader.review.edited_table import _rows, is_table
from formreader.service.problems import ProblemError
from formreader.service.request_bodies import receive_upload
from formreader.service.zip_files import ZipTooLargeError, unpack_zip
from formreader.store.job_store import JobStore
from formreader.template.template_file import (
    PAGE_FILE,
    TEMPLATE_FILE,
    parse_template,
    read_page_picture,
    read_template,
)

REFUSALS = (FormreaderError, ProblemError, ZipTooLargeError)
"""What readers raise of what they refuse."""

MAX_MESSAGE = 200_000
"""Characters of a refusal: a hundred lines, none of which repeats what was handed in."""

CORRECTIONS = (
    b"file,page,field,box,x,y,width,height,guess,confidence,digit,value,job\r\n"
    b"a.png,1,1,1,10,20,30,40,7,0.5312,1,,abc\r\n"
    b'"b, c.png",2,3,0,1,2,3,4,?6,0.1000,,16,abc\r\n'
)
TABLES = {
    "table.csv": (
        b"file,page,field,value,confidence,status,cells,x,y,width,height,lowest,message\n"
        b"a.png,1,1,0042,0.9976,ok,0042,1,2,3,4,0.9976,\n"
        b'b.png,1,0,,0.0000,error,,0,0,0,0,0.0000,"it ends early, or not"\n'
    ),
    "table.jsonl": (
        b'{"file": "a.png", "page": 1, "form": "tally", "status": "ok", "review": [], '
        b'"values": {"votes": "007"}, "message": ""}\n'
    ),
}
TEMPLATE = b"""# A form
format = 1
form = "tally"
width = 90
height = 50
sums = ["votes = total"]
rules_broken = 0.02

[[fields]]
name = "votes"
digits = "1..2"
min = 0
max = 50
pattern = "[0-9]+"
boxes = [
  [10.0, 10.0, 20.0, 20.0],
  [40.0, 10.0, 20.0, 20.0],
]

[[fields]]
name = "total"
optional = true
cell = [10.0, 30.5, 50.0, 15.0]

[document]
name = "all"
pages = ["tally"]
"""
SAMPLE = (
    b'{"job": "abc", "size": 2, "seed": 1, "populations": [1, 1], "fields": '
    b'[{"file": "a.png", "page": 1, "field": 1, "stratum": 0, "value": "42"}]}'
)
MULTIPART = (
    b'--edge\r\nContent-Disposition: form-data; name="rows"\r\n\r\ndigit\r\n'
    b'--edge\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n'
    b"Content-Type: image/png\r\n\r\nnot a picture\r\n--edge--\r\n"
)


def good_texts() -> dict[str, bytes]:
    """A good file of each kind but pages and jobs, by name: its kind, a dot, a variant."""
    made = {f"zip.{name}": _zip(how) for name, how in _PACKINGS.items()}
    made |= {"template.text": TEMPLATE, "corrections.csv": CORRECTIONS, **TABLES}
    made |= {"sample.json": SAMPLE, "multipart.body": MULTIPART}
    return made | {"card.json": (model_folder("digits") / CARD_FILE).read_bytes()}


_PACKINGS = {
    "stored": zipfile.ZIP_STORED,
    "deflated": zipfile.ZIP_DEFLATED,
    "bzip2": zipfile.ZIP_BZIP2,
    "lzma": zipfile.ZIP_LZMA,
}


def _zip(how: int) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", how) as archive:
        for name in ("a.png", "b/c.jpg", "notes.txt"):
            archive.writestr(zipfile.ZipInfo(name), bytes(range(256)) * 8, how)
    return stream.getvalue()


def import_readers() -> None:
    """What a worker does first: importing this was all."""


def attempt(name: str, data: bytes) -> str:
    """Hand a file to the reader of its kind; return what is wrong with what that did, or ""."""
    with TemporaryDirectory(prefix="formreader-fuzz-") as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        try:
            READERS[name.partition(".")[0]](path)
        except REFUSALS as error:
            text = str(getattr(error, "detail", error))
            return "" if 0 < len(text) < MAX_MESSAGE else f"a message of {len(text):,} characters"
        except Exception:
            return traceback.format_exc()
    return ""


def _page(path: Path) -> None:
    file = InputFile(str(path), path.name)
    for number in range(min(3, count_pages(file))):
        read_page(file, number)


def _template(path: Path) -> None:
    (path.parent / TEMPLATE_FILE).write_bytes(path.read_bytes())
    (path.parent / PAGE_FILE).write_bytes(b"none")
    parse_template(path.read_text(encoding="utf-8", errors="replace"))
    read_page_picture(path.parent, read_template(path.parent))


def _table(path: Path) -> None:
    if is_table(path):
        list(_rows(path))
    load_results(path)


def _card(path: Path) -> None:
    path.rename(path.with_name(CARD_FILE))
    read_card(path.parent)


def _job(path: Path) -> None:
    with JobStore.open_finished(path) as store:
        store.view()
        for pages in (store.readings(), store.review_fields(), store.files()):
            np.fromiter((1 for _ in pages), int)


def _multipart(path: Path) -> None:
    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": path.read_bytes(), "more_body": False}

    kind = (b"content-type", b"multipart/form-data; boundary=edge")
    request = Request({"type": "http", "method": "POST", "headers": [kind]}, receive)
    asyncio.run(receive_upload(request, path.parent, 2**20, 10))


READERS: dict[str, Callable[[Path], object]] = {
    "page": _page,
    "template": _template,
    "corrections": read_corrections,
    "table": _table,
    "sample": AuditSample.read,
    "card": _card,
    "job": _job,
    "zip": lambda path: unpack_zip(path, path.parent, 10, 2**20),
    "multipart": _multipart,
}
"""Kind -> its reader, which gets the path of a file."""
