"""Texts that people and other programs hand in, damaged at random: read, or refused as they say."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from formreader.core.errors import FormreaderError
from formreader.core.geometry import Box
from formreader.core.model_folder import CARD_FILE, model_folder
from formreader.output.results_frame import load_results
from formreader.recognise.model_card import read_card
from formreader.review.corrections_file import read_corrections
from formreader.template.form_template import FieldPlace, FormTemplate
from formreader.template.template_file import TEMPLATE_FILE, read_template, write_template

CORRECTIONS = (
    b"file,page,field,box,x,y,width,height,guess,confidence,digit,value,job\r\n"
    b"a.png,1,1,1,10,20,30,40,7,0.5312,1,,abc\r\n"
    b'"b, c.png",2,3,0,1,2,3,4,?6,0.1000,,16,abc\r\n'
)

RESULTS = (
    b"file,page,field,value,confidence,status,cells,x,y,width,height,lowest,message\r\n"
    b"a.png,1,1,0042,0.9976,ok,0042,1,2,3,4,0.9976,\r\n"
    b'b.png,1,0,,0.0000,error,,0,0,0,0,0.0000,"it ends early, or not"\r\n'
)

TOKENS = (
    b"", b"\0", b"\r", b"\n", b'"', b",", b";", b"\xff", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"-1",
    b"1e999", b"nan", b"Infinity", b"9" * 5000, b"=1+1", b"[[[[", b"{}", b"[", b"]", b"true",
    b"null", b"''", b"#", b"../..", b"\xe2\x80\xae", b"\\u0000",
)  # fmt: skip
"""What parsers trip over."""

changes = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 12), st.sampled_from(TOKENS) | st.binary(max_size=6)),
    min_size=1,
    max_size=4,
)
"""Where, how many bytes are taken out, and what is put in."""


def damaged(data: bytes, places: list[tuple[float, int, bytes]]) -> bytes:
    for where, taken, put in places:
        at = int(where * len(data))
        data = data[:at] + put + data[at + taken :]
    return data


def corrections(folder: Path, data: bytes) -> None:
    (folder / "corrections.csv").write_bytes(data)
    read_corrections(folder / "corrections.csv")


def results(folder: Path, data: bytes) -> None:
    (folder / "results.csv").write_bytes(data)
    load_results(folder / "results.csv")


def template(folder: Path, data: bytes) -> None:
    place = FieldPlace("Votes", (Box(10, 10, 20, 20), Box(40, 10, 20, 20)))
    write_template(folder, FormTemplate("tally", (90, 50), (place,)), np.zeros((50, 90), np.uint8))
    (folder / TEMPLATE_FILE).write_bytes(data or (folder / TEMPLATE_FILE).read_bytes())
    read_template(folder)


def card(folder: Path, data: bytes) -> None:
    (folder / CARD_FILE).write_bytes(data)
    read_card(folder)


def template_data() -> bytes:
    with TemporaryDirectory() as folder:
        template(Path(folder), b"")
        return (Path(folder) / TEMPLATE_FILE).read_bytes()


def card_data() -> bytes:
    whole = json.loads((model_folder("digits") / CARD_FILE).read_bytes())
    return json.dumps(whole).encode()


KINDS = {
    "corrections": (corrections, CORRECTIONS),
    "results": (results, RESULTS),
    "template": (template, template_data()),
    "card": (card, card_data()),
}


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25, deadline=None)
@given(places=changes)
def test_damaged_texts_are_read_or_refused(
    kind: str, places: list[tuple[float, int, bytes]]
) -> None:
    read, data = KINDS[kind]
    with TemporaryDirectory() as folder:
        read(Path(folder), data)
        try:
            read(Path(folder), damaged(data, places))
        except FormreaderError as error:
            assert folder in str(error), "it names no file"
            longest = max(map(len, str(error).splitlines()))
            assert longest < 1000 + 2 * len(folder), "it repeats what was handed in"
