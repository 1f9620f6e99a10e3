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
