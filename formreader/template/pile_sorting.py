"""Sort a pile of pages into the forms that they are, and make each form's template."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.field_kinds import NO_KIND, likely_kind
from formreader.core.geometry import Box
from formreader.core.records import GreyImage
from formreader.rules.form_rules import FieldRules
from formreader.template.field_agreement import FoundField, agreed_fields, named_in_order
from formreader.template.form_template import FieldPlace, FormTemplate
from formreader.template.page_alignment import Alignment, Reference, seen_by
from formreader.template.page_layout import PageLayout
from formreader.template.page_map import Floats, PageMap
from formreader.template.pile_page import PilePage
from formreader.template.placed_fields import quarters_turned
from formreader.template.print_fields import without_print
from formreader.template.reference_library import ReferenceLibrary
from formreader.template.unwritten_fields import with_unwritten
from formreader.template.usable_values import MAX_BOXES, MAX_FIELDS

_MAX_MEDIAN_PAGES = 25
"""Pages of which the reference page is the median; more would change little."""

_MIN_MEDIAN_PAGES = 3
"""Pages from which handwriting is in the minority at each place."""

_MISSING_SHARE = 0.15
"""Ink that is missing on a larger share of the pages is written, not printed. Set by eye."""

_SKIPPED_EDGE, _SQUARE = 0.2, np.ones((3, 3), np.uint8)
"""Share of a place's shorter side that its lines take at each edge; and pixels by which print lies
elsewhere on a page."""

_NO_INK, _AROUND, _MIN_COMMON = 12, np.ones((9, 9), np.uint8), 0.6
"""Darkness of paper. Ink is print if what all pages have of it is this share of what they have
there and around. Set by eye: written digits meet in small boxes, but each goes on elsewhere."""

_MIN_FIT = 0.6
"""Intersection over union of a box and its place in the form, from which it was found there."""


@dataclass(slots=True, eq=False)
class FormPile:
    """The pages that are one form, with how the first one, the leader, lies on each."""

    reference: Reference
    members: list[tuple[PilePage, Alignment]] = field(default_factory=list)


@dataclass(frozen=True, slots=True, eq=False)
class LearnedForm:
    """A form that was learned: its template, its reference page and the pages that are it.

    `fitting` are the labels of those pages on which exactly its fields were found, in its order.
    """

    template: FormTemplate
    page: GreyImage
    labels: tuple[str, ...]
    fitting: tuple[str, ...] = ()


def sort_pile(pages: Sequence[PilePage]) -> list[FormPile]:
    """Sort pages into forms, those with most pages first."""
    piles = _Piles([])
    for page in pages:
        if not piles.add(page):
            piles.begin(page)
    large = [pile for pile in piles.piles if len(pile.members) >= _MIN_MEDIAN_PAGES]
    small = [pile for pile in piles.piles if len(pile.members) < _MIN_MEDIAN_PAGES]
    left, settled = list[PilePage](), _Piles([])
    for pile in sorted(large, key=lambda pile: -len(pile.members)):
        left += _settle(pile)
        if settled.has(pile.reference):  # its first page was unlike the other's by its writing
            left += [page for page, _ in pile.members]
        else:
            settled.take(pile)
    # A page that was unlike a form's first page may be like the median of several.
    left += [page for pile in small for page, _ in pile.members]
    others = _Piles([])
    for page in left:
        if not settled.add(page) and not others.add(page):
            others.begin(page)
    found = [pile for pile in (*settled.piles, *others.piles) if pile.members]
    return sorted(found, key=lambda pile: -len(pile.members))


def learned_form(pile: FormPile, name: str) -> LearnedForm | None:
    """Make the template of a form; None if its pages show no field, or too many."""
    found = [_on_reference(pile.reference, *one) for one in pile.members]
    fields, picture = agreed_fields(found), pile.reference.image
    if len(pile.members) >= _MIN_MEDIAN_PAGES:
        some = pile.members[:_MAX_MEDIAN_PAGES]
        seen = [_seen_from(pile.reference, page.even, how) for page, how in some]
        cells = [one.cell for page in found for one in page if one.cell is not None]
        real = without_print(fields, seen)
        fields = named_in_order(with_unwritten(picture, real, cells))
        picture = printed_in_fields(picture, seen, fields)
    widest = max((len(field.boxes) for field in fields), default=0)
    if not 0 < len(fields) <= MAX_FIELDS or widest > MAX_BOXES:
        return None
    fields = _with_kinds(fields, pile)
    height, width = picture.shape
    template = FormTemplate(name, (width, height), fields)
    labels = tuple(page.label for page, _ in pile.members)
    fitting = tuple(page.label for page, how in pile.members if _fits(template, page, how))
    return LearnedForm(template, picture, labels, fitting)


def printed_in_fields(
    median: GreyImage, pages: Sequence[GreyImage], fields: Sequence[FieldPlace]
) -> GreyImage:
    """The median of pages, (h, w) uint8, with only what all have in the fields: it is printed.

    On the median of a few pages of small boxes writing is left, and print that looks written is
    not.
    """
    stack = np.stack(pages)
    ink = (255 - _NO_INK) - np.minimum(stack, 255 - _NO_INK)
    near = np.stack([cv2.dilate(one, _SQUARE) for one in ink])
    ever = np.quantile(near, _MISSING_SHARE, axis=0, method="lower")
    common = np.minimum(np.median(ink, axis=0), ever).astype(np.uint8)
    usual, picture = np.median(stack, axis=0), median.copy()
    for part in (part for one in fields for part in one.parts):
        edge = _SKIPPED_EDGE * min(part.width, part.height)
        rows = slice(max(round(part.top + edge), 0), max(round(part.bottom - edge), 0))
        columns = slice(max(round(part.left + edge), 0), max(round(part.right - edge), 0))
        here = _alike(ink[:, rows, columns], common[rows, columns])
        picture[rows, columns] = np.where(here, usual[rows, columns], 255)
    return picture


def _alike(ink: npt.NDArray[np.uint8], common: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Where what is `common` to the ink of n pages, (n, h, w), has little other ink near."""
    count, labels = cv2.connectedComponents((common > 0).astype(np.uint8))
    alike = np.zeros(common.shape, np.uint8)
    for label in range(1, count):
        part = labels == label
        around = cv2.dilate(part.astype(np.uint8), _AROUND).view(np.bool_)
        usual = float(np.median(ink[:, around].sum(axis=1, dtype=np.int64)))
        if common[around].sum(dtype=np.int64) >= _MIN_COMMON * usual:
            alike[part] = 1
    return np.asarray(cv2.dilate(alike, _SQUARE) > 0)


