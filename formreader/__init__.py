"""Batch reading of handwritten digits in the boxes of scanned forms.

The public names are those in `__all__`; `docs/library.md` shows how to use them. Other names may
change with any version. Public names are imported when first used, so that
`import formreader` is fast.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING

from formreader.core.errors import (
    FormreaderError,
    ModelError,
    NoInputError,
    OutputError,
    UsageError,
)
from formreader.core.version import __version__

if TYPE_CHECKING:
    from formreader.api import Reader, ScanEvent, load_results, scan
    from formreader.batch.scan_job import ScanSummary
    from formreader.core.geometry import Box
    from formreader.core.records import DigitReading, FieldReading, PageReading, Status
    from formreader.output.wording import sentence

# ONNX Runtime reports to its maker from some version on, and reads this when it is imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

__all__ = (
    "Box", "DigitReading", "FieldReading", "FormreaderError", "ModelError", "NoInputError",
    "OutputError", "PageReading", "Reader", "ScanEvent", "ScanSummary", "Status", "UsageError",
    "__version__", "load_results", "scan", "sentence",
)  # fmt: skip

_MODULES = {
    "Box": "core.geometry",
    "DigitReading": "core.records",
    "FieldReading": "core.records",
    "PageReading": "core.records",
    "Reader": "api",
    "ScanEvent": "api",
    "ScanSummary": "batch.scan_job",
    "Status": "core.records",
    "load_results": "api",
    "scan": "api",
    "sentence": "output.wording",
}
"""Name -> module of the names that are imported when first used (PEP 562)."""


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
