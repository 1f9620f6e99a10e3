// Keys, buttons and the start. report_model.js and report_view.js are loaded before it.

/** Records and pictures, of which few are in memory at a time. */
const parts = new Parts(JSON.parse(byId("report-parts").textContent), byId("parts").content.children);

/** Called by each part that is a file. */
function reportPart(edition, number, records) {
  if (edition === parts.edition) parts.take(number, records);
}

/** What the index says of each field, those first whose answers are worth most. */
function readFields() {
  const fields = JSON.parse(byId("fields").textContent).map((entry) => new ReviewField(entry, parts));
  for (const { part } of fields) parts.sizes.set(part, (parts.sizes.get(part) ?? 0) + 1);
  return fields;
}

async function save(review) {
  const csv = await correctionsCsv(review.fields, review.job);
  if (HOST) {
    if (!await HOST.save(csv)) return;
    const newer = await correctionsCsv(review.fields, review.job) !== csv; // typed in the meantime
    if (!newer) review.markUnsaved(false);
    return;
  }
  const blob = new Blob([csv], { type: "text/csv;charset=utf-8" });
  const link = element("a");
  link.href = URL.createObjectURL(blob);
  link.download = BLIND ? "audit.csv" : "corrections.csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // the download may start late
  review.markUnsaved(false);
}

/** The action of each key. Names are those of KeyboardEvent.key, letters in lower case. */
function keyActions(review, help, stage, page, save) {
  const actions = new Map();
  const on = (keys, action) => keys.forEach((key) => actions.set(key, action));
  for (const digit of "0123456789") on([digit], () => review.answer(digit));
  on(["Enter"], () => review.confirm());
  on([" ", "b"], () => review.answer(BLANK));
  on(["u", "x"], () => review.answer(UNREADABLE));
  on(["n"], () => review.markNoNumber());
  on(["i"], () => leaveOut(review, review.field.name));
  on(["f"], () => { if (!review.done) byId("whole").focus(); }); // else S would be typed, not save
  on(["Backspace", "Delete", "z", "Ctrl+z"], () => review.undo());
  on(["ArrowRight"], () => review.next());
  on(["ArrowLeft"], () => review.previous());
  on(["ArrowDown"], () => review.toField(review.position + 1));
  on(["ArrowUp"], () => review.toField(review.position - 1));
  on(["Shift+ArrowRight"], () => review.toBox(review.box + 1));
  on(["Shift+ArrowLeft"], () => review.toBox(review.box - 1));
  on(["Home"], () => review.first());
  on(["End"], () => review.last());
  on(["+", "="], () => stage.zoomBy(1));
  on(["-"], () => stage.zoomBy(-1));
  on(["p"], () => page.open(review));
  on(["s"], save);
  on(["?"], () => help.showModal());
  return actions;
}

/** Asks no more about a column, and says so. */
function leaveOut(review, name) {
  const done = review.leaveOut(name);
  byId("left-out-text").textContent = done ? leftOutText(review) : say(name === "" ? texts.leaveNamed : texts.leaveLast, { name });
  byId("left-out").hidden = false;
  byId("take-back").hidden = review.leftOut.size === 0;
}

/** The name of the pressed key among `actions`: Shift counts for arrows only, and the digit row counts
 *  even if digits need Shift (French keyboards). */
function actionName(event, actions) {
  const name = keyName(event);
  if (event.key.startsWith("Arrow")) return name;
  const plain = name.replace("Shift+", "");
  if (actions.has(plain) || event.shiftKey || name.startsWith("Ctrl+")) return plain;
  const [, digit] = /^Digit(\d)$/.exec(event.code) ?? [];
  return digit ?? plain;
}

/** `actionsNow` gives the actions of what is shown; `act` does one. */
function listenToKeys(actionsNow, help, act) {
  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.isComposing || event.target.closest?.("input, select, dialog[open]")) return;
    if (help.open || byId("page-dialog").open) return;
    const actions = actionsNow();
    const name = actionName(event, actions);
    if (!actions.has(name)) return;
    const pressesControl = event.target.closest?.("button, summary, a");
    if (pressesControl && (name === "Enter" || name === " ")) return;
    event.preventDefault();
    // A key held down by mistake must not answer a hundred digits.
    if (event.repeat && !name.includes("Arrow")) return;
    act(actions.get(name));
    showWorkbench();
  });
}

