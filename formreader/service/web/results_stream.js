// Rows of a table that arrives as JSON Lines, read as far as they are shown.

export class ResultsStream {
  /** `reader` is that of a response's body. */
  constructor(reader) {
    this.reader = reader;
    this.decoder = new TextDecoder();
    this.rest = "";
    this.waiting = [];
    this.ended = false;
  }

  /** The next rows, at most `count`, for which `wanted` holds; fewer only at the end. */
  async next(count, wanted = () => true) {
    const rows = [];
    while (rows.length < count) {
      if (this.waiting.length === 0 && !(await this.fetchMore())) break;
      const row = this.waiting.shift();
      if (row !== undefined && wanted(row)) rows.push(row);
    }
    return rows;
  }

  async fetchMore() {
    if (this.ended) return false;
    const { value, done } = await this.reader.read();
    this.rest += done ? this.decoder.decode() : this.decoder.decode(value, { stream: true });
    const lines = this.rest.split("\n");
    this.rest = done ? "" : lines.pop();
    this.ended = done;
    this.waiting.push(...lines.filter((line) => line.trim() !== "").map((line) => flat(JSON.parse(line))));
    return this.waiting.length > 0 || !done;
  }

  /** True where all rows were given. */
  get complete() {
    return this.ended && this.waiting.length === 0;
  }

  close() {
    this.ended = true;
    this.waiting = [];
    this.reader.cancel().catch(() => {});
  }
}

/** A row as columns: that of a page has its values in an object and its fields to look at in a list. */
function flat(row) {
  if (!Array.isArray(row.review)) return row;
  const { values, message, review, ...rest } = row;
  return { ...rest, review: review.join("; "), ...values, message };
}

const PLACE = new Set(["x", "y", "width", "height"]);

/** The columns to show of `rows`; those that are empty everywhere are left out. */
export function columnsOf(rows, { places }) {
  const names = new Set(rows.flatMap((row) => Object.keys(row)));
  if (names.delete("message")) names.add("message"); // the last one, also where forms are mixed
  const used = (name) => rows.some((row) => row[name] !== "" && row[name] !== null && row[name] !== undefined);
  return [...names].filter((name) => (places || !PLACE.has(name)) && used(name));
}

/** Whether a cell of the row has the text; case does not matter. */
export function hasText(row, text) {
  const wanted = text.toLowerCase();
  return wanted === "" || Object.values(row).some((value) => String(value ?? "").toLowerCase().includes(wanted));
}

export function needsReview(row) {
  return row.status === "review" || row.status === "error" || Boolean(row.review);
}
