"""The rules of a form, as its template states them and as a job keeps them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any, Literal, TypeAlias

from formreader.core.field_kinds import FieldKind

RelationKey: TypeAlias = Literal["sums", "equal", "less", "dates"]
"""The keys of a template that hold rules between fields."""

Comparison: TypeAlias = Literal["=", "<", "<=", "date"]

DEFAULT_RULES_BROKEN = 0.02
"""How often people break a rule, unless the template says otherwise: a guess, not measured."""


@dataclass(frozen=True, slots=True)
class FieldRules(FieldKind):
    """What a template says of the values of one field; the defaults say nothing.

    `digits` are the lowest and the highest number of digits. `least` and `most` limit the number.
    `pattern` is a regular expression that fits the whole value. `one_of` names a file, and `known`
    are the values in it. `check` is a module of python-stdnum. `optional`: the field may be
    blank; None if the template does not say. `blank_is` is the number that a blank counts as in
    rules between fields. `unique`: no two forms of a batch have the same value.
    `leading_marks_blank`: marks that are no digits count as blank boxes before the first digit.
    `marks_blank`: a dash or a cross in place of a value says that there is none; None if the
    template does not say. `previous` names an earlier table, and `earlier` has its values of this
    field, by the number in the field `previous_by`, or by the page if there is no such field. A
    value is from `least_step` to `most_step` above its earlier one.
    """

    digits: tuple[int, int] | None = None
    least: int | Decimal | None = None
    most: int | Decimal | None = None
    pattern: str = ""
    one_of: str = ""
    known: frozenset[str] = frozenset()
    check: str = ""
    optional: bool | None = None
    blank_is: int | Decimal | None = None
    unique: bool = False
    leading_marks_blank: bool = False
    marks_blank: bool | None = None
    previous: str = ""
    previous_by: str = ""
    earlier: Mapping[str, str] = field(default_factory=dict, hash=False)
    least_step: int | Decimal | None = None
    most_step: int | Decimal | None = None

    @property
    def weighs(self) -> bool:
        """Whether some values of its field are less probable than others by it."""
        stated = (self.digits, self.least, self.most, self.optional)
        told = self.pattern or self.one_of or self.check or self.leading_marks_blank
        of_kind = self.is_a in ("date", "time") or (self.is_a == "decimal" and not self.boxes)
        return any(one is not None for one in stated) or bool(told) or of_kind

    @property
    def files(self) -> tuple[str, ...]:
        """The names of the files that it needs."""
        return tuple(filter(None, (self.one_of, self.previous)))


NO_RULES = FieldRules()


@dataclass(frozen=True, slots=True)
class Relation:
    """A rule between fields: a weighted sum of their numbers compared with 0, or a date.

    `key` and `text` are those of the template. `terms` are (field, weight), multiplied until they
    are whole. `compare` says what their sum plus `constant` must be: "=", "<" or "<=" 0; or "date",
    the number YYYYMMDD of a date that fits the `DateRule` in the text `date`.
    """

    key: RelationKey
    text: str
    terms: tuple[tuple[str, int], ...]
    compare: Comparison
    constant: int = 0
    date: str = ""


@dataclass(frozen=True, slots=True)
class FormRules:
    """The rules of a form: of each field by its name, and between fields.

    `broken` is the share of cases in which people break one. `columns` are the names of the fields
    of each column of cells, one below another.
    """

    fields: Mapping[str, FieldRules] = field(default_factory=dict)
    relations: tuple[Relation, ...] = ()
    broken: float = DEFAULT_RULES_BROKEN
    columns: tuple[tuple[str, ...], ...] = ()

    def of(self, name: str) -> FieldRules:
        """The rules of a field by itself."""
        return self.fields.get(name, NO_RULES)

    @property
    def weighed(self) -> frozenset[str]:
        """The fields with values that are less probable than others by a rule."""
        related = (name for one in self.relations for name, _ in one.terms)
        return frozenset((*related, *(name for name, own in self.fields.items() if own.weighs)))

    @property
    def named(self) -> frozenset[str]:
        """The fields that rules are about."""
        keys = (one.previous_by for one in self.fields.values() if one.previous_by)
        return self.weighed.union(self.fields, keys)

    def __bool__(self) -> bool:
        return bool(self.relations or self.columns) or any(
            one != NO_RULES for one in self.fields.values()
        )


def rules_text(rules: FormRules) -> str:
    """The rules of a form as JSON."""
    return json.dumps(asdict(rules), default=_plain)


def rules_of_text(text: str) -> FormRules:
    """The inverse of `rules_text`."""
    stored = json.loads(text)
    fields = {name: FieldRules(**_values(values)) for name, values in stored["fields"].items()}
    relations = tuple(
        Relation(**{**one, "terms": tuple((name, weight) for name, weight in one["terms"])})
        for one in stored["relations"]
    )
    columns = tuple(map(tuple, stored["columns"]))
    return FormRules(fields, relations, stored["broken"], columns)


def _plain(value: object) -> object:
    """What JSON has for a `Decimal`, a text, and for a set, a list."""
    return str(value) if isinstance(value, Decimal) else sorted(value)  # type: ignore[call-overload]


def _values(stored: dict[str, Any]) -> dict[str, Any]:
    pairs = {key: stored[key] and tuple(stored[key]) for key in ("digits", "decimals")}
    numbers = {
        key: Decimal(stored[key]) if isinstance(stored[key], str) else stored[key]
        for key in ("least", "most", "blank_is", "least_step", "most_step")
    }
    return {**stored, **pairs, **numbers, "known": frozenset(stored["known"])}
