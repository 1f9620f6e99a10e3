"""Read the crops of many pages in large batches, and regroup the results by page.

Pages that lie upside down or on their side are found on the way, and turned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from formreader.core.classes import CLASSES, NO_CROPS, Crops, Probabilities
from formreader.core.doubts import Doubt
from formreader.core.options import ScanOptions
from formreader.core.records import (
    DigitBox,
    Discarded,
    FieldCrops,
    FieldReading,
    PageCrops,
    PageReading,
)
from formreader.core.stopwatch import Stopwatch
from formreader.detect.box_network import shipped_decisions
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
from formreader.recognise.page_hand import Features, PageHand
from formreader.recognise.page_orientation import (
    Orientation,
    find_orientation,
    quarters_of,
    without_further_turn,
)
from formreader.recognise.recogniser import Recogniser
from formreader.recognise.risk_control import Thresholds, acceptance
from formreader.recognise.rule_evidence import under_rules
from formreader.recognise.second_reader import SecondOpinion, second_opinion
from formreader.recognise.torn_columns import doubt_torn_columns
from formreader.recognise.typed_values import as_typed
from formreader.rules.form_rules import FormRules

NO_FORM_RULES: Mapping[str, FormRules] = MappingProxyType({})
"""The rules of forms where there is no template."""

TurnPages: TypeAlias = Callable[[Mapping[int, int]], Sequence[PageCrops]]
"""Repeats the page work of some pages, turned.

