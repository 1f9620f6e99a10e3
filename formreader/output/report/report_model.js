// The state of the review, without its display: digits to check, answers, current position.
// An answer is "0".."9", BLANK or UNREADABLE; UNTOUCHED if there is none yet.
const UNTOUCHED = ".";
const BLANK = "_";
const UNREADABLE = "?";

const CSV_HEADER = "file,page,field,box,x,y,width,height,guess,confidence,digit,value,job";
const BLIND = "blind" in document.body.dataset; // an audit: nothing is shown, nor confirmed
const WHOLE_FIELD = 0; // the `box` of a row about a whole field

/** One field. `marks` has a character for each box: what was read if it is to check, else ".";
 *  `doubt` is the probability that its value is wrong, `row` its place in corrections.csv.
 *  `reading` is what the filter lets through, "" for all. `kept` are the answers as one text, null
 *  where there are none. The rest is in `detail`, which needs the field's part to be loaded. */
class ReviewField {
  constructor([part, slot, key, file, page, number, name, marks, doubt, row], parts) {
    Object.assign(this, { part, slot, key, file, page, number, name, marks, doubt, row, parts });
    this.kept = null;
    this.reading = "";
    this.total = 0;
    for (const mark of marks) if (mark !== ".") this.total += 1;
    this.left = this.total; // boxes to check without an answer
  }

  get detail() { return this.parts.detail(this.part, this.slot); }
  get loaded() { return this.parts.has(this.part); }
  get boxes() { return this.detail.boxes; }
  get value() { return this.detail.value; }
  get isCell() { return this.detail.isCell; }

  /** What the table calls it: its name in the template, or its number. */
  get title() { return this.name || String(this.number); }

  /** The indices of the boxes to check, left to right. */
  get review() {
    return [...this.marks].flatMap((mark, i) => (mark === "." ? [] : [i]));
  }

  /** Those of them that the filter lets through. */
  get shown() {
    return this.review.filter((i) => this.reading === "" || this.marks[i] === this.reading);
  }

  get answers() {
    return this.kept === null ? [...this.marks].map(() => UNTOUCHED) : [...this.kept.slice(0, this.marks.length)];
  }

  /** An answer about the value of the field, or null. */
  get whole() {
    const rest = this.kept?.slice(this.marks.length) ?? "";
    return rest === "" ? null : rest.slice(1);
  }

  /** The lowest confidence of its boxes to check. */
  get worst() {
    return Math.min(...this.review.map((i) => this.boxes[i].confidence));
  }

  /** Boxes to check that have no answer yet. */
  open() {
    if (this.left === 0) return [];
    const { answers } = this;
    return this.review.filter((i) => answers[i] === UNTOUCHED);
  }

  /** Those of them that the filter shows. */
  unchecked() {
    return this.left === 0 ? [] : this.open().filter((i) => this.reading === "" || this.marks[i] === this.reading);
  }

  /** How probably the value is wrong, now that some of its boxes are answered. */
  get doubtLeft() {
    return this.left === this.total ? this.doubt : 1 - (1 - this.doubt) ** (this.left / this.total);
  }

  /** Takes answers, and a value of the whole field or null, as they are kept. */
  set({ answers = [...this.marks].map(() => UNTOUCHED), whole = null }) {
    const none = whole === null && answers.every((given) => given === UNTOUCHED);
    this.restore(none ? null : answers.join("") + (whole === null ? "" : `|${whole}`));
  }

