// Templates and what may be done to them, without their display. editor_rules.js is loaded before it.
// A template is never changed: each edit returns another one, so that all can be undone.
//
// { width, height, comments, keys, fields, tables }: `keys` are the [key, value] of the form, with
// values as TOML texts. A field is { name, kind: "boxes" | "cell", places: [[left, top, width,
// height]], rules: [[key, value]], comments }.
const MIN_SIDE = 4; // pixels of the page: smaller boxes hold no digit
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
  const all = lines.split("\n").map((line) => line.trim()).filter(Boolean);
  return all.length ? `[${all.map(quoted).join(", ")}]` : "";
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
  if (name === "") return texts.nameMissing;
  if (reserved.includes(name.toLowerCase())) return say(texts.nameReserved, { name });
  const same = template.fields.findIndex((field, k) => k !== i && field.name.toLowerCase() === name.toLowerCase());
  return same < 0 ? "" : say(texts.nameTaken, { n: same + 1, name: template.fields[same].name });
}

/** How many fields have each name, in small letters. */
function countedNames(template) {
  const counts = new Map();
  for (const { name } of template.fields) counts.set(name.toLowerCase(), (counts.get(name.toLowerCase()) ?? 0) + 1);
  return counts;
}

/** The indices of the fields whose names are missing, taken or reserved. */
function faultyNames(template, reserved) {
  const counts = countedNames(template);
  const isWrong = ({ name }) => name === "" || counts.get(name.toLowerCase()) > 1 || reserved.includes(name.toLowerCase());
  return new Set([...template.fields.keys()].filter((i) => isWrong(template.fields[i])));
}

