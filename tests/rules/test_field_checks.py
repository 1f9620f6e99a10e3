"""Rules of a field by itself: patterns of people who mean harm are as quick as those of others."""

from __future__ import annotations

from typing import Literal

import pytest

from formreader.core.doubts import Doubt, reason
from formreader.core.field_kinds import Kind
from formreader.rules.field_checks import MAX_DIGITS, broken_by, number_of
from formreader.rules.form_rules import FieldRules


@pytest.mark.parametrize(
    ("pattern", "value", "broken"),
    [
        (
            r"(\d+)+x",
            "1" * 5_000,
            [f"{'1' * 40}..."],
        ),  # backtracking would take longer than the universe
        (r"(\d|\d\d)+x", "12" * 2_500, [f"{'12' * 20}..."]),
        (r"[12]\d*", "1" * 5_000, []),
        (r"[12]\d*", "3", ["3"]),
        (r"\d{1,3}([., ]\d{3})*", "1.250.000", []),
        (r"\d{1,3}", "1250", ["1250"]),
    ],
)
def test_a_pattern_fits_the_whole_value_in_little_time(
    pattern: str, value: str, broken: list[str]
) -> None:
    told = list(broken_by(FieldRules(pattern=pattern), value))
    assert told == [reason(Doubt.OFF_PATTERN, "", one, pattern) for one in broken]


@pytest.mark.parametrize("kind", ["", "integer", "decimal", "code"])
def test_longer_numbers_are_names_of_things(kind: Kind | Literal[""]) -> None:
    rules = FieldRules(kind=kind)
    assert number_of("9" * MAX_DIGITS, rules) == 10**MAX_DIGITS - 1
    assert number_of("9" * (MAX_DIGITS + 1), rules) is None
