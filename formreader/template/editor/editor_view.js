// The display of the editor. Names are untrusted: text is set as text, never as HTML.
const NAME_HEIGHT = 12; // px of a name on the form
const MAX_NAME = 13; // pixels of the page: names must not hide the form on a small screen
const LETTER_WIDTH = 0.66; // of a letter in a name, as a share of its size, in the widest of the faces
const LABEL_WIDTH = 250; // pixels of the page left of a field, where its label is printed
const CORNERS = [["nw", 0, 0], ["ne", 1, 0], ["sw", 0, 1], ["se", 1, 1]];
const ZOOM_STEP = 1.4;
const MAX_ZOOM = 6; // times the width of the column

/** Renew the children of an element, but for those made from the same source in the same state: a
 *  form may have hundreds of fields, and a held key changes one of them many times a second. */
function update(parent, count, childOf) {
  while (parent.childElementCount > count) parent.lastChild.remove();
  for (let i = 0; i < count; i += 1) {
    const { source, state, make } = childOf(i);
    const there = parent.children[i];
    if (there?.source === source && there.state === state) continue;
    const made = Object.assign(make(), { source, state });
    if (there) there.replaceWith(made);
    else parent.append(made);
  }
}

/** A name in at most so many letters: its middle is left out, as names of a table begin alike. */
function shortened(name, most) {
  if (name.length <= most) return name;
  const [first, last] = [Math.floor((most - 1) / 2), Math.ceil((most - 1) / 2)];
  return most < 2 ? name.slice(0, Math.max(most, 0)) : `${name.slice(0, first)}…${name.slice(name.length - last)}`;
}

/** What a field is and where, in words. */
function described(editing) {
  const { current: field, field: i, template, selected } = editing;
  if (!field) return texts.noFields;
  const [left, top, width, height] = around(field.places).map(Math.round);
  const told = say(field.kind === "cell" ? texts.describedCell : texts.describedBoxes, {
    n: i + 1, total: template.fields.length, boxes: counted("boxes", field.places.length), box: editing.box + 1, at: `${left}, ${top}, ${width} × ${height}`,
  });
  return selected.length > 1 ? `${told}. ${say(texts.selectedMany, { fields: counted("fields", selected.length) })}` : told;
}

/** The form with its fields. */
class Sheet {
  constructor() {
    this.zoom = 1;
    if (window.matchMedia("(max-width: 760px)").matches) this.magnify(2);
    this.drawing = byId("drawing");
    this.rubber = null; // the rectangle that is being drawn
    [this.fields, this.top] = [drawn("g", {}), drawn("g", {})];
    this.drawing.append(this.fields, this.top);
  }

  /** Show the page of a form; nothing is done if it is there already. */
  show({ editing: { template }, picture }) {
    if (byId("page").src === picture) return;
    byId("page").src = picture;
    byId("picture").style.aspectRatio = `${template.width} / ${template.height}`;
    this.drawing.setAttribute("viewBox", `0 0 ${template.width} ${template.height}`);
  }

  /** Pixels of the page for one on the screen. */
  scale(template) {
    return template.width / Math.max(this.drawing.clientWidth, 1);
  }

  magnify(factor) {
    this.zoom = clamp(this.zoom * factor, 1, MAX_ZOOM);
    byId("picture").style.width = `${100 * this.zoom}%`;
  }

  render(editing) {
    const { template } = editing;
    const unit = this.scale(template);
    const [faulty, selected] = [editing.faulty(), new Set(editing.selected)];
    update(this.fields, template.fields.length, (i) => {
      const field = template.fields[i];
      const box = i === editing.field && field.places.length > 1 ? editing.box : -1;
      const kind = `field${i === editing.field ? " current" : ""}${selected.has(i) ? " selected" : ""}${faulty.has(i) ? " faulty" : ""}${isIgnored(field) ? " ignored" : ""}`;
      return { source: field, state: `${kind}/${box}/${unit}`, make: () => this.group(field, i, kind, box, unit) };
    });
    const top = editing.current ? this.handles(editing.current, unit) : [];
    if (this.rubber) top.push(rectangle(this.rubber, "drawn"));
    this.top.replaceChildren(...top);
  }

