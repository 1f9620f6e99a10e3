"""What the networks read in the fields of pages, and what of it is kept, settled and decided."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from typing import Self

import numpy as np
import numpy.typing as npt

from formreader.core.classes import CLASSES, NO_CROPS, Crops, Probabilities
from formreader.core.doubts import Doubt, all_of
from formreader.core.options import ScanOptions, SecondReaderName
from formreader.core.records import (
    DigitBox,
    Discarded,
    FieldCrops,
    FieldReading,
    PageCrops,
    PageReading,
)
from formreader.core.stopwatch import Stopwatch
from formreader.crop.number_strips import Strip
from formreader.detect.box_network import shipped_decisions
from formreader.reading.typed_fields import as_typed
from formreader.recognise.arbitration import (
    IN_ONE_PLACE,
    NO_DIGITS,
    NO_NUMBER,
    drop_words,
    drop_words_in_cells,
    dropped_boxes,
    has_doubtful_boxes,
    settle_places,
)
from formreader.recognise.blank_marks import mark_probability, with_blank_marks
from formreader.recognise.decisions import ReadField, decide
from formreader.recognise.number_hand import in_one_hand
from formreader.recognise.number_reader import NumberHypothesis, NumberReader, shipped_reader
from formreader.recognise.number_values import aligned, is_certain, settle
from formreader.recognise.page_hand import Features
from formreader.recognise.page_orientation import Orientation, find_orientation
from formreader.recognise.recogniser import Recogniser
from formreader.recognise.risk_control import Acceptance, Thresholds, acceptance
from formreader.recognise.second_reader import SecondOpinion, second_opinion
from formreader.recognise.torn_columns import doubt_torn_columns
from formreader.rules.form_rules import FormRules


@dataclass(frozen=True, slots=True, eq=False)
class ReadPage:
    """A page whose cells have boxes where digits were read, and the digit network's probabilities.

    `page` is the page as it was cropped, but for what is discarded since; `fields` are those that
    are left, and `hypotheses` is what was read on the strips of its cells, by cell. `features` are
    those of the n boxes with ink in rows of boxes, (n, f).
    """

    page: PageCrops
    fields: tuple[ReadField, ...]
    hypotheses: Mapping[DigitBox, NumberHypothesis]
    features: Features

    @property
    def crops(self) -> PageCrops:
        """The page with the fields that are left."""
        return replace(self.page, fields=tuple(one.field for one in self.fields))


@dataclass(frozen=True, slots=True)
class Networks:
    """All that reads fields, with a stopwatch for the time that it takes."""

    recogniser: Recogniser
    numbers: NumberReader
    second: SecondOpinion | None = None
    stopwatch: Stopwatch = field(default_factory=Stopwatch)

    @classmethod
    def of(
        cls, recogniser: Recogniser, second: SecondReaderName | None, stopwatch: Stopwatch
    ) -> Self:
        """The recogniser, the shipped reader of numbers, and a second reader if one is named."""
        opinion = second_opinion(second) if second else None
        return cls(recogniser, shipped_reader(), opinion, stopwatch)

    def acceptance(self, options: ScanOptions) -> Acceptance:
        """What is accepted without review.

        Raises:
            ModelError: a calibration cannot promise `options.max_error`.
        """
        second = self.second
        numbers = second.weights.calibration if second else self.numbers.calibration
        return acceptance(self.recogniser.card, numbers, options)

    def read(self, pages: Sequence[PageCrops]) -> list[ReadPage]:
        """Read the strips of the pages' cells, and in one batch the crops of all digits.

        The digit network is not asked about cells of whose number the number reader is certain.
        """
        fields = [one for page in pages for one in page.fields]
        with self.stopwatch.stage("recognise"):
            strips = [_strip(one) for one in fields]
            numbers = iter(self.numbers.read([one for one in strips if one is not None]))
            said = [None if strip is None else next(numbers) for strip in strips]
            fields = [
                one if number is None else aligned(one, number)
                for one, number in zip(fields, said, strict=True)
            ]
            asked = [
                one.written
                for one, number in zip(fields, said, strict=True)
                if number is None or not is_certain(number)
            ]
            read, features = self.recogniser.with_features(np.concatenate([NO_CROPS, *asked]))
        answers = zip(_split(read, asked), _split(features, asked), strict=True)
        parts = list[tuple[ReadField, NumberHypothesis | None, Features]]()
        for one, number in zip(fields, said, strict=True):
            if number is not None and is_certain(number):
                own, seen = number.digit_probabilities, features[:0]
            else:
                own, seen = next(answers)
            parts.append((_read_field(one, own), number, seen))
        following = iter(parts)
        return [_read_page(page, list(islice(following, len(page.fields)))) for page in pages]

    def orientation(self, read: ReadPage) -> Orientation:
        """How a page lies, judged by its digits."""
        return find_orientation(read.fields, self._probabilities)

    def _probabilities(self, crops: Crops) -> Probabilities:
        with self.stopwatch.stage("recognise"):
            return self.recogniser.probabilities(crops)

    def in_one_hand(self, read: ReadPage) -> ReadPage:
        """The page with its rows of boxes read as of one hand, and so its cells' strips.

        Networks that know no hand leave it as it is.
        """
        if self.numbers.hand is not None:
            of_one = in_one_hand(list(read.hypotheses.values()), self.numbers.hand)
            read = replace(read, hypotheses=dict(zip(read.hypotheses, of_one, strict=True)))
        written = [one.written for one in read.fields if one.field.cell is None]
        if self.recogniser.hand is None or not written:
            return read
        adapted = self.recogniser.hand.adapted(np.concatenate(written), read.features)
        rows = iter(_split(adapted, written))
        fields = (
            _read_field(one.field, next(rows)) if one.field.cell is None else one
            for one in read.fields
        )
        return replace(read, fields=tuple(fields))

    def settled(self, read: ReadPage) -> ReadPage:
        """Settle what each cell says; the second reader is asked if there is one.

        The cells of a known form are one number each.
        """
        with self.stopwatch.stage("recognise"):
            fields = tuple(self._settled(one, read.hypotheses) for one in read.fields)
        if not read.page.form:
            fields = doubt_torn_columns(fields)
        typed = (as_typed(one) if one.field.typed else one for one in fields)
        return replace(read, fields=tuple(typed))

    def _settled(
        self, one: ReadField, hypotheses: Mapping[DigitBox, NumberHypothesis]
    ) -> ReadField:
        cell, strip = one.field.cell, _strip(one.field)
        if cell is None or strip is None:
            return one
        hypothesis, confidence = hypotheses[cell], self.numbers.confidence
        field, rows, number = settle(one.field, one.probabilities, hypothesis, confidence)
        if self.second is not None:
            number = self.second.on(number, strip)
        if one.field.name and number.doubt == Doubt.NO_NUMBER:
            number = replace(number, mark=mark_probability(hypothesis, strip))
        return ReadField(field, rows, number)


def without_words(read: ReadPage) -> ReadPage:
    """Drop words in boxes and cells, and what is not there where a row and cells share a place.

    The fields of a known form are there, whatever is written in them, and so is what was typed.
    """
    if read.page.form:
        return read
    typed = [one for one in read.fields if one.field.typed]
    fields = [one for one in read.fields if not one.field.typed]
    discarded = list(read.page.discarded)
    decision, hypotheses = shipped_decisions().fields, read.hypotheses
    for drop, reason in (
        (partial(drop_words_in_cells, hypotheses=hypotheses), NO_NUMBER),
        (partial(drop_words, decision=decision), NO_DIGITS),
        (partial(settle_places, hypotheses=hypotheses), IN_ONE_PLACE),
    ):
        before, fields = fields, drop(fields)
        if dropped := dropped_boxes(before, fields):
            discarded.append(Discarded(dropped, reason))
    if typed:
        order = {one.field.outer_boxes[0].corners: i for i, one in enumerate(read.fields)}
        fields = sorted([*fields, *typed], key=lambda one: order[one.field.outer_boxes[0].corners])
    page = replace(read.page, discarded=tuple(discarded))
    return replace(read, page=page, fields=tuple(fields))


def decided(
    read: ReadPage, found: Orientation, thresholds: Thresholds, rules: FormRules | None
) -> PageReading:
    """The page's reading; all digits of a page that may be turned are for review."""
    page = read.page
    notices = [page.notice]
    if not page.form and has_doubtful_boxes([one.field for one in read.fields]):
        notices.append(Doubt.UNCLEAR_BOXES)
    if not found.sure:
        notices.append(Doubt.MAY_BE_TURNED)
    notice = all_of(*notices)
    revised: Callable[[Sequence[FieldReading]], Sequence[FieldReading]] = tuple
    if rules:
        revised = partial(_revised, read=read, rules=rules)
    fields = decide(read.fields, thresholds, doubted=not found.sure, revised=revised)
    return PageReading(page.file, page.number, fields, page.error, notice, form=page.form)