function fillKeypad(actions, act) {
  const keys = [..."1234567890"].map((digit) => [digit, digit, "", "digit"]);
  const { keypad } = texts;
  keys.push([" ", keypad.blank, keypad.space, ""], ["u", keypad.unreadable, "U", ""],
    ["n", keypad.none, "N", ""], ["Backspace", keypad.undo, "⌫", ""], ["Enter", texts.confirm, "Enter", "primary"]);
  byId("keypad").replaceChildren(...keys.map(([key, label, hint, kind]) => {
    const button = element("button", kind);
    button.type = "button";
    button.append(element("span", "", label));
    if (key === "Enter") button.firstChild.id = "confirm";
    if (hint) button.append(" ", element("kbd", "", hint));
    button.addEventListener("click", () => {
      act(actions.get(key));
      showWorkbench();
    });
    return button;
  }));
}

/** The entry of a whole field, from its input. */
function listenToWholeField(review, act) {
  const input = byId("whole");
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape") input.blur();
    if (event.key !== "Enter") return;
    event.preventDefault();
    act(() => {
      const fits = review.answerField(input.value);
      byId("whole-state").textContent = fits || review.done ? "" : review.field.isCell
        ? texts.typedCell : say(texts.typedBoxes, { n: review.field.boxes.length });
      if (fits || review.done) {
        input.value = "";
        input.blur();
      }
    });
  });
}

function listenToFilter(review, queue, act, onChange) {
  const names = ["file", "field", "reading"];
  const apply = () => {
    const wanted = Object.fromEntries(names.map((name) => [name, byId(`filter-${name}`).value.trim()]));
    let found = false;
    act(() => {
      found = review.filter(wanted);
      queue.restart();
    });
    if (found) onChange();
    const digits = review.order.reduce((sum, field) => sum + field.shown.length, 0);
    byId("filter-state").textContent = !found ? texts.noMatch
      : review.filtered ? say(texts.matching, { digits: counted("digits", digits) }) : "";
  };
  for (const name of names) byId(`filter-${name}`).addEventListener("input", apply);
}

/** Saved corrections are opened again, on this computer or another, and merged. */
function listenToFiles(review, act) {
  const input = byId("open-file");
  byId("open").addEventListener("click", () => input.click());
  input.addEventListener("change", async () => {
    const contents = await Promise.all([...input.files].map((file) => file.text()));
    input.value = "";
    const rows = contents.flatMap(parseCsv);
    byId("open-state").textContent = texts.reading;
    const counts = await review.merge(rows);
    act(() => {});
    const told = ["taken", "different", "unknown"].filter((kind) => kind === "taken" || counts[kind]);
    byId("open-state").textContent = `${told.map((kind) => say(texts[kind], { n: counts[kind] })).join("; ")}.`;
  });
}

/** Draws the review one by one. What is shown needs a part, which may have to be loaded: until it is
 *  there, keys wait. */
class OneByOne {
  constructor(review) {
    this.review = review;
    this.waiting = []; // what was pressed before the part was there
    this.stage = new Stage((box) => this.act(() => review.moveTo(review.position, box)));
    this.queue = new Queue(review, (position) => this.act(() => review.toField(position)));
    this.busy = false;
  }

  act(action) {
    this.waiting.push(action);
    if (!this.busy) this.work();
  }

  work() {
    this.busy = true;
    while (this.review.field.loaded && this.waiting.length > 0) {
      const before = this.review.position;
      this.waiting.shift()();
      if (this.review.field.loaded) this.draw(before);
      else this.before = before;
    }
    this.busy = false;
    if (!this.review.field.loaded) this.load();
    else this.loadAhead();
  }

  load() {
    this.busy = true;
    byId("where").classList.add("loading");
    this.review.field.parts.load(this.review.field.part).then(() => {
      byId("where").classList.remove("loading");
      showPartFault("");
      this.draw(this.before ?? this.review.position);
      this.work();
    }, (fault) => {
      this.waiting = [];
      this.busy = false;
      showPartFault(fault.message);
    });
  }

  /** The part that comes next is there before it is needed. */
  loadAhead() {
    const { field, order, position } = this.review;
    const next = order[position + AHEAD] ?? field;
    if (next.part !== field.part) next.parts.load(next.part).catch(() => {}); // told when it is needed
  }

