"""Decode the values of a page together, under the rules of its form.

The model. Field f has candidate values with probabilities p_f(v), as the networks give them from
its ink alone. Before any ink is seen, people keep a rule with probability 1 - e (`FormRules.broken`
is e) and break it with e; of the values that break it, those that stand on the page are one of
several equally likely: the share `_SHARE_OF_ONE_BREAK` of them. So the probability of values v is,
up to a constant,

    P(v) = product over fields f of p_f(v_f) * product over rules r of w_r(v)

    w_r = 1 - e                        where v keeps rule r, or it cannot be checked, because a
                                       value is not readable or is blank
    w_r = e * _SHARE_OF_ONE_BREAK      where v breaks it

and p_f(v) is multiplied by `_CHANCE_OF_A_DIGIT` for each character of v that is not readable, if a
rule says that the field is the sum of others or a part of one, or a part of a date. Without that, a
value that says nothing would be preferred to all that do: the one digit in ten that keeps a sum
keeps it by chance only where something else stands there.

The decoder finds the most probable values, and for each field the probabilities of its candidates
(its posterior), summed over all values of the others.

The method. Fields that no rule connects are independent. Those that rules connect are gone through
in an order in which rules end early. What is behind matters for the rest only by the partial sums
of the rules that have begun and not ended. So a state is the tuple of these sums: equal ones are
merged, for the best value (Viterbi 1967) and for the sum (the forward-backward algorithm, Rabiner
1989, with states of this kind). At the last field of a sum a state fits few candidates; all others
break the sum, with the same weight from all states that differ in this sum alone, and are one step
from all of them together. That is exact, in loops of rules as well, as long as no more than
`_MAX_STATES` states and `_MAX_STEPS` steps between them come up at a field. Where more do, the most
probable states and candidates are kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from formreader.rules.dates import DateRule
from formreader.rules.field_checks import broken_by, number_of
from formreader.rules.form_rules import FormRules, Relation

UNREADABLE = "?"
"""Stands in a value for what cannot be read; as a candidate for all values that are not listed."""

_SHARE_OF_ONE_BREAK = 0.1
"""Of the ways to break a rule, the share of the one on the page. A sum that is wrong in one of
three digits is one of 27; less would trust rules more. A choice, not measured."""

_CHANCE_OF_A_DIGIT = 0.1
"""How often a digit drawn at random keeps a sum."""

_MAX_STATES, _MAX_STEPS = 2_000, 20_000
"""States that are kept at a field, and steps to the next: bounds of the time, 20 ms a field. Fields
with a few doubtful digits have tens."""

_Sums: TypeAlias = tuple[int | None, ...]
"""Partial sums of the open rules; None for one that cannot be checked."""


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
    """What ink and rules say of a field.

    `chosen` is the index of its value in the most probable reading of the page, `probabilities`
    are those of its candidates.
    """

    chosen: int
    probabilities: tuple[float, ...]


def decode(beliefs: Mapping[str, Belief], rules: FormRules) -> dict[str, Verdict]:
    """The most probable values of a page's fields, and the probability of each candidate.

    Args:
        beliefs: the fields of the page by name. A rule about a field that is not among them is
            not checked.
        rules: the rules of the form.
    """
    relations = [r for r in rules.relations if all(name in beliefs for name, _ in r.terms)]
    exact = {name for one in relations if one.compare in ("=", "date") for name, _ in one.terms}
    weighted = {
        name: _weighted(name, belief, rules, exact=name in exact)
        for name, belief in beliefs.items()
    }
    verdicts = dict[str, Verdict]()
    for names, among in _components(list(beliefs), relations):
        fields = [(name, *weighted[name]) for name in names]
        verdicts |= _Component(fields, among, rules).verdicts()
    return verdicts


def broken_rules(values: Mapping[str, str], rules: FormRules) -> dict[str, tuple[str, ...]]:
    """The rules that the values of a page break, by the fields that they are about.

    Rules of one field are named `field: key`, those between fields by their text.
    """
    found = dict[str, list[str]]()
    for name, value in values.items():
        for key in broken_by(rules.of(name), value):
            found.setdefault(name, []).append(f"{name}: {key}")
    for relation in rules.relations:
        total: int | None = relation.constant
        for name, weight in relation.terms:
            number = number_of(values[name], rules.of(name)) if name in values else None
            total = None if total is None or number is None else total + weight * number
        if total is not None and not keeps(relation, total):
            for name, _ in relation.terms:
                if relation.text not in found.setdefault(name, []):
                    found[name].append(relation.text)
    return {name: tuple(texts) for name, texts in found.items()}


def keeps(relation: Relation, total: int) -> bool:
    """Whether a rule between fields holds for the weighted sum of their numbers."""
    if relation.compare == "=":
        return total == 0
    if relation.compare == "date":
        return _date_rule(relation.date).fits_number(total)
    return total < 0 or (relation.compare == "<=" and total == 0)


@lru_cache(maxsize=64)
def _date_rule(text: str) -> DateRule:
    return DateRule.parse(text)


_Weighted: TypeAlias = tuple[list[int | None], list[float]]
"""Of a field's candidates: the numbers that they stand for, and their weights."""


