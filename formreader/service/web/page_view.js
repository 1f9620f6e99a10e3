// One page: its picture with the boxes, what was read beside it, and how each box was read.
import { API, read } from "./api.js";
import { announce, button, make, makeSvg } from "./dom.js";
import { BESIDE, boxesOf, linesBeside, neighbour, pictureWidth, zoomed } from "./page_model.js";
import { cropPosition, percent } from "./parts.js";
import { say, texts } from "./texts.js";

const words = texts.page;
const ARROWS = new Set(["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"]);

export async function showPage(main, id, n, context) {
  const [job, page, { total }] = await Promise.all([
    read(`jobs/${id}`), read(`jobs/${id}/pages/${n}`), read(`jobs/${id}/pages?limit=1`)]);
  if (context.signal.aborted) return;
  const name = say(texts.pages.name, page);
  context.title(name);
  const viewer = new PageViewer(job, page);
  main.replaceChildren(
    make("p", { class: "crumbs" }, make("a", { href: `#/jobs/${id}` }, job.name), " › ", say(words.of, { n, total })),
    make("h1", {}, name), page.message ? make("p", { class: `banner ${page.status === "error" ? "failed" : "warning"}` }, page.message) : "",
    make("div", { class: "bar page-bar" }, viewer.zooms(), viewer.choice(),
      make("nav", { class: "buttons", "aria-label": texts.pages.title },
        n > 1 ? make("a", { class: "button", href: `#/jobs/${id}/pages/${n - 1}`, "aria-label": words.previous }, "←") : "",
        n < total ? make("a", { class: "button", href: `#/jobs/${id}/pages/${n + 1}`, "aria-label": words.next }, "→") : "")),
    make("div", { class: "page-columns" }, viewer.stage, make("div", { class: "page-side" }, viewer.panel, viewer.fieldList())));
  viewer.draw();
  const redraw = () => viewer.resize();
  window.addEventListener("resize", redraw);
  context.signal.addEventListener("abort", () => window.removeEventListener("resize", redraw));
}

class PageViewer {
  constructor(job, page) {
    Object.assign(this, { job, page, zoom: 1, current: -1 });
    this.path = `${API}/jobs/${job.id}/pages/${page.n}`;
    this.boxes = boxesOf(page.readings);
    this.marks = [];
    this.sheet = make("div", { class: "sheet" });
    this.stage = make("div", { class: "page-stage", tabindex: 0, role: "group", "aria-label": words.picture,
      keydown: (event) => this.key(event) }, this.sheet);
    this.panel = make("div", { class: "card reading" }, make("p", { class: "muted" }, this.boxes.length ? words.hint : words.nothing));
  }

  choice() {
    const readings = make("input", { type: "checkbox", id: "show-readings", checked: true,
      change: () => this.sheet.classList.toggle("no-readings", !readings.checked) });
    return make("label", { class: "check" }, readings, words.readings);
  }

  zooms() {
    return make("div", { class: "buttons" },
      button("−", { "aria-label": words.zoomOut, click: () => this.setZoom(zoomed(this.zoom, -1)) }),
      button("+", { "aria-label": words.zoomIn, click: () => this.setZoom(zoomed(this.zoom, 1)) }),
      button(words.fit, { click: () => this.setZoom(1) }));
  }

  draw() {
    if (!this.page.width) {
      this.stage.replaceChildren(make("p", { class: "muted" }, words.undecodable));
      return;
    }
    this.image = make("img", { alt: "", width: this.page.width, height: this.page.height });
    this.image.style.width = `${100 / (1 + BESIDE)}%`;
    this.sheet.append(this.image, this.overlay());
    this.resize();
  }

  overlay() {
    const { width, height } = this.page;
    const svg = makeSvg("svg", { viewBox: `0 0 ${width * (1 + BESIDE)} ${height}`, "aria-hidden": true });
    for (const { place } of this.page.readings.filter((field) => field.cell)) svg.append(makeSvg("rect", { ...rect(place), class: "frame" }));
    this.boxes.forEach((box, i) => {
      const mark = makeSvg("g", { class: box.status, mouseenter: () => this.pick(i), click: () => this.pick(i) },
        makeSvg("rect", rect(box.place)));
      this.marks.push(mark);
      svg.append(mark);
    });
    this.values = new Map(); // by field
    for (const { y, size, fields } of linesBeside(this.page.readings, this.page)) {
      const line = makeSvg("text", { x: width * (1 + 0.03 * BESIDE), y: y + size * 0.35, "font-size": size });
      for (const [i, field] of fields.entries()) {
        const pick = () => this.pick(this.boxes.findIndex((box) => box.field === field.field));
        const value = makeSvg("tspan", { class: field.status, dx: i ? size : null, mouseenter: pick, click: pick });
        value.textContent = field.value;
        this.values.set(field.field, value);
        line.append(value);
      }
      svg.append(line);
    }
    return svg;
  }

  resize() {
    if (!this.image) return;
    const width = this.stage.clientWidth * this.zoom;
    this.sheet.style.width = `${width}px`;
    const wanted = pictureWidth(width / (1 + BESIDE), window.devicePixelRatio, this.page.width);
    if (wanted <= (this.asked ?? 0)) return;
    this.asked = wanted;
    this.image.src = `${this.path}/picture?width=${wanted}`;
  }

