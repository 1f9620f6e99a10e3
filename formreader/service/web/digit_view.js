// Draw a digit, and see what the network makes of it.
import { send } from "./api.js";
import { announce, button, make } from "./dom.js";
import { Drawing, Newest, bars } from "./drawing_model.js";
import { clearProblem, showProblem } from "./problems.js";
import { byId, percent } from "./parts.js";
import { say, texts } from "./texts.js";

const words = texts.digit;
const SIDE = 280; // pixels of the drawing: ten for each of the network's
const PEN = 22; // pixels: as thick as strokes of MNIST, of a digit that fills the square
const KEY_STEP = 0.04; // of the side, for each press of an arrow key
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export async function showDigit(main, context) {
  context.title(words.title);
  const page = new DigitPage();
  main.replaceChildren(make("h1", {}, words.title), make("p", { class: "lead" }, words.intro),
    make("div", { class: "digit-columns" },
      make("div", {}, page.canvas, make("div", { class: "buttons" },
        button(words.clear, { click: () => page.change(() => page.drawing.clear()) }),
        button(words.undo, { click: () => page.change(() => page.drawing.undo()) }))),
      make("section", { class: "card", "aria-label": words.probabilities }, page.told, page.list, page.seen)));
  page.redraw();
}

class DigitPage {
  constructor() {
    this.drawing = new Drawing();
    this.cursor = [0.5, 0.2];
    this.usesKeys = false;
    this.canvas = make("canvas", { class: "drawing", width: SIDE, height: SIDE, tabindex: 0, role: "img", "aria-label": words.canvas });
    this.told = make("p", { class: "told" }, words.empty);
    this.list = make("div", { class: "bars" });
    this.crop = make("img", { class: "seen-crop", alt: words.seen, width: 112, height: 112 });
    this.seen = make("div", { class: "seen", hidden: true }, this.crop, make("p", { class: "muted small" }, make("strong", {}, words.seen), make("br"), words.seenHint));
    this.reader = new Newest(() => this.read());
    this.showBars(Object.fromEntries([..."0123456789"].map((digit) => [digit, 0]).concat([["none", 0]])));
    this.listen();
  }

  listen() {
    const { canvas, drawing } = this;
    const at = (event) => {
      const { left, top, width, height } = canvas.getBoundingClientRect();
      return [(event.clientX - left) / width, (event.clientY - top) / height];
    };
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || !event.isPrimary) return;
      canvas.setPointerCapture(event.pointerId);
      this.usesKeys = false;
      this.change(() => drawing.begin(...at(event)));
    });
    canvas.addEventListener("pointermove", (event) => {
      // Browsers give several moves as one event; all of them make smooth strokes.
      const moves = event.getCoalescedEvents?.() ?? [];
      const moved = (moves.length ? moves : [event]).map((move) => drawing.extend(...at(move)));
      if (moved.some(Boolean)) this.change(() => {});
    });
    for (const kind of ["pointerup", "pointercancel"]) canvas.addEventListener(kind, () => drawing.end());
    canvas.addEventListener("keydown", (event) => this.key(event));
    canvas.addEventListener("blur", () => { this.usesKeys = false; this.redraw(); });
  }

  key(event) {
    const { drawing } = this;
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key in ARROWS) {
      const [x, y] = ARROWS[event.key];
      this.cursor = [this.cursor[0] + x * KEY_STEP, this.cursor[1] + y * KEY_STEP].map((place) => Math.max(0.05, Math.min(0.95, place)));
      this.usesKeys = true;
      this.change(() => drawing.extend(...this.cursor));
    } else if (event.key === " ") {
      this.usesKeys = true;
      const lift = drawing.pen !== null;
      this.change(() => (lift ? drawing.end() : drawing.begin(...this.cursor)));
      announce(lift ? words.penUp : words.penDown);
    } else if (event.key === "Backspace") this.change(() => drawing.undo());
    else if (event.key === "Delete") this.change(() => drawing.clear());
    else return;
    event.preventDefault();
  }

  change(action) {
    action();
    this.redraw();
    this.reader.ask().catch((problem) => showProblem(byId("main"), problem));
  }

  redraw() {
    this.paint(this.canvas.getContext("2d"));
    if (!this.usesKeys || document.activeElement !== this.canvas) return;
    const context = this.canvas.getContext("2d");
    context.strokeStyle = this.drawing.pen ? "#b3261e" : "#1d5bb8";
    context.lineWidth = 3;
    context.beginPath();
    context.arc(this.cursor[0] * SIDE, this.cursor[1] * SIDE, PEN / 2, 0, 2 * Math.PI);
    context.stroke();
  }

  /** Black ink on white paper, whatever the colours of the page are. */
  paint(context) {
    context.fillStyle = "#fff";
    context.fillRect(0, 0, SIDE, SIDE);
    context.strokeStyle = "#111";
    context.lineWidth = PEN;
    context.lineCap = "round";
    context.lineJoin = "round";
    for (const [[x, y], ...rest] of this.drawing.strokes) {
      context.beginPath();
      context.moveTo(x * SIDE, y * SIDE);
      context.lineTo(x * SIDE, y * SIDE); // a dot
      for (const [toX, toY] of rest) context.lineTo(toX * SIDE, toY * SIDE);
      context.stroke();
    }
  }

  /** Ask the server what is drawn now. */
  async read() {
    if (this.drawing.isEmpty) return void this.show(null);
    const canvas = make("canvas", { width: SIDE, height: SIDE });
    this.paint(canvas.getContext("2d"));
    const picture = await new Promise((resolve) => { canvas.toBlob(resolve, "image/png"); });
    const form = new FormData();
    form.append("files", picture, "digit.png");
    const { digits: [reading] } = await send("POST", "digits", { body: form });
    clearProblem(byId("main"));
    if (!this.drawing.isEmpty) this.show(reading);
  }

  show(reading) {
    this.seen.hidden = reading === null;
    if (reading === null) {
      this.told.textContent = words.empty;
      this.showBars(Object.fromEntries([..."0123456789", "none"].map((name) => [name, 0])));
      return;
    }
    const { digit, confidence, status } = reading;
    const isDigit = /^\d$/.test(digit);
    const text = reading.error || (!isDigit ? words.noDigit : say(status === "ok" ? words.sure : words.unsure, { digit, percent: percent(confidence) }));
    if (this.told.textContent !== text) this.told.textContent = text;
    this.told.className = `told ${status === "ok" ? "done-text" : "review-text"}`;
    if (!this.drawing.pen) announce(text);
    this.showBars(reading.probabilities);
    if (reading.crop) this.crop.src = `data:image/png;base64,${reading.crop}`;
  }

  showBars(probabilities) {
    const all = bars(probabilities);
    const best = Math.max(...all.map(({ share }) => share));
    if (this.list.children.length !== all.length) {
      this.list.replaceChildren(...all.map(({ name }) => make("div", { class: "likelihood" },
        make("b", {}, name === "none" ? words.none : name), make("span", { class: "meter" }, make("span")), make("span", { class: "number" }))));
    }
    all.forEach(({ share }, i) => {
      const row = this.list.children[i];
      row.classList.toggle("best", share > 0 && share === best);
      row.querySelector(".meter span").style.width = `${share * 100}%`;
      row.lastChild.textContent = best > 0 ? percent(share) : "";
    });
  }
}
