// Keys, pointer, inputs and the start. editor_model.js and editor_view.js are loaded before it.
const DRAG_FROM = 4; // px that a pointer must move: less is a click
const FIRST_COUNT = 4; // boxes of a new row that no other field tells

// [key, is a text, what it asks for, or all that it may be] of rules; docs/templates.md describes them.
const FIELD_RULES = [
  ["kind", true, KINDS], ["decimals", false, "1 or 0..2"], ["separator", true, SEPARATORS], ["marks_are", true, MARKS],
  ["digits", false, "3 or 4..6"], ["min", false, "0"], ["max", false, "400"], ["pattern", true, "[12].*"],
  ["date", true, "DDMMYYYY"], ["one_of", true, "schools.csv"], ["check", true, "luhn, ean, iso7064.mod_97_10, ..."],
  ["unique", false, "true"], ["optional", false, "true or false"], ["blank_is", false, "0"], ["leading_marks", true, "blank"],
  ["previous", true, "last.csv"], ["previous_by", true, "meter"], ["min_step", false, "0"], ["max_step", false, "300"],
];
const FORM_RULES = [
  ["sums", "total = votes_01 + votes_02, one rule a line"], ["equal", "total = total_in_words"],
  ["less", "valid <= total"], ["dates", "day month year = DDMMYYYY"], ["rules_broken", "0.02: how often people break a rule"],
  ["decimal_comma", "true: tables write 2,5"],
];

const splitAt = (editing) => clamp(editing.box, 1, Math.max(editing.current.places.length - 1, 1));

/** What people do, on an Editing. Each says what it did. */
class Actions {
  constructor(editing, settings) {
    this.editing = editing;
    this.settings = settings;
  }

  add(kind) {
    const { template, field, current } = this.editing;
    const count = current?.kind === "boxes" ? current.places.length : FIRST_COUNT;
    this.addAt(kind, freePlace(template, field), count);
  }

  addAt(kind, place, count) {
    const { template, field } = this.editing;
    const at = template.fields.length ? field : -1;
    this.editing.apply(added(template, at, kind, place, count), { field: at + 1, box: 0 });
    tell(`Added ${this.editing.current.name}. Move it with the arrow keys or drag it; Enter types its name.`);
  }

  remove() {
    const { template, field, current } = this.editing;
    if (!current) return;
    const naming = rulesNaming(template, current.name);
    this.editing.apply(removed(template, field), { box: 0 });
    tell(`Deleted ${current.name}.${naming.length ? ` Change the rules that name it: ${naming.join("; ")}` : ""}`);
  }

  removeBox() {
    const { template, field, box, current } = this.editing;
    if (current && this.editing.apply(withoutBox(template, field, box), {})) tell(`Deleted a box of ${current.name}.`);
  }

  ignore() {
    const { template, field, current } = this.editing;
    if (!current) return;
    const naming = rulesNaming(template, current.name);
    this.editing.apply(withIgnored(template, field));
    const told = `${current.name} is left out: it has no column. Its ink is still told from that of its neighbours.`;
    tell(isIgnored(this.editing.current) ? `${told}${naming.length ? ` Change the rules that name it: ${naming.join("; ")}` : ""}` : `${current.name} has a column again.`);
  }

  split() {
    const { template, field, current } = this.editing;
    if (!current) return;
    if (this.editing.apply(split(template, field, splitAt(this.editing)), { field: field + 1, box: 0 })) {
      tell(`Split ${current.name}: the right part is ${this.editing.current.name}.`);
    } else tell("A field with one box cannot be split.");
  }

  join(other = this.editing.field + 1) {
    const { template, field, current } = this.editing;
    const name = template.fields[other]?.name;
    if (current && this.editing.apply(joined(template, field, other), { field: field - (other < field) })) {
      tell(`Joined ${name} to ${current.name}.`);
    }
  }

  boxes(kind, count) {
    const { template, field, current } = this.editing;
    const n = clamp(Math.round(count) || 1, 1, 99);
    if (!current || (kind === current.kind && (kind === "cell" || n === current.places.length))) return;
    this.editing.apply(withBoxes(template, field, kind, n), {});
  }

  nudge(dx, dy, size) {
    const { template, field, current } = this.editing;
    if (!current) return;
    this.editing.apply((size ? resized : moved)(template, field, dx, dy), { group: `${size ? "size" : "move"}/${field}` });
  }

