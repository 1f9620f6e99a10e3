"""A report with very many digits, in a browser: `python tests/benchmarks/large_report.py`.

Writes a report of drawn noise with 200,000 digits to review, and opens it from disk in headless
Chromium. Prints how long writing takes and how much memory it adds, when the first page is there,
how long it is from a key to the next crop drawn (at the 99th percentile and at most), how much of
that the page computes (which other work on the machine does not change), how the memory of the
browser grows over thousands of answers, how long a screen of a wall takes, and how long saving
takes. Exit code 1 where a limit is broken: 1 s, 50 ms computed, and 100 MB of growth.
"""

from __future__ import annotations

import argparse
import gc
import io
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from headless import PRESS, chromium
from PIL import Image
from result_file import Figure, add_json_option, write_result
from selenium import webdriver

from formreader.core.geometry import Box
from formreader.core.records import DigitReading, FieldReading, ReviewField, Status, Thumbnail
from formreader.output.report.report import ReportSummary, write_report

_MAX_START = 1.0
_MAX_KEY = 0.050
_MAX_GROWTH = 100e6
"""Seconds until the first digit is drawn, seconds that the page computes for a key, bytes that the
browser may grow by while a person answers."""

_BOXES = 4
"""Boxes of a field, two of them to review."""

_WALLS = """
const [screens, done] = arguments;
(async () => {
    const { walls } = await session, times = [];
    document.dispatchEvent(new KeyboardEvent("keydown", { key: "w", bubbles: true }));
    await walls.ready;
    for (let i = 0; i < screens; i += 1) {
        await walls.wall.ahead; // a person looks at a screen for longer
        const began = performance.now();
        document.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
        await walls.ready;
        times.push(performance.now() - began);
    }
    document.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
    done(times);
})();
"""

_SAVE = """
const [done] = arguments;
(async () => {
    const { review } = await session, began = performance.now();
    const text = await correctionsCsv(review.fields, review.job);
    done([performance.now() - began, text.split("\\n").length - 2]);
})();
"""

_SHOWN = "return performance.getEntriesByName('first-digit')[0]?.startTime ?? null"


