"""Combine the readings of a page with the rules of its form.

A rule never makes a value acceptable that is not the most probable one by its ink. If the rules
favour another value, that value is given for review, with the rule's name. If a rule is broken, all
fields that it names are for review with the values as written.

Points are so small that many are not read. Where the template tells the number of decimals, a value
without a point is given with one. That is accepted only where the value is in a sum that the page
keeps with the digits that were read, and another value of the sum has a point that was read or is
printed: with points elsewhere the same digits would not keep it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from formreader.core.classes import NOT_A_DIGIT
from formreader.core.doubts import Doubt, reason
from formreader.core.field_kinds import written_value
from formreader.core.records import (
    DigitBox,
    DigitReading,
    FieldReading,
    Status,
    cells_of,
    field_status,
)
from formreader.recognise.ctc import NOT_A_NUMBER, NOTHING_WRITTEN, likely_texts
from formreader.recognise.decisions import ReadField
from formreader.recognise.number_reader import NumberHypothesis
from formreader.recognise.number_values import shared_confidences, without_ending
from formreader.rules.decoder import (
    UNREADABLE,
    Belief,
    Verdict,
    broken_rules,
    decode,
    kept_sums,
    written_values,
)
from formreader.rules.field_checks import digits_of, number_of
from formreader.rules.form_rules import FieldRules, FormRules
from formreader.rules.likely_cells import (
    BLANK,
    MARK,
    BoxContents,
    likely_cells,
    value_of_cells,
)

_LEAST_ALTERNATIVE = 1e-6
"""Least probability of a digit of a box that is considered. Not measured, here and below."""

_LEAST_REST = 1e-9
"""Least joint probability of all unlisted values that are kept as one more candidate."""

_SURE_OF_TEXT = 1 - 1e-6
"""Numbers with a higher probability get no alternatives."""


_UNSEEN_POINT = 0.2
"""The share of decimals with a point among those in which none was read. Of 183 decimals on twelve
time sheets, 111 were read without theirs. It proposes a value for review; it accepts none."""


@dataclass(frozen=True, slots=True)
class _Evidence:
    """The belief about a field, and the digits in the boxes for each candidate; "" for the rest."""

    belief: Belief
    cells: tuple[str, ...]


def under_rules(
    read: Sequence[ReadField],
    readings: Sequence[FieldReading],
    hypotheses: Mapping[DigitBox, NumberHypothesis],
    rules: FormRules,
) -> tuple[FieldReading, ...]:
    """The readings of a page's fields under the rules of its form, before thresholds.

    Args:
        read: the fields with the probabilities of their boxes.
        readings: their readings without rules, in the same order.
        hypotheses: the readings of the strips of cells, by cell.
        rules: the rules of the page's form. Fields without a rule do not change.
    """
    weighed = rules.weighed
    evidence = dict[str, _Evidence]()
    for one, reading in zip(read, readings, strict=True):
        name, own = reading.name, rules.of(reading.name)
        if name not in weighed:
            continue
        if one.number is None:
            evidence[name] = _of_boxes(one, own)
        else:
            evidence[name] = _of_number(reading, _hypothesis(one, hypotheses), own)
    verdicts = decode({name: one.belief for name, one in evidence.items()}, rules)
    as_read = written_values(readings, rules)
    revised = []
    for one, reading in zip(read, readings, strict=True):
        name = reading.name
        if name not in evidence:
            revised.append(reading)
            continue
        if one.number is None:
            under = _boxes_under(one, reading, evidence[name], verdicts[name])
        else:
            under = _number_under(one, reading, evidence[name], verdicts[name])
        if verdicts[name].chosen:
            given = written_value(under.value, under.cells, rules.of(name))
            under = replace(under, remark=_remark(name, evidence[name].belief.values[0], given))
        revised.append(under)
    values = written_values(revised, rules)
    proven = {
        name
        for names in kept_sums(values, rules)
        if any(mark in as_read[name] for name in names for mark in ".,")
        and all(digits_of(as_read[name]) == digits_of(values[name]) for name in names)
        for name in names
    }
    for i, (one, reading) in enumerate(zip(read, readings, strict=True)):
        name = reading.name
        pointed = name in proven and _with_point(reading.value, rules.of(name))
        if pointed and one.number is not None and values[name] == pointed:
            known = evidence[name], verdicts[name]
            revised[i] = _number_under(one, reading, *known, same_digits=True)
    broken = broken_rules(values, rules)
    revised = [replace(one, broken=broken.get(one.name, ())) for one in revised]
    # The message of a broken rule is clearer.
    return tuple(replace(one, remark="") if one.broken else one for one in revised)


def _remark(name: str, read: str, given: str) -> str:
    """Why a value is for review if ink and rules together favour another one."""
    if given == read:
        return reason(Doubt.OTHERS_SPEAK_AGAINST, read)
    return reason(Doubt.SHOULD_BE, read, name, given)


def _of_boxes(one: ReadField, rules: FieldRules) -> _Evidence:
    """The belief about boxes that are read one by one.

    "Not a digit" may have been meant as any digit, so its probability is shared out among all ten.
    With `leading_marks_blank`, before the first digit, it is a mark that counts as blank.
    """
    boxes = []
    for row, blank in zip(one.probabilities.tolist(), one.field.blank.tolist(), strict=True):
        if blank:
            boxes.append(BoxContents([(BLANK, 1.0)], [(BLANK, 1.0)]))
            continue
        mark = max(row[NOT_A_DIGIT], _LEAST_ALTERNATIVE)
        shown = [(str(d), p) for d, p in enumerate(row[:NOT_A_DIGIT]) if p >= _LEAST_ALTERNATIVE]
        meant = [(str(d), p + mark / NOT_A_DIGIT) for d, p in enumerate(row[:NOT_A_DIGIT])]
        leading = [*shown, (MARK, mark)] if rules.leading_marks_blank else meant
        boxes.append(BoxContents(leading, meant))
    listed = likely_cells(boxes)
    values = [
        written_value(value_of_cells(cells), cells.replace(MARK, BLANK), rules)
        for cells, _ in listed
    ]
    rest = UNREADABLE * max(len(boxes) - int(one.field.blank.sum()), 1)
    return _evidence(values, [p for _, p in listed], [cells for cells, _ in listed], rest)


def _hypothesis(
    one: ReadField, hypotheses: Mapping[DigitBox, NumberHypothesis]
) -> NumberHypothesis | None:
    return None if one.field.cell is None else hypotheses.get(one.field.cell)


def _of_number(
    reading: FieldReading, hypothesis: NumberHypothesis | None, rules: FieldRules
) -> _Evidence:
    """The belief about a number in a cell: its reading, and other hypotheses of its strip.

    Only texts with the same number of digits count, as others have other boxes. The confidence is
    about digits. 25 and 2.5 share it in proportion to the probabilities of their texts.
    """
    value, confidence = reading.value, reading.confidence
    digits = digits_of(value)
    found = {value: confidence}
    if hypothesis is not None and digits and UNREADABLE not in value and confidence < _SURE_OF_TEXT:
        texts, points = dict[str, float](), dict[str, float]()
        number = number_of(value, rules)
        for text, probability in likely_texts(hypothesis.places):
            said = without_ending(text)
            if NOT_A_NUMBER not in said and NOTHING_WRITTEN not in said:
                told = digits_of(said)
                texts[told] = texts.get(told, 0.0) + probability
                if told == digits and number_of(said, rules) != number:
                    points[said] = points.get(said, 0.0) + probability
        same = texts.pop(digits, 0.0)
        for said, probability in points.items():
            found[said] = confidence * probability / same
            found[value] -= found[said]
        others = max(1 - same, sum(texts.values()), _LEAST_ALTERNATIVE)
        for other, probability in texts.items():
            if len(other) == len(digits):
                found[_with_digits(value, other)] = (1 - confidence) * probability / others
    if pointed := _with_point(value, rules):
        more = max(confidence * _UNSEEN_POINT - found.get(pointed, 0.0), 0.0)
        found[pointed] = found.get(pointed, 0.0) + more
        found[value] -= more
    values = sorted(found, key=lambda text: (text != value, -found[text]))
    return _evidence(values, [found[text] for text in values], values, UNREADABLE)


def _with_point(value: str, rules: FieldRules) -> str:
    """A value without a point, with it where the template has it; "" where it tells no place."""
    least, most = rules.decimals or (0, 0)
    if rules.is_a != "decimal" or not 0 < least == most < len(value) or not value.isdecimal():
        return ""
    return f"{value[:-most]}{rules.separator or '.'}{value[-most:]}"


def _evidence(
    values: list[str], probabilities: list[float], cells: list[str], rest: str
) -> _Evidence:
    """Evidence with all unlisted values as the last candidate, with the value `rest`."""
    missing = 1 - sum(probabilities)
    if missing > _LEAST_REST:
        values, cells = [*values, rest], [*cells, ""]
        probabilities = [*probabilities, missing]
    total = sum(probabilities)
    belief = Belief(tuple(values), tuple(one / total for one in probabilities))
    return _Evidence(belief, tuple(cells))


def _with_digits(value: str, digits: str) -> str:
    """A value with its digits replaced by as many others."""
    following = iter(digits)
    return "".join(next(following) if "0" <= one <= "9" else one for one in value)


def _boxes_under(
    one: ReadField, reading: FieldReading, evidence: _Evidence, verdict: Verdict
) -> FieldReading:
    cells, first = evidence.cells[verdict.chosen], evidence.cells[0]
    if not cells:  # no listed candidate: as read, for review
        return _refused(reading)
    shares = [dict[str, float]() for _ in reading.digits]
    for content, probability in zip(evidence.cells, verdict.probabilities, strict=True):
        for share, mark in zip(shares, content, strict=False):
            share[mark] = share.get(mark, 0.0) + probability
    digits = []
    for i, (digit, mark, share) in enumerate(zip(reading.digits, cells, shares, strict=True)):
        if mark == BLANK:
            digits.append(digit)
            continue
        row = one.probabilities[i]
        # Ink beside a mark is part of the mark. Beside a digit it may be a missing digit.
        legible = mark == MARK or (
            row[int(mark)] > row[NOT_A_DIGIT] and not one.field.boxes[i].loose_ink
        )
        acceptable = legible and mark == first[i]
        digits.append(_digit_under(digit, mark, share, acceptable=acceptable))
    return _joined(reading, digits, verdict.probabilities[verdict.chosen])


def _digit_under(
    digit: DigitReading, mark: str, share: Mapping[str, float], *, acceptable: bool
) -> DigitReading:
    """The reading of one box from the probabilities of its possible contents."""
    ranked = sorted((-p, one) for one, p in share.items() if one not in (mark, MARK, BLANK))
    second, probability = digit.second or 0, 0.0
    if ranked:
        second, probability = int(ranked[0][1]), -ranked[0][0]
    said = None if mark == MARK else int(mark)
    confidence = min(share[mark], 1.0)
    return DigitReading(digit.box, said, confidence, Status.REVIEW, second, probability, acceptable)


def _number_under(
    one: ReadField,
    reading: FieldReading,
    evidence: _Evidence,
    verdict: Verdict,
    *,
    same_digits: bool = False,
) -> FieldReading:
    """A number in a cell; `same_digits`: it has those of the ink, and its point is proven."""
    value, probability = evidence.cells[verdict.chosen], verdict.probabilities[verdict.chosen]
    if not value or UNREADABLE in value:
        return reading if verdict.chosen == 0 else _refused(reading)
    told = digits_of(value)
    assert one.number is not None
    acceptable = one.number.sure and (same_digits or not verdict.chosen)
    confidences = shared_confidences(probability, [digit.confidence for digit in reading.digits])
    digits = [
        replace(digit, digit=int(mark), confidence=confidence, acceptable=acceptable)
        for digit, mark, confidence in zip(reading.digits, told, confidences, strict=True)
    ]
    return replace(_joined(reading, digits, probability), value=value)


def _refused(reading: FieldReading) -> FieldReading:
    """The unchanged reading, for review whatever the thresholds."""
    digits = tuple(
        digit if digit.status is Status.BLANK else replace(digit, acceptable=False)
        for digit in reading.digits
    )
    return replace(reading, digits=digits, status=field_status(digits))


def _joined(
    reading: FieldReading, digits: Sequence[DigitReading], confidence: float
) -> FieldReading:
    cells = cells_of(digits)
    return replace(
        reading,
        digits=tuple(digits),
        value=cells.replace(".", ""),
        cells=cells,
        confidence=min(confidence, 1.0),
        lowest=min(digit.confidence for digit in digits),
        status=field_status(digits),
    )
