// The start: files are chosen and sent, and the jobs are listed.
import { Problem, read, upload } from "./api.js";
import { deleteLater, isDeleted } from "./deletion.js";
import { announce, button, make } from "./dom.js";
import { byId } from "./parts.js";
import { isFinished, progressLine, resultLine, share } from "./job_model.js";
import { clearProblem, showProblem } from "./problems.js";
import { duration, files, say, size, texts, time } from "./texts.js";
import { Upload, formatNames, ofDrop, ofInput } from "./upload_model.js";

const words = texts.home;
const SHOWN_FILES = 8; // of those chosen; the others are counted
const JOBS_AT_A_TIME = 20;
const REFRESH_MS = 1500;
const SEARCH_MS = 250; // of quiet typing

/** `learns`: the forms are to be learned from the files that will be chosen. */
export async function showHome(main, learns, context) {
  const [about, { templates }] = await Promise.all([read("about"), read("templates")]);
  if (context.signal.aborted) return;
  context.title(texts.title);
  const jobs = make("div", { class: "jobs" });
  const search = make("input", { type: "search", id: "job-search", autocomplete: "off", maxlength: 200, placeholder: words.search, "aria-label": words.search });
  main.replaceChildren(
    make("h1", {}, words.title), make("p", { class: "lead" }, words.intro),
    uploader(about, templates, learns, context),
    make("section", { "aria-labelledby": "jobs-title" }, make("div", { class: "bar" }, make("h2", { id: "jobs-title" }, words.jobs), search), jobs),
    make("p", { class: "muted" }, make("a", { href: "#/digit" }, words.tourDigit)));
  let listing = new AbortController();
  let timer = null;
  const list = () => {
    listing.abort();
    listing = new AbortController();
    const { signal } = listing;
    listJobs(jobs, search.value.trim(), signal).catch((problem) => {
      if (!signal.aborted) showProblem(jobs, problem, list);
    });
  };
  search.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(list, SEARCH_MS);
  });
  context.signal.addEventListener("abort", () => {
    clearTimeout(timer);
    listing.abort();
  });
  list();
}

function uploader(about, templates, learns, context) {
  const chosen = new Upload();
  const formats = say(words.formats, { formats: formatNames(about.suffixes).join(", ") });
  const list = make("div", { class: "chosen", "aria-live": "polite" });
  const options = optionInputs(about, templates, learns);
  const section = make("section", { class: "card uploader", "aria-label": words.title });
  const show = () => showChosen(list, chosen, about, options, section, show, context);
  const add = async (found) => {
    clearProblem(section);
    const count = chosen.add(await found);
    if (chosen.files.length === 0) return showProblem(section, new Problem(words.nothing, formats));
    announce(say(words.added, { files: files(count) }));
    show();
  };
  const zone = make("div", { class: "drop" }, make("p", { class: "drop-title" }, words.drop), make("p", { class: "muted" }, words.or),
    make("div", { class: "buttons" },
      picker(words.chooseFiles, { multiple: true, accept: about.suffixes.join(",") }, add, "primary"),
      picker(words.chooseFolder, { webkitdirectory: true, multiple: true }, add, "wide-only"),
      picker(words.takePhoto, { accept: "image/*", capture: "environment" }, add, "photo")),
    make("p", { class: "muted small" }, formats));
  listenToDrops(section, add);
  section.append(zone, list);
  return section;
}

/** A button that opens a file input. */
function picker(text, attributes, add, kind = "") {
  const input = make("input", { type: "file", hidden: true, "aria-label": text, tabindex: -1, ...attributes });
  input.addEventListener("change", () => {
    const found = ofInput(input.files);
    input.value = "";
    if (found.length > 0) add(found);
  });
  return make("span", { class: kind === "wide-only" ? kind : "" }, button(text, { class: kind, click: () => input.click() }), input);
}

function listenToDrops(section, add) {
  let depth = 0; // entering a child comes before leaving its parent
  const mark = () => section.classList.toggle("dropping", depth > 0);
  section.addEventListener("dragenter", () => { depth += 1; mark(); });
  section.addEventListener("dragleave", () => { depth -= 1; mark(); });
  section.addEventListener("drop", (event) => {
    event.preventDefault();
    depth = 0;
    mark();
    add(ofDrop(event.dataTransfer));
  });
}

/** A choice of the form that pages are read as. */
export function formChoice(templates, chosen, id) {
  const known = [["", words.noTemplate], ["auto", words.learnedForms], ...(templates.length > 1 ? [["*", words.anyTemplate]] : []),
    ...templates.map(({ name }) => [name, name])];
  const select = make("select", { id }, known.map(([value, text]) => make("option", { value }, text)));
  select.value = known.some(([value]) => value === chosen) ? chosen : "";
  return select;
}

/** With forms, a row of the table is a form. */
export const rowsOf = (template) => (template ? "page" : "field");

function optionInputs(about, templates, learns) {
  const name = make("input", { id: "job-name", maxlength: 200, autocomplete: "off", "aria-describedby": "job-name-hint" });
  const template = formChoice(templates, learns ? "auto" : about.default_template, "job-template");
  const threshold = make("input", { id: "job-threshold", type: "number", min: 0, max: 1, step: "any", value: about.review_below, required: true });
  const element = make("div", {},
    make("div", { class: "form-grid" }, make("label", { for: "job-template" }, words.template),
      make("div", {}, template, make("p", { class: "muted small" }, words.templateHint))),
    make("details", { class: "options" }, make("summary", {}, words.options),
      make("div", { class: "form-grid" },
        make("label", { for: "job-name" }, words.name), make("div", {}, name, make("p", { id: "job-name-hint", class: "muted small" }, words.nameHint)),
        make("label", { for: "job-threshold" }, words.threshold), threshold)));
  const values = () => ({ name: name.value.trim(), template: template.value, rows: rowsOf(template.value), review_below: threshold.value });
  return { element, values };
}

