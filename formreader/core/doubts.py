"""Why a value or a page is for review, as codes; `output/wording.py` has the sentences."""

from __future__ import annotations

from enum import StrEnum, auto


class Doubt(StrEnum):
    """A reason to look at a value or a page; with names and numbers it travels as a `reason`."""

    # A value by its ink and its place.
    INK_IN_NO_DIGIT = auto()
    MAY_BE_NO_DIGIT = auto()
    NO_NUMBER = auto()
    MARK_FOR_NOTHING = auto()
    TWO_NUMBERS = auto()
    COLUMN_OF_TWO_NUMBERS = auto()
    OVER_TWO_COLUMNS = auto()
    NOT_ON_LINES = auto()
    CUT_OFF = auto()
    WRITING_BESIDE = auto()
    TYPED = auto()
    TYPED_OTHERWISE = auto()

    # A value beside others: what was read, the field, what fits, the rule.
    SHOULD_BE = auto()
    SHOULD_BE_BY_RULE = auto()
    RULE_BROKEN = auto()
    OTHERS_SPEAK_AGAINST = auto()

    # A value by the rules of its own field: the field, what was read, what was asked for.
    IS_BLANK = auto()
    TOO_LONG = auto()
    NOT_WHOLE = auto()
    AMBIGUOUS = auto()
    LACKS_DECIMALS = auto()
    LACKS_POINT = auto()
    NOT_A_NUMBER = auto()
    WRONG_DECIMALS = auto()
    NOT_A_DATE = auto()
    NOT_A_TIME = auto()
    WRONG_LENGTH = auto()
    BELOW = auto()
    ABOVE = auto()
    OFF_PATTERN = auto()
    NOT_IN_LIST = auto()
    WRONG_CHECK_DIGIT = auto()
    NOT_UNIQUE = auto()
    NOT_BEFORE = auto()
    STEP_BELOW = auto()
    STEP_ABOVE = auto()

    # A page.
    NO_BOXES = auto()
    FEW_DPI = auto()
    UNCLEAR_BOXES = auto()
    MAY_BE_TURNED = auto()
    NO_KNOWN_FORM = auto()
    LONE_FORM = auto()
    OTHER_PRINT = auto()
    OTHER_LINES = auto()
    NO_WRITTEN_NUMBER = auto()
    FIELDS_MORE = auto()
    FIELDS_FEWER = auto()
    PAGE_MISSING = auto()
    SAME_CONTENT = auto()
    NOT_READ_YET = auto()


def reason(doubt: Doubt, *details: object) -> str:
    """A doubt with its names and numbers, as it is stored: on one line, between tabs."""
    return "\t".join([doubt, *(" ".join(str(one).split()) for one in details)])


def all_of(*reasons: str) -> str:
    """Several reasons as one text, a line each; "" is none."""
    return "\n".join(filter(None, reasons))