  restore(kept) {
    const fits = kept !== null && kept.length >= this.marks.length &&
      (kept.length === this.marks.length || kept[this.marks.length] === "|");
    this.kept = fits ? kept : null;
    this.left = this.total;
    if (this.whole !== null) this.left = 0;
    else if (fits) this.left = this.review.filter((i) => kept[i] === UNTOUCHED).length;
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

/** All fields, those first whose answers are worth most, with answers, position and undo history. */
class Review {
  constructor(fields, store, kept = new Map()) {
    this.fields = fields;
    this.order = fields;
    this.store = store;
    this.checks = new MistypingChecks(store, kept);
    this.check = null; // a digit known for sure that is asked now
    this.undoable = []; // groups of [field, box, what was answered before]
    this.wanted = {}; // what the filter shows
    this.leftOut = new Set(); // names of columns that are not asked
    for (const field of fields) field.restore(kept.get(field.key) ?? null);
    this.unsaved = kept.has(AnswerStore.UNSAVED);
    this.recount();
    this.renumber();
    this.toStart();
  }

  recount() {
    this.total = 0;
    this.checked = 0;
    this.expected = 0; // wrong values among those that are not looked at
    for (const field of this.fields) {
      if (this.leftOut.has(field.name)) continue;
      this.total += field.total;
      this.checked += field.total - field.left;
      this.expected += field.doubtLeft;
    }
  }

  renumber() {
    this.order.forEach((field, position) => { field.position = position; });
  }

  /** To the first digit without an answer. `done`: there is none, and keys answer nothing. */
  toStart() {
    this.moveTo(0, this.order[0].shown[0]);
    if (!this.field.unchecked().includes(this.box)) this.goOn();
  }

  /** Show only boxes read as `reading`, in files and fields of these names; "" for all.
   *  Returns false, and changes nothing, where there are none. */
  filter(wanted) {
    const { file = "", field = "", reading = "" } = wanted;
    const order = this.fields.filter((one) => !this.leftOut.has(one.name) &&
      one.file.toLowerCase().includes(file.toLowerCase()) &&
      (field === "" || String(one.number) === field || one.name === field) &&
      (reading === "" || one.marks.includes(reading)));
    if (order.length === 0) return false;
    this.wanted = wanted;
    this.order = order;
    for (const one of order) one.reading = reading;
    this.renumber();
    this.filtered = file !== "" || field !== "" || reading !== "";
    this.toStart();
    return true;
  }

  /** Ask no more about a column of a template, for the rest of the review. Returns false, and changes
   *  nothing, where it has no name, or there is no other column. */
  leaveOut(name) {
    if (name === "" || this.leftOut.has(name)) return false;
    if (this.check) this.endCheck(null);
    this.leftOut.add(name);
    if (!this.filter(this.wanted) && !this.filter({})) {
      this.leftOut.delete(name);
      return false;
    }
    this.recount();
    return true;
  }

  /** Ask about all columns again. */
  takeBack() {
    this.leftOut.clear();
    this.filter(this.wanted);
    this.recount();
  }

  get field() {
    return this.check?.field ?? this.order[this.position];
  }

  /** Answer the current box, and move to the next unchecked one. */
  answer(answer) {
    if (this.done) return;
    if (this.check) {
      this.endCheck(answer);
      return;
    }
    this.putAll([[this.field, this.box, answer]]);
    this.goOn();
    this.ask();
  }

  /** Asks a digit that is known for sure, if it is time for one. */
  ask() {
    const check = this.done ? null : this.checks.next(this.order, this.position);
    if (check === null) return;
    this.check = { ...check, back: this.box };
    this.box = check.box;
  }

  /** Takes the answer to a check, null for none, and goes back to the digit that is to be reviewed. */
  endCheck(answer) {
    const { check } = this;
    if (answer !== null) this.checks.settle(check, answer);
    this.moveTo(this.position, check.back);
  }

  /** Answer boxes of any fields, [field, box, answer] each, so that one undo takes all back. */
  putAll(said) {
    const group = [];
    for (const [field, box, answer] of said) {
      const { answers } = field;
      answers[box] = answer;
      group.push(this.put(field, box, { answers }));
    }
    if (group.length > 0) this.undoable.push(group);
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
    if (this.check) { // it is about a box, not about the field
      this.endCheck(null);
      return true;
    }
    this.undoable.push([this.put(this.field, this.box, said)]);
    this.goOn();
    return true;
  }

  confirm() {
    if (this.done) return;
    if (this.check) {
      this.endCheck(this.check.guess);
      return;
    }
    if (this.field.whole !== null) {
      this.goOn();
      return;
    }
    const given = this.field.answers[this.box];
    if (BLIND && given === UNTOUCHED) return;
    this.answer(given === UNTOUCHED ? this.field.guessAsAnswer(this.box) : given);
  }

  /** Undo the last answers and move to their first box; after a reload, undo that of the current box. */
  undo() {
    if (this.check) this.endCheck(null);
    const group = this.undoable.pop();
    if (group === undefined) {
      const { answers } = this.field;
      answers[this.box] = UNTOUCHED;
      this.set(this.field, { answers });
      this.moveTo(this.position, this.box);
      return;
    }
    for (const [field, , before] of [...group].reverse()) this.set(field, before);
    const [field, box] = group[0];
    if (this.order[field.position] === field) this.moveTo(field.position, box);
  }

  /** Set answers of a field; returns what `undo` needs. */
  put(field, box, said) {
    const before = { answers: field.answers, whole: field.whole };
    this.set(field, said);
    return [field, box, before];
  }

  set(field, said) {
    const counts = !this.leftOut.has(field.name);
    if (counts) {
      this.checked += field.left;
      this.expected -= field.doubtLeft;
    }
    field.set(said);
    if (counts) {
      this.checked -= field.left;
      this.expected += field.doubtLeft;
    }
    this.store.save(field.key, field.kept);
    this.markUnsaved(true);
  }

  /** Take over the rows of a corrections.csv. Answers that are here already stay.
   *  Resolves to how many were taken, how many differ and stayed, and how many are of no field. */
  async merge(rows) {
    const byPlace = new Map(this.fields.map((field) => [placeOf(field.file, field.page, field.number), field]));
    const counts = { taken: 0, different: 0, unknown: 0 };
    const known = [];
    for (const row of rows) {
      const field = byPlace.get(placeOf(row.file, row.page, row.field));
      const foreign = row.job && this.job && row.job !== this.job;
      if (!field || foreign) counts.unknown += 1;
      else known.push([field, row]);
    }
    known.sort(([a], [b]) => a.part - b.part); // each part is loaded once
    for (const [field, row] of known) {
      if (!field.loaded) await field.parts.load(field.part);
      const i = Number(row.box) - 1;
      const whole = Number(row.box) === WHOLE_FIELD;
      if (whole) this.mergeWhole(field, row.value ?? "", counts);
      else if (!sameBox(field.boxes[i], row)) counts.unknown += 1;
      else this.mergeBox(field, i, row.digit === "" ? BLANK : row.digit, counts);
    }
    this.recount();
    this.toStart();
    return counts;
  }

  mergeWhole(field, value, counts) {
    if (field.whole === value) return;
    if (field.kept !== null) counts.different += 1;
    else {
      this.set(field, { whole: value });
      counts.taken += 1;
    }
  }

  mergeBox(field, i, answer, counts) {
    const { answers } = field;
    if (answers[i] === answer) return;
    if (field.whole !== null || answers[i] !== UNTOUCHED) counts.different += 1;
    else {
      answers[i] = answer;
      this.set(field, { answers });
      counts.taken += 1;
    }
  }

  markUnsaved(unsaved) {
    if (this.unsaved !== unsaved) this.store.save(AnswerStore.UNSAVED, unsaved ? "1" : null);
    this.unsaved = unsaved;
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
    this.check = null;
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
async function correctionsCsv(fields, job) {
  const answered = fields.filter((field) => field.kept !== null); // part by part
  const rows = [];
  for (const field of answered) {
    if (!field.loaded) await field.parts.load(field.part);
    rows.push([field.row, csvRows(field, job)]);
  }
  rows.sort(([a], [b]) => a - b);
  return [CSV_HEADER, ...rows.flatMap(([, lines]) => lines), ""].join("\n");
}

function csvRows(field, job) {
  const quote = (cell) => (/[",\r\n]/.test(cell) ? `"${String(cell).replaceAll('"', '""')}"` : String(cell));
  const { detail, whole, answers } = field;
  if (whole !== null) {
    const place = [field.file, field.page, field.number, WHOLE_FIELD, ...detail.frame];
    return [[...place, detail.value, detail.confidence.toFixed(4), "", whole, job].map(quote).join(",")];
  }
  return answers.flatMap((answer, i) => {
    if (answer === UNTOUCHED) return [];
    const { x, y, width, height, guess, confidence } = detail.boxes[i];
    const digit = answer === BLANK ? "" : answer;
    const place = [field.file, field.page, field.number, i + 1, x, y, width, height];
    return [[...place, guess, confidence.toFixed(4), digit, "", job].map(quote).join(",")];
  });
}
