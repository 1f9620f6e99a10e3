"""Things made in threads ahead of their use."""

from __future__ import annotations

import threading
from contextlib import closing

import pytest

from formreader.training.fit.batches import MAX_MADE_AHEAD, made_ahead


@pytest.mark.parametrize("n", [0, 1, MAX_MADE_AHEAD, 3 * MAX_MADE_AHEAD + 1])
def test_all_come_in_order(n: int) -> None:
    assert list(made_ahead(lambda place: place * place, n)) == [i * i for i in range(n)]


def test_they_are_made_ahead_but_not_without_end() -> None:
    made: list[int] = []
    with closing(made_ahead(made.append, 10 * MAX_MADE_AHEAD)) as things:
        next(things)
    assert made
    assert max(made) <= MAX_MADE_AHEAD


def test_what_goes_wrong_is_told_in_its_place() -> None:
    things = made_ahead(lambda place: 1 // (2 - place), 5)
    assert [next(things), next(things)] == [0, 1]
    with pytest.raises(ZeroDivisionError):
        next(things)


def test_the_threads_end_with_the_iterator() -> None:
    before = threading.active_count()
    with closing(made_ahead(str, 1000)) as things:
        assert next(things) == "0"
    assert threading.active_count() == before