  reorder(step) {
    const { template, field } = this.editing;
    const to = clamp(field + step, 0, template.fields.length - 1);
    if (to !== field) this.editing.apply(reordered(template, field, to), { field: to });
  }

  rename(typed) {
    const { template, field, current } = this.editing;
    if (current) this.editing.apply(renamed(template, field, typed));
  }

  travel(isBack) {
    if (isBack ? this.editing.undo() : this.editing.redo()) tell(isBack ? "Undone." : "Done again.");
  }

  step(by) {
    const { field, template } = this.editing;
    if (field + by >= template.fields.length) tell("That was the last field. Save with Ctrl S.");
    this.editing.select(field + by);
  }

  async save() {
    const fault = this.editing.fault();
    if (fault) {
      this.editing.select(fault[0]);
      setTimeout(focusName); // once the field is shown
      tell(`Not saved: ${fault[1]}.`, true);
      return;
    }
    const { template } = this.editing;
    const text = templateToml(template);
    try {
      if (this.settings.saveUrl) await send(this.settings.saveUrl, text);
      else download(text);
    } catch (error) {
      tell(`Not saved: ${error.message}`, true);
      return;
    }
    this.editing.saved = template;
    tell(this.settings.saveUrl ? "Saved." : `template.toml is saved. Put it into ${this.settings.folder}, in place of the old one.`);
  }
}

function download(text) {
  const link = element("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/toml;charset=utf-8" }));
  link.download = "template.toml";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // the download may start late
}

/** Send the file to the server that the page came from; what it answers to a refusal is shown. */
async function send(url, text) {
  const answer = await fetch(url, { method: "POST", headers: { "Content-Type": "application/toml" }, body: text });
  if (answer.ok) return;
  const told = await answer.text();
  throw new Error((isProblem(answer) ? JSON.parse(told).detail : told) || `the server answered ${answer.status}`);
}

/** Whether an answer is a problem document (RFC 9457), whose detail says what is wrong. */
const isProblem = (answer) => (answer.headers.get("Content-Type") ?? "").startsWith("application/problem+json");

/** The action of each key on the form. Names are those of KeyboardEvent.key, letters in lower case. */
function keyActions(actions, help) {
  const { editing } = actions;
  const keys = new Map();
  const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  for (const [key, [dx, dy]] of Object.entries(arrows)) {
    keys.set(key, () => actions.nudge(dx, dy, false));
    keys.set(`Shift+${key}`, () => actions.nudge(10 * dx, 10 * dy, false));
    keys.set(`Ctrl+${key}`, () => actions.nudge(dx, dy, true));
    keys.set(`Ctrl+Shift+${key}`, () => actions.nudge(10 * dx, 10 * dy, true));
  }
  const count = () => editing.current?.places.length ?? 1;
  keys.set("n", () => actions.step(1)).set("p", () => actions.step(-1));
  keys.set(",", () => editing.select(editing.field, editing.box - 1)).set(".", () => editing.select(editing.field, editing.box + 1));
  keys.set("b", () => actions.add("boxes")).set("c", () => actions.add("cell"));
  keys.set("s", () => actions.split()).set("j", () => actions.join());
  keys.set("+", () => actions.boxes("boxes", count() + 1)).set("-", () => actions.boxes("boxes", count() - 1));
  keys.set("i", () => actions.ignore());
  keys.set("Delete", () => actions.remove()).set("Backspace", () => actions.remove());
  keys.set("Shift+Delete", () => actions.removeBox());
  keys.set("Enter", () => focusName()).set("?", () => help.showModal());
  return keys;
}

/** Keys that act wherever the focus is, but for undo in inputs, which have their own. */
function everywhere(actions) {
  return new Map([["Ctrl+s", () => actions.save()], ["Ctrl+z", () => actions.travel(true)],
    ["Ctrl+y", () => actions.travel(false)], ["Ctrl+Shift+z", () => actions.travel(false)]]);
}

function keyName(event) {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const shift = event.shiftKey && (key.length > 1 || event.ctrlKey || event.metaKey) ? "Shift+" : "";
  return `${event.ctrlKey || event.metaKey ? "Ctrl+" : ""}${shift}${key}`;
}

function focusName() {
  byId("name").focus();
  byId("name").select();
}

