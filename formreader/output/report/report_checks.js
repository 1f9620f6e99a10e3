// Now and then a digit that is known for sure is asked, or stands on a wall of other ones, to tell how
// often the reviewer errs. Off unless switched on.
const CHECK_SURE = 0.9995; // confidence of digits that are asked: about one in 2,000 of them is wrong
const CHECK_AFTER = [15, 25]; // answers between two checks, at least and at most
const CHECK_NEAR = 60; // fields that are looked through for such a digit

class MistypingChecks {
  constructor(store, kept) {
    this.store = store;
    [this.asked, this.wrong] = (kept.get(MistypingChecks.KEY) ?? "0,0").split(",").map(Number);
    this.on = false;
    this.used = new Set();
    this.wait();
  }

  wait() {
    const [least, most] = CHECK_AFTER;
    this.left = least + Math.floor(Math.random() * (most - least + 1));
  }

  /** Called after each answer: a digit to ask now, or null. Every second one is shown with a wrong
   *  guess, so that who confirms without looking is caught. */
  next(order, position) {
    if (!this.on || (this.left -= 1) > 0) return null;
    const found = this.find(order.slice(position, position + CHECK_NEAR));
    if (found === null) return null;
    const { field, box, truth } = found;
    const guess = this.used.size % 2 ? String((Number(truth) + 1 + Math.floor(Math.random() * 9)) % 10) : truth;
    return { field: this.disguised(field, box, guess), box, truth, guess };
  }

  /** Called for each screen of a wall of `group`, with what stands on it: one more item that does not
   *  belong there, or null. Its `said` is what the reviewer answers. */
  nextOnWall(items, group) {
    if (!this.on || items.length === 0 || (this.left -= items.length) > 0) return null;
    const found = this.find(items.map(({ field }) => field), group);
    if (found === null) return null;
    const field = this.disguised(found.field, found.box, group);
    return { field, box: found.box, detail: field.detail, truth: found.truth, said: "" };
  }

  /** A digit in `fields` that is known for sure, and is none of `group`; null where there is none. */
  find(fields, group = null) {
    for (const field of fields) {
      if (!field.loaded || field.kept !== null || this.used.has(field.key)) continue;
      const box = field.boxes.findIndex(({ status, guess, confidence }) =>
        status === "ok" && confidence >= CHECK_SURE && guess !== "" && guess !== group);
      if (box < 0) continue;
      this.used.add(field.key);
      this.wait();
      return { field, box, truth: field.boxes[box].guess };
    }
    return null;
  }

  /** The field as if its box were for review, with a guess. */
  disguised(field, box, guess) {
    const boxes = field.boxes.map((one) => ({ ...one }));
    Object.assign(boxes[box], { status: "review", guess, confidence: 0.5 + 0.4 * Math.random(), second: "" });
    const marks = field.marks.slice(0, box) + guess + field.marks.slice(box + 1);
    const own = { boxes, marks, detail: Object.create(field.detail, { boxes: { value: boxes } }) };
    return Object.create(field, Object.fromEntries(Object.entries(own).map(([name, value]) => [name, { value }])));
  }

  settle({ truth }, answer) {
    this.asked += 1;
    if (answer !== truth) this.wrong += 1;
    this.store.save(MistypingChecks.KEY, `${this.asked},${this.wrong}`);
    this.last = answer === truth ? "" : say(texts.check, { digit: truth });
  }

  /** What is known of the reviewer so far. */
  get text() {
    if (this.asked === 0) return "";
    const { asked, wrong } = this;
    return [this.last, say(texts.checks, { asked, wrong, share: TENTHS.format((100 * wrong) / asked) })].filter(Boolean).join(" ");
  }
}
MistypingChecks.KEY = "checks"; // no field has this key
