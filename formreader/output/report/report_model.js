"use strict";

// The state of the review, without its display: digits to check, answers, current position.
// An answer is "0".."9", BLANK or UNREADABLE; UNTOUCHED if there is none yet.
const UNTOUCHED = ".";
const BLANK = "_";
const UNREADABLE = "?";

const CSV_HEADER = "file,page,field,box,x,y,width,height,guess,confidence,digit,value,job";
const BLIND = "blind" in document.body.dataset; // an audit: nothing is shown, nor confirmed
const WHOLE_FIELD = 0; // the `box` of a row about a whole field

/** One field; `review` holds the indices of the boxes to check, left to right, and `shown` those
 *  of them that the filter lets through. `whole` is an answer about the value of the field. */
class ReviewField {
  constructor(index, record, pictures) {
    const [file, page, number, area, boxes, key, frame, value, confidence, isCell, note] = record;
    Object.assign(this, { index, file, page, number, area, pictures, key, frame, value, confidence, note });
    this.isCell = isCell === 1;
    this.whole = null;
    this.boxes = boxes.map(([x, y, width, height, guess, confidence, status, second, secondConfidence]) =>
      ({ x, y, width, height, guess, confidence, status, second, secondConfidence }));
    this.review = [...this.boxes.keys()].filter((i) => this.boxes[i].status === "review");
    this.worst = Math.min(...this.review.map((i) => this.boxes[i].confidence));
    this.shown = this.review;
    this.answers = this.boxes.map(() => UNTOUCHED);
  }

  /** Boxes to check that have no answer yet. */
  open() {
    return this.whole === null ? this.review.filter((i) => this.answers[i] === UNTOUCHED) : [];
  }

  /** Those of them that the filter shows. */
  unchecked() {
    return this.open().filter((i) => this.shown.includes(i));
  }

  /** The answers as one text, or null where there are none; `restore` is the inverse. */
  kept() {
    if (this.whole === null && this.answers.every((given) => given === UNTOUCHED)) return null;
    return this.answers.join("") + (this.whole === null ? "" : `|${this.whole}`);
  }

  restore(kept) {
    const [answers, ...whole] = (kept ?? "").split("|");
    if (answers.length !== this.boxes.length) return;
    this.answers = [...answers];
    this.whole = whole.length > 0 ? whole.join("|") : null;
  }

  /** What a typed value says: answers of all boxes, a whole value, or null if it does not fit. */
  typed(text) {
    const marks = [...text.trim().replaceAll(" ", this.isCell ? " " : BLANK)];
    if (this.isCell) {
      if (!/^-?[0-9?.,\- ]*$/.test(text)) return null;
      const shape = (value) => value.replace(/[0-9?]/g, "0");
      const digits = marks.filter((mark) => /[0-9?]/.test(mark));
      const fits = digits.length === this.boxes.length && shape(text.trim()) === shape(this.value);
      return fits ? { answers: digits } : { whole: text.trim() };
    }
    const answers = marks.map((mark) => (mark === "." || mark === "-" ? BLANK : mark));
    if (!answers.every((mark) => /[0-9?_]/.test(mark))) return null;
    if (answers.length === this.boxes.length) return { answers };
    const written = this.boxes.filter((box) => box.status !== "blank").length;
    if (answers.length !== written || answers.includes(BLANK)) return null;
    return { answers: this.boxes.map((box) => (box.status === "blank" ? BLANK : answers.shift())) };
  }

  /** What marks the field as no number at all, such as a name. */
  noNumber() {
    if (this.isCell) return { whole: UNREADABLE };
    return { answers: this.boxes.map((box) => (box.status === "blank" ? BLANK : UNREADABLE)) };
  }

  /** The content of box `i`, answered or guessed, as in the column `cells` of the results. */
  cell(i) {
    const answer = this.answers[i] === UNTOUCHED ? this.guessAsAnswer(i) : this.answers[i];
    return answer === BLANK ? "." : answer;
  }

  guessAsAnswer(i) {
    return this.boxes[i].guess || BLANK;
  }
}

/** Answers in the browser's localStorage, one short entry per field. */
class Store {
  constructor(job) {
    this.prefix = `formreader/${job}/`;
    this.storage = null;
    try {
      const storage = window.localStorage;
      storage.setItem(`${this.prefix}probe`, "1");
      storage.removeItem(`${this.prefix}probe`);
      this.storage = storage;
    } catch {
      // Some browsers forbid it for file:// or in private windows: the page then shows a warning.
    }
  }

  get works() {
    return this.storage !== null;
  }

  get(name) {
    return this.storage?.getItem(this.prefix + name) ?? null;
  }

