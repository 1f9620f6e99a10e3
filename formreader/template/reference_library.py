"""The reference pages of some forms: which of them a page is most like, and how it lies on it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from formreader.template.page_alignment import SURE_SCORE, Alignment, Reference
from formreader.template.page_layout import SCALES, PageLayout, Profiles, heights

_MAX_CANDIDATES = 5
"""Forms, the likeliest first, that a page is aligned with before it counts as none of them."""

_MIN_ALIKE_PROFILES = 1.0
"""How alike the profiles of a form and of a page must be, of 3.4 at most, to try it. Beside other
forms half of 200 pages have less at usual scales; beside the right one only photographs have, of
which it is found at the others."""


class ReferenceLibrary:
    """Reference pages of forms."""

    def __init__(self, references: Sequence[Reference]) -> None:
        self.references = tuple(references)

    def best_alignment(self, page: PageLayout) -> tuple[int, Alignment] | None:
        """The index of the reference that a page is most like, and how it lies on the page.

        The alignment's `fault` says whether it is that form. None if it is like none of them.
        """
        best: tuple[int, Alignment] | None = None
        for scales in SCALES if self.references else ():
            profiles = Profiles.of(page, scales)
            alike = heights([one.profiles for one in self.references], profiles)
            for i in np.argsort(-alike, kind="stable")[:_MAX_CANDIDATES].tolist():
                if alike[i] < _MIN_ALIKE_PROFILES:
                    break
                found = self.references[i].align(page, profiles)
                if found is not None and (best is None or found.rank > best[1].rank):
                    best = i, found
                    if not found.fault and found.score >= SURE_SCORE:
                        return best
        return best
