// Making elements. File names and readings are untrusted: text is set as text, never as HTML.
import { SVG, byId } from "./parts.js";

/** An element. `attributes` with a function value are listeners; null, undefined and false leave
 *  an attribute out. */
export function make(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function makeSvg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

export function button(text, attributes = {}, ...children) {
  return make("button", { type: "button", ...attributes }, text, ...children);
}

/** Say something to screen readers. */
export function announce(text) {
  byId("live").textContent = text;
}
