"""Rules of a field by itself: patterns of people who mean harm are as quick as those of others."""

from __future__ import annotations

import pytest

from formreader.rules.field_checks import broken_by
from formreader.rules.form_rules import FieldRules


@pytest.mark.parametrize(
    ("pattern", "value", "broken"),
    [
        (r"(\d+)+x", "1" * 5_000, ["pattern"]),  # backtracking would take longer than the universe
        (r"(\d|\d\d)+x", "12" * 2_500, ["pattern"]),
        (r"[12]\d*", "1" * 5_000, []),
        (r"[12]\d*", "3", ["pattern"]),
        (r"\d{1,3}([., ]\d{3})*", "1.250.000", []),
        (r"\d{1,3}", "1250", ["pattern"]),
    ],
)
def test_a_pattern_fits_the_whole_value_in_little_time(
    pattern: str, value: str, broken: list[str]
) -> None:
    assert list(broken_by(FieldRules(pattern=pattern), value)) == broken
