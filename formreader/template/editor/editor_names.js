// The two dialogs that name several fields: by a pattern, and as a table of rows and columns.
const HEADING_HEIGHTS = 1.5; // heights of a field above a column that show its heading

/** The preview of [index, name] in a dialog, as a list; returns whether all names can be used. */
function previewNames(editing, list, names) {
  const edited = renamed(editing.template, names);
  const faulty = faultyNames(edited, editing.reserved);
  list.replaceChildren(...names.map(([i]) => {
    const row = element("li", faulty.has(i) ? "faulty" : "");
    row.append(element("span", "", editing.template.fields[i].name), element("b", "", edited.fields[i].name || texts.noName));
    if (faulty.has(i)) row.append(element("span", "", nameFault(edited, i, editing.reserved)));
    return row;
  }));
  return names.every(([i]) => !faulty.has(i));
}

function closeByButton(dialog) {
  dialog.querySelector(".close").addEventListener("click", () => dialog.close());
}

/** Rename the selected fields: a text in them is replaced, then a pattern is applied. */
class RenameDialog {
  constructor(actions, act) {
    Object.assign(this, { actions, dialog: byId("rename-dialog") });
    for (const id of ["find", "replace", "pattern", "from"]) byId(id).addEventListener("input", () => this.render());
    closeByButton(this.dialog);
    byId("rename-form").addEventListener("submit", () => act(() => {
      actions.editing.apply(renamed(actions.editing.template, this.names()));
      tell(say(texts.renamed, { what: calledAll(actions.editing) }));
    }));
  }

  open() {
    if (!this.actions.editing.current) return;
    byId("rename-title").textContent = say(texts.rename, { what: calledAll(this.actions.editing) });
    for (const id of ["find", "replace", "pattern"]) byId(id).value = "";
    byId("from").value = "1";
    this.render();
    this.dialog.showModal();
  }

  names() {
    const { template, selected } = this.actions.editing;
    const [find, put, pattern] = ["find", "replace", "pattern"].map((id) => byId(id).value);
    const before = selected.map((i) => template.fields[i].name).map((name) => (find ? name.replaceAll(find, () => put) : name));
    const names = pattern.trim() ? patternNames(before, pattern, Number(byId("from").value) || 0) : before;
    return selected.map((i, k) => [i, names[k]]);
  }

  render() {
    byId("rename-apply").disabled = !previewNames(this.actions.editing, byId("rename-preview"), this.names());
  }
}

/** Name the fields of a table in two steps: the headings of its columns, then the labels of its rows. */
class TableDialog {
  constructor(actions, act) {
    Object.assign(this, { actions, dialog: byId("table-dialog") });
    closeByButton(this.dialog);
    byId("table-form").addEventListener("submit", (event) => {
      if (event.submitter?.value === "back" || this.step === 0) {
        event.preventDefault();
        this.show(event.submitter?.value === "back" ? 0 : 1);
        return;
      }
      act(() => {
        actions.editing.apply(renamed(actions.editing.template, this.names()));
        tell(say(texts.namedTable, { rows: this.rows.length, columns: this.columns.length }));
      });
    });
  }

  open() {
    const { editing } = this.actions;
    if (!editing.current) return;
    const { template, field, selected } = editing;
    if (selected.length === 1) editing.selectAll(tableAround(template, field));
    this.rows = lanes(template, editing.selected, 1).map((lane) => lane.toSorted((a, b) => a - b));
    this.columns = lanes(template, editing.selected, 0);
    this.inputs = [
      this.columns.map((lane, k) => this.label(say(texts.column, { n: k + 1 }), this.above(lane))),
      this.rows.map((lane, k) => this.label(say(texts.row, { n: k + 1 }), this.beside(lane))),
    ];
    this.show(0);
    if (!this.dialog.open) this.dialog.showModal();
    this.inputs[0][0].querySelector("input").focus();
  }

  /** What is printed above a column, as a rectangle of the page. */
  above(lane) {
    const [left, top, width, height] = around(this.actions.editing.template.fields[lane[0]].places);
    const high = Math.max(HEADING_HEIGHTS * height, 30);
    return [left - width / 4, top - high, 1.5 * width, high + height / 4];
  }

  /** What is printed left of a row. */
  beside(lane) {
    const areas = lane.map((i) => around(this.actions.editing.template.fields[i].places));
    const [left, top, , height] = areas.reduce((one, other) => (one[0] <= other[0] ? one : other));
    const from = Math.max(left - LABEL_WIDTH, 0);
    return [from, top - height / 4, left + height - from, 1.5 * height];
  }

  label(text, area) {
    const label = element("label");
    const picture = drawn("svg", { viewBox: area.join(" "), "aria-hidden": "true" });
    const { template } = this.actions.editing;
    picture.append(drawn("image", { href: this.actions.desk.current.picture, width: template.width, height: template.height }));
    const input = Object.assign(element("input"), { autocomplete: "off", spellcheck: false });
    input.addEventListener("input", () => this.render());
    input.addEventListener("keydown", (event) => {
      const inputs = this.inputs[this.step];
      const next = inputs[inputs.indexOf(label) + 1];
      if (event.key !== "Enter" || event.isComposing || !next) return; // the last one ends the step
      event.preventDefault();
      next.querySelector("input").focus();
    });
    label.append(element("span", "", text), picture, input);
    return label;
  }

  show(step) {
    this.step = step;
    const [rows, columns] = [this.rows.length, this.columns.length];
    byId("table-title").textContent = step ? say(texts.stepRows, { n: rows }) : say(texts.stepColumns, { n: columns });
    byId("table-inputs").replaceChildren(...this.inputs[step]);
    byId("table-back").hidden = step === 0;
    put(byId("table-apply"), step ? texts.nameKey : texts.nextKey);
    this.render();
    if (this.dialog.open) this.inputs[step][0].querySelector("input").focus();
  }

  names() {
    const typed = this.inputs.map((labels) => labels.map((label) => label.querySelector("input").value));
    return tableNames(this.rows, typed[1], this.columns, typed[0]);
  }

  render() {
    const fine = previewNames(this.actions.editing, byId("table-preview"), this.names());
    byId("table-apply").disabled = this.step === 1 && !fine;
  }
}
