"""Two people who answered the same digits without seeing each other's answers.

What both say alike is applied. Cohen's kappa (1960) is the agreement beyond that of chance. An
error that both make alike is not seen; where errors are rare and independent, each person's share
of errors is about half of the share on which they differ.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from formreader.core.errors import UsageError
from formreader.review.apply_corrections import AnswerPlan, fitting_answers
from formreader.review.corrections_file import Correction
from formreader.store.answers import Answer
from formreader.store.job_store import JobStore

_Place = tuple[str, int, int, int]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two people say: alike (`plan`), otherwise (`disputed`), or only one of them (`single`).

    `kappa` is Cohen's; None where both gave one and the same answer everywhere.
    """

    plan: AnswerPlan
    disputed: tuple[tuple[Answer, Answer], ...]
    single: int
    kappa: float | None

    @property
    def compared(self) -> int:
        """The places that both answered."""
        return len(self.plan.answers) + len(self.disputed)

    @property
    def error_share(self) -> float:
        """The share of errors of each person, if both err equally often."""
        return len(self.disputed) / self.compared / 2

    @property
    def disputed_fields(self) -> set[tuple[str, int, int]]:
        """(file, 0-based page, 0-based field) of each field in dispute."""
        return {(one.file, one.page - 1, one.field - 1) for one, _ in self.disputed}


def compare(
    store: JobStore, first: Sequence[Correction], second: Sequence[Correction]
) -> Comparison:
    """Compare the corrections of two people.

    Raises:
        UsageError: they answered nothing in common, or one of them contradicts himself.
    """
    plans = fitting_answers(store, first), fitting_answers(store, second)
    one, other = (_by_place(plan.answers) for plan in plans)
    both = [place for place in one if place in other]
    problems = [problem for plan in plans for problem in plan.problems]
    if not both and not problems:
        raise UsageError(
            "The two people answered nothing in common, so there is nothing to compare"
        )
    agreed = [one[place] for place in both if one[place].text == other[place].text]
    disputed = tuple(
        (one[place], other[place]) for place in both if one[place].text != other[place].text
    )
    return Comparison(
        AnswerPlan(agreed, problems=problems),
        disputed,
        len(one.keys() ^ other.keys()),
        cohens_kappa([(one[place].text, other[place].text) for place in both]),
    )


def cohens_kappa(pairs: Sequence[tuple[str, str]]) -> float | None:
    """Agreement of two people beyond that of chance: 1 for always, 0 for no more than by chance.

    None where chance alone would make them always agree.
    """
    n = len(pairs)
    if not n:
        return None
    alike = sum(one == other for one, other in pairs) / n
    firsts, seconds = (Counter(pair[i] for pair in pairs) for i in (0, 1))
    by_chance = sum(firsts[text] * seconds[text] for text in firsts) / n**2
    return None if by_chance == 1 else (alike - by_chance) / (1 - by_chance)


def _by_place(answers: Iterable[Answer]) -> dict[_Place, Answer]:
    """The answers by what they are about.

    Raises:
        UsageError: two of them differ about one thing.
    """
    found = dict[_Place, Answer]()
    for one in answers:
        if found.setdefault(one.place, one).text != one.text:
            raise UsageError(
                f"{one.file}, page {one.page}, field {one.field}: one person answered "
                f"{found[one.place].text or 'blank'} and {one.text or 'blank'}. Mend the file"
            )
    return found