  /** The drawing of field `i`, whose box `current` is marked. */
  group(field, i, kind, current, unit) {
    const group = drawn("g", { class: kind, "data-field": i });
    field.places.forEach((place, k) => {
      const rect = rectangle(place, k === current ? "box" : "");
      rect.dataset.box = k;
      group.append(rect);
    });
    group.append(this.label(field, unit), drawn("title", {}, field.name));
    return group;
  }

  /** The name in the upper left corner of its own field, never in that of a neighbour. */
  label(field, unit) {
    const [left, top, width, height] = around(field.places);
    const size = Math.min(NAME_HEIGHT * unit, MAX_NAME, height / 2);
    const name = shortened(field.name, Math.floor((width - size / 2) / (LETTER_WIDTH * size)));
    return drawn("text", { x: left + size / 4, y: top + size, "font-size": size, "stroke-width": size / 4 }, name);
  }

  handles(field, unit) {
    const coarse = window.matchMedia("(pointer: coarse)").matches;
    const side = (coarse ? 18 : 10) * unit;
    const out = coarse ? side / 2 : 0; // a finger needs the field itself as well
    const [left, top, width, height] = around(field.places);
    return CORNERS.map(([name, x, y]) => {
      const handle = rectangle([left + x * width - side / 2 + (2 * x - 1) * out, top + y * height - side / 2 + (2 * y - 1) * out, side, side], `handle ${name}`);
      handle.dataset.corner = name;
      return handle;
    });
  }

  /** Scroll so that the current field is visible. */
  reveal(editing) {
    if (!editing.current) return;
    const frame = byId("frame");
    const unit = this.scale(editing.template);
    const [left, top, width, height] = around(editing.current.places).map((side) => side / unit);
    const margin = 40;
    if (top - margin < frame.scrollTop || top + height + margin > frame.scrollTop + frame.clientHeight) {
      frame.scrollTop = top + height / 2 - frame.clientHeight / 2;
    }
    if (left < frame.scrollLeft || left + width > frame.scrollLeft + frame.clientWidth) {
      frame.scrollLeft = left + width / 2 - frame.clientWidth / 2;
    }
  }

  /** The point of the page under a pointer. */
  point(event, template) {
    const frame = this.drawing.getBoundingClientRect();
    return [((event.clientX - frame.left) / frame.width) * template.width, ((event.clientY - frame.top) / frame.height) * template.height];
  }
}

/** The current field, enlarged, with what is printed around it. */
function renderCloseup(editing, picture) {
  const closeup = byId("closeup");
  if (closeup.firstChild?.getAttribute("href") !== picture) {
    closeup.replaceChildren(drawn("image", { href: picture, width: editing.template.width, height: editing.template.height }));
  }
  while (closeup.childElementCount > 1) closeup.lastChild.remove();
  const [left, top, width, height] = around(editing.current.places);
  const from = Math.max(left - LABEL_WIDTH, 0);
  closeup.setAttribute("viewBox", `${from} ${top - height - 8} ${left + width + 20 - from} ${2 * height + 24}`);
  closeup.append(...editing.current.places.map((place) => rectangle(place)));
}

function setValue(input, value) {
  if (input.value !== value) input.value = value;
}

