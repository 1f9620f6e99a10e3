"""docs/service.md tells of every call and every option, and of none that there is not."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
from fastapi import FastAPI

from formreader.cli.serve import serve
from formreader.service import (
    job_routes,
    page_routes,
    read_routes,
    system_routes,
    template_routes,
)


@pytest.fixture(scope="module")
def text(root: Path) -> str:
    return (root / "docs" / "service.md").read_text(encoding="utf-8")


def test_every_call_is_told(text: str) -> None:
    app = FastAPI()
    for routes in (
        job_routes, page_routes, read_routes, system_routes, template_routes,
    ):  # fmt: skip
        app.include_router(routes.router)
    there = {
        (method.upper(), re.sub(r"\{job_id\}", "{id}", path))
        for path, operations in app.openapi()["paths"].items()
        for method in operations
    }
    told = set[tuple[str, str]]()
    for line in text.split("## REST")[1].split("\n## ")[0].splitlines():
        calls = re.findall(r"`([^`]+)`", line.split("|")[1]) if line.startswith("| `") else []
        words = " ".join(calls).split()
        paths = [word.partition("?")[0] for word in words if word.startswith("/")]
        methods = [word for word in words if word.isupper()]
        pairs = zip(methods, paths, strict=True) if len(paths) > 1 else [
            (method, paths[0]) for method in methods if paths
        ]  # fmt: skip
        told.update(pairs)
    assert told == there


def test_every_option_is_told(text: str) -> None:
    named = set(re.findall(r"`(--[\w-]+)", text.split("## Start")[1].split("\n## ")[0]))
    own = {
        name
        for one in serve.params
        if isinstance(one, click.Option)
        for name in (*one.opts, *one.secondary_opts)
        if name.startswith("--")
    }
    assert named == own - {"--verbose", "--quiet"}
