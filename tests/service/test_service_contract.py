"""Each operation of /openapi.json, called with drawn requests: it answers as promised."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings

from formreader.service.run_service import make_application
from formreader.service.service_state import Service

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import schemathesis
    from schemathesis.specs.openapi.checks import positive_data_acceptance

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def schema(service: Service, client: TestClient, form_png: Path) -> Any:
    """The service's schema; it has a job and a form, so that some requests find something."""
    page = ("form.png", form_png.read_bytes())
    client.post("/api/v1/templates?name=form", files={"file": page})
    access = replace(service.access, names=service.access.names | {"testserver"})
    known = make_application(replace(service, access=access))
    return schemathesis.openapi.from_asgi("/openapi.json", known)


def test_operations_keep_their_contract(schema: Any) -> None:
    broken = list[str]()
    operations = [found.ok() for found in schema.get_all_operations()]
    for operation in operations:
        try:
            _call(operation)
        except BaseExceptionGroup as group:
            broken += [f"{operation.label}: {error}" for error in group.exceptions]
        except AssertionError as error:
            broken.append(f"{operation.label}: {error}")
    assert len(operations) > 25
    assert not broken, "\n\n".join(broken)


def _call(operation: Any) -> None:
    @settings(max_examples=2, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy())
    def call(case: Any) -> None:
        # No schema tells files that are pages from files that are none.
        case.call_and_validate(excluded_checks=[positive_data_acceptance])

    call()
