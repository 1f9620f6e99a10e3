"""A service that tests share, in this process, and how to wait for its jobs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from fastapi.testclient import TestClient

from formreader.core.options import ScanOptions, ServeOptions
from formreader.service.run_service import make_application
from formreader.service.service_state import Service

Json = dict[str, Any]
Finish = Callable[[str], Json]
Serving = Callable[..., TestClient]

SCAN = ScanOptions(paths=(), workers=2, max_pages=50)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    data = tmp_path_factory.mktemp("data")
    options = ServeOptions(scan=SCAN, data=data, max_upload=0.01)
    running = Service.start(options)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def client(service: Service) -> TestClient:
    return TestClient(make_application(service), base_url="http://localhost:8000")


@pytest.fixture
def rules(service: Service) -> Serving:
    """A client of the same service with other rules: `rules(token="...")`."""

    def serving(base_url: str = "http://localhost:8000", **access: Any) -> TestClient:
        changed = replace(service, access=replace(service.access, **access))
        return TestClient(make_application(changed), base_url=base_url)

    return serving


@pytest.fixture
def finish(client: TestClient) -> Finish:
    """Wait for the end of a job by its events; return the job."""

    def wait(job_id: str) -> Json:
        text = client.get(f"/api/v1/jobs/{job_id}/events").text
        last = [line for line in text.splitlines() if line.startswith("data: ")][-1]
        job: Json = json.loads(last.removeprefix("data: "))
        return job

    return wait