def _with_kinds(fields: Sequence[FieldPlace], pile: FormPile) -> tuple[FieldPlace, ...]:
    """Fields with their kinds, where what was read in them on the pages tells it clearly."""
    values = defaultdict[str, list[str]](list)
    for page, how in pile.members:
        for (corners, is_cell), value in zip(page.fields, page.values, strict=False):
            here = Box.around([_box(how, one) for one in corners])
            same = [
                field
                for field in fields
                if is_cell == (field.cell is not None) and len(corners) == len(field.parts)
            ]
            at = next((field for field in same if field.box.overlap(here) > _MIN_FIT), None)
            if at is not None:
                values[at.name].append(value)
    kinds = {name: likely_kind(read) for name, read in values.items()}
    return tuple(
        replace(field, rules=FieldRules(kind=kind.kind, decimals=kind.decimals, date=kind.date))
        if (kind := kinds.get(field.name, NO_KIND)) != NO_KIND
        else field
        for field in fields
    )


def _fits(template: FormTemplate, page: PilePage, how: Alignment) -> bool:
    """Whether exactly the fields of a form were found on a page, where the form has them."""
    if len(page.fields) != len(template.fields):
        return False
    for (corners, is_cell), place in zip(page.fields, template.fields, strict=True):
        same_kind = is_cell == (place.cell is not None) and len(corners) == len(place.parts)
        if not same_kind:
            return False
        pairs = zip((_box(how, one) for one in corners), place.parts, strict=True)
        if any(found.overlap(part) < _MIN_FIT for found, part in pairs):
            return False
    return True


