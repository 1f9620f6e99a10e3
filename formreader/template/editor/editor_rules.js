// The rules that a template may state, in the words of the page. docs/templates.md describes the keys.
//
// { key, label, help } and what the value is: `choices`, its texts with what they mean; `flag`, true
// or false; `list`, one rule a line; `isText`, a text also where digits are typed; else a number or a
// range. `kinds` and `place` are those of the fields that may have the rule; all if they are missing.
const KINDS = {
  integer: "a whole number", decimal: "a number with decimals", date: "a date", time: "a time of the day",
  code: "a code: zeros stay", ignore: "nothing for the table",
};

const FIELD_RULES = [
  { key: "kind", label: "What it holds", choices: KINDS, help: "Tables write dates as 2026-11-24, times as 08:30 and decimals with a point." },
  { key: "decimals", label: "Decimals", kinds: ["decimal"], example: "1", help: "Digits behind the point: 1, or 0..2 for up to two." },
  { key: "separator", label: "Decimal sign", kinds: ["decimal"], choices: { ",": "comma", ".": "point" }, help: "What stands before the decimals: with a comma 1.250 is 1250." },
  { key: "date", label: "Order of the date", isText: true, kinds: ["date", "code"], example: "DDMMYYYY", help: "DD, MM and YYYY or YY in the order of the form. A range may follow: DDMMYYYY 2019-04-01..2019-04-30" },
  { key: "digits", label: "Number of digits", example: "3", help: "3, or 4..6 for four to six." },
  { key: "min", label: "Smallest number", kinds: ["integer", "decimal", "code"], example: "0", help: "Smaller ones are for review." },
  { key: "max", label: "Largest number", kinds: ["integer", "decimal", "code"], example: "400", help: "Larger ones are for review." },
  { key: "one_of", label: "List of values", isText: true, example: "schools.csv", help: "A file beside template.toml: its first column has all values that are right." },
  { key: "pattern", label: "Pattern", isText: true, example: "[12].*", help: "A regular expression that the whole value fits: [12].* begins with 1 or 2." },
  { key: "check", label: "Check digit", isText: true, example: "luhn", help: "How it is computed: luhn, ean, iso7064.mod_97_10 or another of python-stdnum." },
  { key: "previous", label: "Earlier table", isText: true, example: "last.csv", help: "A file beside template.toml with the values of last time, as for meters." },
  { key: "previous_by", label: "Told apart by", isText: true, example: "meter", help: "The field with the number of the meter; else pages are, by their files." },
  { key: "min_step", label: "Smallest step", kinds: ["integer", "decimal"], example: "0", help: "What is added to the earlier value at least." },
  { key: "max_step", label: "Largest step", kinds: ["integer", "decimal"], example: "300", help: "What is added to the earlier value at most." },
  { key: "unique", label: "Only once", flag: true, help: "Yes: no two pages have the same value." },
  { key: "optional", label: "May be blank", flag: true, help: "Yes: a blank is never for review. No: a blank always is." },
  { key: "blank_is", label: "Blank counts as", example: "0", help: "The number of a blank in sums. The table leaves it blank." },
  { key: "marks_are", label: "Dash or cross is", place: "cell", choices: { blank: "blank: nothing written", doubtful: "for review" }, help: "Empty: blank in a column where other cells are blank." },
  { key: "leading_marks", label: "Cross before digits", place: "boxes", choices: { blank: "blank: no digit there" }, help: "Crosses and dashes in the boxes before the first digit, as on tally forms." },
];

const FORM_RULES = [
  { key: "sums", label: "Sums", list: true, example: "total = votes_01 + votes_02", help: "One a line. Also with - and *: change = given - 2 * price" },
  { key: "equal", label: "The same", list: true, example: "total = total_repeated", help: "Fields with the same number." },
  { key: "less", label: "Smaller, earlier", list: true, example: "valid <= total", help: "< or <= between numbers, dates or times." },
  { key: "dates", label: "Dates in parts", list: true, example: "day month year = DDMMYYYY", help: "Dates whose parts are fields of their own." },
  { key: "rules_broken", label: "Mistakes", example: "0.02", help: "How often people break a rule: 0.02 is one in fifty, and holds if nothing is given." },
  { key: "decimal_comma", label: "Decimal comma", flag: true, help: "Yes: tables write 2,5." },
];

const RELATIONS = FORM_RULES.filter((rule) => rule.list).map((rule) => rule.key); // between fields
const FLAGS = { true: "yes", false: "no" };

/** The value of a rule of a field, as TOML; "" if it has none. */
const ruleOf = (field, key) => field.rules.find(([one]) => one === key)?.[1] ?? "";

/** Whether a field may have a rule. One that it has is shown in any case, so that it can be removed. */
function mayHave(field, rule) {
  if (rule.key === "kind" || ruleOf(field, rule.key) !== "") return true;
  const kind = typedValue(ruleOf(field, "kind"));
  const fits = kind === "" || (kind !== "ignore" && (rule.kinds ?? [kind]).includes(kind));
  return fits && (rule.place ?? field.kind) === field.kind;
}