/** Names by a pattern: {n} is 1, 2, 3 ..., {nn} is 01, 02 ..., and {name} the name before. */
function patternNames(names, pattern, from) {
  return names.map((name, i) => pattern.replace(/\{(n+|name)\}/g, (_, what) =>
    (what === "name" ? name : String(from + i).padStart(what.length, "0"))));
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

/** Rename fields, also in the rules that name them: `names` are [index, name as typed]. */
function renamed(template, names) {
  const others = new Map(names.map(([i, typed]) => [i, tidyName(typed)]).filter(([i, name]) => name !== template.fields[i].name));
  if (!others.size) return template;
  const counts = countedNames(template);
  const followed = new Map([...others].map(([i, name]) => [template.fields[i].name, name])
    .filter(([before, name]) => before !== "" && name !== "" && counts.get(before.toLowerCase()) === 1));
  const pattern = namePattern(template);
  const follow = (text) => text.replace(pattern, (found) => followed.get(found) ?? found);
  const quotedNames = new Map([...followed].map((pair) => pair.map(quoted)));
  const following = ([key, value]) => [key, key === "previous_by" ? quotedNames.get(value) ?? value : value];
  const fields = template.fields.map((field, i) => ({
    ...field, rules: field.rules.map(following), ...(others.has(i) ? { name: others.get(i) } : {}),
  }));
  return (followed.size ? relations(template) : []).reduce(
    (result, [key, texts]) => withFormRule(result, key, listValue(texts.map(follow).join("\n"))),
    withFields(template, fields),
  );
}

/** Give pairs of [key, value] another value; "" removes the key. */
function withKey(pairs, key, value) {
  if (value === "") return pairs.filter(([one]) => one !== key);
  return pairs.some(([one]) => one === key) ? pairs.map((pair) => (pair[0] === key ? [key, value] : pair)) : [...pairs, [key, value]];
}

const withRule = (template, i, key, value) => changed(template, i, { rules: withKey(template.fields[i].rules, key, value) });
const withFormRule = (template, key, value) => ({ ...template, keys: withKey(template.keys, key, value) });

/** Make the last of some fields the sum of the others, whose blanks count as 0 if they say nothing else. */
function totalled(template, fields) {
  const [others, total] = [fields.slice(0, -1), fields.at(-1)];
  const silent = others.filter((i) => ruleOf(template.fields[i], "blank_is") === "");
  const name = (i) => template.fields[i].name;
  const sums = typedList(template.keys.find(([key]) => key === "sums")?.[1] ?? "");
  return withFormRule(forEach(template, silent, (result, i) => withRule(result, i, "blank_is", "0")), "sums",
    listValue(`${sums}\n${name(total)} = ${others.map(name).join(" + ")}`));
}

/** Add a field behind field `at`: a cell, or a row of `count` boxes. */
function added(template, at, kind, place, count = 1) {
  const area = onPage(template, place, count);
  const places = kind === "cell" ? [area.map(tenth)] : rowOf(count, area);
  return withFields(template, template.fields.toSpliced(at + 1, 0,
    { name: freeName(template), kind, places, rules: [], comments: [] }));
}

/** Whether a field is left out of tables. */
const isIgnored = (field) => ruleOf(field, "kind") === quoted("ignore");

/** Leave field `i` out of tables, or no more. */
const withIgnored = (template, i, ignored) => withRule(template, i, "kind", ignored ? quoted("ignore") : "");

const removed = (template, i) => withFields(template, template.fields.toSpliced(i, 1));

/** What an edit of one field, (template, i) => template, makes of several; the last goes first, so
 *  that a field which goes away moves no other. */
const forEach = (template, fields, edit) => fields.toReversed().reduce(edit, template);

/** Give field `i` another rectangle, on the page; its boxes keep their proportions. */
function placed(template, i, area) {
  const { places } = template.fields[i];
  return changed(template, i, { places: stretched(places, onPage(template, area, places.length)) });
}

/** Move fields, together, as far as the page goes. */
function moved(template, fields, dx, dy) {
  const area = around(fields.flatMap((i) => template.fields[i].places));
  const [left, top] = onPage(template, [area[0] + dx, area[1] + dy, area[2], area[3]]);
  return forEach(template, fields, (result, i) => {
    const [x, y, width, height] = around(result.fields[i].places);
    return placed(result, i, [x + left - area[0], y + top - area[1], width, height]);
  });
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

// ---- Tables: fields in rows and columns ----

const OVERLAP = 0.5; // of the smaller of two fields, by which they are in one row or column
const MAX_GAP = [1, 0.5]; // heights of a field between two in a row, and two in a column: a total stands below

/** How far two stretches [from, length] overlap, as a share of the shorter; below 0 if they do not. */
function overlap([a, long], [b, wide]) {
  return (Math.min(a + long, b + wide) - Math.max(a, b)) / Math.min(long, wide);
}

/** Whether two fields are neighbours in a row or a column, by their rectangles. */
function areNeighbours([x, y, w, h], [left, top, width, height]) {
  const gap = (a, long, b, wide) => Math.max(a, b) - Math.min(a + long, b + wide);
  const [beside, below] = MAX_GAP.map((most) => most * Math.min(h, height));
  return (overlap([y, h], [top, height]) >= OVERLAP && gap(x, w, left, width) <= beside)
    || (overlap([x, w], [left, width]) >= OVERLAP && gap(y, h, top, height) <= below);
}

/** The indices of the fields of the table in which field `i` stands, itself included. */
function tableAround(template, i) {
  const areas = template.fields.map((field) => around(field.places));
  const found = new Set([i]);
  for (const one of found) { // it grows
    areas.forEach((area, k) => !found.has(k) && areNeighbours(areas[one], area) && found.add(k));
  }
  return [...found].sort((a, b) => a - b);
}

/** Fields in lanes: rows from top to bottom (`axis` 1), or columns from left to right (`axis` 0). */
function lanes(template, fields, axis) {
  const stretch = (i) => [around(template.fields[i].places)[axis], around(template.fields[i].places)[axis + 2]];
  const middle = (i) => stretch(i)[0] + stretch(i)[1] / 2;
  const found = [];
  for (const i of fields.toSorted((a, b) => middle(a) - middle(b))) {
    const lane = found.at(-1);
    if (lane && overlap(stretch(lane.at(-1)), stretch(i)) >= OVERLAP) lane.push(i);
    else found.push([i]);
  }
  return found;
}

/** Names of the fields of a table, [index, name]: the label of the row and the heading of the column. */
function tableNames(rows, labels, columns, headings) {
  const column = new Map(columns.flatMap((lane, k) => lane.map((i) => [i, headings[k]])));
  return rows.flatMap((lane, k) => lane.map((i) => [i, [labels[k], column.get(i)].map(tidyName).filter(Boolean).join("_")]));
}

/** The template that is edited, which field and box is current, which fields are selected with it,
 *  and what can be undone. */
class Editing {
  constructor(template, reserved) {
    Object.assign(this, { template, reserved, field: 0, box: 0, others: new Set(), past: [], future: [], saved: template, group: "" });
  }

  get current() {
    return this.template.fields[this.field];
  }

  get unsaved() {
    return this.template !== this.saved;
  }

  /** The indices of all selected fields, the current one among them. */
  get selected() {
    return this.current ? [...new Set([...this.others, this.field])].sort((a, b) => a - b) : [];
  }

  select(field, box = 0) {
    this.group = "";
    this.others = new Set();
    this.field = clamp(field, 0, Math.max(this.template.fields.length - 1, 0));
    this.box = clamp(box, 0, (this.current?.places.length ?? 1) - 1);
  }

  /** Select other fields; the current one stays current if it is among them. */
  selectAll(fields) {
    if (!fields.length) return;
    if (!fields.includes(this.field)) this.select(fields[0]);
    this.group = "";
    this.others = new Set(fields);
  }

  /** Take a field into the selection, or out of it. */
  toggle(field) {
    const fields = new Set(this.selected);
    if (!fields.delete(field)) fields.add(field);
    this.selectAll([...fields]);
  }

  /** Take over what an edit returned. Edits of one `group` that follow each other are undone at
   *  once, as a drag or a held arrow key is. Where fields are as many as before, the same ones stay
   *  selected. Returns whether anything changed. */
  apply(template, { field = this.field, box = this.box, group = "" } = {}) {
    if (template === this.template) return false;
    if (group === "" || group !== this.group) this.past.push({ template: this.template, field: this.field });
    const others = field === this.field && template.fields.length === this.template.fields.length ? this.others : new Set();
    this.template = template;
    this.future = [];
    this.select(field, box);
    this.others = others;
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
    return faultyNames(this.template, this.reserved);
  }

  /** Why the template cannot be saved: the index of a field and a message; null if it can. */
  fault() {
    if (!this.template.fields.length) return [0, texts.needsField];
    const [i] = this.faulty();
    return i === undefined ? null : [i, nameFault(this.template, i, this.reserved)];
  }
}

/** All templates of the page; the one that is edited is `current`. Each form is { folder, name,
 *  template, text, picture }: its folder in that of all, and its template.toml as it was last read or
 *  saved. */
class Desk {
  constructor(forms, reserved) {
    this.forms = forms.map((form) => ({ ...form, editing: new Editing(form.template, reserved) }));
    this.at = 0;
  }

  get current() {
    return this.forms[this.at];
  }

  get editing() {
    return this.current.editing;
  }

  get unsaved() {
    return this.forms.filter((form) => form.editing.unsaved);
  }

  show(at) {
    this.at = clamp(at, 0, this.forms.length - 1);
  }

  /** Why the templates cannot be saved: a message, of the form that is then current; "" if they can. */
  fault() {
    for (const [at, { editing, name }] of this.forms.entries()) {
      const fault = editing.unsaved ? editing.fault() : null;
      if (!fault) continue;
      this.show(at);
      editing.select(fault[0]);
      return this.forms.length > 1 ? `${name}: ${fault[1]}` : fault[1];
    }
    return "";
  }
}
