"use strict";

// What the report, the editor of templates and the service's page share. The service's page imports
// it; the others begin with it, without the word "export". Names and readings are untrusted: text is
// set as text, never as HTML.
export const SVG = "http://www.w3.org/2000/svg";

export const byId = (id) => document.getElementById(id);

export function element(tag, className = "", text = "") {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}

export function drawn(tag, attributes, text = "") {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.textContent = text;
  return made;
}

export const rectangle = ([x, y, width, height], kind = "") => drawn("rect", { x, y, width, height, class: kind });

// All that people read is in words.*.json: a page has the languages that it may be shown in.
const LANGUAGES = JSON.parse(byId("words").textContent);
const KNOWN = Object.keys(LANGUAGES);

/** The first language of the browser that the page has; else English, or the only one. */
export const LANGUAGE = (globalThis.navigator?.languages ?? []).map((tag) => tag.split("-")[0])
  .find((tag) => KNOWN.includes(tag)) ?? (KNOWN.includes("en") ? "en" : KNOWN[0]);

export const words = LANGUAGES[LANGUAGE];

const NUMBERS = new Intl.NumberFormat(LANGUAGE, { useGrouping: "min2" }); // page 2500, but 25,000 digits
const PLURALS = new Intl.PluralRules(LANGUAGE);

export const number = (n) => NUMBERS.format(n);

/** A text with names and numbers in its {places}; its `n` chooses among the forms of a text. */
export function say(text, values = {}) {
  const form = typeof text === "string" ? text : text[PLURALS.select(values.n)] ?? text.other;
  return form.replace(/\{(\w+)\}/g, (place, name) => (typeof values[name] === "number" ? number(values[name]) : values[name] ?? place));
}

export const counted = (what, n) => say(words.shared.counts[what], { n });

/** Write a text into an element: [Enter] is a key, `text` is code. */
export function put(place, text) {
  const part = (one) => (one[0] === "[" ? element("kbd", "", one.slice(1, -1)) : one[0] === "`" ? element("code", "", one.slice(1, -1)) : one);
  place.replaceChildren(...text.split(/(\[[^\]]+\]|\x60[^\x60]+\x60)/).filter(Boolean).map(part));
}

/** Write the words of a page: data-text names those of an element, data-label those for who does not see it. */
export function putWords(texts) {
  document.documentElement.lang = LANGUAGE;
  const named = (path) => path.split(".").reduce((found, name) => found[name], { ...words.shared, ...texts });
  for (const one of document.querySelectorAll("[data-text]")) put(one, named(one.dataset.text));
  for (const one of document.querySelectorAll("[data-label]")) one.setAttribute(one.localName === "img" ? "alt" : "aria-label", named(one.dataset.label));
}

/** The name of the pressed key, as that of KeyboardEvent.key, letters in lower case. "Ctrl+", also
 *  for the Command key, comes before it, and "Shift+" where Shift does not change what is written. */
export function keyName(event) {
  const control = event.ctrlKey || event.metaKey;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  return `${control ? "Ctrl+" : ""}${event.shiftKey && (key.length > 1 || control) ? "Shift+" : ""}${key}`;
}

/** Whole percent, rounded down as `whole_percent` in table.py does: never "100 %" for less than
 *  certainty, nor "0 %" for a chance. */
export function percent(confidence) {
  const hundredths = Math.round(confidence * 10_000); // the results have four decimals
  return hundredths > 0 && hundredths < 100 ? "< 1 %" : `${Math.floor(hundredths / 100)} %`;
}

/** What a field's crops need as background, so that crop `i` of `n` shows. */
export function cropPosition(i, n) {
  return { size: `${100 * n}% 100%`, position: n > 1 ? `${(100 * i) / (n - 1)}% 0` : "0 0" };
}