Its argument maps a page's index in the scan to the quarter turns clockwise that bring it upright.
"""


@dataclass(frozen=True, slots=True, eq=False)
class ReadPage:
    """A page whose cells have boxes where digits were read, and the digit network's probabilities.

    `hypotheses` is what was read on the strips of the page's cells, by cell. `features` are those
    of the boxes with ink in each row of boxes, until the page is read as of one hand.
    """

    page: PageCrops
    fields: tuple[ReadField, ...]
    hypotheses: Mapping[DigitBox, NumberHypothesis] = field(default_factory=dict)
    features: tuple[Features, ...] = ()


def read_pages(
    pages: Iterable[PageCrops],
    recogniser: Recogniser,
    options: ScanOptions,
    stopwatch: Stopwatch,
    turn: TurnPages | None = None,
    rules: Mapping[str, FormRules] = NO_FORM_RULES,
) -> Iterator[tuple[PageCrops, PageReading]]:
    """Read pages, in their order, in batches of `options.batch` crops across pages.

    `turn` replaces the pages that are found to be turned; where it is None all pages are read
    as they are. `rules` are those of each form, by its name. The network's time counts as the
    stage "recognise" of `stopwatch`.

    Raises:
        ModelError: the model's calibration cannot promise `options.max_error`.
    """
    network = _Network(recogniser, shipped_reader(), stopwatch)
    second = second_opinion(options.second_reader) if options.second_reader else None
    numbers = second.weights.calibration if second else network.reader.calibration
    thresholds = acceptance(recogniser.card, numbers, options).thresholds
    done = 0
    for unread in _groups(pages, options.batch):
        group = network.read(unread)
        found = [Orientation()] * len(group)
        if turn is not None:
            found = [_as_known(page) or network.orientation(page) for page in group]
            turned = [i for i, orientation in enumerate(found) if orientation.quarters]
            quarters = {done + i: _quarters_to_upright(group[i], found[i]) for i in turned}
            again = turn(quarters) if turned else []
            for i, page in zip(turned, network.read(again), strict=True):
                group[i] = page
                found[i] = without_further_turn(network.orientation(page))
        done += len(group)
        for page, orientation in zip(group, found, strict=True):
            # Not before the turns: turned digits look like non-digits.
            as_one = _in_one_hand(page, recogniser.hand, network.reader.hand)
            arbitrated = _arbitrated(as_one)
            with stopwatch.stage("recognise"):
                settled = _settled(arbitrated, network.reader, second)
            yield settled.page, _page_reading(settled, orientation, thresholds, rules)


def read_fields(
    pages: Sequence[PageCrops], recogniser: Recogniser, reader: NumberReader
) -> list[ReadPage]:
    """Read the fields of some pages as they are, before anything is dropped or settled."""
    return _Network(recogniser, reader, Stopwatch()).read(pages)


def _in_one_hand(read: ReadPage, of_boxes: PageHand | None, of_strips: PageHand | None) -> ReadPage:
    """The page with its rows of boxes read as of one hand, and so its cells' strips.

    The hands are None for models that know none.
    """
    read = _rows_in_one_hand(read, of_boxes)
    if of_strips is None:
        return read
    of_one = in_one_hand(list(read.hypotheses.values()), of_strips)
    return replace(read, hypotheses=dict(zip(read.hypotheses, of_one, strict=True)))


def _rows_in_one_hand(read: ReadPage, hand: PageHand | None) -> ReadPage:
    rows = [i for i, one in enumerate(read.fields) if one.field.cell is None]
    if hand is None or not rows:
        return read
    written = [read.fields[i].written for i in rows]
    adapted = hand.adapted(np.concatenate(written), np.concatenate(read.features))
    fields = list(read.fields)
    for i, own in zip(rows, _split(adapted, written), strict=True):
        probabilities = fields[i].probabilities.copy()
        probabilities[~fields[i].field.blank] = own
        fields[i] = replace(fields[i], probabilities=probabilities)
    return replace(read, fields=tuple(fields), features=())


def _arbitrated(read: ReadPage) -> ReadPage:
    """Drop words in boxes and cells, and what is not there where a row and cells share a place.

    The fields of a known form are there, whatever is written in them.
    """
    if read.page.form:
        return read
    typed = [one for one in read.fields if one.field.typed]
    if typed:  # what is typed is there, too
        order = {one.field.outer_boxes[0].corners: i for i, one in enumerate(read.fields)}
        others = tuple(one for one in read.fields if not one.field.typed)
        left = _arbitrated(replace(read, fields=others))
        fields = sorted(
            (*left.fields, *typed), key=lambda one: order[one.field.outer_boxes[0].corners]
        )
        page = replace(left.page, fields=tuple(one.field for one in fields))
        return replace(left, page=page, fields=tuple(fields))
    read = _with_fields(read, drop_words_in_cells(read.fields, read.hypotheses), NO_NUMBER)
    read = _with_fields(read, drop_words(read.fields, shipped_decisions().fields), NO_DIGITS)
    return _with_fields(read, settle_places(read.fields, read.hypotheses), IN_ONE_PLACE)


def _with_fields(read: ReadPage, fields: Sequence[ReadField], reason: str) -> ReadPage:
    """The page with only these of its fields; `reason` is why the others are discarded."""
    page = read.page
    if dropped := dropped_boxes(read.fields, fields):
        page = _without(page, dropped, reason)
    page = replace(page, fields=tuple(one.field for one in fields))
    return replace(read, page=page, fields=tuple(fields))


def _settled(read: ReadPage, reader: NumberReader, second: SecondOpinion | None) -> ReadPage:
    """Settle what each cell says; the second reader is asked if there is one.

    The cells of a known form are one number each.
    """
    fields = tuple(_settled_field(one, read.hypotheses, reader, second) for one in read.fields)
    if not read.page.form:
        fields = doubt_torn_columns(fields)
    fields = tuple(as_typed(one) if one.field.typed else one for one in fields)
    page = replace(read.page, fields=tuple(one.field for one in fields))
    return replace(read, page=page, fields=fields)


def _settled_field(
    one: ReadField,
    hypotheses: Mapping[DigitBox, NumberHypothesis],
    reader: NumberReader,
    second: SecondOpinion | None,
) -> ReadField:
    cell, strip = one.field.cell, one.field.strip
    if cell is None or strip is None:
        return one
    hypothesis = hypotheses[cell]
    field, rows, number = settle(one.field, one.probabilities, hypothesis, reader.confidence)
    if second is not None:
        number = second.on(number, strip.darkness)
    if one.field.name and number.doubt == Doubt.NO_NUMBER:
        number = replace(number, mark=mark_probability(hypothesis, strip.darkness))
    return ReadField(field, rows, number)


def _without(page: PageCrops, boxes: tuple[DigitBox, ...], reason: str) -> PageCrops:
    """The page with these boxes added to its discarded ones."""
    return replace(page, discarded=(*page.discarded, Discarded(boxes, reason)))


def _page_reading(
    read: ReadPage,
    found: Orientation,
    thresholds: Thresholds,
    rules: Mapping[str, FormRules],
) -> PageReading:
    """The page's reading; all digits of a page that may be turned are for review."""
    page = read.page
    notices = [page.notice]
    if not page.form and has_doubtful_boxes(page.fields):
        notices.append(Doubt.UNCLEAR_BOXES)
    if not found.sure:
        notices.append(Doubt.MAY_BE_TURNED)
    notice = "; ".join(filter(None, notices))
    revised: Callable[[Sequence[FieldReading]], Sequence[FieldReading]] = tuple
    if page.form and (of_form := rules.get(page.form)):
        revised = partial(_revised, read=read, rules=of_form)
    fields = decide(read.fields, thresholds, doubted=not found.sure, revised=revised)
    return PageReading(page.file, page.number, fields, page.error, notice, form=page.form)


def _revised(
    readings: Sequence[FieldReading], *, read: ReadPage, rules: FormRules
) -> Sequence[FieldReading]:
    marked = with_blank_marks(read.fields, readings, rules)
    return under_rules(read.fields, marked, read.hypotheses, rules)


