"""Decode the values of a page together, under the rules of its form.

The model. Field f has candidate values with probabilities p_f(v), as the networks give them from
its ink alone. Before any ink is seen, people keep a rule with probability 1 - e (`FormRules.broken`
is e) and break it with e; of the values that break it, those that stand on the page are the share
`_SHARE_OF_ONE_BREAK`. So the probability of values v is, up to a constant,

    P(v) = product over fields f of p_f(v_f) * product over rules r of w_r(v)

    w_r = 1 - e                        where v keeps rule r, or a value is not readable or blank
    w_r = e * _SHARE_OF_ONE_BREAK      where v breaks it

In fields of sums and of dates in parts p_f(v) is multiplied by `_CHANCE_OF_A_DIGIT` for each
character that is not readable: else a value that says nothing would be preferred to all that do, as
something else keeps a sum only by chance.

The decoder finds the most probable values, and for each field the probabilities of its candidates
(its posterior), summed over all values of the others.

The method. Fields that no rule connects are independent. Connected ones are visited in an order in
which rules end early. For the rest only the partial sums of unfinished rules matter, so a state is
the tuple of these. Equal states are merged, for the best value (Viterbi 1967) and for the sum (the
forward-backward algorithm, Rabiner 1989). That is exact, also where rules form loops, but for two
limits: states less probable than the best by `_LEAST_STATE` are left out, and at most `_MAX_STATES`
are kept. Numbers are whole here: those of connected fields are multiplied by the power of ten that
leaves no decimals, so that 2.5 + 5 is 7.5 exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from formreader.core.dates import date_rule
from formreader.core.field_kinds import written_value
from formreader.core.records import FieldReading
from formreader.rules.expressions import decimals_of
from formreader.rules.field_checks import broken_by, number_of, relation_broken
from formreader.rules.form_rules import NO_RULES, FormRules, Relation

UNREADABLE = "?"
"""Stands in a value for what cannot be read; as a candidate for all values that are not listed."""

_SHARE_OF_ONE_BREAK = 0.1
"""Of the ways to break a rule, the share of the one on the page. A sum that is wrong in one of
three digits is one of 27; less would trust rules more. A choice, not measured."""

_CHANCE_OF_A_DIGIT = 0.1
"""How often a digit drawn at random keeps a sum."""

_MAX_STATES = 2_000
"""States that are kept at a field. Fields with a few doubtful digits have tens to hundreds."""

_LEAST_STATE = 1e-6
"""Probability, as a share of the best, below which a state is left out: what breaks a rule has
`e * _SHARE_OF_ONE_BREAK`, a thousand times as much."""

_MAX_SCALED = 10**15
"""Larger numbers could make sums too large to be counted."""

_UNKNOWN = -0x5DE6A3B1C2F49D07
"""Stands for a sum that cannot be checked; has bits in all places, for `_mixers`."""

Floats: TypeAlias = npt.NDArray[np.float64]
Integers: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Belief:
    """What the ink of a field says: candidate values, the most probable first.

    `values` are as the table writes them, with `UNREADABLE` for what is no digit; probabilities
    add up to 1.
    """

    values: tuple[str, ...]
    probabilities: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The index of the value `chosen` for a field, and the probabilities of its candidates."""

    chosen: int
    probabilities: tuple[float, ...]


def decode(beliefs: Mapping[str, Belief], rules: FormRules) -> dict[str, Verdict]:
    """The most probable values of a page's fields, and the probability of each candidate.

    `beliefs` are those of the fields by name. A rule about another field is not checked.
    """
    relations = [r for r in rules.relations if all(name in beliefs for name, _ in r.terms)]
    exact = {name for one in relations if one.compare in ("=", "date") for name, _ in one.terms}
    weighted = {
        name: _weighted(name, belief, rules, exact=name in exact)
        for name, belief in beliefs.items()
    }
    verdicts = dict[str, Verdict]()
    for names, among in _components(list(beliefs), relations):
        dated = any(one.compare == "date" for one in among)  # its parts are never fractions
        numbers = [one for name in names for one in weighted[name][0] if one is not None]
        scale = 0 if dated else max(map(decimals_of, numbers), default=0)
        fields = [(name, _scaled(weighted[name][0], scale), weighted[name][1]) for name in names]
        verdicts |= _Component(fields, among, rules, 10**scale).verdicts()
    return verdicts


