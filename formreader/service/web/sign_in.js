// The dialog for the token of a server that needs one. The server then knows the browser by a
// cookie that scripts cannot read.
import { request } from "./api.js";
import { make } from "./dom.js";
import { texts } from "./texts.js";

/** Resolves when the user has signed in. */
export function askToSignIn() {
  return new Promise((resolve) => {
    const input = make("input", { type: "password", id: "token", autocomplete: "current-password", required: true, autofocus: true, "aria-describedby": "token-wrong" });
    const wrong = make("p", { id: "token-wrong", class: "failed-text", role: "alert" });
    const enter = async (event) => {
      event.preventDefault();
      try {
        await request("POST", "session", { json: { token: input.value.trim() }, retry: false });
      } catch (problem) {
        wrong.textContent = problem.status === 401 || problem.status === 403 ? texts.signIn.wrong : `${problem.message}. ${problem.detail}`;
        input.select();
        return;
      }
      dialog.close();
      dialog.remove();
      resolve();
    };
    const dialog = make("dialog", { "aria-labelledby": "sign-in-title", cancel: (event) => event.preventDefault() },
      make("h2", { id: "sign-in-title" }, texts.signIn.title), make("p", {}, texts.signIn.why),
      make("form", { submit: enter },
        make("input", { autocomplete: "username", value: texts.title, hidden: true }), // for password managers
        make("label", { for: "token" }, texts.signIn.label), input, wrong,
        make("div", { class: "buttons" }, make("button", { class: "primary" }, texts.signIn.button))));
    document.body.append(dialog);
    dialog.showModal();
  });
}
