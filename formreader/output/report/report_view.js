// The display. File names are untrusted: text is set as text, never as HTML.
const QUEUE_ROW = 64; // px, as .row in report.css
const BOX_HEIGHT = 84; // px of the current box on the picture of the page: 2 to 3 times its size on paper
const PICTURE_HEIGHT = 240; // px, maximum: .picture-frame in report.css less a scroll bar
const MARGIN = 0.3; // of a box's height: what is shown around a box or a field that is cut from the page
const ZOOM_STEP = 1.5;
const MAX_ZOOM = 6;
const MIN_BOX_WIDTH = 40; // px of a box of a long field, which then scrolls

const texts = words.report;
const BLANK_TEXT = words.shared.blank;
const WHOLE = new Intl.NumberFormat(LANGUAGE, { maximumFractionDigits: 0 });
const TENTHS = new Intl.NumberFormat(LANGUAGE, { maximumFractionDigits: 1 });

/** An address as people write it; as it is where it holds bytes that are no text (%ff). */
function addressText(address) {
  try {
    return decodeURIComponent(address);
  } catch {
    return address;
  }
}

function answerText(answer) {
  return answer === BLANK ? BLANK_TEXT : answer === UNREADABLE ? texts.unreadable : answer;
}

/** The sentences of reasons, one a line; what is none stays as it is. As `sentence` in wording.py. */
function sentence(reasons) {
  return reasons.split("\n").map((reason) => {
    const [doubt, ...details] = reason.split("\t");
    return say(words.reasons[doubt] ?? reason, details.map((one) => one || BLANK_TEXT));
  }).join("; ");
}

/** What stands at the top: which table, and which pages need a look. */
function writeHead({ table, when, version, model, threshold, review, failed }) {
  putWords(texts);
  const date = new Intl.DateTimeFormat(LANGUAGE, { dateStyle: "long", timeStyle: "short" }).format(new Date(when));
  document.title = say(BLIND ? texts.auditTitle : texts.title, { n: review, table });
  byId("made").textContent = say(texts.made, { table, when: date, version, model, threshold });
  for (const figure of document.querySelectorAll(".figure-number")) figure.textContent = number(Number(figure.textContent));
  for (const place of document.querySelectorAll("#not-read")) place.textContent = failed ? say(texts.notReadCount, { n: failed }) : "";
  for (const place of document.querySelectorAll("[data-reason]")) {
    const reason = sentence(place.dataset.reason);
    place.textContent = place.parentElement.className ? say(texts.notRead, { reason }) : reason;
  }
}

/** Whether boxes are shown as the recogniser saw them, in crops, or as the page shows them. */
let cropsShown = false;

/** Show box `i` of a field in `target`, or all of the field without `i`. `target` gets the shape of
 *  what it shows, its size is that of its style. */
function paintBox(target, detail, i = null) {
  target.classList.toggle("crop", cropsShown);
  if (cropsShown) paintCrops(target, detail.sprite, detail.boxes.length, i);
  else paintPart(target, detail, i === null ? detail.fieldOnPicture : detail.onPicture(detail.boxes[i]), i !== null);
}

/** A crop of `n` in a row, or all of them: 28 px each, cleaned of lines and paper. */
function paintCrops(target, sprite, n, i) {
  target.style.backgroundImage = `url("data:image/png;base64,${sprite}")`;
  const { size, position } = i === null ? cropPosition(0, 1) : cropPosition(i, n);
  target.style.backgroundSize = size;
  target.style.backgroundPosition = position;
  target.style.setProperty("--shape", i === null ? n : 1);
  target.replaceChildren();
}

