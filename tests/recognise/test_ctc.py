"""Strings and their probabilities from the places along a strip."""

from __future__ import annotations

from itertools import groupby, product

import numpy as np
import pytest

from formreader.recognise.ctc import (
    CHARACTERS,
    CTC_CLASSES,
    NO_CHARACTER,
    Places,
    best_alignments,
    likely_texts,
    log_probabilities,
    place_probabilities,
)


def random_places(n: int, places: int) -> Places:
    rng = np.random.default_rng(places)
    return place_probabilities(rng.normal(0, 2, (n, places, CTC_CLASSES)).astype(np.float32))


def spelt(classes: tuple[int, ...]) -> str:
    return "".join(CHARACTERS[c] for c, _ in groupby(classes) if c != NO_CHARACTER)


def along(text: str) -> Places:
    """Places that are sure of these characters; a blank is none."""
    places = np.full((1, len(text), CTC_CLASSES), 1e-4, np.float32)
    for place, one in zip(places[0], text, strict=True):
        place[NO_CHARACTER if one == " " else CHARACTERS.index(one)] = 1.0
    return places / places.sum(axis=2, keepdims=True)


def test_the_probability_of_a_string_is_the_sum_over_all_ways_to_spell_it() -> None:
    (places,) = random_places(1, 4)
    chosen = (0, 1, NO_CHARACTER)  # among which all of the probability is
    few = np.zeros_like(places)
    few[:, chosen] = places[:, chosen] / places[:, chosen].sum(axis=1, keepdims=True)
    expected: dict[str, float] = {}
    for classes in product(chosen, repeat=4):
        probability = float(np.prod([few[t, c] for t, c in enumerate(classes)]))
        expected[spelt(classes)] = expected.get(spelt(classes), 0.0) + probability
    assert sum(expected.values()) == pytest.approx(1.0)
    for text, probability in expected.items():
        (log,) = log_probabilities(few[None], [text])
        assert np.exp(log) == pytest.approx(probability, rel=1e-5), text


def test_strings_of_several_strips_at_once_are_as_probable_as_alone() -> None:
    places, texts = random_places(3, 9), ["", "1.5", "00"]
    together = log_probabilities(places, texts)
    alone = [log_probabilities(places[i : i + 1], [text])[0] for i, text in enumerate(texts)]
    assert together.tolist() == pytest.approx(alone)


def test_a_string_too_long_for_its_strip_is_impossible() -> None:
    (log,) = log_probabilities(random_places(1, 3), ["1234"])
    assert log == -np.inf


def test_equal_digits_need_a_place_between_them() -> None:
    (log,) = log_probabilities(random_places(1, 2), ["77"])
    assert np.exp(log) < 1e-9


def test_the_spelling_says_where_each_character_stands() -> None:
    (alignment,) = best_alignments(along(" 11 1 , 9 "))
    assert alignment.text == "11,9"
    assert alignment.starts.tolist() == [1, 4, 6, 8]
    assert alignment.ends.tolist() == [3, 5, 7, 9]
    assert (alignment.peaks > 0.99).all()


def test_a_strip_without_characters_spells_nothing() -> None:
    (alignment,) = best_alignments(along("    "))
    assert alignment.text == ""
    assert len(alignment.starts) == 0


def test_likely_texts_are_the_likeliest_with_their_probabilities() -> None:
    (places,) = random_places(1, 4)
    chosen = [0, 1, NO_CHARACTER]
    places[:, [c for c in range(CTC_CLASSES) if c not in chosen]] = 0.0
    texts = dict(likely_texts(places, beam=1000))
    every = {spelt(classes) for classes in product(chosen, repeat=4)}
    assert set(texts) == every
    exact = np.exp(log_probabilities(np.repeat(places[None], len(texts), 0), list(texts)))
    assert list(texts.values()) == pytest.approx(exact.tolist(), abs=1e-9)
    assert list(texts.values()) == sorted(texts.values(), reverse=True)
    fewer = likely_texts(places, beam=5)
    assert len(fewer) == 5 and all(p <= texts[text] + 1e-12 for text, p in fewer)
