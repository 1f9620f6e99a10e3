"""Figures of the service, as text for Prometheus."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping

_PREFIX = "formreader"


class Metrics:
    """Counts what the service did since it started; several threads may use it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts = Counter[tuple[str, str]]({(name, ""): 0 for name in _FROM_THE_START})

    def add(self, name: str, amount: float = 1, label: str = "") -> None:
        """Add to a counter; `label` is a pair as Prometheus writes it, `state="done"`."""
        with self._lock:
            self._counts[name, label] += amount  # type: ignore[assignment]

    def add_seconds(self, stages: Mapping[str, float]) -> None:
        """Add the seconds that pages spent in each stage."""
        for stage, seconds in stages.items():
            self.add("stage_seconds_total", seconds, f'stage="{stage}"')

    def text(self, gauges: Mapping[str, float]) -> str:
        """Return all counters, and the `gauges` as they are now."""
        with self._lock:
            counts = dict(self._counts)
        return "".join(f"{line}\n" for line in _lines(counts, gauges))


_FROM_THE_START = ("pages_total", "pages_failed_total", "digits_total")
"""Counters that are shown before they count anything, so that a monitor knows them."""

_HELP = {
    "pages_total": "Pages that were read, also in /read.",
    "pages_failed_total": "Pages that could not be read.",
    "digits_total": "Crops that /digits read.",
    "jobs_total": "Jobs that ended, by state.",
    "requests_total": "Requests, by status.",
    "refused_total": "Requests that were refused, by reason.",
    "stage_seconds_total": "Seconds of all processes, by stage of the work.",
    "jobs_queued": "Jobs that wait.",
    "jobs_running": "Jobs that are read now.",
    "page_calls_waiting": "Calls that wait for a worker.",
    "seconds_up": "Seconds since the service was ready.",
    "memory_bytes": "Resident memory of the main process.",
}


def _lines(counts: Mapping[tuple[str, str], float], gauges: Mapping[str, float]) -> Iterator[str]:
    for name, help_text in _HELP.items():
        kind = "counter" if name.endswith("_total") else "gauge"
        yield f"# HELP {_PREFIX}_{name} {help_text}"
        yield f"# TYPE {_PREFIX}_{name} {kind}"
        if name in gauges:
            yield f"{_PREFIX}_{name} {gauges[name]:g}"
        for (other, label), value in sorted(counts.items()):
            if other == name:
                braces = f"{{{label}}}" if label else ""
                yield f"{_PREFIX}_{name}{braces} {value:.10g}"
