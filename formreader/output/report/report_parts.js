// Records and pictures of the fields. They are in parts, inside this page or in files beside it, of
// which few are in memory at a time.
const KEPT_PARTS = 24; // of about 1 MB: those of a wall and of the list of fields

/** What only the shown field needs: its boxes, its place and pictures. `area` is the part of the page
 *  on `jpeg`, in page pixels, and the clockwise quarter turns that brought it upright. */
class FieldDetail {
  constructor([[area, boxes, frame, value, confidence, isCell, source, note], [jpeg, sprite]]) {
    Object.assign(this, { area, frame, value, confidence, source, note, jpeg, sprite });
    this.isCell = isCell === 1;
    this.boxes = boxes.map(([x, y, width, height, guess, confidence, status, second, secondConfidence]) =>
      ({ x, y, width, height, guess, confidence, status, second, secondConfidence }));
  }

  /** Width and height of the upright picture, in page pixels. */
  get size() {
    const [, , width, height, turned] = this.area;
    return turned % 2 ? [height, width] : [width, height];
  }

  /** Where a rectangle of the page is on the upright picture, in page pixels from its top left. */
  onPicture({ x, y, width, height }) {
    const [left, top, areaWidth, areaHeight, turned] = this.area;
    const right = left + areaWidth - x - width;
    const below = top + areaHeight - y - height;
    const [newX, newY] = [[x - left, y - top], [below, x - left], [right, below], [y - top, right]][turned];
    return turned % 2 ? { x: newX, y: newY, width: height, height: width } : { x: newX, y: newY, width, height };
  }

  /** Where the field is on the upright picture. */
  get fieldOnPicture() {
    const [x, y, width, height] = this.frame;
    return this.onPicture({ x, y, width, height });
  }
}

class Parts {
  /** `inside` are the script elements of the parts in the page; without them, the part `n` is the
   *  file part-EDITION-n.js in `folder`. */
  constructor({ edition, folder, nonce }, inside) {
    Object.assign(this, { edition, folder, nonce, inside });
    this.sizes = new Map(); // fields of each part, as the index has them
    this.kept = new Map(); // least recently used first
    this.loading = new Map();
  }

  has(number) {
    if (this.kept.has(number)) return true;
    if (this.folder) return false;
    this.keep(number, JSON.parse(this.inside[number - 1].textContent));
    return true;
  }

  /** The detail of a field whose part is loaded. */
  detail(number, slot) {
    if (!this.has(number)) throw new Error(`unloaded part ${number}`);
    const details = this.kept.get(number);
    this.kept.delete(number);
    this.kept.set(number, details);
    if (!(details[slot] instanceof FieldDetail)) details[slot] = new FieldDetail(details[slot]);
    return details[slot];
  }

  /** Loads a part; what is loaded already costs nothing. */
  load(number) {
    if (this.has(number)) return Promise.resolve();
    if (!this.loading.has(number)) this.loading.set(number, this.fromFile(number));
    return this.loading.get(number);
  }

  fromFile(number) {
    const script = document.createElement("script");
    const name = `part-${this.edition}-${String(number).padStart(4, "0")}.js`;
    return new Promise((resolve, reject) => {
      const fail = () => reject(new Error(say(texts.partMissing, { file: `${this.folder}/${name}` })));
      script.addEventListener("error", fail);
      script.addEventListener("load", () => (this.kept.has(number) ? resolve() : fail()));
      script.nonce = this.nonce;
      script.src = `${encodeURIComponent(this.folder)}/${name}`;
      document.head.append(script);
    }).finally(() => {
      script.remove();
      this.loading.delete(number);
    });
  }

  /** Takes what the script of a part hands over, if that is what the index says of it. */
  take(number, records) {
    try {
      const details = records.map((record) => new FieldDetail(record));
      if (details.length === this.sizes.get(number)) this.keep(number, details);
    } catch { /* it is damaged, and so missing */ }
  }

  keep(number, records) {
    this.kept.set(number, records);
    for (const oldest of this.kept.keys()) {
      if (this.kept.size <= KEPT_PARTS) break;
      this.kept.delete(oldest);
    }
  }
}
