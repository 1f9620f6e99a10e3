"""What hardly looked like boxes: words among it go, and much of it is a reason to look."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from formreader.results.readings import NOT_A_DIGIT
from formreader.types import Discarded, Field, PageCrops

NO_DIGITS = "hardly boxes, and no digits in them"
"""Why a row of boxes is none after all."""

DOUBTFUL_BOXES = "digit boxes hard to make out: check that none is missing"
"""A page's notice where too many of its boxes are doubtful."""

_DOUBTFUL = 0.5
"""Score below which a box is doubtful."""

_SURE = 0.6
"""Mean score of a row's boxes from which it is a row whatever stands in it."""

_MOST_DOUBTFUL = 0.2
"""Share of doubtful boxes up to which the others speak for a page."""

_NO_DIGIT = 0.5
"""Mean probability of not being a digit from which what stands in a row is no number."""


def without_words(
    page: PageCrops, probabilities: npt.NDArray[np.float32]
) -> tuple[PageCrops, npt.NDArray[np.float32]]:
    """The page without rows of doubtful boxes that hold no digits, and what remains of the rest.

    Args:
        page: a page of n boxes.
        probabilities: (n, 11) of its boxes, the digits 0-9 and "not a digit".

    Returns:
        The page with the m boxes that remain, and their probabilities (m, 11).
    """
    if not page.fields:
        return page, probabilities
    ends = np.cumsum([len(field.boxes) for field in page.fields])[:-1]
    written = np.split(~page.blank, ends)
    doubts = np.split(probabilities[:, NOT_A_DIGIT], ends)
    words = [
        _is_doubtful(field) and bool(there.any()) and float(doubt[there].mean()) > _NO_DIGIT
        for field, there, doubt in zip(page.fields, written, doubts, strict=True)
    ]
    if not any(words):
        return page, probabilities
    keep = np.repeat(np.logical_not(words), [len(field.boxes) for field in page.fields])
    fields = zip(page.fields, words, strict=True)
    dropped = tuple(box for field, is_word in fields if is_word for box in field.boxes)
    remaining = replace(
        page,
        fields=tuple(field for field, drop in zip(page.fields, words, strict=True) if not drop),
        surroundings=tuple(
            picture for picture, drop in zip(page.surroundings, words, strict=True) if not drop
        ),
        crops=page.crops[keep],
        blank=page.blank[keep],
        discarded=(*page.discarded, Discarded(dropped, NO_DIGITS)),
    )
    return remaining, probabilities[keep]


def has_doubtful_boxes(page: PageCrops) -> bool:
    """Whether so many boxes of a page are doubtful that others may be missing."""
    scores = [box.score for field in page.fields if field.frame is None for box in field.boxes]
    return bool(scores) and float(np.mean(np.array(scores) < _DOUBTFUL)) > _MOST_DOUBTFUL


def in_sure_boxes(page: PageCrops) -> npt.NDArray[np.bool_]:
    """(n,) which of a page's boxes are in fields that are not doubtful."""
    sure = [not _is_doubtful(field) for field in page.fields]
    return np.repeat(np.array(sure, np.bool_), [len(field.boxes) for field in page.fields])


def _is_doubtful(field: Field) -> bool:
    if field.frame is not None:
        return False
    return float(np.mean([box.score for box in field.boxes])) < _SURE
