// The review: the report as it is, with its answers kept on the server.
import { API, read, send } from "./api.js";
import { ServerAnswers } from "./answers_model.js";
import { make } from "./dom.js";
import { showProblem } from "./problems.js";
import { texts } from "./texts.js";

const words = texts.review;

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
  }

  /** Put the answers into the table; true when they are there. */
  async save(csv) {
    this.outcome.textContent = words.applying;
    try {
      await this.store.flush();
      const done = await send("POST", `jobs/${this.id}/corrections?replace=true`, { body: csv, type: "text/csv" });
      this.outcome.textContent = words.done(done.stored, done.review);
      return true;
    } catch (problem) {
      this.outcome.textContent = "";
      showProblem(this.main, problem);
      return false;
    }
  }
}