def _scaled(numbers: Sequence[int | Decimal | None], scale: int) -> Integers:
    """Numbers times 10 to the `scale`, (n,); `_UNKNOWN` for those that are none or too large."""
    scaled = (None if one is None else one * 10**scale for one in numbers)
    return np.array(
        [
            _UNKNOWN if one is None or one % 1 or abs(one) > _MAX_SCALED else int(one)
            for one in scaled
        ],
        np.int64,
    )


def written_values(fields: Iterable[FieldReading], rules: FormRules) -> dict[str, str]:
    """The values of the fields of a page that rules are about, by name and as written."""
    named = rules.named
    return {
        one.name: written_value(one.value, one.cells, rules.of(one.name))
        for one in fields
        if one.name in named
    }


def broken_rules(values: Mapping[str, str], rules: FormRules) -> dict[str, tuple[str, ...]]:
    """The rules that values break, as reasons, by field; one of several is the same for all."""
    found = dict[str, list[str]]()
    for name, value in values.items():
        if own := list(broken_by(rules.of(name), value, name)):
            found[name] = own
    for relation in rules.relations:
        known = _numbers_of(relation, values, rules)
        if not known or _holds(relation, known):
            continue
        told = relation_broken(relation, values, known, rules)
        for name in known:
            if told not in found.setdefault(name, []):
                found[name].append(told)
    return {name: tuple(texts) for name, texts in found.items()}


def kept_sums(values: Mapping[str, str], rules: FormRules) -> list[list[str]]:
    """The fields of each sum that the values of a page keep, where all of them are numbers."""
    sums = (one for one in rules.relations if one.compare == "=")
    known = ((one, _numbers_of(one, values, rules)) for one in sums)
    return [list(numbers) for one, numbers in known if numbers and _holds(one, numbers)]


def _numbers_of(
    relation: Relation, values: Mapping[str, str], rules: FormRules
) -> dict[str, int | Decimal]:
    """The numbers that a rule between fields is about; none where one of them is not known."""
    numbers = {
        name: number_of(values[name], rules.of(name)) if name in values else None
        for name, _ in relation.terms
    }
    known = {name: number for name, number in numbers.items() if number is not None}
    return known if len(known) == len(numbers) else {}


def _holds(relation: Relation, numbers: Mapping[str, int | Decimal]) -> bool:
    """Whether a rule between fields holds for their numbers, exactly."""
    total = relation.constant + sum(weight * numbers[name] for name, weight in relation.terms)
    match relation.compare:
        case "=":
            return total == 0
        case "date":
            return total % 1 == 0 and bool(keeps(relation, np.array(int(total), np.int64)))
    return total < 0 or (relation.compare == "<=" and total == 0)


def keeps(relation: Relation, totals: Integers) -> npt.NDArray[np.bool_]:
    """Whether a rule between fields holds for the weighted sums of their numbers, any shape."""
    if relation.compare == "=":
        return np.asarray(totals == 0, np.bool_)
    if relation.compare == "date":
        return date_rule(relation.date).fitting(totals)
    return np.asarray(totals < (0 if relation.compare == "<" else 1), np.bool_)


_Weighted: TypeAlias = tuple[Sequence[int | Decimal | None], Floats]
"""Of a field's candidates, (k,) each: the numbers that they stand for, and their weights."""


def _weighted(name: str, belief: Belief, rules: FormRules, *, exact: bool) -> _Weighted:
    """The candidates of a field, weighted by its rules; `exact`: few values keep one of them."""
    own, kept = rules.of(name), 1 - rules.broken
    breaks = rules.broken * _SHARE_OF_ONE_BREAK / kept
    numbers, weights = list[int | Decimal | None](), list[float]()
    any_rule = own != NO_RULES
    for value, probability in zip(belief.values, belief.probabilities, strict=True):
        number = number_of(value, own)
        unreadable = max(value.count(UNREADABLE), 1) if exact and number is None else 0
        numbers.append(number)
        breaches = sum(1 for _ in broken_by(own, value)) if any_rule else 0
        weights.append(probability * _CHANCE_OF_A_DIGIT**unreadable * breaks**breaches)
    return numbers, np.array(weights, np.float64)


