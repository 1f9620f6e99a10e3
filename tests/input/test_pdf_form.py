"""Fields of fillable PDFs: what they are called, where they are, what they ask for."""

from __future__ import annotations

import io

import pytest
from fillable_pdf import COMB, HIDDEN, MULTILINE, PASSWORD, Field, action, fillable_pdf

from formreader.core.errors import PageError
from formreader.core.field_kinds import FieldKind
from formreader.core.form_fields import FormField
from formreader.input.pdf import RENDER_DPI, read_pdf

SCALE = RENDER_DPI / 72


def fields_of(data: bytes, page: int = 0) -> tuple[FormField, ...]:
    return read_pdf(io.BytesIO(data), page, 2**26).fields


def sides(field: FormField) -> tuple[float, ...]:
    """The box of a field, in points from the upper left corner."""
    box = field.box
    ends = (box.left, box.top, box.right, box.bottom)
    return tuple((end + 0.5) / SCALE for end in ends)


def test_names_places_and_values() -> None:
    (one,) = fields_of(fillable_pdf([("", [Field("tally.count", (100, 700, 220, 720), "42")])]))
    assert (one.name, one.value, one.number, one.is_row) == ("tally.count", "42", "42", False)
    assert sides(one) == pytest.approx((100, 122, 220, 142), abs=0.1)


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("/MediaBox[0 0 595 842]/Rotate 90", (700, 100, 720, 220)),
        ("/MediaBox[0 0 595 842]/CropBox[50 60 550 800]", (50, 80, 170, 100)),
        ("/MediaBox[-10 -20 585 822]", (110, 102, 230, 122)),
    ],
)
def test_turned_and_cropped_pages(keys: str, expected: tuple[float, ...]) -> None:
    data = fillable_pdf([("", [Field("a", (100, 700, 220, 720))])], page_keys=keys)
    (one,) = fields_of(data)
    assert sides(one) == pytest.approx(expected, abs=0.2)


def test_comb_has_a_box_for_each_character() -> None:
    (one,) = fields_of(
        fillable_pdf([("", [Field("a", (100, 700, 220, 720), "1234", flags=COMB, length=6)])])
    )
    assert one.is_row and len(one.boxes) == 6
    assert one.boxes[0].width == pytest.approx(20 * SCALE, abs=0.2)
    assert one.in_boxes(6) == "1234.."


def test_attributes_are_inherited_and_a_field_has_several_widgets() -> None:
    kid = "<</Type/Annot/Subtype/Widget/Parent {{first}} 0 R/Rect[{}]/F 4>>"
    notes = [kid.format(f"100 {y} 220 {y + 20}").replace("{{", "{") for y in (700, 600)]
    notes = [one.replace("{first}}", "{first}") for one in notes]
    script = 'AFDate_KeystrokeEx("dd/mm/yyyy");'
    parent = f"<</T(born)/FT/Tx/Ff {COMB}/MaxLen 8/V(24112026)/Kids[4 0 R 5 0 R]{action(script)}>>"
    # The two widgets are objects 6 and 7, their field is the first further object.
    data = fillable_pdf([("", notes)], objects=[parent.replace("4 0 R 5 0 R", "6 0 R 7 0 R")])
    data = data.replace(b"/Fields[6 0 R 7 0 R]", b"/Fields[8 0 R]      ")
    found = fields_of(data)
    assert [one.in_boxes(8) for one in found] == ["24112026"] * 2
    assert {one.name for one in found} == {"born"}
    assert all(one.kind == FieldKind(kind="date", date="DDMMYYYY") for one in found)


@pytest.mark.parametrize(
    ("keys", "name", "expected"),
    [
        (action('AFNumber_Format(2, 0, 0, 0, "", false);', "F"), "a",
         FieldKind(kind="decimal", decimals=(0, 2))),
        (action("AFNumber_Keystroke(0,1,0,0,'',true);"), "a", FieldKind(kind="integer")),
        (action("AFDate_FormatEx('mm/dd/yy')", "F"), "a", FieldKind(kind="date", date="MMDDYY")),
        (action("AFDate_Format(7)", "F"), "a", FieldKind(kind="date", date="YYMMDD")),
        (action("AFDate_FormatEx('mmm d, yyyy')", "F"), "a", FieldKind()),
        (action("AFTime_Keystroke(0)"), "a", FieldKind(kind="time")),
        (action("AFSpecial_Format(0)", "F"), "a", FieldKind(kind="code")),
        ("/TU(Geboren am \\(TT.MM.JJJJ\\))", "f1", FieldKind(kind="date", date="DDMMYYYY")),
        ("", "page1.LastName[0]", FieldKind(kind="ignore")),
        ("", "unnamed", FieldKind()),
        ("", "hours", FieldKind()),
    ],
)  # fmt: skip
def test_what_a_field_asks_for(keys: str, name: str, expected: FieldKind) -> None:
    (one,) = fields_of(fillable_pdf([("", [Field(name, (100, 700, 220, 720), keys=keys)])]))
    assert one.kind == expected