def _weighted(name: str, belief: Belief, rules: FormRules, *, exact: bool) -> _Weighted:
    """The candidates of a field, weighted by its own rules.

    `exact`: it is in a rule that few values keep.
    """
    own, kept = rules.of(name), 1 - rules.broken
    breaks = rules.broken * _SHARE_OF_ONE_BREAK / kept
    numbers, weights = [], []
    for value, probability in zip(belief.values, belief.probabilities, strict=True):
        number = number_of(value, own)
        unreadable = max(value.count(UNREADABLE), 1) if exact and number is None else 0
        numbers.append(number)
        breaches = sum(1 for _ in broken_by(own, value))
        weights.append(probability * _CHANCE_OF_A_DIGIT**unreadable * breaks**breaches)
    return numbers, weights


def _components(
    names: Sequence[str], relations: Sequence[Relation]
) -> list[tuple[list[str], list[Relation]]]:
    """Groups of fields that rules connect, each in the order in which it is gone through.

    The fields of one rule follow one another as far as rules share no fields, so that few rules
    are open at a time.
    """
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


class _Source(NamedTuple):
    """A group of states that steps come from: all ways to them, and the best one to its state."""

    group: int
    forward: float
    best: float
    state: int


class _Candidate(NamedTuple):
    """A candidate of a field with its number and its weight.

    `best` is the weight of its best single way, where other ways are counted elsewhere.
    """

    place: int
    number: int | None
    weight: float
    best: float


@dataclass(slots=True)
class _Layer:
    """The states after a field, and the steps that lead to them from those before.

    `forward` is the sum over all ways to each state, `best` the weight of the best one, and `came`
    the state and the candidate that its last step comes from. `steps` are (group, candidate, state
    here, weight); `groups` are the states before from which a step comes.
    """

    states: list[_Sums] = field(default_factory=list)
    forward: list[float] = field(default_factory=list)
    best: list[float] = field(default_factory=list)
    came: list[tuple[int, int]] = field(default_factory=list)
    groups: list[list[int]] = field(default_factory=list)
    steps: list[tuple[int, int, int, float]] = field(default_factory=list)
    index: dict[_Sums, int] = field(default_factory=dict)

    def state(self, sums: _Sums) -> int:
        """The index of a state, which is new or not."""
        at = self.index.setdefault(sums, len(self.states))
        if at == len(self.states):
            self.states.append(sums)
            self.forward.append(0.0)
            self.best.append(-1.0)
            self.came.append((0, 0))
        return at

    def source(self, before: _Layer, group: list[int]) -> _Source:
        """Some states before, as one that steps come from."""
        self.groups.append(group)
        top = group[0] if len(group) == 1 else max(group, key=lambda a: before.best[a])
        forward = sum(before.forward[a] for a in group)
        return _Source(len(self.groups) - 1, forward, before.best[top], top)

    def propose(self, at: int, weight: float, came: tuple[int, int]) -> None:
        """A way to a state, which may be the best."""
        if weight > self.best[at]:
            self.best[at], self.came[at] = weight, came

    def limited(self) -> _Layer:
        """The same with the `_MAX_STATES` most probable states, the highest probability being 1."""
        kept = list(range(len(self.states)))
        if len(kept) > _MAX_STATES:
            kept = sorted(sorted(kept, key=lambda b: -self.forward[b])[:_MAX_STATES])
        new = {b: i for i, b in enumerate(kept)}
        forward, best = max(self.forward), max(self.best)
        return _Layer(
            [self.states[b] for b in kept],
            [self.forward[b] / forward for b in kept],
            [self.best[b] / best for b in kept],
            [self.came[b] for b in kept],
            self.groups,
            [(g, j, new[b], w) for g, j, b, w in self.steps if b in new],
        )