  draw(before) {
    this.queue.render(before);
    this.stage.render(this.review);
    renderProgress(this.review);
    announce(this.review);
    this.stage.centre(this.review);
  }
}

const AHEAD = 20; // fields

function showPartFault(text) {
  byId("part-fault").textContent = text;
  byId("part-fault").hidden = text === "";
}

/** Shows walls in place of the review one by one. */
class Walls {
  constructor(review, onLeave) {
    this.review = review;
    this.onLeave = onLeave;
    this.wall = null;
    this.view = new WallView((i) => this.choose(i), (i) => {
      this.wall.choose(i);
      this.act(() => this.wall.toggle(this.wall.items[i]));
    });
    this.aside = { digit: new Map(), field: new Map() };
    this.actions = this.makeActions();
    this.ready = Promise.resolve(); // when the screen is there
    byId("wall-group").addEventListener("change", () => {
      this.next(byId("wall-group").value);
      byId("wall-group").blur();
    });
    byId("wall-confirm").addEventListener("click", () => this.confirm());
  }

  get shown() {
    return this.wall !== null;
  }

  /** Shows walls of a kind, beginning with what the digit at hand was read as, or its column. */
  open(kind) {
    const { field, box } = this.review;
    this.wall = new Wall(this.review, kind);
    this.wall.aside = this.aside[kind];
    this.next(kind === "field" ? field.title : field.marks[box]);
    this.render();
  }

  close() {
    this.wall = null;
    this.onLeave();
  }

  /** The next screen of a group, or of the largest other one where nothing is left in it. */
  next(group) {
    const { wall } = this;
    const counts = wall.groups();
    wall.counts = counts;
    const [largest] = [...counts].sort(([, a], [, b]) => b - a);
    wall.clear();
    this.ready = wall.fill(counts.has(group) ? group : largest?.[0] ?? group).then(() => {
      showPartFault("");
      if (this.wall === wall) this.render();
    }, (fault) => showPartFault(fault.message));
  }

  confirm() {
    if (this.wall.items.length === 0) return;
    const { group } = this.wall;
    this.wall.confirm();
    renderProgress(this.review);
    this.next(group);
  }

  choose(index) {
    if (index === this.wall.chosen) return;
    this.wall.choose(index);
    this.wall.scrolls = false;
    this.view.render(this.wall);
  }

  act(action) {
    action();
    this.render();
  }

  render() {
    this.view.render(this.wall);
    renderProgress(this.review);
  }

  makeActions() {
    const actions = new Map();
    const on = (keys, action) => keys.forEach((key) => actions.set(key, () => this.act(action)));
    const move = (step) => () => {
      this.wall.scrolls = true;
      this.wall.choose(this.wall.chosen + step());
    };
    for (const digit of "0123456789") on([digit], () => this.wall.answer(digit));
    actions.set("i", () => {
      const { group, kind, items, chosen } = this.wall;
      leaveOut(this.review, kind === "field" ? group : items[chosen]?.field.name ?? "");
      this.next(group);
    });
    on(["b"], () => this.wall.answer(BLANK));
    on(["u"], () => this.wall.answer(UNREADABLE));
    on([" ", "x"], () => {
      if (this.wall.items.length > 0) this.wall.toggle(this.wall.items[this.wall.chosen]);
    });
    on(["Backspace", "Delete", "z", "Ctrl+z"], () => this.wall.undo());
    on(["ArrowRight"], move(() => 1));
    on(["ArrowLeft"], move(() => -1));
    on(["ArrowDown"], move(() => tilesOfARow()));
    on(["ArrowUp"], move(() => -tilesOfARow()));
    actions.set("Enter", () => this.confirm());
    return actions;
  }
}

function tilesOfARow() {
  const [first, ...others] = byId("tiles").children;
  const below = others.findIndex((tile) => tile.offsetTop > first.offsetTop);
  return below < 0 ? others.length + 1 : below + 1;
}

/** In the service's page saving puts answers into the table, and the server draws whole pages. */
function fitToHost() {
  for (const name of ["save", "save-done"]) byId(name).firstChild.textContent = `${HOST.texts.save} `;
  byId("help-save").textContent = HOST.texts.save;
  byId("help-page").textContent = HOST.texts.page;
  byId("help-files").hidden = true;
}

