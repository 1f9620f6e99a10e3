// The review: the report as it is, with its answers kept on the server.
import { API, Problem, read, request, send } from "./api.js";
import { ServerAnswers } from "./answers_model.js";
import { make } from "./dom.js";
import { showProblem } from "./problems.js";
import { digits, say, texts } from "./texts.js";

const words = texts.review;

const PAGE_WIDTH = 3200; // pixels of a whole page: A4 at 390 dpi, more than a screen shows

export async function showReview(main, id, context) {
  const [job, { answers }] = await Promise.all([read(`jobs/${id}`), read(`jobs/${id}/answers`)]);
  if (context.signal.aborted) return;
  context.title(`${words.title}: ${job.name}`);
  const state = make("span", { class: "muted", role: "status" });
  const outcome = make("strong", { class: "outcome", role: "status" });
  const frame = make("iframe", { title: words.frame, class: "review-frame" });
  const kept = new ServerAnswers(answers, {
    send: (changes) => send("PATCH", `jobs/${id}/answers`, { json: { answers: changes } }),
    onState: (now, problem) => {
      state.textContent = words[now] ?? "";
      state.classList.toggle("failed-text", now === "offline");
      if (problem && problem.status !== 0) showProblem(main, problem);
    },
  });
  frame.reviewHost = new ReviewHost(id, kept, outcome, main);
  frame.src = `${API}/jobs/${id}/report`;
  frame.addEventListener("load", () => frame.contentWindow.focus());
  document.body.className = "full";
  main.replaceChildren(make("div", { class: "bar review-bar" },
    make("a", { class: "button", href: `#/jobs/${id}` }, `← ${words.back}`), make("h1", { class: "visually-hidden" }, `${words.title}: ${job.name}`), outcome, state), frame);
  state.textContent = words.kept;
  const leave = (event) => { if (kept.waits) event.preventDefault(); };
  window.addEventListener("beforeunload", leave);
  context.signal.addEventListener("abort", () => {
    window.removeEventListener("beforeunload", leave);
    kept.flush().catch(() => {});
  });
}

/** What the report's script finds in its frame, in place of the browser's storage and a file. */
class ReviewHost {
  constructor(id, store, outcome, main) {
    Object.assign(this, { id, store, outcome, main, texts: words.inReport });
    this.shown = { key: "", picture: null };
  }

  /** A whole page: the address of its picture, and its size in pixels; the last one is kept. */
  async page(file, page) {
    const key = `${page} ${file}`;
    if (this.shown.key !== key) {
      const picture = await this.draw(file, page);
      if (this.shown.picture) URL.revokeObjectURL(this.shown.picture.address);
      this.shown = { key, picture };
    }
    return this.shown.picture;
  }

  async draw(file, page) {
    const { pages } = await read(`jobs/${this.id}/pages?${new URLSearchParams({ file, page, limit: 1 })}`);
    if (pages.length === 0) throw new Problem(words.noPage, "");
    const answer = await request("GET", `jobs/${this.id}/pages/${pages[0].n}/picture?width=${PAGE_WIDTH}`);
    const size = ["x-page-width", "x-page-height"].map((name) => Number(answer.headers.get(name)));
    return { address: URL.createObjectURL(await answer.blob()), size };
  }

  /** Put the answers into the table; true when they are there. */
  async save(csv) {
    this.outcome.textContent = words.applying;
    try {
      await this.store.flush();
      const done = await send("POST", `jobs/${this.id}/corrections?replace=true`, { body: csv, type: "text/csv" });
      this.outcome.textContent = done.stored ? say(words.done, { n: done.stored, left: done.review ? digits(done.review) : words.nothing }) : words.known;
      return true;
    } catch (problem) {
      this.outcome.textContent = "";
      showProblem(this.main, problem);
      return false;
    }
  }
}
