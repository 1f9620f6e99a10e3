"use strict";

// A template and what may be done to it, without its display. A template is never changed: each
// edit returns another one, so that all can be undone.
//
// { width, height, comments, keys, fields, tables }: `keys` are the [key, value] of the form, with
// values as TOML texts. A field is { name, kind: "boxes" | "cell", places: [[left, top, width,
// height]], rules: [[key, value]], comments }.
const MIN_SIDE = 4; // pixels of the page: smaller boxes hold no digit
const RELATIONS = ["sums", "equal", "less", "dates"]; // keys of the form that hold rules between fields

const KINDS = ["integer", "decimal", "date", "time", "code", "ignore"]; // of a field, its key `kind`
const SEPARATORS = [",", "."];
const MARKS = ["blank", "doubtful"]; // what a dash or a cross in place of a value may be

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const tenth = (value) => Math.round(value * 10) / 10;

// ---- TOML ----

const quoted = (text) => JSON.stringify(text.toWellFormed?.() ?? text).replaceAll("\x7f", "\\u007f");

/** A place as TOML writes it. */
const placeText = (place) => `[${place.map((side) => side.toFixed(1)).join(", ")}]`;

/** What a person typed as the value of a rule, as TOML: numbers, true and false stay bare, unless
 *  the rule is a text. "" removes the rule. */
function ruleValue(typed, isText) {
  const text = typed.trim();
  if (text === "") return "";
  return !isText && /^(-?(0|[1-9]\d*)(\.\d+)?|true|false)$/.test(text) ? text : quoted(text);
}

/** The value of a rule as people type it. */
const typedValue = (value) => (value.startsWith('"') ? JSON.parse(value) : value);

/** Texts, one a line, as a TOML list; "" without any. */
function listValue(lines) {
  const texts = lines.split("\n").map((line) => line.trim()).filter(Boolean);
  return texts.length ? `[${texts.map(quoted).join(", ")}]` : "";
}

/** The texts of a TOML list of texts, one a line. Values come from the program, all in one line. */
function typedList(value) {
  return value === "" ? "" : JSON.parse(value).join("\n");
}

/** The content of template.toml. */
function templateToml(template) {
  const lines = [...template.comments];
  for (const [key, value] of template.keys) {
    if (!RELATIONS.includes(key)) lines.push(`${key} = ${value}`);
    else lines.push(`${key} = [`, ...JSON.parse(value).map((text) => `  ${quoted(text)},`), "]");
  }
  for (const field of template.fields) {
    lines.push("", ...field.comments, "[[fields]]", `name = ${quoted(field.name)}`);
    lines.push(...field.rules.map(([key, value]) => `${key} = ${value}`));
    if (field.kind === "cell") lines.push(`cell = ${placeText(field.places[0])}`);
    else lines.push("boxes = [", ...field.places.map((place) => `  ${placeText(place)},`), "]");
  }
  for (const [name, keys] of template.tables) {
    lines.push("", `[${name}]`, ...keys.map(([key, value]) => `${key} = ${value}`));
  }
  return `${lines.join("\n")}\n`;
}

// ---- Places ----

/** The [left, top, width, height] around places. */
function around(places) {
  const left = Math.min(...places.map(([x]) => x));
  const top = Math.min(...places.map(([, y]) => y));
  const right = Math.max(...places.map(([x, , width]) => x + width));
  const bottom = Math.max(...places.map(([, y, , height]) => y + height));
  return [left, top, right - left, bottom - top];
}

/** Places moved and stretched from the rectangle around them to another one. */
function stretched(places, to) {
  const from = around(places);
  const [sx, sy] = [to[2] / from[2], to[3] / from[3]];
  return places.map(([x, y, width, height]) => [
    tenth(to[0] + (x - from[0]) * sx), tenth(to[1] + (y - from[1]) * sy), tenth(width * sx), tenth(height * sy),
  ]);
}

/** A row of `count` boxes that fill a rectangle. */
function rowOf(count, [left, top, width, height]) {
  return Array.from({ length: count }, (_, i) =>
    [tenth(left + (i * width) / count), tenth(top), tenth(width / count), tenth(height)]);
}

/** A rectangle on the page, and large enough for `count` boxes. */
function onPage(template, [left, top, width, height], count = 1) {
  const w = clamp(width, MIN_SIDE * count, template.width);
  const h = clamp(height, MIN_SIDE, template.height);
  return [clamp(left, 0, template.width - w), clamp(top, 0, template.height - h), w, h];
}

/** Where a new field goes: below field `i`, as large; without fields, on the middle of the page. */
function freePlace(template, i) {
  if (!template.fields.length) return onPage(template, [template.width / 2 - 60, template.height / 2 - 15, 120, 30]);
  const [left, top, width, height] = around(template.fields[i].places);
  return onPage(template, [left, top + height + 4, width, height]);
}

