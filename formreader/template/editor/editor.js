// Keys, pointer, inputs and the start. The other scripts of the editor are loaded before it.
const DRAG_FROM = 4; // px that a pointer must move: less is a click

/** The action of each key on the form. Names are those of KeyboardEvent.key, letters in lower case. */
function keyActions(actions, dialogs) {
  const keys = new Map();
  const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  for (const [key, [dx, dy]] of Object.entries(arrows)) {
    keys.set(key, () => actions.nudge(dx, dy, false));
    keys.set(`Shift+${key}`, () => actions.nudge(10 * dx, 10 * dy, false));
    keys.set(`Ctrl+${key}`, () => actions.nudge(dx, dy, true));
    keys.set(`Ctrl+Shift+${key}`, () => actions.nudge(10 * dx, 10 * dy, true));
  }
  const count = () => actions.editing.current?.places.length ?? 1;
  const box = (by) => actions.editing.select(actions.editing.field, actions.editing.box + by);
  keys.set("n", () => actions.step(1)).set("p", () => actions.step(-1));
  keys.set(",", () => box(-1)).set(".", () => box(1));
  keys.set("b", () => actions.add("boxes")).set("c", () => actions.add("cell"));
  keys.set("s", () => actions.split()).set("j", () => actions.join());
  keys.set("+", () => actions.boxes("boxes", count() + 1)).set("-", () => actions.boxes("boxes", count() - 1));
  keys.set("i", () => actions.ignore()).set("=", () => actions.total());
  keys.set("Delete", () => actions.remove()).set("Backspace", () => actions.remove());
  keys.set("Shift+Delete", () => actions.removeBox());
  keys.set("Enter", () => focusName()).set("Escape", () => actions.editing.select(actions.editing.field));
  keys.set("r", () => dialogs.rename.open()).set("t", () => dialogs.table.open());
  return keys;
}

/** Keys that act wherever the focus is, but for those that an input has itself: undo, select all. */
function everywhere(actions) {
  return new Map([["Ctrl+s", () => actions.save()], ["Ctrl+z", () => actions.travel(true)],
    ["Ctrl+y", () => actions.travel(false)], ["Ctrl+Shift+z", () => actions.travel(false)], ["Ctrl+a", () => actions.selectAll()],
    ["PageDown", () => actions.form(actions.desk.at + 1)], ["PageUp", () => actions.form(actions.desk.at - 1)],
    ["?", () => showHelp()]]);
}

/** Whether a key belongs to the input that has the focus. A name or a rule may have a ? in it, but
 *  does not begin with one. */
function isTyped(name, input) {
  if (["Ctrl+s", "PageDown", "PageUp"].includes(name)) return false;
  return name !== "?" || (input.selectionStart ?? 0) > 0;
}

function showHelp() {
  byId("help-dialog").showModal();
  byId("help-title").focus(); // the button that closes is at its end
}

function focusName() {
  byId("name").focus();
  byId("name").select();
}

function listenToKeys(actions, dialogs, act) {
  const onForm = keyActions(actions, dialogs);
  const global = everywhere(actions);
  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.isComposing || document.querySelector("dialog[open]")) return;
    const name = keyName(event);
    const typing = event.target.closest?.("input, textarea, select");
    const inForm = event.target === byId("drawing") || event.target === document.body;
    if (typing && isTyped(name, typing)) return;
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

/** The input of a rule, with its name in words and its help; `onValue` gets its value as TOML. */
function ruleInput(rule, onValue) {
  const label = element("label");
  const said = texts.rules[rule.key];
  const choices = rule.flag ? FLAGS : said.choices;
  const input = element(rule.list ? "textarea" : choices ? "select" : "input");
  if (rule.list) input.rows = 2;
  else if (!choices) input.autocomplete = "off";
  for (const [value, text] of choices ? [["", ""], ...Object.entries(choices)] : []) {
    input.append(Object.assign(element("option", "", text), { value }));
  }
  if (!choices) Object.assign(input, { spellcheck: false, placeholder: rule.example });
  input.dataset.rule = rule.key;
  const isText = rule.isText || Boolean(rule.choices);
  input.addEventListener("change", () => onValue(rule.list ? listValue(input.value) : ruleValue(input.value, isText)));
  const help = Object.assign(element("small", "", `${said.help} `), { id: `help-${rule.key}` });
  help.append(element("code", "", rule.key));
  input.setAttribute("aria-describedby", help.id);
  label.append(element("span", "", said.label), input, help);
  return label;
}