function listenToKeys(actions, help, act) {
  const onForm = keyActions(actions, help);
  const global = everywhere(actions);
  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.isComposing || help.open) return;
    const name = keyName(event);
    const typing = event.target.closest?.("input, textarea, select");
    const inForm = event.target === byId("drawing") || event.target === document.body;
    if (typing && name !== "Ctrl+s") return;
    const action = global.get(name) ?? (inForm ? onForm.get(name) : null);
    if (!action) return;
    event.preventDefault();
    if (typing) typing.dispatchEvent(new Event("change"));
    act(action);
  });
}

/** The name: Enter goes on to the next field. */
function listenToName(actions, act) {
  const input = byId("name");
  input.addEventListener("change", () => act(() => actions.rename(input.value)));
  input.addEventListener("keydown", (event) => {
    if (event.isComposing || !["Enter", "Escape"].includes(event.key)) return;
    event.preventDefault();
    act(() => {
      actions.rename(input.value);
      if (event.key === "Enter") actions.step(event.shiftKey ? -1 : 1);
    });
    if (event.key === "Enter") focusName();
    else byId("drawing").focus();
  });
}

function ruleInput(key, hint, isList) {
  const label = element("label");
  const choices = Array.isArray(hint);
  const input = element(isList ? "textarea" : choices ? "select" : "input");
  if (isList) input.rows = 2;
  else if (choices) input.append(...["", ...hint].map((text) => element("option", "", text)));
  else input.autocomplete = "off";
  if (!choices) Object.assign(input, { spellcheck: false, placeholder: hint });
  label.append(element("span", "", key), input);
  return { label, input };
}

function fillRules(actions, act) {
  const { editing } = actions;
  for (const [key, isText, hint] of FIELD_RULES) {
    const { label, input } = ruleInput(key, hint, false);
    input.dataset.rule = key;
    input.addEventListener("change", () => act(() => {
      const value = ruleValue(input.value, isText);
      const before = editing.current.rules.find(([one]) => one === key)?.[1] ?? "";
      if (value !== before) editing.apply(withRule(editing.template, editing.field, key, value));
    }));
    byId("rule-inputs").append(label);
  }
  for (const [key, hint] of FORM_RULES) {
    const isList = RELATIONS.includes(key);
    const { label, input } = ruleInput(key, hint, isList);
    input.dataset.formRule = key;
    input.addEventListener("change", () => act(() => {
      const value = isList ? listValue(input.value) : ruleValue(input.value, false);
      const before = editing.template.keys.find(([one]) => one === key)?.[1] ?? "";
      if (value !== before) editing.apply(withFormRule(editing.template, key, value));
    }));
    byId("form-rule-inputs").append(label);
  }
}

/** Where a drag of a corner or of the field from `start` to `end` puts the rectangle `area`. */
function dragged(area, corner, [dx, dy]) {
  const [left, top, width, height] = area;
  if (!corner) return [left + dx, top + dy, width, height];
  const west = corner.includes("w") ? clamp(left + dx, 0, left + width - MIN_SIDE) : left;
  const north = corner.includes("n") ? clamp(top + dy, 0, top + height - MIN_SIDE) : top;
  const east = corner.includes("e") ? left + width + dx : left + width;
  const south = corner.includes("s") ? top + height + dy : top + height;
  return [west, north, Math.max(east - west, MIN_SIDE), Math.max(south - north, MIN_SIDE)];
}