function showChosen(list, chosen, about, options, section, show, context) {
  if (chosen.files.length === 0) return list.replaceChildren();
  const tooLarge = chosen.bytes > about.max_upload_bytes;
  const rest = chosen.files.length - SHOWN_FILES;
  const start = button(say(words.read, { files: files(chosen.files.length) }), { class: "primary large", disabled: tooLarge, click: () => sendFiles(list, chosen, options, section, show, context) });
  list.replaceChildren(
    make("h2", {}, words.chosen, " ", make("span", { class: "muted" }, say(words.summary, { files: files(chosen.files.length), size: size(chosen.bytes) }))),
    make("ul", { class: "files" }, chosen.files.slice(0, SHOWN_FILES).map(({ file, path }) => make("li", {},
      make("span", { class: "name" }, path), make("span", { class: "muted" }, size(file.size)),
      button("✕", { class: "quiet", "aria-label": say(words.remove, { name: path }), click: () => { chosen.remove(path); show(); start.focus(); } }))),
      rest > 0 ? make("li", { class: "muted" }, say(words.more, { files: files(rest) })) : null),
    chosen.empty ? make("p", { class: "muted" }, say(words.empty, { files: files(chosen.empty) })) : "",
    tooLarge ? make("p", { class: "banner warning" }, say(words.tooLarge, { size: size(about.max_upload_bytes) })) : "",
    options.element,
    make("div", { class: "buttons" }, start, button(words.clear, { click: () => { chosen.clear(); show(); } })));
  start.focus({ preventScroll: true });
  start.scrollIntoView({ block: "nearest" });
}

async function sendFiles(list, chosen, options, section, show, context) {
  clearProblem(section);
  const meter = make("progress", { max: chosen.bytes, value: 0, "aria-label": words.uploading });
  const told = make("p", { class: "muted" }, words.uploading);
  const stop = new AbortController();
  context.signal.addEventListener("abort", () => stop.abort());
  list.replaceChildren(meter, told, make("div", { class: "buttons" }, button(texts.cancel, { click: () => stop.abort() })));
  try {
    const job = await upload("jobs", chosen.form(options.values()), {
      signal: stop.signal,
      onProgress: (done, total) => {
        meter.max = total;
        meter.value = done;
        told.textContent = say(words.uploaded, { done: size(done), total: size(total) });
      },
    });
    location.hash = `#/jobs/${job.id}`;
  } catch (problem) {
    if (context.signal.aborted) return;
    show(); // the files stay chosen
    if (problem.name !== "AbortError") showProblem(section, problem);
  }
}

async function listJobs(target, search, signal) {
  let limit = JOBS_AT_A_TIME;
  let before = "";
  for (;;) {
    const found = await read(`jobs?${new URLSearchParams({ limit, search })}`, { signal });
    const jobs = found.jobs.filter(({ id }) => !isDeleted(pathOf(id)));
    const total = found.total - (found.jobs.length - jobs.length);
    const now = JSON.stringify([jobs, total]);
    if (now !== before) { // a list that changes under the focus is drawn only when it must be
      before = now;
      drawKeepingFocus(target, [
        jobs.length ? make("ul", { class: "job-list" }, jobs.map(jobRow)) : make("p", { class: "muted" }, search ? words.notFound : words.noJobs),
        total > jobs.length ? button(words.moreJobs, { id: "more-jobs", click: () => { limit += JOBS_AT_A_TIME; } }) : ""]);
    }
    if (jobs.every(isFinished) && jobs.length >= Math.min(limit, total)) return;
    await new Promise((resolve) => { setTimeout(resolve, REFRESH_MS); });
    if (signal.aborted) return;
  }
}

const pathOf = (id) => `jobs/${id}`;

function drawKeepingFocus(target, children) {
  const focused = target.contains(document.activeElement) ? document.activeElement.id : "";
  target.replaceChildren(...children);
  if (focused) byId(focused)?.focus();
}

function jobRow(job) {
  const done = share(job);
  const running = job.state === "running" || job.state === "queued";
  const took = job.started && job.finished ? (new Date(job.finished) - new Date(job.started)) / 1000 : null;
  return make("li", {},
    make("a", { href: `#/jobs/${job.id}`, id: `job-${job.id}` }, job.name),
    make("span", { class: `chip ${job.state}` }, texts.job.states[job.state]),
    make("span", { class: "muted what" }, running ? progressLine(job) : resultLine(job)),
    running && done !== null ? make("progress", { max: 1, value: done, "aria-label": texts.job.progressLabel }) : "",
    make("span", { class: "muted small when" }, [time(job.created), files(job.files), took === null ? "" : duration(took)].filter(Boolean).join(" · ")),
    button(texts.job.remove, { class: "quiet", "aria-label": say(texts.job.removeOf, job), id: `delete-${job.id}`, click: () => removeJob(job) }));
}

/** Delete a job, unless it is undone, and show the jobs that are left. */
export function removeJob(job) {
  deleteLater(pathOf(job.id), say(texts.job.removed, job));
  const search = byId("job-search");
  if (search === null) location.hash = "#/";
  search?.dispatchEvent(new Event("input"));
  search?.focus();
}
