"""The page that edits a template: what it carries, and what its model does, run by Node."""

from __future__ import annotations

import json
import shutil
import subprocess
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from click.testing import Result

from formreader.core.errors import ExitCode
from formreader.core.field_kinds import Kind
from formreader.core.geometry import Box
from formreader.output.web_page import page_code
from formreader.output.wording import page_words
from formreader.template.editor.editor_page import editor_page, template_record
from formreader.template.form_template import FieldPlace, FormTemplate
from formreader.template.rule_keys import (
    FIELD_RULE_KEYS,
    FORM_RULE_KEYS,
    RELATION_KEYS,
    field_rules,
)
from formreader.template.template_file import parse_template, template_text, write_template

TEMPLATE = FormTemplate(
    "tally <b>",
    (300, 200),
    (
        FieldPlace("a", tuple(Box(10 + 20 * i, 20, 20, 25) for i in range(4))),
        FieldPlace("a b", cell=Box(100, 150, 80, 30)),
        FieldPlace("</script><i>", cell=Box(200, 150, 80, 30)),
    ),
)
PAGE = np.full((200, 300), 250, np.uint8)

TOML = """# The tally of 2019.

# As printed.
format = 1
form = "tally"
width = 300
height = 200
sums = ["total = a + a b", "total - a >= 0"]  # both
other = { deep = [1, 2.5, "x\\"\\\\\\u007f"], on = true, day = 2019-04-28 }

# The polling station
# by its number.
[[fields]]
name = "a"
digits = "2..3"
note = 12_000
boxes = [[10, 20, 20, 25],
# second
[30, 20, 20, 25.5]]

[[fields]]
cell = [100.0, 150.0, 80.0, 30.0]
pattern = '[12]\\d*'
name = "a b"

[[fields]]
name = "total"
cell = [200.0, 150.0, 80.0, 30.0]

[document]
pages = ["tally", "back"]
"the key" = 1
"""

RunModel = Callable[[str, str], Any]


