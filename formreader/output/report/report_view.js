// The display. File names are untrusted: text is set as text, never as HTML.
const SVG = "http://www.w3.org/2000/svg";
const QUEUE_ROW = 64; // px, as .row in report.css
const BOX_HEIGHT = 76; // px of the current box on the picture of the page
const PICTURE_HEIGHT = 340; // px, maximum
const MIN_BOX_WIDTH = 40; // px of a box of a long field, which then scrolls

const byId = (id) => document.getElementById(id);

function element(tag, className = "", text = "") {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}

/** Whole percent, rounded down as `whole_percent` in table.py does: never "100 %" for less than
 *  certainty, nor "0 %" for a chance. */
function percent(confidence) {
  const hundredths = Math.round(confidence * 10_000); // the results have four decimals
  return hundredths > 0 && hundredths < 100 ? "< 1 %" : `${Math.floor(hundredths / 100)} %`;
}

function answerText(answer) {
  return answer === BLANK ? "blank" : answer === UNREADABLE ? "unreadable" : answer;
}

/** Show crop `i` of the field in `target`; without `i`, all its crops in a row. */
function paintCrops(target, field, i = null) {
  const [, sprite] = JSON.parse(field.pictures.textContent);
  const n = field.boxes.length;
  target.style.backgroundImage = `url("data:image/png;base64,${sprite}")`;
  target.style.backgroundSize = i === null ? "100% 100%" : `${100 * n}% 100%`;
  target.style.backgroundPosition = n > 1 && i !== null ? `${(100 * i) / (n - 1)}% 0` : "0 0";
}

/** The current field: crop, guesses, all its boxes, and the picture of the page around it. */
class Stage {
  constructor(onPick) {
    this.onPick = onPick;
    this.shown = null;
  }

  render(review) {
    const { field, box } = review;
    byId("done").hidden = !review.done;
    byId("done-text").textContent = review.filtered && review.checked < review.total
      ? "All digits that match the filter are checked." : "All digits are checked.";
    byId("question").classList.toggle("settled", review.done);
    byId("file").textContent = field.file;
    byId("place").textContent =
      `page ${field.page} · field ${field.number} · box ${box + 1} of ${field.boxes.length}` +
      (field.note ? ` · ${field.note}` : "");
    paintCrops(byId("crop"), field, box);
    this.renderGuesses(field, box);
    this.renderCells(field, box);
    this.renderPicture(field, box);
  }

  renderGuesses(field, i) {
    const box = field.boxes[i];
    const answer = byId("answer");
    const guess = box.status === "blank" ? "Read as blank" : box.guess !== "?" ? "" : BLIND ? "What is it?" : "No digit recognised";
    answer.replaceChildren(guess ? element("strong", "none", guess) : element("strong", "digit", box.guess));
    const guesses = [];
    if (!guess) guesses.push(["Guess", box.guess, box.confidence]);
    if (box.second) guesses.push([guess ? "Nearest" : "Second", box.second, box.secondConfidence]);
    byId("guesses").replaceChildren(...guesses.map(([name, digit, confidence]) => {
      const row = element("div", "likelihood");
      const meter = element("span", "meter");
      meter.append(element("span"));
      meter.firstChild.style.width = `${confidence * 100}%`;
      row.append(element("span", "muted", name), element("b", "", digit), meter,
        element("span", "number", percent(confidence)));
      return row;
    }));
    const given = field.answers[i];
    const right = given === field.guessAsAnswer(i);
    byId("state").textContent = given === UNTOUCHED ? "Not checked yet"
      : BLIND ? `Answered: ${answerText(given)}` : right ? `Confirmed: ${answerText(given)}` : `Corrected to ${answerText(given)}`;
    const confirmed = given === UNTOUCHED ? field.guessAsAnswer(i) : given;
    byId("confirm").textContent = `Confirm ${confirmed === BLANK ? "blank" : confirmed}`;
    byId("state").className = given === UNTOUCHED ? "chip" : "chip checked";
    if (field.whole !== null) {
      byId("state").textContent = `The field is ${field.whole === "" ? "blank" : field.whole}`;
      byId("state").className = "chip checked";
      byId("confirm").textContent = "Confirm";
    }
  }

