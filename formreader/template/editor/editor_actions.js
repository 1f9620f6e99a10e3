// What people do, on the form that is current. Each action says what it did.
const FIRST_COUNT = 4; // boxes of a new row that no other field tells

const splitAt = (editing) => clamp(editing.box, 1, Math.max(editing.current.places.length - 1, 1));

class Actions {
  constructor(desk, settings) {
    this.desk = desk;
    this.settings = settings;
  }

  get editing() {
    return this.desk.editing;
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
    tell(say(texts.added, this.editing.current));
  }

  /** The rules between fields that name a selected field, as a sentence; "" if there are none. */
  rulesToChange() {
    const { template, selected } = this.editing;
    const naming = new Set(selected.flatMap((i) => rulesNaming(template, template.fields[i].name)));
    return naming.size ? ` ${say(texts.changeRules, { rules: [...naming].join("; ") })}` : "";
  }

  remove() {
    const { template, selected } = this.editing;
    if (!selected.length) return;
    const [what, naming] = [calledAll(this.editing), this.rulesToChange()];
    this.editing.apply(forEach(template, selected, removed), { field: selected[0], box: 0 });
    tell(say(texts.deleted, { what }) + naming);
  }

  removeBox() {
    const { template, field, box, current } = this.editing;
    if (current && this.editing.apply(withoutBox(template, field, box), {})) tell(say(texts.deletedBox, current));
  }

  ignore() {
    const { template, selected, current } = this.editing;
    if (!current) return;
    const [naming, ignored] = [this.rulesToChange(), !isIgnored(current)];
    this.editing.apply(forEach(template, selected, (result, i) => withIgnored(result, i, ignored)));
    const what = calledAll(this.editing);
    tell(ignored ? say(texts.ignored, { what }) + naming : say(texts.notIgnored, { what }));
  }

  split() {
    const { template, field, current } = this.editing;
    if (!current) return;
    if (this.editing.apply(split(template, field, splitAt(this.editing)), { field: field + 1, box: 0 })) {
      tell(say(texts.splitDone, { name: current.name, right: this.editing.current.name }));
    } else tell(texts.splitOne);
  }

  /** Join the selected fields; a single one with the next. */
  join() {
    const { template, selected, field } = this.editing;
    const [first, ...others] = selected.length > 1 ? selected : [field, field + 1];
    const names = others.map((i) => template.fields[i]?.name).join(", ");
    if (template.fields[first] && this.editing.apply(forEach(template, others, (result, i) => joined(result, first, i)), { field: first })) {
      tell(say(texts.joined, { names, name: template.fields[first].name }));
    }
  }

  boxes(kind, count) {
    const { template, selected, current } = this.editing;
    const n = clamp(Math.round(count) || 1, 1, 99);
    if (!current || (kind === current.kind && (kind === "cell" || n === current.places.length))) return;
    this.editing.apply(forEach(template, selected, (result, i) => withBoxes(result, i, kind, n)), {});
  }

  nudge(dx, dy, size) {
    const { template, field, selected } = this.editing;
    if (!selected.length) return;
    const edited = size ? forEach(template, selected, (result, i) => resized(result, i, dx, dy)) : moved(template, selected, dx, dy);
    this.editing.apply(edited, { group: `${size ? "size" : "move"}/${field}` });
  }

  reorder(step) {
    const { template, field } = this.editing;
    const to = clamp(field + step, 0, template.fields.length - 1);
    if (to !== field) this.editing.apply(reordered(template, field, to), { field: to });
  }

  rename(typed) {
    const { template, field, current } = this.editing;
    if (current) this.editing.apply(renamed(template, [[field, typed]]));
  }

  /** Give the selected fields a rule; "" takes it from them. */
  rule(key, value) {
    const { template, selected, current } = this.editing;
    if (current && value !== ruleOf(current, key)) {
      this.editing.apply(forEach(template, selected, (result, i) => withRule(result, i, key, value)));
    }
  }

  formRule(key, value) {
    const { template } = this.editing;
    const before = template.keys.find(([one]) => one === key)?.[1] ?? "";
    if (value !== before) this.editing.apply(withFormRule(template, key, value));
  }

  /** Make the last of the selected fields the sum of the others. */
  total() {
    const { template, selected } = this.editing;
    if (selected.length < 3) return tell(texts.totalNeeds);
    this.editing.apply(totalled(template, selected));
    tell(say(texts.totalled, { name: template.fields[selected.at(-1)].name, n: selected.length - 1 }));
  }

  selectAll() {
    this.editing.selectAll([...this.editing.template.fields.keys()]);
    tell(say(texts.selected, { what: calledAll(this.editing) }));
  }

  travel(isBack) {
    if (isBack ? this.editing.undo() : this.editing.redo()) tell(isBack ? texts.undone : texts.redone);
  }

  step(by) {
    const { field, template } = this.editing;
    const more = this.desk.at + 1 < this.desk.forms.length;
    if (field + by >= template.fields.length) tell(more ? texts.lastForm : texts.lastField);
    this.editing.select(field + by);
  }

  form(at) {
    this.desk.show(at);
    tell(this.desk.forms.length > 1 ? say(texts.formShown, { name: this.desk.current.name, n: this.desk.at + 1, total: this.desk.forms.length }) : "");
  }

  async save() {
    const fault = this.desk.fault();
    if (fault) {
      setTimeout(focusName); // once the field is shown
      tell(say(texts.notSaved, { why: `${fault}.` }), true);
      return;
    }
    try {
      tell(await saveForms(this.desk, this.settings));
    } catch (error) {
      tell(say(texts.notSaved, { why: error.message }), true);
    }
  }
}

/** The selected fields as a sentence names them. */
function calledAll({ selected, template }) {
  return selected.length > 1 ? counted("fields", selected.length) : template.fields[selected[0]]?.name ?? texts.noField;
}
