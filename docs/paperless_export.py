"""Export a table with one row a form to paperless-ngx: scans, with their values as custom fields.

Uses the REST API of paperless-ngx, versions 9 and 10 (https://docs.paperless-ngx.com/api/). Make
the custom fields there first, with the names of the columns of the table. A token is in the user's
"My Profile".

    export PAPERLESS_TOKEN=...
    .venv/bin/python docs/paperless_export.py results.csv scans/ http://localhost:8000

Only rows that are `ok` or `checked` are exported: correct the others first.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from formreader import load_results
from formreader.output.columns import PAGE_COLUMNS

CONVERTED: dict[str, Callable[[str], object]] = {"integer": int, "float": float}
"""What is sent for some types of custom fields; a text for all others, as dates in ISO 8601."""


def call(address: str, token: str, body: bytes | None = None, kind: str = "") -> Any:
    """What a call of the API answers."""
    headers = {"Authorization": f"Token {token}", "Accept": "application/json; version=9"}
    if body is not None:
        headers["Content-Type"] = kind
    with urlopen(Request(address, body, headers), timeout=60) as answer:
        return json.load(answer)


def custom_fields(server: str, token: str) -> dict[str, tuple[int, str]]:
    """The id and the type of each custom field, by its name."""
    found, address = dict[str, tuple[int, str]](), f"{server}/api/custom_fields/"
    while address:
        page = call(address, token)
        found |= {one["name"]: (one["id"], one["data_type"]) for one in page["results"]}
        address = page["next"]
    return found


def form_body(values: dict[str, str], file: Path) -> tuple[bytes, str]:
    """A multipart form with the file as `document`, and its content type."""
    mark = secrets.token_hex(16)
    head = "".join(
        f'--{mark}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in values.items()
    )
    name = file.name.replace('"', "_")
    head += (
        f'--{mark}\r\nContent-Disposition: form-data; name="document"; filename="{name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    body = head.encode() + file.read_bytes() + f"\r\n--{mark}--\r\n".encode()
    return body, f"multipart/form-data; boundary={mark}"


def export(table: Path, scans: Path, server: str, token: str) -> int:
    """Upload the scans of a table with their values; return how many were sent."""
    rows = load_results(table)
    known, sent = custom_fields(server, token), 0
    columns = [name for name in rows.columns if name not in (*PAGE_COLUMNS, "message")]
    print("no custom field for", [name for name in columns if name not in known])
    for row in rows.to_dict("records"):
        file = scans / row["file"]
        if row["status"] not in ("ok", "checked") or (rows["file"] == row["file"]).sum() > 1:
            print(f"{row['file']}: left out ({row['status']}, page {row['page']})")
            continue
        values = {}
        for name in columns:
            if name in known and row[name]:
                number, data_type = known[name]
                values[number] = CONVERTED.get(data_type, str)(row[name])
        body, kind = form_body({"title": file.stem, "custom_fields": json.dumps(values)}, file)
        task = call(f"{server}/api/documents/post_document/", token, body, kind)
        print(f"{row['file']}: {server}/api/tasks/?task_id={task}")
        sent += 1
    return sent


if __name__ == "__main__":
    where, folder, url = sys.argv[1:]
    export(Path(where), Path(folder), url.rstrip("/"), os.environ["PAPERLESS_TOKEN"])