function renderPanel(editing, picture) {
  const { current: field, template, field: i, selected } = editing;
  byId("panel").hidden = !field;
  if (!field) return;
  renderCloseup(editing, picture);
  const fault = nameFault(template, i, editing.reserved);
  setValue(byId("name"), field.name);
  byId("name").setAttribute("aria-invalid", fault !== "");
  byId("fault").textContent = fault;
  byId("where").textContent = described(editing);
  setValue(byId("kind"), field.kind);
  setValue(byId("count"), String(field.places.length));
  byId("count-label").hidden = field.kind === "cell";
  byId("split").textContent = field.kind === "cell" ? texts.splitMiddle : say(texts.split, { n: splitAt(editing) + 1 });
  byId("split").disabled = field.kind === "boxes" && field.places.length < 2;
  byId("remove-box").textContent = say(texts.deleteBox, { n: editing.box + 1 });
  byId("remove-box").hidden = field.kind === "cell" || field.places.length < 2;
  byId("join").textContent = selected.length > 1 ? texts.joinThem : texts.join;
  byId("join").disabled = selected.length < 2 && i + 1 >= template.fields.length;
  byId("total").disabled = selected.length < 3;
  byId("earlier").disabled = i === 0;
  byId("later").disabled = i + 1 >= template.fields.length;
  const inBrackets = (count) => (count ? `(${count})` : "");
  byId("ignore").textContent = isIgnored(field) ? texts.readAgain : texts.leaveOut;
  byId("rule-state").textContent = inBrackets(field.rules.length);
  byId("form-rule-state").textContent = inBrackets(relations(template).reduce((sum, [, of]) => sum + of.length, 0));
  byId("rule-fields").textContent = selected.length > 1 ? say(texts.rulesOfMany, { fields: counted("fields", selected.length) }) : texts.rulesOf;
  for (const rule of FIELD_RULES) {
    const input = document.querySelector(`#rule-inputs [data-rule="${rule.key}"]`);
    input.parentElement.hidden = !mayHave(field, rule);
    setValue(input, typedValue(ruleOf(field, rule.key)));
  }
  for (const rule of FORM_RULES) {
    const value = template.keys.find(([key]) => key === rule.key)?.[1] ?? "";
    setValue(document.querySelector(`#form-rule-inputs [data-rule="${rule.key}"]`), rule.list ? typedList(value) : typedValue(value));
  }
}

function renderList(editing, onPick) {
  const [faulty, selected] = [editing.faulty(), new Set(editing.selected)];
  update(byId("list"), editing.template.fields.length, (i) => {
    const field = editing.template.fields[i];
    const current = i === editing.field;
    return { source: field, state: `${i}/${current}/${selected.has(i)}/${faulty.has(i)}`, make: () => listRow(field, i, { current, selected: selected.has(i), faulty: faulty.has(i) }, onPick) };
  });
  // Only the list scrolls, not the page.
  const [list, row] = [byId("list"), byId("list").children[editing.field]];
  if (row) list.scrollTop = clamp(list.scrollTop, row.offsetTop + row.offsetHeight - list.offsetTop - list.clientHeight, row.offsetTop - list.offsetTop);
}

function listRow(field, i, { current, selected, faulty }, onPick) {
  const row = element("li", [faulty && "faulty", selected && "selected"].filter(Boolean).join(" "));
  const what = field.kind === "cell" ? texts.cell : counted("boxes", field.places.length);
  const button = element("button");
  button.type = "button";
  button.tabIndex = current ? 0 : -1;
  if (current) button.setAttribute("aria-current", "true");
  button.append(element("span", "", String(i + 1)), element("b", "", field.name || texts.noName),
    element("span", "", isIgnored(field) ? say(texts.leftOut, { what }) : what));
  button.addEventListener("click", (event) => onPick(i, event));
  row.append(button);
  return row;
}

function renderBar(desk) {
  const { editing, forms, unsaved, at } = desk;
  byId("undo").disabled = !editing.past.length;
  byId("redo").disabled = !editing.future.length;
  const names = unsaved.map((form) => form.name).join(", ");
  byId("state").textContent = unsaved.length ? say(forms.length > 1 ? texts.unsavedForms : texts.unsaved, { names }) : "";
  byId("state").className = unsaved.length ? "grow unsaved" : "grow muted";
  byId("form-choice").hidden = forms.length < 2;
  setValue(byId("form"), String(at));
}

function tell(text, failed = false) {
  byId("message").textContent = text;
  byId("message").className = failed ? "failed" : "muted";
}