// ---- Names ----

const tidyName = (name) => name.trim().split(/\s+/).join(" ");

/** What is wrong with the name of field `i`; "" if nothing. */
function nameFault(template, i, reserved) {
  const { name } = template.fields[i];
  if (name === "") return "The field needs a name";
  if (reserved.includes(name.toLowerCase())) return `${name} is a column of the table; choose another name`;
  const same = template.fields.findIndex((field, k) => k !== i && field.name.toLowerCase() === name.toLowerCase());
  return same < 0 ? "" : `Field ${same + 1} is called ${template.fields[same].name} as well`;
}

/** The first of F01, F02, ... that no field has. */
function freeName(template) {
  const taken = new Set(template.fields.map((field) => field.name.toLowerCase()));
  const digits = Math.max(2, String(template.fields.length).length);
  for (let number = 1; ; number += 1) {
    const name = `F${String(number).padStart(digits, "0")}`;
    if (!taken.has(name.toLowerCase())) return name;
  }
}

/** Finds the names of the fields in a rule between fields: whole ones, the longest first. */
function namePattern(template) {
  const names = template.fields.map((field) => field.name).filter(Boolean).sort((a, b) => b.length - a.length);
  const plain = names.map((name) => name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`(?<![^-+*=<>,\\s])(?:${plain.join("|")})(?![^-+*=<>,\\s])`, "g");
}

/** The rules between fields, as lists of texts: [key, texts]. */
const relations = (template) => template.keys.filter(([key]) => RELATIONS.includes(key))
  .map(([key, value]) => [key, JSON.parse(value)]);

/** The rules between fields that name a field. */
function rulesNaming(template, name) {
  const pattern = namePattern(template);
  return relations(template).flatMap(([, texts]) => texts).filter((text) => text.match(pattern)?.includes(name));
}

// ---- Edits: each returns a template, the same one if nothing changes ----

function withFields(template, fields) {
  return { ...template, fields };
}

function changed(template, i, values) {
  return withFields(template, template.fields.map((field, k) => (k === i ? { ...field, ...values } : field)));
}

/** Rename field `i`, also in the rules that name it. */
function renamed(template, i, typed) {
  const name = tidyName(typed);
  const before = template.fields[i].name;
  if (name === before) return template;
  const pattern = namePattern(template);
  const isAlone = before !== "" && name !== "" && !template.fields.some((field, k) => k !== i && field.name === before);
  const follow = (text) => text.replace(pattern, (found) => (found === before ? name : found));
  const result = changed(template, i, { name });
  if (!isAlone) return result;
  const following = ([key, value]) => [key, key === "previous_by" && value === quoted(before) ? quoted(name) : value];
  return relations(template).reduce(
    (one, [key, texts]) => withFormRule(one, key, listValue(texts.map(follow).join("\n"))),
    withFields(result, result.fields.map((field) => ({ ...field, rules: field.rules.map(following) }))),
  );
}

/** Give pairs of [key, value] another value; "" removes the key. */
function withKey(pairs, key, value) {
  if (value === "") return pairs.filter(([one]) => one !== key);
  return pairs.some(([one]) => one === key) ? pairs.map((pair) => (pair[0] === key ? [key, value] : pair)) : [...pairs, [key, value]];
}

const withRule = (template, i, key, value) => changed(template, i, { rules: withKey(template.fields[i].rules, key, value) });
const withFormRule = (template, key, value) => ({ ...template, keys: withKey(template.keys, key, value) });

/** Add a field behind field `at`: a cell, or a row of `count` boxes. */
function added(template, at, kind, place, count = 1) {
  const area = onPage(template, place, count);
  const places = kind === "cell" ? [area.map(tenth)] : rowOf(count, area);
  return withFields(template, template.fields.toSpliced(at + 1, 0,
    { name: freeName(template), kind, places, rules: [], comments: [] }));
}

/** Whether a field is left out of tables. */
const isIgnored = (field) => field.rules.some(([key, value]) => key === "kind" && value === quoted("ignore"));

/** Leave field `i` out of tables, or no more. */
const withIgnored = (template, i) => withRule(template, i, "kind", isIgnored(template.fields[i]) ? "" : quoted("ignore"));

const removed = (template, i) => withFields(template, template.fields.toSpliced(i, 1));

/** Give field `i` another rectangle, on the page; its boxes keep their proportions. */
function placed(template, i, area) {
  const { places } = template.fields[i];
  return changed(template, i, { places: stretched(places, onPage(template, area, places.length)) });
}

