// What names of a form's fields must be.
import { say, texts } from "./texts.js";

/** The first name that cannot be kept: its index and what is wrong; null where all can. */
export function firstFault(names) {
  const seen = new Set();
  for (const [at, name] of names.entries()) {
    if (name === "") return { at, text: texts.templates.unnamed };
    if (seen.has(name)) return { at, text: say(texts.templates.twice, { name }) };
    seen.add(name);
  }
  return null;
}
