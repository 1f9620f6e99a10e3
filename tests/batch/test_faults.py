"""Batches that are disturbed: small forms of the benchmarks of kills, damage and memory."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image

from formreader.core.errors import ExitCode
from formreader.synth import FormSpec, render_form

RunProcess = Callable[..., "subprocess.CompletedProcess[str]"]

MOST_GROWTH = 1.15
"""Of the memory. The promise for 2,000 pages against 200 is 1.1, but the peaks of two scans of the
same pages differ by up to 7 %; pages that were kept would take a fifth more."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        sys.platform != "linux", reason="signals and memory are told otherwise elsewhere"
    ),
]


@pytest.fixture
def original(tmp_path: Path) -> Path:
    """A small form as a JPEG file."""
    path = tmp_path / "form.jpg"
    page = render_form(1, FormSpec(dpi=100, width=120, height=110))
    Image.fromarray(page.image).convert("L").save(path, dpi=(100, 100))
    return path


@pytest.mark.parametrize(
    ("kinds", "kills"), [(("sigkill", "sigterm", "workers"), 1), (("cluster",), 1)]
)
def test_nothing_is_lost_by_kills(
    process: RunProcess,
    root: Path,
    original: Path,
    tiny_model: Path,
    kinds: tuple[str, ...],
    kills: int,
) -> None:
    if "cluster" in kinds:
        pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
    script = root / "tests/benchmarks/kills.py"
    small = ("--pages", 60, "--originals", original, "--model", tiny_model)
    done = process(script, "--kinds", *kinds, "--kills", kills, "--cluster-workers", 2, *small)
    assert done.returncode == 0, done.stdout + done.stderr
    for kind in kinds:
        told = re.findall(rf"^{kind}, kill \d+: ", done.stdout, re.MULTILINE)
        assert len(told) >= kills, done.stdout
        assert re.search(rf"^{kind}: .*[1-9]\d* tables compared", done.stdout, re.MULTILINE)


def test_damaged_files_have_rows(process: RunProcess, root: Path, tiny_model: Path) -> None:
    """One file of each format damaged in each way."""
    fuzz = root / "tests/benchmarks/fuzz.py"
    done = process(fuzz, "--files", 98, "--model", tiny_model)
    assert done.returncode == 0, done.stdout + done.stderr
    counted = re.search(r"98 files, (\d+) pages", done.stdout)
    assert counted, done.stdout
    assert int(counted[1]) >= 98


def test_damaged_files_are_read_or_refused(process: RunProcess, root: Path, tmp_path: Path) -> None:
    """Those that something was once wrong with, and some of each kind."""
    kept = shutil.copytree(root / "tests/benchmarks/fuzz_seeds", tmp_path / "kept")
    done = process(root / "tests/benchmarks/fuzz.py", "--cases", 180, "--keep", kept)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(re.findall(r"[1-9]\d* \w+", done.stdout)) == 9, done.stdout


def test_small_files_that_cost_much_have_rows(
    process: RunProcess, root: Path, tiny_model: Path
) -> None:
    """One takes gigabytes, one has a million pages, one is too large to be read."""
    attacks = root / "tests/benchmarks/attacks.py"
    names = ("self_drawing_form.pdf", "million_pages.tif", "sparse.png")
    small = ("--together", "--names", *names, "--pages", 2, "--model", tiny_model)
    done = process(attacks, *small)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 of 2 good pages read" in done.stdout


def test_memory_does_not_grow_with_the_pages(
    process: RunProcess, root: Path, original: Path
) -> None:
    """Few are three full groups of those that are stored together."""
    throughput = root / "tests/benchmarks/throughput.py"
    small = ("--few", 192, "--many", 448, "--originals", original)
    done = process(throughput, "--parts", "memory", *small)
    assert done.returncode == 0, done.stderr
    measured = re.search(r"memory ([\d.]+)", done.stdout)
    assert measured, done.stdout
    assert float(measured[1]) <= MOST_GROWTH, done.stdout


def test_two_jobs_at_once_in_the_scanned_folder(
    process: RunProcess, forms: Path, tiny_model: Path
) -> None:
    def scan(out: Path) -> bytes:
        done = process(
            "-m", "formreader", "scan", forms, "--model", tiny_model, "--workers", 1, "--out", out
        )
        assert done.returncode == ExitCode.DONE, done.stderr
        return out.read_bytes()

    with ThreadPoolExecutor() as threads:
        at_once = list(threads.map(scan, (forms / "a.csv", forms / "b.csv")))
    assert at_once == [scan(forms.parent / "alone.csv")] * 2
    reports = [(forms / name).read_text(encoding="utf-8") for name in ("a.html", "b.html")]
    assert all("a.png" in report for report in reports)
    assert not list(forms.glob(".formreader-*"))
