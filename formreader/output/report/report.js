// Keys, buttons and the start. report_model.js and report_view.js are loaded before it.

/** The fields of this file; their pictures are decoded only when shown. */
function readFields() {
  const scripts = [...byId("fields").content.children];
  const fields = [];
  for (let i = 0; i < scripts.length; i += 2) {
    fields.push(new ReviewField(i / 2, JSON.parse(scripts[i].textContent), scripts[i + 1]));
  }
  return fields;
}

/** What keeps the answers where the report is shown within the service's page: `store` in place of
 *  the browser's storage, `save(csv)` in place of a file, `texts` for both; null elsewhere. */
const HOST = window.frameElement?.reviewHost ?? null;

function save(review, act) {
  const csv = correctionsCsv(review.fields, review.job);
  if (HOST) {
    HOST.save(csv).then((stored) => {
      const newer = correctionsCsv(review.fields, review.job) !== csv; // typed in the meantime
      if (stored && !newer) act(() => review.markUnsaved(false));
    });
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
function keyActions(review, help, act) {
  const actions = new Map();
  const on = (keys, action) => keys.forEach((key) => actions.set(key, action));
  for (const digit of "0123456789") on([digit], () => review.answer(digit));
  on(["Enter"], () => review.confirm());
  on([" ", "b"], () => review.answer(BLANK));
  on(["u", "x"], () => review.answer(UNREADABLE));
  on(["n"], () => review.markNoNumber());
  on(["f"], () => byId("whole").focus());
  on(["Backspace", "Delete", "z", "Ctrl+z"], () => review.undo());
  on(["ArrowRight"], () => review.next());
  on(["ArrowLeft"], () => review.previous());
  on(["ArrowDown"], () => review.toField(review.position + 1));
  on(["ArrowUp"], () => review.toField(review.position - 1));
  on(["Shift+ArrowRight"], () => review.toBox(review.box + 1));
  on(["Shift+ArrowLeft"], () => review.toBox(review.box - 1));
  on(["Home"], () => review.first());
  on(["End"], () => review.last());
  on(["s"], () => save(review, act));
  on(["?"], () => help.showModal());
  return actions;
}

/** The name of the pressed key. The digit row counts even if digits need Shift (French keyboards). */
function keyName(event, actions) {
  if (event.shiftKey && event.key.startsWith("Arrow")) return `Shift+${event.key}`;
  if (event.ctrlKey || event.metaKey) return event.altKey ? "" : `Ctrl+${event.key.toLowerCase()}`;
  const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const [, digit] = /^Digit(\d)$/.exec(event.code) ?? [];
  return actions.has(name) || event.shiftKey ? name : digit ?? name;
}

function listenToKeys(actions, help, act) {
  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.isComposing || help.open) return;
    if (event.target.closest?.("input, select")) return;
    const name = keyName(event, actions);
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
  keys.push([" ", "Blank", "Space", ""], ["u", "Unreadable", "U", ""],
    ["n", "No number", "N", ""], ["Backspace", "Undo", "⌫", ""], ["Enter", "Confirm", "Enter", "primary"]);
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
    let fits = false;
    act(() => { fits = review.answerField(input.value); });
    byId("whole-state").textContent = fits ? "" : review.field.isCell
      ? "Only digits, ? and separators make a number"
      : `Type one character for each of the ${review.field.boxes.length} boxes; . for a blank, ? for no digit`;
    if (fits) {
      input.value = "";
      input.blur();
    }
  });
}

function listenToFilter(review, queue, act) {
  const names = ["file", "field", "reading"];
  const apply = () => {
    const wanted = Object.fromEntries(names.map((name) => [name, byId(`filter-${name}`).value.trim()]));
    let found = false;
    act(() => {
      found = review.filter(wanted);
      queue.restart();
    });
    const digits = review.order.reduce((sum, field) => sum + field.shown.length, 0);
    byId("filter-state").textContent = !found ? "Nothing matches; the list is as before"
      : review.filtered ? `${digits.toLocaleString("en")} digits match` : "";
  };
  for (const name of names) byId(`filter-${name}`).addEventListener("input", apply);
}

/** Saved corrections are opened again, on this computer or another, and merged. */
function listenToFiles(review, act) {
  const input = byId("open-file");
  byId("open").addEventListener("click", () => input.click());
  input.addEventListener("change", async () => {
    const texts = await Promise.all([...input.files].map((file) => file.text()));
    input.value = "";
    const rows = texts.flatMap(parseCsv);
    let counts = null;
    act(() => { counts = review.merge(rows); });
    const parts = [`${counts.taken} answers taken over`];
    if (counts.different) parts.push(`${counts.different} differ from yours, which stay`);
    if (counts.unknown) parts.push(`${counts.unknown} are of no digit in this report`);
    byId("open-state").textContent = `${parts.join("; ")}.`;
  });
}

/** Saving puts answers into the table, where the page that this one is shown in does that. */
function showHostTexts() {
  for (const name of ["save", "save-done"]) byId(name).firstChild.textContent = `${HOST.texts.save} `;
  byId("help-save").textContent = HOST.texts.save;
  byId("help-files").hidden = true;
}

function start() {
  const fields = readFields();
  byId("nothing").hidden = fields.length > 0;
  byId("workbench").hidden = fields.length === 0;
  if (fields.length === 0) return;

  const job = JSON.parse(byId("job").textContent);
  const review = new Review(fields, HOST?.store ?? new Store(BLIND ? `${job}/audit` : job));
  review.job = job;
  const help = byId("help-dialog");
  const act = (action) => {
    const before = review.position;
    action();
    queue.render(before);
    stage.render(review);
    renderProgress(review);
    if (HOST && review.checked) byId("save-state").textContent = review.unsaved ? HOST.texts.unsaved : HOST.texts.saved;
    announce(review);
  };
  const stage = new Stage((box) => act(() => review.moveTo(review.position, box)));
  const queue = new Queue(review, (position) => act(() => review.toField(position)));
  const actions = keyActions(review, help, act);
  listenToKeys(actions, help, act);
  fillKeypad(actions, act);
  byId("confirm").parentElement.hidden = BLIND;
  listenToWholeField(review, act);
  listenToFilter(review, queue, act);
  listenToFiles(review, act);
  byId("save-done").addEventListener("click", () => act(actions.get("s")));
  byId("save").addEventListener("click", () => act(actions.get("s")));
  byId("help").addEventListener("click", () => help.showModal());
  // After a click, keys act on the review again, not on the button.
  document.addEventListener("click", (event) => {
    if (event.detail > 0 && !help.open && !event.target.closest("input, select, label")) document.activeElement?.blur();
  });
  window.addEventListener("beforeunload", (event) => {
    if (review.unsaved && !HOST) event.preventDefault();
  });
  if (HOST) showHostTexts();
  act(() => {});
  if (HOST || window.matchMedia("(max-width: 760px)").matches) showWorkbench();
}

start();
