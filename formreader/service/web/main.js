// The start, and which view is shown: the part of the address after # says it.
import { Problem, onSignInNeeded, read, request } from "./api.js";
import { announce, button, make } from "./dom.js";
import { LANGUAGE, byId } from "./parts.js";
import { showProblem } from "./problems.js";
import { askToSignIn } from "./sign_in.js";
import { viewAt } from "./address_model.js";
import { say, texts } from "./texts.js";
import { showDigit } from "./digit_view.js";
import { showHome } from "./home_view.js";
import { showJob } from "./job_view.js";
import { showPage } from "./page_view.js";
import { showReview } from "./review_view.js";
import { showTemplate, showTemplates } from "./templates_view.js";

/** Views by the words of the address that lead to them. */
const ROUTES = [
  [/^$/, (main, _, context) => showHome(main, false, context)],
  [/^learn$/, (main, _, context) => showHome(main, true, context)],
  [/^jobs\/([^/]+)$/, (main, [id], context) => showJob(main, id, "pages", context)],
  [/^jobs\/([^/]+)\/(table|look)$/, (main, [id, part], context) => showJob(main, id, part, context)],
  [/^jobs\/([^/]+)\/pages\/(\d+)$/, (main, [id, n], context) => showPage(main, id, Number(n), context)],
  [/^jobs\/([^/]+)\/review$/, (main, [id], context) => showReview(main, id, context)],
  [/^templates$/, (main, _, context) => showTemplates(main, context)],
  [/^templates\/([^/]+)$/, (main, [name], context) => showTemplate(main, name, context)],
  [/^digit$/, (main, _, context) => showDigit(main, context)],
];

const main = byId("main");
let shown = new AbortController(); // ends what the view before has begun

/** The words of the address. */
function address() {
  return location.hash.replace(/^#\/?/, "");
}

async function show() {
  shown.abort();
  shown = new AbortController();
  const { signal } = shown;
  const where = address();
  document.body.className = "";
  markNavigation(where);
  const [view, words] = viewAt(where, ROUTES) ?? [notFound, []];
  main.replaceChildren(make("p", { class: "muted" }, texts.loading));
  try {
    await view(main, words, { signal, title: setTitle });
  } catch (problem) {
    if (signal.aborted) return;
    if (!(problem instanceof Problem)) console.error(problem);
    main.replaceChildren(make("h1", {}, texts.problem.title));
    showProblem(main, problem, show);
  }
  if (signal.aborted) return;
  window.scrollTo(0, 0);
  const heading = main.querySelector("h1");
  heading?.setAttribute("tabindex", "-1");
  if (show.moved && !main.contains(document.activeElement)) heading?.focus({ preventScroll: true });
  show.moved = true;
}

function setTitle(title) {
  document.title = title === texts.title ? title : `${title} · ${texts.title}`;
}

function notFound(target) {
  target.replaceChildren(make("h1", {}, texts.notFound.title), make("p", {}, texts.notFound.help),
    make("p", {}, make("a", { href: "#/" }, texts.nav.home)));
}

const PARTS = [["", texts.nav.home], ["templates", texts.nav.templates], ["digit", texts.nav.digit]];

function markNavigation(where) {
  const [first] = where.split("/");
  for (const link of document.querySelectorAll("#masthead nav a")) {
    const part = link.getAttribute("href").slice(2);
    const current = part === first || (part === "" && ["jobs", "learn"].includes(first));
    if (current) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

async function fillFrame() {
  document.documentElement.lang = LANGUAGE;
  const skip = byId("skip");
  skip.textContent = texts.skip;
  skip.addEventListener("click", (event) => {
    event.preventDefault(); // the address says which view is shown
    main.focus();
  });
  byId("masthead").append(
    make("a", { href: "#/", class: "brand" }, make("img", { src: "web/icon.svg", alt: "", width: 26, height: 26 }), texts.title),
    make("nav", { "aria-label": texts.navigation }, PARTS.map(([part, name]) => make("a", { href: `#/${part}` }, name))));
  const [about, session] = await Promise.all([read("about"), read("session")]);
  const footer = byId("footer");
  footer.append(make("span", {}, say(texts.footer, about)), make("a", { href: "docs" }, texts.apiDocs));
  if (session.token_needed) {
    footer.append(button(texts.signOut, { class: "link", click: async () => {
      await request("DELETE", "session");
      location.reload();
    } }));
  }
}

onSignInNeeded(askToSignIn);
window.addEventListener("hashchange", show);
// A file dropped beside its place must not replace the page.
for (const kind of ["dragover", "drop"]) window.addEventListener(kind, (event) => event.preventDefault());
fillFrame().catch((problem) => announce(problem.message));
show();