def one_pile(pages: Sequence[PilePage]) -> tuple[FormPile, list[str]]:
    """A pile of pages of one form, led by the first; and the labels of those that are another."""
    piles = _Piles([])
    others = list[str]()
    for page in pages:
        if not piles.piles:
            piles.begin(page)
        elif not piles.add(page):
            others.append(page.label)
    (pile,) = piles.piles
    if len(pile.members) >= _MIN_MEDIAN_PAGES:
        others += [page.label for page in _settle(pile)]
    return pile, others


class _Piles:
    """Piles of pages, to which others are added."""

    def __init__(self, piles: Sequence[FormPile]) -> None:
        self.piles = list(piles)
        self._library = ReferenceLibrary([pile.reference for pile in piles])

    def begin(self, page: PilePage) -> None:
        """Begin a pile with a page as its leader."""
        itself = Alignment.smooth(PageMap.flat(np.eye(3)), 1.0)
        self.take(FormPile(Reference(page.layout), [(page, itself)]))

    def take(self, pile: FormPile) -> None:
        """Take a pile in."""
        self.piles.append(pile)
        self._library = ReferenceLibrary([pile.reference for pile in self.piles])

    def has(self, reference: Reference) -> bool:
        """Whether a reference page is of the form of one of the piles."""
        found = self._library.best_alignment(reference.layout)
        return found is not None and not found[1].fault

    def add(self, page: PilePage) -> bool:
        """Add a page to the pile of its form; false if there is none."""
        found = self._library.best_alignment(page.layout)
        if found is None or found[1].fault:
            return False
        self.piles[found[0]].members.append((page, found[1]))
        return True


def _settle(pile: FormPile) -> list[PilePage]:
    """Make the median of a pile's pages without their writing its reference page.

    It lies as most pages do.

    Returns the pages that are unlike it, and left the pile.
    """
    pages = [page for page, _ in pile.members]
    turns = Counter(_turn(how) for _, how in pile.members)
    usual = turns.most_common(1)[0][0]
    if usual:  # the leader lies another way than most
        leader = next(page for page, how in pile.members if _turn(how) == usual)
        _align_anew(pile, Reference(leader.layout))
    seen = [
        _seen_from(pile.reference, page.layout.clean, how)
        for page, how in pile.members[:_MAX_MEDIAN_PAGES]
    ]
    median = np.median(np.stack(seen), axis=0).astype(np.uint8)
    _align_anew(pile, Reference(PageLayout.of(median)))
    stayed = {id(page) for page, _ in pile.members}
    return [page for page in pages if id(page) not in stayed]


def _turn(how: Alignment) -> int:
    return quarters_turned(how) if len(how.places) else 0


def _align_anew(pile: FormPile, reference: Reference) -> None:
    """Align the pages of a pile with another reference page; those that are no more like it go."""
    library = ReferenceLibrary([reference])
    aligned = ((page, library.best_alignment(page.layout)) for page, _ in pile.members)
    pile.members = [(page, found[1]) for page, found in aligned if found and not found[1].fault]
    pile.reference = reference


def _seen_from(reference: Reference, page: GreyImage, how: Alignment) -> GreyImage:
    """A page as seen on the reference page."""
    height, width = reference.image.shape
    return seen_by(how.map, page, (width, height))


def _on_reference(reference: Reference, page: PilePage, how: Alignment) -> list[FoundField]:
    """The fields of a page that lie on the reference page, in its pixels."""
    height, width = reference.image.shape
    whole = Box(0, 0, width, height)

    def on_page(corners: Iterable[Floats]) -> list[Box]:
        boxes = [_box(how, one) for one in corners]
        return sorted((box for box in boxes if whole.holds(box.centre)), key=lambda box: box.left)

    rows = [FoundField(tuple(boxes)) for row in page.rows if (boxes := on_page(row))]
    return rows + [FoundField(cell=cell) for cell in on_page(page.cells)]


def _box(how: Alignment, corners: Floats) -> Box:
    """The upright box whose edges are the mean edges of corners (4, 2) of the page."""
    points = how.back(corners)
    x, y = np.sort(points[:, 0]), np.sort(points[:, 1])
    left, right, top, bottom = x[:2].mean(), x[2:].mean(), y[:2].mean(), y[2:].mean()
    return Box(float(left), float(top), max(float(right - left), 1), max(float(bottom - top), 1))
