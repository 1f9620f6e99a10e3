// What went wrong, and what to do about it, as a message on the page.
import { announce, button, make } from "./dom.js";
import { texts } from "./texts.js";

/** Show a problem at the end of `target`; `retry` is offered as a button. It replaces the one
 *  that was there. */
export function showProblem(target, problem, retry = null) {
  clearProblem(target);
  const box = make("div", { class: "banner failed problem" },
    make("strong", {}, problem.message || texts.problem.title),
    problem.detail ? make("p", {}, problem.detail) : null,
    make("div", { class: "buttons" },
      retry ? button(texts.problem.retry, { click: () => { box.remove(); retry(); } }) : null,
      button(texts.problem.close, { click: () => box.remove() })));
  target.append(box);
  announce(`${problem.message}. ${problem.detail ?? ""}`);
  box.scrollIntoView({ block: "nearest" });
}

export function clearProblem(target) {
  target.querySelector(":scope > .problem")?.remove();
}
