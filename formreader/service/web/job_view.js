// One job: its progress, then its counts, pages, table and downloads.
import { API, read, send } from "./api.js";
import { announce, button, make } from "./dom.js";
import { formChoice, removeJob, rowsOf } from "./home_view.js";
import { JobFeed, isFinished, progressLine, resultLine, share } from "./job_model.js";
import { showPages } from "./pages_view.js";
import { showProblem } from "./problems.js";
import { showTable } from "./table_view.js";
import { digits, files, number, say, size, texts, time } from "./texts.js";

const words = texts.job;

export async function showJob(main, id, part, context) {
  const job = await read(`jobs/${id}`, { signal: context.signal });
  if (context.signal.aborted) return;
  context.title(job.name);
  if (isFinished(job)) return showFinished(main, job, part, context);
  const seen = showProgress(main, job);
  const feed = new JobFeed(id, {
    onJob: (now) => {
      if (!isFinished(now)) return seen(now);
      announce(say(words.ready, now));
      showFinished(main, now, part, context).catch((problem) => showProblem(main, problem));
    },
    onGone: () => main.replaceChildren(make("h1", {}, words.gone), make("p", {}, words.goneHelp)),
    onProblem: (problem) => showProblem(main, problem),
  }, {
    EventSource: window.EventSource, path: (call) => `${API}/${call}`, read,
    sleep: (milliseconds) => new Promise((resolve) => { setTimeout(resolve, milliseconds); }),
  });
  context.signal.addEventListener("abort", () => feed.stop());
}

function heading(job) {
  return make("div", { class: "job-head" },
    make("h1", {}, job.name), make("span", { class: `chip ${job.state}` }, words.states[job.state]),
    make("p", { class: "muted small" }, [say(words.created, { when: time(job.created) }), files(job.files), size(job.bytes), readAs(job.options.template),
      job.carried ? say(words.carried, { n: job.carried }) : "", job.not_carried ? say(words.notCarried, { n: job.not_carried }) : "",
      job.skipped ? say(words.skipped, { files: files(job.skipped) }) : "", job.watched ? words.watched : "",
      job.expires ? say(words.expires, { when: time(job.expires) }) : ""].filter(Boolean).join(" · ")));
}

const readAs = (form) => form && say(words.readAs[form in words.readAs && form !== "form" ? form : "form"], { form });

/** Draw a job under way; returns the function that shows its next state. */
function showProgress(main, job) {
  const meter = make("progress", { max: 1, "aria-label": words.progressLabel });
  const line = make("p", { class: "progress-line" });
  const chip = () => main.querySelector(".job-head .chip");
  main.replaceChildren(heading(job),
    make("section", { class: "card" }, meter, line,
      make("div", { class: "buttons" }, button(words.remove, { click: () => removeJob(job) }))));
  const show = (now) => {
    const done = share(now);
    if (done === null) meter.removeAttribute("value");
    else meter.value = done;
    line.textContent = progressLine(now);
    chip().textContent = words.states[now.state];
    chip().className = `chip ${now.state}`;
  };
  show(job);
  return show;
}

async function showFinished(main, job, part, context) {
  const [{ formats }, { templates }] = await Promise.all([read("about"), read("templates")]);
  if (job.state === "failed") {
    main.replaceChildren(heading(job), make("div", { class: "banner failed" },
      make("strong", {}, job.problem?.title ?? words.states.failed), job.problem?.detail ? make("p", {}, job.problem.detail) : null),
    make("div", { class: "buttons actions" }, again(main, job, templates), button(words.remove, { click: () => removeJob(job) })));
    return;
  }
  const place = make("section", { "aria-label": words.tabs[part === "table" ? "table" : "pages"] });
  main.replaceChildren(heading(job), figures(job), actions(main, job, formats, templates), tabs(job, part), place);
  if (part === "table") await showTable(place, job, context);
  else await showPages(place, job, part === "look", context);
}