  renderCells(field, current) {
    byId("cells").replaceChildren(...field.boxes.map((box, i) => {
      const checked = field.answers[i] !== UNTOUCHED || field.whole !== null;
      const kind = checked ? "checked" : box.status;
      const cell = element("button", `cell ${kind}${i === current ? " current" : ""}`);
      cell.type = "button";
      cell.tabIndex = -1;
      const crop = element("span", "crop");
      paintCrops(crop, field, i);
      const shown = field.cell(i);
      const note = checked ? "✓" : this.note(box);
      cell.append(crop, element("b", "", shown === "." ? "·" : shown), element("small", "", note));
      cell.setAttribute("aria-label", `box ${i + 1}: ${shown === "." ? "blank" : shown}, ${checked ? "checked" : note}`);
      if (i === current) cell.setAttribute("aria-current", "true");
      cell.addEventListener("click", () => this.onPick(i));
      return cell;
    }));
  }

  note(box) {
    return box.status === "blank" ? "blank" : box.status === "checked" ? "✓" : box.guess === "?" ? (BLIND ? "?" : "no digit") : percent(box.confidence);
  }

  renderPicture(field, current) {
    const [x, y, width, height] = field.area;
    if (this.shown !== field) {
      const [jpeg] = JSON.parse(field.pictures.textContent);
      byId("surroundings").src = `data:image/jpeg;base64,${jpeg}`;
      const zoom = Math.min(BOX_HEIGHT / field.boxes[current].height, PICTURE_HEIGHT / height);
      byId("picture").style.width = `${Math.round(width * zoom)}px`;
      byId("picture").style.aspectRatio = `${width} / ${height}`;
      byId("picture").style.minWidth = `${Math.round(Math.min(width * zoom, field.boxes.length * MIN_BOX_WIDTH))}px`;
      byId("overlay").setAttribute("viewBox", `${x} ${y} ${width} ${height}`);
      this.shown = field;
    }
    const marks = field.review.filter((i) => i !== current).map((i) => this.outline(field.boxes[i], "other"));
    marks.push(this.outline(field.boxes[current], "current"));
    byId("overlay").replaceChildren(...marks);
    // A long field scrolls, so that its boxes stay large enough.
    const frame = byId("picture-frame");
    const at = ((field.boxes[current].x - x) / width) * byId("picture").clientWidth;
    frame.scrollLeft = at - frame.clientWidth / 2;
  }

  outline(box, kind) {
    const rect = document.createElementNS(SVG, "rect");
    for (const name of ["x", "y", "width", "height"]) rect.setAttribute(name, box[name]);
    rect.setAttribute("class", kind);
    return rect;
  }
}

/** The list of fields. Only visible rows exist, so that 50,000 scroll as fast as 50. */
class Queue {
  constructor(review, onPick) {
    this.review = review;
    this.onPick = onPick;
    this.rows = new Map();
    this.scroller = byId("queue");
    this.space = byId("queue-space");
    this.restart();
    this.scroller.addEventListener("scroll", () => this.renderRows(), { passive: true });
    window.addEventListener("resize", () => this.renderRows());
  }

  /** Begin anew with the fields that the review shows now. */
  restart() {
    for (const position of [...this.rows.keys()]) this.drop(position);
    this.space.style.height = `${this.review.order.length * QUEUE_ROW}px`;
  }

  /** Scroll to the current row, and redraw it and the row at `changed`. */
  render(changed) {
    const { position } = this.review;
    const top = position * QUEUE_ROW;
    const room = this.scroller.clientHeight - QUEUE_ROW;
    if (top < this.scroller.scrollTop) this.scroller.scrollTop = top;
    else if (top > this.scroller.scrollTop + room) this.scroller.scrollTop = top - room;
    for (const stale of [changed, this.current, position]) this.drop(stale);
    this.current = position;
    this.renderRows();
  }

