// The rules that a template may state; their words are in words.*.json. docs/templates.md describes
// the keys.
//
// { key } and what the value is: `choices`, texts whose meaning the words have; `flag`, true
// or false; `list`, one rule a line; `isText`, a text also where digits are typed; else a number or a
// range. `kinds` and `place` are those of the fields that may have the rule; all if they are missing.
const texts = words.editor;

const FIELD_RULES = [
  { key: "kind", choices: true },
  { key: "decimals", kinds: ["decimal"], example: "1" },
  { key: "separator", kinds: ["decimal"], choices: true },
  { key: "date", isText: true, kinds: ["date", "code"], example: "DDMMYYYY" },
  { key: "digits", example: "3" },
  { key: "min", kinds: ["integer", "decimal", "code"], example: "0" },
  { key: "max", kinds: ["integer", "decimal", "code"], example: "400" },
  { key: "one_of", isText: true, example: "schools.csv" },
  { key: "pattern", isText: true, example: "[12].*" },
  { key: "check", isText: true, example: "luhn" },
  { key: "previous", isText: true, example: "last.csv" },
  { key: "previous_by", isText: true, example: "meter" },
  { key: "min_step", kinds: ["integer", "decimal"], example: "0" },
  { key: "max_step", kinds: ["integer", "decimal"], example: "300" },
  { key: "unique", flag: true },
  { key: "optional", flag: true },
  { key: "blank_is", example: "0" },
  { key: "marks_are", place: "cell", choices: true },
  { key: "leading_marks", place: "boxes", choices: true },
];

const FORM_RULES = [
  { key: "sums", list: true, example: "total = votes_01 + votes_02" },
  { key: "equal", list: true, example: "total = total_repeated" },
  { key: "less", list: true, example: "valid <= total" },
  { key: "dates", list: true, example: "day month year = DDMMYYYY" },
  { key: "rules_broken", example: "0.02" },
  { key: "decimal_comma", flag: true },
];

const RELATIONS = FORM_RULES.filter((rule) => rule.list).map((rule) => rule.key); // between fields
const FLAGS = { true: texts.yes, false: texts.no };

/** The value of a rule of a field, as TOML; "" if it has none. */
const ruleOf = (field, key) => field.rules.find(([one]) => one === key)?.[1] ?? "";

/** Whether a field may have a rule. One that it has is shown in any case, so that it can be removed. */
function mayHave(field, rule) {
  if (rule.key === "kind" || ruleOf(field, rule.key) !== "") return true;
  const kind = typedValue(ruleOf(field, "kind"));
  const fits = kind === "" || (kind !== "ignore" && (rule.kinds ?? [kind]).includes(kind));
  return fits && (rule.place ?? field.kind) === field.kind;
}