def _revised(
    readings: Sequence[FieldReading], *, read: ReadPage, rules: FormRules
) -> Sequence[FieldReading]:
    from formreader.recognise.rule_evidence import under_rules  # most scans have no rules

    marked = with_blank_marks(read.fields, readings, rules)
    return under_rules(read.fields, marked, read.hypotheses, rules)


def _strip(field: FieldCrops) -> Strip | None:
    """The strip of a cell; None of a row of boxes."""
    return None if field.cell is None or field.strip is None else field.strip.darkness


def _split(
    rows: npt.NDArray[np.float32], parts: Sequence[npt.NDArray[np.generic]]
) -> list[npt.NDArray[np.float32]]:
    """What rows say of each of several arrays that were put together."""
    return np.split(rows, np.cumsum([len(part) for part in parts])[:-1])


def _read_field(field: FieldCrops, written: Probabilities) -> ReadField:
    """A field with the probabilities (m, 11) of its boxes with ink; 0 for blanks."""
    probabilities = np.zeros((len(field.blank), len(CLASSES)), np.float32)
    probabilities[~field.blank] = written
    return ReadField(field, probabilities)


def _read_page(
    page: PageCrops, parts: Sequence[tuple[ReadField, NumberHypothesis | None, Features]]
) -> ReadPage:
    """A page of fields, what was read on their strips, and the features of their digits."""
    hypotheses = {
        one.field.cell: number
        for one, number, _ in parts
        if one.field.cell is not None and number is not None
    }
    rows = [features for _, number, features in parts if number is None]
    features = np.concatenate(rows) if rows else np.zeros((0, 0), np.float32)
    return ReadPage(page, tuple(one for one, _, _ in parts), hypotheses, features)
