"""Why a value or a page is for review: every reason that a person reads, in one place."""

from __future__ import annotations

from enum import StrEnum


class Doubt(StrEnum):
    """A reason to look at a value, or at a page, however confident its reading; its own sentence.

    It travels as itself from where it is seen to the table's `message` and to the report.
    """

    INK_IN_NO_DIGIT = "a digit may be missing: there is writing in none, or the box is not clear"
    MAY_BE_NO_DIGIT = "a mark that may be no digit"
    NO_NUMBER = "writing that is no number: a mark, words, or struck out"
    MARK_FOR_NOTHING = "a dash or a cross, taken as blank"
    TWO_NUMBERS = "a wide gap: perhaps two numbers, with a line lost between them"
    COLUMN_OF_TWO_NUMBERS = "others of its column seem to hold two numbers: perhaps this one does"
    OVER_TWO_COLUMNS = (
        "its cell reaches over two columns: perhaps two numbers, with a line lost between"
    )
    NOT_ON_LINES = "the lines of the form are not where they should be"
    CUT_OFF = "the page does not show all of the field"
    WRITING_BESIDE = "there is writing beside the field: a digit may be missing"

    TYPED = "typed into the PDF's form, not written"
    TYPED_OTHERWISE = "typed into the PDF's form, but not as digits that fit the field"

    NO_BOXES = "no digit boxes found"
    UNCLEAR_BOXES = "digit boxes hard to make out: check that none is missing"
    MAY_BE_TURNED = "it may lie upside down or on its side: turn the page upright and scan it again"
    NO_KNOWN_FORM = "no form that a template describes; read without one"
    LONE_FORM = "no form that other pages of this scan have; read without one"