/** A part of the picture of the page with a margin; `aims` makes the margin paler. */
function paintPart(target, detail, place, aims) {
  const [allWidth, allHeight] = detail.size;
  const margin = MARGIN * place.height;
  const left = Math.max(0, place.x - margin);
  const top = Math.max(0, place.y - margin);
  const width = Math.max(1, Math.min(allWidth, place.x + place.width + margin) - left);
  const height = Math.max(1, Math.min(allHeight, place.y + place.height + margin) - top);
  const share = (offset, rest) => `${rest > 0 ? (100 * offset) / rest : 0}%`;
  target.style.backgroundImage = `url("data:image/jpeg;base64,${detail.jpeg}")`;
  target.style.backgroundSize = `${(100 * allWidth) / width}% ${(100 * allHeight) / height}%`;
  target.style.backgroundPosition = `${share(left, allWidth - width)} ${share(top, allHeight - height)}`;
  target.style.setProperty("--shape", width / height);
  target.replaceChildren();
  if (!aims) return;
  const aim = element("span", "aim");
  const inset = [place.y - top, left + width - place.x - place.width, top + height - place.y - place.height, place.x - left];
  aim.style.inset = inset.map((side, n) => share(side, n % 2 ? width : height)).join(" ");
  target.append(aim);
}

/** The current field: the picture of the page around it, guesses, and all its boxes. */
class Stage {
  constructor(onPick) {
    this.onPick = onPick;
    this.shown = null;
    this.zoom = 1;
  }

  /** Draw the picture of the page larger or smaller, by a step of `ZOOM_STEP`. */
  zoomBy(steps) {
    this.zoom = Math.max(1, Math.min(MAX_ZOOM, this.zoom * ZOOM_STEP ** steps));
    this.shown = null;
  }

  render(review) {
    const { field, box } = review;
    byId("done").hidden = !review.done;
    byId("done-text").textContent = review.filtered && review.checked < review.total
      ? texts.allMatching : texts.allChecked;
    byId("question").classList.toggle("settled", review.done);
    byId("file").textContent = field.file;
    const name = field.name ? `${field.number} (${field.name})` : field.number;
    const place = say(texts.place, { page: field.page, field: name, box: box + 1, boxes: field.boxes.length });
    byId("place").textContent = [place, sentence(field.detail.note)].filter(Boolean).join(" · ");
    byId("crop").hidden = !cropsShown;
    if (cropsShown) paintBox(byId("crop"), field.detail, box);
    this.renderPicture(field, box);
    this.renderGuesses(field, box);
    this.renderCells(field, box);
  }

  renderGuesses(field, i) {
    const box = field.boxes[i];
    const answer = byId("answer");
    const guess = box.status === "blank" ? texts.readBlank : box.guess !== "?" ? "" : BLIND ? texts.whatIsIt : texts.noDigit;
    answer.replaceChildren(guess ? element("strong", "none", guess) : element("strong", "digit", box.guess));
    const guesses = [];
    if (!guess) guesses.push([texts.guess, box.guess, box.confidence]);
    if (box.second) guesses.push([guess ? texts.nearest : texts.second, box.second, box.secondConfidence]);
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
    byId("state").textContent = given === UNTOUCHED ? texts.unchecked
      : say(BLIND ? texts.answered : right ? texts.confirmed : texts.corrected, { answer: answerText(given) });
    const confirmed = given === UNTOUCHED ? field.guessAsAnswer(i) : given;
    byId("confirm").textContent = say(texts.confirmAs, { answer: confirmed === BLANK ? BLANK_TEXT : confirmed });
    byId("state").className = given === UNTOUCHED ? "chip" : "chip checked";
    if (field.whole !== null) {
      byId("state").textContent = say(texts.fieldIs, { answer: field.whole || BLANK_TEXT });
      byId("state").className = "chip checked";
      byId("confirm").textContent = texts.confirm;
    }
  }