class _Component:
    """Fields that rules connect, in their order, and these rules."""

    def __init__(
        self,
        fields: Sequence[tuple[str, list[int | None], list[float]]],
        relations: Sequence[Relation],
        rules: FormRules,
    ) -> None:
        self._fields, self._relations = fields, relations
        self._kept, self._broken = 1 - rules.broken, rules.broken * _SHARE_OF_ONE_BREAK
        place = {name: i for i, (name, _, _) in enumerate(fields)}
        last = [max(place[name] for name, _ in relation.terms) for relation in relations]
        terms = [dict(relation.terms) for relation in relations]
        # Of each field: what it adds to which open rules, and which rules end with it.
        self._adds = [
            [(k, of[name]) for k, of in enumerate(terms) if name in of and last[k] != i]
            for i, (name, _, _) in enumerate(fields)
        ]
        self._ends = [
            [(k, of[name]) for k, of in enumerate(terms) if name in of and last[k] == i]
            for i, (name, _, _) in enumerate(fields)
        ]

    def verdicts(self) -> dict[str, Verdict]:
        """The verdict on each field."""
        start = tuple(one.constant for one in self._relations)
        layers = [_Layer([start], [1.0], [1.0], [(0, 0)])]
        for i in range(len(self._fields)):
            layers.append(self._step(i, layers[-1]).limited())
        return self._read_back(layers)

    def _step(self, i: int, before: _Layer) -> _Layer:
        """The layer behind field i."""
        _, numbers, weights = self._fields[i]
        groups = self._groups(i, before.states)
        listed = [_Candidate(j, numbers[j], w, w) for j, w in enumerate(weights) if w]
        listed = listed[: max(_MAX_STEPS // len(groups), 2)]
        ends = self._ends[i]
        layer = _Layer()
        if len(ends) == 1 and self._relations[ends[0][0]].compare == "=":
            self._end_sum(layer, i, before, groups, listed)
            return layer
        for rest, group in groups.items():
            for a in group:
                source = layer.source(before, [a])
                for one in listed:
                    weight = one.weight * self._factor(i, before.states[a], one.number)
                    self._add(layer, i, rest, source, one._replace(weight=weight, best=weight))
        return layer

    def _groups(self, i: int, states: Sequence[_Sums]) -> dict[_Sums, list[int]]:
        """The states before field i, by their sums of the rules that do not end with it."""
        ends = {k for k, _ in self._ends[i]}
        groups = dict[_Sums, list[int]]()
        for a, state in enumerate(states):
            rest = tuple(0 if k in ends else one for k, one in enumerate(state)) if ends else state
            groups.setdefault(rest, []).append(a)
        return groups

    def _end_sum(
        self,
        layer: _Layer,
        i: int,
        before: _Layer,
        groups: Mapping[_Sums, list[int]],
        listed: Sequence[_Candidate],
    ) -> None:
        """Go through a field with which one sum ends.

        First all candidates as if they broke it, from each group at once, and then what those
        that keep it have more.
        """
        ((k, factor),) = self._ends[i]
        more = self._kept - self._broken
        broken, keeping = list[_Candidate](), dict[int, list[_Candidate]]()
        for one in listed:
            weight = one.weight * (self._kept if one.number is None else self._broken)
            broken.append(one._replace(weight=weight, best=weight))
            if one.number is not None:
                kept = one._replace(weight=one.weight * more, best=one.weight * self._kept)
                keeping.setdefault(one.number, []).append(kept)
        for rest, group in groups.items():
            source = layer.source(before, group)
            for one in broken:
                self._add(layer, i, rest, source, one)
            for a in group:
                so_far = before.states[a][k]
                if so_far is None:  # it cannot be checked: no candidate breaks it
                    fitting = [one for several in keeping.values() for one in several]
                else:
                    number, odd = divmod(-so_far, factor)
                    fitting = [] if odd else keeping.get(number, [])
                if fitting:
                    source = layer.source(before, [a])
                    for one in fitting:
                        self._add(layer, i, rest, source, one)

    def _add(self, layer: _Layer, i: int, rest: _Sums, source: _Source, one: _Candidate) -> None:
        """Add the step of a candidate."""
        sums = rest
        if self._adds[i]:
            longer = list(rest)
            for k, factor in self._adds[i]:
                so_far = longer[k]
                readable = one.number is not None and so_far is not None
                longer[k] = so_far + factor * one.number if readable else None  # type: ignore[operator]
            sums = tuple(longer)
        b = layer.state(sums)
        layer.steps.append((source.group, one.place, b, one.weight))
        layer.forward[b] += source.forward * one.weight
        layer.propose(b, source.best * one.best, (source.state, one.place))

    def _factor(self, i: int, state: _Sums, number: int | None) -> float:
        """The weight of all rules that end with field i, for one of its candidates."""
        product = 1.0
        for k, factor in self._ends[i]:
            so_far = state[k]
            if so_far is None or number is None:
                product *= self._kept
            else:
                holds = keeps(self._relations[k], so_far + factor * number)
                product *= self._kept if holds else self._broken
        return product

    def _read_back(self, layers: Sequence[_Layer]) -> dict[str, Verdict]:
        """From the last field back to the first: its verdict, from the steps at it."""
        verdicts = dict[str, Verdict]()
        backward = [1.0] * len(layers[-1].states)
        at = max(range(len(backward)), key=lambda b: layers[-1].best[b])
        for i in range(len(self._fields) - 1, -1, -1):
            layer, before = layers[i + 1], layers[i]
            into = [sum(before.forward[a] for a in group) for group in layer.groups]
            onward = [0.0] * len(layer.groups)
            shares = [0.0] * len(self._fields[i][1])
            for g, j, b, weight in layer.steps:
                through = weight * backward[b]
                shares[j] += into[g] * through
                onward[g] += through
            earlier = [0.0] * len(before.states)
            for group, through in zip(layer.groups, onward, strict=True):
                for a in group:
                    earlier[a] += through
            total, highest = sum(shares), max(earlier)
            at, chosen = layer.came[at]
            verdicts[self._fields[i][0]] = Verdict(chosen, tuple(s / total for s in shares))
            backward = [one / highest for one in earlier]
        return verdicts