function moved(template, i, dx, dy) {
  const [left, top, width, height] = around(template.fields[i].places);
  return placed(template, i, [left + dx, top + dy, width, height]);
}

function resized(template, i, dw, dh) {
  const { places } = template.fields[i];
  const [left, top, width, height] = around(places);
  const w = clamp(width + dw, MIN_SIDE * places.length, template.width - left);
  return placed(template, i, [left, top, w, clamp(height + dh, MIN_SIDE, template.height - top)]);
}

/** Make field `i` a cell, or a row of `count` boxes. */
function withBoxes(template, i, kind, count) {
  const { places } = template.fields[i];
  const area = onPage(template, around(places), kind === "cell" ? 1 : count);
  return changed(template, i, { kind, places: kind === "cell" ? [area.map(tenth)] : rowOf(count, area) });
}

/** Take box `k` out of field `i`. */
function withoutBox(template, i, k) {
  const { places } = template.fields[i];
  return places.length < 2 ? template : changed(template, i, { places: places.toSpliced(k, 1) });
}

/** Split field `i`: boxes before box `k`, a cell in its middle. The new field is the right one. */
function split(template, i, k) {
  const field = template.fields[i];
  const cut = clamp(k, 1, field.places.length - 1);
  if (field.kind === "boxes" && field.places.length < 2) return template;
  const halves = field.kind === "cell" ? rowOf(2, field.places[0]).map((place) => [place])
    : [field.places.slice(0, cut), field.places.slice(cut)];
  if (field.kind === "cell" && field.places[0][2] < 2 * MIN_SIDE) return template;
  const left = { ...field, places: halves[0] };
  const right = { ...field, places: halves[1], name: freeName(template), rules: [], comments: [] };
  return withFields(template, template.fields.toSpliced(i, 1, left, right));
}

/** Join field `k` to field `i`: all boxes in a row, or the rectangle around both if one is a cell. */
function joined(template, i, k) {
  if (i === k || !template.fields[k]) return template;
  const [one, other] = [template.fields[i], template.fields[k]];
  const places = [...one.places, ...other.places].sort((a, b) => a[0] - b[0]);
  const isCell = one.kind === "cell" || other.kind === "cell";
  const both = { ...one, kind: isCell ? "cell" : "boxes", places: isCell ? [around(places).map(tenth)] : places };
  return removed(withFields(template, template.fields.with(i, both)), k);
}

/** Give field `i` another place among the columns. */
function reordered(template, i, to) {
  const at = clamp(to, 0, template.fields.length - 1);
  return withFields(template, template.fields.toSpliced(i, 1).toSpliced(at, 0, template.fields[i]));
}

/** The template that is edited, which field and box is current, and what can be undone. */
class Editing {
  constructor(template, reserved) {
    Object.assign(this, { template, reserved, field: 0, box: 0, past: [], future: [], saved: template, group: "" });
  }

  get current() {
    return this.template.fields[this.field];
  }

  get unsaved() {
    return this.template !== this.saved;
  }

  select(field, box = 0) {
    this.group = "";
    this.field = clamp(field, 0, Math.max(this.template.fields.length - 1, 0));
    this.box = clamp(box, 0, (this.current?.places.length ?? 1) - 1);
  }

  /** Take over what an edit returned. Edits of one `group` that follow each other are undone at
   *  once, as a drag or a held arrow key is. Returns whether anything changed. */
  apply(template, { field = this.field, box = this.box, group = "" } = {}) {
    if (template === this.template) return false;
    if (group === "" || group !== this.group) this.past.push({ template: this.template, field: this.field });
    this.template = template;
    this.future = [];
    this.select(field, box);
    this.group = group;
    return true;
  }

  undo() {
    return this.travel(this.past, this.future);
  }

  redo() {
    return this.travel(this.future, this.past);
  }

  travel(from, to) {
    if (!from.length) return false;
    to.push({ template: this.template, field: this.field });
    const { template, field } = from.pop();
    this.template = template;
    this.select(field);
    return true;
  }

  /** The indices of the fields whose names are missing, taken or reserved. */
  faulty() {
    const names = this.template.fields.map((field) => field.name.toLowerCase());
    const counts = new Map();
    for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
    const isWrong = (name) => name === "" || counts.get(name) > 1 || this.reserved.includes(name);
    return new Set([...names.keys()].filter((i) => isWrong(names[i])));
  }

  /** Why the template cannot be saved: the index of a field and a message; null if it can. */
  fault() {
    if (!this.template.fields.length) return [0, "A form needs a field"];
    const [i] = this.faulty();
    return i === undefined ? null : [i, nameFault(this.template, i, this.reserved)];
  }
}