  put(name, value) {
    try {
      if (value === null) this.storage?.removeItem(this.prefix + name);
      else this.storage?.setItem(this.prefix + name, value);
    } catch {
      this.storage = null; // The quota is used up: act as if there were no storage.
    }
  }
}

/** All fields, lowest confidence first, with answers, current position and undo history. */
class Review {
  constructor(fields, store) {
    this.fields = fields; // in the order of corrections.csv
    this.order = [...fields].sort((a, b) => a.worst - b.worst || a.index - b.index);
    this.order.forEach((field, position) => { field.position = position; });
    this.store = store;
    this.undoable = [];
    this.total = fields.reduce((sum, field) => sum + field.review.length, 0);
    this.restore();
    this.recount();
    this.toStart();
  }

  recount() {
    this.checked = this.total - this.fields.reduce((sum, field) => sum + field.open().length, 0);
  }

  /** To the first digit without an answer. `done`: there is none, and keys answer nothing. */
  toStart() {
    this.moveTo(0, this.order[0].shown[0]);
    if (!this.field.unchecked().includes(this.box)) this.goOn();
  }

  /** Show only boxes read as `reading`, in files and fields of these names; "" for all.
   *  Returns false, and changes nothing, where there are none. */
  filter({ file = "", field = "", reading = "" }) {
    const shown = new Map();
    for (const one of this.fields) {
      const named = one.file.toLowerCase().includes(file.toLowerCase());
      if (!named || (field !== "" && String(one.number) !== field)) continue;
      const boxes = one.review.filter((i) => reading === "" || one.boxes[i].guess === reading);
      if (boxes.length > 0) shown.set(one, boxes);
    }
    if (shown.size === 0) return false;
    this.order = [...shown.keys()].sort((a, b) => a.worst - b.worst || a.index - b.index);
    this.order.forEach((one, position) => {
      one.position = position;
      one.shown = shown.get(one);
    });
    this.filtered = this.order.length < this.fields.length || reading !== "";
    this.toStart();
    return true;
  }

  get field() {
    return this.order[this.position];
  }

  restore() {
    for (const field of this.fields) {
      field.restore(this.store.get(field.key));
    }
    this.unsaved = this.store.get("unsaved") !== null;
  }

  /** Answer the current box, and move to the next unchecked one. */
  answer(answer) {
    if (this.done) return;
    const answers = [...this.field.answers];
    answers[this.box] = answer;
    this.put(this.field, { answers });
    this.goOn();
  }

  /** Answer the whole field; false if the text does not fit its boxes. */
  answerField(text) {
    return this.putField(this.field.typed(text));
  }

  markNoNumber() {
    this.putField(this.field.noNumber());
  }

  putField(said) {
    if (this.done || said === null) return false;
    this.put(this.field, said);
    this.goOn();
    return true;
  }

  confirm() {
    if (this.done) return;
    if (this.field.whole !== null) {
      this.goOn();
      return;
    }
    const given = this.field.answers[this.box];
    if (BLIND && given === UNTOUCHED) return;
    this.answer(given === UNTOUCHED ? this.field.guessAsAnswer(this.box) : given);
  }

  /** Undo the last answer and move to its box; after a reload, undo that of the current box. */
  undo() {
    const [field, box, before] = this.undoable.pop() ?? [this.field, this.box, null];
    if (this.order[field.position] === field) this.moveTo(field.position, box);
    if (before !== null) this.set(field, before);
    else {
      const answers = [...field.answers];
      answers[box] = UNTOUCHED;
      this.set(field, { answers });
    }
  }

  /** Set answers of a field so that `undo` takes them back. */
  put(field, said) {
    this.undoable.push([field, this.box, { answers: [...field.answers], whole: field.whole }]);
    this.set(field, said);
  }

  set(field, { answers = field.boxes.map(() => UNTOUCHED), whole = null }) {
    this.checked += field.open().length;
    field.answers = [...answers];
    field.whole = whole;
    this.checked -= field.open().length;
    this.store.put(field.key, field.kept());
    this.markUnsaved(true);
  }

  /** Take over the rows of a corrections.csv. Answers that are here already stay.
   *  Returns how many were taken, how many differ and stayed, and how many are of no field here. */
  merge(rows) {
    const byPlace = new Map(this.fields.map((field) => [placeOf(field.file, field.page, field.number), field]));
    const counts = { taken: 0, different: 0, unknown: 0 };
    for (const row of rows) {
      const field = byPlace.get(placeOf(row.file, row.page, row.field));
      const i = Number(row.box) - 1;
      const whole = Number(row.box) === WHOLE_FIELD;
      const foreign = row.job && this.job && row.job !== this.job;
      if (!field || foreign || (!whole && !sameBox(field.boxes[i], row))) counts.unknown += 1;
      else if (whole) this.mergeWhole(field, row.value ?? "", counts);
      else this.mergeBox(field, i, row.digit === "" ? BLANK : row.digit, counts);
    }
    this.recount();
    this.toStart();
    return counts;
  }

