"""REST of the parts of a large report, which it loads from a folder beside itself."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from fastapi.responses import FileResponse, Response

from formreader.service.problems import ProblemError
from formreader.service.service_state import Service, service_of

router = APIRouter(prefix="/api/v1/jobs/{job_id}", tags=["jobs"])

PartName = Annotated[str, Path(pattern=r"^part-[0-9a-f]{8}-[0-9]{4,9}\.js$")]


@router.get(
    "/results_files/{name}",
    response_class=FileResponse,
    responses={200: {"content": {"text/javascript": {"schema": {"type": "string"}}}}},
)
def get_report_part(
    job_id: str, name: PartName, service: Annotated[Service, Depends(service_of)]
) -> Response:
    """Give a part of the report, as `scan` writes it beside a large one."""
    report = service.done_job(job_id).folder.report
    part = report.with_name(f"{report.stem}_files") / name
    if not part.is_file():
        raise ProblemError(404, "The report has no such part, or was written anew. Load it again")
    return FileResponse(part, media_type="text/javascript")
