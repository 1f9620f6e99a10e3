// Thumbnails of a job's pages, with the boxes that were found.
import { API, read } from "./api.js";
import { button, make, makeSvg } from "./dom.js";
import { fields, say, texts } from "./texts.js";

const words = texts.pages;
const PAGES_AT_A_TIME = 48;
const THUMBNAIL_WIDTH = 400; // pixels, for screens with two pixels a point

export async function showPages(target, job, onlyLook, context) {
  const list = make("ul", { class: "pages" });
  const more = make("div", { class: "buttons" });
  const { needing } = await drawMore(list, more, job, onlyLook, 0, context);
  if (context.signal.aborted) return;
  const filter = make("nav", { class: "filter", "aria-label": words.show },
    [["", words.all, !onlyLook], ["/look", words.look, onlyLook]].map(([path, text, current]) =>
      make("a", { href: `#/jobs/${job.id}${path}`, "aria-current": current ? "true" : null }, text)));
  target.replaceChildren(filter, onlyLook && needing === 0 ? make("p", { class: "muted" }, words.none) : list, more);
}

async function drawMore(list, more, job, onlyLook, offset, context) {
  let needing = 0;
  let at = offset;
  let total = Infinity;
  while (at < total && needing < PAGES_AT_A_TIME) { // pages to look at may be far apart
    const found = await read(`jobs/${job.id}/pages?offset=${at}&limit=${PAGES_AT_A_TIME}`, { signal: context.signal });
    const pages = found.pages.filter((page) => !onlyLook || page.status === "review" || page.status === "error" || page.message);
    list.append(...pages.map((page) => card(page, job, context)));
    needing += pages.length;
    total = found.total;
    at += PAGES_AT_A_TIME;
  }
  more.replaceChildren(at < total ? button(words.more, { click: () => drawMore(list, more, job, onlyLook, at, context) }) : "");
  return { needing };
}

function card(page, job, context) {
  const name = say(words.name, page);
  const figures = page.review ? say(words.toReview, { fields: fields(page.fields), n: page.review }) : fields(page.fields);
  const picture = make("div", { class: "thumbnail" });
  const link = make("a", { href: `#/jobs/${job.id}/pages/${page.n}`, "aria-label": `${name}: ${page.message || figures}` },
    picture, make("span", { class: "name" }, page.file), make("span", { class: "muted small" }, say(words.short, { page: page.page, figures })));
  if (page.message) link.append(make("span", { class: `small ${page.status === "error" ? "failed-text" : "review-text"}` }, page.message));
  whenSeen(picture, () => fillThumbnail(picture, page, job, context).catch(() => picture.replaceChildren(words.noPicture)), context);
  return make("li", { class: `page-card ${page.status}` }, link);
}

/** Call `act` when the element comes into view; a job may have thousands of pages. */
function whenSeen(element, act, context) {
  const observer = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    observer.disconnect();
    act();
  }, { rootMargin: "300px" });
  observer.observe(element);
  context.signal.addEventListener("abort", () => observer.disconnect());
}

async function fillThumbnail(target, page, job, context) {
  const detail = await read(`jobs/${job.id}/pages/${page.n}`, { signal: context.signal });
  if (!detail.width) return void target.replaceChildren(words.noPicture);
  const image = make("img", { src: `${API}/jobs/${job.id}/pages/${page.n}/picture?width=${THUMBNAIL_WIDTH}`, alt: "", width: detail.width, height: detail.height });
  target.replaceChildren(image, outlines(detail));
}

/** The fields of a page as rectangles in their status' colour. */
function outlines(page) {
  const boxes = page.readings.flatMap((field) => field.digits.filter((digit) => digit.status !== "blank" || !field.cell));
  return makeSvg("svg", { viewBox: `0 0 ${page.width} ${page.height}`, "aria-hidden": true }, boxes.map(({ place, status }) =>
    makeSvg("rect", { x: place.x, y: place.y, width: place.width, height: place.height, class: status })));
}
