"use strict";

// Shows /openapi.json: each call with its parameters, bodies and answers, and a form that makes it.
// Texts are set as text, never as markup.

const METHODS = ["get", "post", "put", "patch", "delete"];

function element(name, text = "", children = []) {
  const made = document.createElement(name);
  made.textContent = text;
  made.append(...children);
  return made;
}

/** The name of a schema, or its type in short. */
function kindOf(schema) {
  if (!schema) return "";
  if (schema.$ref) return schema.$ref.split("/").pop();
  const any = schema.anyOf ?? schema.oneOf;
  if (any) return any.map(kindOf).join(" or ");
  if (schema.enum) return schema.enum.map((one) => JSON.stringify(one)).join(" or ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.type === "array") return `list of ${kindOf(schema.items) || "anything"}`;
  return [schema.type, schema.format].filter(Boolean).join(", ");
}

function limitsOf(schema) {
  const names = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength", "minItems", "maxItems"];
  const told = names.filter((name) => schema?.[name] !== undefined).map((name) => `${name} ${schema[name]}`);
  if (schema?.default !== undefined) told.push(`default ${JSON.stringify(schema.default)}`);
  return told.join(", ");
}

function table(head, rows) {
  const top = element("tr", "", head.map((name) => element("th", name)));
  const lines = rows.map((cells) => element("tr", "", cells.map((cell) => element("td", cell))));
  return element("table", "", [element("thead", "", [top]), element("tbody", "", lines)]);
}

function bodies(title, content) {
  const rows = Object.entries(content ?? {}).map(([kind, one]) => [kind, kindOf(one.schema)]);
  return rows.length > 0 ? [element("h3", title), table(["Media type", "Content"], rows)] : [];
}

function fields(schema) {
  const rows = Object.entries(schema?.properties ?? {}).map(([name, one]) =>
    [schema.required?.includes(name) ? `${name} *` : name, kindOf(one), limitsOf(one), one.description ?? ""]);
  return rows.length > 0 ? [table(["Name", "Type", "Limits", "Meaning"], rows)] : [];
}

function call(path, method, operation) {
  const head = element("summary", "", [element("code", method.toUpperCase()), element("code", path)]);
  head.firstChild.className = "method";
  const parts = [element("p", operation.description ?? operation.summary ?? "")];
  const given = (operation.parameters ?? []).map((one) =>
    [one.required ? `${one.name} *` : one.name, one.in, kindOf(one.schema), limitsOf(one.schema)]);
  if (given.length > 0) parts.push(element("h3", "Parameters"), table(["Name", "In", "Type", "Limits"], given));
  parts.push(...bodies("Body", operation.requestBody?.content));
  for (const one of Object.values(operation.requestBody?.content ?? {})) parts.push(...fields(one.schema));
  for (const [status, answer] of Object.entries(operation.responses ?? {})) {
    parts.push(...bodies(`Answer ${status}`, answer.content));
  }
  const all = element("details", "", [head, ...parts]);
  all.addEventListener("toggle", () => {
    if (all.open && !all.querySelector("form")) all.append(tryForm(path, method, operation));
  });
  return all;
}

const SHOWN_CHARACTERS = 20_000; // of an answer
let inputs = 0;

function labelled(name, input) {
  input.id = `input-${inputs += 1}`;
  const label = element("label", name);
  label.htmlFor = input.id;
  return element("div", "", [label, input]);
}

/** What a value of a schema is typed into. Nothing chosen or typed is nothing sent. */
function inputOf(schema = {}) {
  const one = (schema.anyOf ?? [schema]).find(({ type }) => type !== "null") ?? schema;
  const files = one.format === "binary" || one.items?.format === "binary";
  const choices = one.enum ?? (one.type === "boolean" ? [true, false] : null);
  if (choices) return element("select", "", ["", ...choices].map((choice) => element("option", String(choice))));
  const input = element("input");
  if (files) Object.assign(input, { type: "file", multiple: one.type === "array" });
  return input;
}

/** The parts of a body of a media type, and what they are sent as. */
function bodyInputs(kind, schema) {
  if (kind === "multipart/form-data") {
    const fields = Object.entries(schema.properties ?? {}).map(([name, one]) => [name, inputOf(one)]);
    return { parts: fields.map(([name, input]) => labelled(name, input)), body: () => {
      const form = new FormData();
      for (const [name, input] of fields) {
        if (input.files) for (const file of input.files) form.append(name, file);
        else if (input.value !== "") form.append(name, input.value);
      }
      return form;
    } };
  }
  if (kind === "application/octet-stream") {
    const input = inputOf({ format: "binary" });
    return { parts: [labelled("File", input)], body: () => input.files[0] ?? "" };
  }
  const text = element("textarea", kind === "application/json" ? "{}" : "");
  text.rows = 6;
  return { parts: [labelled(`Body, ${kindOf(schema)}`, text)], body: () => text.value };
}

/** A form that makes a call of this service and shows the answer. */
function tryForm(path, method, operation) {
  const given = (operation.parameters ?? []).map((one) => ({ ...one, input: inputOf(one.schema) }));
  const content = Object.entries(operation.requestBody?.content ?? {});
  const kind = element("select", "", content.map(([name]) => element("option", name)));
  const place = element("div");
  let taken = { parts: [], body: () => undefined };
  const choose = () => {
    if (content.length > 0) taken = bodyInputs(kind.value, content[kind.selectedIndex][1].schema);
    place.replaceChildren(...taken.parts);
  };
  kind.addEventListener("change", choose);
  choose();
  const answer = element("div");
  answer.setAttribute("role", "status");
  const send = element("button", `Send ${method.toUpperCase()}`);
  const form = element("form", "", [element("h3", "Try it"), ...given.map(({ name, input, required }) => labelled(required ? `${name} *` : name, input)),
    ...(content.length > 1 ? [labelled("Media type", kind)] : []), place, send, answer]);
  for (const { input, required } of given) input.required = required === true;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    send.disabled = true;
    try {
      const query = given.filter(({ in: at, input }) => at === "query" && input.value !== "").map(({ name, input }) => [name, input.value]);
      const filled = path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(given.find((one) => one.name === name)?.input.value ?? ""));
      const address = query.length > 0 ? `${filled}?${new URLSearchParams(query)}` : filled;
      const headers = content.length > 0 && kind.value !== "multipart/form-data" ? { "Content-Type": kind.value } : {};
      answer.replaceChildren(element("p", `${method.toUpperCase()} ${address} …`));
      await showAnswer(answer, `${method.toUpperCase()} ${address}`, await fetch(address, { method: method.toUpperCase(), headers, body: taken.body() }));
    } catch (problem) {
      answer.replaceChildren(element("p", `The call was not answered: ${problem.message}`));
    } finally {
      send.disabled = false;
    }
  });
  return form;
}

