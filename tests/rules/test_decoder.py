"""The decoder gives what trying all values gives, and never corrects what was written wrong."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from formreader.core.dates import DateRule
from formreader.core.doubts import Doubt, reason
from formreader.rules import decoder
from formreader.rules.decoder import Belief, broken_rules, decode, keeps
from formreader.rules.expressions import parse_relations
from formreader.rules.field_checks import broken_by, number_of
from formreader.rules.form_rules import FieldRules, FormRules, RelationKey

NAMES = ("a", "b", "c", "d")
RULES: tuple[tuple[RelationKey, str], ...] = (
    ("sums", "c = a + b"),
    ("sums", "d = a - b"),
    ("sums", "a + d = 2 * b"),
    ("equal", "b = d"),
    ("less", "a < d"),
    ("less", "c >= b"),
)
VALUES = st.sampled_from(["0", "1", "2", "3", "5", "12", "", "?", "1?"])


@st.composite
def beliefs(draw: st.DrawFn) -> dict[str, Belief]:
    found = {}
    for name in NAMES:
        values = draw(st.lists(VALUES, min_size=1, max_size=5, unique=True))
        weights = [draw(st.floats(0.001, 1)) for _ in values]
        total = sum(weights)
        found[name] = Belief(tuple(values), tuple(w / total for w in weights))
    return found


def weight(values: Mapping[str, str], found: Mapping[str, Belief], rules: FormRules) -> float:
    """What the model gives an assignment, as its docstring says it."""
    one_break = decoder._SHARE_OF_ONE_BREAK
    product = 1.0
    for name, value in values.items():
        belief = found[name]
        product *= belief.probabilities[belief.values.index(value)]
        breaks = len(list(broken_by(rules.of(name), value)))
        exact = any(one.compare == "=" and name in dict(one.terms) for one in rules.relations)
        if exact and number_of(value, rules.of(name)) is None:
            product *= decoder._CHANCE_OF_A_DIGIT ** max(value.count("?"), 1)
        product *= (rules.broken * one_break / (1 - rules.broken)) ** breaks
    for one in rules.relations:
        numbers = [number_of(values[name], rules.of(name)) for name, _ in one.terms]
        if None in numbers:
            product *= 1 - rules.broken
            continue
        total = one.constant + sum(
            w * n for (_, w), n in zip(one.terms, numbers, strict=True) if n is not None
        )
        product *= 1 - rules.broken if keeps(one, np.array(total)) else rules.broken * one_break
    return product


@settings(max_examples=150, deadline=None)
@given(beliefs(), st.sets(st.sampled_from(RULES)), st.sampled_from([0.02, 0.3]), st.booleans())
def test_it_decodes_as_trying_all_values_does(
    found: dict[str, Belief], chosen: set[tuple[RelationKey, str]], broken: float, blank_is: bool
) -> None:
    fields = {"a": FieldRules(most=4, blank_is=0 if blank_is else None), "d": FieldRules((1, 1))}
    relations = [one for key, text in sorted(chosen) for one in parse_relations(key, text, NAMES)]
    rules = FormRules(fields, tuple(relations), broken)
    every = {
        values: weight(dict(zip(NAMES, values, strict=True)), found, rules)
        for values in itertools.product(*(found[name].values for name in NAMES))
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decoder, "_LEAST_STATE", 0.0)  # nothing is left out
        verdicts = decode(found, rules)
    best = tuple(found[name].values[verdicts[name].chosen] for name in NAMES)
    assert every[best] == pytest.approx(max(every.values()))
    for i, name in enumerate(NAMES):
        for value, probability in zip(
            found[name].values, verdicts[name].probabilities, strict=True
        ):
            share = sum(w for values, w in every.items() if values[i] == value)
            assert probability == pytest.approx(share / sum(every.values()))


def test_a_sum_settles_a_doubted_digit_and_never_corrects_a_wrong_sum() -> None:
    rules = FormRules(relations=parse_relations("sums", "total = a + b", ["a", "b", "total"]))
    sure, doubted = Belief(("12",), (1.0,)), Belief(("17", "11"), (0.8, 0.2))
    fitting = decode({"a": sure, "b": doubted, "total": Belief(("29",), (1.0,))}, rules)
    assert fitting["b"].chosen == 0
    assert fitting["b"].probabilities[0] > 0.999
    written = Belief(("30", "29"), (0.9999, 0.0001))
    wrong = decode(
        {"a": sure, "b": Belief(("17", "18"), (0.9995, 0.0005)), "total": written}, rules
    )
    assert wrong["total"].chosen == wrong["b"].chosen == 0
    values = {"a": "12", "b": "17", "total": "30"}
    assert broken_rules(values, rules) == dict.fromkeys(
        values, (reason(Doubt.SHOULD_BE_BY_RULE, "30", "total", "29", "total = a + b"),)
    )


def test_more_doubts_than_it_has_room_for_still_give_probabilities(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(decoder, "_MAX_STATES", 20)
    names = [f"v{i}" for i in range(8)]
    anything = Belief(tuple(str(i) for i in range(100)), (0.01,) * 100)
    total = Belief(("396",), (1.0,))
    rules = FormRules(relations=parse_relations("sums", f"t = {' + '.join(names)}", [*names, "t"]))
    verdicts = decode({**dict.fromkeys(names, anything), "t": total}, rules)
    for one in verdicts.values():
        assert math.isclose(sum(one.probabilities), 1)


def test_dates_fit_by_parts_as_the_calendar_has_them() -> None:
    for text, good, bad in (
        ("DDMMYYYY", "29022020", "29022019"),
        ("YYMMDD", "200229", "200230"),
        ("MMDDYYYY 2019-04-17..2019-04-18", "04182019", "04192019"),
    ):
        rule = DateRule.parse(text)
        assert rule.date_of(good) and not rule.date_of(bad) and not rule.date_of(good[1:])
        for digits, fitting in ((good, True), (bad, False)):
            at, total = 0, 0
            for part, weight in zip(rule.parts, rule.weights, strict=True):
                total += weight * int(digits[at : at + len(part)])
                at += len(part)
            assert rule.fitting(np.array([total, 0]))[:].tolist() == [fitting, False]
