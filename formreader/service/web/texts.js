// The words of this page, and numbers, times and sizes as its language writes them.
import { LANGUAGE, counted, say, words } from "./parts.js";

export { number, say } from "./parts.js";

export const texts = { ...words.shared, ...words.service };

const oneDecimal = new Intl.NumberFormat(LANGUAGE, { maximumFractionDigits: 1 });
const dateAndTime = new Intl.DateTimeFormat(LANGUAGE, { dateStyle: "medium", timeStyle: "short" });

export const time = (iso) => dateAndTime.format(new Date(iso));
export const decimal = (n) => oneDecimal.format(n);

/** Bytes as people say them. */
export function size(bytes) {
  if (bytes < 1_000_000) return `${Math.max(1, Math.round(bytes / 1000))} kB`;
  return bytes < 1e9 ? `${decimal(bytes / 1e6)} MB` : `${decimal(bytes / 1e9)} GB`;
}

/** Seconds as people say them. */
export function duration(seconds) {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export const [pages, files, digits, fields] = ["pages", "files", "digits", "fields"].map((what) => (n) => counted(what, n));
