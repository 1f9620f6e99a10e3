"""What tests of the training of the page network share: small hands, and pages drawn with them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from written_pdf import written_pdf

from formreader.training.data.digit_sets import PenStrokes
from page_network.hands import HandBook, by_writer
from page_network.printed_forms import PrintedPage

BOX_PT = (60.0, 60.0, 80.0, 84.0)
"""First box of the comb of the printed page, in points from the page's top left."""
BOXES, CELL_PT = 5, (60.0, 140.0, 240.0, 176.0)


@pytest.fixture(scope="session")
def book() -> HandBook:
    """One writer of strokes and one of images, who write every digit as a cross and a bar."""
    paths = [
        [
            np.array([[100.0, 0.0], [500.0, 500.0], [400.0 + 20 * digit, 1000.0]]),
            np.array([[100.0, 600.0], [700.0, 500.0]]),
        ]
        for digit in range(10)
    ]
    images = np.zeros((10, 28, 28), np.uint8)
    for digit in range(10):
        images[4:24, 12:15] = 255
        images[digit, 6 + digit, 6:22] = 255
    labels = np.arange(10, dtype=np.uint8)
    strokes = PenStrokes(paths, labels, np.zeros(10, np.int64))
    return HandBook(strokes, by_writer(strokes), images, labels, [np.arange(10)])


def _pdf(content: str, width: float, height: float) -> bytes:
    """A PDF of one page with this content."""
    stream = content.encode()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %g %g] /Contents 4 0 R /Resources << /Font "
        b"<< /F1 5 0 R >> >> >>" % (width, height),
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    return written_pdf(objects)


@pytest.fixture(scope="session")
def printed(tmp_path_factory: pytest.TempPathFactory) -> PrintedPage:
    """A printed form with a comb, a cell, and two words."""
    width, height = 300.0, 220.0
    left, top, right, bottom = BOX_PT
    step = right - left
    combs = [[left + i * step, top, right + i * step, bottom] for i in range(BOXES)]
    end = combs[-1][2]
    lines = [["h", y, left, end, 0.8, "dark"] for y in (top, bottom)]
    lines += [["v", left + i * step, top, bottom, 0.8, "dark"] for i in range(BOXES + 1)]
    cell = {"box": list(CELL_PT), "empty": True, "write": "yes", "free": None}
    content = "0.8 w\n"
    for direction, at, first, last, *_ in lines:
        ends = (first, at, last, at) if direction == "h" else (at, first, at, last)
        x0, y0, x1, y1 = ends
        content += f"{x0} {height - y0} m {x1} {height - y1} l S\n"
    x0, y0, x1, y1 = CELL_PT
    content += f"{x0} {height - y1} {x1 - x0} {y1 - y0} re S\n"
    content += f"BT /F1 12 Tf 60 {height - 50} Td (Number) Tj ET\n"
    content += f"BT /F1 12 Tf 60 {height - 130} Td (Total) Tj ET\n"
    facts = {
        "name": "test", "page_size_pt": [width, height], "issuer_id": "test", "lines": lines,
        "rects": [{"box": list(CELL_PT), "stroke": True, "lw": 0.8}],
        "combs": [{"box": [left, top, end, bottom], "cells": combs, "writable": [True] * BOXES}],
        "combs_preprinted": [], "combs_unprinted": [], "ignore": [[250.0, 10.0, 290.0, 30.0]],
        "text_fields": [], "buttons": [], "cells": [cell],
    }  # fmt: skip
    folder: Path = tmp_path_factory.mktemp("printed")
    (folder / "form.pdf").write_bytes(_pdf(content, width, height))
    (folder / "form.json").write_text(json.dumps(facts), encoding="utf-8")
    return PrintedPage.load(folder / "form.pdf")
