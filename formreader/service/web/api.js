// Calls of the REST interface. Paths are relative, so that the page also works below a prefix.
import { say, texts } from "./texts.js";

export const API = "api/v1";
const SIGN_IN = 401;

/** What was wrong, and what to do: of a problem document (RFC 9457), or of a failed connection. */
export class Problem extends Error {
  constructor(title, detail, status = 0) {
    super(title);
    this.detail = detail;
    this.status = status;
  }

  static offline() {
    return new Problem(texts.problem.offline, texts.problem.offlineHelp);
  }

  /** Of a response whose body is `text`. */
  static of(status, text) {
    try {
      const { title, detail, errors } = JSON.parse(text);
      const listed = (errors ?? []).map((error) => error.detail ?? error.msg ?? "").filter(Boolean);
      return new Problem(title ?? say(texts.problem.unknown, { status }), [detail, ...listed].filter(Boolean).join(" "), status);
    } catch {
      return new Problem(say(texts.problem.unknown, { status }), text.slice(0, 300), status);
    }
  }
}

let askForToken = async () => { throw new Problem(texts.signIn.title, texts.signIn.why, SIGN_IN); };

/** `ask` resolves when the user has signed in; calls that were refused are then made again. */
export function onSignInNeeded(ask) {
  let asking = null; // several refused calls ask once
  askForToken = () => {
    asking ??= ask().finally(() => { asking = null; });
    return asking;
  };
}

/** The response of a call; throws a Problem for any that did not succeed. */
export async function request(method, path, { json, body, type, signal, retry = true } = {}) {
  const headers = json !== undefined ? { "Content-Type": "application/json" } : type ? { "Content-Type": type } : {};
  let response;
  try {
    response = await fetch(`${API}/${path}`, {
      method, headers, signal, body: json !== undefined ? JSON.stringify(json) : body, credentials: "same-origin",
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw Problem.offline();
  }
  if (response.status === SIGN_IN && retry) {
    await askForToken();
    return request(method, path, { json, body, type, signal, retry: false });
  }
  if (!response.ok) throw Problem.of(response.status, await response.text());
  return response;
}

export async function read(path, options) {
  return (await request("GET", path, options)).json();
}

export async function send(method, path, options) {
  const response = await request(method, path, options);
  return response.status === 204 ? null : response.json();
}

/** Send a form and tell how much is sent, which fetch cannot. */
export function upload(path, form, { onProgress, signal }) {
  return new Promise((resolve, reject) => {
    const call = new XMLHttpRequest();
    call.open("POST", `${API}/${path}`);
    call.upload.addEventListener("progress", (event) => onProgress(event.loaded, event.total));
    call.addEventListener("load", () => {
      if (call.status >= 200 && call.status < 300) resolve(JSON.parse(call.responseText));
      else reject(Problem.of(call.status, call.responseText));
    });
    call.addEventListener("error", () => reject(Problem.offline()));
    call.addEventListener("abort", () => reject(new DOMException("", "AbortError")));
    signal?.addEventListener("abort", () => call.abort());
    call.send(form);
  });
}
