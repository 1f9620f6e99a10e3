"use strict";

// Shows /openapi.json: each call with its parameters, bodies and answers. Texts are set as text,
// never as markup.

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
  return element("details", "", [head, ...parts]);
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
