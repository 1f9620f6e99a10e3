"""Records of the rules of a form, as its template states them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

RelationKey: TypeAlias = Literal["sums", "equal", "less", "dates"]
"""The keys of a template that hold rules between fields."""

Comparison: TypeAlias = Literal["=", "<", "<=", "date"]

DEFAULT_RULES_BROKEN = 0.02
"""How often people break a rule, unless the template says otherwise: a guess, not measured."""


@dataclass(frozen=True, slots=True)
class FieldRules:
    """What a template says of the values of one field; the defaults say nothing.

    `digits` are the lowest and the highest number of digits. `least` and `most` limit the number.
    `pattern` is a regular expression that fits the whole value. `date` is the text of a
    `DateRule`. `one_of` names a file, and `known` are the values in it. `check` is a module of
    python-stdnum. `optional`: the field may be blank; None where the template does not say.
    `blank_is` is the number that a blank counts as in rules between fields. `unique`: no two forms
    of a batch have the same value. `leading_marks_blank`: marks that are no digits count as blank
    boxes before the first digit.
    """

    digits: tuple[int, int] | None = None
    least: int | None = None
    most: int | None = None
    pattern: str = ""
    date: str = ""
    one_of: str = ""
    known: frozenset[str] = frozenset()
    check: str = ""
    optional: bool | None = None
    blank_is: int | None = None
    unique: bool = False
    leading_marks_blank: bool = False


NO_RULES = FieldRules()


@dataclass(frozen=True, slots=True)
class Relation:
    """A rule between fields: a weighted sum of their numbers compared with 0, or a date.

    `key` and `text` are those of the template. `terms` are (field, weight). `compare` says what
    the weighted sum plus `constant` must be: "=", "<" or "<=" 0; or "date", the number YYYYMMDD
    of a date that fits the `DateRule` in the text `date`.
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

    `broken` is the share of cases in which people break a rule.
    """

    fields: Mapping[str, FieldRules] = field(default_factory=dict)
    relations: tuple[Relation, ...] = ()
    broken: float = DEFAULT_RULES_BROKEN

    def of(self, name: str) -> FieldRules:
        """The rules of a field by itself."""
        return self.fields.get(name, NO_RULES)

    def __bool__(self) -> bool:
        return bool(self.relations) or any(one != NO_RULES for one in self.fields.values())
