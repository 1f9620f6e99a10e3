"""Reading at once: pages, numbers and digits, as the library reads them."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from fastapi.testclient import TestClient
from PIL import Image

from formreader.api import Reader


def test_a_page_is_read_as_the_library_reads_it(client: TestClient, form_png: Path) -> None:
    content = form_png.read_bytes()
    sent = client.post("/api/v1/read", files={"file": ("form.png", content)})
    raw = client.post("/api/v1/read", content=content, headers={"content-type": "image/png"})
    expected = Reader().read(form_png)
    for answer in (sent.json(), raw.json()):
        assert [one["value"] for one in answer["fields"]] == [f.value for f in expected.fields]
        assert [one["confidence"] for one in answer["fields"]] == [
            round(f.confidence, 4) for f in expected.fields
        ]
    assert (sent.json()["file"], raw.json()["file"]) == ("form.png", "page")
    assert {"decode", "find", "recognise"} <= sent.json()["seconds"].keys()


def test_a_reason_is_in_the_first_language_that_the_client_asks_for(client: TestClient) -> None:
    stream = io.BytesIO()
    Image.new("L", (300, 200), 255).save(stream, "PNG")
    told = {
        asked: client.post(
            "/api/v1/read",
            content=stream.getvalue(),
            headers={"content-type": "image/png", "accept-language": asked},
        ).json()["notice"]
        for asked in ("fr, de-AT;q=0.8, en;q=0.5", "en", "*", "")
    }
    german, *others = told.values()
    assert german.startswith("keine Kästchen für Ziffern gefunden")
    assert all(other.startswith("no digit boxes found") for other in others)


def test_what_cannot_be_read_says_why(client: TestClient) -> None:
    answer = client.post("/api/v1/read", content=b"text", headers={"content-type": "image/png"})
    assert answer.status_code == 422
    assert "not a PNG" in answer.json()["detail"]
    empty = client.post("/api/v1/read", files={"other": ("a.png", b"x")})
    assert (empty.status_code, "`file`" in empty.json()["detail"]) == (422, True)
    assert client.post("/api/v1/read?page=3", content=b"%PDF-1.4").status_code == 422
    assert client.post("/api/v1/read?kind=novel", content=b"x").status_code == 422


def test_digits_as_crops_and_as_pictures(client: TestClient) -> None:
    crop = np.zeros((28, 28), np.uint8)
    crop[4:24, 13:16] = 255  # a one
    blank = np.zeros((28, 28), np.uint8)
    answer = client.post("/api/v1/digits", json={"crops": [crop.tolist(), blank.tolist()]})
    one, nothing = answer.json()["digits"]
    assert (one["digit"], nothing["digit"], nothing["status"]) == ("1", "", "blank")
    assert abs(sum(one["probabilities"].values()) - 1) < 1e-3
    assert list(one["probabilities"])[-1] == "none"
    stream = io.BytesIO()
    Image.fromarray(255 - crop).resize((280, 280)).save(stream, "PNG")
    files = [("files", ("a.png", stream.getvalue())), ("files", ("b.png", b"no picture"))]
    drawn, broken = client.post("/api/v1/digits", files=files).json()["digits"]
    assert (drawn["digit"], broken["status"]) == ("1", "error")
    assert "not a PNG" in broken["error"]
    wrong = client.post("/api/v1/digits", json={"crops": [[[0]]]})
    assert (wrong.status_code, "crops" in wrong.json()["detail"]) == (422, True)