function figures(job) {
  const shown = Object.entries(texts.figures).filter(([name]) => job.counts[name] || (name in job.counts && !["checked", "failed", "blank"].includes(name)));
  return make("dl", { class: "figures" }, shown.map(([name, title]) => {
    const kind = name !== "review" || job.counts.review > 0 ? name : "done";
    return make("div", { class: `figure is-${kind}` }, make("dt", {}, title), make("dd", {}, number(job.counts[name])));
  }));
}

function actions(main, job, formats, templates) {
  const { review } = job.counts;
  const { rows, template } = job.options;
  return make("div", { class: "buttons actions" },
    review ? make("a", { class: "button primary", href: `#/jobs/${job.id}/review` }, say(words.review, { digits: digits(review) })) : make("span", { class: "chip done" }, resultLine(job)),
    formats.includes("xlsx") ? make("a", { class: "button", href: tablePath(job, rows, "xlsx"), download: "", id: "download-excel" }, words.excel) : "",
    downloads(job, formats),
    again(main, job, templates),
    template === "auto" ? button(words.keepForms, { id: "keep-forms", click: () => keepForms(main, job) }) : "",
    button(words.remove, { "aria-label": say(words.removeOf, job), id: "delete-job", click: () => removeJob(job) }));
}

const tablePath = (job, rows, format) => `${API}/jobs/${job.id}/results?rows=${rows}&format=${format}&download=true`;

/** Make the forms that the job has learned templates of the server, to be named. */
async function keepForms(main, job) {
  try {
    const { templates } = await send("POST", `jobs/${job.id}/templates`);
    announce(say(words.kept, { n: templates.length }));
    location.hash = "#/templates";
  } catch (problem) {
    showProblem(main, problem);
  }
}

/** A menu that reads the same files as another form: a new job. */
function again(main, job, templates) {
  const form = formChoice(templates, job.options.template || templates[0]?.name || "auto", "again-template");
  const read = async () => {
    try {
      const made = await send("POST", `jobs/${job.id}/again`, { json: { template: form.value, rows: rowsOf(form.value) } });
      location.hash = `#/jobs/${made.id}`;
    } catch (problem) {
      showProblem(main, problem);
    }
  };
  return menuOf(words.again, "again", make("p", {}, words.againWhy), make("label", { class: "check" }, texts.home.template, form),
    button(words.againGo, { class: "primary", id: "again-go", click: read }));
}

/** A menu of all formats, for each kind of rows. */
function downloads(job, known) {
  const formats = Object.entries(words.formats).filter(([format]) => known.includes(format));
  const kinds = Object.entries(words.downloadRows).filter(([rows]) => rows !== "page" || job.options.template !== "");
  return menuOf(words.download, "downloads", ...kinds.map(([rows, title]) => make("div", {},
      make("p", { id: `rows-${rows}` }, title),
      make("ul", { "aria-labelledby": `rows-${rows}` }, formats.map(([format, name]) => make("li", {},
        make("a", { href: tablePath(job, rows, format), download: "", id: `download-${rows}-${format}` }, name)))))),
  make("p", {}, make("a", { href: `${API}/jobs/${job.id}/report`, download: "results.html" }, words.report)));
}

/** A button that opens what it is for below it; Escape and a click elsewhere close it. */
function menuOf(title, id, ...items) {
  const menu = make("details", { class: "menu", id }, make("summary", { class: "button" }, title), make("div", { class: "menu-items" }, items));
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
  const outside = (event) => { if (!menu.contains(event.target)) menu.open = false; };
  menu.addEventListener("toggle", () => {
    if (menu.open) document.addEventListener("pointerdown", outside);
    else document.removeEventListener("pointerdown", outside);
  });
  menu.addEventListener("focusout", (event) => {
    if (event.relatedTarget && !menu.contains(event.relatedTarget)) menu.open = false;
  });
  return menu;
}

function tabs(job, part) {
  const links = [["pages", ""], ["table", "/table"]];
  return make("nav", { class: "tabs", "aria-label": words.sections }, links.map(([name, path]) => make("a", {
    href: `#/jobs/${job.id}${path}`, "aria-current": (part === "table") === (name === "table") ? "page" : null,
  }, words.tabs[name])));
}
