"""What hardly looked like boxes: words among it go, and much of it is a reason to look."""

from __future__ import annotations

from dataclasses import replace
from itertools import compress

import numpy as np
import numpy.typing as npt

from formreader.core.records import Box, Discarded, Field, PageCrops, Point
from formreader.recognise.decisions import NOT_A_DIGIT

NO_DIGITS = "hardly boxes, and no digits in them"
"""Why a row of boxes is none after all."""

IN_ONE_PLACE = "something else in its place reads better"
"""Why a row or an open field is none after all."""

DOUBTFUL_BOXES = "digit boxes hard to make out: check that none is missing"
"""A page's notice where too many of its boxes are doubtful."""

_DOUBTFUL = 0.5
"""Score below which a box is doubtful."""

_WIDE = 1.5
"""Width of an open field in boxes of a row, from which a row that fills it is what it is."""

_PART = 0.7
"""Share of an open field's width up to which a row in it fills only a part of it."""

_SOME_DOUBT, _LITTLE_DOUBT = 0.3, 0.1
"""Mean probabilities of not being a digit up to which an open field is read well enough to take
the place of a box that is a part of it, and of boxes that seem to be read well themselves."""

_SURE = 0.53
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
    _, doubts = _read(page, probabilities)
    words = [
        _is_doubtful(field) and doubt > _NO_DIGIT
        for field, doubt in zip(page.fields, doubts, strict=True)
    ]
    return _without(page, probabilities, words, NO_DIGITS)


def without_contradictions(
    page: PageCrops, probabilities: npt.NDArray[np.float32]
) -> tuple[PageCrops, npt.NDArray[np.float32]]:
    """Of a row of boxes and an open field in one place the one that reads better.

    Arguments and result are those of `without_words`.
    """
    frames = [i for i, field in enumerate(page.fields) if field.frame]
    if not frames:
        return page, probabilities
    written, doubts = _read(page, probabilities)
    dropped = [False] * len(page.fields)
    outer = [field.box for field in page.fields]
    for k, row in enumerate(page.fields):
        if row.frame is not None:
            continue
        # Hardly any two overlap, and to look at each box of each row would take long.
        near = (i for i in frames if outer[i].overlap(outer[k]))
        rivals = [i for i in near if _in_one_place(page.fields[i], row)]
        others = [(page.fields[i], doubts[i]) for i in rivals]
        if rivals and _is_misread(row, written[k], doubts[k], others):
            dropped[k] = True
        else:
            for i in rivals:
                dropped[i] = True
    return _without(page, probabilities, dropped, IN_ONE_PLACE)


def _read(page: PageCrops, probabilities: npt.NDArray[np.float32]) -> tuple[list[int], list[float]]:
    """Boxes of each field that are not blank, and their mean probability of being no digit."""
    written, doubts, first = list[int](), list[float](), 0
    for field in page.fields:
        boxes = slice(first, first := first + len(field.boxes))
        doubt = probabilities[boxes, NOT_A_DIGIT][~page.blank[boxes]]
        written.append(len(doubt))
        doubts.append(float(doubt.mean()) if len(doubt) else 0.0)
    return written, doubts


def _without(
    page: PageCrops, probabilities: npt.NDArray[np.float32], drop: list[bool], reason: str
) -> tuple[PageCrops, npt.NDArray[np.float32]]:
    """The page without the fields to drop, which are among what was discarded then."""
    if not any(drop):
        return page, probabilities
    keep = np.repeat(np.logical_not(drop), [len(field.boxes) for field in page.fields])
    boxes = tuple(
        box
        for field, gone in zip(page.fields, drop, strict=True)
        if gone
        for box in ((field.frame,) if field.frame else field.boxes)
    )
    remaining = replace(
        page,
        fields=tuple(compress(page.fields, np.logical_not(drop))),
        surroundings=tuple(compress(page.surroundings, np.logical_not(drop))),
        crops=page.crops[keep],
        blank=page.blank[keep],
        discarded=(*page.discarded, Discarded(boxes, reason)),
    )
    return remaining, probabilities[keep]


def _is_misread(row: Field, written: int, doubt: float, rivals: list[tuple[Field, float]]) -> bool:
    """Whether the open fields in a row's place are what stands there.

    Of the row's boxes `written` are not blank; `doubt` is what speaks against digits in
    them, and the second of each rival what speaks against those of that open field.
    """
    rival_doubt = float(np.mean([other for _, other in rivals]))
    if len(rivals) >= len(row.boxes) > 1:
        misread = False  # each box is a rectangle of its own
    elif len(row.boxes) == 1 or doubt > _SOME_DOUBT:
        # A part of a rectangle is no box.
        misread = any(_is_a_part(row, framed) for framed, _ in rivals)
    else:
        # Boxes that cut a number in the wrong places show less digits than there are.
        there = [any(_holds(f.box, box.box.centre) for f, _ in rivals) for box in row.boxes]
        more = sum(len(framed.boxes) for framed, _ in rivals) > written
        misread = all(there) and more and max(other for _, other in rivals) < _LITTLE_DOUBT
    if misread:
        return rival_doubt < _SOME_DOUBT
    narrow = all(framed.box.width < _WIDE * row.boxes[0].box.width for framed, _ in rivals)
    return narrow and doubt > _NO_DIGIT and rival_doubt < doubt


def _is_a_part(row: Field, framed: Field) -> bool:
    """Whether the boxes of a row that lie in an open field fill only a part of its width."""
    frame = framed.box
    inside = [box.box for box in row.boxes if _holds(frame, box.box.centre)]
    return 0 < sum(box.width for box in inside) < _PART * frame.width


def _in_one_place(framed: Field, row: Field) -> bool:
    """Whether a box of a row lies in an open field, or the other way round."""
    frame = framed.box
    return any(_holds(frame, box.box.centre) or _holds(box.box, frame.centre) for box in row.boxes)


def _holds(box: Box, point: Point) -> bool:
    return box.left < point[0] < box.right and box.top < point[1] < box.bottom


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
