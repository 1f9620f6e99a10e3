"""Measure how many seconds each stage of the work takes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class Stopwatch:
    """Seconds since the start, and in each stage so far."""

    stages: dict[str, float] = field(default_factory=dict)
    began: float = field(default_factory=time.perf_counter)

    def seconds(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self.began

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time of a block to a stage; a block that raises does not count."""
        began = time.perf_counter()
        yield
        self.add({name: time.perf_counter() - began})

    def add(self, stages: Mapping[str, float]) -> None:
        """Add seconds by stage that were measured elsewhere."""
        for name, seconds in stages.items():
            self.stages[name] = self.stages.get(name, 0.0) + seconds