function fillRules(actions, act) {
  const filled = (rules, onValue) => rules.map((rule) => ruleInput(rule, (value) => act(() => onValue(rule.key, value))));
  byId("rule-inputs").append(...filled(FIELD_RULES, (key, value) => actions.rule(key, value)));
  byId("form-rule-inputs").append(...filled(FORM_RULES, (key, value) => actions.formRule(key, value)));
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

/** Pointer on the form: click selects, with Ctrl or Shift several; drag moves, a corner resizes; a
 *  drag on the paper draws a field, with Shift it selects all in it. */
function listenToPointer(actions, sheet, act) {
  const { drawing } = sheet;
  let drag = null;
  drawing.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    const { editing } = actions;
    const { corner, box } = event.target.dataset;
    const group = event.target.closest(".field");
    const field = group ? Number(group.dataset.field) : -1;
    const adds = event.shiftKey || event.ctrlKey || event.metaKey;
    drawing.focus({ preventScroll: true });
    if (group && adds) {
      act(() => editing.toggle(field), false);
      return;
    }
    // A drag of a selected field moves all; a click selects it alone.
    if (group && !(editing.selected.length > 1 && editing.selected.includes(field))) act(() => editing.select(field, Number(box ?? 0)), false);
    if (!group && !corner && event.pointerType === "touch") return; // it scrolls
    const area = group || corner ? around(editing.template.fields[group ? field : editing.field].places) : null;
    drag = { from: sheet.point(event, editing.template), corner, area, adds, x: event.clientX, y: event.clientY, field, begun: false, id: (drag?.id ?? 0) + 1 };
    drawing.setPointerCapture(event.pointerId);
  });
  drawing.addEventListener("pointermove", (event) => {
    if (!drag) return;
    drag.begun ||= Math.hypot(event.clientX - drag.x, event.clientY - drag.y) >= DRAG_FROM;
    if (!drag.begun) return;
    const { editing } = actions;
    const to = sheet.point(event, editing.template);
    const by = [to[0] - drag.from[0], to[1] - drag.from[1]];
    if (drag.area) act(() => editing.apply(draggedBy(editing, drag, by), { group: `drag/${drag.id}` }), false);
    else {
      sheet.rubber = around([[...drag.from, 0, 0], [...to, 0, 0]]);
      sheet.render(editing);
    }
  });
  const end = (finish) => () => {
    const [area, ended, { editing }] = [sheet.rubber, drag, actions];
    sheet.rubber = null;
    drag = null;
    if (!ended) return;
    if (!area) {
      if (ended.field >= 0 && !ended.begun) act(() => editing.select(ended.field, editing.field === ended.field ? editing.box : 0), false);
      else editing.group = ""; // the next drag is another step
      return;
    }
    const isField = finish && area[2] >= MIN_SIDE && area[3] >= MIN_SIDE;
    if (!isField) act(() => {}, false);
    else if (ended.adds) act(() => selectWithin(editing, area), false);
    else act(() => drawField(actions, area));
  };
  drawing.addEventListener("pointerup", end(true));
  drawing.addEventListener("pointercancel", end(false));
}

/** The template after a drag: of a corner of the current field, or of all selected fields. */
function draggedBy({ template, selected, field }, drag, by) {
  if (drag.corner) return placed(template, field, dragged(drag.area, drag.corner, by));
  const [left, top] = around(template.fields[drag.field].places);
  return moved(template, selected, drag.area[0] + by[0] - left, drag.area[1] + by[1] - top);
}

/** Select the fields whose middle is in a rectangle. */
function selectWithin(editing, [left, top, width, height]) {
  const { fields } = editing.template;
  editing.selectAll([...fields.keys()].filter((i) => {
    const [x, y, w, h] = around(fields[i].places);
    return x + w / 2 >= left && x + w / 2 <= left + width && y + h / 2 >= top && y + h / 2 <= top + height;
  }));
  tell(say(texts.selectedKeys, { what: calledAll(editing) }));
}

