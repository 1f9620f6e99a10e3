// Walls: many digits that were read alike, or many values of one column, on one screen. What is odd
// is marked or answered, and one key confirms the rest.
const WALL_SIZE = { digit: 100, field: 40 }; // tiles of a screen
const WALL_AHEAD = 8; // parts that are loaded for the next screen

/** A wall's state, without its display. Its `items` are { field, box, detail }, box being null on a
 *  wall of fields. One with a `truth` is a check of the reviewer, and no answer to it is kept. */
class Wall {
  constructor(review, kind) {
    this.review = review;
    this.kind = kind;
    this.aside = new Map(); // by name, items that were odd: they are for the review one by one
    this.history = []; // screens that were confirmed, for undo
    this.group = "";
    this.counts = new Map(); // what waits, as `groups` gave it last
    this.clear();
  }

  clear() {
    this.items = [];
    this.odd = new Set();
    this.chosen = 0;
    this.typed = 0; // answers on this screen
  }

  nameOf({ field, box }) {
    return `${field.key}/${box}`;
  }

  /** What may stand on a wall of `group`, worth most first. A value with an unread digit has nothing
   *  to confirm. */
  *candidates(group) {
    for (const field of this.review.order) {
      if (field.left === 0) continue;
      if (this.kind === "field") {
        if (field.title === group && this.isRead(field)) yield { field, box: null };
      } else if (field.marks.includes(group)) {
        for (const box of field.unchecked()) if (field.marks[box] === group) yield { field, box };
      }
    }
  }

  /** Whether all boxes of a field without an answer have a reading. */
  isRead(field) {
    return !field.marks.includes(UNREADABLE) || !field.open().some((i) => field.marks[i] === UNREADABLE);
  }

  groupOf({ field, box }) {
    return box === null ? field.title : field.marks[box];
  }

  /** How many items wait in each group: a Map, in the order of the groups' names. Of 100,000 fields
   *  most have no answer yet: these are counted without a copy of anything. */
  groups() {
    const counts = new Map();
    const count = (group, n = 1) => counts.set(group, (counts.get(group) ?? 0) + n);
    for (const field of this.review.order) {
      if (field.left === 0) continue;
      if (this.kind === "field") {
        if (this.isRead(field)) count(field.title);
      } else if (field.kept === null && field.reading === "") {
        for (const mark of field.marks) if (mark !== ".") count(mark);
      } else {
        for (const box of field.unchecked()) count(field.marks[box]);
      }
    }
    for (const item of this.aside.values()) if (!this.answered(item) && counts.has(this.groupOf(item))) count(this.groupOf(item), -1);
    const byName = ([a], [b]) => a.localeCompare(b, LANGUAGE, { numeric: true });
    return new Map([...counts].filter(([, n]) => n > 0).sort(byName));
  }

  /** The next screen of a group; an empty one where nothing waits. */
  async fill(group) {
    this.group = group;
    this.clear();
    const waiting = [];
    for (const item of this.candidates(group)) {
      if (!this.aside.has(this.nameOf(item))) waiting.push(item);
      if (waiting.length === 2 * WALL_SIZE[this.kind]) break;
    }
    const items = waiting.splice(0, WALL_SIZE[this.kind]);
    void this.loadAhead(items);
    for (const item of items) {
      if (!item.field.loaded) await item.field.parts.load(item.field.part);
      item.detail = item.field.detail;
    }
    const check = this.kind === "digit" ? this.review.checks.nextOnWall(items, group) : null;
    if (check !== null) items.push(check);
    const sureness = ({ box, detail }) => (box === null ? detail.confidence : detail.boxes[box].confidence);
    this.items = items.sort((a, b) => sureness(a) - sureness(b));
    this.ahead = this.loadAhead(waiting);
  }

  /** Loads the first parts that `items` need. */
  loadAhead(items) {
    const fields = new Map(items.map(({ field }) => [field.part, field]));
    const first = [...fields.values()].slice(0, WALL_AHEAD);
    // What fails here fails again, and is told, when it is needed.
    return Promise.all(first.map(({ part, parts }) => parts.load(part).catch(() => {})));
  }

  /** The answer of an item on this wall, "" where it has none yet. */
  answered({ field, box, truth, said }) {
    if (truth !== undefined) return said;
    if (box === null) return field.left === 0 ? field.whole ?? field.answers.join("") : "";
    const given = field.whole !== null ? UNREADABLE : field.answers[box];
    return given === UNTOUCHED ? "" : given;
  }

  toggle(item) {
    const name = this.nameOf(item);
    if (!this.odd.delete(name)) this.odd.add(name);
  }

  /** Answer the chosen digit. */
  answer(answer) {
    const item = this.items[this.chosen];
    if (!item || item.box === null) return;
    this.odd.delete(this.nameOf(item));
    if (item.truth !== undefined) {
      item.said = answer;
      return;
    }
    this.review.putAll([[item.field, item.box, answer]]);
    this.typed += 1;
  }

  /** Confirm all that is neither odd nor answered; what is odd is set aside. */
  confirm() {
    const said = [];
    for (const item of this.items) {
      const { field, box, truth } = item;
      if (truth !== undefined) this.review.checks.settle(item, this.odd.has(this.nameOf(item)) ? truth : item.said || this.group);
      else if (this.odd.has(this.nameOf(item))) this.aside.set(this.nameOf(item), item);
      else if (box !== null && !this.answered(item)) said.push([field, box, field.marks[box]]);
      else if (box === null) for (const i of field.open()) said.push([field, i, field.marks[i]]);
    }
    this.review.putAll(said);
    const items = this.items.filter(({ truth }) => truth === undefined); // a check counts once
    const { odd, group, typed } = this;
    this.history.push({ items, odd, group, typed, said: said.length > 0 });
    this.clear();
  }

  /** Take back the last answer of this screen, or show the last screen again with its answers
   *  taken back. Returns whether there was anything. */
  undo() {
    if (this.typed > 0) {
      this.typed -= 1;
      this.review.undo();
      return true;
    }
    const screen = this.history.pop();
    if (screen === undefined) return false;
    if (screen.said) this.review.undo();
    const { items, odd, group, typed } = screen;
    Object.assign(this, { items, odd, group, typed, chosen: 0 });
    for (const item of this.items) this.aside.delete(this.nameOf(item));
    this.counts = this.groups();
    return true;
  }

  choose(index) {
    this.chosen = Math.max(0, Math.min(index, this.items.length - 1));
  }
}
