"""Jobs from upload to corrected table: read as `scan` reads, in every format, gone when deleted."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from fastapi.testclient import TestClient

from formreader.output.report import report, report_fields
from formreader.output.results_frame import load_results
from formreader.service.service_state import Service

Json = dict[str, Any]
Finish = Callable[[str], Json]
RunProgram = Callable[..., Result]


def upload(client: TestClient, *files: tuple[str, bytes], **values: str) -> Json:
    answer = client.post("/api/v1/jobs", files=[("files", one) for one in files], data=values)
    assert answer.status_code == 202, answer.text
    job: Json = answer.json()
    return job


def contents(folder: Path) -> list[tuple[str, bytes]]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return [(path.relative_to(folder).as_posix(), path.read_bytes()) for path in files]


@pytest.mark.slow
@pytest.mark.parametrize("rows", ["field", "digit"])
def test_readings_are_those_of_scan_byte_for_byte(
    client: TestClient, finish: Finish, forms: Path, program: RunProgram, tmp_path: Path, rows: str
) -> None:
    forms.joinpath("damaged.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    forms.joinpath("copy of a.png").write_bytes(forms.joinpath("a.png").read_bytes())
    job = finish(upload(client, *contents(forms), rows=rows, review_below="0.9")["id"])
    assert (job["state"], job["pages_failed"], job["counts"]["pages"]) == ("done", 1, 5)
    for suffix in ("csv", "jsonl"):
        out = tmp_path / f"results.{suffix}"
        program("scan", forms, "--out", out, "--rows", rows, "--review-below", "0.9")
        url = f"/api/v1/jobs/{job['id']}/results?format={suffix}"
        assert client.get(url).content == out.read_bytes()
    lines = out.read_text(encoding="utf-8").splitlines()
    as_json = client.get(f"/api/v1/jobs/{job['id']}/results?format=json&rows={rows}")
    assert as_json.json() == [json.loads(line) for line in lines]
    assert as_json.text == "[\n" + ",\n".join(lines) + "\n]\n"
    parquet = client.get(f"/api/v1/jobs/{job['id']}/results?format=parquet&rows=field")
    tmp_path.joinpath("t.parquet").write_bytes(parquet.content)
    assert len(load_results(tmp_path / "t.parquet")) > 3
    assert client.get(f"/api/v1/jobs/{job['id']}/report").text.count("<html") == 1


def test_a_zip_with_folders_is_as_its_folder(
    client: TestClient, finish: Finish, forms: Path
) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in (*contents(forms), ("notes.txt", b"no page"), (".hidden.png", b"x")):
            archive.writestr(name, content)
    zipped = finish(upload(client, ("forms.zip", stream.getvalue()))["id"])
    plain = finish(upload(client, *contents(forms))["id"])
    tables = [client.get(f"/api/v1/jobs/{job['id']}/results").text for job in (zipped, plain)]
    assert tables[0] == tables[1]
    assert (zipped["name"], zipped["files"], zipped["skipped"]) == ("forms.zip", 3, 2)


def test_pages_pictures_review_answers_and_corrections(
    client: TestClient, finish: Finish, forms: Path
) -> None:
    job = finish(upload(client, *contents(forms), review_below="1")["id"])
    base = f"/api/v1/jobs/{job['id']}"
    pages = client.get(f"{base}/pages?offset=1&limit=1").json()
    assert (pages["total"], [page["n"] for page in pages["pages"]]) == (3, [2])
    only = [client.get(f"{base}/pages?{what}").json() for what in ("file=b.jpg&page=1", "page=2")]
    assert [[one["n"] for one in found["pages"]] for found in only] == [[2], []]
    page = client.get(f"{base}/pages/2").json()
    assert (page["file"], page["width"] > 200) == ("b.jpg", True)
    field = page["readings"][0]
    assert field["digits"] and page["fields"] == len(page["readings"])
    picture = client.get(f"{base}/pages/2/picture?width=150")
    assert picture.content.startswith(b"\xff\xd8")
    assert picture.headers["x-page-width"] == str(page["width"])
    written = next(one["field"] for one in page["readings"] if one["status"] == "review")
    assert client.get(f"{base}/pages/2/fields/{written}/picture").content.startswith(b"\xff\xd8")
    assert client.get(f"{base}/pages/2/fields/{written}/crops").content.startswith(b"\x89PNG")

    review = client.get(f"{base}/review").json()
    assert review["counts"] == job["counts"]
    file, number, place, _, boxes, key, *_ = review["fields"][0]["record"]
    client.put(f"{base}/answers", json={"answers": {key: "7", "b": "1"}})
    client.patch(f"{base}/answers", json={"answers": {"b": None, "c": "2"}})
    assert client.get(f"{base}/answers").json() == {"answers": {key: "7", "c": "2"}}

    x, y, width, height, guess, confidence, *_ = boxes[0]
    header = "file,page,field,box,x,y,width,height,guess,confidence,digit,value,job"
    digit = "3" if guess != "3" else "5"
    line = f"{file},{number},{place},1,{x},{y},{width},{height},{guess},{confidence},{digit},,"
    csv = f"{header}\n{line}{review['job']}\n"
    headers = {"content-type": "text/csv"}
    before, shown = (client.get(f"{base}/{name}").text for name in ("results", "report"))
    assert client.get(f"{base}/report").text == shown, "written once"
    assert "--workers" not in shown
    done = client.post(f"{base}/corrections?by=ann", content=csv, headers=headers)
    assert (done.status_code, done.json()["stored"]) == (200, 1), done.text
    again = client.post(f"{base}/corrections", content=csv, headers=headers).json()
    assert (again["stored"], again["known"]) == (0, 1)
    assert client.get(f"{base}/results").text != before
    assert (
        '"figures.checked"></dt><dd class="figure-number">1</dd>'
        in client.get(f"{base}/report").text
    )
    assert client.get(base).json()["counts"]["checked"] == 1
    client.delete(f"{base}/corrections")
    assert client.get(f"{base}/results").text == before
    wrong = client.post(f"{base}/corrections", content="nonsense", headers=headers)
    assert (wrong.status_code, "/" in wrong.json()["detail"]) == (422, False)


def test_a_large_report_comes_in_parts(
    client: TestClient, finish: Finish, forms: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "ONE_FILE_BYTES", 1)
    monkeypatch.setattr(report_fields, "PART_BYTES", 5_000)
    job = finish(upload(client, *contents(forms), review_below="1")["id"])
    base = f"/api/v1/jobs/{job['id']}"
    index = client.get(f"{base}/report").text
    edition = re.findall(r'"edition": ?"([0-9a-f]{8})"', index)[0]
    names = [f"part-{edition}-{number:04}.js" for number in range(1, 4)]
    parts = [client.get(f"{base}/results_files/{name}") for name in names]
    assert [part.status_code for part in parts] == [200, 200, 200]
    assert all(part.text.startswith(f'reportPart("{edition}",') for part in parts)
    assert client.get(f"{base}/results_files/part-{edition}-0999.js").status_code == 404
    assert client.get(f"{base}/results_files/..%2Fresults.csv").status_code in (404, 422)


def test_a_deleted_job_is_gone_from_the_disk(
    client: TestClient, finish: Finish, form_png: Path, service: Service
) -> None:
    waiting = upload(client, *[(f"{i}.png", form_png.read_bytes()) for i in range(9)])
    done = finish(upload(client, ("form.png", form_png.read_bytes()))["id"])
    client.get(f"/api/v1/jobs/{done['id']}/pages")  # its store is open now
    for job in (waiting, done):
        assert client.delete(f"/api/v1/jobs/{job['id']}").status_code == 204
        answer = client.get(f"/api/v1/jobs/{job['id']}")
        assert (answer.status_code, answer.headers["content-type"]) == (
            404,
            "application/problem+json",
        )
        assert not [path for path in service.data.path.rglob("*") if job["id"] in str(path)]


def test_old_jobs_expire(client: TestClient, finish: Finish, form_png: Path, service: Service):
    job = finish(upload(client, ("form.png", form_png.read_bytes()))["id"])
    live = service.queue.get(job["id"])
    assert live is not None and job["expires"] > job["finished"]
    service.delete_old_jobs()
    assert client.get(f"/api/v1/jobs/{job['id']}").status_code == 200
    service.queue.change(live, lambda record: _aged(record, days=31))
    service.delete_old_jobs()
    assert client.get(f"/api/v1/jobs/{job['id']}").status_code == 404


def _aged(record: Any, days: float) -> Any:
    from dataclasses import replace

    return replace(record, finished=record.finished - days * 86_400)


def _edit(client: TestClient) -> None:
    """Save in the editor of the form Tally 7, wrong first: that changes nothing."""
    url, whole = "/api/v1/templates/Tally 7/edit", "/api/v1/templates/Tally 7"
    editor = client.get(url)
    assert '"saveUrl":"/api/v1/templates/Tally%207/edit"' in editor.text
    assert "connect-src 'self'" in editor.headers["content-security-policy"]
    assert client.get("/api/v1/templates/none/edit").status_code == 404
    (folder,) = [
        one for one in client.app.state.service.data.templates.iterdir() if "Tally" in one.name
    ]
    before = (folder / "template.toml").read_text(encoding="utf-8")
    assert str(folder) not in editor.text
    (folder / "secret").symlink_to("/etc/passwd")
    named = 'name = "votes"\n'
    assert named in before
    for wrong, told in {
        before.replace(named, named + "digits = 0\n"): ": digits: must be",
        before.replace(named, named + "votes = 1\n"): ": votes: unknown key",
        before.replace(named, named + 'pattern = "(a)\\\\1"\n'): "no references to groups",
        before.replace(named, named + 'one_of = "/etc/passwd"\n'): "beside its template.toml",
        before.replace(named, named + 'one_of = "../x.csv"\n'): "beside its template.toml",
        before.replace(named, named + 'one_of = "secret"\n'): "beside its template.toml",
        before.replace(named, named + 'one_of = "a.csv"\n'): "one_of: a.csv: cannot be read",
        before.replace("width = ", "width = 1"): "the form's page has",
        before + '[document]\npages = ["Tally 7"]\n': ": document: pages: must name two",
        "a = " + "[" * 100_000: "not valid TOML",
        "a = " + "9" * 10_000: "not valid TOML",
        "form = ": "line 1: not valid TOML",
    }.items():
        refused = client.post(url, content=wrong, headers={"content-type": "application/toml"})
        assert refused.status_code == 422
        assert refused.headers["content-type"] == "application/problem+json"
        assert told in refused.json()["detail"]
        assert str(folder) not in refused.text
    assert client.post(url, content=b"\xff").status_code == 422
    alone = client.post(url, content=before + '[document]\npages = ["Tally 7", "back"]\n')
    assert alone.status_code == 409 and "there is no form 'back'" in alone.text
    assert client.post(url, content=before, headers={"origin": "http://a.org"}).status_code == 403
    assert client.post(url, content=b" " * 2**23).status_code == 413
    assert (folder / "template.toml").read_text(encoding="utf-8") == before
    changed = "# by hand\n" + before.replace(named, named + "digits = 3\n")
    saved = client.post(url, content=changed)
    assert saved.json() == client.get(whole).json()
    assert (folder / "template.toml").read_text(encoding="utf-8") == changed


@pytest.mark.slow
def test_forms_are_made_named_and_used_for_rows_of_pages(
    client: TestClient, finish: Finish, form_png: Path
) -> None:
    page = ("form.png", form_png.read_bytes())
    made = client.post("/api/v1/templates?name=Tally 7", files={"file": page})
    assert made.status_code == 201, made.text
    twice = client.post("/api/v1/templates?name=Tally 7", files={"file": page})
    assert twice.status_code == 409
    template = made.json()
    template["fields"][0] |= {"name": "votes", "kind": "code"}
    changed = client.put("/api/v1/templates/Tally 7", json=template)
    assert changed.json()["fields"][0]["name"] == "votes"
    del template["fields"][0]["kind"]  # a client that knows no kinds leaves them as they are
    kept = client.put("/api/v1/templates/Tally 7", json=template).json()["fields"]
    assert [one["kind"] for one in kept[:2]] == ["code", None]
    template["fields"][0]["kind"] = "number"
    assert client.put("/api/v1/templates/Tally 7", json=template).status_code == 422
    del template["fields"][0]["kind"]
    template["fields"][0]["name"] = "page"
    assert client.put("/api/v1/templates/Tally 7", json=template).status_code == 422
    assert client.get("/api/v1/templates/Tally 7/picture").content.startswith(b"\x89PNG")
    _edit(client)
    job = finish(upload(client, page, template="Tally 7", rows="page")["id"])
    assert client.delete("/api/v1/templates/Tally 7").status_code == 204
    table = client.get(f"/api/v1/jobs/{job['id']}/results").text
    assert table.splitlines()[0].startswith("file,page,form,status,review,votes")
    assert "Tally 7" in table.splitlines()[1]
    assert client.get("/api/v1/templates").json() == {"templates": []}
