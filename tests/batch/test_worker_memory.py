"""How much memory workers get, and how it is measured."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from formreader.batch import worker_process as module
from formreader.batch.worker_process import GIB, ProcessMemory, machine_memory, worker_memory


@pytest.mark.parametrize(
    ("machine", "workers", "limit"), [(4, 2, 1.1), (64, 2, 4), (8, 64, 0.5), (1, 1, 0.5)]
)
def test_workers_share_the_memory(
    monkeypatch: pytest.MonkeyPatch, machine: int, workers: int, limit: float
) -> None:
    monkeypatch.setattr(module, "machine_memory", lambda: machine * GIB)
    assert worker_memory(workers) == pytest.approx(limit * GIB)
    assert worker_memory(workers, 3.0) == 3 * GIB


def test_the_limit_of_a_container_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    none, limit = tmp_path / "max", tmp_path / "limit"
    none.write_text("max\n", encoding="ascii")
    limit.write_text(f"{GIB // 8}\n", encoding="ascii")
    places = (tmp_path / "gone", none)
    monkeypatch.setattr(module, "_CONTROL_GROUP_LIMITS", places)
    assert machine_memory() > GIB // 8
    monkeypatch.setattr(module, "_CONTROL_GROUP_LIMITS", (*places, limit))
    assert machine_memory() == GIB // 8


def test_memory_of_a_process() -> None:
    assert ProcessMemory(os.getpid()).resident() > 2**20
    assert ProcessMemory(2**22 + 1).resident() == 0
