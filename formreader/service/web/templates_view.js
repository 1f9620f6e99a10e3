// The templates that the server knows: made from a page, named, deleted.
import { API, Problem, read, send } from "./api.js";
import { deleteLater, isDeleted } from "./deletion.js";
import { announce, button, make, makeSvg } from "./dom.js";
import { clearProblem, showProblem } from "./problems.js";
import { firstFault } from "./template_model.js";
import { fields, say, texts } from "./texts.js";

const words = texts.templates;
const pathOf = (name) => `templates/${encodeURIComponent(name)}`;

export async function showTemplates(main, context) {
  const known = await read("templates", { signal: context.signal });
  if (context.signal.aborted) return;
  context.title(words.title);
  const templates = known.templates.filter(({ name }) => !isDeleted(pathOf(name)));
  main.replaceChildren(make("h1", {}, words.title), make("p", { class: "lead" }, words.intro),
    templates.length ? make("ul", { class: "pages" }, templates.map(card)) : make("p", { class: "muted" }, words.none),
    make("p", { class: "lead" }, make("a", { class: "button", href: "#/learn" }, words.learn), ` ${words.learnWhy}`),
    maker());
}

function card(template) {
  return make("li", { class: "page-card" },
    make("a", { href: `#/${pathOf(template.name)}` },
      make("div", { class: "thumbnail" }, make("img", { src: `${API}/${pathOf(template.name)}/picture`, alt: "", loading: "lazy", width: template.width, height: template.height })),
      make("span", { class: "name" }, template.name), make("span", { class: "muted small" }, fields(template.fields))),
    editorLink(template.name),
    make("a", { href: `${API}/${pathOf(template.name)}/print`, "aria-label": say(words.printOf, template) }, words.print),
    button(words.remove, { class: "quiet", "aria-label": say(words.removeOf, template), click: () => remove(template) }));
}

/** The page on which fields are named, drawn and given rules. */
const editorLink = (name) => make("a", { href: `${API}/${pathOf(name)}/edit`, "aria-label": say(words.editOf, { name }) }, words.edit);

function remove(template) {
  deleteLater(pathOf(template.name), say(words.removed, template));
  window.dispatchEvent(new Event("hashchange"));
}

/** The form that makes a template from a page. */
function maker() {
  const file = make("input", { type: "file", id: "template-file", required: true });
  const name = make("input", { id: "template-name", required: true, maxlength: 200, autocomplete: "off" });
  const go = make("button", { class: "primary" }, words.button);
  const section = make("section", { class: "card", "aria-labelledby": "make-title" }, make("h2", { id: "make-title" }, words.make),
    make("form", { class: "form-grid", submit: async (event) => {
      event.preventDefault();
      clearProblem(section);
      go.disabled = true;
      go.textContent = words.making;
      try {
        const form = new FormData();
        form.append("file", file.files[0], file.files[0].name);
        const made = await send("POST", `templates?name=${encodeURIComponent(name.value.trim())}`, { body: form });
        announce(say(words.made, { name: made.name, fields: fields(made.fields.length) }));
        location.hash = `#/${pathOf(made.name)}`;
      } catch (problem) {
        showProblem(section, problem);
      } finally {
        go.disabled = false;
        go.textContent = words.button;
      }
    } }, make("label", { for: "template-file" }, words.file), file, make("label", { for: "template-name" }, words.name), name,
    make("div", { class: "buttons" }, go)));
  return section;
}

export async function showTemplate(main, name, context) {
  const template = await read(pathOf(name), { signal: context.signal });
  if (context.signal.aborted) return;
  context.title(template.name);
  const marks = template.fields.map((field) => makeSvg("g", {}, placesOf(field).map(([x, y, width, height]) => makeSvg("rect", { x, y, width, height }))));
  const inputs = template.fields.map((field, i) => make("input", { id: `field-${i}`, value: field.name, maxlength: 200, autocomplete: "off",
    "aria-label": say(words.fieldName, { n: i + 1 }), focus: () => marks[i].classList.add("current"), blur: () => marks[i].classList.remove("current") }));
  marks.forEach((mark, i) => mark.addEventListener("click", () => inputs[i].focus()));
  const told = make("p", { role: "status", class: "done-text" });
  const form = make("form", { class: "card names", "aria-labelledby": "names-title", submit: (event) => {
    event.preventDefault();
    saveNames(form, template, inputs, told);
  } }, make("h2", { id: "names-title" }, words.names),
  make("ol", { class: "field-rows" }, inputs.map((input) => make("li", {}, input))),
  make("div", { class: "buttons" }, make("button", { class: "primary" }, texts.save)), told);
  main.replaceChildren(make("p", { class: "crumbs" }, make("a", { href: "#/templates" }, words.all)), make("h1", {}, template.name),
    make("p", {}, editorLink(template.name), ` ${words.editWhy}`),
    make("div", { class: "page-columns" },
      make("div", { class: "page-stage", tabindex: 0, role: "region", "aria-label": say(words.picture, template) }, make("div", { class: "sheet" },
        make("img", { src: `${API}/${pathOf(template.name)}/picture`, alt: "", width: template.width, height: template.height }),
        makeSvg("svg", { viewBox: `0 0 ${template.width} ${template.height}`, "aria-hidden": true, class: "form-fields" }, marks))),
      make("div", { class: "page-side" }, form)));
}

const placesOf = (field) => field.boxes ?? [field.cell];

async function saveNames(form, template, inputs, told) {
  clearProblem(form);
  told.textContent = "";
  const names = inputs.map((input) => input.value.trim());
  const fault = firstFault(names);
  if (fault) {
    inputs[fault.at].focus();
    return showProblem(form, new Problem(fault.text, ""));
  }
  const fields = template.fields.map((field, i) => ({ ...field, name: names[i] }));
  try {
    await send("PUT", pathOf(template.name), { json: { ...template, fields } });
    told.textContent = words.saved;
  } catch (problem) {
    showProblem(form, problem);
  }
}
