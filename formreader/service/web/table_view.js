// The table of a job, read as far as it is shown.
import { request } from "./api.js";
import { announce, button, make } from "./dom.js";
import { ResultsStream, columnsOf, hasText, needsReview } from "./results_stream.js";
import { percent } from "./parts.js";
import { say, texts } from "./texts.js";

const words = texts.table;
const ROWS_AT_A_TIME = 200;
const SHARES = new Set(["confidence", "second_confidence", "lowest"]);
const SEARCH_MS = 250; // of quiet typing

export async function showTable(target, job, context) {
  const search = make("input", { type: "search", id: "table-search", autocomplete: "off", maxlength: 200, placeholder: words.search, "aria-label": words.search });
  const kinds = Object.entries(words.kinds).filter(([rows]) => rows !== "page" || job.options.template !== "");
  const rows = make("select", { id: "table-rows" }, kinds.map(([value, text]) => make("option", { value }, text)));
  rows.value = kinds.some(([value]) => value === job.options.rows) ? job.options.rows : "field";
  const onlyReview = make("input", { type: "checkbox", id: "table-review" });
  const places = make("input", { type: "checkbox", id: "table-places" });
  const body = make("div");
  const view = { stream: null };
  context.signal.addEventListener("abort", () => view.stream?.close());
  const show = () => begin(body, job, view, { rows: rows.value, onlyReview: onlyReview.checked, places: places.checked, search: search.value.trim() }, context);
  for (const input of [rows, onlyReview, places]) input.addEventListener("change", show);
  let timer = null;
  search.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => show().catch(() => {}), SEARCH_MS);
  });
  target.replaceChildren(make("div", { class: "bar" }, search,
    make("label", { class: "check" }, words.rows, rows), make("label", { class: "check" }, onlyReview, words.onlyReview),
    make("label", { class: "check" }, places, words.places)), body);
  await show();
}

async function begin(body, job, view, wanted, context) {
  view.stream?.close();
  const response = await request("GET", `jobs/${job.id}/results?rows=${wanted.rows}&format=jsonl`, { signal: context.signal });
  const stream = new ResultsStream(response.body.getReader());
  view.stream = stream;
  const rows = [];
  const draw = async () => {
    rows.push(...await stream.next(ROWS_AT_A_TIME, (row) => (!wanted.onlyReview || needsReview(row)) && hasText(row, wanted.search)));
    if (view.stream !== stream) return;
    const told = say(stream.complete ? words.shown : words.first, { n: rows.length });
    announce(told);
    body.replaceChildren(
      rows.length === 0 ? make("p", { class: "muted" }, wanted.search ? words.notFound : wanted.onlyReview ? words.none : words.empty) : table(rows, wanted),
      rows.length === 0 ? "" : make("p", { class: "muted" }, told),
      stream.complete ? "" : button(words.more, { click: draw }));
  };
  await draw();
}

function table(rows, wanted) {
  const columns = columnsOf(rows, wanted);
  return make("div", { class: "table-frame", tabindex: 0, role: "region", "aria-label": words.label },
    make("table", { class: "results" },
      make("thead", {}, make("tr", {}, columns.map((name) => make("th", { scope: "col" }, titleOf(name))))),
      make("tbody", {}, rows.map((row) => make("tr", { class: row.status ?? "" }, columns.map((name) => make("td", { class: name }, shown(name, row[name]))))))));
}

/** What people call a column; those of a form's fields keep their names. */
const titleOf = (name) => words.columns[name] ?? name;

function shown(name, value) {
  if (name === "status") return texts.pages.status[value] ?? value;
  if (value === null || value === undefined || value === "") return "";
  return SHARES.has(name) && typeof value === "number" ? percent(value) : String(value);
}