def _png(pixels: np.ndarray[Any, Any]) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def fields(count: int) -> Iterator[ReviewField]:
    """Fields of noise, in pictures of the size of real ones."""
    rng = np.random.default_rng(1)
    stream = io.BytesIO()
    noise = rng.normal(200, 30, (100, 300)).clip(0, 255).astype(np.uint8)
    Image.fromarray(noise).save(stream, "JPEG", quality=50)
    jpeg = stream.getvalue()
    sprites = [
        _png(rng.integers(0, 256, (28, 28 * _BOXES), dtype=np.uint8) // 64 * 64) for _ in range(50)
    ]
    for i in range(count):
        confidences = [*rng.uniform(0.1, 0.95, 2), 0.999, 0.999]
        digits = tuple(
            DigitReading(
                Box(100 + 50 * box, 200, 50, 50),
                int(rng.integers(10)),
                confidence,
                Status.REVIEW if box < 2 else Status.OK,
                3,
                0.04,
            )
            for box, confidence in enumerate(confidences)
        )
        value = "".join(str(one.digit) for one in digits)
        read = FieldReading(digits, value, value, float(np.prod(confidences)), Status.REVIEW)
        place = f"folder/scan_{i // 50:06}.tif", 0, i % 50
        yield ReviewField(*place, read, Thumbnail(jpeg, Box(70, 170, 300, 110), 1), sprites[i % 50])


def write(path: Path, digits: int) -> dict[str, Figure]:
    """Write the report; print and return what that takes."""
    counts = {"files": 1, "pages": 1, "fields": digits // 2, "digits": digits * 2, "review": digits}
    summary = ReportSummary(
        **counts, blank=0, failed=0, review_below=0.95, made=datetime.now(), version="-",
        model="-", csv_name="results.csv", job="0123456789abcdef",
    )  # fmt: skip
    process = psutil.Process()
    gc.collect()
    before, most, began = process.memory_info().rss, 0, time.perf_counter()

    def watched() -> Iterator[ReviewField]:
        nonlocal most
        for i, field in enumerate(fields(digits // 2)):
            if i % 1000 == 0:
                most = max(most, process.memory_info().rss)
            yield field

    write_report(path, summary, watched())
    most = max(most, process.memory_info().rss)
    parts = sorted(path.with_name("results_files").glob("*"))
    size = sum(part.stat().st_size for part in parts)
    print(
        f"written in {time.perf_counter() - began:.0f} s with {(most - before) / 1e6:.0f} MB more "
        f"memory: index {path.stat().st_size / 1e6:.1f} MB, {len(parts)} parts of "
        f"{size / max(len(parts), 1) / 1e6:.2f} MB"
    )
    return {
        "digits to review": digits,
        "index, MB": path.stat().st_size / 1e6,
        "parts": len(parts),
        "a part, MB": size / max(len(parts), 1) / 1e6,
    }


def memory(browser: webdriver.Chrome) -> int:
    """Bytes of JavaScript and of all that the page holds, after its garbage is collected."""
    browser.execute_cdp_cmd("HeapProfiler.collectGarbage", {})
    used: int = browser.execute_cdp_cmd("Runtime.getHeapUsage", {})["usedSize"]
    return used


def processor_times(browser: webdriver.Chrome, keys: list[str]) -> np.ndarray[Any, Any]:
    """Milliseconds that the page computes for each key, until the next crop is drawn."""
    browser.execute_cdp_cmd("Performance.enable", {"timeDomain": "threadTicks"})
    taken = [_computed(browser)]
    for key in keys:
        browser.execute_async_script(PRESS, [key])
        taken.append(_computed(browser))
    return np.diff(taken) * 1000


def _computed(browser: webdriver.Chrome) -> float:
    metrics = browser.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
    return next(float(one["value"]) for one in metrics if one["name"] == "TaskDuration")


def main() -> int:
    """Write, open, answer, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--digits", type=int, default=200_000)
    parser.add_argument("--keys", type=int, default=4_000, help="answers one by one")
    parser.add_argument("--computed", type=int, default=400, help="of these, one at a time")
    parser.add_argument("--screens", type=int, default=50, help="screens of walls")
    add_json_option(parser)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="formreader-large-") as folder:
        report = Path(folder, "results.html")
        figures = write(report, options.digits)
        browser = chromium(Path(folder, "profile"))
        browser.set_script_timeout(600)
        try:
            code = measure(browser, report, options, figures)
        finally:
            browser.quit()
    write_result(options.json, figures)
    return code


def measure(
    browser: webdriver.Chrome,
    report: Path,
    options: argparse.Namespace,
    figures: dict[str, Figure],
) -> int:
    """Print the figures of the browser, and add them; return the exit code."""
    starts = []
    for _ in range(3):
        browser.get("about:blank")
        browser.get(report.as_uri())
        while (shown := browser.execute_script(_SHOWN)) is None:
            time.sleep(0.01)
        starts.append(shown / 1000)
    print("first digit drawn after " + ", ".join(f"{one:.2f}" for one in starts) + " s")
    before = memory(browser)
    keys = ["Enter", "7", "1", " "] * 100
    rounds = range(0, options.keys, len(keys))
    times = np.concatenate([browser.execute_async_script(PRESS, keys) for _ in rounds]) / 1000
    print(
        f"{len(times)} keys: next crop after {np.median(times) * 1e3:.0f} ms (median), "
        f"{np.quantile(times, 0.99) * 1e3:.0f} (99 %), {times.max() * 1e3:.0f} ms at most"
    )
    computed = processor_times(browser, keys[: options.computed])
    print(
        f"{len(computed)} keys: {np.median(computed):.0f} ms of a processor (median), "
        f"{np.quantile(computed, 0.99):.0f} (99 %), {computed.max():.0f} at most"
    )
    after = memory(browser)
    print(f"memory of the page: {before / 1e6:.0f} MB before, {after / 1e6:.0f} MB after")
    walls = np.array(browser.execute_async_script(_WALLS, options.screens)) / 1000
    print(
        f"{len(walls)} screens of walls: {np.median(walls) * 1e3:.0f} ms (median), "
        f"{walls.max() * 1e3:.0f} ms at most; memory {memory(browser) / 1e6:.0f} MB"
    )
    taken, rows = browser.execute_async_script(_SAVE)
    print(f"corrections.csv of {rows:,} answers in {taken / 1000:.1f} s")
    figures |= {
        "first digit drawn after, s": float(np.median(starts)),
        "key to next crop drawn, median, ms": float(np.median(times)) * 1e3,
        "key to next crop drawn, 99 %, ms": float(np.quantile(times, 0.99)) * 1e3,
        "of that computed, median, ms of a processor": float(np.median(computed)),
        "of that computed, 99 %, ms of a processor": float(np.quantile(computed, 0.99)),
        "a screen of a wall, median, ms": float(np.median(walls)) * 1e3,
        "memory of the page before the answers, MB": before / 1e6,
        f"memory of the page after {len(times) + len(computed):,} answers, MB": after / 1e6,
        "saving corrections.csv, s": taken / 1000,
    }
    slow = np.median(starts) > _MAX_START or np.quantile(computed, 0.99) > _MAX_KEY * 1000
    return int(slow or after - before > _MAX_GROWTH)


if __name__ == "__main__":
    raise SystemExit(main())
