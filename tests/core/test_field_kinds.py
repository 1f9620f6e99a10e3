"""What values of each kind stand for, which ones fit, and that tables are read back as written."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from formreader.core.doubts import reason
from formreader.core.field_kinds import (
    NO_KIND,
    FieldKind,
    Kind,
    Misfit,
    Typed,
    as_written,
    free_number,
    likely_kind,
    same_value,
    text_of,
    value_of,
    written_value,
)
from formreader.output.wording import sentence

INTEGER, TIME = FieldKind(kind="integer"), FieldKind(kind="time")
DECIMAL = FieldKind(kind="decimal")
ONE, CENTS = FieldKind(decimals=(1, 1)), FieldKind(decimals=(0, 2))
COMMA = FieldKind(kind="decimal", separator=",")
METER = FieldKind(kind="decimal", decimals=(1, 1), separator=",", boxes=6)
BIRTHDAY = FieldKind(date="DDMMYY")


@pytest.mark.parametrize(
    ("text", "kind", "value", "shown"),
    [
        ("007", INTEGER, 7, "7"),
        ("18.014", INTEGER, 18014, "18014"),
        ("-3", INTEGER, -3, "-3"),
        ("2.5", DECIMAL, Decimal("2.5"), "2.5"),
        ("2,50", DECIMAL, Decimal("2.50"), "2.50"),
        ("5", DECIMAL, Decimal(5), "5"),
        ("1.250,5", DECIMAL, Decimal("1250.5"), "1250.5"),
        ("1.250.000", DECIMAL, Decimal(1250000), "1250000"),
        ("0.125", DECIMAL, Decimal("0.125"), "0.125"),
        ("1.250", CENTS, Decimal(1250), "1250"),
        ("1.250", COMMA, Decimal(1250), "1250"),
        ("1,250", COMMA, Decimal("1.250"), "1.250"),
        ("-0,5", COMMA, Decimal("-0.5"), "-0.5"),
        ("07766,0", METER, Decimal("7766.0"), "7766.0"),
        ("7766,", METER, Decimal("7766.0"), "7766.0"),
        (",5", METER, Decimal("0.5"), "0.5"),
        ("24112026", FieldKind(kind="date"), date(2026, 11, 24), "2026-11-24"),
        ("3.4.26", FieldKind(kind="date"), date(2026, 4, 3), "2026-04-03"),
        ("311299", BIRTHDAY, date(1999, 12, 31), "1999-12-31"),
        ("010168", BIRTHDAY, date(2068, 1, 1), "2068-01-01"),
        ("0830", TIME, timedelta(hours=8, minutes=30), "08:30"),
        ("8.30", TIME, timedelta(hours=8, minutes=30), "08:30"),
        ("2400", TIME, timedelta(days=1), "24:00"),
        ("007", FieldKind(kind="code"), "007", "007"),
        ("", INTEGER, None, ""),
        ("1?", ONE, None, "1?"),
    ],
)
def test_values_of_each_kind(text: str, kind: FieldKind, value: Typed | None, shown: str) -> None:
    found = value_of(text, kind)
    assert found == value and type(found) is type(value)
    assert text_of(found, text) == shown
    assert value is None or value_of(as_written(shown, kind), kind) == value


@pytest.mark.parametrize(
    ("text", "kind", "told"),
    [
        ("2.5", INTEGER, "2.5 is no whole number"),
        ("25", ONE, "25 was read, where a number with decimals (1) was expected"),
        ("2.55", ONE, "2.55 has another number of decimals than 1"),
        ("2.5555", CENTS, "2.5555 has another number of decimals than 0..2"),
        ("1.250", DECIMAL, "1.250 may be 1250 or 1.250"),
        ("05", DECIMAL, "05 was read: a point or comma may be missing"),
        ("2-5", DECIMAL, "2-5 is no number"),
        ("7 66,0", METER, "7 66,0 is no number"),
        ("31022026", FieldKind(kind="date"), "31022026 is no date (DDMMYYYY)"),
        ("1.2", FieldKind(kind="date"), "1.2 is no date (DDMMYYYY)"),
        (
            "010268",
            FieldKind(date="DDMMYY 1970-01-01..2030-12-31"),
            "no date (DDMMYY 1970-01-01..",
        ),
        ("2570", TIME, "2570 is no time of the day"),
        ("2401", TIME, "2401 is no time of the day"),
        ("9" * 5000, INTEGER, "too long for a number"),
    ],
)
def test_what_does_not_fit_is_told_and_stays(text: str, kind: FieldKind, told: str) -> None:
    with pytest.raises(Misfit) as misfit:
        value_of(text, kind)
    doubt, *details = misfit.value.args
    assert told in sentence(reason(doubt, "x", *details))


@pytest.mark.parametrize(
    ("cells", "written"),
    [
        ("077660", "07766,0"),
        (".77660", "7766,0"),
        ("07766.", "07766,"),
        (".....5", ",5"),
        ("......", ""),
        ("0.7660", "0 766,0"),
        ("77..60", "77  6,0"),
        ("7766", "7766"),  # a person's answer with fewer digits than boxes
    ],
)
def test_the_point_is_where_the_form_prints_it(cells: str, written: str) -> None:
    """Left out, the value of a meter would be off by a factor of ten, or of a thousand."""
    assert written_value(cells.replace(".", ""), cells, METER) == written
    point = replace(METER, separator="")
    assert written_value(cells.replace(".", ""), cells, point) == written.replace(",", ".")


def test_a_spreadsheet_writes_the_same_number_in_other_ways() -> None:
    assert same_value("7", "007", INTEGER) and same_value("7.50", "7.5", DECIMAL)
    assert not same_value("7", "8", INTEGER) and not same_value("7", "07", NO_KIND)
    assert not same_value("x", "x", INTEGER)


def test_numbers_without_a_kind_have_a_point_unless_it_groups_thousands() -> None:
    texts = {"1.250": 1250, "1 250": 1250, "12,50": Decimal("12.50"), "2.5": Decimal("2.5")}
    assert {text: free_number(text) for text in texts} == texts
    assert free_number("1.2.3") is None


KINDS: tuple[tuple[Kind, st.SearchStrategy[Typed]], ...] = (
    ("integer", st.integers(-(10**12), 10**12)),
    ("date", st.dates(date(1970, 1, 1))),
    ("time", st.integers(0, 1440).map(lambda minutes: timedelta(minutes=minutes))),
)


@given(st.sampled_from(KINDS).flatmap(lambda one: st.tuples(st.just(one[0]), one[1])))
def test_what_a_table_says_is_read_back(pair: tuple[Kind, Typed]) -> None:
    kind, value = FieldKind(kind=pair[0]), pair[1]
    assert value_of(as_written(text_of(value, ""), kind), kind) == value


@given(st.decimals(0, 99999, places=1), st.booleans(), st.sampled_from([ONE, METER]))
def test_decimals_are_read_back(value: Decimal, comma: bool, kind: FieldKind) -> None:
    kind = FieldKind(
        decimals=kind.decimals, separator=kind.separator, boxes=kind.boxes, comma=comma
    )
    written = as_written(text_of(value, "", comma=comma), kind)
    assert value_of(written, kind) == value
    assert not kind.boxes or len(written) == kind.boxes + 1


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["2.5", "7,5", "0.0"], FieldKind(kind="decimal", decimals=(1, 1))),
        (["2.5", "7,25", "0.0"], FieldKind(kind="decimal", decimals=(1, 2))),
        (["2.5", "7", "4.5", "3.5"], FieldKind(kind="decimal", decimals=(0, 1))),
        (["24.11.2026", "3.4.26", "31.12.2025"], FieldKind(kind="date", date="DDMMYYYY")),
        (["24112026", "03042026", "31122025"], FieldKind(kind="date", date="DDMMYYYY")),
        (["24112026", "03042026", "99999999"], NO_KIND),
        (["1.2.2026", "3.4.2026", "5.6.2026"], NO_KIND),  # months and days cannot be told apart
        (["25", "7", "0"], NO_KIND),
        (["1.250", "18.014", "2.000"], NO_KIND),
        (["2.5", "?"], NO_KIND),
    ],
)
def test_the_kind_that_values_tell(values: list[str], kind: FieldKind) -> None:
    assert likely_kind(values) == kind