  renderCells(field, current) {
    byId("cells").replaceChildren(...field.boxes.map((box, i) => {
      const checked = field.answers[i] !== UNTOUCHED || field.whole !== null;
      const kind = checked ? "checked" : box.status;
      const cell = element("button", `cell ${kind}${i === current ? " current" : ""}`);
      cell.type = "button";
      cell.tabIndex = -1;
      const picture = element("span", "part");
      paintBox(picture, field.detail, i);
      const shown = field.cell(i);
      const note = checked ? "✓" : this.note(box);
      cell.append(picture, element("b", "", shown === "." ? "·" : shown), element("small", "", note));
      cell.setAttribute("aria-label", say(texts.boxLabel, { box: i + 1, shown: shown === "." ? BLANK_TEXT : shown, note: checked ? texts.checkedNote : note }));
      if (i === current) cell.setAttribute("aria-current", "true");
      cell.addEventListener("click", () => this.onPick(i));
      return cell;
    }));
  }

  note(box) {
    return box.status === "blank" ? BLANK_TEXT : box.status === "checked" ? "✓" : box.guess === "?" ? (BLIND ? "?" : texts.noDigitShort) : percent(box.confidence);
  }

  renderPicture(field, current) {
    const { detail } = field;
    const [width, height] = detail.size;
    if (this.shown !== field) {
      byId("surroundings").src = `data:image/jpeg;base64,${detail.jpeg}`;
      const box = detail.onPicture(field.boxes[current]);
      const fitting = Math.min(BOX_HEIGHT / box.height, PICTURE_HEIGHT / height);
      const zoom = this.zoom * fitting;
      byId("picture").classList.toggle("zoomed", this.zoom > 1);
      byId("picture").style.width = `${Math.round(width * zoom)}px`;
      byId("picture").style.aspectRatio = `${width} / ${height}`;
      byId("picture").style.minWidth = `${Math.round(Math.min(width * zoom, field.boxes.length * MIN_BOX_WIDTH * this.zoom))}px`;
      byId("overlay").setAttribute("viewBox", `0 0 ${width} ${height}`);
      this.shown = field;
    }
    const outline = (i, kind) => outlineOf(detail.onPicture(field.boxes[i]), kind);
    const marks = field.review.filter((i) => i !== current).map((i) => outline(i, "other"));
    marks.push(outline(current, "current"));
    byId("overlay").replaceChildren(...marks);
  }

  /** Scroll to the current box: a long field is wider than its frame, so that its boxes stay large
   *  enough. Called when all of the page is as it will be: it asks for sizes, and to lay out a page
   *  more than once takes longer than all the rest of a key. */
  centre({ field, box }) {
    const [width, height] = field.detail.size;
    const { x, y, width: boxWidth, height: boxHeight } = field.detail.onPicture(field.boxes[box]);
    const frame = byId("picture-frame");
    const picture = byId("picture");
    const down = ((y + boxHeight / 2) / height) * picture.clientHeight - frame.clientHeight / 2;
    const right = ((x + boxWidth / 2) / width) * picture.clientWidth - frame.clientWidth / 2;
    frame.scrollTo(right, down);
  }
}

const outlineOf = ({ x, y, width, height }, kind) => rectangle([x, y, width, height], kind);

/** The whole page, from the scanned file: it is read where it lies, and costs the report nothing.
 * A server draws it, maybe smaller than it is. */
class PageView {
  constructor() {
    this.dialog = byId("page-dialog");
    this.image = byId("page-image");
    this.zoom = 1;
    this.size = null; // of the page in pixels; null for that of the picture
    this.image.addEventListener("load", () => this.draw());
    this.image.addEventListener("error", () => this.tell(say(texts.pageFault, { file: addressText(this.image.getAttribute("src")) })));
    byId("page-in").addEventListener("click", () => this.zoomBy(1));
    byId("page-out").addEventListener("click", () => this.zoomBy(-1));
    this.dialog.addEventListener("keydown", (event) => {
      if (event.key === "+" || event.key === "=") this.zoomBy(1);
      if (event.key === "-") this.zoomBy(-1);
    });
  }

