"use strict";

// The state of the review, without its display: digits to check, answers, current position.
// An answer is "0".."9", BLANK or UNREADABLE; UNTOUCHED if there is none yet.
const UNTOUCHED = ".";
const BLANK = "_";
const UNREADABLE = "?";

/** One field; `review` holds the indices of the boxes to check, left to right. */
class ReviewField {
  constructor(index, record, pictures) {
    const [file, page, number, area, boxes] = record;
    Object.assign(this, { index, file, page, number, area, pictures });
    this.boxes = boxes.map(([x, y, width, height, guess, confidence, status, second, secondConfidence]) =>
      ({ x, y, width, height, guess, confidence, status, second, secondConfidence }));
    this.review = [...this.boxes.keys()].filter((i) => this.boxes[i].status === "review");
    this.worst = Math.min(...this.review.map((i) => this.boxes[i].confidence));
    this.answers = this.boxes.map(() => UNTOUCHED);
  }

  unchecked() {
    return this.review.filter((i) => this.answers[i] === UNTOUCHED);
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
    this.checked = this.total - fields.reduce((sum, field) => sum + field.unchecked().length, 0);
    this.position = 0;
    this.box = this.order[0].review[0];
    if (this.field.answers[this.box] !== UNTOUCHED) this.goOn();
  }

  get field() {
    return this.order[this.position];
  }

  restore() {
    for (const field of this.fields) {
      const kept = this.store.get(field.index);
      if (kept && kept.length === field.boxes.length) field.answers = [...kept];
    }
    this.unsaved = this.store.get("unsaved") !== null;
  }

  /** Answer the current box, and move to the next unchecked one. */
  answer(answer) {
    this.undoable.push([this.position, this.box, this.field.answers[this.box]]);
    this.set(answer);
    this.goOn();
  }

  confirm() {
    const given = this.field.answers[this.box];
    this.answer(given === UNTOUCHED ? this.field.guessAsAnswer(this.box) : given);
  }

  /** Undo the last answer and move to its box; after a reload, undo that of the current box. */
  undo() {
    const [position, box, before] = this.undoable.pop() ?? [this.position, this.box, UNTOUCHED];
    this.moveTo(position, box);
    this.set(before);
  }

  set(answer) {
    const field = this.field;
    const before = field.answers[this.box];
    field.answers[this.box] = answer;
    if (field.review.includes(this.box)) {
      this.checked += (answer !== UNTOUCHED) - (before !== UNTOUCHED);
    }
    const untouched = field.answers.every((given) => given === UNTOUCHED);
    this.store.put(field.index, untouched ? null : field.answers.join(""));
    this.markUnsaved(true);
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
    return this.next(); // all are checked: move on to the next
  }

  moveTo(position, box) {
    this.position = position;
    this.box = box;
  }

  next() {
    const later = this.field.review.find((i) => i > this.box);
    if (later !== undefined) this.box = later;
    else if (this.position + 1 < this.order.length) this.toField(this.position + 1);
  }

  previous() {
    const earlier = this.field.review.filter((i) => i < this.box).at(-1);
    if (earlier !== undefined) {
      this.box = earlier;
    } else if (this.position > 0) {
      this.position -= 1;
      this.box = this.field.review.at(-1);
    }
  }

  toField(position) {
    const last = this.order.length - 1;
    this.position = Math.max(0, Math.min(position, last));
    this.box = this.field.unchecked()[0] ?? this.field.review[0];
  }

  /** Move to any box of the field, also to one that is not to review. */
  toBox(box) {
    this.box = Math.max(0, Math.min(box, this.field.boxes.length - 1));
  }

  first() {
    this.moveTo(0, this.order[0].review[0]);
  }

  last() {
    const position = this.order.length - 1;
    this.moveTo(position, this.order[position].review.at(-1));
  }
}

/** The text of corrections.csv: a row for each answered box, in the order of results.csv. */
function correctionsCsv(fields) {
  const quote = (cell) => (/[",\r\n]/.test(cell) ? `"${String(cell).replaceAll('"', '""')}"` : String(cell));
  const lines = ["file,page,field,box,x,y,width,height,guess,confidence,digit"];
  for (const field of fields) {
    field.answers.forEach((answer, i) => {
      if (answer === UNTOUCHED) return;
      const { x, y, width, height, guess, confidence } = field.boxes[i];
      const digit = answer === BLANK ? "" : answer;
      const place = [field.file, field.page, field.number, i + 1, x, y, width, height];
      lines.push([...place, guess, confidence.toFixed(4), digit].map(quote).join(","));
    });
  }
  return `${lines.join("\n")}\n`;
}