function drawField(actions, area) {
  const isRow = area[2] > 2.5 * area[3] && byId("kind").value === "boxes";
  if (isRow) actions.addAt("boxes", area, Math.max(Math.round(area[2] / area[3] / 0.8), 1));
  else actions.addAt("cell", area, 1);
}

/** What is shown of the page's data: pictures as addresses, which CSP and the browser's cache like. */
function loaded(form) {
  const bytes = Uint8Array.from(atob(form.picture), (letter) => letter.charCodeAt(0));
  return { ...form, picture: URL.createObjectURL(new Blob([bytes], { type: "image/png" })) };
}

/** The words of the page that stay as they are. */
function writeFrame({ forms }, { version, saveUrl, folder, command }) {
  putWords(texts);
  const title = forms.length === 1 ? say(texts.templateTitle, forms[0]) : say(texts.templatesTitle, { n: forms.length });
  document.title = title;
  byId("title").textContent = title;
  put(byId("intro"), say(texts.intro, { version }));
  if (!saveUrl) put(byId("help-folder"), say(texts.help.folder, { folder, command }));
}

function start() {
  const read = (id) => JSON.parse(byId(id).textContent);
  const settings = read("settings");
  const pictures = read("pictures");
  const desk = new Desk(read("forms").map((form, i) => loaded({ ...form, picture: pictures[i] })), settings.reserved);
  writeFrame(desk, settings);
  byId("editor").hidden = false;
  const actions = new Actions(desk, settings);
  const sheet = new Sheet();
  const render = (reveal) => {
    const { editing, picture } = desk.current;
    sheet.show(desk.current);
    sheet.render(editing);
    renderPanel(editing, picture);
    renderList(editing, (i, event) => {
      if (event.shiftKey) act(() => editing.selectAll(range(editing.field, i)));
      else if (event.ctrlKey || event.metaKey) act(() => editing.toggle(i));
      else {
        act(() => editing.select(i));
        focusName();
      }
    });
    renderBar(desk);
    if (reveal) sheet.reveal(editing);
  };
  const act = (action, reveal = true) => {
    const state = () => [desk.at, desk.editing.template, desk.editing.field];
    const before = state();
    tell("");
    const later = action();
    render(reveal && state().some((one, i) => one !== before[i]));
    later?.then?.(() => render(true));
  };
  const on = (id, action) => byId(id).addEventListener("click", () => act(action));
  const dialogs = { rename: new RenameDialog(actions, act), table: new TableDialog(actions, act) };
  fillRules(actions, act);
  listenToKeys(actions, dialogs, act);
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
  on("rename", () => dialogs.rename.open());
  on("as-table", () => dialogs.table.open());
  on("total", () => act(() => actions.total()));
  on("earlier", () => actions.reorder(-1));
  on("later", () => actions.reorder(1));
  on("save", () => actions.save());
  on("zoom-in", () => sheet.magnify(ZOOM_STEP));
  on("zoom-out", () => sheet.magnify(1 / ZOOM_STEP));
  byId("form").append(...desk.forms.map(({ name }, i) => Object.assign(element("option", "", name), { value: i })));
  byId("form").addEventListener("change", () => act(() => actions.form(Number(byId("form").value))));
  byId("list").addEventListener("keydown", (event) => {
    const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!by) return;
    event.preventDefault();
    act(() => desk.editing.select(desk.editing.field + by));
    byId("list").querySelector("[aria-current]").focus();
  });
  byId("help").addEventListener("click", showHelp);
  byId("kind").addEventListener("change", () => act(() => actions.boxes(byId("kind").value, Math.max(Number(byId("count").value), FIRST_COUNT))));
  byId("count").addEventListener("change", () => act(() => actions.boxes("boxes", Number(byId("count").value))));
  window.addEventListener("resize", () => render(false));
  window.addEventListener("beforeunload", (event) => {
    if (desk.unsaved.length) event.preventDefault();
  });
  render(true);
  if (!window.matchMedia("(pointer: coarse), (max-width: 760px)").matches) focusName(); // no keyboard jumps up
}

/** All whole numbers from one to another. */
const range = (from, to) => Array.from({ length: Math.abs(to - from) + 1 }, (_, i) => Math.min(from, to) + i);

start();