  open({ field, box }) {
    this.field = field;
    this.box = box;
    this.zoom = 1;
    byId("page-name").textContent = say(texts.pageName, field);
    this.dialog.showModal();
    byId("page").hidden = true;
    byId("page-link").hidden = true;
    if (HOST) this.openFromHost(field);
    else this.show(field.detail.source);
  }

  async openFromHost(field) {
    this.tell(HOST.texts.loadingPage);
    try {
      const { address, size } = await HOST.page(field.file, field.page);
      if (this.field !== field) return; // another one was opened meanwhile
      this.size = size;
      this.show(address);
    } catch (problem) {
      this.tell([problem.message, problem.detail].filter(Boolean).join(". "));
    }
  }

  show(source) {
    const { page } = this.field;
    if (source === "") this.tell(texts.pageKinds);
    else if (/\.pdf$/i.test(source)) this.link(`${source}#page=${page}`, say(texts.openPdf, { page }));
    else if (/\.tiff?$/i.test(source)) this.link(source, say(texts.openTiff, { page }), texts.tiffHelp);
    else if (this.image.getAttribute("src") === source && this.image.naturalWidth > 0) this.draw();
    else {
      this.tell("");
      this.image.src = source;
    }
  }

  /** A page that is not drawn here is opened by the browser, or by what it hands the file to. */
  link(address, text, note = "") {
    this.tell(note);
    const link = byId("page-link");
    link.href = address;
    link.textContent = text;
    link.hidden = false;
    link.focus();
  }

  tell(text) {
    byId("page-fault").textContent = text;
    byId("page-fault").hidden = text === "";
  }

  zoomBy(steps) {
    this.zoom = Math.max(1, Math.min(MAX_ZOOM, this.zoom * ZOOM_STEP ** steps));
    if (!byId("page").hidden) this.draw();
  }

  /** The page as large as the window, or larger, with the field in its middle. */
  draw() {
    this.tell("");
    const frame = byId("page-frame");
    const page = byId("page");
    const [pageWidth, pageHeight] = this.size ?? [this.image.naturalWidth, this.image.naturalHeight];
    page.hidden = false;
    const fitting = Math.min(frame.clientWidth / pageWidth, frame.clientHeight / pageHeight);
    const scale = fitting * this.zoom;
    page.style.width = `${pageWidth * scale}px`;
    byId("page-overlay").setAttribute("viewBox", `0 0 ${pageWidth} ${pageHeight}`);
    byId("page-overlay").replaceChildren(...this.field.boxes.map((box, i) => outlineOf(box, i === this.box ? "current" : "other")));
    const { x, y, width, height } = this.field.boxes[this.box];
    frame.scrollLeft = (x + width / 2) * scale - frame.clientWidth / 2;
    frame.scrollTop = (y + height / 2) * scale - frame.clientHeight / 2;
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
    const { scrollTop, clientHeight } = this.scroller; // before anything changes, see `centre`
    const room = clientHeight - QUEUE_ROW;
    const wanted = Math.max(top - room, Math.min(top, scrollTop));
    if (wanted !== scrollTop) this.scroller.scrollTop = wanted;
    for (const stale of [changed, this.current, position]) this.drop(stale);
    this.current = position;
    this.renderRows(wanted, clientHeight);
  }

