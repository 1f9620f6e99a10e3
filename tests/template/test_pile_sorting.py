"""A pile is sorted into forms without losing a page."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import cv2
import numpy as np
import pytest

from formreader.core.geometry import Box
from formreader.core.image_pyramid import Pyramid
from formreader.preprocess.straighten import straighten
from formreader.rules.form_rules import FieldRules
from formreader.synth import FormSpec
from formreader.template import pile_sorting
from formreader.template.form_template import FieldPlace
from formreader.template.page_alignment import Alignment, Reference
from formreader.template.page_map import PageMap
from formreader.template.pile_page import PilePage
from formreader.template.pile_sorting import FormPile, one_pile, sort_pile
from formreader.template.reference_library import ReferenceLibrary
from shared.number_forms import render_any_form


@cache
def page(seed: int, filling: int) -> PilePage:
    drawn = render_any_form(seed, FormSpec("varied", "clean", dpi=100), filling=filling)
    grey = cv2.cvtColor(drawn.image, cv2.COLOR_RGB2GRAY) if drawn.image.ndim == 3 else drawn.image
    png = cv2.imencode(".png", straighten(Pyramid(grey)).image)[1].tobytes()
    return PilePage(f"{seed}-{filling}", png, ())


def test_pages_that_are_unlike_the_median_of_their_form_are_sorted_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pages = [page(100, filling) for filling in range(3)] + [page(104, 0)]

    def only_the_leader_stays(pile: FormPile) -> list[PilePage]:
        gone = [one for one, _ in pile.members[1:]]
        del pile.members[1:]
        return gone

    monkeypatch.setattr(pile_sorting, "_settle", only_the_leader_stays)
    piles = sort_pile(pages)
    sorted_pages = [[one.label for one, _ in pile.members] for pile in piles]
    assert sorted_pages == [["100-0", "100-1", "100-2"], ["104-0"]]
    pile, others = one_pile(pages)
    assert others == ["104-0", "100-1", "100-2"] and len(pile.members) == 1


@pytest.mark.slow
def test_two_piles_of_one_form_become_one(monkeypatch: pytest.MonkeyPatch) -> None:
    pages = [page(100, filling) for filling in range(6)]
    add, left = pile_sorting._Piles.add, {one.label for one in pages}

    def by_parity(self: pile_sorting._Piles, one: PilePage) -> bool:
        if one.label not in left:
            return add(self, one)
        left.remove(one.label)
        number = int(one.label[-1]) % 2
        if len(self.piles) <= number:
            return False
        found = ReferenceLibrary([self.piles[number].reference]).best_alignment(one.layout)
        assert found is not None
        self.piles[number].members.append((one, found[1]))
        return True

    monkeypatch.setattr(pile_sorting._Piles, "add", by_parity)
    (pile,) = sort_pile(pages)
    assert sorted(one.label for one, _ in pile.members) == [one.label for one in pages]


def test_the_kind_of_a_field_is_proposed_where_its_values_tell_it() -> None:
    places = [Box(10.0 + 90 * i, 10, 80, 30) for i in range(3)]
    fields = [FieldPlace(f"F0{i}", cell=box) for i, box in enumerate(places, 1)]
    corners = [
        np.array([[(b.left, b.top), (b.right, b.top), (b.right, b.bottom), (b.left, b.bottom)]])
        for b in places
    ]
    itself = Alignment.smooth(PageMap.flat(np.eye(3)), 1.0)
    reference = Reference(page(100, 0).layout)
    written = (("2,5", "24112026", "12"), ("7", "03042026", "3"), ("0.5", "31122025", ""))
    pile = FormPile(reference)
    for values in (*written, ("12,5", "", "7")):
        found = tuple((np.asarray(one, np.float64), True) for one in corners)
        pile.members.append((PilePage("a", b"", found, values=values), itself))
    hours, day, count = pile_sorting._with_kinds(fields, pile)
    assert hours.rules == FieldRules(kind="decimal", decimals=(0, 1))
    assert day.rules == FieldRules(kind="date", date="DDMMYYYY")
    assert count.rules == FieldRules()
    rows = [FieldPlace(one.name, (one.box,)) for one in fields]  # no number of theirs has a point
    assert pile_sorting._with_kinds(rows, pile) == tuple(rows)
    pile.members = [
        (replace(one, values=()), how) for one, how in pile.members
    ]  # learned in a scan
    assert pile_sorting._with_kinds(fields, pile) == tuple(fields)
