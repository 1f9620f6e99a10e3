"""Sentences about rules are short enough to be read at each field."""

from __future__ import annotations

from formreader.output.wording import sentence
from formreader.rules.decoder import broken_rules
from formreader.rules.expressions import parse_relations
from formreader.rules.form_rules import FormRules


def test_a_sum_of_many_fields_is_told_in_two_lines() -> None:
    names = [f"hours_of_day_{n:02}" for n in range(1, 21)]
    rule = f"total = {' + '.join(names)}"
    rules = FormRules({}, parse_relations("sums", rule, [*names, "total"]))
    (told,) = broken_rules(dict.fromkeys(names, "2") | {"total": "41"}, rules)["total"]
    told = sentence(told)
    assert told.startswith("41 was read, but total should be 40: please look (total = hours_of_day")
    assert told.endswith("hours_of_day_20)") and " ... " in told and len(told) < 230