/** Begins the review. Answers come from `store`. */
async function start() {
  const { job, accepted, wrong, ...head } = JSON.parse(byId("job").textContent);
  writeHead(head);
  const fields = readFields();
  byId("nothing").hidden = fields.length > 0;
  byId("workbench").hidden = fields.length === 0;
  if (fields.length === 0) return null;

  const store = HOST?.store ?? new AnswerStore(BLIND ? `${job}/audit` : job);
  const review = new Review(fields, store, await store.load());
  Object.assign(review, { job, accepted: { accepted, wrong } });
  const help = byId("help-dialog");
  const one = new OneByOne(review);
  const act = (action) => one.act(action);
  const saveNow = () => {
    byId("save-state").textContent = texts.saving;
    save(review).then(() => renderProgress(review), (fault) => showPartFault(fault.message));
  };
  const actions = keyActions(review, help, one.stage, new PageView(), saveNow);
  const walls = new Walls(review, () => {
    showMode(null);
    act(() => review.toStart());
  });
  const toggleCrops = () => {
    cropsShown = !cropsShown;
    byId("show-crops").setAttribute("aria-pressed", String(cropsShown));
    one.queue.restart();
    walls.view.items = null; // draw its tiles anew
    if (walls.shown) walls.render();
    else act(() => {});
  };
  const toWall = (kind) => {
    if (BLIND) return;
    showMode(kind);
    walls.open(kind);
  };
  for (const [key, kind] of [["w", "digit"], ["c", "field"]]) {
    actions.set(key, () => toWall(kind));
    walls.actions.set(key, () => (walls.wall.kind === kind ? walls.close() : toWall(kind)));
  }
  for (const each of [actions, walls.actions]) each.set("r", toggleCrops);
  byId("show-crops").addEventListener("click", toggleCrops);
  walls.actions.set("Escape", () => walls.close());
  walls.actions.set("s", saveNow);
  walls.actions.set("?", () => help.showModal());
  listenToKeys(() => (walls.shown ? walls.actions : actions), help,
    (action) => (walls.shown ? action() : act(action)));
  fillKeypad(actions, act);
  byId("confirm").parentElement.hidden = BLIND;
  byId("modes").hidden = BLIND;
  byId("mode-one").addEventListener("click", () => walls.shown && walls.close());
  byId("mode-digit").addEventListener("click", () => toWall("digit"));
  byId("mode-field").addEventListener("click", () => toWall("field"));
  listenToWholeField(review, act);
  listenToFilter(review, one.queue, act, () => walls.shown && walls.open(walls.wall.kind));
  listenToFiles(review, act);
  byId("save-done").addEventListener("click", saveNow);
  byId("save").addEventListener("click", saveNow);
  byId("show-page").addEventListener("click", () => act(actions.get("p")));
  if (!BLIND) {
    byId("checks").addEventListener("change", () => {
      review.checks.on = byId("checks").checked;
      byId("checks").blur();
    });
  }
  byId("take-back").addEventListener("click", () => {
    review.takeBack();
    byId("left-out").hidden = true;
    one.queue.restart();
    if (walls.shown) walls.open(walls.wall.kind);
    else act(() => {});
  });
  byId("zoom-in").addEventListener("click", () => act(actions.get("+")));
  byId("zoom-out").addEventListener("click", () => act(actions.get("-")));
  byId("help").addEventListener("click", () => help.showModal());
  // After a click, keys act on the review again, not on the button.
  document.addEventListener("click", (event) => {
    if (event.detail > 0 && !document.querySelector("dialog[open]") && !event.target.closest("input, select, label")) document.activeElement?.blur();
  });
  window.addEventListener("beforeunload", (event) => {
    if (review.unsaved && !HOST) event.preventDefault();
  });
  if (HOST) fitToHost();
  act(() => {});
  requestAnimationFrame(() => performance.mark("first-digit"));
  if (HOST || isNarrow()) showWorkbench();
  return { review, one, walls };
}

/** Shows the review one by one (null) or walls of a kind. */
function showMode(kind) {
  byId("columns").hidden = kind !== null;
  byId("wall").hidden = kind === null;
  for (const [name, own] of [["one", null], ["digit", "digit"], ["field", "field"]]) {
    byId(`mode-${name}`).setAttribute("aria-pressed", String(kind === own));
  }
}

const session = start();
