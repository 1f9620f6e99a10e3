"""Whether a new model may replace the old one: better on own pages, no worse elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest, poisson

from formreader.core.classes import NOT_A_DIGIT, Probabilities
from formreader.training.data.examples import Labels

MAX_CHANCE = 0.05
"""Largest probability that a model as good as the old one looks as much better by chance, and
that honest confidences look as dishonest."""

MAX_FALL = 0.0005
"""Largest fall of the share of right digits elsewhere, and largest rise of that of wrong ones: 5 of
MNIST's 10,000 test digits. Two trainings of one network differ by more."""


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """How a model reads `n` labelled crops; the arrays are (n,) bool.

    `right`: the most probable class is the label. `accepted`: a digit reaches the threshold and is
    more probable than "not a digit". `wrong`: accepted, but the digit is not the label.
    `expected_wrong`: how many of the accepted are wrong by what their confidences say.
    """

    right: npt.NDArray[np.bool_]
    accepted: npt.NDArray[np.bool_]
    wrong: npt.NDArray[np.bool_]
    expected_wrong: float

    @property
    def n(self) -> int:
        return len(self.right)

    @property
    def wrong_share(self) -> float:
        """Share of the accepted that are wrong; 0 where nothing is accepted."""
        return int(self.wrong.sum()) / max(1, int(self.accepted.sum()))


@dataclass(frozen=True, slots=True)
class Compared:
    """Two models on the same crops."""

    before: Judged
    after: Judged


def judge(probabilities: Probabilities, labels: Labels, threshold: float) -> Judged:
    """Compare probabilities (n, 11) with labels (n,)."""
    digits = probabilities[:, :NOT_A_DIGIT].astype(np.float64)  # as exact as the threshold
    confidence = digits.max(axis=1)
    accepted = (confidence >= threshold) & (confidence > probabilities[:, NOT_A_DIGIT])
    return Judged(
        probabilities.argmax(axis=1) == labels,
        accepted,
        accepted & (digits.argmax(axis=1) != labels),
        float((1 - confidence[accepted]).sum()),
    )


def objections(own: Compared, digits: Compared, marks: Compared) -> tuple[str, ...]:
    """Why the new model must not replace the old one; none if it may.

    `own`, a user's held-back pages: it must accept more digits correctly, by a sign test, and read
    no fewer correctly. A larger share of the accepted may be wrong only as far as its confidences
    say so, as it accepts harder digits. `digits` of other people: it may read at most `MAX_FALL`
    fewer correctly. `digits`, and `marks` that are no digits: it may accept at most `MAX_FALL` more
    wrongly, or as many as chance explains.
    """
    found = list[str]()
    good_before, good_after = (one.accepted & ~one.wrong for one in (own.before, own.after))
    gained, lost = int((good_after & ~good_before).sum()), int((good_before & ~good_after).sum())
    if gained + lost == 0 or _chance(gained, lost) > MAX_CHANCE:
        found.append(
            f"it is not measurably better on your pages: {gained:,} more digits are accepted "
            f"rightly, {lost:,} no longer are"
        )
    if own.after.right.sum() < own.before.right.sum():
        found.append("it reads fewer digits of your pages rightly")
    if own.after.wrong_share > own.before.wrong_share and _is_too_sure(own.after):
        found.append(
            "a larger share of the accepted digits of your pages is wrong, and more than its "
            "confidences say"
        )
    fall = int(digits.before.right.sum()) - int(digits.after.right.sum())
    if fall > MAX_FALL * digits.before.n:
        found.append(f"it reads {fall:,} fewer of {digits.before.n:,} other digits rightly")
    for name, one in (("other digits", digits), ("marks that are no digits", marks)):
        new = int((one.after.wrong & ~one.before.wrong).sum())
        gone = int((one.before.wrong & ~one.after.wrong).sum())
        if new - gone > MAX_FALL * one.before.n and _chance(new, gone) <= MAX_CHANCE:
            found.append(f"it accepts {new - gone:,} more of {one.before.n:,} {name} wrongly")
    return tuple(found)


def _is_too_sure(judged: Judged) -> bool:
    """Whether measurably more of the accepted are wrong than their confidences say."""
    wrong = int(judged.wrong.sum())
    return wrong > 0 and float(poisson.sf(wrong - 1, judged.expected_wrong)) < MAX_CHANCE


def _chance(gained: int, lost: int) -> float:
    """Probability of so many gains or more, if gains and losses were equally likely."""
    return float(binomtest(gained, gained + lost, alternative="greater").pvalue)