async function showAnswer(target, call, response) {
  const kind = response.headers.get("content-type") ?? "";
  const content = await response.blob();
  const told = element("p", `${call}: ${response.status} ${response.statusText}${kind && `, ${kind}`}, ${content.size.toLocaleString("en")} bytes`);
  target.replaceChildren(told);
  if (response.status === 401) target.append(element("p", "Sign in on the first page of the service, and send it again."));
  if (content.size === 0) return;
  if (kind.startsWith("image/")) {
    const picture = element("img");
    Object.assign(picture, { src: URL.createObjectURL(content), alt: "The picture of the answer" });
    target.append(picture);
  } else if (/^text\/|json|csv/.test(kind)) {
    const text = await content.text();
    const shown = /json$/.test(kind.split(";")[0]) && !kind.includes("jsonl") ? JSON.stringify(JSON.parse(text), null, 2) : text;
    const body = element("pre", shown.length > SHOWN_CHARACTERS ? `${shown.slice(0, SHOWN_CHARACTERS)}\n…` : shown);
    body.tabIndex = 0;
    target.append(body);
  }
  if (!kind.startsWith("text/html")) {
    const link = element("a", "Save the answer");
    Object.assign(link, { href: URL.createObjectURL(content), download: "answer" });
    target.append(link);
  }
}

async function show() {
  const schema = await (await fetch("/openapi.json")).json();
  const calls = Object.entries(schema.paths).flatMap(([path, operations]) =>
    METHODS.filter((method) => method in operations).map((method) => call(path, method, operations[method])));
  document.getElementById("calls").replaceChildren(...calls);
  document.getElementById("about").append(` Version ${schema.info.version}.`);
  const known = Object.entries(schema.components?.schemas ?? {}).map(([name, one]) =>
    element("details", "", [element("summary", name), element("p", one.description ?? ""), ...fields(one)]));
  document.getElementById("schemas").replaceChildren(...known);
}

show().catch((error) => {
  document.getElementById("calls").textContent = `/openapi.json cannot be shown: ${error.message}`;
});