@pytest.fixture
def run_model(tmp_path: Path) -> RunModel:
    """Runs JavaScript that returns a value, on the model and `template`, from a TOML text."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("no Node on this machine")
    words = json.dumps(json.dumps(page_words("en", "editor")))
    page = f"globalThis.document = {{ getElementById: () => ({{ textContent: {words} }}) }};"
    scripts = "editor_rules.js", "editor_model.js"
    model = f"{page}\n{page_code('formreader.template.editor', scripts).script}"

    def run(toml: str, script: str) -> Any:
        template = json.dumps(template_record(toml))
        program = tmp_path / "model.cjs"
        program.write_text(
            f"{model}\nconst template = {template};\n"
            f"console.log(JSON.stringify((() => {{{script}}})()));",
            encoding="utf-8",
        )
        done = subprocess.run(
            [node, program], capture_output=True, text=True, encoding="utf-8", check=False
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def test_all_of_a_template_goes_through_the_page(run_model: RunModel) -> None:
    written = run_model(TOML, "return templateToml(template);")
    assert tomllib.loads(written) == tomllib.loads(TOML)
    assert written.startswith("# The tally of 2019.\n# As printed.\nformat = 1\n")
    assert '# The polling station\n# by its number.\n# second\n[[fields]]\nname = "a"' in written
    assert run_model(written, "return templateToml(template);") == written


def test_what_the_program_writes_comes_back_to_the_byte(run_model: RunModel) -> None:
    text = template_text(TEMPLATE)
    assert run_model(text, "return templateToml(template);") == text


def test_edits_leave_a_valid_template(run_model: RunModel) -> None:
    script = """
      const steps = [];
      const step = (template) => { steps.push(template); return template; };
      let t = step(added(template, 0, "boxes", [290, 190, 60, 20], 3));
      t = step(added(t, -1, "cell", [-5, -5, 1, 1]));
      t = step(split(t, 1, 3));
      t = step(split(t, 4, 0));
      t = step(withBoxes(t, 6, "boxes", 5));
      t = step(withBoxes(t, 1, "cell", 1));
      t = step(moved(resized(t, 3, 500, -500), [3], 1000, -1000));
      t = step(withoutBox(t, 2, 0));
      t = step(reordered(t, 0, 9));
      t = step(withRule(t, 0, "pattern", ruleValue('"\\\\d"', true)));
      t = step(withRule(t, 0, "digits", ruleValue("4..6", false)));
      t = step(renamed(t, [[0, '  wähler "1"  \\t x ']]));
      t = step(removed(t, 1));
      return steps.map((one) => [templateToml(one), one.fields.map((f) => f.name)]);
    """
    plain = template_text(TEMPLATE)
    for text, names in run_model(plain, script):
        template, faults = parse_template(text)
        assert template is not None, faults
        assert [field.name for field in template.fields] == names
        for field in template.fields:
            assert field.box.left >= -0.1 and field.box.top >= -0.1, field
            assert field.box.right <= 300.2 and field.box.bottom <= 200.2, field
    first = tomllib.loads(text)["fields"][0]
    assert (first["name"], first["pattern"], first["digits"]) == ('wähler "1" x', '"\\d"', "4..6")


def test_splitting_and_joining_keep_the_boxes(run_model: RunModel) -> None:
    script = """
      const halves = split(template, 0, 1);
      const rejoined = joined(halves, 1, 0);
      const cells = joined(template, 1, 2);
      return [halves.fields.map((f) => [f.name, f.places.length]), rejoined.fields[0].places,
              cells.fields[1], joined(template, 0, 1).fields[0].kind];
    """
    halves, rejoined, cell, mixed = run_model(template_text(TEMPLATE), script)
    assert halves[:2] == [["a", 1], ["F01", 3]]
    assert rejoined == [[10 + 20 * i, 20, 20, 25] for i in range(4)]
    assert cell["places"] == [[100, 150, 180, 30]] and cell["name"] == "a b"
    assert mixed == "cell"


def test_rules_between_fields_follow_a_new_name(run_model: RunModel) -> None:
    script = """
      const t = renamed(template, [[0, "votes"], [1, "null and void"]]);
      const cut = renamed(t, [[2, ""]]);
      const by = (t, i, name) => withRule(t, i, "previous_by", quoted(name));
      const meter = renamed(by(by(template, 1, "a"), 2, "total"), [[0, "no"]]);
      return [meter.fields.map((one) => one.rules.find(([key]) => key === "previous_by")?.[1]),
              relations(t), rulesNaming(t, "votes"), rulesNaming(t, "null"), relations(cut),
              [0, 1, 2].map((i) => nameFault(renamed(t, [[i, "Votes"]]), i, ["page"])),
              nameFault(renamed(t, [[0, "Page"]]), 0, ["page"]), nameFault(cut, 2, [])];
    """
    by, rules, votes, null, kept, same, reserved, empty = run_model(TOML, script)
    assert by == [None, '"no"', '"total"']
    assert rules == [["sums", ["total = votes + null and void", "total - votes >= 0"]]]
    assert len(votes) == 2 and null == []
    assert kept == rules
    assert same[0] == "" and all("is called votes as well" in fault for fault in same[1:])
    assert "column of the table" in reserved and "needs a name" in empty


def test_typed_values_become_toml(run_model: RunModel) -> None:
    typed = ["3", "-0.5", "007", "4..6", "true", " yes ", "", '"']
    values = run_model(TOML, f"return {json.dumps(typed)}.map((one) => ruleValue(one, false));")
    expected = ["3", "-0.5", '"007"', '"4..6"', "true", '"yes"', "", '"\\""']
    assert values == expected
    texts = run_model(TOML, 'return ["3", "true"].map((one) => ruleValue(one, true));')
    assert texts == ['"3"', '"true"']
    assert run_model(TOML, 'return typedList(listValue(" a = b \\n\\n c < d"));') == "a = b\nc < d"


def test_every_rule_has_an_input_in_words(run_model: RunModel) -> None:
    field_rules, form_rules, rules, relations = run_model(
        TOML, "return [FIELD_RULES, FORM_RULES, texts.rules, RELATIONS];"
    )
    assert {rule["key"] for rule in field_rules} == set(FIELD_RULE_KEYS)
    assert {rule["key"] for rule in form_rules} == FORM_RULE_KEYS
    assert rules.keys() == FORM_RULE_KEYS | set(FIELD_RULE_KEYS)
    assert all(rule["label"] and rule["help"] for rule in rules.values())
    kinds = rules["kind"]["choices"]
    assert relations == list(RELATION_KEYS) and list(kinds) == list(get_args(Kind))


def test_rules_are_offered_where_a_template_may_have_them(run_model: RunModel) -> None:
    script = """
      const field = (place, kind) => ({ kind: place, rules: kind ? [["kind", quoted(kind)]] : [] });
      const kinds = ["", "integer", "decimal", "date", "time", "code"];
      return ["boxes", "cell"].flatMap((place) => kinds.flatMap((kind) => FIELD_RULES.map(
        (rule) => [place, kind, rule.key, mayHave(field(place, kind), rule)])));
    """
    offered = run_model(TOML, script)
    places = {"boxes": {"boxes": [[0, 0, 9, 9]] * 8}, "cell": {"cell": [0, 0, 9, 9]}}
    values = {"decimals": 1, "separator": ",", "date": "DDMMYYYY", "min": 0, "max": 9}
    values |= {"marks_are": "blank"}
    seen = set[bool]()
    for place, kind, key, is_offered in offered:
        if key in values:
            entry = places[place] | ({"kind": kind} if kind else {}) | {key: values[key]}
            assert is_offered == (not field_rules(entry, None)[1]), entry
            seen.add(is_offered)
    assert seen == {True, False}
    kept = 'return mayHave({ kind: "cell", rules: [["leading_marks", "x"]] }, FIELD_RULES.at(-1));'
    assert run_model(TOML, kept) is True  # a wrong one can be taken away


def test_several_fields_are_renamed_at_once_and_rules_follow(run_model: RunModel) -> None:
    script = """
      const swapped = renamed(template, [[0, "total"], [2, "a"]]);
      const names = patternNames(["x", "y", "z"], "day_{nn}_{name}{n}", 9);
      return [swapped.fields.map((f) => f.name), relations(swapped), names,
              faultyNames(renamed(template, [[0, "A B"], [2, "page"]]), ["page"]).size];
    """
    swapped, rules, names, faulty = run_model(TOML, script)
    assert swapped == ["total", "a b", "a"]
    assert rules == [["sums", ["a = total + a b", "a - total >= 0"]]]
    assert names == ["day_09_x9", "day_10_y10", "day_11_z11"] and faulty == 3


def test_the_last_of_several_fields_becomes_the_sum_of_the_others(run_model: RunModel) -> None:
    script = """
      const own = withRule(renamed(template, [[2, "total"]]), 1, "blank_is", "5");
      const once = totalled(own, [0, 1, 2]);
      const blanks = once.fields.map((field) => ruleOf(field, "blank_is"));
      return [once.keys, blanks, totalled(once, [0, 1, 2]).keys, templateToml(once)];
    """
    keys, blanks, twice, written = run_model(template_text(TEMPLATE), script)
    rule = "total = a + a b"
    assert keys[-1] == ["sums", f'["{rule}"]'] and blanks == ["0", "5", ""]
    assert twice[-1][1].count(rule) == 2
    template, faults = parse_template(written, None)
    assert not faults and template is not None and len(template.relations) == 1


def test_a_table_is_named_by_rows_and_columns(run_model: RunModel) -> None:
    cells = [
        FieldPlace(
            f"F{3 * y + x}", cell=Box(60 + 45 * x, 30 + 22 * y + x, 40, 20)
        )  # not quite even
        for y in range(4)
        for x in range(3)
        if (y, x) != (2, 1)  # a hole
    ]
    away = FieldPlace("away", tuple(Box(20 * i, 170, 20, 25) for i in range(3)))
    total = FieldPlace("total", cell=Box(60, 131, 44, 20))  # 15 below the table
    text = template_text(FormTemplate("grid", (300, 200), (*cells, away, total)))
    script = """
      const table = tableAround(template, 4);
      const [rows, columns] = [lanes(template, table, 1), lanes(template, table, 0)];
      const labels = ["Temperature", " wind  speed ", "", "d"];
      const t = renamed(template, tableNames(rows, labels, columns, ["08:00", "12:00", ""]));
      const lengths = [rows, columns].map((lanes) => lanes.map((lane) => lane.length));
      return [table.length, ...lengths, t.fields.map((f) => f.name)];
    """
    count, rows, columns, names = run_model(text, script)
    assert count == 11 and rows == [3, 3, 2, 3] and columns == [4, 3, 4]
    assert names[:4] == [
        "Temperature_08:00",
        "Temperature_12:00",
        "Temperature",
        "wind speed_08:00",
    ]
    assert names[5:] == ["wind speed", "08:00", "", "d_08:00", "d_12:00", "d", "away", "total"]


def test_edits_of_several_fields_are_one_step(run_model: RunModel) -> None:
    script = """
      const editing = new Editing(template, []);
      const places = () => editing.template.fields.map((f) => f.places[0][0]);
      editing.select(1);
      editing.toggle(2);
      const told = [editing.selected];
      editing.apply(moved(editing.template, editing.selected, 500, 0));
      told.push(places(), editing.selected);
      const mayBeBlank = (t, i) => withRule(t, i, "optional", "true");
      editing.apply(forEach(editing.template, editing.selected, mayBeBlank));
      told.push(editing.template.fields.map((f) => f.rules.length));
      editing.apply(forEach(editing.template, editing.selected, removed), { field: 1 });
      told.push(editing.template.fields.map((f) => f.name), editing.selected);
      editing.undo();
      editing.toggle(0);
      editing.toggle(0);
      told.push(editing.selected, editing.past.length);
      return told;
    """
    told = run_model(template_text(TEMPLATE), script)
    assert told[0] == [1, 2] and told[2] == [1, 2]
    assert told[1] == [10, 120, 220]  # together, as far as the page goes
    assert told[3] == [0, 1, 1] and told[4] == ["a"] and told[5] == [0]
    assert told[6] == [1] and told[7] == 2


def test_a_field_is_left_out_and_taken_back(run_model: RunModel) -> None:
    script = """
      const out = withIgnored(template, 1, true);
      const { rules } = withIgnored(out, 1, false).fields[1];
      return [templateToml(out), isIgnored(out.fields[1]), rules];
    """
    text, ignored, rules = run_model(template_text(TEMPLATE), script)
    template, faults = parse_template(text)
    assert template is not None, faults
    assert [field.ignored for field in template.fields] == [False, True, False]
    assert template.columns == ["a", "</script><i>"] and ignored and rules == []


def test_edits_are_undone_one_by_one_and_held_keys_at_once(run_model: RunModel) -> None:
    script = """
      const editing = new Editing(template, []);
      const nudge = () => editing.apply(moved(editing.template, [0], 1, 0), { group: "move" });
      for (let i = 0; i < 5; i += 1) nudge();
      editing.apply(removed(editing.template, 2), {});
      const told = [editing.past.length, editing.field, editing.unsaved];
      editing.undo();
      told.push(editing.template.fields.length, editing.current.places[0][0]);
      editing.undo();
      told.push(editing.template === template, editing.unsaved, editing.undo());
      editing.redo();
      editing.redo();
      told.push(editing.template.fields.length, editing.redo());
      return told;
    """
    told = run_model(template_text(TEMPLATE), script)
    assert told == [2, 0, True, 3, 15, True, False, False, 2, False]


def test_names_cannot_leave_the_data_of_the_page(tmp_path: Path) -> None:
    write_template(tmp_path, TEMPLATE, PAGE)
    page = editor_page([tmp_path], tmp_path)
    assert "</script><i>" not in page and "tally &lt;b&gt;" in page
    assert "connect-src" not in page and "http" not in page.replace(
        "http://www.w3.org/2000/svg", ""
    ).replace("http-equiv", "")
    served = editor_page([tmp_path], save_url="/templates/tally")
    assert "connect-src &#39;self&#39;" in served or "connect-src 'self'" in served
    assert '"saveUrl": "/templates/tally"' in served or '"saveUrl":"/templates/tally"' in served


def test_the_command_writes_the_page(program: Callable[..., Result], tmp_path: Path) -> None:
    folder = tmp_path / "templates" / "tally"
    write_template(folder, TEMPLATE, PAGE)
    result = program("template", "edit", folder.parent)
    assert result.exit_code == ExitCode.DONE, result.stderr
    assert result.stdout.strip() == str(folder / "edit.html")
    assert (folder / "edit.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert program("template", "check", folder).exit_code == ExitCode.DONE
    assert program("template", "edit", tmp_path / "none").exit_code == ExitCode.TEMPLATE
    write_template(tmp_path / "templates" / "other", replace(TEMPLATE, name="other"), PAGE)
    several = program("template", "edit", folder.parent)
    assert several.exit_code == ExitCode.DONE, several.stderr
    assert several.stdout.strip() == str(folder.parent / "edit.html")
    nowhere = program("template", "edit", folder, "--out", tmp_path / "none" / "edit.html")
    assert nowhere.exit_code == ExitCode.OUTPUT


def test_what_the_page_saved_is_checked_and_taken_over(
    program: Callable[..., Result], tmp_path: Path
) -> None:
    folder, file = tmp_path / "templates", tmp_path / "edited-templates.json"
    for name in ("one", "two"):
        write_template(folder / name, replace(TEMPLATE, name=name), PAGE)
    before = (folder / "one" / "template.toml").read_text(encoding="utf-8")
    new, wrong = before.replace('"a b"', '"votes"'), before.replace("width = 300", "width = 301")

    def apply(edited: object) -> Result:
        text = edited if isinstance(edited, str) else json.dumps(edited)
        file.write_text(text, encoding="utf-8")
        return program("template", "edit", folder, "--apply", file)

    for edited, code, told in (
        ({"one": new, "two": wrong}, ExitCode.TEMPLATE, "page.png"),
        ({"one": new, "two": "width = 3"}, ExitCode.TEMPLATE, "two"),
        ({"one": new, "../one": new}, ExitCode.TEMPLATE, "'../one'"),
        ({"one": 3}, ExitCode.USAGE, "edited-templates.json"),
        ("[", ExitCode.USAGE, "edited-templates.json"),
    ):
        refused = apply(edited)
        assert refused.exit_code == code and told in refused.stderr, refused.stderr
        assert (folder / "one" / "template.toml").read_text(encoding="utf-8") == before
    assert program("template", "edit", folder, "--apply", folder / "no").exit_code == ExitCode.USAGE
    done = apply({"one": new})
    assert done.exit_code == ExitCode.DONE, done.stderr
    assert (folder / "one" / "template.toml").read_text(encoding="utf-8") == new
    assert "votes" in (folder / "edit.html").read_text(encoding="utf-8")