/** Pointer on the form: click selects, drag moves, a corner resizes, a drag on the paper draws. */
function listenToPointer(actions, sheet, act) {
  const { editing } = actions;
  const { drawing } = sheet;
  let drag = null;
  drawing.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    const { corner, box } = event.target.dataset;
    const group = event.target.closest(".field");
    const field = group ? Number(group.dataset.field) : -1;
    drawing.focus({ preventScroll: true });
    if (group && event.shiftKey && field !== editing.field) {
      act(() => actions.join(field));
      return;
    }
    if (group) act(() => editing.select(field, Number(box ?? 0)), false);
    if (!group && !corner && event.pointerType === "touch") return; // it scrolls
    const area = group || corner ? around(editing.current.places) : null;
    drag = { from: sheet.point(event, editing.template), corner, area, x: event.clientX, y: event.clientY, begun: false, id: (drag?.id ?? 0) + 1 };
    drawing.setPointerCapture(event.pointerId);
  });
  drawing.addEventListener("pointermove", (event) => {
    if (!drag) return;
    drag.begun ||= Math.hypot(event.clientX - drag.x, event.clientY - drag.y) >= DRAG_FROM;
    if (!drag.begun) return;
    const to = sheet.point(event, editing.template);
    const by = [to[0] - drag.from[0], to[1] - drag.from[1]];
    if (drag.area) {
      act(() => editing.apply(placed(editing.template, editing.field, dragged(drag.area, drag.corner, by)), { group: `drag/${drag.id}` }), false);
    } else {
      sheet.rubber = around([[...drag.from, 0, 0], [...to, 0, 0]]);
      sheet.render(editing);
    }
  });
  const end = (finish) => () => {
    const area = sheet.rubber;
    sheet.rubber = null;
    drag = null;
    if (!area) return editing.select(editing.field, editing.box); // the next drag is another step
    const isField = finish && area[2] >= MIN_SIDE && area[3] >= MIN_SIDE;
    const isRow = area[2] > 2.5 * area[3] && byId("kind").value === "boxes";
    act(() => isField && (isRow ? actions.addAt("boxes", area, Math.max(Math.round(area[2] / area[3] / 0.8), 1)) : actions.addAt("cell", area, 1)));
    return undefined;
  };
  drawing.addEventListener("pointerup", end(true));
  drawing.addEventListener("pointercancel", end(false));
}

function start() {
  const read = (id) => JSON.parse(byId(id).textContent);
  const settings = read("settings");
  const editing = new Editing(read("template"), settings.reserved);
  const picture = `data:image/png;base64,${read("picture-data")}`;
  byId("editor").hidden = false;
  const actions = new Actions(editing, settings);
  const sheet = new Sheet(editing.template, picture);
  const help = byId("help-dialog");
  const render = (reveal) => {
    sheet.render(editing);
    renderPanel(editing, picture);
    renderList(editing, (i) => {
      act(() => editing.select(i));
      focusName();
    });
    renderBar(editing);
    if (reveal) sheet.reveal(editing);
  };
  const act = (action, reveal = true) => {
    const before = [editing.template, editing.field];
    tell("");
    const later = action();
    render(reveal && (before[0] !== editing.template || before[1] !== editing.field));
    later?.then?.(() => render(true));
  };
  const on = (id, action) => byId(id).addEventListener("click", () => act(action));
  fillRules(actions, act);
  listenToKeys(actions, help, act);
  listenToName(actions, act);
  listenToPointer(actions, sheet, act);
  on("undo", () => actions.travel(true));
  on("redo", () => actions.travel(false));
  const toForm = (id, action) => {
    on(id, action);
    byId(id).addEventListener("click", () => byId("drawing").focus({ preventScroll: true })); // for its keys
  };
  toForm("add-row", () => actions.add("boxes"));
  toForm("add-cell", () => actions.add("cell"));
  toForm("split", () => actions.split());
  toForm("join", () => actions.join());
  toForm("ignore", () => actions.ignore());
  toForm("remove", () => actions.remove());
  on("remove-box", () => actions.removeBox());
  on("earlier", () => actions.reorder(-1));
  on("later", () => actions.reorder(1));
  on("save", () => actions.save());
  on("zoom-in", () => sheet.magnify(ZOOM_STEP));
  on("zoom-out", () => sheet.magnify(1 / ZOOM_STEP));
  byId("list").addEventListener("keydown", (event) => {
    const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!by) return;
    event.preventDefault();
    act(() => editing.select(editing.field + by));
    byId("list").querySelector("[aria-current]").focus();
  });
  byId("help").addEventListener("click", () => help.showModal());
  byId("kind").addEventListener("change", () => act(() => actions.boxes(byId("kind").value, Math.max(Number(byId("count").value), FIRST_COUNT))));
  byId("count").addEventListener("change", () => act(() => actions.boxes("boxes", Number(byId("count").value))));
  window.addEventListener("resize", () => render(false));
  window.addEventListener("beforeunload", (event) => {
    if (editing.unsaved) event.preventDefault();
  });
  render(true);
  if (!window.matchMedia("(pointer: coarse), (max-width: 760px)").matches) focusName(); // no keyboard jumps up
}

start();
