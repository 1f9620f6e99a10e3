"""The service as an application: its routes, its access rules, its schema."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from formreader.core.version import __version__
from formreader.service import (
    bodies,
    job_routes,
    page_routes,
    read_routes,
    report_part_routes,
    system_routes,
    template_routes,
)
from formreader.service.access import AccessGuard
from formreader.service.problems import PROBLEM_TYPE, add_problem_handlers
from formreader.service.service_state import Service

_ABOUT = (
    "Reads handwritten digits in the boxes of scanned forms. Uploads become jobs, which are read "
    "as `formreader scan` reads them."
)

_PROBLEM: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "What was wrong, and what to do about it",
        "content": {PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
}
"""The answer to all that goes wrong."""


def make_application(service: Service) -> FastAPI:
    """Return the application of a service."""
    app = FastAPI(
        title="formreader",
        version=__version__,
        description=_ABOUT,
        docs_url=None,  # FastAPI's own page loads its scripts from another host
        redoc_url=None,
        redirect_slashes=False,
        responses=_PROBLEM,
    )
    app.state.service = service
    add_problem_handlers(app)
    for routes in (
        job_routes, page_routes, report_part_routes, read_routes, template_routes, system_routes,
    ):  # fmt: skip
        app.include_router(routes.router)
    _complete_schema(app)
    app.add_middleware(AccessGuard, access=service.access, metrics=service.metrics)
    return app


def _complete_schema(app: FastAPI) -> None:
    """Add to the schema the bodies that no route declares by its type."""
    original = app.openapi

    def schema() -> dict[str, Any]:
        made = original()
        known = made.setdefault("components", {}).setdefault("schemas", {})
        for body in (
            bodies.Problem,
            bodies.Crops,
            bodies.Token,
            bodies.AnswerChanges,
            bodies.JobChanges,
        ):
            known.setdefault(body.__name__, body.model_json_schema())
        return made

    app.openapi = schema  # type: ignore[method-assign]