  mergeWhole(field, value, counts) {
    if (field.whole === value) return;
    if (field.kept() !== null) counts.different += 1;
    else {
      this.set(field, { whole: value });
      counts.taken += 1;
    }
  }

  mergeBox(field, i, answer, counts) {
    if (field.answers[i] === answer) return;
    if (field.whole !== null || field.answers[i] !== UNTOUCHED) counts.different += 1;
    else {
      const answers = [...field.answers];
      answers[i] = answer;
      this.set(field, { answers });
      counts.taken += 1;
    }
  }

  markUnsaved(unsaved) {
    this.unsaved = unsaved;
    this.store.put("unsaved", unsaved ? "1" : null);
  }

  goOn() {
    const rest = this.field.unchecked().find((i) => i > this.box);
    if (rest !== undefined) return this.moveTo(this.position, rest);
    const n = this.order.length;
    for (let step = 1; step <= n; step += 1) {
      const position = (this.position + step) % n;
      const [first] = this.order[position].unchecked();
      if (first !== undefined) return this.moveTo(position, first);
    }
    this.done = true; // all are checked: no key may overwrite the last answer unseen
  }

  moveTo(position, box) {
    this.done = false;
    this.position = position;
    this.box = box;
  }

  next() {
    const later = this.field.shown.find((i) => i > this.box);
    if (later !== undefined) this.moveTo(this.position, later);
    else if (this.position + 1 < this.order.length) this.toField(this.position + 1);
  }

  previous() {
    const earlier = this.field.shown.filter((i) => i < this.box).at(-1);
    if (earlier !== undefined) {
      this.moveTo(this.position, earlier);
    } else if (this.position > 0) {
      this.moveTo(this.position - 1, this.order[this.position - 1].shown.at(-1));
    }
  }

  toField(position) {
    const last = this.order.length - 1;
    this.moveTo(Math.max(0, Math.min(position, last)), 0);
    this.box = this.field.unchecked()[0] ?? this.field.shown[0];
  }

  /** Move to any box of the field, also to one that is not to review. */
  toBox(box) {
    this.moveTo(this.position, Math.max(0, Math.min(box, this.field.boxes.length - 1)));
  }

  first() {
    this.moveTo(0, this.order[0].shown[0]);
  }

  last() {
    const position = this.order.length - 1;
    this.moveTo(position, this.order[position].shown.at(-1));
  }
}

const placeOf = (file, page, number) => `${page}/${number}/${file}`;

function sameBox(box, row) {
  return box !== undefined && ["x", "y", "width", "height"].every((side) => box[side] === Number(row[side]));
}

/** The rows of a CSV text as objects, by the names in its first row. */
function parseCsv(text) {
  const rows = [[""]];
  let quoted = false;
  for (let i = 0; i < text.length; i += 1) {
    const mark = text[i];
    const row = rows.at(-1);
    if (quoted && mark === '"' && text[i + 1] === '"') { row[row.length - 1] += '"'; i += 1; }
    else if (mark === '"') quoted = !quoted;
    else if (!quoted && mark === ",") row.push("");
    else if (!quoted && mark === "\n") rows.push([""]);
    else if (quoted || mark !== "\r") row[row.length - 1] += mark;
  }
  const [header, ...body] = rows;
  const names = header.map((name) => name.replace("\uFEFF", ""));
  return body.filter((row) => row.length > 1)
    .map((row) => Object.fromEntries(names.map((name, i) => [name, row[i] ?? ""])));
}

/** The text of corrections.csv: a row for each answered box, in the order of results.csv, and for
 *  each field that was answered as a whole. */
function correctionsCsv(fields, job) {
  const quote = (cell) => (/[",\r\n]/.test(cell) ? `"${String(cell).replaceAll('"', '""')}"` : String(cell));
  const lines = [CSV_HEADER];
  for (const field of fields) {
    if (field.whole !== null) {
      const place = [field.file, field.page, field.number, WHOLE_FIELD, ...field.frame];
      lines.push([...place, field.value, field.confidence.toFixed(4), "", field.whole, job].map(quote).join(","));
      continue;
    }
    field.answers.forEach((answer, i) => {
      if (answer === UNTOUCHED) return;
      const { x, y, width, height, guess, confidence } = field.boxes[i];
      const digit = answer === BLANK ? "" : answer;
      const place = [field.file, field.page, field.number, i + 1, x, y, width, height];
      lines.push([...place, guess, confidence.toFixed(4), digit, "", job].map(quote).join(","));
    });
  }
  return `${lines.join("\n")}\n`;
}
