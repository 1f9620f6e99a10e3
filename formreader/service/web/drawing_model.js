// A drawn digit: its strokes, and asking about the newest state of it only.

/** Strokes of a pen on a square of side 1. */
export class Drawing {
  constructor() {
    this.strokes = [];
    this.pen = null;
  }

  get isEmpty() {
    return this.strokes.length === 0;
  }

  begin(x, y) {
    this.pen = [[x, y]];
    this.strokes.push(this.pen);
  }

  /** Go on with the stroke; false where the pen is up or hardly moved. */
  extend(x, y) {
    if (this.pen === null) return false;
    const [lastX, lastY] = this.pen.at(-1);
    if (Math.hypot(x - lastX, y - lastY) < 0.004) return false;
    this.pen.push([x, y]);
    return true;
  }

  end() {
    this.pen = null;
  }

  undo() {
    this.pen = null;
    this.strokes.pop();
  }

  clear() {
    this.pen = null;
    this.strokes = [];
  }
}

/** Runs `work` for the newest request only: those that come while it runs are one. */
export class Newest {
  constructor(work) {
    this.work = work;
    this.running = false;
    this.again = false;
  }

  async ask() {
    if (this.running) {
      this.again = true;
      return;
    }
    this.running = true;
    try {
      do {
        this.again = false;
        await this.work();
      } while (this.again);
    } finally {
      this.running = false;
    }
  }
}

/** The ten digits and "no digit" with their probabilities, in that order. */
export function bars(probabilities) {
  return Object.entries(probabilities).sort(([a], [b]) => (a === "none") - (b === "none") || a.localeCompare(b))
    .map(([name, share]) => ({ name, share }));
}
