/** Where the service's page shows the report in a frame, it keeps the answers: it has a `store` with
 *  the methods of `AnswerStore`, `save(csv)` in place of a file, and `texts` for both. null elsewhere. */
const HOST = window.frameElement?.reviewHost ?? null;

/** Where answers are kept: in this browser.
 *
 *  An answer is a short text under the key of its field; `UNSAVED` is a key of its own. */
class AnswerStore {
  constructor(job) {
    this.prefix = `formreader/${job}/`;
    this.buckets = new Map();
    this.storage = null;
    try {
      const storage = window.localStorage;
      storage.setItem(`${this.prefix}probe`, "1");
      storage.removeItem(`${this.prefix}probe`);
      this.storage = storage;
    } catch {
      // Some browsers forbid it for file:// or in private windows: the page then shows a warning.
    }
  }

  /** Whether answers outlive this page. */
  get works() {
    return this.storage !== null;
  }

  /** All answers: a Map of texts by key. */
  async load() {
    const found = new Map();
    for (const name of Object.keys(this.storage ?? {})) {
      if (!name.startsWith(this.prefix)) continue;
      const start = name.slice(this.prefix.length);
      try {
        const bucket = new Map(Object.entries(JSON.parse(this.storage.getItem(name))));
        this.buckets.set(start, bucket);
        for (const [rest, text] of bucket) found.set(start + rest, String(text));
      } catch {
        // Something else wrote there: it is no answer.
      }
    }
    return found;
  }

  /** Keep `text` under `key`; null forgets it. Many keys share an entry of the browser's storage,
   *  which is limited to 5 MB: that is enough for 200,000 fields. */
  save(key, text) {
    const start = key.slice(0, AnswerStore.BUCKET);
    const bucket = this.buckets.get(start) ?? new Map();
    this.buckets.set(start, bucket);
    if (text === null) bucket.delete(key.slice(AnswerStore.BUCKET));
    else bucket.set(key.slice(AnswerStore.BUCKET), text);
    try {
      this.storage?.setItem(this.prefix + start, JSON.stringify(Object.fromEntries(bucket)));
    } catch {
      this.storage = null; // The quota is used up: act as if there were no storage.
    }
  }
}
AnswerStore.BUCKET = 3; // characters of a key that name its entry: 4,096 entries at most
AnswerStore.UNSAVED = "unsaved";