  renderRows(scrollTop = this.scroller.scrollTop, height = this.scroller.clientHeight) {
    const from = Math.max(0, Math.floor(scrollTop / QUEUE_ROW) - 4);
    const count = Math.ceil(height / QUEUE_ROW) + 8;
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
    const { left } = field;
    const row = element("button", `row${left ? "" : " checked"}`);
    row.type = "button";
    row.tabIndex = -1;
    if (position === this.review.position) row.setAttribute("aria-current", "true");
    row.style.transform = `translateY(${position * QUEUE_ROW}px)`;
    row.addEventListener("click", () => this.onPick(position));
    this.space.append(row);
    const source = sourceOf(field);
    if (!field.loaded) {
      row.append(element("span", "source", source));
      field.parts.load(field.part).then(() => this.redraw(position, row), () => {});
      return row;
    }
    const value = element("span", "value");
    const { answers } = field;
    field.boxes.forEach((box, i) => {
      const shown = field.cell(i) === "." ? "·" : field.cell(i);
      const waits = box.status === "review" && answers[i] === UNTOUCHED;
      value.append(waits ? element("mark", "", shown) : shown);
    });
    const picture = element("span", "part");
    paintBox(picture, field.detail);
    const mark = element("span", "left", !left ? "✓" : BLIND ? "" : percent(field.worst));
    if (field.whole !== null) value.replaceChildren(field.whole || "·");
    const state = left ? say(texts.toCheck, { n: left }) : texts.checkedNote;
    row.setAttribute("aria-label", say(texts.rowLabel, { file: field.file, page: field.page, field: field.number, value: spoken(field), state }));
    row.append(value, picture, mark,
      element("span", "source", source));
    return row;
  }

  /** Draw a row again whose part is loaded now, unless it has scrolled away. */
  redraw(position, row) {
    if (this.rows.get(position) !== row) return;
    this.drop(position);
    this.renderRows();
  }
}

/** Where a field is, in short. */
const sourceOf = ({ file, page, title }) => say(texts.source, { file, page, field: title });

/** The value of a field for a screen reader: digit by digit. */
function spoken(field) {
  if (field.whole !== null) return [...field.whole].join(" ") || BLANK_TEXT;
  const marks = { ".": BLANK_TEXT, "?": texts.unreadable };
  return field.boxes.map((_, i) => marks[field.cell(i)] ?? field.cell(i)).join(" ");
}

function renderProgress(review) {
  const { checked, total } = review;
  byId("progress").setAttribute("aria-valuemax", total);
  byId("progress").setAttribute("aria-valuenow", checked);
  byId("progress-fill").style.width = `${(100 * checked) / total}%`;
  byId("progress").classList.toggle("complete", checked === total);
  byId("progress-text").textContent = say(checked === total ? texts.allProgress : texts.someProgress, { n: checked, total });
  byId("save-state").textContent = review.unsaved
    ? HOST?.texts.unsaved ?? texts.unsaved : checked ? HOST?.texts.saved ?? texts.saved : "";
  byId("save").classList.toggle("primary", review.unsaved && checked === total);
  byId("save-state").classList.toggle("unsaved", review.unsaved);
  byId("storage-warning").hidden = review.store.works;
  if (!BLIND) byId("check-state").textContent = review.checks.text;
  byId("expected").textContent = BLIND ? "" : expectedText(review);
}

/** Which columns are not asked, and how to leave them out for good. */
function leftOutText(review) {
  return say(texts.leftOut, { names: [...review.leftOut].join(", ") });
}

/** How many wrong values are still expected, by the confidences, falling as one goes. */
function expectedText(review) {
  const about = (n) => (n < 10 ? TENTHS : WHOLE).format(n);
  const { accepted, wrong } = review.accepted;
  const rest = accepted > 0 && say(texts.expectedRest, { wrong: about(wrong), accepted });
  if (review.checked === review.total) return rest ? say(texts.expectedStill, { rest }) : "";
  return say(rest ? texts.expectedBoth : texts.expected, { n: about(Math.max(review.expected, 0)), rest });
}

const isNarrow = () => window.matchMedia("(max-width: 760px)").matches; // as in report.css

/** Scroll to the review, unless all that is needed for answering is visible. */
function showWorkbench() {
  const needed = ["picture", "keypad"].map((name) => byId(name).getBoundingClientRect());
  if (needed.every(({ top, bottom }) => top >= 0 && bottom <= window.innerHeight)) return;
  byId(isNarrow() ? "columns" : "workbench").scrollIntoView();
}