def _components(
    names: Sequence[str], relations: Sequence[Relation]
) -> list[tuple[list[str], list[Relation]]]:
    """Groups of fields that rules connect, in an order in which few rules are open at a time."""
    group = {name: [name] for name in names}
    for relation in relations:
        first, *others = (name for name, _ in relation.terms)
        for other in others:
            if group[other] is not group[first]:
                group[first] += [name for name in group[other] if name not in group[first]]
                for name in group[other]:
                    group[name] = group[first]
    components = []
    for names_of in {id(one): one for one in group.values()}.values():
        among = [r for r in relations if r.terms[0][0] in names_of]
        components.append((_ordered(names_of, among), among))
    return components


def _ordered(names: Sequence[str], relations: Sequence[Relation]) -> list[str]:
    """Fields in an order that ends, as the next rule, the one with the fewest fields missing."""
    left = [[name for name, _ in relation.terms] for relation in relations]
    order = list[str]()
    while left:
        missing = [[name for name in one if name not in order] for one in left]
        i = min(range(len(left)), key=lambda k: len(missing[k]))
        order += missing[i]
        del left[i]
    return order + [name for name in names if name not in order]


@dataclass(frozen=True, slots=True, eq=False)
class _Layer:
    """The states after a field, and the steps that lead to them from those before.

    `sums`, (n, rules) int64, are the states. `forward`, (n,), is the sum over all ways to each,
    `best`, (n,), the weight of the best way, and `came`, (n,), the last step of that. Steps are,
    (m,) each, the state before, the candidate, the state here, and the weight.
    """

    sums: Integers
    forward: Floats
    best: Floats
    came: Integers
    steps: tuple[Integers, Integers, Integers, Floats]


class _Component:
    """Fields that rules connect, in their order, and these rules."""

    def __init__(
        self,
        fields: Sequence[tuple[str, Integers, Floats]],
        relations: Sequence[Relation],
        rules: FormRules,
        scale: int,
    ) -> None:
        self._fields, self._relations, self._scale = fields, relations, scale
        self._kept, self._broken = 1 - rules.broken, rules.broken * _SHARE_OF_ONE_BREAK
        place = {name: i for i, (name, _, _) in enumerate(fields)}
        terms = [dict(relation.terms) for relation in relations]
        last = [max(place[name] for name in of) for of in terms]
        # Of each field: the rules that it is in with their weights, and those that end with it.
        self._adds = [
            [(k, of[name]) for k, of in enumerate(terms) if name in of] for name, _, _ in fields
        ]
        self._ends = [[k for k, end in enumerate(last) if end == i] for i in range(len(fields))]
        self._mix = _mixers(len(relations))

    def verdicts(self) -> dict[str, Verdict]:
        """The verdict on each field."""
        start = np.array([[self._scale * one.constant for one in self._relations]], np.int64)
        one, none = np.ones(1), np.zeros(0, np.int64)
        layers = [_Layer(start, one, one, none, (none, none, none, np.zeros(0)))]
        for i in range(len(self._fields)):
            layers.append(self._step(i, layers[-1]))
        return self._read_back(layers)

    def _step(self, i: int, before: _Layer) -> _Layer:
        """The layer behind field i."""
        _, numbers, weights = self._fields[i]
        if len(numbers) == 1 and not self._ends[i]:
            return self._only_step(i, before)
        through = np.outer(before.forward, weights).ravel()
        probable = np.flatnonzero(through >= _LEAST_STATE * through.max())
        before_each, candidate = np.divmod(probable, len(numbers))  # (steps,) each
        steps, sums = weights[candidate], before.sums[before_each]
        self._add(i, sums, numbers[candidate])
        for k in self._ends[i]:
            held = (sums[:, k] == _UNKNOWN) | keeps(self._relations[k], sums[:, k])
            steps = steps * np.where(held, self._kept, self._broken)
            sums[:, k] = 0
        mixed = (sums.view(np.uint64) * self._mix).sum(axis=1, dtype=np.uint64)
        first, state = _grouped(mixed)
        forward = _summed(state, before.forward[before_each] * steps)
        ways = before.best[before_each] * steps
        came = _last_best(ways, state, len(first))
        return _limited(
            sums[first], forward, ways[came], came, (before_each, candidate, state, steps)
        )

    def _only_step(self, i: int, before: _Layer) -> _Layer:
        """The layer behind field i, which has one candidate and ends no rule: states stay apart."""
        _, numbers, weights = self._fields[i]
        sums, each = before.sums.copy(), np.arange(len(before.forward))
        self._add(i, sums, np.repeat(numbers, len(each)))
        steps = each, np.zeros_like(each), each, np.repeat(weights, len(each))
        return _Layer(sums, before.forward, before.best, each, steps)

    def _add(self, i: int, sums: Integers, numbers: Integers) -> None:
        """Add numbers of field i, (n,), to sums, (n, rules), in place."""
        for k, factor in self._adds[i]:
            readable = (sums[:, k] != _UNKNOWN) & (numbers != _UNKNOWN)
            sums[:, k] = np.where(readable, sums[:, k] + factor * numbers, _UNKNOWN)

    def _read_back(self, layers: Sequence[_Layer]) -> dict[str, Verdict]:
        """From the last field back to the first: its verdict, from the steps at it."""
        verdicts = dict[str, Verdict]()
        backward = np.ones(len(layers[-1].forward))
        at = int(layers[-1].best.argmax())
        for i in range(len(self._fields) - 1, -1, -1):
            before_each, candidate, state, steps = layers[i + 1].steps
            before = layers[i].forward
            onward = steps * backward[state]
            shares = _summed(candidate, before[before_each] * onward, len(self._fields[i][1]))
            step = layers[i + 1].came[at]
            at, chosen = int(before_each[step]), int(candidate[step])
            verdicts[self._fields[i][0]] = Verdict(chosen, tuple((shares / shares.sum()).tolist()))
            earlier = _summed(before_each, onward, len(before))
            backward = earlier / earlier.max()
        return verdicts