  /** Zoom and keep the middle, or the current box, in view. */
  setZoom(zoom) {
    if (!this.image) return;
    const { stage } = this;
    const middleX = (stage.scrollLeft + stage.clientWidth / 2) / this.sheet.clientWidth;
    const middleY = (stage.scrollTop + stage.clientHeight / 2) / this.sheet.clientHeight;
    this.zoom = zoom;
    this.resize();
    if (this.current >= 0) return this.scrollTo(this.boxes[this.current]);
    stage.scrollLeft = middleX * this.sheet.clientWidth - stage.clientWidth / 2;
    stage.scrollTop = middleY * this.sheet.clientHeight - stage.clientHeight / 2;
  }

  scrollTo({ place }) {
    const scale = this.sheet.clientWidth / (this.page.width * (1 + BESIDE));
    this.stage.scrollLeft = (place.x + place.width / 2) * scale - this.stage.clientWidth / 2;
    this.stage.scrollTop = (place.y + place.height / 2) * scale - this.stage.clientHeight / 2;
  }

  key(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "+" || event.key === "=") this.setZoom(zoomed(this.zoom, 1));
    else if (event.key === "-") this.setZoom(zoomed(this.zoom, -1));
    else if (event.key === "0") this.setZoom(1);
    else if (ARROWS.has(event.key) && this.boxes.length > 0) {
      this.pick(neighbour(this.boxes, this.current, event.key));
      this.scrollTo(this.boxes[this.current]);
      announce(spoken(this.boxes[this.current]));
    } else return;
    event.preventDefault();
  }

  pick(i) {
    const marked = () => [this.marks[this.current], this.values?.get(this.boxes[this.current]?.field)];
    for (const one of marked()) one?.classList.remove("current");
    this.current = i;
    for (const one of marked()) one?.classList.add("current");
    this.panel.replaceChildren(...this.reading(this.boxes[i]));
  }

  /** What was read in a box: its crop, first and second guess. */
  reading(box) {
    const crop = make("div", { class: "crop", role: "img", "aria-label": words.crop });
    const { size, position } = cropPosition(box.index, box.count);
    crop.style.backgroundImage = `url("${this.path}/fields/${box.field}/crops")`;
    crop.style.backgroundSize = size;
    crop.style.backgroundPosition = position;
    const guesses = [];
    if (box.status === "blank") guesses.push(make("p", {}, words.blank));
    else if (box.digit === "?") guesses.push(make("p", { class: "review-text" }, words.noDigit));
    else guesses.push(likelihood(words.guess, box.digit, box.confidence));
    if (box.second) guesses.push(likelihood(words.second, box.second, box.second_confidence));
    return [make("h2", {}, say(words.box, box)), make("div", { class: "reading-columns" }, box.status === "blank" ? "" : crop,
      make("div", { class: "guesses" }, guesses, make("p", { class: `chip ${box.status}` }, texts.pages.status[box.status])))];
  }

  /** The same for people who do not see the picture, and to find a field quickly. */
  fieldList() {
    if (this.boxes.length === 0) return "";
    const { field, value, confidence, status } = texts.table.columns;
    const rows = this.page.readings.map((one) => make("tr", { class: one.status },
      make("th", { scope: "row" }, button(one.name || String(one.field), { class: "link", click: () => {
        this.pick(this.boxes.findIndex((box) => box.field === one.field));
        this.scrollTo(this.boxes[this.current]);
        announce(spoken(this.boxes[this.current]));
      } })),
      make("td", { class: "value" }, one.value), make("td", {}, one.status === "blank" ? "" : percent(one.confidence)), make("td", {}, texts.pages.status[one.status])));
    return make("section", { class: "card", "aria-labelledby": "fields-title" }, make("h2", { id: "fields-title" }, words.fields),
      make("div", { class: "field-rows", tabindex: 0, role: "region", "aria-label": words.fieldTable }, make("table", { class: "plain" },
        make("thead", {}, make("tr", {}, [field, value, confidence, status].map((name) => make("th", { scope: "col" }, name)))), make("tbody", {}, rows))));
  }
}

/** How a box was read, for who does not see it. */
function spoken(box) {
  const shown = (digit, confidence) => `${digit}, ${percent(confidence)}`;
  const read = box.status === "blank" ? texts.blank : box.digit === "?" ? words.noDigit : shown(box.digit, box.confidence);
  const second = box.second && shown(box.second, box.second_confidence);
  return say(second ? words.spokenSecond : words.spoken, { box: say(words.box, box), read, second });
}

const rect = ({ x, y, width, height }) => ({ x, y, width, height });

export function likelihood(name, digit, confidence) {
  const meter = make("span", { class: "meter" }, make("span"));
  meter.firstChild.style.width = `${confidence * 100}%`;
  return make("div", { class: "likelihood" }, make("span", { class: "muted" }, name), make("b", {}, digit), meter, make("span", { class: "number" }, percent(confidence)));
}