def test_long_texts_are_no_numbers() -> None:
    (one,) = fields_of(fillable_pdf([("", [Field("a", (100, 600, 300, 720), flags=MULTILINE)])]))
    assert one.kind.kind == "ignore"


def test_what_is_no_text_field_is_left_out() -> None:
    rect = (100, 700, 220, 720)
    left_out = [
        Field("hidden", rect, "1", note_flags=HIDDEN),
        Field("secret", rect, "1", flags=PASSWORD),
        Field("tick", rect, kind="/Btn"),
        Field("sign", rect, kind="/Sig"),
        Field("beyond", (2000, 700, 2100, 720), "1"),
        Field("no area", (100, 700, 100, 720), "1"),
    ]
    assert fields_of(fillable_pdf([("", left_out)])) == ()


def test_fields_for_one_character_side_by_side_are_a_row() -> None:
    boxes = [
        Field(f"d{i}", (100 + 20 * i, 700, 118 + 20 * i, 720), value, length=1)
        for i, value in enumerate(("1", "", "3"))
    ]
    (one,) = fields_of(fillable_pdf([("", [*boxes])]))
    assert one.is_row and len(one.boxes) == 3 and one.in_boxes(3) == "1.3"


@pytest.mark.parametrize("length", [0, -5, 10**9, 2**40])
def test_absurd_lengths_are_no_combs(length: int) -> None:
    (one,) = fields_of(
        fillable_pdf([("", [Field("a", (100, 700, 220, 720), flags=COMB, length=length)])])
    )
    assert not one.is_row and len(one.boxes) == 1


@pytest.mark.parametrize(
    "objects",
    [
        ["<</T(a)/FT/Tx/Kids[{first} 0 R]/Parent {first} 0 R>>"],
        ["<</T(a)/Kids[{first} 0 R {first} 0 R {first} 0 R]>>"],
        ["<</T(a)/FT/Tx/Ff 16777216/MaxLen 1000000000/Kids[6 0 R]/Parent {first} 0 R>>"],
    ],
    ids=["cycle", "itself", "length"],
)
def test_hostile_trees_end(objects: list[str]) -> None:
    kid = "<</Type/Annot/Subtype/Widget/Parent {first} 0 R/Rect[100 700 220 720]/F 4/FT/Tx>>"
    data = fillable_pdf([("", [kid])], objects=objects)
    assert len(fields_of(data.replace(b"/Fields[6 0 R]", b"/Fields[7 0 R]"))) <= 1


@pytest.mark.slow
def test_many_fields_are_read_up_to_a_limit() -> None:
    rects = [(x, y, x + 9, y + 9) for x in range(0, 500, 10) for y in range(0, 500, 10)]
    many = [Field(f"f{i}", rect, length=1) for i, rect in enumerate(rects)]
    found = fields_of(fillable_pdf([("", many)]))
    assert sum(len(one.boxes) for one in found) == 2000
    wide = [Field(f"f{i}", (0, 0, 595, 9), flags=COMB, length=150) for i in range(2000)]
    assert sum(len(one.boxes) for one in fields_of(fillable_pdf([("", wide)]))) == 4950


def test_forms_beside_xfa_are_read() -> None:
    data = fillable_pdf(
        [("", [Field("topmost[0].p1[0].f1[0]", (100, 700, 220, 720), "7")])],
        form_keys="/XFA(<xdp/>)",
    )
    assert [one.number for one in fields_of(data)] == ["7"]


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("12", "12"), ("-1.250,50", "-1.250,50"), ("24/11/2026", "24/11/2026"), ("8:30", "8:30"),
        ("$ 12.50", "12.50"), ("abc", ""), ("12 kg", ""), ("n/a", ""), ("", ""), ("1\r2", ""),
        ("\N{ARABIC-INDIC DIGIT ONE}", ""),
    ],
)  # fmt: skip
def test_numbers_that_were_typed(typed: str, number: str) -> None:
    field = fields_of(fillable_pdf([("", [Field("a", (100, 700, 220, 720))])]))[0]
    assert FormField(field.name, field.boxes, value=typed).number == number


def test_dates_fit_boxes_without_their_marks() -> None:
    field = fields_of(fillable_pdf([("", [Field("a", (100, 700, 220, 720))])]))[0]
    typed = FormField(field.name, field.boxes, value="24.11.2026")
    assert typed.in_boxes(8) == "24112026"
    assert typed.in_boxes(6) == ""
    assert FormField("a", field.boxes, value="12.50").in_boxes(4) == ""


def test_scan_with_no_form_has_no_fields() -> None:
    assert fields_of(fillable_pdf([("0 0 m 9 9 l S", [])])) == ()


def test_encrypted_pdf_is_refused() -> None:
    data = fillable_pdf([("", [])]).replace(
        b"/Root 1 0 R",
        b"/Root 1 0 R/ID[<00><00>]/Encrypt<</Filter/Standard/V 1/R 2/P -4/O<"
        + b"00" * 32 + b">/U<" + b"11" * 32 + b">>>",
    )  # fmt: skip
    with pytest.raises(PageError, match="password"):
        fields_of(data)