@lru_cache(maxsize=64)
def _mixers(n: int) -> npt.NDArray[np.uint64]:
    """Numbers (n,) that mix the sums of a state into one, by which equal states are found.

    Two that differ get the same once in 10 to the 19. By SplitMix64 (Steele, Lea and Flood 2014).
    """
    with np.errstate(over="ignore"):
        mixed = np.arange(1, n + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return np.asarray(mixed ^ (mixed >> np.uint64(31)), np.uint64)


def _grouped(values: npt.NDArray[np.uint64]) -> tuple[Integers, Integers]:
    """Where one of each different value is, (m,), and which of these each is, (n,).

    `numpy.unique` sorts so that it can tell where the first of each is, which takes longer.
    """
    order = np.argsort(values)
    ranked = values[order]
    is_new = np.append(True, ranked[1:] != ranked[:-1])
    group = np.empty(len(values), np.int64)
    group[order] = np.cumsum(is_new) - 1
    return order[is_new], group


def _last_best(weights: Floats, group: Integers, n: int) -> Integers:
    """The place of the largest weight in each of n groups, the last one of equal ones; (n,)."""
    best = np.zeros(n)
    np.maximum.at(best, group, weights)
    places = np.flatnonzero(weights == best[group])
    found = np.zeros(n, np.int64)
    found[group[places]] = places
    return found


def _summed(places: Integers, weights: Floats, n: int = 0) -> Floats:
    """The weights at each of n places or more, summed."""
    return np.asarray(np.bincount(places, weights, minlength=n), np.float64)


def _limited(
    sums: Integers,
    forward: Floats,
    best: Floats,
    came: Integers,
    steps: tuple[Integers, Integers, Integers, Floats],
) -> _Layer:
    """The layer of the `_MAX_STATES` most probable states; steps to the others weigh 0."""
    if len(forward) > _MAX_STATES:
        kept = np.sort(np.argsort(-forward, kind="stable")[:_MAX_STATES])
        new = np.zeros(len(forward), np.int64)
        new[kept] = np.arange(len(kept))
        lost = np.ones(len(forward), np.bool_)
        lost[kept] = False
        before, candidate, state, weights = steps
        steps = before, candidate, new[state], np.where(lost[state], 0.0, weights)
        sums, forward, best, came = sums[kept], forward[kept], best[kept], came[kept]
    return _Layer(sums, forward / forward.max(), best / best.max(), came, steps)