/** Text for screen readers after each step. */
function announce(review) {
  const { field, box } = review;
  if (review.done) {
    byId("live").textContent = [byId("done-text").textContent, review.unsaved ? texts.pressSave : ""].join(" ");
    return;
  }
  const { guess, confidence } = field.boxes[box];
  const read = guess === "" ? BLANK_TEXT : guess === "?" ? (BLIND ? texts.whatIsIt : texts.noDigitShort) : say(texts.guessSpoken, { guess, percent: percent(confidence) });
  byId("live").textContent = say(texts.spoken, { progress: byId("progress-text").textContent, read, file: field.file, page: field.page, field: field.number, box: box + 1 });
}

/** The tiles of a wall, and what is said of it. */
class WallView {
  constructor(onChoose, onToggle) {
    this.onChoose = onChoose;
    this.onToggle = onToggle;
    this.items = null;
  }

  render(wall) {
    const tiles = byId("tiles");
    if (this.items !== wall.items) {
      this.items = wall.items;
      tiles.replaceChildren(...wall.items.map((item, i) => this.makeTile(item, i)));
      tiles.className = `tiles ${wall.kind}`;
      tiles.scrollTop = 0;
    }
    wall.items.forEach((item, i) => this.paint(tiles.children[i], wall, item, i));
    this.renderState(wall);
  }

  makeTile(item, i) {
    const { detail, box } = item;
    const tile = element("button", "tile");
    tile.type = "button";
    tile.tabIndex = -1;
    const picture = element("span", "part");
    paintBox(picture, detail, box);
    tile.append(picture, element("b"));
    tile.addEventListener("pointermove", () => this.onChoose(i));
    tile.addEventListener("click", () => this.onToggle(i));
    return tile;
  }

  paint(tile, wall, item, i) {
    const odd = wall.odd.has(wall.nameOf(item));
    const answer = wall.answered(item);
    const read = item.box === null ? item.detail.value : answerText(item.field.marks[item.box]);
    const shown = answer && item.box !== null ? answerText(answer) : answer ? item.field.whole ?? read : odd ? "✕" : item.box === null ? read : "";
    tile.classList.toggle("odd", odd);
    tile.classList.toggle("answered", answer !== "");
    tile.classList.toggle("chosen", i === wall.chosen);
    tile.lastChild.textContent = shown;
    tile.title = sourceOf(item.field);
    tile.setAttribute("aria-label", say(odd ? texts.tileOdd : answer ? texts.tileAnswered : texts.tile, { read, answer: answerText(answer), place: tile.title }));
    tile.setAttribute("aria-pressed", String(odd));
    if (i === wall.chosen && wall.scrolls) tile.scrollIntoView({ block: "nearest" });
  }

  renderState(wall) {
    const { counts } = wall;
    const select = byId("wall-group");
    const options = [...counts].map(([group, count]) => {
      const name = wall.kind === "field" ? group : group === UNREADABLE ? texts.noDigitShort : answerText(group);
      const option = element("option", "", `${name} (${number(count)})`);
      option.value = group;
      return option;
    });
    select.replaceChildren(...options);
    if (counts.has(wall.group)) select.value = wall.group;
    byId("wall-what").textContent = wall.kind === "field" ? texts.wallValues : texts.readAs;
    byId("wall-hint").textContent = wall.kind === "field" ? texts.wallHintField : texts.wallHintDigit;
    const rest = wall.items.filter((item) => !wall.odd.has(wall.nameOf(item)) && !wall.answered(item)).length;
    byId("wall-confirm-text").textContent = say(wall.kind === "field" ? texts.wallConfirmRead : texts.wallConfirm, { n: rest, answer: answerText(wall.group) });
    byId("wall-confirm").hidden = wall.items.length === 0;
    byId("wall-empty").hidden = wall.items.length > 0;
    byId("wall-empty").textContent = say(wall.aside.size > 0 ? texts.wallAside : texts.wallEmpty, { n: wall.aside.size });
  }
}
