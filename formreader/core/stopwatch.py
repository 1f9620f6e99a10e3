"""Where the time goes: seconds by stage."""

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
        """Add the time that the block takes to a stage; a block that fails does not count."""
        began = time.perf_counter()
        yield
        self.add({name: time.perf_counter() - began})

    def add(self, stages: Mapping[str, float]) -> None:
        """Add seconds that were measured elsewhere, by stage."""
        for name, seconds in stages.items():
            self.stages[name] = self.stages.get(name, 0.0) + seconds
