// Deleting: what is deleted disappears from the page at once, and from the server when the time in
// which it can be undone is over, or the page is left.
import { API, send } from "./api.js";
import { announce, button, make } from "./dom.js";
import { byId } from "./parts.js";
import { showProblem } from "./problems.js";
import { texts } from "./texts.js";

const UNDO_MS = 15_000;
const waiting = new Set(); // paths of the calls that are still to be made

/** Whether what this path leads to is deleted, for the person who sees the page. */
export const isDeleted = (path) => waiting.has(path);

const redraw = () => window.dispatchEvent(new Event("hashchange"));

/** Delete what `path` leads to, unless it is undone in time. Views are drawn without it when this
 *  returns; `told` says what is gone. */
export function deleteLater(path, told) {
  waiting.add(path);
  let timer = null;
  const notice = make("div", { class: "notice" }, make("span", {}, told), button(texts.undo, { click: () => {
    end();
    announce(texts.undone);
    redraw();
  } }));
  const end = () => {
    clearTimeout(timer);
    waiting.delete(path);
    notice.remove();
  };
  const start = () => {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      try {
        await send("DELETE", path);
        end();
      } catch (problem) {
        end();
        if (problem.status === 404) return; // somebody else was quicker
        byId("notices").append(notice);
        showProblem(notice, problem);
        redraw();
      }
    }, UNDO_MS);
  };
  // Who is about to press Undo has all the time.
  for (const kind of ["pointerenter", "focusin"]) notice.addEventListener(kind, () => clearTimeout(timer));
  for (const kind of ["pointerleave", "focusout"]) notice.addEventListener(kind, start);
  byId("notices").append(notice);
  announce(told);
  start();
}

window.addEventListener("pagehide", () => {
  for (const path of waiting) fetch(`${API}/${path}`, { method: "DELETE", keepalive: true, credentials: "same-origin" });
  waiting.clear();
});
