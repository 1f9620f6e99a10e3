"""Confidences as people see them."""

from __future__ import annotations

import pytest

from formreader.output.table import whole_percent


@pytest.mark.parametrize(
    ("confidence", "text"),
    [(0.0, "0 %"), (0.0001, "< 1 %"), (0.0099, "< 1 %"), (0.01, "1 %"), (0.29, "29 %"),
     (0.9351, "93 %"), (0.94999999, "95 %"), (0.9999, "99 %"), (1.0, "100 %")],
)  # fmt: skip
def test_percent_are_rounded_down(confidence: float, text: str) -> None:
    assert whole_percent(confidence) == text
