// Answers of the review, kept on the server as they are typed.

const QUIET_MS = 300; // of typing, before answers are sent
const RETRY_MS = 4000;

/** The storage that the report's script asks for and tells, backed by the server. `kept` is what
 *  the server has; `send` takes {key: text or null} and throws if it did not arrive. */
export class ServerAnswers {
  constructor(kept, { send, onState = () => {}, timer = (act, milliseconds) => setTimeout(act, milliseconds) }) {
    Object.assign(this, { send, onState, timer });
    this.kept = new Map(Object.entries(kept));
    this.unsent = new Map();
    this.planned = false;
    this.sending = null;
  }

  get works() {
    return true;
  }

  /** All answers: a Map of texts by key. */
  async load() {
    return new Map(this.kept);
  }

  /** Keep a text under a key; null forgets it. */
  save(name, value) {
    if ((this.kept.get(name) ?? null) === value) return;
    if (value === null) this.kept.delete(name);
    else this.kept.set(name, value);
    this.unsent.set(name, value);
    this.onState("saving");
    this.plan(QUIET_MS);
  }

  plan(milliseconds) {
    if (this.planned) return;
    this.planned = true;
    this.timer(() => {
      this.planned = false;
      this.flush().catch(() => {});
    }, milliseconds);
  }

  /** Send what was not sent yet; throws if the server cannot be reached. */
  async flush() {
    while (this.sending) await this.sending.catch(() => {});
    if (this.unsent.size === 0) return;
    const changes = this.unsent;
    this.unsent = new Map();
    this.sending = this.send(Object.fromEntries(changes));
    try {
      await this.sending;
      if (this.unsent.size === 0) this.onState("kept");
    } catch (problem) {
      this.unsent = new Map([...changes, ...this.unsent]); // later answers to the same box win
      this.onState("offline", problem);
      this.plan(RETRY_MS);
      throw problem;
    } finally {
      this.sending = null;
    }
  }

  get waits() {
    return this.unsent.size > 0 || this.sending !== null;
  }
}