@dataclass(frozen=True, slots=True)
class _Network:
    """The recogniser and the number reader, with a stopwatch for the time they take."""

    recogniser: Recogniser
    reader: NumberReader
    stopwatch: Stopwatch

    def read(self, pages: Sequence[PageCrops]) -> list[ReadPage]:
        """Read the strips of the pages' cells, and in one batch the crops of all digits."""
        if not pages:
            return []
        with self.stopwatch.stage("recognise"):
            hypotheses = self._hypotheses(pages)
            fields = [
                tuple(
                    one if one.cell is None else aligned(one, by_cell[one.cell])
                    for one in page.fields
                )
                for page, by_cell in zip(pages, hypotheses, strict=True)
            ]
            rows = [one.written for of_page in fields for one in of_page if one.cell is None]
            in_rows, features = self.recogniser.with_features(_joined(rows))
            of_rows, features_of = iter(_split(in_rows, rows)), iter(_split(features, rows))
            of_cells = iter(self._in_cells(fields, hypotheses))
        return [
            _read_page(
                replace(page, fields=of_page),
                [next(of_rows if one.cell is None else of_cells) for one in of_page],
                [next(features_of) for one in of_page if one.cell is None],
                by_cell,
            )
            for page, of_page, by_cell in zip(pages, fields, hypotheses, strict=True)
        ]

    def _hypotheses(self, pages: Sequence[PageCrops]) -> list[dict[DigitBox, NumberHypothesis]]:
        """What the number reader finds on the strips of each page, by cell."""
        strips = [
            (i, field.cell, field.strip.darkness)
            for i, page in enumerate(pages)
            for field in page.fields
            if field.cell is not None and field.strip is not None
        ]
        found: list[dict[DigitBox, NumberHypothesis]] = [{} for _ in pages]
        numbers = self.reader.read([darkness for _, _, darkness in strips])
        for (i, cell, _), number in zip(strips, numbers, strict=True):
            found[i][cell] = number
        return found

    def _in_cells(
        self,
        fields: Sequence[Sequence[FieldCrops]],
        hypotheses: Sequence[Mapping[DigitBox, NumberHypothesis]],
    ) -> Iterator[Probabilities]:
        """The probabilities of the digits in each cell of some pages.

        The digit network is asked where the number reader is not all but certain.
        """
        cells = [
            (one.written, by_cell[one.cell])
            for of_page, by_cell in zip(fields, hypotheses, strict=True)
            for one in of_page
            if one.cell is not None
        ]
        asked = [written for written, of in cells if not is_certain(of)]
        read = iter(_split(self.recogniser.probabilities(_joined(asked)), asked))
        return (of.digit_probabilities if is_certain(of) else next(read) for _, of in cells)

    def orientation(self, read: ReadPage) -> Orientation:
        """How a page lies, judged by its digits."""
        return find_orientation(read.fields, self._probabilities)

    def _probabilities(self, crops: Crops) -> Probabilities:
        with self.stopwatch.stage("recognise"):
            return self.recogniser.probabilities(crops)


def _joined(parts: Sequence[Crops]) -> Crops:
    return np.concatenate([NO_CROPS, *parts])


def _split(
    rows: npt.NDArray[np.float32], parts: Sequence[npt.NDArray[np.generic]]
) -> list[npt.NDArray[np.float32]]:
    """What rows say of each of several arrays that were put together."""
    return np.split(rows, np.cumsum([len(part) for part in parts])[:-1])


def _read_page(
    page: PageCrops,
    written: Sequence[Probabilities],
    features: Sequence[Features],
    hypotheses: Mapping[DigitBox, NumberHypothesis],
) -> ReadPage:
    """A page; `written` has the probabilities of its fields' boxes with ink.

    `features` are those of the rows of boxes.
    """
    read = tuple(
        ReadField(one, _with_blanks(one, own))
        for one, own in zip(page.fields, written, strict=True)
    )
    return ReadPage(page, read, hypotheses, tuple(features))


def _with_blanks(field: FieldCrops, written: Probabilities) -> Probabilities:
    """Probabilities (n, 11) of a field's boxes; 0 for blanks."""
    probabilities = np.zeros((len(field.blank), len(CLASSES)), np.float32)
    probabilities[~field.blank] = written
    return probabilities


def _as_known(read: ReadPage) -> Orientation | None:
    """How a page lies where its form or its print has shown it; else None."""
    return Orientation() if read.page.form or read.page.upright else None


def _quarters_to_upright(read: ReadPage, found: Orientation) -> int:
    """Quarter turns clockwise that bring the stored page upright, earlier turns included."""
    return (quarters_of(read.page.fields) + found.quarters) % 4


def _groups(pages: Iterable[PageCrops], crops: int) -> Iterator[list[PageCrops]]:
    """Groups of pages with at least `crops` crops with ink; the last group may have fewer."""
    group: list[PageCrops] = []
    grouped_crops = 0
    for page in pages:
        group.append(page)
        grouped_crops += sum(int(np.count_nonzero(~field.blank)) for field in page.fields)
        if grouped_crops >= crops:
            yield group
            group, grouped_crops = [], 0
    if group:
        yield group