  renderRows() {
    const from = Math.max(0, Math.floor(this.scroller.scrollTop / QUEUE_ROW) - 4);
    const count = Math.ceil(this.scroller.clientHeight / QUEUE_ROW) + 8;
    const to = Math.min(this.review.order.length, from + count);
    for (const position of [...this.rows.keys()]) {
      if (position < from || position >= to) this.drop(position);
    }
    for (let position = from; position < to; position += 1) {
      if (!this.rows.has(position)) this.rows.set(position, this.makeRow(position));
    }
  }

  drop(position) {
    this.rows.get(position)?.remove();
    this.rows.delete(position);
  }

  makeRow(position) {
    const field = this.review.order[position];
    const left = field.open().length;
    const row = element("button", `row${left ? "" : " checked"}`);
    row.type = "button";
    row.tabIndex = -1;
    if (position === this.review.position) row.setAttribute("aria-current", "true");
    row.style.transform = `translateY(${position * QUEUE_ROW}px)`;
    const value = element("span", "value");
    field.boxes.forEach((box, i) => {
      const shown = field.cell(i) === "." ? "·" : field.cell(i);
      const waits = box.status === "review" && field.answers[i] === UNTOUCHED;
      value.append(waits ? element("mark", "", shown) : shown);
    });
    const crops = element("span", "crops");
    paintCrops(crops, field);
    crops.style.width = `${24 * field.boxes.length}px`;
    crops.style.aspectRatio = field.boxes.length;
    const state = element("span", "left", !left ? "✓" : BLIND ? "" : percent(field.worst));
    if (field.whole !== null) value.replaceChildren(field.whole || "·");
    row.setAttribute("aria-label", `${field.file}, page ${field.page}, field ${field.number}: ` +
      `${spoken(field)}, ${left ? `${left} to check` : "checked"}`);
    row.append(value, crops, state,
      element("span", "source", `${field.file} · p. ${field.page} · f. ${field.number}`));
    row.addEventListener("click", () => this.onPick(position));
    this.space.append(row);
    return row;
  }
}

/** The value of a field for a screen reader: digit by digit. */
function spoken(field) {
  if (field.whole !== null) return [...field.whole].join(" ") || "blank";
  const words = { ".": "blank", "?": "unreadable" };
  return field.boxes.map((_, i) => words[field.cell(i)] ?? field.cell(i)).join(" ");
}

function renderProgress(review) {
  const { checked, total } = review;
  const number = (n) => n.toLocaleString("en");
  byId("progress").setAttribute("aria-valuemax", total);
  byId("progress").setAttribute("aria-valuenow", checked);
  byId("progress-fill").style.width = `${(100 * checked) / total}%`;
  byId("progress").classList.toggle("complete", checked === total);
  byId("progress-text").textContent = checked === total
    ? `All ${number(total)} checked` : `${number(checked)} of ${number(total)} checked`;
  byId("save-state").textContent = review.unsaved ? "Not saved to a file yet" : checked ? "Saved" : "";
  byId("save").classList.toggle("primary", review.unsaved && checked === total);
  byId("save-state").classList.toggle("unsaved", review.unsaved);
  byId("storage-warning").hidden = review.store.works;
}

/** Scroll to the review, unless all that is needed for answering is visible. */
function showWorkbench() {
  if (byId("picture").getBoundingClientRect().bottom > window.innerHeight) {
    byId("workbench").scrollIntoView();
  }
}

/** Text for screen readers after each step. */
function announce(review) {
  const { field, box } = review;
  if (review.done) {
    byId("live").textContent = `${byId("done-text").textContent}${review.unsaved ? " Press S to save." : ""}`;
    return;
  }
  const { guess, confidence } = field.boxes[box];
  const read = guess === "" ? "blank" : guess === "?" ? (BLIND ? "what is it" : "no digit recognised") : `guess ${guess}, ${percent(confidence)}`;
  byId("live").textContent = `${byId("progress-text").textContent}. Next: ${read}. ` +
    `${field.file}, page ${field.page}, field ${field.number}, box ${box + 1}.`;
}
